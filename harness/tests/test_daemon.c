// SPDX-License-Identifier: GPL-2.0-only
/*
 * The private libvirtd for real, in a run folder and a cache of its own: started, stopped by a
 * signal, ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/util.h"
#include "machine/level.h"
#include "machine/libvirt/daemon.h"
#include "machine/loop.h"

#include <cmocka.h>

static char top[] = "/tmp/nestlab-daemon-XXXXXX";

static pid_t daemon_pid(void)
{
	_cleanup_free_ char *path = strf("%s/libvirtd.pid", path_run());
	_cleanup_buf_ struct buf b = { 0 };

	assert_int_equal(file_read(path, &b), 0);
	return atoi(buf_str(&b));
}

/* Not a zombie, which has no command line. */
static bool runs(pid_t pid)
{
	_cleanup_free_ char *path = strf("/proc/%d/cmdline", (int)pid);
	_cleanup_buf_ struct buf b = { 0 };

	return !file_read(path, &b) && b.len;
}

static double since(uint64_t start)
{
	return (double)(now_ns() - start) / 1e9;
}

#define INHERITABLE 200

/* With a descriptor that our caller left open for us. */
static int start(void **state)
{
	_cleanup_free_ char *uri = NULL;
	int ret;

	(void)state;
	dup2(STDIN_FILENO, INHERITABLE);
	ret = daemon_start(true, 1, &uri);
	close(INHERITABLE);
	if (ret)
		print_error("%s\n", fail_text());
	return ret;
}

static int sweep(void **state)
{
	(void)state;
	daemon_sweep();
	return 0;
}

static void connect_to(struct level *l)
{
	_cleanup_free_ char *uri = daemon_uri();

	level_init(l, 1, NULL, 1);
	if (level_connect(l, uri))
		fail_msg("%s", fail_text());
}

static void test_ends(void **state)
{
	pid_t pid = daemon_pid();
	struct level l;

	(void)state;
	connect_to(&l);
	assert_int_equal(level_end(&l, "no-such-domain"), 0);
	level_detach(&l);
	assert_true(daemon_running());
	assert_true(runs(pid));
	assert_true(daemon_sweep() >= 1);
	assert_false(runs(pid));
	assert_false(daemon_running());
}

/* As it sees them. */
static char *seen(const char *path)
{
	return strf("/proc/%d/root%s", (int)daemon_pid(), path);
}

/*
 * Its own folders in place of the system's, a read-only file in place of /dev/kvm, and all that
 * QEMU needs: it is no prison.
 */
static void test_namespace(void **state)
{
	_cleanup_free_ char *conf = seen("/etc/libvirt/qemu.conf"), *kvm = seen("/dev/kvm"), *here = seen(path_run());
	_cleanup_buf_ struct buf text = { 0 };
	struct stat st;
	int fd;

	(void)state;
	assert_true(path_exists(here));
	if (!getuid()) {
		assert_int_equal(file_read(conf, &text), 0);
		assert_non_null(strstr(buf_str(&text), "stdio_handler = \"file\""));
	}
	if (!path_exists("/dev/kvm") || stat(kvm, &st) || !S_ISREG(st.st_mode))
		skip(); /* there is none, or it can't be hidden from a user's daemon here */
	fd = open(kvm, O_RDWR | O_CLOEXEC);
	assert_true(fd < 0);
	assert_int_equal(errno, EROFS);
}

static void test_descriptors(void **state)
{
	_cleanup_free_ char *leaked = strf("/proc/%d/fd/%d", (int)daemon_pid(), INHERITABLE);
	_cleanup_free_ char *out = strf("/proc/%d/fd/1", (int)daemon_pid());

	(void)state;
	assert_true(path_exists(out));
	assert_false(path_exists(leaked));
}

/* Its parent, or bwrap's, which is that: 0 where there is none. */
static pid_t reaper_pid(void)
{
	for (pid_t pid = daemon_pid(); pid > 1;) {
		_cleanup_free_ char *comm = strf("/proc/%d/comm", (int)pid), *status = strf("/proc/%d/status", (int)pid);
		_cleanup_buf_ struct buf name = { 0 }, text = { 0 };
		const char *parent;

		if (file_read(comm, &name) || file_read(status, &text))
			return 0;
		if (!strcmp(buf_str(&name), "nestlab-reaper\n"))
			return pid;
		parent = strstr(buf_str(&text), "\nPPid:");
		pid = parent ? atoi(parent + strlen("\nPPid:")) : 0;
	}
	return 0;
}

