/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NESTLAB_RUN_CRASH_H
#define NESTLAB_RUN_CRASH_H

#include "run/run.h"

/* To the reason of a run whose verdict is a crash: where, with the line of the source. */
void crash_tell(struct run *r);

#endif
