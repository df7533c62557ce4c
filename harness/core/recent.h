/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cache's bounds: of a folder with one entry for each key, only those used last are kept. An entry's modification time is when it was
 * used.
 */
#ifndef NESTLAB_CORE_RECENT_H
#define NESTLAB_CORE_RECENT_H

#include <stddef.h>

/* This entry, a path, is used now. */
void recent_use(const char *entry);

/* Remove the entries of this folder, a path, that were used longest ago, until it has no more than this. Says nothing, can't fail. */
void recent_keep(const char *folder, size_t entries);

#endif
