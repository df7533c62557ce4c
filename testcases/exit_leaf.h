/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A reading of the totals' leaves by a micro guest, between two looks at what L1's histogram
 * (exit_hist.h) and the machine's own statistics have counted.
 */
#ifndef NESTLAB_TESTCASES_EXIT_LEAF_H
#define NESTLAB_TESTCASES_EXIT_LEAF_H

#include <stdint.h>

#include "micro.h"

struct exit_totals {
	uint32_t exits;
	uint64_t cycles;
};

/* By vCPU 0, which rests; tells all.before, own.before, own.after and all.after. */
struct exit_totals exit_leaf_read(struct micro *m);

#endif
