// SPDX-License-Identifier: GPL-2.0-only
/* What a child gets from us, and what not. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
