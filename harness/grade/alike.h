/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which changes of a class are alike, whatever their names are called: a hint for a person to look
 * at, and never a verdict.
 */
#ifndef NESTLAB_GRADE_ALIKE_H
#define NESTLAB_GRADE_ALIKE_H

#include "grade/grade.h"

struct alike_pair {
	const struct submission *a, *b;
	unsigned int percent; /* of the smaller one's pieces that the other one has */
};

/*
 * Pairs with most of their pieces in common, the most alike first, at most `max`. A piece is a run
 * of tokens that is not in a quarter of the class. Returns how many.
 */
size_t alike_pairs(const struct class *c, struct alike_pair *pairs, size_t max);

#endif
