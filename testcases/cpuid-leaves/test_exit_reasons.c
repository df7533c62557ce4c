// SPDX-License-Identifier: GPL-2.0-only
/*
 * cpuid-leaves/reasons: the leaves that tell exits (and cycles) of one reason. A micro guest makes
 * exits of known reasons, or lets the host's interrupts make them, between two readings; it reads
 * all reasons before these and after them, whatever was made, and between two readings of the
 * total; and it asks for reasons that the CPU's manual does not define, that KVM has no handler for,
 * and that no array should be indexed by. Exits that sleep in KVM for a time that the program
 * knows are of one reason, and the time is that one's.
 */
#ifdef NESTLAB_GUEST
#include "exit_hist.h"
#include "exit_kinds.h"
#include "held.h"
#include "memory.h"

#include <inttypes.h>

#define TIMES 128UL /* exits of each kind */
#define REASONS 0x410 /* from 0: all that any manual has */
#define MANY 66000UL /* more than 16 bits tell, where there is time for them */
#define SPIN_MS 100  /* for the host's timer: dozens of its ticks */
#define HELD 0x18000000UL /* pages that come when we say so */

static uint32_t exits_leaf, cycles_leaf, total_leaf; /* cycles_leaf 0: this map has none */

/* -- guest code -- */

static struct {
	uint32_t leaf, subleaf;
	struct cpuid answer;
} question;

static void ask(void *arg)
{
	(void)arg;
	question.answer = cpuid(question.leaf, question.subleaf);
}

static uint32_t counts[2][REASONS]; /* at the beginning and at the end */
static uint64_t spent[2][REASONS];  /* cycles; 0 where this map has none */

static void ask_all(void *arg)
{
	uint32_t *count = arg;

	for (uint32_t reason = 0; reason < REASONS; reason++)
		count[reason] = cpuid(exits_leaf, reason).eax;
}

static void ask_all_times(void *arg)
{
	uint64_t *time = arg;

	for (uint32_t reason = 0; reason < REASONS; reason++) {
		struct cpuid c = cpuid(cycles_leaf, reason);

		time[reason] = (uint64_t)c.ebx << 32 | c.ecx;
	}
}

/* -- the program -- */

static struct cpuid answer(struct micro *m, uint32_t leaf, uint32_t subleaf)
{
	question.leaf = leaf;
	question.subleaf = subleaf;
	micro_start(m, 0, ask, NULL);
	micro_finish(m, 0);
	return question.answer;
}

static void tell(const char *which, const char *what, uint64_t value)
{
	char key[40];

	snprintf(key, sizeof(key), "%s.%s", which, what);
	observe_u64(key, value);
}

static void take(struct micro *m, const char *which, uint32_t reason)
{
	uint64_t seen = hist_count(reason), tsc = rdtsc_ordered();
	struct cpuid exits = answer(m, exits_leaf, reason), cycles = { 0 };

	if (cycles_leaf)
		cycles = answer(m, cycles_leaf, reason);
	tell(which, "tsc.before", tsc);
	tell(which, "tsc.after", rdtsc_ordered());
	tell(which, "seen.before", seen);
	tell(which, "seen.after", hist_count(reason));
	tell(which, "exits", exits.eax);
	tell(which, "cycles", (uint64_t)cycles.ebx << 32 | cycles.ecx);
}

static const struct exit_kind interrupts = { "interrupts of the host", 0x60, 1, .make = spin, .fast = true };

/* arg: how many exits. */
static void measure(struct micro *m, const struct exit_kind *k, uint64_t arg)
{
	uint32_t reason = micro_intel ? k->vmx : k->svm;

	observe_str("bout", k->name);
	observe_u64("bout.reason", reason);
	observe_u64("bout.timed", !k->fast);
	take(m, "first", reason);
	make_exits(m, k, arg);
	take(m, "last", reason);
}

static void measure_kinds(struct micro *m)
{
	struct micro *machines[KIND_MACHINES];

	make_kind_machines(m, machines);
	for (unsigned int i = 0; i < KIND_MACHINES; i++)
		answer(machines[i], exits_leaf, 0); /* its first pages are faulted in */
	for (size_t i = 0; i < EXIT_KINDS; i++)
		measure(machines[exit_kinds[i].on], &exit_kinds[i], TIMES);
	free_kind_machines(machines);
	if (guest_number("NESTLAB_EFFORT", 1) > 1)
		measure(m, &exit_kinds[0], MANY);
}

