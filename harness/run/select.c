// SPDX-License-Identifier: GPL-2.0-only
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "core/near.h"
#include "core/outcome.h"
#include "run/run.h"

const struct assignment *run_assignment(const struct run *r, const struct testcase *t)
{
	if (r->asked && assignment_lists(r->asked, t->name))
		return r->asked;
	for (size_t i = 0; t->assignment && i < r->n_assignments; i++)
		if (assignment_is(r->assignments[i], t->assignment))
			return r->assignments[i];
	return NULL;
}

static int load(struct run *r, const char *name)
{
	struct assignment *a;
	int ret = assignment_load(name, &a);

	if (ret)
		return ret;
	r->assignments = xrealloc(r->assignments, r->n_assignments + 1, sizeof(*r->assignments));
	r->assignments[r->n_assignments++] = a;
	return 0;
}

static int take(struct run *r, const struct testcase *t)
{
	for (size_t i = 0; i < r->n_tests; i++)
		if (r->tests[i] == t)
			return 0;
	r->tests = xrealloc(r->tests, r->n_tests + 1, sizeof(*r->tests));
	r->tests[r->n_tests++] = t;
	return !t->assignment || run_assignment(r, t) ? 0 : load(r, t->assignment);
}

/* "cpuid-exits" names all of its tests. Those that are meant to fail must be named in full. */
static bool matches(const char *pattern, const struct testcase *t)
{
	if (!strcmp(pattern, t->name))
		return true;
	if (t->on_request)
		return false;
	return (t->assignment && !strcmp(pattern, t->assignment)) || !fnmatch(pattern, t->name, 0);
}

static int take_matching(struct run *r, const char *pattern, unsigned int level)
{
	_cleanup_strv_ struct strv names = { 0 };
	size_t n, found = 0;
	const struct testcase *const *all = testcases_all(&n);
	int ret = 0;

	for (size_t i = 0; !ret && i < n; i++) {
		strv_add(&names, all[i]->name);
		if (!matches(pattern, all[i]) || (level && all[i]->level != level))
			continue;
		found++;
		ret = take(r, all[i]);
	}
	if (!ret && !found)
		return near_fail("TESTS= names no test by", pattern, &names);
	return ret;
}

/*
 * ASSIGNMENT=: its tests, and its numbers for these and for all tests of the one that it is a
 * variant of.
 */
static int take_assignment(struct run *r, const char *name, bool its_tests,
			   unsigned int level)
{
	const struct assignment *a;
	int ret = load(r, name);

	if (ret)
		return ret;
	r->asked = a = r->assignments[r->n_assignments - 1];
	if (!its_tests)
		return 0;
	for (size_t i = 0; !ret && i < a->n_tests; i++) {
		const struct testcase *t = testcase_find(a->tests[i].name);

		if (!t || !level || t->level == level)
			ret = take_matching(r, a->tests[i].name, level);
	}
	return ret;
}

int select_tests(struct run *r, const struct strv *patterns, const char *assignment,
		 unsigned int level)
{
	int ret = 0;

	if (assignment && *assignment) {
		ret = take_assignment(r, assignment, !patterns->n, level);
		if (!patterns->n)
			return ret;
	}
	for (size_t i = 0; !ret && i < patterns->n; i++)
		ret = take_matching(r, patterns->v[i], 0);
	if (!ret && !patterns->n)
		ret = take_matching(r, "*", level);
	return ret;
}

bool select_is_of_l2(const struct testcase *t)
{
	return t->level == 2 && t->host == HOST_UNDER_TEST;
}

bool select_needs_l2(const struct run *r)
{
	for (size_t i = 0; i < r->n_tests; i++)
		if (select_is_of_l2(r->tests[i]))
			return true;
	return false;
}

bool select_needs_l1_alone(const struct run *r)
{
	for (size_t i = 0; i < r->n_tests; i++)
		if (r->tests[i]->level == 1 && r->tests[i]->host < HOST_SCRIPTED)
			return true;
	return false;
}
