/* SPDX-License-Identifier: GPL-2.0-only */
/* The files of a submission, archives unpacked: names as data, bytes in files that are ours. */
#ifndef NESTLAB_INTAKE_HANDED_H
#define NESTLAB_INTAKE_HANDED_H

#include <stdbool.h>

#include "core/util.h"

#define HANDED_MAX_FILES 100000
#define HANDED_MAX_FILE (4U << 20)   /* bytes of one */
#define HANDED_MAX_BYTES ((size_t)512 << 20) /* that any archives may unpack to, and beyond that: */
#define HANDED_MAX_PASSED ((size_t)4 << 30) /* bytes of entries that are passed over */
#define HANDED_RATIO 40			   /* so many times the size of what was handed in */
#define HANDED_MAX_TREE ((size_t)2 << 30)   /* and no more */

struct handed_file {
	char *name; /* as it was called, from the submission's top; never opened */
	char *path; /* where its bytes are */
};

struct handed {
	struct handed_file *v;
	size_t n;
	struct strv notes; /* links, what leads out, what is too large */
	char *bomb;	   /* why it must not be read on; NULL: nothing */
	char *unread; /* the first one that is not looked into, and why: "x: it is a link"; or NULL */
	/* private: */
	const char *scratch;
	size_t unpacked, bytes, passed, room;
};

/* 0, -OUT_USAGE (it is not there), -OUT_BROKEN (the scratch folder). Free it in either case. */
int handed_list(const char *path, const char *scratch, struct handed *h);
void handed_free(struct handed *h);

/*
 * A file's text: in UTF-8, a terminal's colours left out, line ends are LF, a last line has one.
 * False: it is binary, too large, or gone.
 */
bool handed_text(const char *path, struct buf *out);

#endif