/* The same reason by each vCPU of more than a word has bits, one at a time: none is left out. */
static void measure_crowd(void)
{
	struct micro *m = micro_new_crowd();
	uint32_t reason = micro_intel ? 10 : 0x72;

	answer(m, exits_leaf, reason); /* its first pages are faulted in */
	observe_str("bout", "cpuid of 70 vCPUs");
	observe_u64("bout.reason", reason);
	observe_u64("bout.timed", 1);
	take(m, "first", reason);
	for (unsigned int i = 0; i < MICRO_CROWD; i++) {
		micro_start(m, i, make_cpuid, (void *)3);
		micro_finish(m, i);
	}
	take(m, "last", reason);
	micro_free(m);
}

static uint64_t cycles_of(struct micro *m, uint32_t reason)
{
	struct cpuid c = answer(m, cycles_leaf, reason);

	return (uint64_t)c.ebx << 32 | c.ecx;
}

/* A page fault is an exception where there is no nested paging. The readings are by CPUID. */
static void sleep_in_exits(struct micro *m)
{
	const uint32_t nested = micro_intel ? 48 : 0x400, exception = micro_intel ? 0 : 0x4e,
		       reading = micro_intel ? 10 : 0x72;
	uint64_t faults = hist_count(nested), tsc = rdtsc_ordered();
	uint64_t was_nested = cycles_of(m, nested), was_exception = cycles_of(m, exception),
		 was_reading = cycles_of(m, reading);
	bool is_nested;

	observe_u64("held.slept", held_sleep(m, HELD, HELD_MAX));
	is_nested = hist_count(nested) > faults;
	observe_u64("held.reason", is_nested ? nested : exception);
	observe_u64("held.cycles", is_nested ? cycles_of(m, nested) - was_nested :
					       cycles_of(m, exception) - was_exception);
	observe_u64("held.others", cycles_of(m, reading) - was_reading);
	observe_u64("held.passed", rdtsc_ordered() - tsc);
	observe_u64("held.vcpus", HELD_MAX);
}

/* Their time is their reason's: more of it than 32 bits can tell. */
static void measure_sleep(void)
{
	uint32_t sleepers[HELD_MAX];
	struct micro *m;

	for (uint32_t i = 0; i < HELD_MAX; i++)
		sleepers[i] = i;
	m = micro_new(sleepers, HELD_MAX);
	if (held_pages(m, HELD, HELD_MAX))
		sleep_in_exits(m);
	micro_free(m);
}

static void tell_answer(const char *what, uint32_t reason, struct cpuid c)
{
	char key[40], text[48];

	snprintf(key, sizeof(key), "%s.%" PRIu32, what, reason);
	snprintf(text, sizeof(text), "%" PRIx32 " %" PRIx32 " %" PRIx32 " %" PRIx32, c.eax, c.ebx,
		 c.ecx, c.edx);
	observe_str(key, text);
}

static struct cpuid ask_about(struct micro *m, uint32_t reason)
{
	struct cpuid c = answer(m, exits_leaf, reason);

	tell_answer("exits", reason, c);
	if (cycles_leaf)
		tell_answer("cycles", reason, answer(m, cycles_leaf, reason));
	return c;
}

/* Traced before and after each of the two times that all are asked for. */
static uint64_t traced[4][REASONS];

static void take_all(struct micro *m, unsigned int time)
{
	hist_read(traced[2 * time], REASONS);
	micro_start(m, 0, ask_all, counts[time]);
	micro_finish(m, 0);
	if (cycles_leaf) {
		micro_start(m, 0, ask_all_times, spent[time]);
		micro_finish(m, 0);
	}
	hist_read(traced[2 * time + 1], REASONS);
}

static void tell_all(void)
{
	uint64_t still = 0;

	for (uint32_t r = 0; r < REASONS; r++) {
		uint32_t grown = counts[1][r] - counts[0][r];

		if (!grown && traced[3][r] == traced[0][r] && spent[1][r] == spent[0][r]) {
			still++;
			continue;
		}
		observe_u64("any.reason", r);
		observe_u64("any.grown", grown);
		observe_u64("any.cycles", spent[1][r] - spent[0][r]);
		observe_u64("any.least", traced[2][r] - traced[1][r]);
		observe_u64("any.most", traced[3][r] - traced[0][r]);
	}
	observe_u64("any.still", still);
}

