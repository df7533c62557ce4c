/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One patch file, read as data: which files it touches, and where its hunks stand. Applying is
 * git's work; this reading refuses what must not even be tried, and turns git's answers into
 * sentences.
 */
#ifndef NESTLAB_KERNEL_PATCH_H
#define NESTLAB_KERNEL_PATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "core/util.h"

/* The work tree keeps its built objects there, so no patch may. */
#define PATCH_RESERVED_DIR "obj"
/* A line of the message: in which lane the change wants to be judged. */
#define PATCH_LANE "Lane: "

struct patch_hunk {
	unsigned long line;	 /* of its "@@" in the patch file, from 1 */
	unsigned long old_start; /* first line in the old file, 0 for a new one */
};

struct patch_file {
	char *old_path;	    /* without the first part ("a/"); NULL: the file is new */
	char *new_path;	    /* NULL: it is deleted. Differs from old_path for renames and copies */
	unsigned long line; /* where its header begins in the patch file, from 1 */
	struct patch_hunk *hunks;
	size_t n_hunks;
};

struct patch {
	char *path;	 /* the patch file, for messages */
	struct buf text; /* its content; line ends are LF, also where the file came with CRLF */
	char *lane;	 /* that PATCH_LANE names; NULL: none */
	struct patch_file *files;
	size_t n_files; /* 0 for a text without any diff */
};

/*
 * Read a mail-format patch, a `git diff` or a `diff -u`. 0; -OUT_USAGE: the file can't be read;
 * -OUT_BUILD_ERROR with "FILE:LINE: ...": it is cut short, or it names a path that climbs out of
 * the source tree, is absolute, goes to .git or to PATCH_RESERVED_DIR, or it makes a symbolic
 * link. Free it in either case.
 */
int patch_read(const char *path, struct patch *p);
/* The same from text in memory; path is for messages. */
int patch_parse(const char *path, const char *text, size_t len, struct patch *p);
void patch_free(struct patch *p);

#endif
