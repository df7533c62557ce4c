// SPDX-License-Identifier: GPL-2.0-only
#include "report/html.h"

#include <string.h>

#include "core/render.h"
#include "core/why.h"
#include "report/report.h"
#include "report/text.h"
#include "report/told.h"

#define BUILD_LINES 20

/* Primitives */

void html_text(struct buf *b, const char *text)
{
	text_add(b, TEXT_HTML, text);
}

const char *html_name(const char *name)
{
	return name && *name ? name : "(no name)";
}

void html_element(struct buf *b, const char *tag, const char *class, const char *text)
{
	if (class)
		buf_printf(b, "<%s class=\"%s\">", tag, class);
	else
		buf_printf(b, "<%s>", tag);
	html_text(b, text);
	buf_printf(b, "</%s>", tag);
}

void html_verdict(struct buf *b, enum outcome o)
{
	buf_printf(b, "<span class=\"v %s\">%s</span>", outcome_name(o), outcome_name(o));
}

void html_row(struct buf *b, const char *key, const char *value)
{
	buf_puts(b, "<tr><th scope=\"row\">");
	html_text(b, html_name(key));
	buf_puts(b, "</th>");
	html_element(b, "td", NULL, value);
	buf_puts(b, "</tr>\n");
}

/* The head of the page: what a reader who stops here must know */

static const char *const headlines[OUT_COUNT] = {
	[OUT_PASS] = "Pass",   [OUT_FAIL] = "Fail",    [OUT_BUILD_ERROR] = "Build error",
	[OUT_CRASH] = "Crash", [OUT_SKIP] = "Skipped", [OUT_BROKEN] = "The lab broke",
	[OUT_USAGE] = "Wrongly asked for", [OUT_UNUSABLE] = "Unusable", [OUT_BUSY] = "Busy",
	[OUT_INTERRUPTED] = "Interrupted",
};

static void put_subject(struct buf *b, const struct run_result *r)
{
	_cleanup_strv_ struct strv lines = { 0 };
	bool known = told_subject(r, &lines);

	buf_puts(b, "<p class=\"judged\">");
	html_text(b, known ? "Judged: " : "Nothing was judged");
	for (size_t i = 0; i < lines.n && known; i++) {
		if (i)
			buf_puts(b, "<br>");
		html_text(b, lines.v[i]);
	}
	buf_puts(b, "</p>\n");
}

/* Of a run that nobody ended: what it came to by then is no verdict. */
static const char *headline(const struct run_result *r)
{
	enum outcome o = result_verdict(r);

	return !r->finished && o == OUT_BROKEN ? "Not finished" : headlines[o];
}

static void put_banner(struct buf *b, const struct run_result *r)
{
	_cleanup_free_ char *why = told_run_reason(r);
	_cleanup_free_ char *summary = told_summary(r);
	enum outcome o = result_verdict(r);

	buf_printf(b, "<header class=\"banner %s\">\n<p class=\"run\">nestlab run ",
		   outcome_name(o));
	html_text(b, r->run_id);
	buf_puts(b, "</p>\n");
	put_subject(b, r);
	html_element(b, "h1", NULL, headline(r));
	buf_puts(b, "\n");
	if (why && o != OUT_PASS) {
		html_element(b, "p", "reason", why);
		buf_puts(b, "\n");
	}
	if (summary) {
		buf_puts(b, "<p>Checks: ");
		html_text(b, summary);
		buf_puts(b, "</p>\n");
	}
	html_failures(b, r);
	buf_puts(b, "</header>\n");
}

static void put_fact(struct buf *b, const char *name, const char *value, const char *more)
{
	if (!value)
		return;
	buf_puts(b, "<div>");
	html_element(b, "dt", NULL, name);
	buf_puts(b, "<dd>");
	html_text(b, value);
	if (more) {
		buf_puts(b, "<br>");
		html_element(b, "span", "soft", more);
	}
	buf_puts(b, "</dd></div>\n");
}

