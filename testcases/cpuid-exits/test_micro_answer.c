// SPDX-License-Identifier: GPL-2.0-only
/*
 * cpuid-exits/answer: what the leaf does to the registers, in each mode of the CPU and from user
 * mode, with something in every register before, and with every sort of number in ecx, which means
 * nothing to this leaf; and where the instruction ends, and what
 * is left of thousands of readings.
 */
#ifdef NESTLAB_GUEST
#include "ends.h"
#include "memory.h"
#include "micro.h"

static uint32_t leaf;
static const uint32_t hostile[] = { 0, 1, 0x78, 0x400, 0x7fffffff, 0x80000000, 0xffffffff };

static void ask(struct micro *m, enum micro_mode mode, uint32_t subleaf)
{
	struct kvm_regs before = { .rip = micro_at(micro_cpuid),
				   .rflags = mode == MICRO_USER ? MICRO_RFLAGS_IO : MICRO_RFLAGS };
	struct kvm_regs after;
	uint64_t changed = 0;
	/* The halves that a mode of 32 bits has not got are left open. */
	uint64_t high = mode == MICRO_LONG || mode == MICRO_USER ? 0x5a5a5a5a00000000 : 0;

	for (unsigned int i = 0; i < MICRO_REGS; i++)
		*micro_reg(&before, i) = high | (0x1000 + i);
	before.rax = high | leaf;
	before.rcx = high | subleaf;
	micro_set_mode(m, 0, mode);
	micro_set_regs(m, 0, &before);
	micro_go(m, 0);
	micro_finish(m, 0);
	micro_get_regs(m, 0, &after);
	for (unsigned int i = 4; i < MICRO_REGS; i++) /* all but rax, rbx, rcx, rdx */
		if (*micro_reg(&before, i) != *micro_reg(&after, i))
			changed |= 1u << i;
	observe_str("answer.mode", micro_mode_names[mode]);
	observe_u64("answer.subleaf", subleaf);
	observe_u64("answer.rax", after.rax);
	observe_u64("answer.rbx", after.rbx);
	observe_u64("answer.rcx", after.rcx);
	observe_u64("answer.rdx", after.rdx);
	observe_u64("answer.rflags", after.rflags ^ before.rflags);
	observe_u64("call.changed", changed);
}

static void read_leaf(void *times)
{
	for (uintptr_t n = (uintptr_t)times; n; n--)
		cpuid(leaf, 0);
}

static void read_times(struct micro *m, uint64_t times)
{
	micro_start(m, 0, read_leaf, (void *)(uintptr_t)times);
	micro_finish(m, 0);
}

static void run(void)
{
	static const uint32_t ids[] = { 0 };
	struct micro *m = micro_new(ids, 1);

	leaf = (uint32_t)guest_number("NESTLAB_LEAF_TOTAL_EXITS", 0x4fffffff);
	ends_of_cpuid(m, 0, leaf);
	for (unsigned int mode = 0; mode < MICRO_MODES; mode++)
		for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++)
			ask(m, mode, hostile[i]);
	micro_set_mode(m, 0, MICRO_LONG);
	memory_of(m, "readings", read_times);
	micro_free(m);
}

GUEST_TEST(run)

#else

#include <inttypes.h>

#include "judge/ends_checks.h"
#include "judge/memory_checks.h"
#include "judge/records.h"
#include "plan/assignment.h"

#define MANY 100000 /* exits in the time of one call: far fewer are made */

enum column { SUBLEAF, RAX, RBX, RCX, RDX, RFLAGS };
static const char *const keys[] = { "answer.subleaf", "answer.rax", "answer.rbx",
				    "answer.rcx",     "answer.rdx", "answer.rflags" };

static uint64_t cycles_of(const struct table *y, size_t row)
{
	return table_at(y, row, RBX) << 32 | (uint32_t)table_at(y, row, RCX);
}

static bool has_high_half(const struct evidence *e, const struct table *y, size_t row)
{
	(void)e;
	for (size_t reg = RAX; reg <= RDX; reg++)
		if (table_at(y, row, reg) >> 32)
			return true;
	return false;
}

