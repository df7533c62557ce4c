// SPDX-License-Identifier: GPL-2.0-only
#include "report/chart.h"

#include <math.h>
#include <stdlib.h>

#include "report/text.h"

/* All pictures have one width, so that their time axes stand below each other. */
#define WIDTH 900
#define LEFT 76
#define RIGHT 24
#define TOP 28
#define BOTTOM 44
/* More points than the picture has columns are not seen, and make the page heavy. */
#define MAX_POINTS 1200

struct plot {
	double x_max, y_max; /* values at the right and the upper edge */
	double height;	     /* of the whole picture */
};

static double plot_x(const struct plot *p, double x)
{
	return LEFT + x / p->x_max * (WIDTH - LEFT - RIGHT);
}

static double plot_y(const struct plot *p, double y)
{
	return p->height - BOTTOM - y / p->y_max * (p->height - TOP - BOTTOM);
}

double chart_step(double max, unsigned int n)
{
	static const double steps[] = { 1, 2, 5, 10 };
	double power = pow(10, floor(log10(max / n)));

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		if (max / (steps[i] * power) <= n)
			return steps[i] * power;
	return 10 * power;
}

/* The marks' distance, and an upper edge that is a mark, so that no curve ends above the last line.
 */
static double round_up(double *max, unsigned int n)
{
	double step;

	if (!(*max > 0))
		*max = 1;
	step = chart_step(*max, n);
	*max = ceil(*max / step - 1e-9) * step;
	return step;
}

static void put_start(struct buf *b, const struct plot *p, const char *id, const char *title,
		      const char *description)
{
	buf_printf(b, "<svg viewBox=\"0 0 %d %.0f\" role=\"img\" aria-labelledby=\"%s-t %s-d\">\n",
		   WIDTH, p->height, id, id);
	buf_printf(b, "<title id=\"%s-t\">", id);
	text_add(b, TEXT_HTML, title);
	buf_printf(b, "</title>\n<desc id=\"%s-d\">", id);
	text_add(b, TEXT_HTML, description);
	buf_puts(b, "</desc>\n");
}

static void put_text(struct buf *b, const char *class, double x, double y, const char *text)
{
	buf_printf(b, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">", class, x, y);
	text_add(b, TEXT_HTML, text);
	buf_puts(b, "</text>\n");
}

static void put_line(struct buf *b, const char *class, double x1, double y1, double x2, double y2)
{
	buf_printf(b, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
		   class, x1, y1, x2, y2);
}

static void put_y_axis(struct buf *b, const struct plot *p, double step, const char *label)
{
	put_text(b, "axis", 0, 12, label);
	for (unsigned int i = 0; i * step <= p->y_max + step / 2; i++) {
		_cleanup_free_ char *text = text_rounded(i * step);
		double at = plot_y(p, i * step);

		put_line(b, i ? "grid" : "base", LEFT, at, WIDTH - RIGHT, at);
		/* Below one exit the marks would all read alike. */
		if (step >= 1 || !i)
			put_text(b, "tick y", LEFT - 10, at + 4, text);
	}
}

static void put_x_axis(struct buf *b, const struct plot *p, double step)
{
	int decimals = step >= 1 ? 0 : step >= 0.1 ? 1 : 2;
	double base = p->height - BOTTOM;

	for (unsigned int i = 0; i * step <= p->x_max + step / 1e6; i++) {
		_cleanup_free_ char *text = strf("%.*f", decimals, i * step);
		double at = plot_x(p, i * step);

		put_line(b, "base", at, base, at, base + 5);
		put_text(b, "tick x", at, base + 20, text);
	}
	put_text(b, "axis end", WIDTH - RIGHT, p->height - 6, "seconds since power-on of L2");
}

static void put_path(struct buf *b, const struct plot *p, const struct exit_sample *s, size_t n)
{
	size_t stride = n / MAX_POINTS + 1;

	buf_puts(b, "<polyline class=\"curve\" points=\"");
	for (size_t i = 0; i < n; i = i + stride < n || i + 1 == n ? i + stride : n - 1)
		buf_printf(b, "%.1f,%.1f ", plot_x(p, s[i].seconds), plot_y(p, (double)s[i].exits));
	buf_puts(b, "\"/>\n");
}

