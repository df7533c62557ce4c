// SPDX-License-Identifier: GPL-2.0-only
/*
 * junit.xml: a testsuite a test, a testcase a check. Written with libxml2's writer, which escapes;
 * what XML cannot hold at all is replaced before.
 */
#include <libxml/xmlwriter.h>
#include <string.h>

#include "report/report.h"
#include "report/text.h"
#include "report/told.h"

static void put_start(xmlTextWriter *w, const char *element)
{
	xmlTextWriterStartElement(w, BAD_CAST element);
}

static void put_end(xmlTextWriter *w)
{
	xmlTextWriterEndElement(w);
}

static void put_attr(xmlTextWriter *w, const char *name, const char *text)
{
	_cleanup_free_ char *clean = text_form(TEXT_XML, text);

	xmlTextWriterWriteAttribute(w, BAD_CAST name, BAD_CAST clean);
}

static void put_number(xmlTextWriter *w, const char *name, size_t n)
{
	_cleanup_free_ char *text = strf("%zu", n);

	put_attr(w, name, text);
}

static void put_time(xmlTextWriter *w, double seconds)
{
	_cleanup_free_ char *text = strf("%.3f", seconds);

	put_attr(w, "time", text);
}

static void put_text(xmlTextWriter *w, const char *text)
{
	_cleanup_free_ char *clean = text_form(TEXT_XML, text);

	xmlTextWriterWriteString(w, BAD_CAST clean);
}

/* What a check, or a test or run in place of one, says when it did not pass; by its verdict. */
static const char *const said_by[OUT_COUNT] = {
	[OUT_FAIL] = "failure", [OUT_BROKEN] = "error", [OUT_BUILD_ERROR] = "error",
	[OUT_CRASH] = "error",	[OUT_USAGE] = "error",	[OUT_SKIP] = "skipped",
	[OUT_UNUSABLE] = "error", [OUT_BUSY] = "error", [OUT_INTERRUPTED] = "error",
};

static void put_said(xmlTextWriter *w, enum outcome o, const char *message, const char *body)
{
	if (!said_by[o])
		return;
	put_start(w, said_by[o]);
	put_attr(w, "message", message);
	/* <skipped> holds a message only in the schemas that CI systems publish. */
	if (o != OUT_SKIP) {
		put_attr(w, "type", outcome_name(o));
		put_text(w, body);
	}
	put_end(w);
}

static char *check_body(const struct check_result *c)
{
	_cleanup_free_ char *evidence = told_evidence(c);

	return strf("expected: %s\nobserved: %s\nevidence: %s\n", c->expected ? c->expected : "",
		    c->observed, evidence ? evidence : "none");
}

static void put_check(xmlTextWriter *w, const struct test_result *t, const struct check_result *c)
{
	_cleanup_free_ char *body = check_body(c);
	_cleanup_free_ char *message = NULL;

	if (c->verdict == OUT_FAIL)
		message = strf("expected %s, observed %s", c->expected ? c->expected : "",
			       c->observed);
	put_start(w, "testcase");
	put_attr(w, "classname", t->name);
	put_attr(w, "name", c->name);
	put_said(w, c->verdict, message ? message : c->observed, body);
	put_end(w);
}

/*
 * As other tools tell it: what failed first and passed then is flaky, and no failure of the suite.
 */
static void put_retried(xmlTextWriter *w, const struct test_result *t)
{
	put_start(w, "testcase");
	put_attr(w, "classname", t->name);
	put_attr(w, "name", "a second try was needed");
	put_start(w, t->verdict == OUT_PASS ? "flakyError" : "rerunError");
	put_attr(w, "message", t->retried);
	put_attr(w, "type", "flaky");
	put_end(w);
	put_end(w);
}

/* Stands for a test or a run whose verdict does not come from its checks. */
static void put_whole(xmlTextWriter *w, const char *classname, const char *name, enum outcome o,
		      const char *reason)
{
	put_start(w, "testcase");
	put_attr(w, "classname", classname);
	put_attr(w, "name", name);
	put_said(w, o, reason, reason);
	put_end(w);
}

struct tally {
	size_t tests, failures, errors, skipped;
};

static void tally_add(struct tally *n, enum outcome o)
{
	n->tests++;
	n->failures += o == OUT_FAIL;
	n->skipped += o == OUT_SKIP;
	n->errors += o != OUT_PASS && o != OUT_FAIL && o != OUT_SKIP;
}

/* Do the checks alone tell this verdict? A crash is told by none, and a test without checks says
 * nothing. */
static bool told_by_checks(const struct test_result *t)
{
	for (size_t i = 0; i < t->n_checks; i++)
		if (t->checks[i].verdict == t->verdict)
			return true;
	return false;
}

static struct tally tally_test(const struct test_result *t)
{
	struct tally n = { 0 };

	for (size_t i = 0; i < t->n_checks; i++)
		tally_add(&n, t->checks[i].verdict);
	if (!told_by_checks(t))
		tally_add(&n, t->verdict);
	n.tests += t->retried != NULL;
	return n;
}

