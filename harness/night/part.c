// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "night/night.h"
#include "report/text.h"
#include "report/told.h"

/* ---- a plan ---- */

/* A check has four verdicts. */
static enum outcome as_check(enum outcome o)
{
	if (o == OUT_CRASH || o == OUT_BUILD_ERROR)
		return OUT_FAIL;
	return o == OUT_PASS || o == OUT_FAIL || o == OUT_SKIP ? o : OUT_BROKEN;
}

/* "fail: total; edx", "pass, 1.2 s" */
static char *observed_of(const struct test_result *t)
{
	_cleanup_free_ char *seconds = text_seconds(t->seconds);
	_cleanup_buf_ struct buf b = { 0 };

	buf_puts(&b, outcome_name(t->verdict));
	for (size_t i = 0, n = 0; i < t->n_checks; i++)
		if (t->checks[i].verdict == OUT_FAIL)
			buf_printf(&b, "%s%s", n++ ? "; " : ": ", t->checks[i].name);
	if (t->verdict == OUT_PASS)
		buf_printf(&b, ", %s", seconds);
	else if (t->reason)
		buf_printf(&b, ": %s", t->reason);
	return xstrdup(buf_str(&b));
}

static void tell_test(const struct test_result *t, const char *dir, struct test_result *into)
{
	_cleanup_free_ char *observed = observed_of(t), *where = strf("%s/report.html", dir);
	struct check_result *c =
		result_add_check(into, t->name, as_check(t->verdict), "pass", observed, where);

	c->preparatory = t->preparatory;
	if (t->retried && !into->retried)
		into->retried = strf("%s: %s", t->name, t->retried);
}

/* What its run says stands, whatever its tests together would say. */
void night_part_tell(const struct night_part *p, struct run_result *night)
{
	struct test_result *t = result_add_test(night, p->name, "plan");
	const struct run_result *r = p->result;

	for (size_t i = 0; r && i < r->n_tests; i++)
		tell_test(&r->tests[i], path_last(p->dir), t);
	t->seconds = r ? r->seconds : 0;
	str_set(&t->reason, r ? r->reason : p->reason);
	t->verdict = p->verdict;
}

/* ---- mutants ---- */

static void tell_mutant(const struct night_part *p, struct test_result *t)
{
	_cleanup_buf_ struct buf by = { 0 }, missed = { 0 };
	bool found = p->result && mutant_found(p->mutant, p->result, &by, &missed);
	_cleanup_free_ char *observed = NULL;

	if (!p->result)
		observed = strf("not judged: %s", p->reason ? p->reason : "its turn did not come");
	else
		observed = strf("%s by %s", found ? "found" : "missed",
				buf_str(found ? &by : &missed));
	result_add_check(t, p->name, p->result ? found ? OUT_PASS : OUT_FAIL : as_check(p->verdict),
			 "a check finds it", observed, path_last(p->dir));
}

void night_mutants_tell(const struct night_part *v, size_t n, struct run_result *night)
{
	struct test_result *t = NULL;

	for (size_t i = 0; i < n; i++) {
		if (!v[i].mutant)
			continue;
		if (!t)
			t = result_add_test(night, "mutants", "mutants");
		t->seconds += v[i].result ? v[i].result->seconds : 0;
		tell_mutant(&v[i], t);
	}
	if (t)
		result_judge_test(t);
}
