/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which lines of the patched source are the change's own. The tools that watch a whole kernel see
 * its tolerated data races too; what touches one of these lines is the change's.
 */
#ifndef NESTLAB_KERNEL_CHANGED_H
#define NESTLAB_KERNEL_CHANGED_H

#include "kernel/series.h"

/*
 * "arch/x86/kvm/x86.c 9615 9669" a line, for each run of lines that the series adds or changes. 0
 * or -OUT_BROKEN.
 */
int changed_lines(const struct series *s, struct buf *out);

/* Is "arch/x86/kvm/x86.c:9655" one of them? text: what changed_lines() gave. */
bool changed_has(const char *text, const char *place);

/*
 * For tests: take the new file's lines from "@@ -1,2 +3,4 @@". False: no such line, or it adds
 * none.
 */
bool changed_hunk(const char *line, unsigned long *first, unsigned long *last);

#endif
