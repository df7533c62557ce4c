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

#include "kernel/overlay.h"
#include "kernel/series.h"
#include "kernel/source.h"

struct worktree {
	char *dir;    /* the tree and its objects, in the cache */
	char *src;    /* the tree, never written to by make */
	char *obj;    /* src/obj: make's output */
	char *inside; /* what src is to make: see view */
	char *mark;   /* dir/building: is there from worktree_begin() to worktree_end() */
	bool private; /* ours alone, removed at the end */
	bool fresh;   /* nothing was built in it yet */
	struct overlay view; /* closed, where it is a tree of its own */
	int lock;
};

enum worktree_use {
	WORKTREE_TO_BUILD, /* alone */
	WORKTREE_TO_READ,  /* with others, who read it, too */
	/*
	 * What will be built is not to be trusted with objects that later builds go on from: all
	 * that is written goes elsewhere, and is removed when closed. Until then the tree can't be
	 * had alone by others; where this machine has no overlay it is a copy, and can.
	 */
	WORKTREE_APART,
	WORKTREE_COPIED, /* that, for who has it for long */
};

/*
 * Open (make, when it is not there) the work tree NAME of this source, and lock it. Trees whose
 * names differ behind the last '-' alone are of one source and configuration with other patches: a
 * new one begins with another one's objects, so that only what its patches change is compiled. 0 or
 * -OUT_BROKEN. Close it in either case.
 */
int worktree_open(const struct source *s, const char *name, enum worktree_use use,
		  struct worktree *w);

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

/*
 * The mark of a work tree whose last whole build came to its end. It is taken away before sources
 * change, and set again when the build is done or when shortcut_allowed() says that the image
 * stands.
 */
#define WORKTREE_WHOLE "nestlab.whole" /* in obj */
bool worktree_is_whole(const struct worktree *w);
void worktree_set_whole(const struct worktree *w);
int worktree_clear_whole(const struct worktree *w); /* 0 or -OUT_BROKEN */

void worktree_close(struct worktree *w);

#endif
