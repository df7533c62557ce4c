/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The bases that submissions are judged on: config/kernels/NAME-unpatched.conf, and the versions of
 * a clone of Linux.
 */
#ifndef NESTLAB_INTAKE_BASES_H
#define NESTLAB_INTAKE_BASES_H

#include "intake/clone.h"
#include "kernel/source.h"

struct base {
	char *name; /* "6.12"; of a clone "v6.1.7" */
	const char *dir; /* its unpatched source tree; source's */
	struct source source;
	char *folder; /* where its .conf files are; NULL: in config/kernels/ */
};

struct bases {
	struct base *v;
	size_t n;
	struct strv missing; /* a sentence for each whose source is not to be had */
	struct clone *clone; /* more can be made of this one; NULL: none */
	char *folder;	     /* for what is made for these */
};

/*
 * clone: the knob BASES; NULL: none. folder: for the .conf files of its versions, made when there
 * are some. 0; -OUT_BROKEN: there is no base; -OUT_USAGE: a .conf or the clone is wrong. Free it in
 * either case.
 */
int bases_find(const char *clone, const char *folder, struct bases *b);
void bases_free(struct bases *b);

/* For the knob KERNEL. variety: "unpatched" or "bare". The caller owns it. */
char *base_kernel(const struct base *b, const char *variety);

/*
 * Add a version of the clone, described as the newest prepared base that is not newer. It may move
 * b->v. 0 (also when it is there already) or a negative outcome.
 */
int bases_add_version(struct bases *b, const char *tag);

#endif
