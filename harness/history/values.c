// SPDX-License-Identifier: GPL-2.0-only
#include "history/values.h"

#include <stdlib.h>
#include <string.h>

bool values_are_of_use(const struct history_entry *e)
{
	return e->finished && (e->verdict == OUT_PASS || e->verdict == OUT_FAIL);
}

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

void values_free(struct values *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].name);
		free(l->v[i].unit);
	}
	free(l->v);
}

const struct value *values_find(const struct values *l, const char *name)
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
		add_value(l, strf("%s: %s", t->name, t->measures[i].name), t->measures[i].unit,
			  t->measures[i].value);
}

void values_of(const struct history_entry *e, struct values *l)
{
	for (size_t i = 0; i < e->n_measures; i++)
		add_value(l,
			  strcmp(e->measures[i].name, WHOLE) ? xstrdup(e->measures[i].name)
							     : whole_name(e, WHOLE),
			  e->measures[i].unit, e->measures[i].value);
	for (size_t i = 0; i < e->n_stages; i++)
		if (!entry_find_test(e, e->stages[i].name)) /* those are told as tests */
			add_value(l, stage_name(&e->stages[i]), "s", e->stages[i].seconds);
	for (size_t i = 0; i < e->n_tests; i++)
		take_test(l, &e->tests[i]);
}
