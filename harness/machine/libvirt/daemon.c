// SPDX-License-Identifier: GPL-2.0-only
#include "machine/libvirt/daemon.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
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
#define DEV_KVM "/dev/kvm"
#define LIBVIRTD "/usr/sbin/libvirtd"
#define LOCKS "/run/lock" /* of ports that libvirt opens; an init makes it, and there may be none */

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
	/* under path_run(); NULL: in the cache, as QEMU's capabilities are slow to probe */
	const char *mine;
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

/*
 * Of one that is stopped the queue may be full (EAGAIN): it is there, and connecting would wait for
 * it without an end.
 */
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
	if (!getuid() && mkdir_p(LOCKS))
		return fail(OUT_BROKEN, "can't make " LOCKS ": %s", strerror(errno));
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

/* ---- the process ---- */

static void bind_folders(struct strv *argv)
{
	_cleanup_free_ char *cache = cache_folder();

	for (size_t i = 0; i < ARRAY_SIZE(binds); i++) {
		strv_add(argv, "--bind");
		strv_addf(argv, "%s/%s", binds[i].mine ? path_run() : cache, binds[i].mine ? binds[i].mine : "");
		strv_add(argv, binds[i].system);
	}
}

/*
 * A read-only file in its place: writing is refused even to root, so libvirt finds "no KVM" at
 * every look and keeps what it once learnt of QEMU. (A bound /dev/null looks usable, and each call
 * probed QEMU again: 2 s.)
 */
static void hide_dev_kvm(struct strv *argv)
{
	strv_add(argv, "--ro-bind");
	strv_addf(argv, "%s/libvirtd.conf", path_run());
	strv_add(argv, DEV_KVM);
}

/* All as it is outside, but for these; and it lives on when we end. */
static void add_namespace(struct strv *argv, bool hide_kvm)
{
	static const char *const whole[] = { "bwrap", "--dev-bind", "/", "/" };

	for (size_t i = 0; i < ARRAY_SIZE(whole); i++)
		strv_add(argv, whole[i]);
	if (!getuid())
		bind_folders(argv);
	if (hide_kvm)
		hide_dev_kvm(argv);
}

static void add_libvirtd(struct strv *argv)
{
	strv_add(argv, path_exists(LIBVIRTD) ? LIBVIRTD : "libvirtd"); /* a user's PATH may not have it */
}

/* Would it start? What bwrap says when it would not is the reason. */
static int try(bool hide_kvm)
{
	_cleanup_strv_ struct strv argv = { 0 };
	_cleanup_free_ char *log = in_run("libvirtd.out");
	struct proc p = { .what = "the private libvirtd's namespace", .log_path = log };

	unlink(log);
	add_namespace(&argv, hide_kvm);
	add_libvirtd(&argv);
	strv_add(&argv, "--version");
	p.argv = argv.v;
	return proc_check(&p);
}

/*
 * Where the kernel forbids user namespaces, a user's daemon goes on without hiding /dev/kvm; he has
 * nothing else to put in place.
 */
static int make_command(bool hide_kvm, struct strv *argv)
{
	bool hide = hide_kvm && path_exists(DEV_KVM);
	int ret = !getuid() || hide ? try(hide) : 0;

	if (ret && (!getuid() || proc_interrupted()))
		return ret;
	if (!ret && (!getuid() || hide))
		add_namespace(argv, hide);
	if (ret)
		fail_clear();
	add_libvirtd(argv);
	strv_add(argv, "--config");
	strv_addf(argv, "%s/libvirtd.conf", path_run());
	strv_add(argv, "--pid-file");
	strv_addf(argv, "%s/libvirtd.pid", path_run());
	return 0;
}

static void set_xdg(void)
{
	_cleanup_free_ char *runtime = in_run("xdg"), *config = in_run("config");
	_cleanup_free_ char *cache = cache_folder();

	setenv("XDG_RUNTIME_DIR", runtime, 1);
	setenv("XDG_CONFIG_HOME", config, 1);
	setenv("XDG_CACHE_HOME", cache, 1);
}

