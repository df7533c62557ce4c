// SPDX-License-Identifier: GPL-2.0-only
/*
 * fault/garbage: random bytes and malformed observations between two good ones. The judge must
 * tell the malformed ones as a finding and still read the good ones.
 */
#ifdef NESTLAB_GUEST
#include "guest.h"

static void random_bytes(uint32_t seed, unsigned int n)
{
	while (n--) {
		seed = seed * 1664525 + 1013904223;
		putchar((int)(seed >> 24));
	}
	putchar('\n');
}

static void run(void)
{
	observe_u64("fault.good", 41);
	random_bytes(1, 4096);
	puts("@nestlab");
	puts("@nestlab fault.good u64 forty-two");
	puts("@nestlab fault.good float 4.2");
	puts("@nestlab FAULT u64 1");
	puts("@nestlab fault.text str \"no end");
	random_bytes(2, 100000);
	observe_u64("fault.good", 42);
}

GUEST_TEST(run)

#else

#include "judge/checks.h"

static const char *const checks[] = {
	"good observations among the garbage",
	"the last good observation",
	NULL,
};

static void judge(const struct evidence *e, struct test_result *t)
{
	_cleanup_u64v_ struct u64v good;

	check_program(e, t);
	u64v_collect(&good, &e->obs, "fault.good");
	check_equal_u64(t, "good observations among the garbage", 2, good.n, NULL);
	check_equal_u64(t, "the last good observation", 42, good.n ? good.v[good.n - 1] : 0, NULL);
}

static const struct testcase fault_garbage = {
	.name = "fault/garbage",
	.summary = "a test program that prints garbage: told as a finding",
	.program = "fault_garbage",
	.level = 2,
	.timeout_s = 20,
	.on_request = true,
	.checks = checks,
	.judge = judge,
};
TESTCASE(fault_garbage);
#endif
