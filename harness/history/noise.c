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
#include "report/text.h"

/* Standard deviations, for a normal distribution, of a median absolute deviation. */
#define DEVIATION 1.4826
#define FAR 4
/* So many runs have a second largest that is not merely the median's neighbour. */
#define ENOUGH_FOR_RANGE 5

/* Less than that is no news, however quiet the runs before were. */
static const struct kind {
	const char *unit;
	double share;	/* of the median */
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

/* ---- what a run has: one list for measures, stages and tests ---- */

struct value {
	char *name, *unit;
	double number;
};

struct values {
	struct value *v;
	size_t n;
};

/* The name is taken over. Stages of one name and one word are one: a lab may come up twice. */
static void add_value(struct values *l, char *name, const char *unit, double number)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->v[i].name, name)) {
			l->v[i].number += number;
			free(name);
			return;
		}
	l->v = xrealloc(l->v, l->n + 1, sizeof(*l->v));
	l->v[l->n++] = (struct value){ name, xstrdup(unit), number };
}

static void free_values(struct values *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].name);
		free(l->v[i].unit);
	}
	free(l->v);
}

static const struct value *find_value(const struct values *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->v[i].name, name))
			return &l->v[i];
	return NULL;
}

/* "host kernel (built)", whatever the number of steps: what was reused is no faster build. */
static char *stage_name(const struct stage *s)
{
	return strf("%s (%.*s)", s->name, (int)strcspn(s->what, ","), s->what);
}

/* The run's own time depends on what of it was built and what was there. */
static char *whole_name(const struct history_entry *e, const char *name)
{
	_cleanup_buf_ struct buf b = { 0 };

	for (size_t i = 0; i < e->n_stages; i++) {
		_cleanup_free_ char *stage = stage_name(&e->stages[i]);

		if (!entry_find_test(e, e->stages[i].name))
			buf_printf(&b, "%s%s", b.len ? ", " : "", stage);
	}
	return strf("%s%s%s", name, b.len ? ": " : "", buf_str(&b));
}

#define WHOLE "the whole run"

static void take_test(struct values *l, const struct history_test *t)
{
	if (t->verdict != OUT_PASS || t->retried)
		return;
	add_value(l, strf("%s: its time", t->name), "s", t->seconds);
	for (size_t i = 0; i < t->n_measures; i++)
		add_value(l, strf("%s: %s", t->name, t->measures[i].name), t->measures[i].unit, t->measures[i].value);
}

static void take_values(struct values *l, const struct history_entry *e)
{
	for (size_t i = 0; i < e->n_measures; i++)
		add_value(l, strcmp(e->measures[i].name, WHOLE) ? xstrdup(e->measures[i].name) : whole_name(e, WHOLE),
			  e->measures[i].unit, e->measures[i].value);
	for (size_t i = 0; i < e->n_stages; i++)
		if (!entry_find_test(e, e->stages[i].name)) /* those are told as tests */
			add_value(l, stage_name(&e->stages[i]), "s", e->stages[i].seconds);
	for (size_t i = 0; i < e->n_tests; i++)
		take_test(l, &e->tests[i]);
}

/* ---- the runs before ---- */

static bool is_usable(const struct history_entry *e)
{
	return e->finished && (e->verdict == OUT_PASS || e->verdict == OUT_FAIL);
}

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

		if (e->plan && p->a->plan && !strcmp(e->plan, p->a->plan) && is_usable(e))
			take_values(&into[n++], e);
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
		const struct value *x = find_value(&before[i], of->name);

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

static void tell(const struct pair *p, enum change c, const struct value *a, const struct value *b,
		 const struct noise *z)
{
	_cleanup_free_ char *from = number(a), *to = number(b), *middle = text_number(z->middle);
	_cleanup_free_ char *width = text_number(z->width);
	_cleanup_free_ char *why = strf("the last %zu: %s, give or take %s", z->n, middle, width);

	diff_add(p, c, b->name, from, to, why);
}

/* False: too few runs before tell what is usual. */
static bool compare(const struct pair *p, const struct value *a, const struct value *b, const struct noise *z)
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
		strv_addf(&p->d->notes, "%s%s%zu measures are not compared: of %zu runs before it fewer than %d have them", p->part ? p->part : "",
			  p->part ? ": " : "", unknown, n, DIFF_LEAST);
}

void diff_measures(const struct pair *p)
{
	struct values *before = xcalloc(p->last + 1, sizeof(*before)), a = { 0 }, b = { 0 };
	size_t n = take_before(p, before), unknown = 0;

	if (is_usable(p->a) && is_usable(p->b)) {
		take_values(&a, p->a);
		take_values(&b, p->b);
	}
	for (size_t i = 0; i < b.n; i++) {
		const struct value *old = find_value(&a, b.v[i].name);
		struct noise z = noise_of(before, n, &b.v[i]);

		if (old && !compare(p, old, &b.v[i], &z))
			unknown++;
	}
	note_unknown(p, unknown, n);
	for (size_t i = 0; i < n; i++)
		free_values(&before[i]);
	free_values(&a);
	free_values(&b);
	free(before);
}