static void put_facts(struct buf *b, const struct run_result *r)
{
	_cleanup_free_ char *seconds = r->seconds > 0 ? text_seconds(r->seconds) : NULL;
	_cleanup_free_ char *exits = r->exits_per_boot ? text_count(r->exits_per_boot) : NULL;

	_cleanup_buf_ struct buf facts = { 0 };

	put_fact(&facts, "Assignment", r->assignment, NULL);
	put_fact(&facts, "Kernel", r->kernel, NULL);
	put_fact(&facts, "Flavor", r->kernel_flavor, NULL);
	put_fact(&facts, "Lane", r->lane, r->lane_reason);
	put_fact(&facts, "Started", r->started, NULL);
	put_fact(&facts, "Duration", seconds, NULL);
	put_fact(&facts, "Exits per full boot", exits, NULL);
	if (facts.len)
		buf_printf(b, "<dl class=\"facts\">\n%s</dl>\n", buf_str(&facts));
}

/* A run in which nothing was executed has nothing to show but why. */
struct sections {
	bool build, console, tests, exits, trace, measures, stages, manifest;
};

static struct sections sections_of(const struct run_result *r, const struct html_trace *trace,
				   const struct strv *build)
{
	return (struct sections){
		.build = build->n,
		.console = r->console.n,
		.tests = r->n_tests,
		.exits = r->n_tests || r->n_boot_exits || r->exits_per_boot,
		.trace = r->n_tests || trace->lines,
		.measures = r->n_measures,
		.stages = r->n_stages,
		.manifest = r->n_manifest,
	};
}

static void put_nav(struct buf *b, const struct sections *s)
{
	const struct {
		bool there;
		const char *id, *title;
	} links[] = {
		{ s->build, "build", "Build" },
		{ s->console, "console", "Console" },	 { s->tests, "tests", "Tests" },
		{ s->exits, "exits", "Exits" },		 { s->trace, "trace", "Trace" },
		{ s->measures, "measures", "Measures" }, { s->stages, "stages", "Stages" },
		{ s->manifest, "manifest", "Manifest" },
	};
	const char *start = "<nav aria-label=\"Sections\">", *end = "";

	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		if (!links[i].there)
			continue;
		buf_printf(b, "%s<a href=\"#%s\">%s</a>", start, links[i].id, links[i].title);
		start = "";
		end = "</nav>\n";
	}
	buf_puts(b, end);
}

/* The rest */

/* Of a change that does not build, what stands around the first error. */
static void read_build(const struct run_result *r, const char *run_dir, struct strv *lines)
{
	_cleanup_free_ char *path = strf("%s/" REPORT_BUILD_LOG, run_dir);
	_cleanup_buf_ struct buf log = { 0 };

	if (result_verdict(r) == OUT_BUILD_ERROR && !file_read(path, &log))
		why_excerpt(buf_str(&log), BUILD_LINES, lines);
}

static void put_lines(struct buf *b, const char *label, const struct strv *lines)
{
	buf_printf(b, "<pre tabindex=\"0\" role=\"group\" aria-label=\"%s\">", label);
	for (size_t i = 0; i < lines->n; i++) {
		html_text(b, lines->v[i]);
		buf_puts(b, "\n");
	}
	buf_puts(b, "</pre>\n");
}

static void put_build(struct buf *b, const struct strv *lines)
{
	buf_puts(b, "<section id=\"build\">\n<h2>What the build said</h2>\n");
	put_lines(b, "The build", lines);
	buf_puts(b, "<p>All of it is in <a href=\"" REPORT_BUILD_LOG "\">" REPORT_BUILD_LOG "</a>.</p>\n</section>\n");
}

static void put_console(struct buf *b, const struct run_result *r)
{
	buf_puts(b, "<section id=\"console\">\n<h2>What the console said</h2>\n");
	put_lines(b, "Console", &r->console);
	buf_puts(b, "</section>\n");
}

static void put_measure(struct buf *b, const struct measure *m)
{
	_cleanup_free_ char *value = text_number(m->value);

	buf_puts(b, "<tr><th scope=\"row\">");
	html_text(b, html_name(m->name));
	buf_puts(b, "</th>");
	html_element(b, "td", "num", value);
	html_element(b, "td", "soft", m->unit);
	buf_puts(b, "</tr>\n");
}

