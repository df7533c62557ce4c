// SPDX-License-Identifier: GPL-2.0-only
#include "grade/ends.h"

#include <stdlib.h>
#include <string.h>

#include "grade/unask.h"

#define ERROR "error: " /* what a compiler's words stand behind */
#define LAB "lab/"

bool ends_wanted(const struct submission *s)
{
	enum outcome o = s->result ? result_verdict(s->result) : OUT_PASS;

	/* Whether the fastpath's exits are asked for, no other base tells. */
	if (!s->end || s->end_result || s->elsewhere || grade_lacks_fastpath_only(s->result))
		return false;
	return o == OUT_BUILD_ERROR || ((o == OUT_FAIL || o == OUT_CRASH) && s->result->n_tests);
}

char *ends_tests(const struct submission *s)
{
	const struct run_result *r = s->result;
	struct buf names = { 0 };

	for (size_t i = 0; i < r->n_tests; i++) {
		const struct test_result *t = &r->tests[i];

		if (t->verdict != OUT_FAIL && t->verdict != OUT_CRASH)
			continue;
		/* The lab's own are about what the others do. */
		if (str_starts(t->name, LAB)) {
			buf_free(&names);
			break;
		}
		buf_printf(&names, "%s%s", names.len ? " " : "", t->name);
	}
	return names.len ? names.data : xstrdup("");
}

static enum outcome verdict_of(const struct run_result *r, const char *test)
{
	const struct test_result *t = result_find_test(r, test);

	return t ? t->verdict : OUT_SKIP;
}

/* A crash takes all of its test's checks. */
static bool fails_too(const struct run_result *r, const char *test, const char *check)
{
	const struct test_result *t = result_find_test(r, test);
	const struct check_result *c = t ? result_find_check(t, check) : NULL;

	return (t && t->verdict == OUT_CRASH) || (c && c->verdict == OUT_FAIL);
}

/* At one end it crashed, at the other it did not pass either? */
static bool crashes_alike(enum outcome a, enum outcome b)
{
	return (a == OUT_CRASH) == (b == OUT_CRASH) || (a == OUT_CRASH ? b : a) == OUT_FAIL;
}

/* Of what crashed at this end alone: the checks that fail at the other do so at both. */
static void take_from_other(struct run_result *a, struct run_result *b)
{
	for (size_t i = 0; i < a->n_tests; i++) {
		struct test_result *t = &a->tests[i], taken = *t;
		struct test_result *there = result_find_test(b, t->name);

		if (t->verdict != OUT_CRASH || !there || there->verdict != OUT_FAIL)
			continue;
		*t = *there;
		*there = taken;
	}
}

/* What failed at both ends. False: one crashed where the other passed, and nobody knows why. */
static bool count_common(const struct run_result *a, const struct run_result *b, size_t *common)
{
	*common = 0;
	for (size_t i = 0; i < a->n_tests; i++) {
		const struct test_result *t = &a->tests[i];

		if (!crashes_alike(t->verdict, verdict_of(b, t->name)))
			return false;
		*common += t->verdict == OUT_CRASH;
		for (size_t j = 0; j < t->n_checks; j++)
			*common += t->checks[j].verdict == OUT_FAIL &&
				   fails_too(b, t->name, t->checks[j].name);
	}
	return true;
}

bool ends_settle(struct submission *s)
{
	struct run_result *a = s->result;
	const struct run_result *b = s->end_result;
	enum outcome o = b ? result_verdict(b) : OUT_PASS;
	_cleanup_free_ char *why = NULL;
	size_t common;

	/* A crash of the whole run is no test's: what is not asked then could have passed. */
	if (!a->n_tests || (o != OUT_FAIL && o != OUT_CRASH) || a->verdict != o ||
	    (s->unseen && s->end_unseen) || !count_common(a, b, &common) || !common)
		return false;
	take_from_other(a, s->end_result);
	why = strf("fails on base %s, and not on base %s: it does not count", s->base, s->end);
	for (size_t i = 0; i < a->n_tests; i++) {
		struct test_result *t = &a->tests[i];

		for (size_t j = 0; j < t->n_checks; j++)
			if (t->checks[j].verdict == OUT_FAIL &&
			    !fails_too(b, t->name, t->checks[j].name))
				unask_check(&t->checks[j], why);
	}
	unask_end(a);
	return true;
}

/* Behind the place, and before where the log is. */
static const char *words_of(const struct run_result *r, size_t *len)
{
	const char *at = r && r->reason ? strstr(r->reason, ERROR) : NULL;

	*len = at ? strcspn(at, ";\n") : 0;
	return at;
}

bool ends_same_error(const struct submission *s)
{
	size_t n, m;
	const char *a = words_of(s->result, &n), *b = words_of(s->end_result, &m);

	return a && b && n == m && !strncmp(a, b, n) &&
	       result_verdict(s->end_result) == OUT_BUILD_ERROR;
}