/* Cycles may have a leaf of their own, and what is beside the exits then means nothing. */
static bool has_cycles(const struct assignment *a)
{
	return !a || a->leaf[LEAF_TOTAL_CYCLES] == a->leaf[LEAF_TOTAL_EXITS];
}

/* Whatever ecx holds, it is the same counters that go on. */
static bool goes_on(const struct evidence *e, const struct table *y, size_t row)
{
	uint32_t grown = (uint32_t)(table_at(y, row, RAX) - table_at(y, row - 1, RAX));

	return grown && grown < MANY &&
	       (!has_cycles(e->assignment) || cycles_of(y, row) >= cycles_of(y, row - 1));
}

/* One check about each answer. */
struct rule {
	const char *name, *expected;
	bool (*broken)(const struct evidence *e, const struct table *y, size_t row);
	bool beside_eax; /* not asked where the answer is eax alone */
};

static bool has_edx(const struct evidence *e, const struct table *y, size_t row)
{
	(void)e;
	return (uint32_t)table_at(y, row, RDX);
}

static bool stops(const struct evidence *e, const struct table *y, size_t row)
{
	return row && !goes_on(e, y, row);
}

static bool changes_rflags(const struct evidence *e, const struct table *y, size_t row)
{
	(void)e;
	return table_at(y, row, RFLAGS);
}

static const struct rule rules[] = {
	{ "edx of each answer", "0", has_edx, true },
	{ "high halves of each answer", "0: CPUID clears them", has_high_half, false },
	{ "whatever ecx holds", "the same counters, from call to call a little more", stops, false },
	{ "rflags", "CPUID changes no flag", changes_rflags, false },
};

static void check_rule(const struct evidence *e, const struct table *y, const struct rule *rule,
		       struct test_result *t)
{
	struct tally answers = { .unit = "answer" };

	if (rule->beside_eax && e->assignment &&
	    assignment_wants_eax_alone(e->assignment, LEAF_TOTAL_EXITS)) {
		check_skip(t, rule->name, ASSIGNMENT_EAX_ALONE);
		return;
	}
	for (size_t i = 0; i < y->rows; i++)
		if (rule->broken(e, y, i))
			tally_bad(&answers,
				  "ecx=%#" PRIx64 " (%s mode) gave %#" PRIx64 " %#" PRIx64 " %#" PRIx64
				  " %#" PRIx64,
				  table_at(y, i, SUBLEAF), obs_get(&e->obs, "answer.mode", i)->str,
				  table_at(y, i, RAX), table_at(y, i, RBX), table_at(y, i, RCX),
				  table_at(y, i, RDX));
		else
			tally_good(&answers);
	tally_check(t, rule->name, rule->expected, &answers, NULL);
}

static const char *const checks[] = {
	"edx of each answer",
	"high halves of each answer",
	"whatever ecx holds",
	"rflags",
	"the caller's registers",
	ENDS_CHECK,
	MEMORY_CHECK,
	NULL,
};

static void judge(const struct evidence *e, struct test_result *t)
{
	_cleanup_table_ struct table y = { 0 };

	if (!check_program(e, t))
		return;
	if (!table_collect(&y, &e->obs, keys, ARRAY_SIZE(keys)) ||
	    obs_count(&e->obs, "answer.mode") != y.rows) {
		check_broken(t, "the answers", "every answer told whole", "some of its lines are missing");
		return;
	}
	result_add_measure(t, "answers", "calls", (double)y.rows);
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		check_rule(e, &y, &rules[i], t);
	check_caller_unharmed(e, t);
	check_instruction_end(e, t);
	check_memory(e, t);
}

static const struct testcase cpuid_exits_answer = {
	.name = "cpuid-exits/answer",
	.assignment = "cpuid-exits",
	.summary = "every register of the answer, in each mode of the CPU and with anything in ecx",
	.program = "test_micro_answer",
	.level = 1,
	.timeout_s = 30,
	.checks = checks,
	.judge = judge,
};
TESTCASE(cpuid_exits_answer);
#endif
