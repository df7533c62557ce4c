// SPDX-License-Identifier: GPL-2.0-only
/* The class's table and page. */
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "grade/alike.h"
#include "report/html.h"

#define PAIRS_MAX 20 /* that are shown */

/* A cell that a spreadsheet takes as text: no formula, quotes doubled. */
static void put_cell(struct buf *b, const char *text, bool last)
{
	buf_puts(b, text && *text && strchr("=+-@", *text) ? "\"'" : "\"");
	for (; text && *text; text++)
		buf_add(b, *text == '"' ? "\"\"" : *text == '\n' ? " " : text, *text == '"' ? 2 : 1);
	buf_puts(b, last ? "\"\n" : "\",");
}

static void points_text(const struct submission *s, char out[32])
{
	snprintf(out, 32, s->person ? "" : "%.1f", s->points);
}

/* What the person has to confirm, or to correct. */
static void if_own_text(const struct submission *s, char out[32])
{
	snprintf(out, 32, s->person && s->result && s->if_own >= 0 ? "%.1f" : "", s->if_own);
}

static void put_csv(struct buf *b, const struct submission *s)
{
	_cleanup_buf_ struct buf failed = { 0 };
	char points[32], if_own[32];

	points_text(s, points);
	if_own_text(s, if_own);
	grade_failed(s, &failed);
	put_cell(b, s->name, false);
	put_cell(b, s->verdict, false);
	put_cell(b, points, false);
	put_cell(b, if_own, false);
	put_cell(b, s->base, false);
	put_cell(b, s->confidence, false);
	put_cell(b, buf_str(&failed), false);
	put_cell(b, s->why, true);
}

static void put_row(struct buf *b, const struct submission *s)
{
	_cleanup_buf_ struct buf failed = { 0 };
	char points[32], if_own[32];

	points_text(s, points);
	if_own_text(s, if_own);
	grade_failed(s, &failed);
	buf_printf(b, "<tr%s>", s->person ? " class=\"person\"" : "");
	html_element(b, "td", NULL, s->name);
	html_element(b, "td", NULL, points);
	html_element(b, "td", NULL, if_own);
	html_element(b, "td", NULL, s->verdict);
	html_element(b, "td", NULL, s->base ? s->base : "");
	html_element(b, "td", NULL, s->confidence ? s->confidence : "");
	html_element(b, "td", NULL, buf_str(&failed));
	html_element(b, "td", NULL, s->why ? s->why : "");
	buf_puts(b, "</tr>\n");
}

static void put_rows(struct buf *b, const struct class *c, bool person)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].person == person)
			put_row(b, &c->v[i]);
}

static int by_points(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of those that have points. */
static void put_statistics(struct buf *b, const struct class *c)
{
	double *v = xcalloc(c->n + 1, sizeof(*v)), sum = 0;
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		if (!c->v[i].person)
			sum += v[n++] = c->v[i].points;
	qsort(v, n, sizeof(*v), by_points);
	buf_printf(b, "<p>%zu submissions: %zu need a person, %zu have points", c->n, c->n - n, n);
	if (n)
		buf_printf(b, ": %.1f to %.1f, median %.1f, mean %.1f", v[0], v[n - 1], (v[(n - 1) / 2] + v[n / 2]) / 2,
			   sum / (double)n);
	buf_puts(b, "</p>\n");
	free(v);
}

/* ---- how each check went ---- */

struct tally {
	const char *test, *check;
	unsigned int passed, failed, skipped;
};

struct tallies {
	struct tally *v;
	size_t n;
};

static struct tally *tally_of(struct tallies *all, const char *test, const char *check)
{
	for (size_t i = 0; i < all->n; i++)
		if (!strcmp(all->v[i].test, test) && !strcmp(all->v[i].check, check))
			return &all->v[i];
	all->v = xrealloc(all->v, all->n + 1, sizeof(*all->v));
	all->v[all->n] = (struct tally){ .test = test, .check = check };
	return &all->v[all->n++];
}

static void count_checks(struct tallies *all, const struct test_result *t)
{
	for (size_t i = 0; i < t->n_checks; i++) {
		struct tally *one = tally_of(all, t->name, t->checks[i].name);

		if (t->checks[i].verdict == OUT_PASS)
			one->passed++;
		else if (t->checks[i].verdict == OUT_FAIL)
			one->failed++;
		else
			one->skipped++;
	}
}

static void put_checks(struct buf *b, const struct class *c)
{
	struct tallies all = { 0 };

	for (size_t i = 0; i < c->n; i++) {
		const struct run_result *r = c->v[i].person ? NULL : c->v[i].result;

		for (size_t j = 0; r && j < r->n_tests; j++)
			count_checks(&all, &r->tests[j]);
	}
	if (all.n)
		buf_puts(b, "<h2>Checks</h2><table><tr><th>test<th>check<th>passed<th>failed<th>not asked</tr>\n");
	for (size_t i = 0; i < all.n; i++) {
		buf_puts(b, "<tr>");
		html_element(b, "td", NULL, all.v[i].test);
		html_element(b, "td", NULL, all.v[i].check);
		buf_printf(b, "<td>%u<td>%u<td>%u</tr>\n", all.v[i].passed, all.v[i].failed, all.v[i].skipped);
	}
	if (all.n)
		buf_puts(b, "</table>\n");
	free(all.v);
}

/* ---- who may have copied ---- */

static void put_pairs(struct buf *b, const struct class *c)
{
	struct alike_pair pairs[PAIRS_MAX];
	size_t n = alike_pairs(c, pairs, PAIRS_MAX);

	if (n)
		buf_puts(b, "<h2>Changes that are alike</h2><p>A hint, by their tokens without names: look at them.</p>\n");
	for (size_t i = 0; i < n; i++) {
		buf_puts(b, "<details><summary>");
		html_text(b, pairs[i].a->name);
		buf_puts(b, " and ");
		html_text(b, pairs[i].b->name);
		buf_printf(b, ": %u %%</summary><table><tr><td><pre>", pairs[i].percent);
		html_text(b, pairs[i].a->change);
		buf_puts(b, "</pre><td><pre>");
		html_text(b, pairs[i].b->change);
		buf_puts(b, "</pre></tr></table></details>\n");
	}
}

/* ---- all ---- */

int grade_write_class(const struct class *c)
{
	_cleanup_buf_ struct buf csv = { 0 }, page = { 0 };
	int ret;

	buf_puts(&csv, "submission,verdict,points,points if it is its own fault,base,confidence,failed checks,why\n");
	for (size_t i = 0; i < c->n; i++)
		put_csv(&csv, &c->v[i]);
	buf_puts(&page, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
		 "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
		 "<style>body{font-family:sans-serif}td,th{border-bottom:1px solid #ccc;padding:.3em;text-align:left;"
		 "vertical-align:top}.person{background:#fff3cd}</style><title>");
	html_text(&page, c->name);
	buf_puts(&page, "</title></head><body>");
	html_element(&page, "h1", NULL, c->name);
	put_statistics(&page, c);
	buf_puts(&page, "<table><tr><th>submission<th>points<th>points if it is its own fault<th>verdict<th>base"
		 "<th>confidence<th>failed checks<th>why</tr>\n");
	put_rows(&page, c, true);
	put_rows(&page, c, false);
	buf_puts(&page, "</table>\n");
	put_checks(&page, c);
	put_pairs(&page, c);
	buf_puts(&page, "</body></html>\n");
	ret = grade_write_file(c->dir, "class.csv", buf_str(&csv), csv.len);
	return ret ? ret : grade_write_file(c->dir, "class.html", buf_str(&page), page.len);
}
