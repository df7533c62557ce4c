/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of intake/ share. */
#ifndef NESTLAB_INTAKE_INTERNAL_H
#define NESTLAB_INTAKE_INTERNAL_H

#include "intake/handed.h"
#include "intake/intake.h"

/* One submission on its way. */
struct taking {
	struct bases *bases; /* grow by versions of its clone */
	const struct strv *seeds;
	const char *scratch;
	struct handed handed;
	struct intake *in;
	struct strv diffs;   /* paths of files that hold a diff */
	struct strv diff_names;
	bool context_diff;   /* one that is passed over */
	char *unread;	     /* the first file in which work may be that nobody here can read */
};

/* Remember that file, and note why it is passed over. */
void intake_unread(struct taking *t, const char *name, const char *why);

/* Set the outcome and its sentence. 0. */
int intake_is(struct intake *in, enum intake_outcome o, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Add what differs between the two files ("/dev/null": there is none) as a diff of path. */
int intake_add_diff(struct intake *in, const char *path, const char *before, const char *after);
/* `diff -U0`, white space left out of account. */
int intake_compare(const char *before, const char *after, struct buf *out);

/* 0 with an outcome, or a negative outcome. */
int intake_take_diffs(struct taking *t); /* diffs.c */
int intake_take_files(struct taking *t); /* files.c */

#endif
