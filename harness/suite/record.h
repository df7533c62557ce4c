/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a suite's test said, kept; and what it says now beside what it said on the unpatched kernel.
 * Assertions are compared, not programs: of one that fails in both, a second assertion that fails
 * now only is a regression. Pure.
 */
#ifndef NESTLAB_SUITE_RECORD_H
#define NESTLAB_SUITE_RECORD_H

#include "suite/lines.h"

/* How often the unpatched kernel is asked: what differs between them proves nothing. */
#define SUITE_RECORDS 3
/* And once more, alone, where a line differs. */
#define SUITE_RECORDS_MOST (SUITE_RECORDS + 1)

struct suite_record {
	struct {
		struct suite_said said;
		char *lost; /* why the lab was lost in it; NULL: it was not, and said holds all */
	} run[SUITE_RECORDS_MOST];
	unsigned int n;
};

/* One run's record as text; the caller frees the buffer. lost: see above. */
void suite_record_write(const struct suite_said *said, const char *lost, struct buf *text);
/*
 * Read the text of one run, or of several behind one another. False: it is no such text, or cut, or
 * of more than SUITE_RECORDS runs. Free it in either case.
 */
bool suite_record_read(const char *text, struct suite_record *r);
/* Add one more run's text; false, and nothing added: it is none, or there are enough. */
bool suite_record_add(struct suite_record *r, const char *text);
void suite_record_free(struct suite_record *r);

/* Was the lab lost in each of them? */
bool suite_record_lost(const struct suite_record *r);

enum suite_change {
	SUITE_SAME,
	SUITE_REGRESSED, /* passed, and fails or is skipped now; or fails in another way */
	SUITE_FIXED,	 /* failed each time, and passes now */
	SUITE_NEW,	 /* was not there, or was skipped */
	SUITE_GONE,	 /* was there each time, and is not now */
	SUITE_UNSTABLE,	 /* the unpatched kernel's runs differ in it */
	SUITE_CHANGES
};
extern const char *const suite_change_names[SUITE_CHANGES]; /* "same", "REGRESSED", ... */

struct suite_compared {
	const char *name;
	const struct suite_line *now;  /* NULL: it is not there */
	const struct suite_line *then; /* of the first run that has it; NULL: none has */
	enum suite_change change;
	bool wrong; /* by the change: it passed before, or fails and was no failure before */
};

/* Nobody calls a line good by what it says here, but it is worth to ask once more. */
bool suite_is_doubtful(const struct suite_compared *c);

/* Each line of both, those of now first. */
void suite_compare(const struct suite_said *now, const struct suite_record *then,
		   void (*told)(void *ctx, const struct suite_compared *c), void *ctx);

#endif