/* What a reading costs: CPUID, and the port by which the guest tells it. */
static const uint32_t own_kinds[2][2] = { { 0x72, 0x7b }, { 10, 30 } };

static bool is_own_kind(uint32_t reason)
{
	return reason == own_kinds[micro_intel][0] || reason == own_kinds[micro_intel][1];
}

static uint64_t others_traced(void)
{
	return hist_total() - hist_count(own_kinds[micro_intel][0]) - hist_count(own_kinds[micro_intel][1]);
}

/*
 * Each reason at its time, and first those that grow by being read: the sum is the total before it,
 * and what came of other kinds meanwhile.
 */
static void sum_up(struct micro *m)
{
	uint32_t last = micro_intel ? 0xff : 0x40f;
	uint64_t sum = 0, most, others = others_traced();

	observe_u64("total.before", answer(m, total_leaf, 0).eax);
	for (unsigned int i = 0; i < 2; i++)
		sum += ask_about(m, own_kinds[micro_intel][i]).eax;
	most = answer(m, total_leaf, 0).eax;
	for (uint32_t reason = 0; reason <= last; reason++)
		sum += is_own_kind(reason) ? 0 : ask_about(m, reason).eax;
	observe_u64("total.sum", sum);
	observe_u64("total.most", most + others_traced() - others);
	observe_u64("total.after", answer(m, total_leaf, 0).eax);
}

/* Behind Intel's last reason; AMD's are all asked about. */
static const uint32_t edges[] = { 0x100, 0x101, 0x10a, 0x11e, 0x130, 0x1ff, 0x200, 0x20a, 0x3ff, 0x400, 0x40a };

/* Past every array; some would be a known reason if they were cut to 16 or 31 bits. */
static const uint32_t hostile[] = {
	0x410,	 0x1000,     0x7fff,	 0x8000,     0xffff,	 0x10000,
	0x1000a, 0x10072,    0x1000000a, 0x10000072, 0x7fffffff, 0x80000000,
	0x8000000a, 0x80000072, 0xc0000000, 0xffff0000, 0xffffff00, 0xffffffff,
};

/* CPUID's operand is ecx: the other half of rcx is the guest's own affair. */
static void ask_above(void *arg)
{
	uint64_t rcx = 0x5a5a5a5a00000000 | question.subleaf, rax = question.leaf;
	uint64_t rbx, rdx;

	(void)arg;
	__asm__ volatile("cpuid" : "+a"(rax), "=b"(rbx), "+c"(rcx), "=d"(rdx));
	question.answer = (struct cpuid){ .eax = (uint32_t)rax,
					  .ebx = (uint32_t)rbx,
					  .ecx = (uint32_t)rcx,
					  .edx = (uint32_t)rdx };
}

static uint64_t count_of(uint32_t leaf, struct cpuid c)
{
	return leaf == exits_leaf ? c.eax : (uint64_t)c.ebx << 32 | c.ecx;
}

static void tell_above(struct micro *m, const char *what, uint32_t leaf)
{
	uint32_t reason = micro_intel ? 10 : 0x72;
	struct cpuid before = answer(m, leaf, reason), above, behind;

	micro_start(m, 0, ask_above, NULL);
	micro_finish(m, 0);
	above = question.answer;
	behind = answer(m, leaf, reason);
	observe_str("above", what);
	observe_u64("above.edx", above.edx);
	observe_u64("above.before", count_of(leaf, before));
	observe_u64("above.told", count_of(leaf, above));
	observe_u64("above.behind", count_of(leaf, behind));
}

/* Of a reason that there is, of one that has no handler or no name, and of none at all. */
static void read_leaves(void *times)
{
	static const uint32_t reasons[] = { 0x72, 10, 0x42, 35, 0xffff };

	for (uintptr_t n = 0; n < (uintptr_t)times; n++)
		cpuid(n & 1 && cycles_leaf ? cycles_leaf : exits_leaf, reasons[n % 5]);
}

static void read_times(struct micro *m, uint64_t times)
{
	micro_start(m, 0, read_leaves, (void *)(uintptr_t)times);
	micro_finish(m, 0);
}

