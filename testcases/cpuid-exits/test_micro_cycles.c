// SPDX-License-Identifier: GPL-2.0-only
/*
 * cpuid-exits/cycles: exits whose handling lasts as long as the test wants. Each vCPU of a micro
 * guest touches a page that is held back (held.h), so its nested page fault sleeps in KVM until
 * the program gives the page; the TSC in between is a part of the handling's time that must be in
 * the leaf. Together they last longer than 32 bits of cycles can tell, and one of another vCPU does
 * so alone, beside all that follows. The time of a guest that
 * spins is none of an exit, also when KVM's fastpath has just let it go on. Nor are cycles the
 * guest's: what it sets its TSC to is its own affair. And exits that user space has to serve are
 * handled in KVM, too, before they get there.
 */
#ifdef NESTLAB_GUEST
#include "exit_kinds.h"
#include "exit_rare.h"
#include "held.h"

#include <inttypes.h>

#define VCPUS 16
#define HELD (VCPUS - 1) /* pages, one a vCPU */
#define LASTING HELD	 /* the vCPU whose exit lasts, and its page */
#define CYCLES_OF_32_BITS 0x100000000UL
#define LASTING_MS 4000	 /* a TSC that needs more for these is not waited for */
#define PAGES 0x10000000UL /* where the guest finds them */
#define FAST 2000
#define ROUNDS 4
#define EXITS 300UL /* in each */
#define MSR_TSC 0x10
#define TSC_SETS 20
#define SPINS 5
#define SPIN_MS 30
#define SENDS_A_SPIN 30
#define SENDING_SPINS 3

static struct cpuid reading;
static uint32_t leaf;

static void read_leaf(void *arg)
{
	(void)arg;
	reading = cpuid(leaf, 0);
}

static uint64_t read_cycles(struct micro *m)
{
	micro_start(m, 0, read_leaf, NULL);
	micro_finish(m, 0);
	return (uint64_t)reading.ebx << 32 | reading.ecx;
}

static void take(struct micro *m)
{
	uint64_t before = rdtsc_ordered(), cycles = read_cycles(m);

	observe_u64("reading.before", before);
	observe_u64("reading.after", rdtsc_ordered());
	observe_u64("reading.cycles", cycles);
	if (!guest_in_lab)
		printf("cycles spent in exit=%" PRIu64 "\n", cycles);
}

static uint64_t cycles_of(struct micro *m, void (*exits)(void *))
{
	uint64_t before = read_cycles(m);

	micro_start(m, 0, exits, (void *)EXITS);
	micro_finish(m, 0);
	return read_cycles(m) - before;
}

/* Side by side, and several times: what disturbs one is not the other's. */
static void go_to_user_space(struct micro *m)
{
	for (unsigned int i = 0; i < ROUNDS; i++) {
		observe_u64("round.inside", cycles_of(m, make_cpuid));
		observe_u64("round.outside", cycles_of(m, make_out));
	}
}

/* To and fro, by far more than passes meanwhile. */
static void set_tsc(void *arg)
{
	(void)arg;
	for (uint32_t i = 1; i <= TSC_SETS; i++)
		__asm__ volatile("wrmsr" : : "a"(0), "d"(i & 1 ? i << 16 : i), "c"(MSR_TSC));
}

/* Several times: who else uses the machine must not spoil all. */
static void spin_in_guest(struct micro *m)
{
	uint64_t cycles = (uint64_t)(SPIN_MS * cycles_in_ms());

	for (unsigned int i = 0; i < SPINS; i++) {
		micro_start(m, 0, spin, (void *)cycles);
		micro_finish(m, 0);
		take(m);
	}
	observe_u64("spun", cycles);
}

static uint64_t spin_cycles; /* between two interrupts that it sends */

static void spin_sending(void *arg)
{
	(void)arg;
	begin_ipis();
	for (unsigned int i = 0; i < SENDS_A_SPIN; i++) {
		send_ipi(1);
		spin((void *)spin_cycles);
	}
}

