// SPDX-License-Identifier: GPL-2.0-only
/* Whom the loop's guard leaves alone. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include "core/proc.h"
#include "lab/loop.h"

#include <cmocka.h>

static atomic_int unblocked;

static void count(void *ctx)
{
	(void)ctx;
	atomic_fetch_add(&unblocked, 1);
}

/* virt-install took longer than the guard's time, in the loop's thread, and L1 was ended for it. */
static void test_guard_leaves_alone(void **state)
{
	char *const argv[] = { (char *)"sleep", (char *)"0.8", NULL };
	struct proc p = { .what = "a long step", .argv = argv };

	(void)state;
	atomic_store(&unblocked, 0);
	loop_guard(300, count, NULL);
	assert_int_equal(loop_step(10), 0);
	assert_int_equal(proc_run(&p), 0);
	assert_int_equal(loop_step(10), 0);
	poll(NULL, 0, 600);
	loop_unguard();
	assert_int_equal(atomic_load(&unblocked), 0);
}

static void test_guard_ends(void **state)
{
	(void)state;
	atomic_store(&unblocked, 0);
	loop_guard(300, count, NULL);
	loop_enter(); /* a call that lasts, also when one inside it came to its end */
	loop_enter();
	loop_leave();
	poll(NULL, 0, 600);
	loop_leave();
	loop_unguard();
	assert_int_equal(atomic_load(&unblocked), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_guard_leaves_alone),
		cmocka_unit_test(test_guard_ends),
	};

	loop_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
