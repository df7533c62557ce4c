// SPDX-License-Identifier: GPL-2.0-only
/*
 * cpuid-exits/counters: the two counters, read many times while the program makes exits whose
 * number it knows. By hand: one line, as the assignment's text has it.
 *
 * What must hold for every right implementation, whether it counts this VM or the whole host, at
 * the beginning of an exit or at its end:
 *  - between two readings the exits grow at least by those that the program made;
 *  - from the first to the last they grow at most as KVM's own count did around the program;
 *  - the first is at least KVM's count before the program;
 *  - the cycles grow at most by the time that passed, times the vCPUs. An exit that was being
 *    handled when the program began (an idle vCPU's HLT lasts for seconds) would spoil the
 *    bounds, so each CPU runs some exits of the program first.
 */
#ifdef NESTLAB_GUEST
#include "crew.h"
#include "guest.h"

#include <inttypes.h>
#include <signal.h>

#define ALONE 1000    /* exits made on each CPU in turn */
#define TOGETHER 3000 /* and on each at the same time */
#define CARRY_NS 3000000000ULL
#define LEAST_NS 1000000000ULL

static uint32_t exits_leaf, cycles_leaf;
static bool eax_alone; /* in the leaf of exits */

struct reading {
	uint32_t exits, edx;
	uint64_t cycles;
};

static struct reading take_reading(void)
{
	struct cpuid c = cpuid(exits_leaf, 0);
	struct reading r = { .exits = c.eax, .edx = eax_alone ? 0 : c.edx };

	if (cycles_leaf != exits_leaf) {
		c = cpuid(cycles_leaf, 0);
		r.edx |= c.edx;
	}
	r.cycles = (uint64_t)c.ebx << 32 | c.ecx;
	return r;
}

static void print_reading(const struct reading *r)
{
	printf("CPUID(0x%08" PRIX32 "), exits=%" PRIu32 ", cycles spent in exit=%" PRIu64 "\n",
	       exits_leaf, r->exits, r->cycles);
}

/* made: the exits that the program made since the last reading, this one's included. */
static void observe_reading(const char *where, uint64_t made)
{
	struct reading r = take_reading();

	observe_str("reading.where", where);
	observe_u64("reading.made", made);
	observe_u64("reading.exits", r.exits);
	observe_u64("reading.cycles", r.cycles);
	observe_u64("reading.edx", r.edx);
}

static void make_exits(unsigned int n)
{
	while (n--)
		cpuid(0, 0);
}

static void wake_all(const struct guest_cpus *cpus)
{
	for (unsigned int i = 0; i < cpus->n; i++) {
		SAFE_PIN(cpus->cpu[i]);
		make_exits(4);
	}
	SAFE_PIN(cpus->cpu[0]);
}

static void make_exits_for_ever(unsigned int n)
{
	(void)n;
	for (;;)
		make_exits(1);
}

static void one_after_another(const struct guest_cpus *cpus)
{
	char where[32];

	for (unsigned int i = 0; i < cpus->n; i++) {
		SAFE_PIN(cpus->cpu[i]);
		snprintf(where, sizeof(where), "on CPU %d", cpus->cpu[i]);
		observe_reading(where, 1);
		make_exits(ALONE);
		observe_reading("after 1000 exits there", ALONE + 1);
	}
	SAFE_PIN(cpus->cpu[0]);
}

static void all_together(struct crew *crew, const struct guest_cpus *cpus)
{
	observe_reading("before all CPUs at once", 1);
	crew_start(crew, cpus, 0, make_exits, TOGETHER);
	crew_go(crew);
	crew_wait(crew);
	observe_reading("after 3000 exits on each CPU at once", (uint64_t)crew->n * TOGETHER + 1);
}

struct falls {
	uint64_t calls, flat, exits_fell, cycles_fell, edx;
	struct reading a, b; /* around the carry, or the first fall */
	bool carried;
};

static void compare(struct falls *f, const struct reading *a, const struct reading *b)
{
	bool flat = b->exits == a->exits, fell = (int32_t)(b->exits - a->exits) < 0;
	bool cycles_fell = b->cycles < a->cycles;

	f->calls++;
	f->flat += flat;
	f->exits_fell += fell;
	f->cycles_fell += cycles_fell;
	f->edx += b->edx != 0;
	f->carried = b->cycles >> 32 != a->cycles >> 32;
	f->a = *a;
	f->b = *b;
}

