/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which files of a source tree the names in a diff mean. A diff may have been made anywhere: at the
 * top with or without a/ and b/, between two trees of any name, or inside of a folder (`git diff
 * --relative`). So names are matched by their ends, and only against what is in the tree: whatever
 * stands before, ".." too, is cut off and never looked at.
 */
#ifndef NESTLAB_KERNEL_NAMES_H
#define NESTLAB_KERNEL_NAMES_H

#include "kernel/patch.h"

/* Where a name without a folder is looked for first, as most changes are made there. */
#define NAMES_HOME "arch/x86/kvm/"

/*
 * The same patch with each name as "a/PATH" and "b/PATH" of the tree, in *out; p stays as it is.
 * made: files that earlier patches made, which the tree does not have. A sentence is added to notes
 * where that was more than taking a/ and b/ away. A name that is none of the tree's is left, for
 * git to say that the source has no such file.
 *
 * 0; -OUT_UNUSABLE: a name may mean several files (they are listed); -OUT_BUILD_ERROR: it leads out
 * of the tree and ends in none of its files. Free out in either case.
 */
int names_resolve(const struct patch *p, const char *tree, const struct strv *made,
		  struct patch *out, struct strv *notes);

#endif
