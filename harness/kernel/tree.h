/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whole folders: cloned, and looked into without following symbolic links.
 */
#ifndef NESTLAB_KERNEL_TREE_H
#define NESTLAB_KERNEL_TREE_H

#include <stdbool.h>
#include <sys/stat.h>

enum tree_how {
	TREE_LINK, /* files are hard links, or copies where the file system has none */
	TREE_COPY  /* files are copies with the same times */
};

/*
 * Clone the folder `from` to `to`, which does not exist, or is empty. skip (may be NULL) is asked
 * with each path relative to `from`; what is in a skipped folder is skipped. 0 or -OUT_BROKEN; then
 * `to` is left as far as it came.
 */
int tree_clone(const char *from, const char *to, enum tree_how how,
	       bool (*skip)(const char *relative, bool is_dir));

/*
 * Is root/relative a regular file that is reached through real folders only? st (may be NULL) is
 * filled then. A symbolic link on the way would lead a reader or writer out of root.
 */
bool tree_has_file(const char *root, const char *relative, struct stat *st);

/*
 * Would making root/relative go through a symbolic link, or through a file? Folders that are not
 * there are no harm.
 */
bool tree_leaves(const char *root, const char *relative);

/* Each regular file and symbolic link under root, relative to it, in no order. 0 or -OUT_BROKEN. */
int tree_each(const char *root,
	      int (*visit)(const char *relative, const struct stat *st, void *ctx), void *ctx);
/* The same of a stranger's folder: what can't be read is visited, too, and has no st (NULL). */
int tree_each_of(const char *root,
		 int (*visit)(const char *relative, const struct stat *st, void *ctx), void *ctx);

#endif
