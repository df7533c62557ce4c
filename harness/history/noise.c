// SPDX-License-Identifier: GPL-2.0-only
/*
 * Measures of two runs: is one more than the other by more than what they differ by anyhow? That is
 * told from the last runs of the same plan, by their median and how far they lie from it. Half of
 * them may be wild: one slow night hides no other.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "history/diff-internal.h"
#include "history/values.h"
#include "report/text.h"

/* Standard deviations, for a normal distribution, of a median absolute deviation. */
#define DEVIATION 1.4826
#define FAR 4
/* So many runs have a second largest that is not merely the median's neighbour. */
#define ENOUGH_FOR_RANGE 5

/* Less than that is no news, however quiet the runs before were. */
static const struct kind {
	const char *unit;
	double share;	 /* of the median */
	double at_least; /* in the unit */
} kinds[] = {
	{ "s", 0.20, 0.5 },
	{ "exits", 0.05, 20 },
	{ "cycles/exit", 0.20, 0 },
	{ NULL, 0.10, 0 },
};

static const struct kind *kind_of(const char *unit)
{
	const struct kind *k = kinds;

	while (k->unit && strcmp(k->unit, unit) != 0)
		k++;
	return k;
}

/* ---- the runs before ---- */

/* Where B begins: those behind it tell nothing of what was known then. */
static size_t place_of(const struct pair *p)
{
	for (size_t i = 0; i < p->h->n; i++)
		if (&p->h->v[i] == p->b)
			return i;
	return p->h->n;
}

/* Of A's plan, the last ones first; returns how many. */
static size_t take_before(const struct pair *p, struct values *into)
{
	size_t n = 0;

	for (size_t i = place_of(p); i > 0 && n < p->last; i--) {
		const struct history_entry *e = &p->h->v[i - 1];

		if (e->plan && p->a->plan && !strcmp(e->plan, p->a->plan) && values_are_of_use(e))
			values_of(e, &into[n++]);
	}
	return n;
}

static int by_size(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return a < b ? -1 : a > b;
}

/* Sorts them. */
static double median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_size);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

struct noise {
	double middle, width;
	size_t n;
};

static struct noise noise_of(const struct values *before, size_t n_before, const struct value *of)
{
	double v[DIFF_LAST * 10], far[DIFF_LAST * 10];
	const struct kind *k = kind_of(of->unit);
	struct noise z = { 0 };

	for (size_t i = 0; i < n_before && z.n < ARRAY_SIZE(v); i++) {
		const struct value *x = values_find(&before[i], of->name);

		if (x)
			v[z.n++] = x->number;
	}
	if (z.n < DIFF_LEAST)
		return z;
	z.middle = median(v, z.n);
	for (size_t i = 0; i < z.n; i++)
		far[i] = fabs(v[i] - z.middle);
	z.width = FAR * DEVIATION * median(far, z.n);
	if (z.n >= ENOUGH_FOR_RANGE)
		z.width = fmax(z.width, far[z.n - 2]); /* of which one may be wild */
	z.width = fmax(z.width, fmax(k->share * z.middle, k->at_least));
	return z;
}

/* ---- one measure of both ---- */

static char *number(const struct value *v)
{
	_cleanup_free_ char *text = text_number(v->number);

	return strf("%s %s", text, v->unit);
}

static void tell(const struct pair *p, enum diff_change c, const struct value *a,
		 const struct value *b, const struct noise *z)
{
	_cleanup_free_ char *from = number(a), *to = number(b), *middle = text_number(z->middle);
	_cleanup_free_ char *width = text_number(z->width);
	_cleanup_free_ char *why = strf("the last %zu: %s, give or take %s", z->n, middle, width);

	diff_add(p, c, b->name, from, to, why);
}

/* False: too few runs before tell what is usual. */
static bool compare(const struct pair *p, const struct value *a, const struct value *b,
		    const struct noise *z)
{
	if (z->n < DIFF_LEAST)
		return false;
	if (b->number > fmax(a->number, z->middle) + z->width)
		tell(p, CHANGE_SLOWER, a, b, z);
	else if (b->number < a->number - z->width) /* also where A was the unusual one */
		tell(p, CHANGE_FASTER, a, b, z);
	return true;
}

static void note_unknown(const struct pair *p, size_t unknown, size_t n)
{
	if (unknown)
		strv_addf(&p->d->notes,
			  "%s%s%zu measures are not compared: of %zu runs before it fewer than %d "
			  "have them",
			  p->part ? p->part : "", p->part ? ": " : "", unknown, n, DIFF_LEAST);
}

void diff_measures(const struct pair *p)
{
	struct values *before = xcalloc(p->last + 1, sizeof(*before)), a = { 0 }, b = { 0 };
	size_t n = take_before(p, before), unknown = 0;

	if (values_are_of_use(p->a) && values_are_of_use(p->b)) {
		values_of(p->a, &a);
		values_of(p->b, &b);
	}
	for (size_t i = 0; i < b.n; i++) {
		const struct value *old = values_find(&a, b.v[i].name);
		struct noise z = noise_of(before, n, &b.v[i]);

		if (old && !compare(p, old, &b.v[i], &z))
			unknown++;
	}
	note_unknown(p, unknown, n);
	for (size_t i = 0; i < n; i++)
		values_free(&before[i]);
	values_free(&a);
	values_free(&b);
	free(before);
}
