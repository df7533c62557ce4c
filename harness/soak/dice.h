/* SPDX-License-Identifier: GPL-2.0-only */
/* Chance that is the same again for the same seed. */
#ifndef NESTLAB_SOAK_DICE_H
#define NESTLAB_SOAK_DICE_H

#include <stdint.h>

struct dice {
	uint64_t state; /* the seed at first */
};

/* Below n; 0 where n is. */
uint64_t dice_below(struct dice *d, uint64_t n);

#endif
