// SPDX-License-Identifier: GPL-2.0-only
#include "grade/rubric.h"

#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "judge/testcase.h"

#define NO_CAP 1e9

const char *const visibility_names[] = { "visible", "hidden", "after_due_date" };

/* ---- reading ---- */

static int wrong(const struct rubric *r, const char *section, const char *item, const char *why)
{
	return fail(OUT_USAGE, "%s: [rubric.%s] '%s': %s", r->assignment->path, section, item, why);
}

static struct rubric_test *find(const struct rubric *r, const char *name, size_t len)
{
	for (size_t i = 0; i < r->n_tests; i++)
		if (strlen(r->tests[i].name) == len && !strncmp(r->tests[i].name, name, len))
			return &r->tests[i];
	return NULL;
}

const struct rubric_test *rubric_find(const struct rubric *r, const char *test)
{
	return find(r, test, strlen(test));
}

static int take_number(const struct rubric *r, const char *section, const char *item,
		       const char *text, double *out)
{
	uint64_t n;

	if (!parse_u64(text, &n) || n > 1000)
		return wrong(r, section, item, "a whole number from 0 to 1000 is wanted");
	*out = (double)n;
	return 0;
}

static int take_cap(struct rubric *r, struct rubric_test *t, const char *item, const char *value)
{
	return take_number(r, "caps", item, value, &t->cap);
}

static int take_bonus(struct rubric *r, struct rubric_test *t, const char *item, const char *value)
{
	return take_number(r, "bonus", item, value, &t->bonus);
}

static int take_parent(struct rubric *r, struct rubric_test *t, const char *item, const char *value)
{
	const struct rubric_test *parent = rubric_find(r, value);

	if (!parent)
		return wrong(r, "needs", item, "the test that is needed is not in [tests]");
	if (parent == t)
		return wrong(r, "needs", item, "a test can't need itself");
	for (const struct rubric_test *p = parent; p != &r->tests[p->parent];) {
		p = &r->tests[p->parent];
		if (p == t)
			return wrong(r, "needs", item, "each of the two needs the other");
	}
	t->parent = (size_t)(parent - r->tests);
	return 0;
}

static int take_visibility(struct rubric *r, struct rubric_test *t, const char *item,
			   const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(visibility_names); i++)
		if (!strcmp(value, visibility_names[i])) {
			t->visibility = (enum visibility)i;
			return 0;
		}
	return wrong(r, "visibility", item, "it is visible, hidden or after_due_date");
}

static bool declares(const struct testcase *t, const char *check)
{
	for (size_t i = 0; t && t->checks && t->checks[i]; i++)
		if (!strcmp(t->checks[i], check))
			return true;
	return false;
}

/* "2 edx" */
static int take_check(struct rubric *r, struct rubric_test *t, const char *item, const char *value)
{
	const char *blank = strchr(value, ' ');
	_cleanup_free_ char *number = xstrndup(value, strcspn(value, " "));
	struct rubric_check c = { .test = t, .name = blank ? blank + 1 + strspn(blank + 1, " ") : "" };
	int ret = take_number(r, "checks", item, number, &c.weight);

	if (!ret && !*c.name)
		return wrong(r, "checks", item, "a weight and the name of a check are wanted");
	if (!ret && !declares(testcase_find(t->name), c.name))
		strv_addf(&r->warnings, "%s: [rubric.checks] '%s': that test has no check of this name", r->assignment->path, item);
	r->checks = xrealloc(r->checks, r->n_checks + 1, sizeof(*r->checks));
	r->checks[r->n_checks++] = c;
	return ret;
}

static int take_items(struct rubric *r, const char *section, const struct strv *items,
		      int (*take)(struct rubric *r, struct rubric_test *t, const char *item,
				  const char *value))
{
	int ret = 0;

	for (size_t i = 0; !ret && i < items->n; i++) {
		const char *equals = strchr(items->v[i], '=');
		struct rubric_test *t = find(r, items->v[i], (size_t)(equals - items->v[i]));

		ret = t ? take(r, t, items->v[i], equals + 1) : wrong(r, section, items->v[i], "that test is not in [tests]");
	}
	return ret;
}

static void add_tests(struct rubric *r)
{
	const struct assignment *a = r->assignment;

	r->tests = xcalloc(a->n_tests + 1, sizeof(*r->tests));
	for (size_t i = 0; i < a->n_tests; i++) {
		r->tests[r->n_tests++] = (struct rubric_test){
			.name = a->tests[i].name,
			.weight = (double)a->tests[i].weight,
			.cap = NO_CAP,
			.parent = i,
		};
		if (!testcase_find(a->tests[i].name))
			strv_addf(&r->warnings, "%s: [tests] '%s': there is no such test", a->path, a->tests[i].name);
	}
}

static bool is_asked_for(const struct rubric *r, const struct testcase *t)
{
	return !t->on_request && t->assignment && assignment_is(r->assignment, t->assignment);
}

