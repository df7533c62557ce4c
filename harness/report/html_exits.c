// SPDX-License-Identifier: GPL-2.0-only
/* The exits of L2's boot: the figure, the answer to "does it grow at a stable rate?", and two
 * pictures. */
#include "report/chart.h"
#include "report/growth.h"
#include "report/html.h"
#include "report/text.h"

static void put_tile(struct buf *b, const char *name, const char *figure)
{
	buf_puts(b, "<div>");
	html_element(b, "dt", NULL, name);
	html_element(b, "dd", NULL, figure);
	buf_puts(b, "</div>\n");
}

static void put_rate_tile(struct buf *b, const char *name, double rate)
{
	_cleanup_free_ char *number = text_rounded(rate);
	_cleanup_free_ char *text = strf("%s /s", number);

	put_tile(b, name, text);
}

static void put_tiles(struct buf *b, const struct run_result *r, const struct growth *g,
		      bool course)
{
	_cleanup_free_ char *exits = text_count(r->exits_per_boot);
	_cleanup_free_ char *seconds = text_seconds(r->boot_seconds);

	buf_puts(b, "<dl class=\"tiles\">\n");
	if (r->exits_per_boot) {
		put_tile(b, "Exits per full boot", exits);
		put_tile(b, "Power-on to READY", seconds);
	}
	if (course) {
		put_rate_tile(b, "Mean rate", g->rate);
		put_rate_tile(b, "Slowest tenth", g->parts[g->slowest].rate);
		put_rate_tile(b, "Fastest tenth", g->parts[g->fastest].rate);
	}
	buf_puts(b, "</dl>\n");
}

static void put_part(struct buf *b, const struct growth *g, size_t i)
{
	const struct growth_part *p = &g->parts[i];
	_cleanup_free_ char *time = strf("%.2f to %.2f s", p->from, p->to);
	_cleanup_free_ char *exits = text_rounded(p->exits);
	_cleanup_free_ char *rate = text_rounded(p->rate);
	_cleanup_free_ char *share = strf("%.1f %%", g->exits > 0 ? 100 * p->exits / g->exits : 0);

	buf_puts(b, "<tr><th scope=\"row\">");
	html_text(b, time);
	buf_puts(b, "</th>");
	html_element(b, "td", "num", exits);
	html_element(b, "td", "num", rate);
	html_element(b, "td", "num", share);
	buf_puts(b, "</tr>\n");
}

static void put_table(struct buf *b, const struct growth *g)
{
	buf_puts(b, "<details><summary>The figures of each tenth</summary>\n<table "
		    "class=\"narrow\"><thead><tr>"
		    "<th scope=\"col\">Time</th><th scope=\"col\" class=\"num\">Exits</th>"
		    "<th scope=\"col\" class=\"num\">Exits a second</th>"
		    "<th scope=\"col\" class=\"num\">Share</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < GROWTH_PARTS; i++)
		put_part(b, g, i);
	buf_puts(b, "</tbody></table></details>\n");
}

static void put_course(struct buf *b, const struct run_result *r, const struct growth *g)
{
	_cleanup_free_ char *answer = growth_answer(g);
	_cleanup_free_ char *samples = text_count(g->samples);

	html_element(b, "p", NULL, answer);
	buf_puts(b, "<figure><figcaption>Exits since power-on</figcaption>\n");
	chart_curve(b, r, g);
	buf_puts(b, "</figure>\n<figure><figcaption>Exits a second, by tenths of the "
		    "time</figcaption>\n");
	chart_rates(b, g);
	buf_puts(b, "</figure>\n");
	put_table(b, g);
	buf_printf(
		b,
		"<p class=\"soft\">From %s samples of KVM&#39;s own statistics in L1. A rate "
		"counts as stable "
		"when the fastest tenth makes at most %.1f times the exits of the slowest.</p>\n",
		samples, GROWTH_STABLE);
}

void html_exits(struct buf *b, const struct run_result *r)
{
	struct growth g;
	bool course = growth_of(r, &g);

	buf_puts(b, "<section id=\"exits\">\n<h2>Exits of L2 while it booted</h2>\n");
	if (course || r->exits_per_boot)
		put_tiles(b, r, &g, course);
	if (course)
		put_course(b, r, &g);
	else
		buf_puts(b, "<p>The course is not known: no samples were taken in this run. An L2 "
			    "that was "
			    "restored from a snapshot does not boot.</p>\n");
	buf_puts(b, "</section>\n");
}
