/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bytes in, lines out, for streams that nobody vouches for (a test program's output, a kernel's
 * trace). A line longer than the bound is given cut, once; its rest is dropped. Feeding costs
 * time linear in the bytes, whatever they are.
 */
#ifndef NESTLAB_EVIDENCE_LINES_H
#define NESTLAB_EVIDENCE_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/util.h"

struct lines {
	size_t max; /* bytes of a line that are kept; set it, and on_line, before the first feed */
	/*
	 * text: no newline, NUL bytes replaced by '?', NUL-terminated. number: 1-based. cut: it
	 * was longer.
	 */
	void (*on_line)(void *ctx, const char *text, size_t len, unsigned int number, bool cut);
	void *ctx;
	struct buf partial;
	unsigned int number; /* of the last line given */
	bool cut;
};

void lines_feed(struct lines *l, const void *data, size_t len);
void lines_end(struct lines *l); /* give a last line that has no newline */
void lines_free(struct lines *l);

/*
 * At most max bytes of the text as printable ASCII (others as \xHH, a cut marked by "..."), so
 * that it can go to a terminal and into any report. The caller owns the string.
 */
char *printable(const char *text, size_t len, size_t max);

#endif
