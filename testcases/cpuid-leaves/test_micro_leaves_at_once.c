// SPDX-License-Identifier: GPL-2.0-only
/*
 * cpuid-exits/at-once, cpuid-leaves/at-once: four vCPUs of a micro guest ask different questions at
 * the same time, thousands of times, and each looks at its own answers: a total only grows, what
 * nobody makes does not change. An answer that belongs to another vCPU's question does not fit.
 */
#define VCPUS 4
#define TIMES 4000 /* questions of each vCPU, EFFORT times */
#define FEW 40 /* of a change that takes so long for one that the time is up before */

#ifdef NESTLAB_GUEST
#include "answer_rules.h"
#include "exit_kinds.h"
#include "micro.h"

#include <inttypes.h>
#include <string.h>

static const uint32_t ids[VCPUS] = { 0, 1, 2, 3 };
#define ASK_MS 10000 /* EFFORT times: one that prints 70 lines for each answer is slow, and no more */
static volatile bool enough; /* the guests look */

/* One vCPU's part; all but the first line is written by its guest. */
static struct part {
	const char *what;
	uint32_t leaf, subleaf, times;
	enum answer_rule rule;
	uint32_t asked, wrong;
	struct cpuid first, last, before_wrong, first_wrong;
} parts[VCPUS];

/* In the guest. */
static void ask(void *arg)
{
	struct part *p = arg;

	for (p->asked = 0; p->asked < p->times && !enough; p->asked++) {
		struct cpuid answer = cpuid(p->leaf, p->subleaf);

		if (!answer_fits(p->rule, p->last, answer) && !p->wrong++) {
			p->before_wrong = p->last;
			p->first_wrong = answer;
		}
		p->last = answer;
	}
}

static void ask_first(void *arg)
{
	struct part *p = arg;

	p->first = p->last = cpuid(p->leaf, p->subleaf);
}

/* Alone: what the answers are when nobody else asks. */
static void ask_alone(struct micro *m)
{
	for (unsigned int i = 0; i < VCPUS; i++) {
		micro_start(m, i, ask_first, &parts[i]);
		micro_finish(m, i);
	}
}

static void tell_answer(const char *which, struct cpuid c)
{
	char text[80];

	snprintf(text, sizeof(text), "%#" PRIx32 " %#" PRIx32 " %#" PRIx32 " %#" PRIx32, c.eax, c.ebx, c.ecx, c.edx);
	observe_str(which, text);
}

static void tell(const struct part *p)
{
	printf("%s: asked %" PRIu32 " times, %" PRIu32 " answers do not fit\n", p->what, p->asked, p->wrong);
	observe_str("part.what", p->what);
	observe_u64("part.asked", p->asked);
	observe_u64("part.wrong", p->wrong);
	tell_answer("part.before", p->before_wrong);
	tell_answer("part.answer", p->first_wrong);
}

static void set_parts(bool reasons)
{
	uint32_t total = (uint32_t)guest_number("NESTLAB_LEAF_TOTAL_EXITS", 0x4fffffff);
	uint32_t cycles = (uint32_t)guest_number("NESTLAB_LEAF_TOTAL_CYCLES", total);
	uint32_t reason = (uint32_t)guest_number("NESTLAB_LEAF_TYPE_EXITS", 0x4ffffffe);

	parts[0] = (struct part){ .what = "all exits", .leaf = total };
	parts[0].rule = cycles == total ? GROWS_WITH_CYCLES : GROWS;
	parts[1] = (struct part){ .what = "the CPU's name", .leaf = 0x80000002, .rule = STAYS };
	parts[2] = parts[0];
	parts[3] = (struct part){ .what = "the CPU's vendor", .leaf = 0, .rule = STAYS };
	if (!reasons)
		return;
	parts[1] = (struct part){ "exits of reason cpuid", .leaf = reason, .rule = GROWS };
	parts[1].subleaf = micro_intel ? 10 : 0x72;
	parts[2] = (struct part){ "a reason that is not defined", .leaf = reason, .rule = STAYS };
	parts[2].subleaf = 0x300;
	parts[3] = (struct part){ "exits of reason hlt", .leaf = reason, .rule = EAX_STAYS };
	parts[3].subleaf = micro_intel ? 12 : 0x78;
}

