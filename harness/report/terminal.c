// SPDX-License-Identifier: GPL-2.0-only
/* The report for people: what to look at stands where the eye ends up, at the bottom. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "report/growth.h"
#include "report/report.h"
#include "report/text.h"
#include "report/told.h"

#define COLUMNS 96
#define COLUMNS_MIN 60 /* narrower ones wrap by themselves */
#define COLUMNS_MAX 160
#define LABEL_INDENT 10
#define TEXT_INDENT 20
#define BRIEF_INDENT 8
/* An oops with its registers and call trace is shorter; the whole console is in the run's folder.
 */
#define CONSOLE_LINES 60
#define REGS_PER_LINE 3

struct terminal {
	const struct terminal_opts *opts;
	FILE *f;
	size_t columns;
};

enum style { PLAIN, BOLD, DIM, GREEN, RED, YELLOW, MAGENTA };

static const char *const escapes[] = {
	[PLAIN] = "",	      [BOLD] = "\033[1m",    [DIM] = "\033[2m",	       [GREEN] = "\033[32m",
	[RED] = "\033[1;31m", [YELLOW] = "\033[33m", [MAGENTA] = "\033[1;35m",
};

/* A check's word is six columns wide; what needs a person's eye is written large. */
static const struct {
	const char *word;
	enum style style;
} told[OUT_COUNT] = {
	[OUT_PASS] = { "ok", GREEN },	      [OUT_FAIL] = { "FAIL", RED },
	[OUT_USAGE] = { "BROKEN", MAGENTA },  [OUT_BROKEN] = { "BROKEN", MAGENTA },
	[OUT_BUILD_ERROR] = { "BUILD", RED }, [OUT_CRASH] = { "CRASH", RED },
	[OUT_SKIP] = { "skip", YELLOW },	      [OUT_UNUSABLE] = { "BROKEN", MAGENTA },
	[OUT_BUSY] = { "BROKEN", MAGENTA },   [OUT_INTERRUPTED] = { "BROKEN", MAGENTA },
};

static void put_styled(const struct terminal *t, enum style style, const char *text)
{
	if (t->opts->color && style != PLAIN)
		fprintf(t->f, "%s%s\033[0m", escapes[style], text);
	else
		fputs(text, t->f);
}

/* Bytes of the next word, with the blanks in front of it. */
static size_t next_word(const char *s)
{
	size_t blanks = strspn(s, " ");

	return blanks + strcspn(s + blanks, " ");
}

static size_t width_of(const char *s, size_t bytes)
{
	_cleanup_free_ char *word = xstrndup(s, bytes);

	return text_width(word);
}

/* Write text that starts at this column; what goes over the edge continues below its first word. */
static void put_wrapped(const struct terminal *t, size_t column, const char *text)
{
	_cleanup_free_ char *line = text_form(TEXT_LINE, text);
	size_t at = column, n;

	for (const char *s = line; *s; s += n) {
		size_t width;

		n = next_word(s);
		width = width_of(s, n);
		if (at > column && at + width > t->columns) {
			fprintf(t->f, "\n%*s", (int)column, "");
			s += strspn(s, " ");
			at = column;
			n = next_word(s);
			width = width_of(s, n);
		}
		fwrite(s, 1, n, t->f);
		at += width;
	}
	fputc('\n', t->f);
}

static void put_labelled(const struct terminal *t, const char *label, const char *text)
{
	if (!text)
		return;
	fprintf(t->f, "%*s", LABEL_INDENT, "");
	put_styled(t, DIM, label);
	fprintf(t->f, "%*s", (int)(TEXT_INDENT - LABEL_INDENT - strlen(label)), "");
	put_wrapped(t, TEXT_INDENT, text);
}

static bool is_loud(const struct check_result *c)
{
	return c->verdict != OUT_PASS && c->verdict != OUT_SKIP;
}

static void put_check(const struct terminal *t, const struct check_result *c)
{
	_cleanup_free_ char *evidence = told_evidence(c);
	const char *word = told[c->verdict].word;

	fputs("  ", t->f);
	put_styled(t, told[c->verdict].style, word);
	fprintf(t->f, "%*s", (int)(8 - strlen(word)), "");
	put_wrapped(t, LABEL_INDENT, c->name);
	if (c->verdict == OUT_SKIP) {
		put_labelled(t, "reason", c->observed);
		return;
	}
	put_labelled(t, "expected", c->expected);
	put_labelled(t, "observed", c->observed);
	put_labelled(t, "evidence", evidence);
}

static size_t name_width(const struct vcpu_row *row)
{
	size_t width = 0;

	for (size_t i = 0; i < row->n_regs; i++)
		if (strlen(row->regs[i].name) > width)
			width = strlen(row->regs[i].name);
	return width;
}

