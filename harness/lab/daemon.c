// SPDX-License-Identifier: GPL-2.0-only
#include "lab/daemon.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "core/util.h"

#define START_DEADLINE_MS 20000
#define SWEEP_GRACE_MS 5000

/* keepalive off: a busy emulated level answers late, and libvirt would drop the connection. */
static const char libvirtd_conf[] = "keepalive_interval = -1\n"
				    "auth_unix_ro = \"none\"\n"
				    "auth_unix_rw = \"none\"\n"
				    "log_filters = \"3:util 3:qemu\"\n"
				    "log_outputs = \"2:file:%s/libvirtd.log\"\n"
				    "unix_sock_dir = \"%s/sock\"\n";

/* No systemd, no cgroups, no virtlogd and no other user are taken for granted. */
static const char qemu_conf[] = "stdio_handler = \"file\"\n"
				"security_driver = \"none\"\n"
				"namespaces = []\n"
				"cgroup_controllers = []\n"
				"remember_owner = 0\n"
				"max_core = 0\n"
				"%s";
static const char qemu_conf_root[] = "user = \"root\"\ngroup = \"root\"\ndynamic_ownership = 0\n";

/* Where root's libvirtd keeps things, and what lies there instead in its namespace. */
static const struct {
	const char *mine; /* under path_run(); NULL: in the cache, as QEMU's capabilities are slow to probe */
	const char *system;
} binds[] = {
	{ "etc", "/etc/libvirt" },
	{ "lib", "/var/lib/libvirt" },
	{ "log", "/var/log/libvirt" },
	{ "run", "/run/libvirt" },
	{ NULL, "/var/cache/libvirt" },
};

bool daemon_is_private(void)
{
	const char *set = getenv("LIBVIRT_DEFAULT_URI");

	return !set || !*set;
}

static char *in_run(const char *name)
{
	return strf("%s/%s", path_run(), name);
}

char *daemon_uri(void)
{
	if (!daemon_is_private())
		return xstrdup(getenv("LIBVIRT_DEFAULT_URI"));
	return strf("qemu+unix:///%s?socket=%s/sock/libvirt-sock", getuid() ? "session" : "system",
		    path_run());
}

/* Of one that is stopped the queue may be full (EAGAIN): it is there, and connecting would wait for it without an end. */
static bool can_connect(const char *path)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	if (fd < 0 || strlen(path) >= sizeof(a.sun_path))
		return false;
	memcpy(a.sun_path, path, strlen(path));
	return !connect(fd, (struct sockaddr *)&a, sizeof(a)) || errno == EAGAIN;
}

bool daemon_running(void)
{
	_cleanup_free_ char *sock = in_run("sock/libvirt-sock");

	return !daemon_is_private() || can_connect(sock);
}

/* The run folder is under a shared /tmp perhaps: it must be ours alone. */
static int make_run_dir(void)
{
	struct stat st;

	if (mkdir_p(path_run()) || chmod(path_run(), 0700) || lstat(path_run(), &st))
		return fail(OUT_BROKEN, "can't make the lab's folder %s: %s", path_run(),
			    strerror(errno));
	if (!S_ISDIR(st.st_mode) || st.st_uid != getuid())
		return fail(OUT_BROKEN, "%s is not a folder of ours; remove it and try again",
			    path_run());
	return 0;
}

static char *cache_folder(void)
{
	return path_in_cache("libvirt-%s", getuid() ? "session" : "system");
}

static int make_folders(void)
{
	static const char *const folders[] = { "etc", "lib", "log", "run", "sock", "xdg",
					       "config/libvirt" };
	_cleanup_free_ char *cache = cache_folder(), *logs = in_run("log");

	rm_rf(logs); /* of daemons before: QEMU's grows with every start */
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		_cleanup_free_ char *path = in_run(folders[i]);

		if (mkdir_p(path))
			return fail(OUT_BROKEN, "can't make %s: %s", path, strerror(errno));
	}
	if (mkdir_p(cache))
		return fail(OUT_BROKEN, "can't make %s: %s", cache, strerror(errno));
	return 0;
}

static int write_confs(void)
{
	_cleanup_free_ char *daemon = strf(libvirtd_conf, path_run(), path_run());
	_cleanup_free_ char *qemu = strf(qemu_conf, getuid() ? "" : qemu_conf_root);
	_cleanup_free_ char *daemon_path = in_run("libvirtd.conf");
	_cleanup_free_ char *qemu_path =
		in_run(getuid() ? "config/libvirt/qemu.conf" : "etc/qemu.conf");

	if (file_write(daemon_path, daemon, strlen(daemon), 0600) ||
	    file_write(qemu_path, qemu, strlen(qemu), 0600))
		return fail(OUT_BROKEN, "can't write the private libvirtd's configuration in %s",
			    path_run());
	return 0;
}

static int write_text(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
	size_t len = strlen(text);

	return fd >= 0 && write(fd, text, len) == (ssize_t)len ? 0 : -1;
}

/* An ordinary user gets a mount namespace through a user namespace that maps him to himself. */
static int enter_namespace(void)
{
	_cleanup_free_ char *uid = strf("%u %u 1", getuid(), getuid());
	_cleanup_free_ char *gid = strf("%u %u 1", getgid(), getgid());

	if (!getuid())
		return unshare(CLONE_NEWNS);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return -1;
	return write_text("/proc/self/setgroups", "deny") || write_text("/proc/self/uid_map", uid) ||
	       write_text("/proc/self/gid_map", gid);
}

