/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a benchmark measured: figures, each of some values, and what they hold of: a machine and a
 * commit. bench.json is that written down; what it has, and no other field, is in figures_read().
 */
#ifndef NESTLAB_BENCH_FIGURES_H
#define NESTLAB_BENCH_FIGURES_H

#include <stdbool.h>

#include "core/util.h"

/* Values of one figure as they come, in any order. */
struct samples {
	double *v;
	size_t n;
};
void samples_add(struct samples *s, double value);
void samples_free(struct samples *s);

struct figure {
	char *name; /* "one test", unique; what a lane alone has ends in " (LANE)" */
	char *unit; /* "s", "us/exit", "MiB", "/hour" */
	size_t n;   /* values, not 0 */
	double min, median, max;
	bool more_is_better; /* submissions an hour */
	char *floor;  /* the figure that it can't get below, measured in the same run; NULL: none */
	double ratio; /* of the medians, this one to that of its floor; without one 0 */
};

struct figures {
	char *machine; /* "2 CPUs of AMD EPYC 7B13, 23 GiB" */
	char *commit;  /* of the checkout; "unknown" outside git */
	char *day;     /* "2026-11-21", UTC */
	struct figure *v;
	size_t n;
};
void figures_free(struct figures *f);

/*
 * Add what was measured. False, and nothing added: there is no value, one is no number or negative,
 * or a figure has the name already. floor: its name, or NULL; ratios come with figures_finish().
 */
bool figures_add(struct figures *f, const char *name, const char *unit, const struct samples *s,
		 const char *floor);
struct figure *figures_find(const struct figures *f, const char *name); /* or NULL */
/* The ratios to floors; a floor that was not measured is dropped: no ratio. */
void figures_finish(struct figures *f);

/* 0 or -OUT_BROKEN. */
int figures_write(const struct figures *f, const char *path);
/*
 * 0, or -OUT_USAGE: it can't be read, has a field more or less than ours, or says what can't be (a
 * median out of its range). Free it in either case.
 */
int figures_read(const char *path, struct figures *f);

#endif
