/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Running git on trees that are not ours: no hook, no monitor, no prompt, none of the caller's git
 * environment, and never a write into the repository it is pointed at.
 */
#ifndef NESTLAB_KERNEL_GIT_H
#define NESTLAB_KERNEL_GIT_H

#include <stdbool.h>

#include "core/limits.h"
#include "core/util.h"

struct git {
	const char *what;     /* for messages */
	const char *dir;      /* git's -C */
	const char *work;     /* the work tree; NULL: dir's own, if it has one */
	const char *index;    /* GIT_INDEX_FILE; NULL: none needed */
	const char *objects;  /* where new objects go; NULL: into the repository */
	const char *borrowed; /* with objects: the repository's own object folder, for reading */
	const char *input;    /* standard input, for git_run(); NULL: none */
	bool loosely;	/* git_apply() wants one line on each side of a place */
	bool any_space; /* git_apply() finds lines whose white space differs */
	unsigned int deadline_s;
	const struct limits *limits; /* of a repository that is a stranger's; NULL: none */
};

/*
 * Run git with the words of args (NULL-terminated). out (may be NULL) collects standard output.
 * Returns the exit status or a negative outcome, as proc_run().
 */
int git_run(const struct git *g, const char *const args[], struct buf *out);
/* The same with its output for messages only: any status but 0 is -OUT_BROKEN. */
int git_check(const struct git *g, const char *const args[]);

/*
 * Does a hunk of it have nothing around what it puts in or changes (`diff -U0`)? Then the place
 * is a line's number alone.
 */
bool git_patch_is_bare(const char *patch);

/*
 * `git apply -p1` of a patch's text in the folder g->dir, outside any repository. out collects
 * what git says, standard error too. Returns git's exit status or a negative outcome.
 */
int git_apply(const struct git *g, const char *patch, struct buf *out);

#endif
