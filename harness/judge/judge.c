// SPDX-License-Identifier: GPL-2.0-only
#include "judge/judge.h"

#include <string.h>

#include "judge/checks.h"

void judge_check_names(const struct testcase *tc, struct strv *names)
{
	/* What every judge begins with: check_program(), check_trace(). */
	strv_add(names, "the test program's end");
	strv_add(names, "the test program's output");
	if (tc->wants_trace)
		strv_add(names, "the trace");
	for (const char *const *n = tc->checks; n && *n; n++)
		strv_add(names, *n);
	oracle_check_names(tc, names);
}

/*
 * What makes no sense after a check that failed is not asked; that check is named. (A program that
 * asked to be skipped has said itself why.)
 */
static char *why_not_asked(const struct test_result *t)
{
	for (size_t i = 0; i < t->n_checks; i++) {
		const struct check_result *c = &t->checks[i];

		if (c->verdict == OUT_SKIP && c->preparatory)
			return strf("not judged: %s", c->observed);
		if (c->verdict == OUT_FAIL || c->verdict == OUT_BROKEN)
			return strf("not judged: \"%s\" did not pass", c->name);
	}
	return xstrdup("not judged: nobody asked");
}

static void skip_what_was_not_asked(const struct testcase *tc, struct test_result *t)
{
	_cleanup_free_ char *why = why_not_asked(t);
	_cleanup_strv_ struct strv names = { 0 };

	judge_check_names(tc, &names);
	for (size_t i = 0; i < names.n; i++)
		if (!result_find_check(t, names.v[i]))
			check_skip(t, names.v[i], why)->preparatory =
				!testcase_has_check(tc, names.v[i]);
}

/* What a test's own checks don't refer to elsewhere, its program has told. */
static void refer_to_output(struct test_result *t)
{
	_cleanup_free_ char *file = testcase_file("output", t->name);

	for (size_t i = 0; i < t->n_checks; i++)
		if (!t->checks[i].ref.file && t->checks[i].verdict != OUT_SKIP)
			result_set_ref(&t->checks[i], file, 0, 0);
}

/* What is known of every test: its time, and what it cost the host. */
static void measure(const struct testcase *tc, const struct evidence *e, struct test_result *t)
{
	const struct vmruns *v = &e->vmruns;

	result_add_measure(t, "its program's time", "s", e->seconds);
	if (v->present)
		result_add_measure(t, "#VMEXITs meanwhile", "exits",
				   (double)(v->after[0].vmexits - v->before[1].vmexits));
	if (tc->level == 2 && oracle_has_all_exits(&e->before) && oracle_has_all_exits(&e->after))
		result_add_measure(t, "exits of L2, by KVM's statistics", "exits",
				   (double)oracle_total_exits(&e->after) -
					   (double)oracle_total_exits(&e->before));
}

static void check_deadline(const struct testcase *tc, struct test_result *t)
{
	_cleanup_free_ char *within = strf("it runs to its end within %u s", tc->timeout_s);

	check_that(t, "the test program's end", false, within,
		   "still running at the deadline, killed; the level still answers",
		   "the agent's report")
		->preparatory = true;
}

void judge_test(const struct testcase *tc, const struct evidence *e, struct test_result *t)
{
	if (e->killed)
		check_deadline(tc, t);
	else
		tc->judge(e, t);
	refer_to_output(t);
	if (!e->killed)
		check_oracles(tc, e, t);
	measure(tc, e, t);
	skip_what_was_not_asked(tc, t);
}
