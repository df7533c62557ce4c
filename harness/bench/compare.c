// SPDX-License-Identifier: GPL-2.0-only
#include "bench/compare.h"

#include <string.h>

#include "core/outcome.h"
#include "report/text.h"

const char *difference_name(enum difference d)
{
	static const char *const names[] = {
		[DIFF_SAME] = "same",	  [DIFF_FASTER] = "faster",   [DIFF_SLOWER] = "slower",
		[DIFF_FEW] = "too few", [DIFF_ALONE] = "not in both",
	};

	return names[d];
}

static bool in_range(double value, const struct figure *g)
{
	return value >= g->min && value <= g->max;
}

enum difference compare_figures(const struct figure *a, const struct figure *b)
{
	if (!a || !b || strcmp(a->unit, b->unit) != 0)
		return DIFF_ALONE;
	if (a->n < COMPARE_VALUES || b->n < COMPARE_VALUES)
		return DIFF_FEW;
	if (in_range(a->median, b) && in_range(b->median, a))
		return DIFF_SAME;
	return (b->median > a->median) == a->more_is_better ? DIFF_FASTER : DIFF_SLOWER;
}

static void print_side(struct buf *out, const struct figure *g)
{
	_cleanup_free_ char *min = NULL, *median = NULL, *max = NULL;

	if (!g) {
		buf_puts(out, "         -");
		return;
	}
	min = text_number(g->min);
	median = text_number(g->median);
	max = text_number(g->max);
	buf_printf(out, " %9s (%s to %s, n %zu)", median, min, max, g->n);
}

/* Of the medians; 0: there is none. */
static double ratio_of(const struct figure *a, const struct figure *b)
{
	return a && b && a->median > 0 ? b->median / a->median : 0;
}

/* any: the one of both that is there. Returns 1 where both have it. */
static unsigned int print_pair(struct buf *out, const struct figure *any, const struct figure *a,
			       const struct figure *b, unsigned int *slower)
{
	double ratio = ratio_of(a, b);
	enum difference d = compare_figures(a, b);

	buf_printf(out, "%-11s %-44s %-8s", difference_name(d), any->name, any->unit);
	print_side(out, a);
	buf_puts(out, "  ->");
	print_side(out, b);
	if (d != DIFF_ALONE && ratio > 0)
		buf_printf(out, "  %.2f times", ratio);
	buf_puts(out, "\n");
	*slower += d == DIFF_SLOWER;
	return d != DIFF_ALONE;
}

int compare_files(const struct figures *a, const struct figures *b, struct buf *out)
{
	unsigned int slower = 0, both = 0;

	if (strcmp(a->machine, b->machine) != 0)
		return fail(OUT_USAGE, "the figures are of two machines (%s; %s): their ratios would be those of the machines; measure both on one",
			    a->machine, b->machine);
	for (size_t i = 0; i < a->n; i++)
		both += print_pair(out, &a->v[i], &a->v[i], figures_find(b, a->v[i].name), &slower);
	for (size_t i = 0; i < b->n; i++)
		if (!figures_find(a, b->v[i].name))
			print_pair(out, &b->v[i], NULL, &b->v[i], &slower);
	if (!both)
		return fail(OUT_USAGE, "the two files have no figure in common: nothing can be compared");
	return (int)slower;
}