/* Whether the low half gets to its end in time, as fast as it has grown until now. */
static bool carry_comes(const struct reading *first, const struct reading *last, uint64_t passed_ns)
{
	double grown = (double)(last->cycles - first->cycles), left = (double)(UINT32_MAX - (uint32_t)last->cycles);

	return left * (double)passed_ns < grown * (double)(CARRY_NS - passed_ns);
}

/*
 * Read on and on, until the low half of the cycles has passed into the high one, or for some
 * seconds if it is going to. The other CPUs make exits meanwhile, which brings the carry nearer and
 * a lost or torn update to light.
 */
static void read_until_carry(struct falls *f)
{
	struct reading first = take_reading(), a = first, b;
	uint64_t begin = guest_now_ns(), passed = 0;

	while (!f->carried && !f->exits_fell && !f->cycles_fell && passed < CARRY_NS &&
	       (passed < LEAST_NS || carry_comes(&first, &a, passed))) {
		for (unsigned int i = 0; i < 64 && !f->carried; i++) {
			b = take_reading();
			compare(f, &a, &b);
			a = b;
		}
		passed = guest_now_ns() - begin;
	}
}

static void observe_falls(const struct falls *f)
{
	observe_u64("loop.calls", f->calls);
	observe_u64("loop.flat", f->flat);
	observe_u64("loop.exits_fell", f->exits_fell);
	observe_u64("loop.cycles_fell", f->cycles_fell);
	observe_u64("loop.edx", f->edx);
	observe_u64("loop.carried", f->carried);
	observe_u64("loop.before", f->a.cycles);
	observe_u64("loop.after", f->b.cycles);
}

static void watch_for_falls(struct crew *crew, const struct guest_cpus *cpus)
{
	struct falls f = { 0 };

	crew_start(crew, cpus, 1, make_exits_for_ever, 0);
	crew_go(crew);
	read_until_carry(&f);
	crew_kill(crew);
	observe_falls(&f);
	observe_reading("at the end", f.calls + 1);
}

static void observe_all(void)
{
	struct crew *crew = crew_new();
	struct guest_cpus cpus;

	guest_cpus(&cpus);
	observe_u64("cpus", cpus.n);
	SAFE_PIN(cpus.cpu[0]);
	observe_u64("tsc.begin", rdtsc_ordered());
	wake_all(&cpus);
	observe_reading("at the beginning", 1);
	one_after_another(&cpus);
	all_together(crew, &cpus);
	watch_for_falls(crew, &cpus);
	observe_u64("tsc.end", rdtsc_ordered());
}

static void run(void)
{
	struct reading r;

	exits_leaf = (uint32_t)guest_number("NESTLAB_LEAF_TOTAL_EXITS", 0x4fffffff);
	eax_alone = guest_number("NESTLAB_EXITS_IN_EAX_ALONE", 0);
	cycles_leaf = (uint32_t)guest_number("NESTLAB_LEAF_TOTAL_CYCLES", 0x4fffffff);
	r = take_reading();
	print_reading(&r);
	if (!guest_in_lab)
		return;
	observe_all();
	r = take_reading();
	print_reading(&r);
}

GUEST_TEST(run)

#else

#include <inttypes.h>
#include <string.h>

#include "judge/checks.h"
#include "judge/wrong.h"

#define BY_PROGRAM "the program's own count of the exits it made"

struct readings {
	const struct evidence *e;
	struct u64v made, exits, cycles, edx;
	uint64_t flat, exits_fell, cycles_fell, loop_edx, calls; /* of the loop */
	size_t n;
};

static const char *where(const struct readings *r, size_t i)
{
	const struct observation *o = obs_get(&r->e->obs, "reading.where", i);

	return o ? o->str : "?";
}

/* The leaf has 32 bits for the exits: they may wrap, so they are compared by their difference. */
static int32_t exits_step(const struct readings *r, size_t i)
{
	return (int32_t)((uint32_t)r->exits.v[i] - (uint32_t)r->exits.v[i - 1]);
}

static void tally_loop(struct tally *y, const struct readings *r, uint64_t bad, const char *what)
{
	if (bad)
		tally_bad(y, "%" PRIu64 " of %" PRIu64 " calls in a row %s", bad, r->calls, what);
	else
		tally_good(y);
}

static void check_edx(const struct readings *r, struct test_result *t)
{
	struct tally y = { .unit = "reading" };

	for (size_t i = 0; i < r->n; i++)
		if (r->edx.v[i])
			tally_bad(&y, "%s: %#" PRIx64, where(r, i), r->edx.v[i]);
		else
			tally_good(&y);
	tally_loop(&y, r, r->loop_edx, "had another edx");
	tally_check(t, "edx", "0", &y, NULL);
}