static void put_vcpu(const struct terminal *t, const struct vcpu_row *row)
{
	_cleanup_free_ char *exits = text_count(row->num_exits);
	int width = (int)name_width(row);

	fprintf(t->f, "\n  vCPU %-3" PRIu64 " pid %-8" PRIu64 " exits %s", row->vcpu_id, row->pid,
		exits);
	for (size_t i = 0; i < row->n_regs; i++)
		fprintf(t->f, "%s%-*s 0x%016" PRIx64, i % REGS_PER_LINE ? "   " : "\n    ", width,
			row->regs[i].name, row->regs[i].value);
	fputc('\n', t->f);
}

static size_t measures_width(const struct measure *m, size_t n)
{
	size_t width = 0;

	for (size_t i = 0; i < n; i++)
		if (!told_by_stage(&m[i]) && text_width(m[i].name) > width)
			width = text_width(m[i].name);
	return width;
}

static void put_measures(const struct terminal *t, const struct measure *m, size_t n)
{
	size_t width = measures_width(m, n);

	if (n)
		fputs("  measures\n", t->f);
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *name = text_form(TEXT_LINE, m[i].name);
		_cleanup_free_ char *unit = text_form(TEXT_LINE, m[i].unit);
		_cleanup_free_ char *value = text_number(m[i].value);

		if (!told_by_stage(&m[i]))
			fprintf(t->f, "    %s%*s %14s %s\n", name,
				(int)(width - text_width(m[i].name)), "", value, unit);
	}
}

static void put_lines(const struct terminal *t, const char *title, const struct strv *lines,
		      size_t max)
{
	if (!lines->n)
		return;
	fprintf(t->f, "%s\n", title);
	for (size_t i = 0; i < lines->n && i < max; i++) {
		_cleanup_free_ char *line = text_form(TEXT_LINE, lines->v[i]);

		fprintf(t->f, "    %s\n", line);
	}
	if (lines->n > max)
		fprintf(t->f, "    ... and %zu more lines, in the run's folder\n", lines->n - max);
}

static void put_test_reason(const struct terminal *t, const struct test_result *test)
{
	enum outcome o = test->verdict;

	if (o == OUT_PASS || o == OUT_FAIL)
		return;
	fputs("  ", t->f);
	put_styled(t, told[o].style, told[o].word);
	fprintf(t->f, "%*s", (int)(8 - strlen(told[o].word)), "");
	put_wrapped(t, LABEL_INDENT, told_test_reason(test));
}

/* ---- in brief ---- */

static bool is_quiet(const struct test_result *test)
{
	return (test->verdict == OUT_PASS || test->verdict == OUT_SKIP) && !test->retried;
}

static unsigned int checks_with(const struct test_result *test, enum outcome o)
{
	unsigned int n = 0;

	for (size_t i = 0; i < test->n_checks; i++)
		n += test->checks[i].verdict == o;
	return n;
}

static char *brief_of(const struct test_result *test)
{
	_cleanup_free_ char *seconds = text_seconds(test->seconds);
	unsigned int passed = checks_with(test, OUT_PASS), skipped = checks_with(test, OUT_SKIP);

	if (test->verdict == OUT_SKIP)
		return xstrdup(told_test_reason(test));
	return skipped ? strf("%u passed, %u skipped, %s", passed, skipped, seconds) : strf("%u passed, %s", passed, seconds);
}

static size_t names_width(const struct run_result *r)
{
	size_t width = 0;

	for (size_t i = 0; i < r->n_tests; i++)
		if (is_quiet(&r->tests[i]) && text_width(r->tests[i].name) > width)
			width = text_width(r->tests[i].name);
	return width;
}

static void put_brief(const struct terminal *t, const struct test_result *test, size_t width)
{
	_cleanup_free_ char *name = text_form(TEXT_LINE, test->name), *brief = brief_of(test);
	const char *word = told[test->verdict].word;

	put_styled(t, told[test->verdict].style, word);
	fprintf(t->f, "%*s%s%*s", (int)(BRIEF_INDENT - strlen(word)), "", name,
		(int)(width - text_width(name) + 2), "");
	put_wrapped(t, BRIEF_INDENT + width + 2, brief);
}

static void put_quiet_tests(const struct terminal *t, const struct run_result *r)
{
	size_t width = names_width(r), n = 0;

	for (size_t i = 0; i < r->n_tests; i++)
		if (is_quiet(&r->tests[i])) {
			put_brief(t, &r->tests[i], width);
			n++;
		}
	if (n)
		fputc('\n', t->f);
}

/* ---- a test whole ---- */

static void put_checks(const struct terminal *t, const struct test_result *test)
{
	unsigned int passed = checks_with(test, OUT_PASS), skipped = checks_with(test, OUT_SKIP);

	for (size_t i = 0; i < test->n_checks; i++)
		if (t->opts->verbose || is_loud(&test->checks[i]))
			put_check(t, &test->checks[i]);
	if (!t->opts->verbose && passed)
		fprintf(t->f, "  and %u passed\n", passed);
	if (!t->opts->verbose && skipped)
		fprintf(t->f, "  and %u skipped\n", skipped);
}

static void put_retried(const struct terminal *t, const struct test_result *test)
{
	_cleanup_free_ char *retried = told_retried(test);

	if (!retried)
		return;
	fputs("  ", t->f);
	put_styled(t, YELLOW, "flaky");
	fputs("   ", t->f);
	put_wrapped(t, LABEL_INDENT, retried);
}

