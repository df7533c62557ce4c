/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the cache's files share: cache.c finds and makes, cache-evict.c lists and removes. Nobody
 * else includes this.
 */
#ifndef NESTLAB_CORE_CACHE_INTERNAL_H
#define NESTLAB_CORE_CACHE_INTERNAL_H

#include <time.h>

#include "core/cache.h"

/* The caller owns them. */
char *cache_folder_path(const struct cache_kind *k);
char *cache_lock_path(const struct cache_kind *k, const char *key);

/* Let go what is beyond the kind's own bounds. Says nothing, can't fail. */
void cache_limit(const struct cache_kind *k);

/* All kinds, until one returns another value than 0; that, or 0. */
int cache_each_kind(int (*look)(void *ctx, const struct cache_kind *k), void *ctx);
/* All entries there are, when each was used. */
void cache_each(void (*look)(void *ctx, const struct cache_kind *k, const char *key, time_t used),
		void *ctx);
/* The keys of this kind's entries in another folder than its own. */
void cache_keys_in(const struct cache_kind *k, const char *folder, struct strv *keys);

#endif
