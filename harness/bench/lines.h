/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Patches of one line, each another one: a change that nobody has built before, and that is right.
 */
#ifndef NESTLAB_BENCH_LINES_H
#define NESTLAB_BENCH_LINES_H

#include "bench/bench.h"

/*
 * Write n of them: DIR/line-FIRST.patch and on. They go onto the reference; the object is the same
 * as without, but the compiler must run. 0 or -OUT_BROKEN.
 */
int lines_write(struct bench_run *r, const char *dir, unsigned int n, unsigned int *first);

#endif
