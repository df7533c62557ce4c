/* SPDX-License-Identifier: GPL-2.0-only */
/* Built kernels in the cache: kernels/KEY, each there whole or not at all. */
#ifndef NESTLAB_KERNEL_STORE_H
#define NESTLAB_KERNEL_STORE_H

#include "kernel/kernel.h"
#include "kernel/make.h"

/* What a person who looks into the folder wants to know, beside the outputs. */
struct store_about {
	const char *source;
	const char *compiler;
	const struct kernel_patch *patches;
	size_t n_patches;
	double seconds;
	/*
	 * Keep the modules with their line numbers too, in symbols/, and this (changed_lines()) as
	 * symbols/changed; NULL: don't.
	 */
	const struct buf *changed;
};

/*
 * Fill b (dir, bzimage and its hash, modules, release) from the kernel of this key, and pin it;
 * modules as in the .conf. False when it is not there; or is not whole, or its bzImage or a module
 * is not the one that was built: then it is dropped.
 */
bool store_find(const char *key, const struct strv *modules, struct kernel_build *b);

/*
 * Is one that was found still what was built? Its files are read again. -OUT_BROKEN: it is not, or
 * is gone. One that came from elsewhere, or is none, is not asked.
 */
int store_check(const struct kernel_build *b);

/*
 * Take over what make left in a work tree. -OUT_USAGE: a module of the .conf was not built;
 * -OUT_BROKEN: no disk.
 */
int store_put(const char *key, const struct strv *modules, const struct worktree *w, struct make *m,
	      const struct store_about *about);

#endif