/*
 * The parent of the daemon, and of each QEMU that it leaves to itself: one that has ended is a
 * zombie until its parent looks, and libvirt waits for its end. Where that was PID 1 of a
 * container, which looks now and then, the end of a lab and each saving took a second longer. It
 * ends with the last of them, and has no file of ours open.
 */
static void become_reaper(void)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (!fork())
		return;
	prctl(PR_SET_NAME, "nestlab-reaper");
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		close(fd);
	while (wait(NULL) > 0 || errno == EINTR)
		;
	_exit(0);
}

static void become_daemon(char *const *argv, int log)
{
	setsid();
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	proc_close_fds();
	become_reaper();
	if (getuid())
		set_xdg();
	execvp(argv[0], argv);
	_exit(127);
}

/* It outlives us (lab-up); until then it is our child, whose end is seen at once. */
static pid_t launch(char *const *argv)
{
	_cleanup_free_ char *out = in_run("libvirtd.out");
	_cleanup_close_ int log = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	pid_t pid = fork();

	if (!pid)
		become_daemon(argv, log);
	return pid;
}

static char *last_line(const char *file)
{
	_cleanup_free_ char *path = in_run(file);
	_cleanup_buf_ struct buf b = { 0 };
	char *text, *nl;

	if (file_read(path, &b) || !b.len)
		return NULL;
	text = str_strip(b.data);
	nl = strrchr(text, '\n');
	return xstrdup(nl ? nl + 1 : text);
}

static int ended(void)
{
	_cleanup_free_ char *out = last_line("libvirtd.out"), *log = last_line("libvirtd.log");

	return fail(OUT_BROKEN, "the private libvirtd ended at its start: %s (all of it: %s/libvirtd.out and libvirtd.log)",
		    out ? out : log ? log : "it said nothing", path_run());
}

static int wait_for_socket(pid_t pid, unsigned int slowdown)
{
	unsigned int ms = START_DEADLINE_MS * slowdown;
	uint64_t deadline = now_ns() + ms * NSEC_PER_MSEC;

	while (!daemon_running()) {
		if (proc_interrupted())
			return fail(OUT_INTERRUPTED, "interrupted");
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return ended();
		if (now_ns() > deadline)
			return fail(OUT_BROKEN,
				    "the private libvirtd did not answer within %u s; %s/libvirtd.out and libvirtd.log say why",
				    ms / 1000, path_run());
		poll(NULL, 0, 20);
	}
	return 0;
}

int daemon_start(bool hide_kvm, unsigned int slowdown, char **uri)
{
	_cleanup_strv_ struct strv argv = { 0 };
	pid_t pid;
	int ret;

	*uri = daemon_uri();
	ret = make_run_dir();
	if (ret || daemon_running())
		return ret;
	ret = make_folders();
	if (!ret)
		ret = write_confs();
	if (!ret)
		ret = make_command(hide_kvm, &argv);
	if (ret)
		return ret;
	pid = launch(argv.v);
	if (pid < 0)
		return fail(OUT_BROKEN, "can't start libvirtd: %s", strerror(errno));
	return wait_for_socket(pid, slowdown);
}

/* It has no command line of its own: it works in our run folder. */
static bool is_keeper(const char *pid)
{
	_cleanup_free_ char *comm = strf("/proc/%s/comm", pid), *cwd = strf("/proc/%s/cwd", pid);
	_cleanup_buf_ struct buf name = { 0 };
	char folder[PATH_MAX];
	ssize_t n;

	if (file_read(comm, &name) || strcmp(buf_str(&name), KEEPER_NAME "\n") != 0)
		return false;
	n = readlink(cwd, folder, sizeof(folder) - 1);
	folder[n > 0 ? n : 0] = '\0';
	return !strcmp(folder, path_run());
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
	if (qemu || libvirtd || bochs)
		return memmem(b.data, b.len, mark, strlen(mark));
	return is_keeper(pid);
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

	if (!n)
		return 0; /* as nearly always: each look is one at all processes */
	signal_ours(SIGCONT); /* one that was stopped must run to end */
	for (int waited = 0; waited < SWEEP_GRACE_MS && signal_ours(0); waited += 20)
		poll(NULL, 0, 20);
	signal_ours(SIGKILL);
	return n;
}