static void put_ready(struct buf *b, const struct plot *p, const struct run_result *r)
{
	_cleanup_free_ char *exits = text_count(r->exits_per_boot);
	_cleanup_free_ char *label = strf("READY: %s exits", exits);
	double x = plot_x(p, r->boot_seconds), y = plot_y(p, (double)r->exits_per_boot);

	put_line(b, "mark", x, TOP - 8, x, p->height - BOTTOM);
	buf_printf(b, "<circle class=\"dot\" cx=\"%.1f\" cy=\"%.1f\" r=\"4.5\"/>\n", x, y);
	/* In the left half the label stands right of its line, or it would leave the picture. */
	if (x < WIDTH / 2.0)
		put_text(b, "note", x + 8, TOP - 12, label);
	else
		put_text(b, "note end", x - 8, TOP - 12, label);
}

static double largest(const struct exit_sample *p, size_t n)
{
	double max = 0;

	for (size_t i = 0; i < n; i++)
		max = fmax(max, (double)p[i].exits);
	return max;
}

void chart_curve(struct buf *b, const struct run_result *r, const struct growth *g)
{
	size_t n;
	_cleanup_free_ struct exit_sample *points = growth_points(r, &n);
	struct plot p = { .x_max = g->end, .y_max = largest(points, n), .height = 320 };
	_cleanup_free_ char *exits = text_rounded(g->exits);
	_cleanup_free_ char *text = strf("A line from 0 at power-on to %s exits after %.2f "
					 "seconds. The table below holds the "
					 "figures of each tenth.",
					 exits, g->seconds);
	double step = round_up(&p.y_max, 6);

	put_start(b, &p, "curve", "Exits of L2 since power-on", text);
	put_y_axis(b, &p, step, "exits, all vCPUs");
	put_x_axis(b, &p, chart_step(p.x_max, 12));
	put_path(b, &p, points, n);
	if (g->ready)
		put_ready(b, &p, r);
	buf_puts(b, "</svg>\n");
}

static void put_bar(struct buf *b, const struct plot *p, const struct growth_part *part)
{
	double x = plot_x(p, part->from) + 3, width = plot_x(p, part->to) - x - 3;
	double y = plot_y(p, fmax(part->rate, 0));

	buf_printf(b,
		   "<rect class=\"bar\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n",
		   x, y, width, p->height - BOTTOM - y);
}

static void put_value(struct buf *b, const struct plot *p, const struct growth_part *part)
{
	_cleanup_free_ char *text = text_rounded(part->rate);

	put_text(b, "value", plot_x(p, (part->from + part->to) / 2),
		 plot_y(p, fmax(part->rate, 0)) - 6, text);
}

static void put_mean(struct buf *b, const struct plot *p, double rate)
{
	_cleanup_free_ char *number = text_rounded(rate);
	_cleanup_free_ char *text = strf("- - - mean %s", number);

	put_line(b, "mean", LEFT, plot_y(p, rate), WIDTH - RIGHT, plot_y(p, rate));
	put_text(b, "axis end", WIDTH - RIGHT, 12, text);
}

void chart_rates(struct buf *b, const struct growth *g)
{
	struct plot p = { .x_max = g->end, .y_max = g->parts[g->fastest].rate, .height = 260 };
	_cleanup_free_ char *least = text_rounded(g->parts[g->slowest].rate);
	_cleanup_free_ char *most = text_rounded(g->parts[g->fastest].rate);
	_cleanup_free_ char *text = strf(
		"Ten bars, from %s to %s exits a second. The table below holds them.", least, most);
	double step = round_up(&p.y_max, 4);

	put_start(b, &p, "rates", "Exits a second in each tenth of the time", text);
	put_y_axis(b, &p, step, "exits a second");
	put_x_axis(b, &p, chart_step(p.x_max, 12));
	for (size_t i = 0; i < GROWTH_PARTS; i++)
		put_bar(b, &p, &g->parts[i]);
	/* Above the bars, and the numbers above both: none may be struck through. */
	put_mean(b, &p, g->rate);
	for (size_t i = 0; i < GROWTH_PARTS; i++)
		put_value(b, &p, &g->parts[i]);
	buf_puts(b, "</svg>\n");
}