static void check_exits_never_fall(const struct readings *r, struct test_result *t)
{
	struct tally y = { .unit = "step" };

	for (size_t i = 1; i < r->n; i++)
		if (exits_step(r, i) < 0)
			tally_bad(&y, "%s: from %" PRIu64 " to %" PRIu64, where(r, i),
				  r->exits.v[i - 1], r->exits.v[i]);
		else
			tally_good(&y);
	tally_loop(&y, r, r->exits_fell, "fell");
	tally_check(t, "exits never fall", "from each reading to the next: not fewer", &y, NULL);
}

static void check_exits_grow(const struct readings *r, struct test_result *t)
{
	struct tally y = { .unit = "step" };

	for (size_t i = 1; i < r->n; i++)
		if (exits_step(r, i) < (int64_t)r->made.v[i])
			tally_bad(&y, "%s: grew by %" PRId32 ", the program made %" PRIu64,
				  where(r, i), exits_step(r, i), r->made.v[i]);
		else
			tally_good(&y);
	tally_loop(&y, r, r->flat, "did not grow, though each is an exit");
	tally_check(t, "exits grow with work", "at least by the exits that the program makes", &y,
		    BY_PROGRAM);
}

static void check_cycles_never_fall(const struct readings *r, struct test_result *t)
{
	struct tally y = { .unit = "step" };

	for (size_t i = 1; i < r->n; i++)
		if (r->cycles.v[i] < r->cycles.v[i - 1])
			tally_bad(&y, "%s: from %" PRIu64 " to %" PRIu64, where(r, i),
				  r->cycles.v[i - 1], r->cycles.v[i]);
		else
			tally_good(&y);
	tally_loop(&y, r, r->cycles_fell, "fell");
	tally_check(t, "cycles never fall", "ebx:ecx as one number: not fewer", &y, NULL);
}

static void check_cycles_grow(const struct readings *r, struct test_result *t)
{
	struct tally y = { .unit = "step" };

	for (size_t i = 1; i < r->n; i++) {
		if (r->made.v[i] < 2)
			continue;
		if (r->cycles.v[i] <= r->cycles.v[i - 1])
			tally_bad(&y, "%s: %" PRIu64 ", then %" PRIu64, where(r, i),
				  r->cycles.v[i - 1], r->cycles.v[i]);
		else
			tally_good(&y);
	}
	tally_check(t, "cycles grow with work", "more after each bout of exits", &y, BY_PROGRAM);
}

/*
 * Cycles that the vCPUs had in all, from before the first reading to after the last; 0: not told.
 */
static uint64_t cycles_there_were(const struct readings *r)
{
	uint64_t begin, end;

	if (!has_u64(&r->e->obs, "tsc.begin", &begin) || !has_u64(&r->e->obs, "tsc.end", &end) ||
	    end < begin)
		return 0;
	return (end - begin) * r->e->l2_cpus;
}

static void check_cycles_bound(const struct readings *r, struct test_result *t)
{
	static const char name[] = "cycles spent are fewer than passed";
	_cleanup_free_ char *evidence =
		strf("the guest's TSC around the program, times %u vCPUs", r->e->l2_cpus);
	uint64_t most = cycles_there_were(r);

	if (!most)
		check_broken(t, name, "the program tells the TSC", "it did not, or it fell");
	else
		check_at_most(t, name, most, r->cycles.v[r->n - 1] - r->cycles.v[0], evidence);
}

/*
 * The step in which the high half changed must be a small one. Halves that are exchanged, or a
 * high half that is no count at all, step by about 2^32 or more with each call.
 */
static void check_carry(const struct readings *r, struct test_result *t)
{
	static const char name[] = "the halves carry";
	uint64_t carried = 0, before = 0, after = 0;
	_cleanup_free_ char *expected = NULL, *observed = NULL;

	if (!has_u64(&r->e->obs, "loop.carried", &carried) ||
	    !has_u64(&r->e->obs, "loop.before", &before) ||
	    !has_u64(&r->e->obs, "loop.after", &after) || !carried) {
		check_skip(t, name, "the low half did not pass 2^32 while the program looked");
		return;
	}
	expected = strf("when ebx grows, ebx:ecx grows by no more than %" PRIu64,
			cycles_there_were(r));
	observed = strf("from %#" PRIx64 ":%#" PRIx64 " to %#" PRIx64 ":%#" PRIx64, before >> 32,
			before & UINT32_MAX, after >> 32, after & UINT32_MAX);
	check_that(t, name, after > before && after - before <= cycles_there_were(r), expected,
		   observed, "two calls in a row");
}

/*
 * A counter of the whole host has other, earlier VMs' exits too: no upper bound for the value
 * itself.
 */