/* What takes the daemon's orphans holds no file of ours, and ends with the daemon. */
static void test_reaper(void **state)
{
	pid_t pid = reaper_pid();
	_cleanup_free_ char *files = strf("/proc/%d/fd", (int)pid);
	_cleanup_strv_ struct strv open = { 0 };

	(void)state;
	assert_true(pid > 1 && pid != getpid());
	assert_int_equal(dir_list(files, NULL, &open), 0);
	assert_int_equal(open.n, 0);
	/* A child that it forked and that is no other program yet is one, too. */
	assert_true(daemon_sweep() >= 1);
	for (int waited = 0; waited < 5000 && runs(pid); waited += 20)
		poll(NULL, 0, 20);
	assert_false(runs(pid));
}

/* Not after the deadline, which is 20 s at least: told at once, by what it said. */
static void test_ends_at_start(void **state)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	_cleanup_free_ char *path = strf("%s/libvirtd.pid", path_run()), *uri = NULL;
	_cleanup_close_ int fd = -1;
	uint64_t at = now_ns();

	(void)state;
	assert_int_equal(mkdir_p(path_run()), 0);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(fcntl(fd, F_SETLK, &all), 0); /* as if another one had it */
	assert_int_equal(daemon_start(true, 6, &uri), -OUT_BROKEN);
	assert_non_null(strstr(fail_text(), "ended at its start: "));
	assert_non_null(strstr(fail_text(), "pid"));
	assert_true(since(at) < 10);
}

/*
 * It accepts connections and never answers: closing one was a call that never returned. What failed
 * before stays told.
 */
static void test_stopped(void **state)
{
	unsigned long qemu, libvirt;
	pid_t pid = daemon_pid();
	uint64_t at;
	struct level l;

	(void)state;
	connect_to(&l);
	assert_true(level_versions(&l, &qemu, &libvirt));
	assert_true(libvirt >= 1000000);
	kill(pid, SIGSTOP);
	at = now_ns();
	assert_true(daemon_running());
	(fail)(OUT_CRASH, "what went wrong");
	assert_false(level_versions(&l, &qemu, &libvirt));
	level_destroy(&l);
	assert_true(since(at) < 8);
	assert_string_equal(fail_text(), "what went wrong");
	assert_int_equal(fail_outcome(), OUT_CRASH);
	at = now_ns();
	assert_int_equal(daemon_sweep(), 1);
	assert_true(since(at) < 4);
	assert_false(runs(pid));
}

/* Not L1's kernel, which can't answer through it. */
static void test_stopped_told(void **state)
{
	const struct level *silent;
	struct level l;

	(void)state;
	connect_to(&l);
	kill(daemon_pid(), SIGSTOP);
	assert_int_equal(level_diagnose(&l, &l, &silent), -OUT_BROKEN);
	assert_null(silent);
	assert_non_null(strstr(fail_text(), "libvirt that carries L1 does not answer"));
	level_destroy(&l);
}

/* The guard's way out, which must end, too. */
static void test_stopped_cut(void **state)
{
	uint64_t at;
	struct level l;

	(void)state;
	connect_to(&l);
	kill(daemon_pid(), SIGSTOP);
	at = now_ns();
	level_cut_domain(&l, "nestlab-L1");
	assert_true(since(at) < 8);
	at = now_ns();
	level_detach(&l);
	assert_true(since(at) < 1); /* it was hung up on */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ends, start, sweep),
		cmocka_unit_test_setup_teardown(test_namespace, start, sweep),
		cmocka_unit_test_setup_teardown(test_descriptors, start, sweep),
		cmocka_unit_test_setup_teardown(test_reaper, start, sweep),
		cmocka_unit_test_teardown(test_ends_at_start, sweep),
		cmocka_unit_test_setup_teardown(test_stopped, start, sweep),
		cmocka_unit_test_setup_teardown(test_stopped_told, start, sweep),
		cmocka_unit_test_setup_teardown(test_stopped_cut, start, sweep),
	};
	_cleanup_free_ char *run = NULL, *cache = NULL;
	int ret;

	unsetenv("LIBVIRT_DEFAULT_URI");
	if (!mkdtemp(top))
		return 1;
	run = strf("%s/run", top);
	cache = strf("%s/cache", top);
	setenv("NESTLAB_RUN", run, 1);
	setenv("NESTLAB_CACHE", cache, 1);
	loop_init();
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	rm_rf(top);
	return ret;
}
