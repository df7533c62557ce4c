// SPDX-License-Identifier: GPL-2.0-only
/*
 * KTAP version 1: tests at the top, their checks as subtests. The top level is plain TAP as well,
 * so that `prove` reads it. Diagnostics stand in front of the line that they explain, as KTAP asks.
 */
#include "report/report.h"
#include "report/text.h"
#include "report/told.h"

#define CHECK_INDENT "  "

static void put_diagnostic(FILE *f, const char *indent, const char *what, const char *text)
{
	_cleanup_free_ char *line = text_form(TEXT_LINE, text);

	if (text)
		fprintf(f, "%s# %s: %s\n", indent, what, line);
}

/*
 * reason: of a SKIP or of an ERROR (KTAP's word for "could not be judged"); NULL for a plain ok or
 * not ok. As in a name there is no #: it would start a directive of its own.
 */
static void put_item(FILE *f, const char *indent, size_t number, const char *name, enum outcome o,
		     const char *reason)
{
	_cleanup_free_ char *desc = text_form(TEXT_TAP, name);
	_cleanup_free_ char *why = text_form(TEXT_TAP, reason);
	const char *directive = o == OUT_SKIP ? " # SKIP " : " # ERROR ";
	bool ok = o == OUT_PASS || o == OUT_SKIP;

	fprintf(f, "%s%s %zu %s%s%s\n", indent, ok ? "ok" : "not ok", number,
		*desc ? desc : "unnamed", reason ? directive : "", why);
}

static void put_check(FILE *f, size_t number, const struct check_result *c)
{
	bool failed = c->verdict == OUT_FAIL || c->verdict == OUT_BROKEN;
	_cleanup_free_ char *evidence = told_evidence(c);

	if (failed) {
		put_diagnostic(f, CHECK_INDENT, "expected", c->expected);
		put_diagnostic(f, CHECK_INDENT, "observed", c->observed);
		put_diagnostic(f, CHECK_INDENT, "evidence", evidence);
	}
	put_item(f, CHECK_INDENT, number, c->name, c->verdict,
		 c->verdict == OUT_SKIP || c->verdict == OUT_BROKEN ? c->observed : NULL);
}

static void put_checks(FILE *f, const struct test_result *t)
{
	_cleanup_free_ char *name = text_form(TEXT_TAP, t->name);

	/* A plan of 0 subtests reads as an error, so a test without checks has none. */
	if (!t->n_checks)
		return;
	fprintf(f,
		CHECK_INDENT "KTAP version 1\n" CHECK_INDENT "# Subtest: %s\n" CHECK_INDENT
			     "1..%zu\n",
		name, t->n_checks);
	for (size_t i = 0; i < t->n_checks; i++)
		put_check(f, i + 1, &t->checks[i]);
}

static void put_test(FILE *f, size_t number, const struct test_result *t)
{
	bool judged = t->verdict == OUT_PASS || t->verdict == OUT_FAIL;
	_cleanup_free_ char *retried = told_retried(t);

	put_checks(f, t);
	put_diagnostic(f, "", "flaky", retried);
	if (!judged && t->verdict != OUT_SKIP)
		put_diagnostic(f, "", outcome_name(t->verdict), told_test_reason(t));
	fprintf(f, "# seconds: %.3f\n", t->seconds);
	put_item(f, "", number, t->name, t->verdict, judged ? NULL : told_test_reason(t));
}

static void put_run(FILE *f, size_t number, const struct run_result *r)
{
	_cleanup_free_ char *why = told_run_reason(r);
	enum outcome o = result_verdict(r);

	put_diagnostic(f, "", outcome_name(o), why ? why : "no reason was given");
	put_item(f, "", number, TOLD_RUN_ITEM, o,
		 o == OUT_FAIL || o == OUT_PASS ? NULL
		 : why				? why
						: "");
}

static void put_subject(FILE *f, const struct run_result *r)
{
	_cleanup_strv_ struct strv lines = { 0 };
	bool known = told_subject(r, &lines);

	for (size_t i = 0; i < lines.n && known; i++)
		put_diagnostic(f, "", "judged", lines.v[i]);
	if (!known)
		fprintf(f, "# %s\n", TOLD_NOTHING);
}

static void put_head(FILE *f, const struct run_result *r)
{
	put_subject(f, r);
	put_diagnostic(f, "", "run", r->run_id);
	put_diagnostic(f, "", "lane", r->lane);
	put_diagnostic(f, "", "kernel", r->kernel);
	put_diagnostic(f, "", "flavor", r->kernel_flavor);
	put_diagnostic(f, "", "assignment", r->assignment);
}

static void put_tail(FILE *f, const struct run_result *r)
{
	_cleanup_free_ char *summary = told_summary(r);

	for (size_t i = 0; i < r->console.n; i++)
		put_diagnostic(f, "", "console", r->console.v[i]);
	put_diagnostic(f, "", "checks", summary);
	put_diagnostic(f, "", "verdict", outcome_name(result_verdict(r)));
}

/* TAP's own way to say that there was nothing to do; a plan of 0 without it is a failure to
 * `prove`. */
static void put_empty_plan(FILE *f, const struct run_result *r)
{
	_cleanup_free_ char *why = told_run_reason(r);
	_cleanup_free_ char *line = text_form(TEXT_TAP, why ? why : "no test was run");

	fprintf(f, "1..0 # SKIP %s\n", line);
}

void report_ktap(const struct run_result *r, FILE *f)
{
	bool told = told_by_tests(r);
	size_t n = r->n_tests + !told;

	/* Some readers know a plan only where it follows the version. */
	fputs("KTAP version 1\n", f);
	if (n)
		fprintf(f, "1..%zu\n", n);
	else
		put_empty_plan(f, r);
	put_head(f, r);
	for (size_t i = 0; i < r->n_tests; i++)
		put_test(f, i + 1, &r->tests[i]);
	if (!told)
		put_run(f, n, r);
	put_tail(f, r);
}
