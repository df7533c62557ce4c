/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel sources. Each kind of source becomes a pristine tree in the cache, src/HASH, that appears
 * whole (by a rename) and is never written to again.
 */
#ifndef NESTLAB_KERNEL_SOURCE_H
#define NESTLAB_KERNEL_SOURCE_H

#include "core/hash.h"
#include "kernel/kernel.h"

struct source {
	char key[HASH_HEX_LEN + 1]; /* of the pristine tree's content */
	struct cache_entry *entry;  /* keeps dir where it is, until source_free() */
	char *dir;		    /* the pristine tree: CACHE/src/<first 12 of key> */
	char *name;		    /* for messages: "linux-source-6.12", "/home/me/linux" */
	/*
	 * Git sources move by small steps, and a snapshot of a whole kernel for each would fill
	 * the disk and rebuild everything. So the pristine tree may be an earlier one of the same
	 * repository, and these are the files in which the wanted one differs;
	 * source_put_changed() has their content.
	 */
	struct strv changed;
	char git_tree[HASH_HEX_LEN + 1]; /* git's hash of the wanted files; "" for other sources */
};

/*
 * Find or make the tree. Keys: a package or tarball by its bytes (checked against sha256 before
 * anything is unpacked); a git tree, the user's or a fetched one, by the git hash of its files
 * (uncommitted and untracked ones too, ignored ones not); a tree without git by each file's path,
 * size, time and mode (it is copied whole when any of it changes: `git init` makes it cheap).
 * Local trees are never written to. 0, -OUT_USAGE (what the .conf names is not there) or
 * -OUT_BROKEN.
 */
int source_resolve(const struct kernel_conf *k, struct source *s);
void source_free(struct source *s);

/* Write those changed files that exist in the wanted tree below dir. 0 or -OUT_BROKEN. */
int source_put_changed(const struct kernel_conf *k, const struct source *s, const char *dir);

/* One kind of source; the rest of this module. */
struct source_kind {
	bool (*named)(const struct kernel_conf *k); /* does the .conf name this kind? */
	int (*identify)(const struct kernel_conf *k, struct source *s); /* sets all but dir */
	/* Fill dir, an empty folder, with the tree that key stands for. */
	int (*unpack)(const struct kernel_conf *k, const struct source *s, const char *dir);
};
extern const struct source_kind source_package, source_tarball, source_plain_tree, source_git_tree,
	source_git_fetched;

#endif
