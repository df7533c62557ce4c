/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the cache's files share: cache.c finds and makes, cache-evict.c lists and removes. Nobody
 * else includes this.
 */
#ifndef NESTLAB_CORE_CACHE_INTERNAL_H
#define NESTLAB_CORE_CACHE_INTERNAL_H

#include "core/cache.h"

/* The caller owns them. */
char *cache_folder_path(const struct cache_kind *k);
char *cache_lock_path(const struct cache_kind *k, const char *key);

/* Let go what is beyond the kind's own bounds. Says nothing, can't fail. */
void cache_limit(const struct cache_kind *k);

#endif
