// SPDX-License-Identifier: GPL-2.0-only
/*
 * fault/never-ends: says something, then runs on. The lab must end it at its deadline and tell
 * what it said.
 */
#ifdef NESTLAB_GUEST
#include "guest.h"

static void run(void)
{
	printf("this program never ends\n");
	observe_u64("fault.began", 1);
	for (volatile unsigned int i = 0;; i++)
		;
}

GUEST_TEST(run)

#else

#include "judge/checks.h"

static void judge(const struct evidence *e, struct test_result *t)
{
	uint64_t began;

	if (want_u64(e, t, "fault.began", &began))
		check_program(e, t);
}

static const struct testcase fault_never_ends = {
	.name = "fault/never-ends",
	.summary = "a test program that never ends: its deadline ends it",
	.program = "fault_never_ends",
	.level = 2,
	.timeout_s = 5,
	.on_request = true,
	.judge = judge,
};
TESTCASE(fault_never_ends);
#endif