static int bind_folders(void)
{
	_cleanup_free_ char *cache = cache_folder();

	for (size_t i = 0; i < ARRAY_SIZE(binds); i++) {
		_cleanup_free_ char *mine =
			binds[i].mine ? in_run(binds[i].mine) : xstrdup(cache);

		if (mkdir_p(binds[i].system) || mount(mine, binds[i].system, NULL, MS_BIND, NULL))
			return -1;
	}
	return 0;
}

/*
 * A read-only file in its place: writing is refused even to root, so libvirt finds "no KVM" at every look and keeps
 * what it once learnt of QEMU. (A bound /dev/null looks usable, and each call probed QEMU again: 2 s.)
 */
static int hide_dev_kvm(void)
{
	_cleanup_free_ char *conf = in_run("libvirtd.conf");

	if (!path_exists("/dev/kvm"))
		return 0;
	return mount(conf, "/dev/kvm", NULL, MS_BIND, NULL) ||
	       mount(NULL, "/dev/kvm", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL);
}

static void set_xdg(void)
{
	_cleanup_free_ char *runtime = in_run("xdg"), *config = in_run("config");
	_cleanup_free_ char *cache = cache_folder();

	setenv("XDG_RUNTIME_DIR", runtime, 1);
	setenv("XDG_CONFIG_HOME", config, 1);
	setenv("XDG_CACHE_HOME", cache, 1);
}

/* In the daemon's process. Where the kernel forbids user namespaces, a user's daemon goes on without hiding /dev/kvm. */
static void become_daemon(bool hide_kvm)
{
	_cleanup_free_ char *conf = in_run("libvirtd.conf"), *pid = in_run("libvirtd.pid");
	char *const argv[] = { (char *)"libvirtd", (char *)"--config", conf, (char *)"--pid-file",
			       pid, NULL };
	bool inside = !enter_namespace();

	if (!inside && !getuid())
		_exit(126);
	if (inside && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		_exit(126);
	if (!getuid() && bind_folders())
		_exit(126);
	if (inside && hide_kvm && hide_dev_kvm())
		_exit(126);
	if (getuid())
		set_xdg();
	execvp(argv[0], argv);
	execv("/usr/sbin/libvirtd", argv);
	_exit(127);
}

/* Twice forked: the daemon outlives us (lab-up) and is no child that we would have to reap. */
static pid_t launch(bool hide_kvm)
{
	_cleanup_free_ char *out = in_run("libvirtd.out");
	int log = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	pid_t pid = fork();

	if (pid) {
		close_p(&log);
		if (pid > 0)
			waitpid(pid, NULL, 0);
		return pid;
	}
	setsid();
	if (fork())
		_exit(0);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	proc_close_fds();
	become_daemon(hide_kvm);
	_exit(127);
}

static int wait_for_socket(void)
{
	uint64_t deadline = now_ns() + START_DEADLINE_MS * NSEC_PER_MSEC;

	while (!daemon_running()) {
		if (proc_interrupted())
			return fail(OUT_INTERRUPTED, "interrupted");
		if (now_ns() > deadline)
			return fail(OUT_BROKEN,
				    "the private libvirtd did not answer within %d s; %s/libvirtd.out and libvirtd.log say why (is the package libvirt-daemon installed?)",
				    START_DEADLINE_MS / 1000, path_run());
		poll(NULL, 0, 20);
	}
	return 0;
}

int daemon_start(bool hide_kvm, char **uri)
{
	int ret;

	*uri = daemon_uri();
	ret = make_run_dir();
	if (ret || daemon_running())
		return ret;
	ret = make_folders();
	if (!ret)
		ret = write_confs();
	if (ret)
		return ret;
	if (launch(hide_kvm) < 0)
		return fail(OUT_BROKEN, "can't start libvirtd: %s", strerror(errno));
	return wait_for_socket();
}

/* Does this process work out of our run folder? Its command line then names a file there. */
static bool is_ours(const char *pid)
{
	_cleanup_free_ char *path = strf("/proc/%s/cmdline", pid);
	_cleanup_free_ char *mark = in_run("");
	_cleanup_buf_ struct buf b = { 0 };
	bool qemu, libvirtd, bochs;

	if (file_read(path, &b) || !b.len)
		return false;
	qemu = strstr(b.data, "qemu-system") != NULL;
	libvirtd = str_ends(b.data, "libvirtd");
	bochs = str_ends(b.data, "bochs-bin");
	return (qemu || libvirtd || bochs) && memmem(b.data, b.len, mark, strlen(mark));
}

static unsigned int signal_ours(int sig)
{
	unsigned int n = 0;
	DIR *d = opendir("/proc");
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (isdigit((unsigned char)e->d_name[0]) && is_ours(e->d_name)) {
			kill(atoi(e->d_name), sig);
			n++;
		}
	if (d)
		closedir(d);
	return n;
}

unsigned int daemon_sweep(void)
{
	unsigned int n = signal_ours(SIGTERM);

	signal_ours(SIGCONT); /* one that was stopped must run to end */
	for (int waited = 0; waited < SWEEP_GRACE_MS && signal_ours(0); waited += 20)
		poll(NULL, 0, 20);
	signal_ours(SIGKILL);
	return n;
}
