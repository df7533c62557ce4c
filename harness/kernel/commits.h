/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The commits of a git repository between one that is good and one that is bad, and which of them
 * to try next, so that about half of them are left whatever it is (git-rev-list(1),
 * --bisect-all). The repository is only read.
 */
#ifndef NESTLAB_KERNEL_COMMITS_H
#define NESTLAB_KERNEL_COMMITS_H

#include <stdbool.h>

#include "core/util.h"

struct commits {
	char *repo; /* a folder */
	char *bad;
	struct strv good;
	struct strv skipped; /* those that can't be judged */
};

/* good, bad: as git names commits. 0, or -OUT_USAGE: one is none, or bad is not behind good. */
int commits_begin(struct commits *c, const char *repo, const char *good, const char *bad);
void commits_free(struct commits *c);

/*
 * The next to try, as 40 hexadecimal digits that the caller owns; NULL in *next: there is none.
 * left (may be NULL): how many may be the first bad one, skipped ones too. 0 or -OUT_BROKEN.
 */
int commits_next(const struct commits *c, char **next, size_t *left);
/* All that may be the first bad one: one, where none was skipped. The caller frees them. */
int commits_left(const struct commits *c, struct strv *left);

/* "1a2b3c4d5e6f (\"KVM: x86: ...\")", as kernel people name one. The caller owns it. */
char *commits_name(const struct commits *c, const char *commit);

#endif
