// SPDX-License-Identifier: GPL-2.0-only
#include "report/growth.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/text.h"

static bool knows_ready(const struct run_result *r)
{
	return r->exits_per_boot && isfinite(r->boot_seconds) && r->boot_seconds > 0;
}

static int by_time(const void *a, const void *b)
{
	const struct exit_sample *x = a, *y = b;

	if (x->seconds != y->seconds)
		return x->seconds < y->seconds ? -1 : 1;
	return x->exits < y->exits ? -1 : x->exits > y->exits;
}

struct exit_sample *growth_points(const struct run_result *r, size_t *n)
{
	struct exit_sample *p = xcalloc(r->n_boot_exits + 2, sizeof(*p));

	*n = 0;
	/* A machine that was not yet started has made no exit, whenever the first sample was taken.
	 */
	if (!r->n_boot_exits || r->boot_exits[0].seconds > 0)
		p[(*n)++] = (struct exit_sample){ 0 };
	for (size_t i = 0; i < r->n_boot_exits; i++)
		p[(*n)++] = r->boot_exits[i];
	if (knows_ready(r))
		p[(*n)++] = (struct exit_sample){ r->boot_seconds, r->exits_per_boot };
	qsort(p, *n, sizeof(*p), by_time);
	return p;
}

/* The number of exits at this moment, even between two points; i is where the last search ended. */
static double exits_at(const struct exit_sample *p, size_t n, double seconds, size_t *i)
{
	double from, to, share;

	while (*i + 1 < n && p[*i + 1].seconds < seconds)
		(*i)++;
	if (*i + 1 == n || seconds <= p[*i].seconds)
		return (double)p[*i].exits;
	from = (double)p[*i].exits;
	to = (double)p[*i + 1].exits;
	share = (seconds - p[*i].seconds) / (p[*i + 1].seconds - p[*i].seconds);
	return from + (to - from) * share;
}

static void fill_parts(struct growth *g, const struct exit_sample *p, size_t n)
{
	double before = (double)p[0].exits;
	size_t i = 0;

	for (size_t k = 0; k < GROWTH_PARTS; k++) {
		struct growth_part *part = &g->parts[k];
		double after;

		part->from = g->seconds * (double)k / GROWTH_PARTS;
		part->to = g->seconds * (double)(k + 1) / GROWTH_PARTS;
		after = exits_at(p, n, part->to, &i);
		part->exits = after - before;
		part->rate = part->exits / (part->to - part->from);
		before = after;
	}
}

static void find_extremes(struct growth *g)
{
	for (size_t k = 1; k < GROWTH_PARTS; k++) {
		if (g->parts[k].rate < g->parts[g->slowest].rate)
			g->slowest = k;
		if (g->parts[k].rate > g->parts[g->fastest].rate)
			g->fastest = k;
	}
	g->stable = g->parts[g->slowest].rate > 0 &&
		    g->parts[g->fastest].rate <= g->parts[g->slowest].rate * GROWTH_STABLE;
}

/* The first moment at which half of the exits had been made. */
static double half_time(const struct exit_sample *p, size_t n, double half)
{
	for (size_t i = 1; i < n; i++) {
		double from = (double)p[i - 1].exits, to = (double)p[i].exits;

		if (to >= half && to > from)
			return p[i - 1].seconds + (p[i].seconds - p[i - 1].seconds) *
							  fmax(half - from, 0) / (to - from);
	}
	return p[n - 1].seconds;
}

bool growth_of(const struct run_result *r, struct growth *g)
{
	size_t n, i = 0;
	_cleanup_free_ struct exit_sample *p = growth_points(r, &n);

	*g = (struct growth){ .ready = knows_ready(r), .samples = r->n_boot_exits };
	/* READY alone gives a figure but no course. */
	if (!r->n_boot_exits || n < 2)
		return false;
	g->end = p[n - 1].seconds;
	g->seconds = g->ready ? r->boot_seconds : g->end;
	/* Files hold microseconds; a shorter time has no tenths. */
	if (g->seconds < 1e-6)
		return false;
	g->exits = exits_at(p, n, g->seconds, &i) - (double)p[0].exits;
	g->rate = g->exits / g->seconds;
	g->half_at = half_time(p, n, (double)p[0].exits + g->exits / 2);
	fill_parts(g, p, n);
	find_extremes(g);
	return true;
}

static char *unstable_answer(const struct growth *g)
{
	const struct growth_part *fast = &g->parts[g->fastest], *slow = &g->parts[g->slowest];
	_cleanup_free_ char *most = text_rounded(fast->rate);
	_cleanup_free_ char *least = text_rounded(slow->rate);
	_cleanup_free_ char *half = text_seconds(g->half_at);

	return strf("The rate of exits is not stable: from %s exits a second (%.2f to %.2f s) to %s (%.2f "
		    "to %.2f s), "
		    "and half of all exits were made in the first %s.",
		    least, slow->from, slow->to, most, fast->from, fast->to, half);
}

static char *stable_answer(const struct growth *g)
{
	_cleanup_free_ char *most = text_rounded(g->parts[g->fastest].rate);
	_cleanup_free_ char *least = text_rounded(g->parts[g->slowest].rate);

	return strf("The rate of exits is stable: every tenth of the time made %s%s%s exits a second.",
		    least, strcmp(least, most) ? " to " : "", strcmp(least, most) ? most : "");
}

char *growth_answer(const struct growth *g)
{
	return g->stable ? stable_answer(g) : unstable_answer(g);
}
