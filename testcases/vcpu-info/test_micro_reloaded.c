// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpu-info/reloaded: KVM was asked, is unloaded and loaded again, and answers as before. A call
 * that keeps a reference of something, or a file that was made and not removed, is seen here.
 */
#ifdef NESTLAB_GUEST
#include "micro.h"
#include "reload.h"

#define CALLS 20

static const uint32_t ids[] = { 0, 3 };

/* By the first vCPU about both, one that runs and one that rests. */
static unsigned int call_all(void)
{
	struct micro *m = micro_new(ids, 2);
	unsigned int right = 0;

	for (unsigned int i = 0; i < CALLS; i++) {
		struct kvm_regs r = { .rip = micro_at(micro_call()), .rflags = MICRO_RFLAGS };

		r.rax = guest_number("NESTLAB_HYPERCALL", 13);
		r.rbx = ids[i % 2];
		micro_set_regs(m, 0, &r);
		micro_go(m, 0);
		micro_finish(m, 0);
		micro_get_regs(m, 0, &r);
		right += !r.rax;
	}
	micro_free(m);
	return right;
}

static void run(void)
{
	observe_u64("calls", CALLS);
	observe_u64("right.before", call_all());
	if (reload_kvm())
		observe_u64("right.after", call_all());
}

GUEST_TEST(run)

#else

#include "judge/checks.h"
#include "judge/reload_checks.h"

static const char *const checks[] = {
	RELOAD_CHECKS,
	"calls that return 0",
	NULL,
};

static void judge(const struct evidence *e, struct test_result *t)
{
	uint64_t calls, before, after;

	if (!check_program(e, t))
		return;
	if (!check_reload(e, t)) {
		check_skip_rest(t, checks, "KVM was not loaded again");
		return;
	}
	if (want_u64(e, t, "calls", &calls) && want_u64(e, t, "right.before", &before) &&
	    want_u64(e, t, "right.after", &after))
		check_equal_u64(t, "calls that return 0", 2 * calls, before + after,
				"oracle: the test program, which owns the vCPUs");
}

static const struct testcase reloaded = {
	.name = "vcpu-info/reloaded",
	.assignment = "vcpu-info",
	.summary = "KVM is asked, unloaded, loaded again, and answers as before",
	.program = "test_micro_reloaded",
	.level = 1,
	.timeout_s = 30,
	.host = HOST_UNUSED,
	.checks = checks,
	.judge = judge,
};
TESTCASE(reloaded);

#endif