static uint64_t cycles_of_sending(struct micro *m, uint64_t spun)
{
	uint64_t before = read_cycles(m);

	spin_cycles = spun;
	micro_start(m, 0, spin_sending, NULL);
	micro_finish(m, 0);
	return read_cycles(m) - before;
}

/* To a vCPU that does not run, by an MSR that KVM's fastpath may handle. */
static void send_in_guest(void)
{
	static const uint32_t ids[] = { 0, 1 };
	struct micro *m = micro_new_with_apics(ids, 2);
	uint64_t cycles = (uint64_t)(SPIN_MS * cycles_in_ms() / SENDS_A_SPIN);

	observe_u64("sending.spun", cycles * SENDS_A_SPIN);
	for (unsigned int i = 0; i < SENDING_SPINS; i++) {
		observe_u64("sending.alone", cycles_of_sending(m, 0));
		observe_u64("sending.cycles", cycles_of_sending(m, cycles));
	}
	micro_free(m);
}

static void wait_until_passed(uint64_t since, uint64_t cycles)
{
	while (rdtsc_ordered() - since < cycles)
		guest_sleep_ms(10);
}

/* An eighth more than that: what others' exits cost meanwhile makes up for none of it. */
static void tell_lasting(struct micro *m, uint64_t since)
{
	uint64_t first, before;

	if (cycles_in_ms() * LASTING_MS < CYCLES_OF_32_BITS) {
		observe_u64("lasting.too_long", 1);
		held_end(m, LASTING, since);
		return;
	}
	wait_until_passed(since, CYCLES_OF_32_BITS / 8 * 9);
	before = rdtsc_ordered();
	first = read_cycles(m);
	observe_u64("lasting.slept", held_end(m, LASTING, since));
	observe_u64("lasting.cycles", read_cycles(m) - first);
	observe_u64("lasting.passed", rdtsc_ordered() - before);
}

static void run(void)
{
	uint32_t ids[VCPUS];
	uint64_t since;
	struct micro *m;

	for (unsigned int i = 0; i < VCPUS; i++)
		ids[i] = i;
	m = micro_new(ids, VCPUS);
	leaf = (uint32_t)guest_number("NESTLAB_LEAF_TOTAL_CYCLES", 0x4fffffff);
	if (!held_pages(m, PAGES, VCPUS))
		guest_skip("this kernel has no userfaultfd");
	observe_u64("vcpus", VCPUS);
	take(m);
	micro_start(m, 0, make_cpuid, (void *)FAST);
	micro_finish(m, 0);
	take(m);
	since = held_begin(m, PAGES, LASTING);
	observe_u64("slept", held_sleep(m, PAGES, HELD));
	take(m);
	micro_start(m, 0, set_tsc, NULL);
	micro_finish(m, 0);
	take(m);
	go_to_user_space(m);
	spin_in_guest(m);
	send_in_guest();
	tell_lasting(m, since);
	micro_free(m);
}

GUEST_TEST(run)

#else

#include <inttypes.h>

#include "judge/checks.h"
#include "judge/wrong.h"

#define BY_TSC "oracle: the test program's TSC, read before and after"

enum column { BEFORE, AFTER, CYCLES };
static const char *const keys[] = { "reading.before", "reading.after", "reading.cycles" };
enum row { START, FAST_DONE, SLOW_DONE, TSC_DONE };
#define LASTING_CHECK "cycles of an exit that lasts"
#define SENDING_CHECK "cycles while the guest spins and sends interrupts"
#define BY_SPIN "oracle: the test program's TSC, read in the guest"

/* Each of those that ran, L2's too, can have spent at most the time that passed. */
static uint64_t most_between(const struct evidence *e, const struct table *y, size_t row, uint64_t vcpus)
{
	return (table_at(y, row, AFTER) - table_at(y, row - 1, BEFORE)) * (vcpus + e->l2_busy);
}

