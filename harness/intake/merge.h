/* SPDX-License-Identifier: GPL-2.0-only */
/* A change that was made on one text, put onto another one: three ways. */
#ifndef NESTLAB_INTAKE_MERGE_H
#define NESTLAB_INTAKE_MERGE_H

#include "core/util.h"

/*
 * What his changed in ancestor, put into base. Where both put lines in at one place, his come
 * first. scratch: a folder for files. conflict: the places that were changed in both, with all
 * three texts; empty: it went clean. 0 or -OUT_BROKEN.
 */
int merge_texts(const char *scratch, const char *base, const char *ancestor, const char *his,
		struct buf *out, struct buf *conflict);

#endif
