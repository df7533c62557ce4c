/* SPDX-License-Identifier: GPL-2.0-only */
/* Two files of figures side by side. Pure. */
#ifndef NESTLAB_BENCH_COMPARE_H
#define NESTLAB_BENCH_COMPARE_H

#include "bench/figures.h"

/* Of fewer values than this, in either file, nothing is concluded. */
#define COMPARE_VALUES 3

/*
 * ALONE: the other file has no such figure. FEW: too few values. Else the second file against the
 * first: SAME as long as each median is in the other's range.
 */
enum difference { DIFF_SAME, DIFF_FASTER, DIFF_SLOWER, DIFF_FEW, DIFF_ALONE };
const char *difference_name(enum difference d);

enum difference compare_figures(const struct figure *a, const struct figure *b);

/*
 * A table of both into out, with the ratio of the medians, b's to a's. Returns how many became
 * slower. -OUT_USAGE: they are of two machines, whose ratio is not the change's; or they have no
 * figure in common.
 */
int compare_files(const struct figures *a, const struct figures *b, struct buf *out);

#endif