static void run(void)
{
	static const uint32_t ids[] = { 0 };
	struct micro *m = micro_new(ids, 1);

	exits_leaf = (uint32_t)guest_number("NESTLAB_LEAF_TYPE_EXITS", 0x4ffffffe);
	cycles_leaf = (uint32_t)guest_number("NESTLAB_LEAF_TYPE_CYCLES", 0);
	total_leaf = (uint32_t)guest_number("NESTLAB_LEAF_TOTAL_EXITS", 0x4fffffff);
	add_fresh_memory(m);
	setvbuf(stdout, NULL, _IOFBF, 65536); /* a thousand lines: in large pieces */
	hist_start();
	take_all(m, 0);
	measure_kinds(m);
	measure(m, &interrupts, (uint64_t)(SPIN_MS * cycles_in_ms()));
	measure_crowd();
	if (cycles_leaf)
		measure_sleep();
	take_all(m, 1);
	hist_stop();
	tell_all();
	sum_up(m);
	for (size_t i = 0; micro_intel && i < sizeof(edges) / sizeof(edges[0]); i++)
		ask_about(m, edges[i]);
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++)
		ask_about(m, hostile[i]);
	tell_above(m, "exits", exits_leaf);
	if (cycles_leaf)
		tell_above(m, "cycles", cycles_leaf);
	memory_of(m, "readings", read_times);
	micro_free(m);
}

GUEST_TEST(run)

#else

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "evidence/reasons.h"
#include "plan/assignment.h"
#include "judge/checks.h"
#include "judge/costs.h"
#include "judge/memory_checks.h"
#include "judge/wrong.h"

#define BY_TRACEPOINT                                                                              \
	"oracle: kvm:kvm_exit by exit_reason, a histogram of L1's kernel, read before and after"

/* -- exits of known reasons -- */

enum column {
	REASON,
	TIMED,
	FIRST_TSC,
	FIRST_SEEN_BEFORE,
	FIRST_SEEN_AFTER,
	FIRST_EXITS,
	FIRST_CYCLES,
	LAST_TSC,
	LAST_SEEN_BEFORE,
	LAST_SEEN_AFTER,
	LAST_EXITS,
	LAST_CYCLES,
};
static const char *const keys[] = {
	[REASON] = "bout.reason",
	[TIMED] = "bout.timed",
	[FIRST_TSC] = "first.tsc.before",
	[FIRST_SEEN_BEFORE] = "first.seen.before",
	[FIRST_SEEN_AFTER] = "first.seen.after",
	[FIRST_EXITS] = "first.exits",
	[FIRST_CYCLES] = "first.cycles",
	[LAST_TSC] = "last.tsc.after",
	[LAST_SEEN_BEFORE] = "last.seen.before",
	[LAST_SEEN_AFTER] = "last.seen.after",
	[LAST_EXITS] = "last.exits",
	[LAST_CYCLES] = "last.cycles",
};

/*
 * Between least and most were traced meanwhile; L2's vCPUs may be between the tracepoint and the
 * change's own count. who: "cpuid (reason 114 (cpuid))"
 */
static void tally_growth(const struct evidence *e, const char *who, uint64_t grown, uint64_t least,
			 uint64_t most, struct tally *y)
{
	struct wrong w = { .least = least, .most = most + e->l2_busy };

	wrong_add(&w, "nothing, as if this reason were not counted", 0);
	if (grown + e->l2_busy >= least && grown <= most + e->l2_busy)
		tally_good(y);
	else
		tally_bad(y, "%s: grew by %" PRIu64 "%s, traced %" PRIu64 " to %" PRIu64, who, grown,
			  wrong_name(&w, grown), least, most);
}

static void tally_exits(const struct evidence *e, const struct table *y, size_t row,
			struct tally *bouts)
{
	uint32_t grown = (uint32_t)(table_at(y, row, LAST_EXITS) - table_at(y, row, FIRST_EXITS));
	_cleanup_free_ char *reason = reason_text(e->vendor_intel, table_at(y, row, REASON));
	_cleanup_free_ char *who = strf("%s (reason %s)", obs_get(&e->obs, "bout", row)->str, reason);

