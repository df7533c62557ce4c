/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The question of assignment 2, answered for a run: does the number of exits grow at a stable rate
 * while L2 boots, or do some phases make more? From the samples of struct run_result alone.
 */
#ifndef NESTLAB_REPORT_GROWTH_H
#define NESTLAB_REPORT_GROWTH_H

#include <stdbool.h>
#include <stddef.h>

#include "judge/result.h"

#define GROWTH_PARTS 10
/* "Stable": the fastest part makes at most this many times the slowest part's exits. */
#define GROWTH_STABLE 1.5

struct growth_part {
	double from, to; /* seconds since power-on */
	double exits;	 /* made in this time; between two samples taken as even */
	double rate;	 /* exits a second */
};

struct growth {
	double seconds; /* power-on to READY, or to the last sample where READY is unknown */
	bool ready;	/* it is READY */
	double end;	/* time of the last point: samples may go on behind READY */
	double exits;
	double rate; /* over the whole time */
	size_t samples;
	struct growth_part parts[GROWTH_PARTS]; /* tenths of the time */
	size_t slowest, fastest;		/* index */
	double half_at;				/* seconds until half of the exits were made */
	bool stable;
};

/* False when there is nothing to compute from: fewer than two moments, or no time between them. */
bool growth_of(const struct run_result *r, struct growth *g);

/* The answer, in a sentence or two for people; the caller frees it. */
char *growth_answer(const struct growth *g);

/*
 * The points of the curve, in order of time: power-on (0, 0), the samples, and READY where it is
 * known. The caller frees it.
 */
struct exit_sample *growth_points(const struct run_result *r, size_t *n);

#endif