/* Until all have asked, or the time is up. */
static void ask_together(struct micro *m, uint32_t effort)
{
	uint64_t until = guest_now_ns() + ASK_MS * 1000000ULL * effort;

	for (unsigned int i = 0; i < VCPUS; i++)
		micro_start(m, i, ask, &parts[i]);
	for (unsigned int i = 0; i < VCPUS; i++) {
		uint64_t now = guest_now_ns();

		enough |= !micro_leaves(m, i, now < until ? (unsigned int)((until - now) / 1000000) : 0);
		micro_finish(m, i);
	}
	observe_u64("enough", enough);
}

static void run(void)
{
	uint32_t effort = (uint32_t)guest_number("NESTLAB_EFFORT", 1);
	struct micro *m = micro_new(ids, VCPUS);

	set_parts(guest_args[0] && !strcmp(guest_args[0], "reasons"));
	for (unsigned int i = 0; i < VCPUS; i++)
		parts[i].times = TIMES * effort;
	ask_alone(m);
	ask_together(m, effort);
	for (unsigned int i = 0; i < VCPUS; i++)
		tell(&parts[i]);
	micro_free(m);
}

GUEST_TEST(run)

#else

#include <inttypes.h>

#include "judge/checks.h"

enum column { ASKED, WRONG };
static const char *const keys[] = { "part.asked", "part.wrong" };

static const char *const checks[] = {
	"questions asked",
	"each answer belongs to its question",
	NULL,
};

static void judge_part(const struct evidence *e, const struct table *y, size_t row, struct tally *parts)
{
	if (!table_at(y, row, WRONG)) {
		tally_good(parts);
		return;
	}
	tally_bad(parts, "%s: %" PRIu64 " of %" PRIu64 " answers; the first, after %s, was %s",
		  obs_get(&e->obs, "part.what", row)->str, table_at(y, row, WRONG),
		  table_at(y, row, ASKED), obs_get(&e->obs, "part.before", row)->str,
		  obs_get(&e->obs, "part.answer", row)->str);
}

static bool is_whole(const struct evidence *e, const struct table *y)
{
	return y->rows == VCPUS && obs_count(&e->obs, "part.what") == VCPUS &&
	       obs_count(&e->obs, "part.before") == VCPUS && obs_count(&e->obs, "part.answer") == VCPUS;
}

static void judge(const struct evidence *e, struct test_result *t)
{
	_cleanup_table_ struct table y = { 0 };
	struct tally parts = { .unit = "vCPU" };
	uint64_t asked = 0, enough = 0;

	if (!check_program(e, t))
		return;
	has_u64(&e->obs, "enough", &enough);
	if (!table_collect(&y, &e->obs, keys, ARRAY_SIZE(keys)) || !is_whole(e, &y)) {
		check_broken(t, "the answers", "every vCPU's part told whole", "some of its lines are missing");
		return;
	}
	for (size_t i = 0; i < y.rows; i++) {
		asked += table_at(&y, i, ASKED);
		judge_part(e, &y, i, &parts);
	}
	result_add_measure(t, "questions", "calls", (double)asked);
	check_at_least(t, "questions asked", (uint64_t)VCPUS * (enough ? FEW : TIMES), asked, NULL);
	tally_check(t, "each answer belongs to its question",
		    "eax ebx ecx edx: counts only grow, the rest stays as it is", &parts,
		    "oracle: the test program, whose vCPUs ask and look");
}

static const struct testcase exits_at_once = {
	.name = "cpuid-exits/at-once",
	.assignment = "cpuid-exits",
	.summary = "vCPUs ask for the totals and for other leaves at the same time",
	.program = "test_micro_leaves_at_once",
	.level = 1,
	.races = true,
	.data_races = true,
	.timeout_s = 60,
	.quiet = true,
	.checks = checks,
	.judge = judge,
};
TESTCASE(exits_at_once);

static const char *const reasons[] = { "reasons", NULL };

static const struct testcase leaves_at_once = {
	.name = "cpuid-leaves/at-once",
	.assignment = "cpuid-leaves",
	.summary = "vCPUs ask for totals and for different reasons at the same time",
	.program = "test_micro_leaves_at_once",
	.args = reasons,
	.level = 1,
	.races = true,
	.data_races = true,
	.timeout_s = 60,
	.quiet = true,
	.checks = checks,
	.judge = judge,
};
TESTCASE(leaves_at_once);
#endif
