// SPDX-License-Identifier: GPL-2.0-only
#include "history/page.h"

#include <stdlib.h>
#include <string.h>

#include "history/values.h"
#include "report/html.h"
#include "report/told.h"

#define PARTS_OPEN 2 /* whose trends are shown at once */
#define COMMIT_SHOWN 8
#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._~-"

struct grid {
	const struct history *h;
	const char *results;
	const struct history_entry *columns[PAGE_NIGHTS]; /* the oldest first */
	size_t n;
	struct strv rows;
};

/* ---- what stands in it ---- */

bool page_is_column(const struct history_entry *e)
{
	return !e->name && !entry_is_nothing(e);
}

static bool is_part_of(const struct history_entry *e, const struct history_entry *night)
{
	return e->name && e->set && !strcmp(e->set, night->run);
}

static bool has_nights(const struct history *h)
{
	for (size_t i = 0; i < h->n; i++)
		if (entry_is_night(&h->v[i]))
			return true;
	return false;
}

/* Where there are nights they are the columns, and single runs stand below. */
static void find_columns(struct grid *g)
{
	bool nights = has_nights(g->h);
	size_t n = 0;

	for (size_t i = g->h->n; i > 0 && n < PAGE_NIGHTS; i--) {
		const struct history_entry *e = &g->h->v[i - 1];

		if (page_is_column(e) && (!nights || entry_is_night(e)))
			g->columns[PAGE_NIGHTS - ++n] = e;
	}
	memmove(g->columns, &g->columns[PAGE_NIGHTS - n], n * sizeof(g->columns[0]));
	g->n = n;
}

static void add_rows(struct strv *rows, const struct history_entry *e)
{
	for (size_t i = 0; i < e->n_tests; i++)
		if (!strv_has(rows, e->tests[i].name))
			strv_add(rows, e->tests[i].name);
}

/* A night's own tests are its parts, and its mutants. */
static void find_rows(struct grid *g)
{
	for (size_t c = g->n; c > 0; c--) {
		add_rows(&g->rows, g->columns[c - 1]);
		for (size_t i = 0; i < g->h->n; i++)
			if (is_part_of(&g->h->v[i], g->columns[c - 1]))
				add_rows(&g->rows, &g->h->v[i]);
	}
}

/* ---- cells ---- */

/* The worst of the runs that have it: there one must look. */
struct found {
	const struct history_entry *e;
	const struct history_test *t;
	size_t n;
	bool flaky;
};

static unsigned int weight(enum outcome o)
{
	static const unsigned char weights[OUT_COUNT] = {
		[OUT_SKIP] = 1, [OUT_PASS] = 2,	       [OUT_BROKEN] = 3,
		[OUT_FAIL] = 4, [OUT_BUILD_ERROR] = 5, [OUT_CRASH] = 6,
	};

	return weights[o] ? weights[o] : weights[OUT_BROKEN];
}

static void look_at(struct found *f, const struct history_entry *e, const char *row)
{
	const struct history_test *t = entry_find_test(e, row);

	if (!t)
		return;
	f->n++;
	f->flaky |= t->retried != NULL;
	if (!f->t || weight(t->verdict) > weight(f->t->verdict)) {
		f->t = t;
		f->e = e;
	}
}

static struct found find(const struct grid *g, const struct history_entry *column, const char *row)
{
	struct found f = { 0 };

	look_at(&f, column, row);
	for (size_t i = 0; i < g->h->n; i++)
		if (is_part_of(&g->h->v[i], column))
			look_at(&f, &g->h->v[i], row);
	return f;
}

static const char *const words[OUT_COUNT] = {
	[OUT_PASS] = "ok",	     [OUT_FAIL] = "FAIL",
	[OUT_BUILD_ERROR] = "build", [OUT_CRASH] = "crash",
	[OUT_SKIP] = "skip",	     [OUT_USAGE] = "lab",
	[OUT_BROKEN] = "lab",	     [OUT_UNUSABLE] = "lab",
	[OUT_BUSY] = "lab",	     [OUT_INTERRUPTED] = "stopped",
};

/* Of a run that is still there; what no address may have is written as %xx. */
static bool put_link(struct buf *b, const struct grid *g, const struct history_entry *e)
{
	_cleanup_free_ char *below =
		e->folder[0] == '/' ? xstrdup(e->folder) : strf("%s/%s", g->results, e->folder);
	_cleanup_free_ char *page = strf("%s/report.html", below);

	if (!path_exists(page))
		return false;
	buf_puts(b, "<a href=\"");
	for (const char *p = e->folder; *p; p++)
		buf_printf(b, strchr(PLAIN, *p) ? "%c" : "%%%02X", (unsigned char)*p);
	buf_puts(b, "/report.html\"");
	return true;
}