	tally_growth(e, who, grown, table_at(y, row, LAST_SEEN_BEFORE) - table_at(y, row, FIRST_SEEN_AFTER),
		     table_at(y, row, LAST_SEEN_AFTER) - table_at(y, row, FIRST_SEEN_BEFORE), bouts);
}

static uint64_t growth(const struct table *y, size_t row, enum column first, enum column last)
{
	return table_at(y, row, last) - table_at(y, row, first);
}

#define CHEAPEST 32 /* that cost as much as a cheap one: about 2 were measured */

/* In cycles: less is not what an exit costs that is handled where the time is measured. */
static uint64_t cheapest_of(const struct table *y)
{
	struct costs costs = { 0 };

	for (size_t i = 0; i < y->rows; i++) {
		uint32_t exits = (uint32_t)growth(y, i, FIRST_EXITS, LAST_EXITS);

		if (exits && table_at(y, i, TIMED))
			costs_add(&costs, growth(y, i, FIRST_CYCLES, LAST_CYCLES) / exits);
	}
	return costs_low(&costs) / CHEAPEST;
}

/* One vCPU made them, and L2's may have made more of the same. */
static void tally_cycles(const struct evidence *e, const struct table *y, size_t row,
			 uint64_t cheapest, struct tally *bouts)
{
	uint64_t grown = growth(y, row, FIRST_CYCLES, LAST_CYCLES);
	uint64_t traced = growth(y, row, FIRST_SEEN_AFTER, LAST_SEEN_BEFORE);
	uint64_t least = table_at(y, row, TIMED) ? traced * cheapest : 0;
	uint64_t most = growth(y, row, FIRST_TSC, LAST_TSC) * (1 + e->l2_busy);
	_cleanup_free_ char *reason = reason_text(e->vendor_intel, table_at(y, row, REASON));
	/* Not each kind exits on each CPU: none was traced, none is to be timed. */
	bool none = !e->l2_busy &&
		    table_at(y, row, LAST_SEEN_AFTER) == table_at(y, row, FIRST_SEEN_BEFORE);

	if (none ? !grown : grown && grown >= least && grown <= most)
		tally_good(bouts);
	else
		tally_bad(bouts,
			  "%s (reason %s): grew by %" PRIu64 ", %" PRIu64 " passed, %" PRIu64 " exits were traced",
			  obs_get(&e->obs, "bout", row)->str, reason, grown, most, traced);
}

static void measure_bout(const struct evidence *e, const struct table *y, size_t row,
			 struct test_result *t)
{
	_cleanup_free_ char *name = strf("exits: %s", obs_get(&e->obs, "bout", row)->str);

	result_add_measure(
		t, name, "exits",
		(uint32_t)(table_at(y, row, LAST_EXITS) - table_at(y, row, FIRST_EXITS)));
}

static void check_bouts(const struct evidence *e, struct test_result *t)
{
	_cleanup_table_ struct table y = { 0 };
	struct tally exits = { .unit = "reason" }, cycles = { .unit = "reason" };
	uint64_t cheapest;

	if (!table_collect(&y, &e->obs, keys, ARRAY_SIZE(keys)) ||
	    obs_count(&e->obs, "bout") != y.rows) {
		check_broken(t, "the bouts", "every bout told whole", "some of its lines are missing");
		return;
	}
	cheapest = cheapest_of(&y);
	for (size_t i = 0; i < y.rows; i++) {
		tally_exits(e, &y, i, &exits);
		tally_cycles(e, &y, i, cheapest, &cycles);
		measure_bout(e, &y, i, t);
	}
	tally_check(t, "exits of a reason", "grow as the exits of this reason that were traced",
		    &exits, BY_TRACEPOINT);
	if (e->assignment->leaf[LEAF_TYPE_CYCLES])
		tally_check(t, "cycles of a reason", "grow by some for each exit, and not by more than passed", &cycles,
			    "oracle: the test program's TSC");
	else
		check_skip(t, "cycles of a reason", "the assignment has no leaf for them");
	tally_drop(&cycles);
}

/* -- exits that sleep -- */

#define BY_HELD "oracle: the test program's TSC, while the page that the exit waited for was held back"

