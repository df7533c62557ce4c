/* SPDX-License-Identifier: GPL-2.0-only */
/* The two pictures of the exits of a boot, as inline SVG: the curve, and the rate of each tenth. */
#ifndef NESTLAB_REPORT_CHART_H
#define NESTLAB_REPORT_CHART_H

#include "report/growth.h"

/* The number of exits since power-on, with READY marked. */
void chart_curve(struct buf *b, const struct run_result *r, const struct growth *g);
/* Exits a second, a bar for each tenth of the time, with the mean. */
void chart_rates(struct buf *b, const struct growth *g);

/* The distance of axis marks: 1, 2 or 5 times a power of ten, at most n of them up to max (above
 * 0). */
double chart_step(double max, unsigned int n);

#endif
