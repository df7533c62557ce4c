/* SPDX-License-Identifier: GPL-2.0-only */
/* What upstream wrote between the bases, where the assignments' work is: no base tells of it. */
#ifndef NESTLAB_INTAKE_UPSTREAM_H
#define NESTLAB_INTAKE_UPSTREAM_H

#include "core/util.h"

/* Adds the lines of that file that are known, in no order and without their indents. */
void upstream_lines(const char *path, struct buf *out);

#endif
