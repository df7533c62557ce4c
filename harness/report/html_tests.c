// SPDX-License-Identifier: GPL-2.0-only
/* The tests of a run: an overview, then for each its checks, its vCPUs and its program's output. */
#include <inttypes.h>
#include <string.h>

#include "report/html.h"
#include "report/text.h"
#include "report/told.h"

#define LOG_LINES 400
#define FAILURES_TOLD 12

/* Where what checks refer to can be shown. */
struct places {
	const struct html_trace *trace;
	const char *run_dir;
};

static bool needs_eye(enum outcome o)
{
	return o != OUT_PASS && o != OUT_SKIP;
}

/* The overview */

static size_t passed_checks(const struct test_result *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_checks; i++)
		n += t->checks[i].verdict == OUT_PASS;
	return n;
}

static void put_overview_row(struct buf *b, const struct test_result *t, size_t number)
{
	_cleanup_free_ char *seconds = text_seconds(t->seconds);
	_cleanup_free_ char *checks = strf("%zu of %zu", passed_checks(t), t->n_checks);

	buf_puts(b, "<tr><td>");
	html_verdict(b, t->verdict);
	buf_printf(b, "</td><th scope=\"row\"><a href=\"#test-%zu\">", number);
	html_text(b, html_name(t->name));
	buf_puts(b, "</a></th>");
	html_element(b, "td", "num", t->n_checks ? checks : "none");
	html_element(b, "td", "num", seconds);
	buf_puts(b, "</tr>\n");
}

