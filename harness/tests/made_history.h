/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Entries of a made history, for the tests of what reads one. Included by these tests alone, after
 * <cmocka.h>.
 */
#ifndef NESTLAB_TESTS_MADE_HISTORY_H
#define NESTLAB_TESTS_MADE_HISTORY_H

#include <stdlib.h>
#include <string.h>

#include "history/history.h"

#define MADE static __attribute__((unused))

/* One that passes: of the plan "p", by the judge "j" at the commit "c000". */
MADE struct history_entry *made_run(struct history *h, const char *run, const char *started)
{
	struct history_entry *e;

	h->v = xrealloc(h->v, h->n + 1, sizeof(*h->v));
	e = &h->v[h->n++];
	*e = (struct history_entry){ .run = xstrdup(run),
				     .folder = xstrdup(run),
				     .started = xstrdup(started),
				     .plan = xstrdup("p"),
				     .judged = xstrdup("j"),
				     .commit = xstrdup("c000"),
				     .lane = xstrdup("tcg-svm"),
				     .kernel = xstrdup("6.12"),
				     .assignment = xstrdup("cpuid-exits"),
				     .subject = xstrdup("the reference"),
				     .verdict = OUT_PASS,
				     .finished = true,
				     .seconds = 14 };
	return e;
}

MADE struct history_test *made_test(struct history_entry *e, const char *name, enum outcome verdict)
{
	struct history_test *t;

	e->tests = xrealloc(e->tests, e->n_tests + 1, sizeof(*e->tests));
	t = &e->tests[e->n_tests++];
	*t = (struct history_test){ .name = xstrdup(name), .verdict = verdict, .seconds = 0.5 };
	if (verdict != OUT_PASS && verdict != OUT_FAIL)
		t->reason = strf("%s of %s", outcome_name(verdict), name);
	return t;
}

MADE void made_stage(struct history_entry *e, const char *name, const char *what, double seconds)
{
	e->stages = xrealloc(e->stages, e->n_stages + 1, sizeof(*e->stages));
	e->stages[e->n_stages++] = (struct stage){ xstrdup(name), xstrdup(what), seconds };
}

MADE void made_measure(struct history_entry *e, const char *name, const char *unit, double value)
{
	e->measures = xrealloc(e->measures, e->n_measures + 1, sizeof(*e->measures));
	e->measures[e->n_measures++] = (struct measure){ xstrdup(name), xstrdup(unit), value };
}

#endif
