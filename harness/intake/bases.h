/* SPDX-License-Identifier: GPL-2.0-only */
/* The bases that submissions are judged on: config/kernels/NAME-unpatched.conf. */
#ifndef NESTLAB_INTAKE_BASES_H
#define NESTLAB_INTAKE_BASES_H

#include "kernel/source.h"

struct base {
	char *name; /* "6.12" */
	const char *dir; /* its unpatched source tree; source's */
	struct source source;
};

struct bases {
	struct base *v;
	size_t n;
	struct strv missing; /* a sentence for each whose source is not on this machine */
};

/* 0; -OUT_BROKEN: there is none; -OUT_USAGE: a .conf is wrong. Free it in either case. */
int bases_find(struct bases *b);
void bases_free(struct bases *b);

#endif