/* A test of this assignment's that brings nobody a point is forgotten more often than meant. */
static void warn_of_forgotten(struct rubric *r)
{
	size_t n;
	const struct testcase *const *all = testcases_all(&n);

	for (size_t i = 0; i < n; i++)
		if (is_asked_for(r, all[i]) && !rubric_find(r, all[i]->name))
			strv_addf(&r->warnings, "%s: [tests] does not have %s: it brings no points", r->assignment->path, all[i]->name);
}

static int take_fastpath(struct rubric *r, const char *text)
{
	if (!text)
		r->fastpath = FASTPATH_PERSON;
	else if (!strcmp(text, "counts"))
		r->fastpath = FASTPATH_COUNTS;
	else if (!strcmp(text, "left out"))
		r->fastpath = FASTPATH_LEFT_OUT;
	else
		return fail(OUT_USAGE, "%s: [rubric] fastpath = %s: it is counts or left out", r->assignment->path, text);
	return 0;
}

int rubric_make(const struct assignment *a, struct rubric *r)
{
	const struct rubric_text *x = &a->rubric;
	int ret;

	*r = (struct rubric){ .assignment = a, .all_or_nothing = x->partial && !strcmp(x->partial, "none") };
	add_tests(r);
	warn_of_forgotten(r);
	if (x->partial && !r->all_or_nothing && strcmp(x->partial, "checks"))
		return fail(OUT_USAGE, "%s: [rubric] partial = %s: it is checks or none", a->path, x->partial);
	ret = take_fastpath(r, x->fastpath);
	if (!ret)
		ret = take_items(r, "checks", &x->checks, take_check);
	if (!ret)
		ret = take_items(r, "caps", &x->caps, take_cap);
	if (!ret)
		ret = take_items(r, "needs", &x->needs, take_parent);
	if (!ret)
		ret = take_items(r, "bonus", &x->bonus, take_bonus);
	return ret ? ret : take_items(r, "visibility", &x->visibility, take_visibility);
}

void rubric_free(struct rubric *r)
{
	free(r->tests);
	free(r->checks);
	strv_free(&r->warnings);
	*r = (struct rubric){ 0 };
}

/* ---- points ---- */

static double weight_of(const struct rubric *r, const char *test, const char *check)
{
	for (size_t i = 0; i < r->n_checks; i++)
		if (!strcmp(r->checks[i].test->name, test) && !strcmp(r->checks[i].name, check))
			return r->checks[i].weight;
	return 1;
}

bool rubric_share(const struct rubric *r, const struct test_result *t, double *share)
{
	double passed = 0, failed = 0;

	*share = 0;
	if (t->verdict == OUT_CRASH)
		return true;
	for (size_t i = 0; i < t->n_checks; i++) {
		const struct check_result *c = &t->checks[i];
		double weight = weight_of(r, t->name, c->name);

		passed += c->verdict == OUT_PASS && !c->preparatory ? weight : 0;
		failed += c->verdict == OUT_FAIL ? weight : 0;
	}
	if ((t->verdict != OUT_PASS && t->verdict != OUT_FAIL) || passed + failed <= 0)
		return false;
	*share = r->all_or_nothing ? !(failed > 0) : passed / (passed + failed);
	return true;
}

/* With what it needs: a test whose ground is missing brings nothing. */
static bool share_of(const struct rubric *r, const struct run_result *result, size_t i,
		     double *share)
{
	const struct test_result *t = result_find_test(result, r->tests[i].name);
	size_t parent = r->tests[i].parent;
	double ground;

	if (!t || !rubric_share(r, t, share))
		return false;
	if (parent != i && share_of(r, result, parent, &ground) && ground <= 0)
		*share = 0;
	return true;
}

static bool has_crash(const struct run_result *result)
{
	for (size_t i = 0; i < result->n_tests; i++)
		if (result->tests[i].verdict == OUT_CRASH)
			return true;
	return result->verdict == OUT_CRASH;
}

static double take_late(const struct rubric *r, double points, double days)
{
	double late = days * (double)r->assignment->rubric.late_per_day;

	if (late > (double)r->assignment->rubric.late_at_most)
		late = (double)r->assignment->rubric.late_at_most;
	return points > late ? points - late : 0;
}

double rubric_points(const struct rubric *r, const struct run_result *result, double days)
{
	double sum = 0, of = 0, bonus = 0, cap = NO_CAP, points, share;

	for (size_t i = 0; i < r->n_tests; i++) {
		const struct rubric_test *t = &r->tests[i];

		if (!share_of(r, result, i, &share))
			continue;
		sum += share * t->weight;
		of += t->weight;
		bonus += share >= 1 ? t->bonus : 0;
		cap = share < 1 && t->cap < cap ? t->cap : cap;
	}
	points = (of > 0 ? GRADE_MAX * sum / of : 0) + bonus;
	if (has_crash(result) && cap > (double)r->assignment->rubric.crash_at_most)
		cap = (double)r->assignment->rubric.crash_at_most;
	return take_late(r, points < cap ? points : cap, days);
}

double rubric_build_error(const struct rubric *r, double days)
{
	return take_late(r, (double)r->assignment->rubric.build_error, days);
}
