/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Of the lines in which somebody's file differs from a base: which are his own, and which are
 * drift, upstream's at another age.
 */
#ifndef NESTLAB_INTAKE_OWN_H
#define NESTLAB_INTAKE_OWN_H

#include <stdbool.h>

#include "core/util.h"

struct own_hunk {
	/* the first line of the base that goes, from 0; or before which it is put */
	size_t at;
	size_t removed; /* lines of the base */
	struct buf added;
	size_t n_added;
	bool own;
};

struct own_file {
	char *path;	    /* in the source tree */
	struct buf before;  /* the base's text */
	struct own_hunk *v; /* in order */
	size_t n;
};

/* From `diff -U0`. False: it is none. */
bool own_parse(const char *diff, struct own_file *f);

/*
 * Is one of these in the text? Seeds are what an assignment's work can't do without: parts of names
 * and numbers ("vcpu_info", "0x4ffffff") in any case of letters; digits alone ("548") are a word.
 */
bool own_has_seed(const char *text, const struct strv *seeds);
/*
 * Mark what is his own: hunks with a seed, and then those with an identifier that such a hunk
 * brings in and no file had. The rest is drift, when it is more than a change of this kind has.
 * True: there is drift; false: all is his own.
 */
bool own_mark(struct own_file *files, size_t n, const struct strv *seeds);

/* The base's text with his own hunks put in. */
void own_put(const struct own_file *f, struct buf *out);
/* Do his own hunks leave as many braces open as they close? */
bool own_balanced(const struct own_file *f);
void own_free(struct own_file *f);

#endif