/* The time is their reason's; that of the readings before and behind them has none of it. */
static void tally_held(const struct evidence *e, uint64_t slept, struct tally *reasons)
{
	uint64_t reason = 0, cycles = 0, others = 0, passed = 0, vcpus = 0;
	_cleanup_free_ char *name = NULL;
	struct wrong w;

	has_u64(&e->obs, "held.reason", &reason);
	has_u64(&e->obs, "held.cycles", &cycles);
	has_u64(&e->obs, "held.others", &others);
	has_u64(&e->obs, "held.passed", &passed);
	has_u64(&e->obs, "held.vcpus", &vcpus);
	name = reason_text(e->vendor_intel, reason);
	w = (struct wrong){ .least = slept, .most = passed * (vcpus + e->l2_busy) };
	wrong_add_range(&w, "a time without what the exit's handler takes, perhaps", 1, slept / 1000);
	if (cycles >= slept && cycles <= w.most)
		tally_good(reasons);
	else
		tally_bad(reasons, "reason %s: grew by %" PRIu64 "%s, while its exits slept for %" PRIu64, name, cycles,
			  wrong_name(&w, cycles), slept);
	if (others <= slept / 2 + passed * e->l2_busy)
		tally_good(reasons);
	else
		tally_bad(reasons, "the readings' reason grew by %" PRIu64 " meanwhile", others);
}

static void check_held(const struct evidence *e, struct test_result *t)
{
	static const char check[] = "cycles of exits that sleep";
	struct tally reasons = { .unit = "reason" };
	uint64_t slept;

	if (!e->assignment->leaf[LEAF_TYPE_CYCLES]) {
		check_skip(t, check, "the assignment has no leaf for them");
		return;
	}
	if (!has_u64(&e->obs, "held.slept", &slept)) {
		check_skip(t, check, "this kernel has no userfaultfd");
		return;
	}
	tally_held(e, slept, &reasons);
	tally_check(t, check, "they are its reason's, and no other's", &reasons, BY_HELD);
}

/* -- exits of any reason -- */

#define ANY_TIME_CHECK "cycles of any reason"

enum any_column { ANY_REASON, ANY_GROWN, ANY_CYCLES, ANY_LEAST, ANY_MOST };
static const char *const any_keys[] = { "any.reason", "any.grown", "any.cycles", "any.least", "any.most" };

/* An exit of a reason that KVM has no handler for is in no count. */
static bool is_counted(const struct evidence *e, uint32_t reason)
{
	return reason_state(&e->reasons, e->vendor_intel, reason) == REASON_HANDLED;
}

static void tally_any(const struct evidence *e, const struct table *y, size_t row, struct tally *reasons)
{
	_cleanup_free_ char *name = reason_text(e->vendor_intel, table_at(y, row, ANY_REASON));
	_cleanup_free_ char *who = strf("reason %s", name);

	tally_growth(e, who, table_at(y, row, ANY_GROWN), table_at(y, row, ANY_LEAST),
		     table_at(y, row, ANY_MOST), reasons);
}

/* Whose exit the time was is told before its handler may make another guest's state the current one. */
static void tally_any_time(const struct evidence *e, const struct table *y, size_t row, struct tally *reasons)
{
	_cleanup_free_ char *name = reason_text(e->vendor_intel, table_at(y, row, ANY_REASON));
	uint64_t cycles = table_at(y, row, ANY_CYCLES);

	if (cycles && !table_at(y, row, ANY_MOST))
		tally_bad(reasons, "reason %s: grew by %" PRIu64 ", and no exit of it was made (another's time, perhaps)",
			  name, cycles);
	else
		tally_good(reasons);
}

/* An exit of L2's may have begun before. */
static void check_any_time(const struct evidence *e, const struct table *y, struct test_result *t)
{
	struct tally reasons = { .unit = "reason" };

	if (!e->assignment->leaf[LEAF_TYPE_CYCLES] || e->l2_busy) {
		check_skip(t, ANY_TIME_CHECK, e->l2_busy ? "L2 runs meanwhile" : "the assignment has no leaf for them");
		return;
	}
	for (size_t i = 0; i < y->rows; i++)
		if (is_counted(e, (uint32_t)table_at(y, i, ANY_REASON)))
			tally_any_time(e, y, i, &reasons);
	tally_check(t, ANY_TIME_CHECK, "none where no exit of the reason was made", &reasons, BY_TRACEPOINT);
}

