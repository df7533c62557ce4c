/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tree that make works in: a hard-linked clone of a pristine tree with one series installed,
 * and the built objects in obj/ inside of it (there kbuild names its sources by relative paths,
 * so neither the kernel's bytes nor ccache depend on where the cache lies).
 *
 * Going from one series to another writes only the files whose content differs, so make rebuilds
 * only what really changed. A record of what may differ from the pristine tree is written first,
 * so that a killed run is repaired by the next.
 */
#ifndef NESTLAB_KERNEL_WORKTREE_H
#define NESTLAB_KERNEL_WORKTREE_H

#include <stdbool.h>

#include "kernel/series.h"
#include "kernel/source.h"

/* A mark in obj, of a build that came to its end: see shortcut.h. */
#define WORKTREE_WHOLE "nestlab.whole"

struct worktree {
	char *dir;    /* the tree and its objects, in the cache */
	char *src;    /* dir/src: never written to by make */
	char *obj;    /* dir/src/obj: make's output */
	char *mark;   /* dir/building: is there from worktree_begin() to worktree_end() */
	bool private; /* ours alone, removed at the end */
	bool fresh;   /* nothing was built in it yet */
	int lock;
};

/*
 * Open (make, when it is not there) the work tree NAME of this source, and lock it. private_copy:
 * what will be built is not to be trusted with objects that later builds go on from, so work in a
 * clone of it, which is removed when closed. 0 or -OUT_BROKEN. Close it in either case.
 */
int worktree_open(const struct source *s, const char *name, bool private_copy, struct worktree *w);

/*
 * Make the sources read as pristine + series. 0 or -OUT_BROKEN. written: gets the paths that were
 * written or removed.
 */
int worktree_install(struct worktree *w, const char *pristine, const struct series *series,
		     struct strv *written);

/*
 * Around each program that writes objects: one that was killed may have left a file that is cut
 * off and newer than what it was made of, which make would take for good. From an open work tree
 * all that the last such program wrote is gone, when it had no end. 0 or -OUT_BROKEN.
 */
int worktree_begin(const struct worktree *w);
void worktree_end(const struct worktree *w);

void worktree_close(struct worktree *w);

#endif