static uint64_t growth(const struct table *y, size_t row)
{
	return table_at(y, row, CYCLES) - table_at(y, row - 1, CYCLES);
}

/*
 * A guest that spins is left for the host's ticks alone. In the spin that was disturbed least they
 * cost a small part of it.
 */
static void judge_spins(const struct table *y, uint64_t spun, struct test_result *t)
{
	uint64_t least = UINT64_MAX;

	for (size_t i = TSC_DONE + 1; i < y->rows; i++)
		if (growth(y, i) < least)
			least = growth(y, i);
	result_add_measure(t, "cycles while the guest spins", "cycles", (double)least);
	check_between(t, "cycles while the guest spins", 1, spun / 2, least, BY_SPIN);
}

static uint64_t least_of(const struct observations *obs, const char *key)
{
	uint64_t least = UINT64_MAX;

	for (size_t i = 0; i < obs_count(obs, key); i++)
		if (obs_get(obs, key, i)->u64 < least)
			least = obs_get(obs, key, i)->u64;
	return least;
}

/*
 * KVM has more to do for an out that user space serves than for a cpuid. A quarter is little: who
 * leaves out such exits has nearly nothing, the exits of the host's ticks alone.
 */
static void judge_rounds(const struct evidence *e, struct test_result *t)
{
	static const char check[] = "cycles of exits to user space";

	if (!obs_count(&e->obs, "round.inside") || !obs_count(&e->obs, "round.outside")) {
		check_broken(t, check, "each round told", "there is none");
		return;
	}
	/* Who has no cycles at all has none of these. */
	check_at_least(t, check, least_of(&e->obs, "round.inside") / 4 + 1, least_of(&e->obs, "round.outside"),
		       "oracle: the same number of exits by CPUID, a moment before, in the quietest of some rounds");
}

/*
 * The same of one that sends interrupts: it goes on at once, and its time is no exit's. What the
 * sending itself costs, with sanitizers even more than the spin, is told by one that does not spin.
 */
static void judge_sending(const struct evidence *e, struct test_result *t)
{
	uint64_t spun;

	if (want_u64(e, t, "sending.spun", &spun))
		check_between(t, SENDING_CHECK, 1, spun / 2 + least_of(&e->obs, "sending.alone"),
			      least_of(&e->obs, "sending.cycles"), BY_SPIN);
}

/* Exits of milliseconds: who has next to nothing of them stops his clock before the handler runs. */
static void judge_slow(const struct evidence *e, const struct table *y, uint64_t slept,
		       struct test_result *t)
{
	struct wrong w = { .least = slept };
	uint64_t vcpus = 0, told = growth(y, SLOW_DONE);
	_cleanup_free_ char *want = NULL, *saw = NULL;

	has_u64(&e->obs, "vcpus", &vcpus);
	w.most = most_between(e, y, SLOW_DONE, vcpus);
	want = strf("%" PRIu64 " to %" PRIu64, w.least, w.most);
	result_add_measure(t, "cycles of slow exits", "cycles", (double)told);
	wrong_add_range(&w, "a time without what the exit's handler takes, perhaps", 1, slept / 1000);
	saw = strf("%" PRIu64 "%s", told, wrong_name(&w, told));
	check_that(t, "cycles of slow exits", told >= w.least && told <= w.most, want, saw, BY_TSC);
}