static void check_any(const struct evidence *e, struct test_result *t)
{
	static const char check[] = "exits of any reason";
	_cleanup_table_ struct table y = { 0 };
	struct tally reasons = { .unit = "reason" };

	if (!table_collect(&y, &e->obs, any_keys, ARRAY_SIZE(any_keys)) || !obs_count(&e->obs, "any.still")) {
		check_broken(t, check, "every reason told whole", "some of its lines are missing");
		return;
	}
	for (size_t i = 0; i < y.rows; i++)
		if (is_counted(e, (uint32_t)table_at(&y, i, ANY_REASON)))
			tally_any(e, &y, i, &reasons);
	tally_check(t, check, "each grows as the exits of it that were traced meanwhile, and no other does",
		    &reasons, BY_TRACEPOINT);
	check_any_time(e, &y, t);
}

/* -- what is answered about every reason -- */

#define ABOVE_CHECK "what is above ecx"

struct answer {
	uint32_t reason, reg[4]; /* eax, ebx, ecx, edx */
	enum reason_state state;
};

static bool parse(const struct observation *o, struct answer *a)
{
	const char *dot = strchr(o->key, '.');

	return o->type == OBS_STR && (str_starts(o->key, "exits.") || str_starts(o->key, "cycles.")) &&
	       sscanf(dot, ".%" SCNu32, &a->reason) == 1 &&
	       sscanf(o->str, "%" SCNx32 " %" SCNx32 " %" SCNx32 " %" SCNx32, &a->reg[0], &a->reg[1],
		      &a->reg[2], &a->reg[3]) == 4;
}

static bool is_zero(const struct answer *a)
{
	return !a->reg[0] && !a->reg[1] && !a->reg[2];
}

static bool says_undefined(const struct answer *a)
{
	return is_zero(a) && a->reg[3] == UINT32_MAX;
}

static bool says_unhandled(const struct answer *a)
{
	return is_zero(a) && !a->reg[3];
}

static bool says_handled(const struct answer *a)
{
	return !a->reg[3];
}

static const struct rule {
	enum reason_state state;
	const char *name, *expected;
	bool (*right)(const struct answer *a);
} rules[] = {
	{ REASON_UNDEFINED, "reasons that the manual does not define",
	  "eax = ebx = ecx = 0, edx = 0xffffffff", says_undefined },
	{ REASON_UNHANDLED, "reasons that KVM does not handle", "0 in all four registers",
	  says_unhandled },
	{ REASON_HANDLED, "edx of a reason that KVM handles", "0", says_handled },
};

static void tell_wrong(const struct evidence *e, const struct observation *o,
		       const struct answer *a, struct tally *answers)
{
	_cleanup_free_ char *reason = reason_text(e->vendor_intel, a->reason);

	tally_bad(answers, "%s of reason %s: %s", *o->key == 'e' ? "exits" : "cycles", reason, o->str);
}

/* Of the leaf of exits, where the assignment says so. */
static bool has_eax_alone(const struct evidence *e, const struct rule *rule, const struct observation *o)
{
	return rule->state == REASON_HANDLED && *o->key == 'e' &&
	       assignment_wants_eax_alone(e->assignment, LEAF_TYPE_EXITS);
}

static void check_rule(const struct evidence *e, const struct rule *rule, struct test_result *t)
{
	struct tally answers = { .unit = "answer" };

	for (size_t i = 0; i < e->obs.n; i++) {
		struct answer a;

		if (has_eax_alone(e, rule, &e->obs.v[i]))
			continue;
		if (!parse(&e->obs.v[i], &a) ||
		    reason_state(&e->reasons, e->vendor_intel, a.reason) != rule->state)
			continue;
		if (rule->right(&a))
			tally_good(&answers);
		else
			tell_wrong(e, &e->obs.v[i], &a, &answers);
	}
	if (rule->state == REASON_HANDLED && !e->assignment->leaf[LEAF_TYPE_CYCLES] &&
	    assignment_wants_eax_alone(e->assignment, LEAF_TYPE_EXITS)) {
		check_skip(t, rule->name, ASSIGNMENT_EAX_ALONE);
		return;
	}
	tally_check(t, rule->name, rule->expected, &answers,
		    "oracle: the table of handlers in this kernel's module; the CPU's manual");
}

