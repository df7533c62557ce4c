// SPDX-License-Identifier: GPL-2.0-only
/*
 * Updates that are lost: a plain x++ of two CPUs, which hardware loses now and then. Where L1's
 * CPUs take turns of whole instructions it never is, elsewhere seldom, and of cycles nobody knows
 * how many there are to be. A second build of the change reports data races and stops CPUs in the
 * middle of their accesses; a run of its own has the tests in it.
 */
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/proc.h"
#include "core/ui.h"
#include "judge/checks.h"
#include "judge/judge.h"
#include "run/pool.h"
#include "run/races.h"
#include "run/run.h"

#define CHECK "lost updates"
#define FOLDER "races" /* in the run's */
#define DEADLINE_S 7200 /* of its run, with the kernel's build */
#define BY "a second build of the change, in which KCSAN reports data races and widens them"

struct pair {
	struct test_result *told;
	const struct testcase *test;
};

struct look {
	struct run *run;
	struct pair *pairs;
	size_t n;
	struct pool pool;
	char *why; /* nothing came of it; NULL: something did */
};

static void find_pairs(struct look *l)
{
	struct run *r = l->run;

	l->pairs = xcalloc(r->n_tests + 1, sizeof(*l->pairs));
	for (size_t i = 0; i < r->n_tests; i++) {
		struct test_result *t = result_find_test(r->result, r->tests[i]->name);

		if (t && r->tests[i]->data_races)
			l->pairs[l->n++] = (struct pair){ t, r->tests[i] };
	}
}

static bool was_judged(const struct test_result *t)
{
	return t && (t->verdict == OUT_PASS || t->verdict == OUT_FAIL);
}

/* ---- the second build's run ---- */

static int make_plan(const struct look *l, struct plan *plan)
{
	const struct plan *of = l->run->plan;
	_cleanup_buf_ struct buf tests = { 0 };

	for (size_t i = 0; i < l->n; i++)
		if (was_judged(l->pairs[i].told))
			buf_printf(&tests, "%s ", l->pairs[i].test->name);
	const struct setting s[] = { { "KERNEL_FLAVOR", of->lane.races },
				     { "GUEST_FLAVOR", NULL },
				     { "GUEST_PATCH", NULL },
				     { "LANE", of->lane.name },
				     { "SEEDS", "0" },
				     { "TESTS", buf_str(&tests) } };

	return plan_with(&of->knobs, s, ARRAY_SIZE(s), plan);
}

static int ask(struct look *l, const struct plan *plan)
{
	_cleanup_free_ char *dir = strf("%s/" FOLDER, l->run->dir);
	int ret = pool_add(&l->pool, "the change, built to report data races", plan, dir, NULL);

	if (ret)
		return ret;
	l->pool.jobs[0].save_lab = l->run->plan->knobs.save_lab;
	l->pool.jobs[0].may_break = true;
	ret = pool_run(&l->pool, 1);
	return ret ? ret : l->pool.jobs[0].result ? 0 : fail(OUT_BROKEN, "%s", l->why);
}

/* ---- what it says of each test ---- */

/* Of a check that neither the judge nor the test itself makes: its kernel's. */
static bool is_report(const struct strv *judged, const struct check_result *c)
{
	return c->verdict == OUT_FAIL && !strv_has(judged, c->name);
}

static bool fails_there_alone(const struct testcase *tc, const struct test_result *told,
			      const struct check_result *c)
{
	const struct check_result *first = result_find_check(told, c->name);

	return c->verdict == OUT_FAIL && testcase_has_check(tc, c->name) &&
	       (!first || first->verdict != OUT_FAIL);
}

/* What its kernel reported first, which says where; else what failed there alone. NULL: nothing. */
static const struct check_result *find_fault(const struct testcase *tc,
					     const struct test_result *told,
					     const struct test_result *second)
{
	_cleanup_strv_ struct strv judged = { 0 };
	const struct check_result *fault = NULL;

	judge_check_names(tc, &judged);
	for (size_t i = 0; second && i < second->n_checks; i++) {
		const struct check_result *c = &second->checks[i];

		if (is_report(&judged, c))
			return c;
		if (!fault && fails_there_alone(tc, told, c))
			fault = c;
	}
	return fault;
}

