// SPDX-License-Identifier: GPL-2.0-only
/*
 * cpuid-exits/kinds: micro guests make exits of one kind, of several vCPUs at the same time, of
 * many, and in two machines, between two readings of the leaf. With no operating system in the way, KVM's own
 * count around each reading leaves room for hardly an exit. Nor does any kind cost nothing.
 */
#define NEVER UINT64_MAX

#ifdef NESTLAB_GUEST
#include "exit_kinds.h"
#include "mark.h"
#include "micro.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define VCPUS 4
#define TIMES 100UL /* exits of each kind */

static const uint32_t ids[VCPUS] = { 0, 1, 2, 3 };

/* What the reader read; the guest writes it. */
static struct cpuid reading;
static uint32_t leaf, cycles_leaf;

static void read_leaf(void *arg)
{
	reading = cpuid((uint32_t)(uintptr_t)arg, 0);
}

/* Counts of KVM's around a reading of the leaf. */
struct around {
	uint64_t all, own; /* of all machines of this host; of the first machine here */
};

static struct around count(struct micro *m)
{
	return (struct around){ .all = micro_host_exits(), .own = micro_all_exits(m) };
}

static void read_by(struct micro *m, uint32_t which)
{
	micro_start(m, 0, read_leaf, (void *)(uintptr_t)which);
	micro_finish(m, 0);
}

static uint64_t cycles_by(struct micro *m)
{
	read_by(m, cycles_leaf);
	return (uint64_t)reading.ebx << 32 | reading.ecx;
}

static void take_cycles(struct micro *m, const char *which)
{
	uint64_t cycles = cycles_by(m);
	char key[40];

	snprintf(key, sizeof(key), "%s.cycles", which);
	observe_u64(key, cycles);
}

static void take_exits(struct micro *m, const char *which)
{
	struct around before = count(m), after;
	char key[40];

	read_by(m, leaf);
	after = count(m);
	snprintf(key, sizeof(key), "%s.exits", which);
	observe_u64(key, reading.eax);
	snprintf(key, sizeof(key), "%s.all.before", which);
	observe_u64(key, before.all);
	snprintf(key, sizeof(key), "%s.all.after", which);
	observe_u64(key, after.all);
	snprintf(key, sizeof(key), "%s.own.before", which);
	observe_u64(key, before.own);
	snprintf(key, sizeof(key), "%s.own.after", which);
	observe_u64(key, after.own);
}

/* Next to the bout stand the cycles: as little as can be of another time is in them. */
static void take_first(struct micro *m)
{
	take_exits(m, "first");
	take_cycles(m, "first");
}

static void take_last(struct micro *m)
{
	take_cycles(m, "last");
	take_exits(m, "last");
}

static void make(struct micro *by, unsigned int vcpus, void (*exits)(void *), uintptr_t times)
{
	for (unsigned int i = 0; i < vcpus; i++)
		micro_start(by, i, exits, (void *)times);
	for (unsigned int i = 0; i < vcpus; i++)
		micro_finish(by, i);
}

/*
 * timed: each of its exits is handled where their time is measured. again: what so many cost once
 * more, as a host that is busy elsewhere makes them dear, and never cheap; NEVER: not asked.
 */
static void tell_bout(const char *what, unsigned int vcpus, uint64_t times, bool timed,
		      uint64_t again)
{
	observe_str("bout", what);
	observe_u64("bout.timed", timed);
	observe_u64("bout.made", vcpus * times);
	observe_u64("bout.vcpus", vcpus);
	observe_u64("bout.again", again);
	if (!guest_in_lab)
		printf("%s: %" PRIu64 " exits made\n", what, vcpus * times);
}

/* Those that each take the program, too, are long under way: the host's ticks weigh more there. */
static uint64_t times_of(const struct exit_kind *k)
{
	return k->program ? 4 * TIMES : TIMES;
}

static uint64_t cost_of(struct micro *m, const struct exit_kind *k)
{
	uint64_t before = cycles_by(m);

	make_exits(m, k, times_of(k));
	return cycles_by(m) - before;
}

static void measure_kind(struct micro *m, const struct exit_kind *k)
{
	uint64_t again = k->fast || k->once ? NEVER : cost_of(m, k);

	tell_bout(k->name, 1, times_of(k), !k->fast, again);
	take_first(m);
	make_exits(m, k, times_of(k));
	take_last(m);
}

/* For what they miss when several count in one place. */
static void measure_together(struct micro *m, uint64_t times)
{
	tell_bout("cpuid of 4 vCPUs at the same time", VCPUS, times, false, NEVER);
	take_first(m);
	emulator_mark(1);
	make(m, VCPUS, make_cpuid_unevenly, times);
	take_last(m);
}

/* Who counts all machines together tells each of them the same, and who counts them apart its own. */
static void measure_by(struct micro *other)
{
	read_by(other, leaf);
	tell_bout("cpuid of another machine, which reads", 2, 200, false, NEVER);
	take_first(other);
	make(other, 2, make_cpuid, 200);
	take_last(other);
}

