// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hypercall vcpu_info by all vCPUs of a micro guest at once, each about its neighbour, which asks
 * about another at that moment. A call that waits for the target can wait for ever here; and a
 * kernel that watches for data races sees every access that two vCPUs make together.
 */
#ifdef NESTLAB_GUEST

#include "micro.h"

static const uint32_t ids[] = { 1, 4, 2 };
#define N (sizeof(ids) / sizeof(ids[0]))
#define ROUNDS 200

static unsigned int round_of(struct micro *m, uint64_t hypercall)
{
	unsigned int wrong = 0;

	for (unsigned int i = 0; i < N; i++) {
		struct kvm_regs r = { .rip = micro_at(micro_call()), .rflags = MICRO_RFLAGS };

		r.rax = hypercall;
		r.rbx = ids[(i + 1) % N];
		micro_set_regs(m, i, &r);
	}
	for (unsigned int i = 0; i < N; i++)
		micro_go(m, i);
	for (unsigned int i = 0; i < N; i++) {
		struct kvm_regs r;
		uint32_t reason = micro_wait(m, i);

		micro_get_regs(m, i, &r);
		wrong += reason != KVM_EXIT_IO || r.rax;
	}
	return wrong;
}

static void run(void)
{
	struct micro *m = micro_new(ids, N);
	uint64_t hypercall = guest_number("NESTLAB_HYPERCALL", 13);
	unsigned int rounds = ROUNDS * (unsigned int)guest_number("NESTLAB_EFFORT", 1), wrong = 0;

	for (unsigned int i = 0; i < rounds; i++)
		wrong += round_of(m, hypercall);
	printf("%u calls by %u vCPUs at once, %u went wrong\n", rounds * (unsigned int)N, (unsigned int)N, wrong);
	observe_u64("calls", rounds * N);
	observe_u64("wrong", wrong);
	micro_free(m);
}

GUEST_TEST(run)

#else

#include "judge/checks.h"

static const char *const checks[] = {
	"calls made",
	"calls that did not return 0",
	NULL,
};

static void judge(const struct evidence *e, struct test_result *t)
{
	uint64_t calls, wrong;

	if (!check_program(e, t) || !want_u64(e, t, "calls", &calls) ||
	    !want_u64(e, t, "wrong", &wrong))
		return;
	result_add_measure(t, "calls", "calls", (double)calls);
	check_at_least(t, "calls made", 1, calls, NULL);
	check_equal_u64(t, "calls that did not return 0", 0, wrong,
			"oracle: the test program, which owns the vCPUs");
}

static const struct testcase together = {
	.name = "vcpu-info/together",
	.assignment = "vcpu-info",
	.summary = "all vCPUs of a micro guest ask about each other at once",
	.program = "test_micro_together",
	.level = 1,
	.races = true,
	.timeout_s = 20,
	.checks = checks,
	.judge = judge,
};
TESTCASE(together);

#endif
