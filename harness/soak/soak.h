/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is a verdict right, whatever happens to the lab? Small judgements whose right verdicts are known,
 * the reference's and a wrong patch's; in the middle of each, at a moment that a seed draws, one
 * kind of harm. The harmed one may break off, but is never told wrongly; the next one is right, and
 * nothing is left.
 */
#ifndef NESTLAB_SOAK_SOAK_H
#define NESTLAB_SOAK_SOAK_H

#include <stdint.h>

#include "core/util.h"
#include "run/rundir.h"

struct soak_asked {
	unsigned int times;
	uint64_t seed;
	struct strv harms; /* names; none: all that this machine and lane have */
};

/*
 * Each harm is a test in d's result, with a line on the terminal. 0; -OUT_USAGE: no harm of that
 * name; -OUT_FAIL: something was wrong or left; -OUT_BROKEN; -OUT_INTERRUPTED.
 */
int soak_run(const struct soak_asked *a, struct rundir *d);

#endif