static void put_title(struct buf *b, const char *title)
{
	buf_puts(b, " title=\"");
	html_text(b, title);
	buf_puts(b, "\"");
}

static char *cell_title(const struct found *f)
{
	_cleanup_buf_ struct buf why = { 0 };

	for (size_t i = 0; i < f->t->failed.n; i++)
		buf_printf(&why, "%s%s", i ? "; " : ": ", f->t->failed.v[i]);
	if (!why.len && f->t->reason)
		buf_printf(&why, ": %s", f->t->reason);
	return strf("%s%s%s%s%s", f->e->name ? f->e->name : "", f->e->name ? ": " : "",
		    outcome_name(f->t->verdict), buf_str(&why),
		    f->flaky ? " (flaky: at its second try)" : "");
}

static void put_cell(struct buf *b, const struct grid *g, const struct found *f)
{
	_cleanup_free_ char *title = f->t ? cell_title(f) : NULL;
	bool linked;

	if (!f->t) {
		buf_puts(b, "<td></td>");
		return;
	}
	buf_printf(b, "<td class=\"%s%s\"><span class=\"v\">", outcome_name(f->t->verdict),
		   f->t->verdict == OUT_PASS || f->t->verdict == OUT_SKIP ? "" : " bad");
	linked = put_link(b, g, f->e);
	if (!linked)
		buf_puts(b, "<span");
	put_title(b, title);
	buf_printf(b, ">%s%s</%s></span></td>", words[f->t->verdict], f->flaky ? "*" : "",
		   linked ? "a" : "span");
}

/* ---- the grid ---- */

/* "11-27<br>03:19" */
static void put_when(struct buf *b, const struct history_entry *e)
{
	const char *s = e->started && strlen(e->started) >= 16 ? e->started : NULL;
	_cleanup_free_ char *day = s ? strf("%.5s", s + 5) : NULL,
			    *hour = s ? strf("%.5s", s + 11) : NULL;

	html_text(b, day ? day : e->run);
	buf_puts(b, day ? "<br>" : "");
	html_text(b, hour);
}

static void put_column_head(struct buf *b, const struct grid *g, const struct history_entry *e)
{
	_cleanup_free_ char *title = strf(
		"%s: %s, %s, commit %s", e->run, e->subject ? e->subject : "nothing was judged",
		e->lane ? e->lane : "no lane", e->commit ? e->commit : "unknown");
	bool linked;

	buf_puts(b, "<th scope=\"col\">");
	linked = put_link(b, g, e);
	if (!linked)
		buf_puts(b, "<span");
	put_title(b, title);
	buf_puts(b, ">");
	put_when(b, e);
	buf_puts(b, linked ? "</a></th>" : "</span></th>");
}

static struct found whole_of(const struct history_entry *e, struct history_test *t)
{
	*t = (struct history_test){ .verdict = e->verdict, .reason = e->reason };
	return (struct found){ .e = e, .t = t, .n = 1 };
}

static void put_whole_row(struct buf *b, const struct grid *g)
{
	buf_puts(b, "<tr><th scope=\"row\">verdict</th>");
	for (size_t c = g->n; c > 0; c--) {
		struct history_test t;
		struct found f = whole_of(g->columns[c - 1], &t);

		put_cell(b, g, &f);
	}
	buf_puts(b, "</tr>\n");
}

static void put_row(struct buf *b, const struct grid *g, const char *row)
{
	buf_puts(b, "<tr>");
	buf_puts(b, "<th scope=\"row\">");
	html_text(b, row);
	buf_puts(b, "</th>");
	for (size_t c = g->n; c > 0; c--) {
		struct found f = find(g, g->columns[c - 1], row);

		put_cell(b, g, &f);
	}
	buf_puts(b, "</tr>\n");
}

static void put_grid(struct buf *b, const struct grid *g)
{
	buf_puts(b, "<section id=\"grid\">\n<h2>Tests</h2>\n<p class=\"soft\">The newest stands at "
		    "the left. Of several plans of a night "
		    "the worst is shown: ok, FAIL, crash, build (it did not build), skip, lab (the "
		    "lab broke: nothing was judged), "
		    "stopped; * passed at its second try.</p>\n"
		    "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Tests by "
		    "night\"><table class=\"nights\"><thead><tr>"
		    "<th scope=\"col\">test</th>");
	for (size_t c = g->n; c > 0; c--)
		put_column_head(b, g, g->columns[c - 1]);
	buf_puts(b, "</tr></thead><tbody>\n");
	put_whole_row(b, g);
	for (size_t i = 0; i < g->rows.n; i++)
		put_row(b, g, g->rows.v[i]);
	buf_puts(b, "</tbody></table></div>\n</section>\n");
}