void html_measures(struct buf *b, const struct measure *m, size_t n)
{
	buf_puts(b, "<table class=\"narrow\"><tbody>\n");
	for (size_t i = 0; i < n; i++)
		if (!told_by_stage(&m[i]))
			put_measure(b, &m[i]);
	buf_puts(b, "</tbody></table>\n");
}

static void put_measures(struct buf *b, const struct run_result *r)
{
	buf_puts(b, "<section id=\"measures\">\n<h2>Measures</h2>\n");
	html_measures(b, r->measures, r->n_measures);
	buf_puts(b, "</section>\n");
}

static void put_stages(struct buf *b, const struct run_result *r)
{
	buf_puts(b,
		 "<section id=\"stages\">\n<h2>Stages</h2>\n<table class=\"narrow kv\"><tbody>\n");
	for (size_t i = 0; i < r->n_stages; i++) {
		_cleanup_free_ char *told = told_of_stage(&r->stages[i]);

		html_row(b, r->stages[i].name, told);
	}
	buf_puts(b, "</tbody></table>\n</section>\n");
}

static void put_manifest(struct buf *b, const struct run_result *r)
{
	buf_puts(b, "<section id=\"manifest\">\n<h2>Manifest</h2>\n"
		    "<table class=\"narrow kv\"><tbody>\n");
	for (size_t i = 0; i < r->n_manifest; i++)
		html_row(b, r->manifest[i].key, r->manifest[i].value);
	buf_puts(b, "</tbody></table>\n</section>\n");
}

static void put_footer(struct buf *b, const char *run_dir)
{
	static const char *const files[] = {
		"results.json", "report.ktap",	  "junit.xml",	    "manifest.json",
		"trace.txt",	"l1-console.log", "l2-console.log", REPORT_BUILD_LOG,
	};
	const char *gap = "<footer>Files of this run: ";

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *path = strf("%s/%s", run_dir, files[i]);

		if (!path_exists(path))
			continue;
		buf_printf(b, "%s<a href=\"%s\">%s</a>", gap, files[i], files[i]);
		gap = ", ";
	}
	if (*gap == ',')
		buf_puts(b, "</footer>\n");
}

/* Text of page-head.html and page.css, built in (Makefile). */
extern const char page_head[] __asm__("_binary_page_head_html_start");
extern const char page_css[] __asm__("_binary_page_css_start");

void html_head(struct buf *b, const char *title)
{
	_cleanup_buf_ struct buf escaped = { 0 }, styled = { 0 };

	html_text(&escaped, title);
	render(page_head, "@STYLE@", page_css, &styled);
	render(buf_str(&styled), "@TITLE@", buf_str(&escaped), b); /* last: what a run is named is not looked at */
}

void html_foot(struct buf *b)
{
	buf_puts(b, "</main>\n</body>\n</html>\n");
}

static void put_sections(struct buf *b, const struct run_result *r, const struct html_trace *trace,
			 const char *run_dir)
{
	_cleanup_strv_ struct strv build = { 0 };
	struct sections s;

	read_build(r, run_dir, &build);
	s = sections_of(r, trace, &build);
	put_nav(b, &s);
	if (s.build)
		put_build(b, &build);
	if (s.console)
		put_console(b, r);
	if (s.tests)
		html_tests(b, r, trace, run_dir);
	if (s.exits)
		html_exits(b, r);
	if (s.trace)
		html_trace(b, trace);
	if (s.measures)
		put_measures(b, r);
	if (s.stages)
		put_stages(b, r);
	if (s.manifest)
		put_manifest(b, r);
}

int report_html(const struct run_result *r, const char *run_dir, const char *path)
{
	_cleanup_free_ char *title = strf("%s: nestlab run %s", outcome_name(result_verdict(r)), r->run_id);
	_cleanup_html_trace_ struct html_trace trace = { 0 };
	_cleanup_buf_ struct buf b = { 0 };
	int err;

	html_trace_read(&trace, r, run_dir);
	html_head(&b, title);
	put_banner(&b, r);
	put_facts(&b, r);
	put_sections(&b, r, &trace, run_dir);
	put_footer(&b, run_dir);
	html_foot(&b);
	err = file_write(path, b.data, b.len, 0644);
	return err ? fail(OUT_BROKEN, "cannot write %s: %s", path, strerror(-err)) : 0;
}
