/* SPDX-License-Identifier: GPL-2.0-only */
/* Failures that are held against nobody: no loss, and no gain. */
#ifndef NESTLAB_GRADE_UNASK_H
#define NESTLAB_GRADE_UNASK_H

#include "judge/result.h"

/* Skipped by `why`; what was observed stands behind it. */
void unask_check(struct check_result *c, const char *why);
/* When some were: the verdicts of their tests and of the run, as the rest has them. */
void unask_end(struct run_result *r);

#endif