/* A crash's console belongs somewhere, even where a test tells of the crash. */
static bool wants_run_suite(const struct run_result *r)
{
	return !told_by_tests(r) || r->console.n;
}

static struct tally tally_run(const struct run_result *r)
{
	struct tally sum = { 0 };

	for (size_t i = 0; i < r->n_tests; i++) {
		struct tally n = tally_test(&r->tests[i]);

		sum.tests += n.tests;
		sum.failures += n.failures;
		sum.errors += n.errors;
		sum.skipped += n.skipped;
	}
	if (wants_run_suite(r))
		tally_add(&sum, result_verdict(r));
	return sum;
}

static void put_tally(xmlTextWriter *w, const struct tally *n)
{
	put_number(w, "tests", n->tests);
	put_number(w, "failures", n->failures);
	put_number(w, "errors", n->errors);
}

static void put_log(xmlTextWriter *w, const struct strv *lines)
{
	if (!lines->n)
		return;
	put_start(w, "system-out");
	for (size_t i = 0; i < lines->n; i++) {
		put_text(w, lines->v[i]);
		put_text(w, "\n");
	}
	put_end(w);
}

static void put_property(xmlTextWriter *w, const char *name, const char *value)
{
	put_start(w, "property");
	put_attr(w, "name", name);
	put_attr(w, "value", value);
	put_end(w);
}

static void put_known(xmlTextWriter *w, const char *name, const char *value)
{
	if (value)
		put_property(w, name, value);
}

/* A suite's: the element above them can't have any. */
static void put_properties(xmlTextWriter *w, const struct run_result *r)
{
	_cleanup_strv_ struct strv lines = { 0 };

	told_subject(r, &lines);
	put_start(w, "properties");
	for (size_t i = 0; i < lines.n; i++) {
		_cleanup_free_ char *name = i ? strf("judged.%zu", i + 1) : xstrdup("judged");

		put_property(w, name, lines.v[i]);
	}
	put_known(w, "judged.hash", r->subject.hash);
	for (size_t i = 0; i < r->subject.n_patches; i++)
		put_known(w, "patch", r->subject.patches[i].file);
	put_known(w, "lane", r->lane);
	put_known(w, "kernel", r->kernel);
	put_known(w, "kernel.flavor", r->kernel_flavor);
	put_known(w, "assignment", r->assignment);
	put_known(w, "run", r->run_id);
	put_end(w);
}

static void put_suite(xmlTextWriter *w, const struct run_result *r, const char *name,
		      const struct tally *n, double seconds)
{
	put_start(w, "testsuite");
	put_attr(w, "name", name);
	put_tally(w, n);
	put_number(w, "skipped", n->skipped);
	put_time(w, seconds);
	if (r->started)
		put_attr(w, "timestamp", r->started);
	put_properties(w, r);
}

static void put_test(xmlTextWriter *w, const struct run_result *r, const struct test_result *t)
{
	struct tally n = tally_test(t);

	put_suite(w, r, t->name, &n, t->seconds);
	for (size_t i = 0; i < t->n_checks; i++)
		put_check(w, t, &t->checks[i]);
	if (!told_by_checks(t))
		put_whole(w, t->name, "the test as a whole", t->verdict, told_test_reason(t));
	if (t->retried)
		put_retried(w, t);
	put_log(w, &t->log);
	put_end(w);
}

static void put_run(xmlTextWriter *w, const struct run_result *r)
{
	_cleanup_free_ char *why = told_run_reason(r);
	struct tally n = { 0 };

	tally_add(&n, result_verdict(r));
	put_suite(w, r, TOLD_RUN_ITEM, &n, r->seconds);
	put_whole(w, "nestlab", TOLD_RUN_ITEM, result_verdict(r),
		  why ? why : "no reason was given");
	put_log(w, &r->console);
	put_end(w);
}

static void put_document(xmlTextWriter *w, const struct run_result *r)
{
	struct tally n = tally_run(r);

	xmlTextWriterSetIndent(w, 1);
	xmlTextWriterStartDocument(w, NULL, "UTF-8", NULL);
	put_start(w, "testsuites");
	put_attr(w, "name", "nestlab"); /* what is compared from run to run has one name */
	put_tally(w, &n);
	put_time(w, r->seconds);
	for (size_t i = 0; i < r->n_tests; i++)
		put_test(w, r, &r->tests[i]);
	if (wants_run_suite(r))
		put_run(w, r);
	put_end(w);
	xmlTextWriterEndDocument(w);
}

int report_junit(const struct run_result *r, const char *path)
{
	xmlBuffer *out = xmlBufferCreate();
	xmlTextWriter *w = out ? xmlNewTextWriterMemory(out, 0) : NULL;
	int err = -1;

	if (w) {
		put_document(w, r);
		xmlFreeTextWriter(w);
		err = file_write(path, xmlBufferContent(out), (size_t)xmlBufferLength(out), 0644);
	}
	xmlBufferFree(out);
	if (!w)
		return fail(OUT_BROKEN, "cannot write %s: libxml2 gave no writer", path);
	return err ? fail(OUT_BROKEN, "cannot write %s: %s", path, strerror(-err)) : 0;
}
