// SPDX-License-Identifier: GPL-2.0-only
/*
 * cpuid-exits/since-load: the value itself, not only how it grows. The leaf tells what there was
 * since KVM was loaded: as many exits as L1's tracepoint has counted since then, or, where a change
 * counts each machine apart, as many as this machine's statistics say; and no more cycles than L1's
 * CPUs have had since power-on. What was there before the first exit, or was left out until the
 * first reading, is seen here alone.
 *
 * cpuid-exits/since-reload: the same of a KVM that was used, unloaded, and loaded again. A change
 * that counts in the kernel itself, and goes on from where it was, is right, too.
 */
#ifdef NESTLAB_GUEST
#include "exit_hist.h"
#include "exit_kinds.h"
#include "exit_leaf.h"
#include "micro.h"
#include "reload.h"

#include <inttypes.h>
#include <unistd.h>

/* What KVM's fastpath can handle: the preemption timer and WRMSR on VMX, MSR on SVM. */
#define VMX_TIMER 52
#define VMX_WRMSR 32
#define SVM_MSR 0x7c

#define MADE 700 /* exits before the first reading: no machine's count is near zero by itself */

static const uint32_t ids[] = { 0 };

static uint64_t used_since; /* the TSC before the first entry to a guest */

static struct micro *use_kvm(void)
{
	struct micro *m = micro_new(ids, 1);

	used_since = rdtsc_ordered();
	micro_start(m, 0, make_cpuid, (void *)(uintptr_t)MADE);
	micro_finish(m, 0);
	return m;
}

/* Twice what is made afterwards, at least; and what there was of the host's exits and its TSC. */
static bool load_again(void)
{
	micro_free(use_kvm());
	micro_free(use_kvm());
	observe_u64("earlier.exits", hist_total());
	return reload_kvm();
}

static void run(void)
{
	struct exit_totals t;
	struct micro *m;

	if (!hist_is_the_labs())
		guest_skip("L1 does not count exits since KVM was loaded: there is no histogram of the lab's");
	if (guest_args[0] && !load_again())
		return;
	m = use_kvm();
	t = exit_leaf_read(m);
	observe_u64("tsc", rdtsc_ordered());
	observe_u64("used.tsc", rdtsc_ordered() - used_since);
	observe_u64("cpus", (uint64_t)sysconf(_SC_NPROCESSORS_CONF));
	observe_u64("fastpath.vmx", hist_count(VMX_TIMER) + hist_count(VMX_WRMSR));
	observe_u64("fastpath.svm", hist_count(SVM_MSR));
	observe_u64("exits", t.exits);
	observe_u64("cycles", t.cycles);
	printf("exits=%" PRIu32 ", cycles=%" PRIu64 "\n", t.exits, t.cycles);
	micro_free(m);
}

GUEST_TEST(run)

#else

#include <inttypes.h>

#include "judge/checks.h"
#include "judge/reload_checks.h"
#include "judge/wrong.h"

enum column { ALL_BEFORE, ALL_AFTER, OWN_BEFORE, OWN_AFTER, EXITS, CYCLES, TSC, CPUS };
static const char *const keys[] = { "all.before", "all.after", "own.before", "own.after",
				    "exits",	  "cycles",    "tsc",	     "cpus" };

/* The leaf has 32 bits of it. */
static bool is_low_of(uint64_t told, uint64_t least, uint64_t most)
{
	return (uint32_t)(told - least) <= most - least;
}

/* 0: the program does not tell it. */
static uint64_t told_once(const struct evidence *e, const char *key)
{
	const struct observation *o = obs_get(&e->obs, key, 0);

	return o ? o->u64 : 0;
}

