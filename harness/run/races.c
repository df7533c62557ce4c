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
#include "run/pool.h"
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

static bool is_declared(const struct testcase *t, const char *check)
{
	for (const char *const *c = t->checks; c && *c; c++)
		if (!strcmp(*c, check))
			return true;
	return false;
}

static bool failed_before(const struct pair *p, const char *check)
{
	const struct check_result *c = result_find_check(p->told, check);

	return c && c->verdict == OUT_FAIL;
}

/*
 * What its kernel reported first, which says where; else what failed, and had not in the first
 * build. NULL: nothing.
 */
static const struct check_result *find_fault(const struct pair *p, const struct test_result *t)
{
	const struct check_result *fault = NULL;

	for (size_t i = 0; i < t->n_checks; i++) {
		const struct check_result *c = &t->checks[i];

		if (c->verdict != OUT_FAIL)
			continue;
		if (!is_declared(p->test, c->name))
			return c;
		if (!fault && !failed_before(p, c->name))
			fault = c;
	}
	return fault;
}

static const char *why_not(const struct look *l, const struct pair *p, const struct test_result *t)
{
	if (!was_judged(p->told))
		return "the test did not come to its end";
	if (l->why)
		return l->why;
	return t && t->reason ? t->reason : "the test did not come to its end there";
}

static void tell_fault(const struct pair *p, const struct check_result *fault)
{
	_cleanup_free_ char *file = strf(FOLDER "/%s", fault->ref.file ? fault->ref.file : "report.html");
	_cleanup_free_ char *observed =
		is_declared(p->test, fault->name) ? strf("%s: %s", fault->name, fault->observed) : xstrdup(fault->observed);

	result_set_ref(check_that(p->told, CHECK, false, "none", observed, BY), file, 0, 0);
	result_judge_test(p->told);
}

static void tell_pair(const struct look *l, const struct pair *p)
{
	const struct run_result *res = l->pool.n ? l->pool.jobs[0].result : NULL;
	const struct test_result *t = res ? result_find_test(res, p->told->name) : NULL;
	const struct check_result *fault = t ? find_fault(p, t) : NULL;

	if (fault)
		tell_fault(p, fault);
	else if (was_judged(t))
		check_that(p->told, CHECK, true, "none", "none", BY);
	else
		check_skip(p->told, CHECK, why_not(l, p, t));
}

static size_t count_lost(const struct look *l)
{
	size_t lost = 0;

	for (size_t i = 0; i < l->n; i++) {
		const struct check_result *c = result_find_check(l->pairs[i].told, CHECK);

		lost += c->verdict == OUT_FAIL;
	}
	return lost;
}

static void tell(const struct look *l)
{
	size_t lost;

	for (size_t i = 0; i < l->n; i++)
		tell_pair(l, &l->pairs[i]);
	lost = count_lost(l);
	if (l->why)
		ui_stage_end("not looked for: %s", l->why);
	else if (lost)
		ui_stage_end("found by %zu test%s", lost, lost == 1 ? "" : "s");
	else
		ui_stage_end("none");
}

/* ---- for the run ---- */

static void look(struct look *l)
{
	struct plan plan = { 0 };
	int ret;

	ui_stage_begin("lost updates");
	ret = make_plan(l, &plan);
	if (!ret)
		ret = ask(l, &plan);
	if (ret)
		str_set(&l->why, fail_text());
	tell(l);
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
		for (size_t i = 0; i < l.n; i++)
			tell_pair(&l, &l.pairs[i]);
	}
	pool_free(&l.pool);
	free(l.pairs);
	free(l.why);
}