/* It is counted at its end, whole: less than this was cut. */
static void judge_lasting(const struct evidence *e, struct test_result *t)
{
	uint64_t slept, told, passed, vcpus = 0;
	struct wrong w = { 0 };
	_cleanup_free_ char *want = NULL, *saw = NULL;

	if (obs_get(&e->obs, "lasting.too_long", 0)) {
		check_skip(t, LASTING_CHECK, "2^32 cycles of this machine's TSC take too long");
		return;
	}
	if (!want_u64(e, t, "lasting.slept", &slept) || !want_u64(e, t, "lasting.cycles", &told) ||
	    !want_u64(e, t, "lasting.passed", &passed))
		return;
	has_u64(&e->obs, "vcpus", &vcpus);
	w.least = slept;
	w.most = slept + slept / 2 + passed * (vcpus + e->l2_busy);
	want = strf("%" PRIu64 " to %" PRIu64, w.least, w.most);
	saw = strf("%" PRIu64 "%s", told, wrong_name(&w, told));
	check_that(t, LASTING_CHECK, told >= w.least && told <= w.most, want, saw, BY_TSC);
}

/* -- how finely they are counted -- */

#define COARSE 64 /* times the step of the TSC itself: no chance in a dozen of numbers */

static uint64_t gcd(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* The largest number that all steps from one to the next are multiples of. */
static uint64_t step_of(const struct observations *obs, const char *key, bool differences)
{
	uint64_t step = 0;
	const struct observation *o, *before = NULL;

	for (size_t i = 0; (o = obs_get(obs, key, i)); i++, before = o)
		if (!differences)
			step = gcd(step, o->u64);
		else if (before)
			step = gcd(step, o->u64 - before->u64);
	return step;
}

/* A CPU's TSC may go on in steps of its own. */
static void judge_steps(const struct evidence *e, struct test_result *t)
{
	uint64_t cycles = gcd(step_of(&e->obs, "reading.cycles", true),
			      gcd(step_of(&e->obs, "round.inside", false), step_of(&e->obs, "round.outside", false)));
	uint64_t tsc = gcd(step_of(&e->obs, "reading.before", true), step_of(&e->obs, "reading.after", true));

	check_at_most(t, "the step of the cycles", (tsc ? tsc : 1) * COARSE, cycles,
		      "what all growths are multiples of; oracle: the step of the test program's TSC");
}

static const char *const checks[] = {
	"the step of the cycles",
	"cycles of fast exits",
	"cycles of slow exits",
	"cycles while the guest sets its TSC",
	"cycles of exits to user space",
	"cycles while the guest spins",
	SENDING_CHECK,
	LASTING_CHECK,
	NULL,
};

static void judge(const struct evidence *e, struct test_result *t)
{
	_cleanup_table_ struct table y = { 0 };
	uint64_t slept, spun;

	if (!check_program(e, t) || !want_u64(e, t, "slept", &slept) || !want_u64(e, t, "spun", &spun))
		return;
	if (!table_collect(&y, &e->obs, keys, ARRAY_SIZE(keys)) || y.rows < TSC_DONE + 2) {
		check_broken(t, "the readings", "all told whole", "some of its lines are missing");
		return;
	}
	result_add_measure(t, "cycles of fast exits", "cycles", (double)growth(&y, FAST_DONE));
	check_between(t, "cycles of fast exits", 1, most_between(e, &y, FAST_DONE, 1),
		      growth(&y, FAST_DONE), BY_TSC);
	judge_slow(e, &y, slept, t);
	check_between(t, "cycles while the guest sets its TSC", 1, most_between(e, &y, TSC_DONE, 1),
		      growth(&y, TSC_DONE), BY_TSC);
	judge_rounds(e, t);
	judge_spins(&y, spun, t);
	judge_sending(e, t);
	judge_lasting(e, t);
	judge_steps(e, t);
}

static const struct testcase cpuid_exits_cycles = {
	.name = "cpuid-exits/cycles",
	.assignment = "cpuid-exits",
	.summary = "exits that sleep in KVM for a time that the test knows, longer than 32 bits of cycles; guests that spin",
	.program = "test_micro_cycles",
	.level = 1,
	.timeout_s = 60,
	.quiet = true,
	.checks = checks,
	.judge = judge,
};
TESTCASE(cpuid_exits_cycles);
#endif
