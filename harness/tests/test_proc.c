// SPDX-License-Identifier: GPL-2.0-only
/* What a child gets from us, and what not. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fds),
		cmocka_unit_test(test_slow_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