/* ---- trends ---- */

/* All runs that asked the same, up to this one. */
static size_t same_plan(const struct history *h, const struct history_entry *e,
			const struct history_entry **v)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n; i++)
		if (e->plan && h->v[i].plan && !strcmp(h->v[i].plan, e->plan) &&
		    values_are_of_use(&h->v[i]))
			v[n++] = &h->v[i];
	return n;
}

static void put_trends_of(struct buf *b, const struct history *h, const struct history_entry *e,
			  bool open, unsigned int *number)
{
	const struct history_entry **v = xcalloc(h->n + 1, sizeof(*v));
	size_t n = same_plan(h, e, v);

	buf_printf(b, "<details%s><summary>", open ? " open" : "");
	html_text(b, e->name ? e->name : e->subject ? e->subject : e->run);
	buf_puts(b, "</summary>\n");
	trend_put(b, v, n, number);
	buf_puts(b, "</details>\n");
	free(v);
}

static void put_trends(struct buf *b, const struct grid *g)
{
	const struct history_entry *newest = g->columns[g->n - 1];
	unsigned int number = 0, parts = 0;

	buf_puts(b, "<section id=\"trends\">\n<h2>Trends</h2>\n<p class=\"soft\">Of the newest "
		    "column's plans, each with all runs of the same plan, "
		    "the newest at the right.</p>\n");
	for (size_t i = 0; i < g->h->n; i++)
		if (is_part_of(&g->h->v[i], newest))
			put_trends_of(b, g->h, &g->h->v[i], parts++ < PARTS_OPEN, &number);
	if (!parts)
		put_trends_of(b, g->h, newest, true, &number);
	buf_puts(b, "</section>\n");
}

/* ---- runs that are no column ---- */

static bool stands_below(const struct grid *g, const struct history_entry *e)
{
	for (size_t c = 0; c < g->n; c++)
		if (g->columns[c] == e)
			return false;
	return !e->name;
}

static void put_run(struct buf *b, const struct grid *g, const struct history_entry *e)
{
	bool linked;

	buf_puts(b, "<tr><th scope=\"row\">");
	linked = put_link(b, g, e);
	buf_puts(b, linked ? ">" : "");
	html_text(b, e->run);
	buf_puts(b, linked ? "</a></th><td>" : "</th><td>");
	html_verdict(b, e->verdict);
	buf_puts(b, "</td>");
	html_element(b, "td", NULL, e->subject ? e->subject : "nothing was judged");
	html_element(b, "td", NULL, e->lane);
	html_element(b, "td", "soft", e->reason);
	buf_puts(b, "</tr>\n");
}

static void put_others(struct buf *b, const struct grid *g)
{
	size_t n = 0;

	for (size_t i = g->h->n; i > 0 && n < PAGE_NIGHTS; i--) {
		if (!stands_below(g, &g->h->v[i - 1]))
			continue;
		if (!n++)
			buf_puts(b, "<section id=\"others\">\n<h2>Other runs</h2>\n<div "
				    "class=\"scroll\" tabindex=\"0\" role=\"region\" "
				    "aria-label=\"Other runs\"><table class=\"runs\"><tbody>\n");
		put_run(b, g, &g->h->v[i - 1]);
	}
	buf_puts(b, n ? "</tbody></table></div>\n</section>\n" : "");
}

/* ---- the whole ---- */

static void put_banner(struct buf *b, const struct grid *g, const char *told)
{
	const struct history_entry *e = g->n ? g->columns[g->n - 1] : NULL;

	buf_printf(b, "<header class=\"banner %s\">\n<p class=\"run\">nestlab: all nights</p>\n",
		   e ? outcome_name(e->verdict) : "skip");
	html_element(b, "h1", NULL, e ? outcome_name(e->verdict) : "no run yet");
	if (e) {
		buf_puts(b, "\n<p class=\"judged\">The newest: ");
		html_text(b, e->run);
		buf_printf(b, ", commit %.*s</p>\n", COMMIT_SHOWN,
			   e->commit ? e->commit : "unknown");
	}
	if (e && e->reason)
		html_element(b, "p", "reason", e->reason);
	if (told)
		html_element(b, "p", "reason", told);
	buf_puts(b, "</header>\n");
}

void page_make(const struct history *h, const char *results, const char *told, struct buf *b)
{
	struct grid g = { .h = h, .results = results };

	find_columns(&g);
	find_rows(&g);
	html_head(b, "nestlab: all nights");
	put_banner(b, &g, told);
	if (g.n) {
		put_grid(b, &g);
		put_trends(b, &g);
	}
	put_others(b, &g);
	html_foot(b);
	strv_free(&g.rows);
}