/* Its own checks were made. */
static bool came_to_its_end(const struct test_result *t)
{
	for (size_t i = 0; t && i < t->n_checks; i++)
		if (t->checks[i].verdict == OUT_FAIL && t->checks[i].preparatory)
			return false;
	return was_judged(t);
}

static const char *why_not(const struct test_result *told, const struct test_result *second,
			   const char *why)
{
	if (!was_judged(told))
		return "the test did not come to its end";
	if (why)
		return why;
	return second && second->reason ? second->reason : "the test did not come to its end there";
}

const struct check_result *races_tell(const struct testcase *tc, struct test_result *told,
				      const struct test_result *second, const char *why)
{
	const struct check_result *fault = find_fault(tc, told, second);
	_cleanup_free_ char *observed = NULL;

	if (fault) {
		observed = testcase_has_check(tc, fault->name) ? strf("%s: %s", fault->name, fault->observed) :
								 xstrdup(fault->observed);
		check_that(told, CHECK, false, "none", observed, BY);
		result_judge_test(told);
	} else if (came_to_its_end(second)) {
		check_that(told, CHECK, true, "none", "none", BY);
	} else {
		check_skip(told, CHECK, why_not(told, second, why));
	}
	return fault;
}

/* Into the run's folder: a page links to files there alone. */
static void keep_evidence(const struct look *l, const struct pair *p,
			  const struct check_result *fault)
{
	_cleanup_free_ char *file = testcase_file("lost-updates", p->test->name);
	_cleanup_free_ char *from = fault->ref.file ? strf("%s/%s", l->pool.jobs[0].dir, fault->ref.file) : NULL;
	_cleanup_free_ char *to = strf("%s/%s", l->run->dir, file);

	if (from && !file_copy(from, to, 0666))
		result_set_ref(result_find_check(p->told, CHECK), file, 0, 0);
}

/* Returns how many tests tell of lost updates. */
static size_t tell_all(const struct look *l)
{
	const struct run_result *second = l->pool.n ? l->pool.jobs[0].result : NULL;
	size_t lost = 0;

	for (size_t i = 0; i < l->n; i++) {
		const struct pair *p = &l->pairs[i];
		const struct test_result *t =
			second ? result_find_test(second, p->test->name) : NULL;
		const struct check_result *fault = races_tell(p->test, p->told, t, l->why);

		if (fault)
			keep_evidence(l, p, fault);
		lost += fault != NULL;
	}
	return lost;
}

/* ---- for the run ---- */

static void look(struct look *l)
{
	struct plan plan = { 0 };
	size_t lost;
	int ret;

	ui_stage_begin("lost updates");
	ret = make_plan(l, &plan);
	if (!ret)
		ret = ask(l, &plan);
	if (ret)
		str_set(&l->why, fail_text());
	lost = tell_all(l);
	if (l->why)
		ui_stage_end("not looked for: %s", l->why);
	else if (lost)
		ui_stage_end("found by %zu test%s", lost, lost == 1 ? "" : "s");
	else
		ui_stage_end("none");
	plan_free(&plan);
}

static bool any_was_judged(const struct look *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (was_judged(l->pairs[i].told))
			return true;
	return false;
}

static bool is_wanted(const struct run *r)
{
	const struct plan *p = r->plan;
	bool hidden = r->lab->backend->schedules;

	return p->lane.races && p->host.patches.n && !p->knobs.seed && !p->kernel.flavor.name &&
	       p->knobs.races >= (hidden ? RACES_WHERE_HIDDEN : RACES_EVERYWHERE);
}

void races_look(struct run *r)
{
	struct look l = {
		.run = r,
		.pool = { .deadline_s = DEADLINE_S, .done = pool_keep_reason, .ctx = &l.why },
	};

	if (!is_wanted(r))
		return;
	find_pairs(&l);
	if (any_was_judged(&l)) {
		lab_levels_down(r->lab);
		look(&l);
	} else {
		tell_all(&l);
	}
	pool_free(&l.pool);
	free(l.pairs);
	free(l.why);
}
