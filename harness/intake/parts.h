/* SPDX-License-Identifier: GPL-2.0-only */
/* A diff in its parts, one for each file, so that some of them can be left out. */
#ifndef NESTLAB_INTAKE_PARTS_H
#define NESTLAB_INTAKE_PARTS_H

#include <stdbool.h>

#include "core/util.h"

struct part {
	const char *at; /* in the text */
	size_t len;
	char *path;  /* as the diff has it, without a/ and b/; NULL: text between two parts */
	bool binary; /* what was changed is not in it, or not as text */
	bool named;  /* private: its "+++" line was read */
};

struct parts {
	struct part *v;
	size_t n;
};

/* text: a unified diff; it must outlive the parts, which are all of it, in order. Free them. */
void parts_split(const char *text, struct parts *p);
void parts_free(struct parts *p);

/*
 * The part as it stands, but for its names: a time behind one has a tab before it, which some mails
 * make blanks of.
 */
void part_put(const struct part *p, struct buf *out);
/* The lines that it adds, or takes away ('-'), without their marks. */
void part_lines(const struct part *p, char mark, struct buf *out);

#endif
