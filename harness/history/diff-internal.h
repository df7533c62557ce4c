/* SPDX-License-Identifier: GPL-2.0-only */
/* What diff.c and noise.c share. Nobody else includes this. */
#ifndef NESTLAB_HISTORY_DIFF_INTERNAL_H
#define NESTLAB_HISTORY_DIFF_INTERNAL_H

#include "history/diff.h"

/* Two runs that are compared, and whose difference that becomes. */
struct pair {
	const struct history *h;
	const struct history_entry *a, *b;
	const char *part; /* NULL: they stand alone */
	unsigned int last;
	struct diff *d;
};

/* The strings are copied; why, from, to: may be NULL. */
void diff_add(const struct pair *p, enum diff_change c, const char *what, const char *from,
	      const char *to, const char *why);
/* Measures, times of stages and of tests. */
void diff_measures(const struct pair *p);

#endif
