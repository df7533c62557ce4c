// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/near.h"
#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "core/util.h"
#include "mutants/mutants.h"
#include "plan/plan.h"
#include "run/pool.h"
#include "run/rundir.h"
#include "verbs/verb.h"

#define JUDGED "mutants" /* in the place of an assignment */
#define RUN_DEADLINE_S 3600 /* of one mutant, with its build */

static int verb_mutants(int argc, char **argv);

static const struct verb mutants_verb = {
	.name = "mutants",
	.usage = "[NAME... | reverts[/NAME] | alternatives[/NAME] | --some N [SEED]]",
	.summary = "build and judge the deliberate faults in testcases/mutants and the fixes taken back in "
		   "testcases/reverts, then the reference RUNS= times and what is right in another way; JOBS= at "
		   "once. --some: N of those that are quick to judge, other ones each day (SEED: the date)",
	.order = 32,
	.settings = KNOBS_ASKED " " KNOBS_OF_RESULTS " JOBS RUNS -PATCH -GUEST_PATCH -MONITOR -SUITE",
	.ends = VERB_ENDS_AS_RUNS,
	.judges = true,
	.labs = true,
	.run = verb_mutants,
};
VERB(mutants_verb);

/* All plans of one call, and what came of them. */
struct trial {
	struct knobs knobs; /* the user's, with the lane that was chosen for the reference */
	struct rundir run;   /* of all results: each job is a test of it */
	uint64_t start;
	char *lane, *lane_title;
	bool any_lane; /* the user named none: what shows in one alone is judged there */
	unsigned int some; /* that many of those that are drawn; 0: all that were named */
	char seed[64];	   /* by which they are */
	struct mutant *mutants;
	size_t n_mutants;
	struct strv names;   /* of the reference's runs: how they differ */
	struct strv flavors; /* that the mutants named: "KERNEL_FLAVOR=kcsan" */
	struct strv others;  /* alternatives that were asked for by name: their files */
	struct pool pool;
	unsigned int found, tried, hidden, alarms, runs;
};

static void free_trial(struct trial *t)
{
	pool_free(&t->pool);
	for (size_t i = 0; i < t->n_mutants; i++)
		mutant_free(&t->mutants[i]);
	free(t->mutants);
	strv_free(&t->names);
	strv_free(&t->flavors);
	strv_free(&t->others);
	knobs_free(&t->knobs);
	rundir_free(&t->run);
	free(t->lane);
	free(t->lane_title);
}

/* ---- what came of it ---- */

static struct test_result *add_result(struct trial *t, const char *name, const struct pool_job *job)
{
	struct test_result *res = result_add_test(t->run.result, name, JUDGED);

	res->seconds = job->seconds;
	if (!job->result) {
		res->verdict = OUT_BROKEN;
		str_set(&res->reason, fail_text());
	}
	return res;
}

/* Before it was tried, or by what its run told. */
static void tell_hidden(struct trial *t, const char *name, struct test_result *res, const char *why)
{
	str_set(&res->reason, why);
	printf("%-20s           --   hidden in lane %s: %s\n", name, t->lane, why);
	t->hidden++;
}

/* Of a test that this lane never asks, whose reason names the lane. NULL: it was asked. */
static const char *why_never_asked(const struct trial *t, const struct test_result *test)
{
	_cleanup_free_ char *lane = strf("lane %s: ", t->lane);

	if (!test || test->verdict != OUT_SKIP || !test->reason || !str_starts(test->reason, lane))
		return NULL;
	return test->reason + strlen(lane);
}

/* None of a mutant's tests was asked. NULL: one was. */
static const char *why_unasked(const struct trial *t, const struct mutant *m,
			       const struct run_result *r)
{
	const char *why = NULL;

	for (size_t i = 0; i < m->tests.n; i++) {
		why = why_never_asked(t, result_find_test(r, m->tests.v[i]));
		if (!why)
			return NULL;
	}
	return why;
}

/* Of an alternative all was skipped, and a test is never asked here. NULL: it was asked. */
static const char *why_all_unasked(const struct trial *t, const struct run_result *r)
{
	const char *why = NULL;

	for (size_t i = 0; !why && r->verdict == OUT_SKIP && i < r->n_tests; i++)
		why = why_never_asked(t, &r->tests[i]);
	return why;
}

