// SPDX-License-Identifier: GPL-2.0-only
/* A measure over many runs: a small picture with its figures beside it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "history/page.h"
#include "history/values.h"
#include "report/html.h"
#include "report/text.h"

#define WIDTH 300
#define HEIGHT 84
#define MARGIN 8
#define POINTS_LEAST 2
#define CHARTS_MOST 18
/* Stages that never took longer tell nothing. */
#define STAGE_LEAST_S 0.2

struct points {
	const struct value *last; /* names it */
	double v[PAGE_POINTS];
	size_t n;
	double low, high, middle;
};

/* ---- which ---- */

/* Of the run as a whole: a test's own time is in its report. */
static bool is_shown(const struct value *v)
{
	if (!strcmp(v->unit, "cycles/exit") || str_starts(v->name, "exits per boot"))
		return true;
	return !strcmp(v->unit, "s") && !strstr(v->name, ": its time") && !strchr(v->name, '/');
}

static int by_size(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return a < b ? -1 : a > b;
}

static void collect(const struct values *all, size_t n, const struct value *of, struct points *p)
{
	double sorted[PAGE_POINTS];

	*p = (struct points){ .last = of };
	for (size_t i = 0; i < n; i++) {
		const struct value *v = values_find(&all[i], of->name);

		if (v)
			p->v[p->n++] = v->number;
	}
	memcpy(sorted, p->v, sizeof(sorted));
	qsort(sorted, p->n, sizeof(*sorted), by_size);
	p->low = sorted[0];
	p->high = sorted[p->n - 1];
	p->middle = sorted[p->n / 2];
}

static bool is_worth_it(const struct points *p)
{
	return p->n >= POINTS_LEAST &&
	       (strcmp(p->last->unit, "s") != 0 || p->high >= STAGE_LEAST_S);
}

/* ---- the picture ---- */

/* From zero where that leaves something to be seen. */
static double floor_of(const struct points *p)
{
	double room = (p->high - p->low) * 0.3;

	return p->low < p->high / 2 || p->low <= 0 ? fmin(0, p->low) : p->low - room;
}

static double x_of(const struct points *p, size_t i)
{
	return MARGIN + (double)i / (double)(p->n - 1) * (WIDTH - 2 * MARGIN);
}

static double y_of(const struct points *p, size_t i)
{
	double low = floor_of(p), span = p->high - low;

	return HEIGHT - MARGIN - (span > 0 ? (p->v[i] - low) / span : 0.5) * (HEIGHT - 2 * MARGIN);
}

static void put_picture(struct buf *b, const struct points *p, const char *figures,
			unsigned int number)
{
	buf_printf(b,
		   "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"trend-%u-t "
		   "trend-%u-d\">\n<title id=\"trend-%u-t\">",
		   WIDTH, HEIGHT, number, number, number);
	html_text(b, p->last->name);
	buf_printf(b, "</title>\n<desc id=\"trend-%u-d\">", number);
	html_text(b, figures);
	buf_printf(b,
		   "</desc>\n<line class=\"grid\" x1=\"0\" y1=\"%d\" x2=\"%d\" "
		   "y2=\"%d\"/>\n<polyline class=\"curve\" points=\"",
		   HEIGHT - MARGIN, WIDTH, HEIGHT - MARGIN);
	for (size_t i = 0; i < p->n; i++)
		buf_printf(b, "%s%.1f,%.1f", i ? " " : "", x_of(p, i), y_of(p, i));
	buf_puts(b, "\"/>\n");
	for (size_t i = 0; i < p->n; i++)
		buf_printf(b, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"%s\"/>\n",
			   i + 1 < p->n ? "seen" : "last", x_of(p, i), y_of(p, i),
			   i + 1 < p->n ? "2" : "3.5");
	buf_puts(b, "</svg>\n");
}

static char *figures_of(const struct points *p)
{
	_cleanup_free_ char *last = text_number(p->v[p->n - 1]), *low = text_number(p->low);
	_cleanup_free_ char *high = text_number(p->high), *middle = text_number(p->middle);

	return strf("last %s %s; of %zu the median %s, the least %s, the most %s", last,
		    p->last->unit, p->n, middle, low, high);
}

static void put_trend(struct buf *b, const struct points *p, unsigned int number)
{
	_cleanup_free_ char *figures = figures_of(p);

	buf_puts(b, "<figure>");
	html_element(b, "figcaption", NULL, p->last->name);
	html_element(b, "p", "soft", figures);
	put_picture(b, p, figures, number);
	buf_puts(b, "</figure>\n");
}

static void put_all(struct buf *b, const struct values *all, size_t n, unsigned int *number)
{
	const struct values *newest = &all[n - 1];
	unsigned int charts = 0;
	struct points p;

	for (size_t i = 0; i < newest->n && charts < CHARTS_MOST; i++) {
		if (!is_shown(&newest->v[i]))
			continue;
		collect(all, n, &newest->v[i], &p);
		if (!is_worth_it(&p))
			continue;
		put_trend(b, &p, ++*number);
		charts++;
	}
	if (!charts)
		html_element(b, "p", "soft", "A trend needs two runs of one plan.");
}

void trend_put(struct buf *b, const struct history_entry *const *v, size_t n, unsigned int *number)
{
	struct values all[PAGE_POINTS] = { 0 };
	size_t from = n > PAGE_POINTS ? n - PAGE_POINTS : 0;

	buf_puts(b, "<div class=\"trends\">\n");
	for (size_t i = from; i < n; i++)
		values_of(v[i], &all[i - from]);
	if (n)
		put_all(b, all, n - from, number);
	for (size_t i = 0; i < PAGE_POINTS; i++)
		values_free(&all[i]);
	buf_puts(b, "</div>\n");
}