/*
 * Of a machine that is made between the readings, and lives until the last one: KVM's count of the
 * host is of the machines that are there.
 */
static void measure_other(struct micro *m)
{
	struct micro *other;

	tell_bout("cpuid of another machine", 2, 500, false, NEVER);
	take_first(m);
	other = micro_new(ids, VCPUS);
	make(other, 2, make_cpuid, 500);
	take_last(m);
	measure_by(other);
	micro_free(other);
}

/* A machine of more vCPUs than a word has bits: none of them is left out. */
static void measure_crowd(void)
{
	struct micro *m = micro_new_crowd();

	read_by(m, leaf);
	tell_bout("cpuid of 70 vCPUs", MICRO_CROWD, 5, false, NEVER);
	take_first(m);
	make(m, MICRO_CROWD, make_cpuid, 5);
	take_last(m);
	micro_free(m);
}

static void measure_kinds(struct micro *m)
{
	struct micro *machines[KIND_MACHINES];

	make_kind_machines(m, machines);
	for (unsigned int i = 0; i < KIND_MACHINES; i++)
		read_by(machines[i], leaf); /* its first pages are faulted in: no bout's exits */
	for (size_t i = 0; i < EXIT_KINDS; i++)
		measure_kind(machines[exit_kinds[i].on], &exit_kinds[i]);
	free_kind_machines(machines);
}

static void run(void)
{
	struct micro *m = micro_new(ids, VCPUS);

	leaf = (uint32_t)guest_number("NESTLAB_LEAF_TOTAL_EXITS", 0x4fffffff);
	cycles_leaf = (uint32_t)guest_number("NESTLAB_LEAF_TOTAL_CYCLES", leaf);
	add_fresh_memory(m);
	measure_kinds(m);
	measure_together(m, 4000 * guest_number("NESTLAB_EFFORT", 1));
	measure_other(m);
	micro_free(m);
	measure_crowd();
}

GUEST_TEST(run)

#else

#include <inttypes.h>

#include "judge/checks.h"
#include "judge/costs.h"
#include "judge/wrong.h"

#define BY_STATS                                                                                   \
	"oracle: KVM's own count, read before and after each reading of the leaf (debugfs kvm/exits; KVM_GET_STATS_FD)"

enum column {
	MADE,
	FIRST,
	FIRST_ALL_BEFORE,
	FIRST_ALL_AFTER,
	FIRST_OWN_BEFORE,
	FIRST_OWN_AFTER,
	LAST,
	LAST_ALL_BEFORE,
	LAST_ALL_AFTER,
	LAST_OWN_BEFORE,
	LAST_OWN_AFTER,
	TIMED,
	FIRST_CYCLES,
	LAST_CYCLES,
	AGAIN,
};
static const char *const keys[] = {
	[MADE] = "bout.made",
	[FIRST] = "first.exits",
	[FIRST_ALL_BEFORE] = "first.all.before",
	[FIRST_ALL_AFTER] = "first.all.after",
	[FIRST_OWN_BEFORE] = "first.own.before",
	[FIRST_OWN_AFTER] = "first.own.after",
	[LAST] = "last.exits",
	[LAST_ALL_BEFORE] = "last.all.before",
	[LAST_ALL_AFTER] = "last.all.after",
	[LAST_OWN_BEFORE] = "last.own.before",
	[LAST_OWN_AFTER] = "last.own.after",
	[TIMED] = "bout.timed",
	[FIRST_CYCLES] = "first.cycles",
	[LAST_CYCLES] = "last.cycles",
	[AGAIN] = "bout.again",
};

struct range {
	uint64_t least, most;
};

/*
 * How far the count grew between the readings: not more than from before the first to after the
 * last.
 */
static struct range grown(const struct table *y, size_t row, enum column first_before,
			  enum column last_before)
{
	return (struct range){
		table_at(y, row, last_before) - table_at(y, row, first_before + 1),
		table_at(y, row, last_before + 1) - table_at(y, row, first_before),
	};
}

static bool is_in(struct range r, uint64_t n)
{
	return n >= r.least && n <= r.most;
}

/*
 * "Across all vCPUs": of all machines of the host, or of the one that asks. Both are right, but not
 * one here and the other there.
 */
struct readings {
	const struct evidence *e;
	struct table y;
	bool host_wide, one_machine; /* what all rows so far allow */
};

/* An exit of L2's is in KVM's count an instant before it is in the change's. */
static struct range of_host(const struct readings *r, size_t row)
{
	struct range host = grown(&r->y, row, FIRST_ALL_BEFORE, LAST_ALL_BEFORE);
	unsigned int in_flight = r->e->l2_busy;

	host.least -= host.least < in_flight ? host.least : in_flight;
	host.most += in_flight;
	return host;
}