static void tell_mutant(struct trial *t, const struct pool_job *job)
{
	const struct mutant *m = job->ctx;
	struct test_result *res = add_result(t, m->name, job);
	_cleanup_buf_ struct buf by = { 0 }, missed = { 0 };
	bool found;

	if (!job->result) {
		printf("%-20s  %5.1f s  NOT JUDGED  %s\n", m->name, job->seconds, fail_text());
		return;
	}
	if (why_unasked(t, m, job->result)) {
		t->tried--;
		tell_hidden(t, m->name, res, why_unasked(t, m, job->result));
		return;
	}
	mutant_to_result(m, job->result, res);
	found = mutant_found(m, job->result, &by, &missed);
	t->found += found;
	printf("%-20s  %5.1f s  %s  %s\n", m->name, job->seconds, found ? "found by" : "MISSED by",
	       found ? buf_str(&by) : buf_str(&missed));
}

/* Every check that fails on the reference, or on an alternative, is a false alarm. */
static void tell_reference(struct trial *t, const struct pool_job *job)
{
	const struct run_result *r = job->result;
	struct test_result *res = add_result(t, strrchr(job->dir, '/') + 1, job);
	_cleanup_buf_ struct buf by = { 0 };

	if (r && why_all_unasked(t, r)) {
		t->runs--;
		tell_hidden(t, job->name, res, why_all_unasked(t, r));
		return;
	}
	if (r && r->verdict == OUT_FAIL)
		mutant_failures(r, &by);
	if (r)
		result_add_check(res, "no false alarm", r->verdict == OUT_PASS ? OUT_PASS : OUT_FAIL,
				 outcome_name(OUT_PASS),
				 by.len ? buf_str(&by) : outcome_name(r->verdict), NULL);
	t->alarms += !r || r->verdict != OUT_PASS;
	printf("%-20s  %5.1f s  %s  %s %s\n", strchr(job->name, '=') ? "the reference" : "another way", job->seconds,
	       r ? outcome_name(r->verdict) : "not judged:", job->name, r ? buf_str(&by) : fail_text());
}

static void tell_job(struct pool_job *job, void *ctx)
{
	if (job->ctx)
		tell_mutant(ctx, job);
	else
		tell_reference(ctx, job);
	fflush(stdout);
}

/* ---- plans ---- */

static int add_job(struct trial *t, const char *name, const struct plan *plan, void *ctx)
{
	_cleanup_free_ char *dir = strf("%s/%s", t->run.dir, name);

	for (char *p = dir + strlen(t->run.dir) + 1; *p; p++)
		if (strchr(" =", *p))
			*p = '-';
	return pool_add(&t->pool, name, plan, dir, ctx);
}

static void note_flavor(struct strv *flavors, const struct mutant *m)
{
	_cleanup_free_ char *setting = NULL;

	if (!m->flavor)
		return;
	setting = strf("%s=%s", mutant_flavor_knob(m), m->flavor);
	if (!strv_has(flavors, setting))
		strv_add(flavors, setting);
}

/* It was not tried, and is told all the same. */
static void pass_over(struct trial *t, const struct mutant *m, const char *why)
{
	tell_hidden(t, m->name, result_add_test(t->run.result, m->name, JUDGED), why);
}

static int add_plan(struct trial *t, struct mutant *m, const struct plan *plan)
{
	int ret;

	if (mutant_why_hidden(m, plan)) {
		pass_over(t, m, mutant_why_hidden(m, plan));
		return 0;
	}
	t->tried++;
	note_flavor(&t->flavors, m);
	ret = add_job(t, m->name, plan, m);
	if (!ret)
		t->pool.jobs[t->pool.n - 1].may_skip = true;
	return ret;
}

/* What shows in another lane than the one that was asked for, or in one that can't run here. */
static bool is_elsewhere(struct trial *t, const struct mutant *m, int ret)
{
	_cleanup_free_ char *why = NULL;

	if (!m->lane)
		return false;
	if (!t->any_lane && strcmp(m->lane, t->lane) != 0)
		why = strf("it shows in lane %s: LANE=%s", m->lane, m->lane);
	else if (t->any_lane && ret == -OUT_BROKEN)
		why = xstrdup(fail_text());
	if (why)
		pass_over(t, m, why);
	return why;
}