/* More than all exits: an array was read behind its end, perhaps, and this reason's is no count. */
static char *more_than_all(const struct evidence *e, uint64_t all)
{
	_cleanup_free_ char *name = NULL;

	for (size_t i = 0; i < e->obs.n; i++) {
		struct answer a;

		if (*e->obs.v[i].key != 'e' || !parse(&e->obs.v[i], &a) || a.reg[0] <= all)
			continue;
		name = reason_text(e->vendor_intel, a.reason);
		return strf(", of which reason %s alone has %" PRIu32, name, a.reg[0]);
	}
	return xstrdup("");
}

enum above_column { ABOVE_BEFORE, ABOVE_TOLD, ABOVE_BEHIND, ABOVE_EDX };
static const char *const above_keys[] = { "above.before", "above.told", "above.behind",
					  "above.edx" };

/* Its own exit, a CPUID as those around it, is counted or not yet: it is of the same reason. */
static void tally_above(const struct evidence *e, const struct table *y, size_t row,
			struct tally *answers)
{
	uint64_t before = table_at(y, row, ABOVE_BEFORE), told = table_at(y, row, ABOVE_TOLD),
		 behind = table_at(y, row, ABOVE_BEHIND), edx = table_at(y, row, ABOVE_EDX);

	if (told >= before && told <= behind && edx != UINT32_MAX)
		tally_good(answers);
	else
		tally_bad(answers,
			  "%s of cpuid: %" PRIu64 ", edx %#" PRIx64 "; without it %" PRIu64 " and %" PRIu64,
			  obs_get(&e->obs, "above", row)->str, told, edx, before, behind);
}

static void check_above(const struct evidence *e, struct test_result *t)
{
	_cleanup_table_ struct table y = { 0 };
	struct tally answers = { .unit = "answer" };

	if (!table_collect(&y, &e->obs, above_keys, ARRAY_SIZE(above_keys)) ||
	    obs_count(&e->obs, "above") != y.rows) {
		check_broken(t, ABOVE_CHECK, "each answer told whole",
			     "some of its lines are missing");
		return;
	}
	for (size_t i = 0; i < y.rows; i++)
		tally_above(e, &y, i, &answers);
	tally_check(t, ABOVE_CHECK,
		    "the reason is ecx alone: what was told before, or a little more", &answers, NULL);
}

static void check_sum(const struct evidence *e, struct test_result *t)
{
	_cleanup_free_ char *expected = NULL, *more = NULL, *observed = NULL;
	uint64_t before, sum, most, after;

	if (!want_u64(e, t, "total.before", &before) || !want_u64(e, t, "total.sum", &sum) ||
	    !want_u64(e, t, "total.most", &most) || !want_u64(e, t, "total.after", &after))
		return;
	result_add_measure(t, "exits of all reasons", "exits", (double)sum);
	expected = strf("%" PRIu64 " to %" PRIu64, before, most);
	more = more_than_all(e, after);
	observed = strf("%" PRIu64 "%s", sum, more);
	check_that(t, "the reasons' sum", sum >= before && sum <= most, expected, observed,
		   "the total that the leaf told before them, and what L1's tracepoint counted of other kinds meanwhile");
}

static const char *const checks[] = {
	"exits of a reason",
	"cycles of a reason",
	"cycles of exits that sleep",
	"the reasons' sum",
	ABOVE_CHECK,
	MEMORY_CHECK,
	"exits of any reason",
	ANY_TIME_CHECK,
	"reasons that the manual does not define",
	"reasons that KVM does not handle",
	"edx of a reason that KVM handles",
	NULL,
};

static void judge(const struct evidence *e, struct test_result *t)
{
	if (!check_program(e, t))
		return;
	check_bouts(e, t);
	check_held(e, t);
	check_sum(e, t);
	check_above(e, t);
	check_memory(e, t);
	if (!e->reasons.n) {
		check_skip_rest(t, checks, "this kernel's table of handlers could not be read");
		return;
	}
	check_any(e, t);
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		check_rule(e, &rules[i], t);
}

static const struct testcase cpuid_leaves_reasons = {
	.name = "cpuid-leaves/reasons",
	.assignment = "cpuid-leaves",
	.summary = "exits and cycles of each reason, their sum, and reasons that there are none of",
	.program = "test_exit_reasons",
	.level = 1,
	.timeout_s = 60,
	.quiet = true,
	.checks = checks,
	.judge = judge,
};
TESTCASE(cpuid_leaves_reasons);
#endif
