// SPDX-License-Identifier: GPL-2.0-only
#include "agent-level.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent-loop.h"

/* The file's first line; "" when it can't be read. */
static const char *first_line(const char *path, char *line, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, line, size - 1);

	if (fd >= 0)
		close(fd);
	line[n > 0 ? n : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return line;
}

/* How many CPUs a list like "0-2,5" names. */
static unsigned int count_list(const char *list)
{
	unsigned int n = 0;

	while (*list) {
		char *end;
		unsigned long a = strtoul(list, &end, 10), b = a;

		if (end == list)
			break;
		if (*end == '-')
			b = strtoul(end + 1, &end, 10);
		n += b >= a ? (unsigned int)(b - a + 1) : 0;
		list = *end == ',' ? end + 1 : end;
	}
	return n;
}

/*
 * The C libraries answer with the CPUs that this process may use, not with those that are online.
 */
static unsigned int cpus_online(void)
{
	char list[256];
	unsigned int n =
		count_list(first_line("/sys/devices/system/cpu/online", list, sizeof(list)));
	long conf = sysconf(_SC_NPROCESSORS_ONLN);

	return n ? n : conf > 0 ? (unsigned int)conf : 1;
}

void level_describe(struct proto_ready *r)
{
	static char kernel[2 * sizeof(((struct utsname *)0)->release)], boot_id[64];
	struct utsname u;

	uname(&u);
	snprintf(kernel, sizeof(kernel), "%s %s", u.release, u.version);
	r->kernel = kernel;
	r->boot_id = first_line("/proc/sys/kernel/random/boot_id", boot_id, sizeof(boot_id));
	r->cpus = cpus_online();
}

const char *level_option(const char *name)
{
	static char line[4096];
	size_t len = strlen(name);
	const char *found = NULL;
	char *save = NULL;

	first_line("/proc/cmdline", line, sizeof(line));
	for (char *w = strtok_r(line, " ", &save); w; w = strtok_r(NULL, " ", &save))
		if (!strncmp(w, name, len) && w[len] == '=')
			found = w + len + 1;
	return found ? strdup(found) : NULL;
}

/* ---- PID 1 ---- */

static const struct {
	const char *type, *where, *options;
	bool quiet; /* a kernel may well be built without it */
} mounts[] = {
	{ "proc", "/proc", NULL, false },
	{ "sysfs", "/sys", NULL, false },
	{ "devtmpfs", "/dev", "mode=0755", false },
	{ "devpts", "/dev/pts", "mode=0620,ptmxmode=0666", true },
	{ "tmpfs", "/dev/shm", "mode=1777", true },
	{ "tmpfs", "/tmp", "mode=1777", true },
	{ "tmpfs", "/run", "mode=0755", true },
	{ "tracefs", "/sys/kernel/tracing", NULL, true },
	{ "debugfs", "/sys/kernel/debug", NULL, true },
};

static void mount_all(void)
{
	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		mkdir(mounts[i].where, 0755);
		/*
		 * EBUSY: an initramfs or the kernel has mounted it already
		 * (CONFIG_DEVTMPFS_MOUNT).
		 */
		if (mount(mounts[i].type, mounts[i].where, mounts[i].type, 0, mounts[i].options) &&
		    errno != EBUSY && !mounts[i].quiet)
			say("can't mount %s: %s", mounts[i].where, strerror(errno));
	}
}

#define NEW_ROOT "/new"

static void carry(const char *what, unsigned long how)
{
	char to[64];

	snprintf(to, sizeof(to), NEW_ROOT "%s", what);
	mkdir(to, 0755);
	if (mount(what, to, NULL, how, NULL) && errno != ENOENT)
		say("can't take %s along to the new root: %s", what, strerror(errno));
}

/*
 * nestlab.root=DEVICE: from the initramfs to the root on this disk, with all that is mounted, and
 * with the files that the boot medium brought.
 */
static void change_root(const char *device)
{
	static const char *const mounted[] = { "/proc", "/sys", "/dev", "/run", "/tmp" };

	mkdir(NEW_ROOT, 0755);
	if (mount(device, NEW_ROOT, "ext4", MS_NOATIME, NULL)) {
		say("can't mount %s as the root: %s", device, strerror(errno));
		return;
	}
	for (size_t i = 0; i < sizeof(mounted) / sizeof(mounted[0]); i++)
		carry(mounted[i], MS_MOVE);
	carry(PROTO_MEDIUM, MS_BIND);
	if (chdir(NEW_ROOT) || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/"))
		say("can't change to the root on %s: %s", device, strerror(errno));
}

/* The kernel could not open /dev/console for init when the initramfs has none: devtmpfs has. */
static void open_console(void)
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY);

	if (fd < 0)
		return;
	for (int i = 0; i < 3; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
}

static void reap_until(pid_t agent)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, 0)) != agent)
		if (pid < 0 && errno != EINTR)
			return;
	say("ended (%s %d), is started again", WIFSIGNALED(status) ? "signal" : "status",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

void level_init(void)
{
	const struct timespec pause = { .tv_nsec = 200 * MSEC };
	const char *root;

	if (getpid() != 1)
		return;
	mount_all();
	root = level_option("nestlab.root");
	if (root)
		change_root(root);
	open_console();
	reboot(RB_DISABLE_CAD);
	for (;;) {
		pid_t agent = fork();

		if (!agent)
			return;
		if (agent > 0)
			reap_until(agent);
		nanosleep(&pause, NULL); /* an agent that dies at once must not keep the CPU busy */
	}
}