static int add_mutant(struct trial *t, struct mutant *m)
{
	struct plan plan = { 0 };
	int ret = mutant_plan(m, &t->knobs, t->run.dir, &plan);

	if (is_elsewhere(t, m, ret))
		ret = 0;
	else if (!ret)
		ret = add_plan(t, m, &plan);
	plan_free(&plan);
	return ret;
}

/*
 * A patch on the guest, for a flavour, a suite or another map wants a kernel of its own, one found
 * by chance its time.
 */
static bool is_quick(const struct mutant *m)
{
	return !m->guest && !m->flavor && !m->suite && !m->map && m->effort <= 1;
}

static bool is_wanted(const struct trial *t, const struct mutant *m)
{
	return !t->some || (t->tried < t->some && is_quick(m));
}

static int add_mutants(struct trial *t, const struct strv *patches)
{
	int ret = 0;

	t->mutants = xcalloc(patches->n, sizeof(*t->mutants));
	for (; !ret && t->n_mutants < patches->n; t->n_mutants++)
		ret = mutant_load(patches->v[t->n_mutants], t->lane, &t->mutants[t->n_mutants]);
	for (size_t i = 0; !ret && i < t->n_mutants; i++)
		if (is_wanted(t, &t->mutants[i]))
			ret = add_mutant(t, &t->mutants[i]);
	return ret;
}

/* A run that must pass. how: its name in the table; becomes the trial's. */
static int add_passing(struct trial *t, const struct setting *s, size_t n, char *how,
		       const char *folder)
{
	struct plan plan = { 0 };
	int ret = plan_with(&t->knobs, s, n, &plan);

	/* The name that the job points to. */
	t->names.v = xrealloc(t->names.v, t->names.n + 2, sizeof(*t->names.v));
	t->names.v[t->names.n++] = how;
	t->names.v[t->names.n] = NULL;
	t->runs++;
	if (!ret)
		ret = add_job(t, folder, &plan, NULL);
	plan_free(&plan);
	if (ret)
		return ret;
	t->pool.jobs[t->pool.n - 1].name = how;
	t->pool.jobs[t->pool.n - 1].may_skip = true;
	return 0;
}

/* how: one setting, "L2_CPUS=4". */
static int add_reference(struct trial *t, const char *how)
{
	const char *value = strchr(how, '=') + 1;
	_cleanup_free_ char *knob = xstrndup(how, (size_t)(value - 1 - how));
	const struct setting s[] = { { "TESTS", NULL }, { "EFFORT", "1" }, { knob, value } };
	_cleanup_free_ char *folder = strf("reference %u %s", t->runs + 1, how);
	int ret = add_passing(t, s, ARRAY_SIZE(s), xstrdup(how), folder);

	if (!ret)
		t->pool.jobs[t->pool.n - 1].save_lab = true;
	return ret;
}

static int add_alternative(struct trial *t, const char *patch)
{
	const char *name = strrchr(patch, '/') + 1;
	bool guest;
	_cleanup_free_ char *tests = alternative_tests(patch, &guest);
	_cleanup_free_ char *path = path_in_root(patch), *folder = strf("alternative %s", name);
	const struct setting s[] = { { guest ? "GUEST_PATCH" : "PATCH", path }, { "TESTS", tests }, { "EFFORT", "1" } };

	return tests ? add_passing(t, s, ARRAY_SIZE(s), xstrdup(name), folder) : -OUT_USAGE;
}

static int add_other_monitor(struct trial *t, const char *given)
{
	const char *name = strrchr(given, '/') + 1;
	_cleanup_free_ char *folder = strf("monitor %s", name), *path = path_in_root(given);
	const struct setting s[] = { { "MONITOR", path }, { "TESTS", "kvm-api" }, { "EFFORT", "1" } };

	return add_passing(t, s, ARRAY_SIZE(s), strf("monitor %s", name), folder);
}

