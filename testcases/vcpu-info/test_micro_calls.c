// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpu-info/other-calls: the hypercalls that were there before, and the numbers that no hypercall
 * has, answer as on the unpatched kernel.
 */
#ifdef NESTLAB_GUEST
#include "micro.h"

/*
 * All that upstream knows (1 to 12), numbers that it gave up or never had, and ones that a narrow
 * variable would cut.
 */
static const uint64_t numbers[] = {
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 20, 63, 64, 99, 255, 256 + 13,
	548, 1000, 65536 + 13, 0x7fffffff, 0x80000000, 0xffffffff, (1ULL << 32) + 1,
	(1ULL << 32) + 9, (1ULL << 32) + 11, (1ULL << 32) + 13, 1ULL << 63, UINT64_MAX,
};

/* A page that no code or table is in: for calls that write to where an argument points. */
#define ARGUMENT 0x1f0000

static int64_t call(struct micro *m, uint64_t number)
{
	struct kvm_regs r = { .rip = micro_at(micro_call()), .rflags = MICRO_RFLAGS };

	r.rax = number;
	r.rbx = ARGUMENT;
	micro_set_regs(m, 0, &r);
	micro_go(m, 0);
	micro_finish(m, 0);
	micro_get_regs(m, 0, &r);
	return (int64_t)r.rax;
}

static void run(void)
{
	static const uint32_t ids[] = { 0, 1 };
	struct micro *m = micro_new(ids, 2);

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		char key[40];

		snprintf(key, sizeof(key), "call.%llx", (unsigned long long)numbers[i]);
		observe_i64(key, call(m, numbers[i]));
	}
	micro_free(m);
}

GUEST_TEST(run)

#else

#include <inttypes.h>
#include <stdio.h>

#include "judge/records.h"
#include "plan/assignment.h"

#define MINUS_ENOSYS ((uint64_t)-1000) /* -KVM_ENOSYS */

static bool number_of(const struct observation *o, uint64_t *number)
{
	return sscanf(o->key, "call.%" SCNx64, number) == 1;
}

static void judge_call(const struct evidence *e, const struct observation *now,
		       struct tally *known, struct tally *unknown)
{
	const struct observation *then = obs_get(&e->baseline, now->key, 0);
	uint64_t number;

	if (!number_of(now, &number) || number == e->assignment->hypercall)
		return;
	if (!then)
		tally_bad(known, "the unpatched kernel does not tell of number %#" PRIx64, number);
	else if (now->u64 != then->u64)
		tally_bad(then->u64 == MINUS_ENOSYS ? unknown : known,
			  "number %#" PRIx64 " gave %s, unpatched %s", number, now->str, then->str);
	else
		tally_good(then->u64 == MINUS_ENOSYS ? unknown : known);
}

/* The assignment's number must be its own: upstream takes numbers, too. */
static void check_free(const struct evidence *e, struct test_result *t)
{
	_cleanup_free_ char *key = strf("call.%x", e->assignment->hypercall);
	const struct observation *then = obs_get(&e->baseline, key, 0);

	check_that(t, "the assignment's number", then && then->u64 == MINUS_ENOSYS,
		   "no hypercall of the unpatched kernel has it",
		   then ? then->str : "it was not asked for this number",
		   "the same program on the unpatched kernel");
}

static const char *const checks[] = {
	"other hypercalls",
	"numbers of no hypercall",
	"the assignment's number",
	NULL,
};

static void judge(const struct evidence *e, struct test_result *t)
{
	static const char by[] = "the same program on the unpatched kernel";
	struct tally known = { .unit = "hypercall" }, unknown = { .unit = "number" };

	if (!check_program_compared(e, t, checks))
		return;
	for (size_t i = 0; i < e->obs.n; i++)
		judge_call(e, &e->obs.v[i], &known, &unknown);
	result_add_measure(t, "numbers compared", "calls", (double)(known.n + unknown.n));
	tally_check(t, "other hypercalls", "answer as the unpatched kernel's", &known, by);
	tally_check(t, "numbers of no hypercall", "-1000 (KVM_ENOSYS), as on the unpatched kernel",
		    &unknown, by);
	check_free(e, t);
}

static const struct testcase vcpu_info_other_calls = {
	.name = "vcpu-info/other-calls",
	.assignment = "vcpu-info",
	.summary = "every other hypercall, and numbers of none, against the unpatched kernel",
	.program = "test_micro_calls",
	.level = 1,
	.timeout_s = 30,
	.wants_baseline = true,
	.checks = checks,
	.judge = judge,
};
TESTCASE(vcpu_info_other_calls);
#endif
