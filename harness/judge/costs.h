/* SPDX-License-Identifier: GPL-2.0-only */
/* What exits of many kinds cost, and what is cheap among them. For tests' judging halves. */
#ifndef NESTLAB_JUDGE_COSTS_H
#define NESTLAB_JUDGE_COSTS_H

#include <stddef.h>
#include <stdint.h>

#define COSTS_MAX 128

struct costs {
	uint64_t v[COSTS_MAX];
	size_t n;
};

/* In cycles; those over COSTS_MAX are left out. */
void costs_add(struct costs *c, uint64_t cycles);
/*
 * What a quarter of them costs at most; 0: there is none. A host that is disturbed makes most of
 * them dear, and none cheap. They are in order behind it.
 */
uint64_t costs_low(struct costs *c);

#endif