static int add_alternatives(struct trial *t)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < t->others.n; i++)
		if (str_starts(t->others.v[i], MONITOR_ALTERNATIVES "/"))
			ret = add_other_monitor(t, t->others.v[i]);
		else
			ret = add_alternative(t, t->others.v[i]);
	return ret;
}

/* RUNS times with other numbers of vCPUs; and once on each flavour that a mutant named. */
static int add_references(struct trial *t)
{
	static const char *const cpus[] = { "L2_CPUS=2", "L2_CPUS=1", "L2_CPUS=4", "L2_CPUS=3" };
	int ret = 0;

	for (unsigned int i = 0; !ret && i < t->knobs.runs; i++)
		ret = add_reference(t, cpus[i % ARRAY_SIZE(cpus)]);
	for (size_t i = 0; !ret && t->knobs.runs && i < t->flavors.n; i++)
		ret = add_reference(t, t->flavors.v[i]);
	return ret ? ret : add_alternatives(t);
}

/* ---- which ---- */

/* Of all that the name could be: those beside it. */
static int no_such_patch(const char *patch, const char *name)
{
	_cleanup_free_ char *folder = xstrndup(patch, (size_t)(strrchr(patch, '/') - patch));
	_cleanup_free_ char *dir = path_in_root(folder);
	_cleanup_strv_ struct strv names = { 0 };
	const char *slash = strrchr(name, '/');

	if (dir_list(dir, ".patch", &names))
		return fail(OUT_USAGE, "there is no folder %s for '%s'", dir, name);
	for (size_t i = 0; i < names.n; i++)
		*strrchr(names.v[i], '.') = '\0';
	return near_fail("there is no mutant", slash ? slash + 1 : name, &names);
}

/* "kvm-api": all of that folder; "kvm-api/endless": this one. */
static int pick_one(const char *parent, const char *name, struct strv *patches)
{
	_cleanup_free_ char *folder = strf("%s/%s", parent, name), *path = path_in_root(folder);
	_cleanup_free_ char *patch = strf("%s.patch", folder), *file = path_in_root(patch);

	if (path_exists(path))
		return mutants_in(folder, patches);
	if (!path_exists(file))
		return no_such_patch(patch, name);
	strv_add(patches, patch);
	return 0;
}

static bool is_revert(const char *name)
{
	return !strcmp(name, "reverts") || str_starts(name, "reverts/");
}

/* "alternatives", "alternatives/monitors", or "alternatives/per-machine": right ones. */
static bool is_alternative(const char *name)
{
	return !strcmp(name, "alternatives") || str_starts(name, "alternatives/");
}

static int add_monitors(struct strv *others)
{
	_cleanup_free_ char *dir = path_in_root(MONITOR_ALTERNATIVES);
	_cleanup_strv_ struct strv names = { 0 };

	if (dir_list(dir, NULL, &names))
		return fail(OUT_USAGE, "can't list the monitors in %s", dir);
	for (size_t i = 0; i < names.n; i++)
		strv_addf(others, MONITOR_ALTERNATIVES "/%s", names.v[i]);
	return 0;
}

static int pick_alternative(const char *name, struct strv *others)
{
	int ret;

	if (!strcmp(name, "alternatives/monitors"))
		return add_monitors(others);
	if (str_starts(name, "alternatives/monitors/")) {
		strv_addf(others, "testcases/%s", name);
		return 0;
	}
	ret = pick_one("testcases", name, others);
	return ret || strcmp(name, "alternatives") ? ret : add_monitors(others);
}

static int pick_all(struct strv *patches)
{
	int ret = mutants_in(MUTANTS, patches);

	if (!ret)
		ret = mutants_in(MUTANTS_OF_MONITOR, patches);
	return ret ? ret : mutants_in(REVERTS, patches);
}

/* "--some N [SEED]": all, in the order in which the seed draws them. */
static int pick_some(struct trial *t, int argc, char **argv, struct strv *patches)
{
	_cleanup_strv_ struct strv all = { 0 };
	time_t now = time(NULL);
	struct tm tm;
	uint64_t n;
	int ret;

	if (argc < 3 || argc > 4 || !parse_u64(argv[2], &n) || !n || n > UINT16_MAX)
		return fail(OUT_USAGE, "mutants --some: want how many, a number from 1, and perhaps a seed");
	t->some = (unsigned int)n;
	strftime(t->seed, sizeof(t->seed), "%Y%m%d", localtime_r(&now, &tm));
	if (argc > 3)
		snprintf(t->seed, sizeof(t->seed), "%s", argv[3]);
	ret = pick_all(&all);
	mutants_pick(&all, t->seed, all.n, patches);
	return ret;
}