static void put_overview(struct buf *b, const struct run_result *r)
{
	buf_puts(b, "<div class=\"scroll\"><table class=\"overview\"><thead><tr>"
		    "<th scope=\"col\">Verdict</th><th scope=\"col\">Test</th>"
		    "<th scope=\"col\" class=\"num\">Checks passed</th>"
		    "<th scope=\"col\" class=\"num\">Time</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < r->n_tests; i++)
		put_overview_row(b, &r->tests[i], i + 1);
	buf_puts(b, "</tbody></table></div>\n");
}

/* Checks */

/*
 * Of a reference: a line that the page shows, else the file; "" where neither is there. The caller
 * owns it.
 */
static char *link_to(const struct evidence_ref *ref, const struct places *p)
{
	_cleanup_free_ char *path = strf("%s/%s", p->run_dir, ref->file);

	if (!strcmp(ref->file, "trace.txt") && html_trace_has(p->trace, ref->first))
		return strf("#t%u", ref->first);
	return xstrdup(path_exists(path) ? ref->file : "");
}

static void put_reference(struct buf *b, const struct evidence_ref *ref, const struct places *p)
{
	_cleanup_free_ char *text = told_reference(ref);
	_cleanup_free_ char *link = link_to(ref, p);

	if (*link)
		buf_printf(b, "<a href=\"%s\">", link);
	html_text(b, text);
	if (*link)
		buf_puts(b, "</a>");
}

static void put_evidence(struct buf *b, const struct check_result *c, const struct places *p)
{
	html_text(b, c->evidence);
	if (c->evidence && c->ref.file)
		buf_puts(b, "<br>");
	if (c->ref.file)
		put_reference(b, &c->ref, p);
}

/* A check that was skipped has a reason where the others have values. */
static void put_values(struct buf *b, const struct check_result *c)
{
	if (c->verdict == OUT_SKIP && !c->expected) {
		buf_puts(b, "<td colspan=\"2\" class=\"why\">");
		html_text(b, c->observed);
		buf_puts(b, "</td>");
		return;
	}
	html_element(b, "td", NULL, c->expected);
	html_element(b, "td", NULL, c->observed);
}

static void put_check(struct buf *b, const struct check_result *c, const struct places *p)
{
	buf_printf(b, "<tr%s%s%s><td>", needs_eye(c->verdict) ? " class=\"bad " : "",
		   needs_eye(c->verdict) ? outcome_name(c->verdict) : "",
		   needs_eye(c->verdict) ? "\"" : "");
	html_verdict(b, c->verdict);
	buf_puts(b, "</td><th scope=\"row\">");
	html_text(b, html_name(c->name));
	buf_puts(b, "</th>");
	put_values(b, c);
	buf_puts(b, "<td>");
	put_evidence(b, c, p);
	buf_puts(b, "</td></tr>\n");
}

static void put_checks(struct buf *b, const struct test_result *t, const struct places *p)
{
	if (!t->n_checks)
		return;
	buf_puts(b, "<div class=\"scroll\"><table class=\"checks\"><thead><tr>"
		    "<th scope=\"col\" class=\"c-v\">Verdict</th><th scope=\"col\" "
		    "class=\"c-name\">Check</th>"
		    "<th scope=\"col\">Expected</th><th scope=\"col\">Observed</th>"
		    "<th scope=\"col\" class=\"c-ev\">Evidence</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < t->n_checks; i++)
		put_check(b, &t->checks[i], p);
	buf_puts(b, "</tbody></table></div>\n");
}

/* vCPUs: one a column, so that a register's values stand beside each other */

static void put_count_row(struct buf *b, const struct test_result *t, const char *name,
			  uint64_t (*get)(const struct vcpu_row *row), bool grouped)
{
	buf_printf(b, "<tr class=\"figures\"><th scope=\"row\">%s</th>", name);
	for (size_t i = 0; i < t->n_vcpus; i++) {
		uint64_t n = get(&t->vcpus[i]);
		_cleanup_free_ char *text = grouped ? text_count(n) : strf("%" PRIu64, n);

		html_element(b, "td", "num", text);
	}
	buf_puts(b, "</tr>\n");
}

static uint64_t row_pid(const struct vcpu_row *row)
{
	return row->pid;
}

static uint64_t row_exits(const struct vcpu_row *row)
{
	return row->num_exits;
}

static char *reg_text(const struct vcpu_row *row, const char *name)
{
	for (size_t i = 0; i < row->n_regs; i++)
		if (!strcmp(row->regs[i].name, name))
			return strf("0x%016" PRIx64, row->regs[i].value);
	return xstrdup("not told");
}

/* The rows are the registers that the fullest vCPU has: usually all have the same. */
static const struct vcpu_row *fullest(const struct test_result *t)
{
	const struct vcpu_row *most = &t->vcpus[0];

	for (size_t i = 1; i < t->n_vcpus; i++)
		if (t->vcpus[i].n_regs > most->n_regs)
			most = &t->vcpus[i];
	return most;
}

static void put_reg_rows(struct buf *b, const struct test_result *t)
{
	const struct vcpu_row *model = fullest(t);

	for (size_t k = 0; k < model->n_regs; k++) {
		buf_puts(b, "<tr>");
		buf_puts(b, "<th scope=\"row\">");
		html_text(b, model->regs[k].name);
		buf_puts(b, "</th>");
		for (size_t i = 0; i < t->n_vcpus; i++) {
			_cleanup_free_ char *text = reg_text(&t->vcpus[i], model->regs[k].name);

			html_element(b, "td", "num", text);
		}
		buf_puts(b, "</tr>\n");
	}
}

static void put_vcpus(struct buf *b, const struct test_result *t)
{
	if (!t->n_vcpus)
		return;
	buf_puts(b, "<h4>vCPUs, as the trace told them</h4>\n<div class=\"scroll\"><table "
		    "class=\"narrow regs\"><thead><tr><th scope=\"col\">Field</th>");
	for (size_t i = 0; i < t->n_vcpus; i++)
		buf_printf(b, "<th scope=\"col\" class=\"num\">vCPU %" PRIu64 "</th>",
			   t->vcpus[i].vcpu_id);
	buf_puts(b, "</tr></thead><tbody>\n");
	put_count_row(b, t, "pid", row_pid, false);
	put_count_row(b, t, "exits", row_exits, true);
	put_reg_rows(b, t);
	buf_puts(b, "</tbody></table></div>\n");
}

/* One test */

static void put_measures(struct buf *b, const struct test_result *t)
{
	if (!t->n_measures)
		return;
	buf_puts(b, "<details><summary>Measures</summary>\n");
	html_measures(b, t->measures, t->n_measures);
	buf_puts(b, "</details>\n");
}

static void put_log(struct buf *b, const struct strv *log)
{
	if (!log->n)
		return;
	buf_puts(b, "<details><summary>Output of the test program</summary>\n<pre tabindex=\"0\" role=\"group\" "
		    "aria-label=\"Output of the test program\">");
	for (size_t i = 0; i < log->n && i < LOG_LINES; i++) {
		html_text(b, log->v[i]);
		buf_puts(b, "\n");
	}
	buf_puts(b, "</pre>");
	if (log->n > LOG_LINES)
		buf_printf(b, "<p class=\"soft\">%zu more lines are in results.json.</p>",
			   log->n - LOG_LINES);
	buf_puts(b, "</details>\n");
}

/* Closed when all is well. A link into a closed one opens it: its target is inside. */
static void put_test(struct buf *b, const struct test_result *t, size_t number,
		     const struct places *p)
{
	_cleanup_free_ char *seconds = text_seconds(t->seconds), *retried = told_retried(t);

	buf_printf(b, "<details class=\"test\"%s><summary class=\"test-head\">", needs_eye(t->verdict) ? " open" : "");
	html_element(b, "h3", NULL, html_name(t->name));
	html_verdict(b, t->verdict);
	html_element(b, "span", "soft", seconds);
	buf_printf(b, "</summary>\n<div id=\"test-%zu\">\n", number);
	if (t->verdict != OUT_PASS && t->verdict != OUT_FAIL)
		html_element(b, "p", NULL, told_test_reason(t));
	if (retried)
		html_element(b, "p", NULL, retried);
	put_checks(b, t, p);
	put_measures(b, t);
	put_vcpus(b, t);
	put_log(b, &t->log);
	buf_puts(b, "</div></details>\n");
}

static void put_tests(struct buf *b, const struct run_result *r, const struct places *p, bool eye)
{
	for (size_t i = 0; i < r->n_tests; i++)
		if (needs_eye(r->tests[i].verdict) == eye)
			put_test(b, &r->tests[i], i + 1, p);
}

static void put_failure(struct buf *b, size_t number, const char *test, const char *what)
{
	buf_printf(b, "<li><a href=\"#test-%zu\">", number);
	html_text(b, html_name(test));
	buf_puts(b, "</a>: ");
	html_text(b, html_name(what));
	buf_puts(b, "</li>\n");
}

/* Each check that failed; of a test in which none did, what became of it. */
static size_t put_failures(struct buf *b, const struct test_result *t, size_t number, size_t room)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_checks; i++)
		if (needs_eye(t->checks[i].verdict) && n++ < room)
			put_failure(b, number, t->name, t->checks[i].name);
	if (!n && needs_eye(t->verdict) && n++ < room)
		put_failure(b, number, t->name, outcome_name(t->verdict));
	return n;
}

void html_failures(struct buf *b, const struct run_result *r)
{
	_cleanup_buf_ struct buf list = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < r->n_tests; i++)
		n += put_failures(&list, &r->tests[i], i + 1,
				  n < FAILURES_TOLD ? FAILURES_TOLD - n : 0);
	if (!n)
		return;
	buf_printf(b, "<ul class=\"failed\">\n%s", buf_str(&list));
	if (n > FAILURES_TOLD)
		buf_printf(b, "<li>and %zu more</li>\n", n - FAILURES_TOLD);
	buf_puts(b, "</ul>\n");
}

void html_tests(struct buf *b, const struct run_result *r, const struct html_trace *trace,
		const char *run_dir)
{
	const struct places p = { trace, run_dir };

	buf_puts(b, "<section id=\"tests\">\n<h2>Tests</h2>\n");
	/* One or two tests are their own overview. */
	if (r->n_tests > 2)
		put_overview(b, r);
	put_tests(b, r, &p, true);
	put_tests(b, r, &p, false);
	buf_puts(b, "</section>\n");
}