static void measure_row(const struct readings *r, size_t row, struct test_result *t)
{
	_cleanup_free_ char *name = strf("exits: %s", obs_get(&r->e->obs, "bout", row)->str);

	result_add_measure(t, name, "exits",
			   (uint32_t)(table_at(&r->y, row, LAST) - table_at(&r->y, row, FIRST)));
}

static void judge_row(struct readings *r, size_t row, struct tally *y)
{
	uint32_t n = (uint32_t)(table_at(&r->y, row, LAST) - table_at(&r->y, row, FIRST));
	struct range host = of_host(r, row),
		     own = grown(&r->y, row, FIRST_OWN_BEFORE, LAST_OWN_BEFORE);
	bool host_wide = r->host_wide && is_in(host, n);
	bool one_machine = r->one_machine && is_in(own, n);
	struct wrong w = { .least = host.least, .most = host.most };
	const struct observation *vcpus = obs_get(&r->e->obs, "bout.vcpus", row);

	if (host_wide || one_machine) {
		r->host_wide = host_wide;
		r->one_machine = one_machine;
		tally_good(y);
		return;
	}
	if (vcpus && vcpus->u64 > 1)
		wrong_add_range(&w, "what one of its vCPUs made", table_at(&r->y, row, MADE) / vcpus->u64,
				host.most / vcpus->u64);
	wrong_add_range(&w, "what this machine alone made, which elsewhere was not", own.least, own.most);
	tally_bad(y, "%s: grew by %" PRIu32 "%s, KVM counted %" PRIu64 " to %" PRIu64
		     " (this machine alone: %" PRIu64 " to %" PRIu64 ")",
		  obs_get(&r->e->obs, "bout", row)->str, n, wrong_name(&w, n), host.least, host.most, own.least, own.most);
}

/* -- what they cost -- */

#define CYCLES_CHECK "cycles of each kind"
#define FEW 50 /* exits: a kind that this CPU does not leave for has the host's ticks alone */
#define SHARE 16

static uint64_t exits_made(const struct readings *r, size_t row)
{
	return grown(&r->y, row, FIRST_OWN_BEFORE, LAST_OWN_BEFORE).least;
}

static bool tells_cost(const struct readings *r, size_t row)
{
	return table_at(&r->y, row, TIMED) && exits_made(r, row) >= FEW;
}

/* Of one exit, in a row that tells it. */
static uint64_t cost(const struct readings *r, size_t row)
{
	uint64_t cycles = table_at(&r->y, row, LAST_CYCLES) - table_at(&r->y, row, FIRST_CYCLES);
	uint64_t again = table_at(&r->y, row, AGAIN);

	return (again < cycles ? again : cycles) / exits_made(r, row);
}

/* No two kinds cost the same, but one that costs a sixteenth of nearly all others was not measured. */
static void check_cycles(const struct readings *r, struct test_result *t)
{
	struct costs costs = { 0 };
	struct tally y = { .unit = "kind" };
	uint64_t usual;

	for (size_t i = 0; i < r->y.rows; i++)
		if (tells_cost(r, i))
			costs_add(&costs, cost(r, i));
	usual = costs_low(&costs);
	for (size_t i = 0; i < r->y.rows; i++) {
		if (!tells_cost(r, i))
			continue;
		if (usual && cost(r, i) >= usual / SHARE)
			tally_good(&y);
		else
			tally_bad(&y, "%s: %" PRIu64 " cycles an exit, others' %" PRIu64,
				  obs_get(&r->e->obs, "bout", i)->str, cost(r, i), usual);
	}
	tally_check(t, CYCLES_CHECK, "each kind costs more than a sixteenth of what most do", &y,
		    "oracle: KVM_GET_STATS_FD, for the number of exits");
}

static const char *const checks[] = {
	"exits of each kind",
	CYCLES_CHECK,
	NULL,
};

static void judge(const struct evidence *e, struct test_result *t)
{
	struct readings r = { .e = e, .host_wide = true, .one_machine = true };
	struct tally y = { .unit = "bout" };

	if (!check_program(e, t))
		return;
	if (!table_collect(&r.y, &e->obs, keys, ARRAY_SIZE(keys)) ||
	    obs_count(&e->obs, "bout") != r.y.rows) {
		check_broken(t, "the bouts", "every bout told whole", "some of its lines are missing");
	} else {
		for (size_t i = 0; i < r.y.rows; i++) {
			judge_row(&r, i, &y);
			measure_row(&r, i, t);
		}
		check_cycles(&r, t);
		tally_check(t, "exits of each kind", "the leaf grows exactly as KVM's own count", &y,
			    BY_STATS);
	}
	table_free(&r.y);
}

static const struct testcase cpuid_exits_kinds = {
	.name = "cpuid-exits/kinds",
	.assignment = "cpuid-exits",
	.summary = "exits of each kind, of several vCPUs at once and of two machines, against KVM's count",
	.program = "test_micro_exits",
	.level = 1,
	.races = true,
	.timeout_s = 60,
	.quiet = true,
	.checks = checks,
	.judge = judge,
};
TESTCASE(cpuid_exits_kinds);
#endif
