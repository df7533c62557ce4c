// SPDX-License-Identifier: GPL-2.0-only
/*
 * fault/guest-panic: makes L2's kernel panic. The lab must tell it as a crash, with the console's
 * lines.
 */
#ifdef NESTLAB_GUEST
#include "guest.h"

static void run(void)
{
	printf("asking the kernel to crash\n");
	fflush(stdout);
	SAFE_WRITE_FILE("/proc/sysrq-trigger", "c");
}

GUEST_TEST(run)

#else

#include "judge/checks.h"

static const char *const checks[] = {
	"the guest's kernel",
	NULL,
};

static void judge(const struct evidence *e, struct test_result *t)
{
	if (check_program(e, t))
		check_that(t, "the guest's kernel", false, "it panics", "it went on", NULL);
}

static const struct testcase fault_guest_panic = {
	.name = "fault/guest-panic",
	.summary = "L2's kernel panics (by sysrq c): ends as a crash",
	.program = "fault_guest_panic",
	.level = 2,
	.timeout_s = 20,
	.on_request = true,
	.checks = checks,
	.judge = judge,
};
TESTCASE(fault_guest_panic);
#endif