/* All alternatives where the reference is judged, too, unless some were named. */
static int pick(struct trial *t, int argc, char **argv, struct strv *patches)
{
	int ret = 0;

	if (argc > 1 && !strcmp(argv[1], "--some"))
		return pick_some(t, argc, argv, patches);
	for (int i = 1; !ret && i < argc; i++)
		if (is_alternative(argv[i]))
			ret = pick_alternative(argv[i], &t->others);
		else
			ret = pick_one(is_revert(argv[i]) ? "testcases" : MUTANTS, argv[i], patches);
	if (!ret && argc < 2)
		ret = pick_all(patches);
	if (!ret && !t->others.n && t->knobs.runs)
		ret = pick_alternative("alternatives", &t->others);
	return ret;
}

static void describe(struct run_result *r, const struct plan *plan)
{
	str_set(&r->lane, plan->lane.name);
	str_set(&r->lane_reason, plan->lane.reason);
	str_set(&r->kernel, plan->kernel.name);
	str_set(&r->assignment, JUDGED);
	result_set_subject_what(r, "the checks themselves, on deliberate faults and on what is right");
}

/* auto would take another lane for a fault of one vendor's half. */
static int settle_lane(struct trial *t)
{
	struct plan plan = { 0 };
	int ret = plan_with(&t->knobs, NULL, 0, &plan);

	t->any_lane = !strcmp(t->knobs.lane, "auto");
	if (!ret) {
		t->lane = xstrdup(plan.lane.name);
		t->lane_title = xstrdup(plan.lane.title ? plan.lane.title : "");
		describe(t->run.result, &plan);
		ret = knobs_set(&t->knobs, "LANE", plan.lane.name);
	}
	plan_free(&plan);
	return ret;
}

/* The folder first, as a run does it. */
static int begin(struct trial *t)
{
	int ret = knobs_load(&t->knobs), err = rundir_make(&t->knobs, &t->run);

	t->start = now_ns();
	if (!ret)
		ret = err;
	if (!ret)
		ret = knobs_without_suite(&t->knobs, "mutants");
	if (!ret)
		ret = knobs_default(&t->knobs, "RACES", "2");
	/* The mutants take their places. */
	if (!ret)
		ret = knobs_set(&t->knobs, "PATCH", "");
	if (!ret)
		ret = knobs_set(&t->knobs, "GUEST_PATCH", "");
	if (!ret)
		ret = knobs_set(&t->knobs, "MONITOR", "");
	return ret ? ret : settle_lane(t);
}

static int judge_all(struct trial *t, int argc, char **argv)
{
	_cleanup_strv_ struct strv patches = { 0 };
	int ret = pick(t, argc, argv, &patches);

	if (!ret)
		printf("lane %s (%s)\n", t->lane, t->lane_title);
	if (!ret && t->some)
		printf("%u mutants by the seed %s\n", t->some, t->seed);
	if (!ret)
		ret = add_mutants(t, &patches);
	if (!ret)
		ret = add_references(t);
	fflush(stdout);
	return ret ? ret : pool_run(&t->pool, t->knobs.jobs);
}

static void conclude(const struct trial *t)
{
	printf("\n");
	if (t->hidden)
		printf("hidden in this lane: %u\n", t->hidden);
	printf("mutants: %u of %u found\nfalse alarms: %u of %u\n", t->found, t->tried, t->alarms, t->runs);
}

static int verb_mutants(int argc, char **argv)
{
	struct trial t = { .pool = { .deadline_s = RUN_DEADLINE_S, .done = tell_job, .ctx = &t } };
	int ret = begin(&t);

	if (!ret)
		ret = judge_all(&t, argc, argv);
	if (!ret)
		conclude(&t);
	t.run.result->seconds = (double)(now_ns() - t.start) / 1e9;
	ret = rundir_end(&t.run, ret);
	free_trial(&t);
	return ret;
}
