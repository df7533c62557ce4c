/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A clone of Linux, in which the tag of each version (v6.1.7, v5.10-rc3) can be a base: which one
 * is the nearest is found by git's own names of the files, so that few of them are read. It is
 * never written to.
 */
#ifndef NESTLAB_INTAKE_CLONE_H
#define NESTLAB_INTAKE_CLONE_H

#include <stddef.h>

#include "core/util.h"

struct clone;

/* dir: a repository, bare or not. 0; -OUT_USAGE: it is none, or has no version's tag. */
int clone_open(const char *dir, struct clone **c);
void clone_free(struct clone *c); /* NULL is none */
const char *clone_dir(const struct clone *c);

struct clone_file {
	const char *path; /* in the tree */
	const char *text; /* as it was handed in; clone_made_on(): the begin of git's name of it */
};

/*
 * The tag from which the files are fewest lines apart, by lines_compare(), and how many; of several
 * the oldest. NULL: none has one of them. It lives as long as c.
 */
const char *clone_nearest(struct clone *c, const struct clone_file *f, size_t n, size_t *apart);

/* The oldest tag that has all these files by these names; NULL: none, or n is 0. */
const char *clone_made_on(struct clone *c, const struct clone_file *f, size_t n);

#endif