static void check_against_kvm(const struct readings *r, struct test_result *t)
{
	static const char at_least[] = "exits include all before", growth[] = "exits grow as KVM's";
	const struct evidence *e = r->e;
	uint64_t before = oracle_total_exits(&e->before), after = oracle_total_exits(&e->after);
	uint32_t first = (uint32_t)r->exits.v[0], last = (uint32_t)r->exits.v[r->n - 1];
	bool all = (int32_t)(first - (uint32_t)before) >= 0;
	struct wrong w = { .least = (uint32_t)before, .most = (uint32_t)before };
	_cleanup_free_ char *expected = NULL, *observed = NULL;

	if (!oracle_has_all_exits(&e->before) || !oracle_has_all_exits(&e->after)) {
		check_broken(t, growth, "within KVM's own count",
			     "its statistics could not be read");
		return;
	}
	expected = strf("at least %" PRIu32 " in the first reading", (uint32_t)before);
	wrong_add_fastpath(&w, oracle_fastpath_exits(&e->before, e->vendor_intel));
	observed = strf("%" PRIu32 "%s", first, all ? "" : wrong_name(&w, first));
	check_that(t, at_least, all, expected, observed, BY_KVM_STATS);
	check_at_most(t, growth, after - before, last - first, BY_KVM_STATS);
}

static void measure(const struct readings *r, struct test_result *t)
{
	uint32_t exits = (uint32_t)r->exits.v[r->n - 1] - (uint32_t)r->exits.v[0];
	double cycles = (double)r->cycles.v[r->n - 1] - (double)r->cycles.v[0];

	result_add_measure(t, "exits", "exits", exits);
	result_add_measure(t, "cycles", "cycles", cycles);
	if (exits)
		result_add_measure(t, "cycles per exit", "cycles/exit", cycles / exits);
	result_add_measure(t, "readings in a row", "calls", (double)r->calls);
}

static void check_readings(const struct readings *r, struct test_result *t)
{
	measure(r, t);
	check_edx(r, t);
	check_exits_never_fall(r, t);
	check_exits_grow(r, t);
	check_against_kvm(r, t);
	check_cycles_never_fall(r, t);
	check_cycles_grow(r, t);
	check_cycles_bound(r, t);
	check_carry(r, t);
}

static bool collect(struct readings *r, struct test_result *t)
{
	const struct observations *o = &r->e->obs;

	u64v_collect(&r->made, o, "reading.made");
	u64v_collect(&r->exits, o, "reading.exits");
	u64v_collect(&r->cycles, o, "reading.cycles");
	u64v_collect(&r->edx, o, "reading.edx");
	r->n = r->exits.n;
	if (r->n > 1 && r->made.n == r->n && r->cycles.n == r->n && r->edx.n == r->n)
		return want_u64(r->e, t, "loop.calls", &r->calls) &&
		       want_u64(r->e, t, "loop.flat", &r->flat) &&
		       want_u64(r->e, t, "loop.exits_fell", &r->exits_fell) &&
		       want_u64(r->e, t, "loop.cycles_fell", &r->cycles_fell) &&
		       want_u64(r->e, t, "loop.edx", &r->loop_edx);
	check_broken(t, "readings", "the program tells two or more, each with all its values",
		     "it did not");
	return false;
}

static const char *const checks[] = {
	"online CPUs",
	"edx",
	"exits never fall",
	"exits grow with work",
	"exits include all before",
	"exits grow as KVM's",
	"cycles never fall",
	"cycles grow with work",
	"cycles spent are fewer than passed",
	"the halves carry",
	NULL,
};

static void judge(const struct evidence *e, struct test_result *t)
{
	struct readings r = { .e = e };
	uint64_t cpus;

	if (!check_program(e, t) || !want_u64(e, t, "cpus", &cpus))
		return;
	check_equal_u64(t, "online CPUs", e->l2_cpus, cpus, "as the program sees them")
		->preparatory = true;
	if (collect(&r, t))
		check_readings(&r, t);
	u64v_free(&r.made);
	u64v_free(&r.exits);
	u64v_free(&r.cycles);
	u64v_free(&r.edx);
}

static const struct testcase cpuid_exits_counters = {
	.name = "cpuid-exits/counters",
	.assignment = "cpuid-exits",
	.summary =
		"exits and cycles never fall, grow with work, and agree with KVM's own statistics",
	.program = "test_cpuid",
	.level = 2,
	.timeout_s = 60,
	.checks = checks,
	.judge = judge,
};
TESTCASE(cpuid_exits_counters);
#endif
