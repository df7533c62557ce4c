// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "core/hash.h"
#include "mutants/mutants.h"

struct drawn {
	char hex[HASH_HEX_LEN + 1];
	const char *name;
};

static int by_draw(const void *a, const void *b)
{
	return strcmp(((const struct drawn *)a)->hex, ((const struct drawn *)b)->hex);
}

/* By a hash, and not by a place in the list: a new mutant changes nobody else's turn. */
void mutants_pick(const struct strv *all, const char *seed, size_t n, struct strv *picked)
{
	_cleanup_free_ struct drawn *d = xcalloc(all->n + 1, sizeof(*d));

	for (size_t i = 0; i < all->n; i++) {
		struct hash *h = hash_new("night-pick-1");

		hash_add_str(h, "seed", seed);
		hash_add_str(h, "name", all->v[i]);
		hash_hex(h, d[i].hex);
		d[i].name = all->v[i];
	}
	qsort(d, all->n, sizeof(*d), by_draw);
	for (size_t i = 0; i < all->n && i < n; i++)
		strv_add(picked, d[i].name);
}
