/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A git repository that was handed in: what its branch has over the commit that it began with.
 * Nothing of it is run or believed but its objects: they are read by a repository of ours, with no
 * hook, filter, alternate or setting of theirs.
 */
#ifndef NESTLAB_INTAKE_REPO_H
#define NESTLAB_INTAKE_REPO_H

#include <stdbool.h>

#include "core/util.h"

struct repo {
	char *dir;   /* the folder with its .git */
	char *git;   /* ours, in scratch */
	char *from;  /* the commit before his first: a tag v*, or the last by somebody else */
	char *told;  /* a sentence: how many commits of whom, over what */
	struct buf committed; /* a diff from there to HEAD */
	struct buf more;      /* a diff from HEAD to the files beside it that differ */
};

/* True: the submission is such a folder, or has one at its top. Free r in either case. */
bool repo_find(const char *path, struct repo *r);
/* Read it. 0; or 1 with a reason in *why, which the caller owns; or a negative outcome. */
int repo_read(struct repo *r, const char *scratch, char **why);
/* A branch whose commit is not HEAD's: the work may be there. The caller owns it; NULL: none is. */
char *repo_other_branch(const struct repo *r);
/* A file as the commit `from` has it. False: it has none. */
bool repo_show(const struct repo *r, const char *path, struct buf *out);
void repo_free(struct repo *r);

#endif
