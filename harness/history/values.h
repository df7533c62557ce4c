/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All that a run's line has in numbers, as one list: measures, the times of stages and of tests
 * that passed.
 */
#ifndef NESTLAB_HISTORY_VALUES_H
#define NESTLAB_HISTORY_VALUES_H

#include "history/entry.h"

struct value {
	char *name; /* "host kernel (built)", "cpuid-exits/exact: its time" */
	char *unit;
	double number;
};

struct values {
	struct value *v;
	size_t n;
};

/* Did it come to an end, so that its numbers can be compared? */
bool values_are_of_use(const struct history_entry *e);
/* Adds them; into an empty list for those of one run. */
void values_of(const struct history_entry *e, struct values *l);
const struct value *values_find(const struct values *l, const char *name);
void values_free(struct values *l);

#endif