static void put_test(const struct terminal *t, const struct test_result *test)
{
	_cleanup_free_ char *name = text_form(TEXT_LINE, test->name);
	_cleanup_free_ char *seconds = text_seconds(test->seconds);

	put_styled(t, BOLD, name);
	fprintf(t->f, "  (%s)\n", seconds);
	put_checks(t, test);
	put_test_reason(t, test);
	put_retried(t, test);
	if (t->opts->verbose) {
		for (size_t i = 0; i < test->n_vcpus; i++)
			put_vcpu(t, &test->vcpus[i]);
		if (test->n_measures)
			fputc('\n', t->f);
		put_measures(t, test->measures, test->n_measures);
		put_lines(t, "\n  output of the test program", &test->log, SIZE_MAX);
	}
	fputc('\n', t->f);
}

static void put_stages(const struct terminal *t, const struct run_result *r)
{
	size_t width = 0;

	for (size_t i = 0; i < r->n_stages; i++)
		if (text_width(r->stages[i].name) > width)
			width = text_width(r->stages[i].name);
	for (size_t i = 0; i < r->n_stages; i++) {
		_cleanup_free_ char *name = text_form(TEXT_LINE, r->stages[i].name);
		_cleanup_free_ char *told_stage = told_of_stage(&r->stages[i]);

		fprintf(t->f, "  %s%*s", name, (int)(width - text_width(r->stages[i].name) + 2),
			"");
		put_wrapped(t, width + 4, told_stage);
	}
	if (r->n_stages)
		fputc('\n', t->f);
}

static void put_exits(const struct terminal *t, const struct run_result *r)
{
	_cleanup_free_ char *exits = text_count(r->exits_per_boot);
	_cleanup_free_ char *seconds = text_seconds(r->boot_seconds);
	_cleanup_free_ char *answer = NULL;
	struct growth g;

	if (!r->exits_per_boot)
		return;
	fprintf(t->f, "exits per full boot of L2: %s in %s\n", exits, seconds);
	if (growth_of(r, &g)) {
		answer = growth_answer(&g);
		fputs("  ", t->f);
		put_wrapped(t, 2, answer);
	}
	fputc('\n', t->f);
}

static void put_subject(const struct terminal *t, const struct run_result *r)
{
	_cleanup_strv_ struct strv lines = { 0 };
	bool known = told_subject(r, &lines);

	for (size_t i = 0; i < lines.n; i++) {
		if (known)
			fputs(i ? "        " : "judged: ", t->f);
		put_wrapped(t, known ? 8 : 0, lines.v[i]);
	}
}

static void put_verdict(const struct terminal *t, const struct run_result *r)
{
	_cleanup_free_ char *summary = told_summary(r);
	_cleanup_free_ char *seconds = text_seconds(r->seconds);
	_cleanup_free_ char *why = told_run_reason(r);
	enum outcome o = result_verdict(r);

	if (summary)
		fprintf(t->f, "%s, in %s\n", summary, seconds);
	if (why && o != OUT_PASS) {
		fputs("reason: ", t->f);
		put_wrapped(t, 8, why);
	}
	put_subject(t, r);
	if (t->opts->page)
		fprintf(t->f, "page: %s\n", t->opts->page);
	/* The word stays on one plain line: scripts look for it. */
	put_styled(t, told[o].style, "verdict: ");
	put_styled(t, told[o].style, outcome_name(o));
	fputc('\n', t->f);
}

static void put_all(const struct terminal *t, const struct run_result *r)
{
	if (t->opts->verbose)
		put_stages(t, r);
	else
		put_quiet_tests(t, r);
	for (size_t i = 0; i < r->n_tests; i++)
		if (t->opts->verbose || !is_quiet(&r->tests[i]))
			put_test(t, &r->tests[i]);
	if (r->console.n) {
		put_lines(t, "the console said", &r->console, CONSOLE_LINES);
		fputc('\n', t->f);
	}
	if (t->opts->verbose)
		put_exits(t, r);
	if (t->opts->verbose && r->n_measures) {
		put_measures(t, r->measures, r->n_measures);
		fputc('\n', t->f);
	}
	put_verdict(t, r);
}

void report_terminal(const struct run_result *r, const struct terminal_opts *o, FILE *f)
{
	const struct terminal t = {
		.opts = o, .f = f, .columns = o->columns ? o->columns : COLUMNS
	};

	put_all(&t, r);
}

/* https://no-color.org: set and not empty. */
struct terminal_opts terminal_opts_for(int fd, bool verbose)
{
	const char *no_color = getenv("NO_COLOR");
	struct terminal_opts o = {
		.verbose = verbose, .color = isatty(fd) && !(no_color && *no_color)
	};
	struct winsize w;

	if (!ioctl(fd, TIOCGWINSZ, &w) && w.ws_col >= COLUMNS_MIN)
		o.columns = w.ws_col > COLUMNS_MAX ? COLUMNS_MAX : w.ws_col - 1u;
	return o;
}
