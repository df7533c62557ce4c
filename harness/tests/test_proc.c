// SPDX-License-Identifier: GPL-2.0-only
/* What a child gets from us, and what not. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/proc.h"

#include <cmocka.h>

static char *const list_fds[] = { (char *)"sh", (char *)"-c", (char *)"cat; cd /proc/self/fd; echo *", NULL };

/*
 * As a caller leaves it open: a lock, make's jobserver, a CI's pipe. The three that a child is
 * given work.
 */
static void test_fds(void **state)
{
	int fd = fcntl(STDIN_FILENO, F_DUPFD, 200);
	_cleanup_buf_ struct buf out = { 0 };
	struct proc p = { .what = "a child", .argv = list_fds, .input = "said\n", .out = &out };

	(void)state;
	assert_true(fd >= 200);
	assert_int_equal(proc_run(&p), 0);
	close(fd);
	if (!str_starts(buf_str(&out), "said\n0 1 2"))
		fail_msg("%s", buf_str(&out));
	assert_null(strstr(buf_str(&out), " 200"));
}

static int outlive(unsigned int seconds, bool budget)
{
	char *const argv[] = { (char *)"sleep", (char *)"1.5", NULL };
	struct proc p = { .what = "a child", .argv = argv, .deadline_s = seconds, .budget = budget };

	return proc_run(&p);
}

/* A slow machine's programs have longer; a budget of time does not grow. */
static void test_slow_machine(void **state)
{
	(void)state;
	assert_int_equal(outlive(1, false), -OUT_BROKEN);
	assert_non_null(strstr(fail_text(), "had not ended after 1 s"));
	proc_slow_down(3);
	assert_int_equal(outlive(1, false), 0);
	assert_int_equal(outlive(1, true), -OUT_BROKEN);
	proc_slow_down(1);
}

/* ---- a stranger's ---- */

#define MB ((size_t)1 << 20)

static char folder[] = "/tmp/nestlab-test-proc-XXXXXX";

static void assert_stopped(const char *script, const char *words)
{
	const struct limits limits = { 150 * MB, 20, 20 * MB, folder };
	char *const argv[] = { (char *)"sh", (char *)"-c", (char *)script, NULL };
	struct proc p = { .what = "a build", .argv = argv, .cwd = folder, .limits = &limits, .log_path = "/dev/null" };

	assert_int_equal(proc_run(&p), -OUT_BUILD_ERROR);
	if (!strstr(fail_text(), words) || !strstr(fail_text(), ", and was stopped"))
		fail_msg("no '%s' in: %s", words, fail_text());
}

static void test_limits(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_stopped("for i in $(seq 40); do sleep 40 & done; wait", "it started more than 20 processes");
	assert_stopped("for i in 1 2 3 4; do dd if=/dev/zero of=/dev/null bs=60M count=2000 & done; wait",
		       "it took more than 150 MB of memory");
	assert_stopped("while :; do n=$((n + 1)); head -c 1000000 /dev/zero >$n; done", "it wrote more than 20 MB");
	assert_stopped("rm -f [0-9]*; yes $(seq 300)", "it printed more than 64 MB");
	rm_rf(folder);
}

/* One process alone is stopped by the kernel, at once. */
static void test_limits_of_one(void **state)
{
	const struct limits limits = { .memory = 100 * MB, .processes = 20, .disk = MB, .folder = "/nowhere" };
	char *const memory[] = { (char *)"dd", (char *)"if=/dev/zero", (char *)"of=/dev/null", (char *)"bs=200M", (char *)"count=1", NULL };
	char *const disk[] = { (char *)"dd", (char *)"if=/dev/zero", (char *)"of=/tmp/nestlab-test-proc", (char *)"bs=2M", (char *)"count=2", NULL };
	struct proc p = { .what = "a build", .argv = memory, .limits = &limits, .quiet_stderr = true };

	(void)state;
	assert_true(proc_run(&p) > 0);
	p.argv = disk;
	assert_true(proc_run(&p) > 0);
	unlink("/tmp/nestlab-test-proc");
}

/* Last: nothing takes the interrupt back. */
static void test_interrupt(void **state)
{
	char *const argv[] = { (char *)"sleep", (char *)"0.3", NULL };
	struct proc p = { .what = "a child", .argv = argv };

	(void)state;
	proc_catch_signals();
	raise(SIGINT);
	assert_int_equal(proc_run(&p), -OUT_INTERRUPTED);
	p.clears_up = true;
	assert_int_equal(proc_run(&p), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fds),
		cmocka_unit_test(test_slow_machine),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_limits_of_one),
		cmocka_unit_test(test_interrupt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
