/* SPDX-License-Identifier: GPL-2.0-only */
/* A change that was made on one text, put onto another one: three ways. */
#ifndef NESTLAB_INTAKE_MERGE_H
#define NESTLAB_INTAKE_MERGE_H

#include <stdbool.h>

#include "core/util.h"

/* Three texts, none of them NULL. */
struct merge {
	const char *base, *ancestor, *his;
	bool loosely; /* what he put into a block that the base does not have is left out */
};

/*
 * What his changed in ancestor, put into base. Where both put lines in at one place, his come
 * first. scratch: a folder for files. conflict: the places that were changed in both, with all
 * three texts; empty: it went clean. 0 or -OUT_BROKEN.
 */
int merge_texts(const char *scratch, const struct merge *m, struct buf *out, struct buf *conflict);

#endif