static void check_exits(const struct evidence *e, const struct table *y, struct test_result *t)
{
	/* An exit of L2's is in one of the counts an instant before it is in the other. */
	struct wrong w = { .least = table_at(y, 0, ALL_BEFORE) - e->l2_busy,
			   .most = table_at(y, 0, ALL_AFTER) + e->l2_busy };
	uint64_t own = table_at(y, 0, OWN_BEFORE), own_after = table_at(y, 0, OWN_AFTER);
	uint64_t told = table_at(y, 0, EXITS), gone_on = told - told_once(e, "earlier.exits");
	bool right = is_low_of(told, w.least, w.most) || is_low_of(told, own, own_after) ||
		     is_low_of(gone_on, w.least, w.most);
	_cleanup_free_ char *want = strf("%" PRIu64 " to %" PRIu64 " (of this machine alone: %" PRIu64
					 " to %" PRIu64 ")",
					 w.least, w.most, own, own_after);
	_cleanup_free_ char *saw = NULL;

	wrong_add_fastpath(&w, told_once(e, e->vendor_intel ? "fastpath.vmx" : "fastpath.svm"));
	saw = strf("%" PRIu64 "%s", told, right ? "" : wrong_name(&w, told));
	check_that(t, "exits since KVM was loaded", right, want, saw,
		   "oracles: L1's tracepoint kvm:kvm_exit, counted since KVM was loaded; KVM_GET_STATS_FD");
}

/*
 * Of a KVM that was loaded again one vCPU has used all, for a time that the program took. Where the
 * exits have gone on, the cycles may have, too.
 */
static void check_cycles(const struct evidence *e, const struct table *y, struct test_result *t)
{
	bool anew = table_at(y, 0, EXITS) < told_once(e, "earlier.exits");
	uint64_t most = anew ? told_once(e, "used.tsc") : table_at(y, 0, TSC) * table_at(y, 0, CPUS);

	check_at_most(t, "cycles since KVM was loaded", most, table_at(y, 0, CYCLES),
		      "oracle: L1's TSC since one vCPU began to use it (or since power-on, times its CPUs)");
}

static const char *const checks[] = {
	"exits since KVM was loaded",
	"cycles since KVM was loaded",
	NULL,
};

static void judge_reading(const struct evidence *e, struct test_result *t)
{
	_cleanup_table_ struct table y = { 0 };

	if (!table_collect(&y, &e->obs, keys, ARRAY_SIZE(keys)) || y.rows != 1) {
		check_broken(t, "the reading", "told whole, once", "some of its lines are missing");
		return;
	}
	result_add_measure(t, "exits since KVM was loaded", "exits", (double)table_at(&y, 0, EXITS));
	check_exits(e, &y, t);
	check_cycles(e, &y, t);
}

static void judge(const struct evidence *e, struct test_result *t)
{
	if (check_program(e, t))
		judge_reading(e, t);
}

static const struct testcase since_load = {
	.name = "cpuid-exits/since-load",
	.assignment = "cpuid-exits",
	.summary = "the value: exits and cycles since KVM was loaded, not only how they grow",
	.program = "test_micro_since_load",
	.level = 1,
	.timeout_s = 30,
	.quiet = true,
	.checks = checks,
	.judge = judge,
};
TESTCASE(since_load);

static const char *const reload_checks[] = {
	RELOAD_CHECKS,
	"exits since KVM was loaded",
	"cycles since KVM was loaded",
	NULL,
};

static void judge_reload(const struct evidence *e, struct test_result *t)
{
	if (!check_program(e, t))
		return;
	if (check_reload(e, t))
		judge_reading(e, t);
	else
		check_skip_rest(t, reload_checks, "KVM was not loaded again");
}

static const char *const again[] = { "again", NULL };

static const struct testcase since_reload = {
	.name = "cpuid-exits/since-reload",
	.assignment = "cpuid-exits",
	.summary = "KVM is unloaded and loaded again: its counts begin anew",
	.program = "test_micro_since_load",
	.args = again,
	.level = 1,
	.timeout_s = 30,
	.host = HOST_UNUSED,
	.checks = reload_checks,
	.judge = judge_reload,
};
TESTCASE(since_reload);
#endif
