/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For tests of judges on recorded data: whatever the evidence, a test has all the checks that it
 * declares, and passes none that it does not; each says where it can be seen.
 */
#ifndef NESTLAB_TESTS_FIXED_LIST_H
#define NESTLAB_TESTS_FIXED_LIST_H

#include "judge/judge.h"

static __attribute__((unused)) bool is_listed(const struct strv *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (!strcmp(names->v[i], name))
			return true;
	return false;
}

static void assert_fixed_list(const struct testcase *tc, const struct test_result *t)
{
	_cleanup_strv_ struct strv names = { 0 };

	judge_check_names(tc, &names);
	for (size_t i = 0; i < names.n; i++)
		if (!result_find_check(t, names.v[i]))
			fail_msg("%s: no check '%s'", tc->name, names.v[i]);
	for (size_t i = 0; i < t->n_checks; i++) {
		const struct check_result *c = &t->checks[i];

		if (strstr(c->observed, "nobody asked"))
			fail_msg("%s: '%s' is declared and never made", tc->name, c->name);
		if (c->verdict == OUT_PASS && !is_listed(&names, c->name))
			fail_msg("%s: '%s' is not declared", tc->name, c->name);
		if (c->ref.file && !result_ref_ok(&c->ref))
			fail_msg("%s: '%s' refers to no place", tc->name, c->name);
		if (!c->ref.file && !c->preparatory && c->verdict != OUT_SKIP)
			fail_msg("%s: '%s' can be seen nowhere", tc->name, c->name);
	}
}

/* As a run judges it. */
static void judge_fixed(const struct testcase *tc, const struct evidence *e, struct test_result *t)
{
	judge_test(tc, e, t);
	assert_fixed_list(tc, t);
}

/* An oracle that the recorded data has not got. */
static __attribute__((unused)) bool is_unasked(const struct check_result *c)
{
	return c->verdict == OUT_SKIP && c->preparatory;
}

#endif
