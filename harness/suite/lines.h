/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a suite's program said, line by line: each assertion by its name, and how it ended. Pure: it
 * reads what was recorded.
 */
#ifndef NESTLAB_SUITE_LINES_H
#define NESTLAB_SUITE_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/util.h"

/* One more with each change of what is read: records of the unpatched kernel are kept. */
#define SUITE_READER 2

/* The line that each test has: how its program ended. */
#define SUITE_PROGRAM "the program"
/* KTAP's promise of how many lines there are, where it was not kept. */
#define SUITE_PLAN "the plan"

enum suite_verdict { SUITE_PASS, SUITE_FAIL, SUITE_SKIP, SUITE_VERDICTS };
extern const char *const suite_verdict_names[SUITE_VERDICTS]; /* "pass", "fail", "skip" */

struct suite_line {
	/*
	 * Of a test unique: a second one of a name has " (2)" behind it. Numbers of four digits and
	 * more are written as N: addresses and counts differ from run to run.
	 */
	char *name;
	enum suite_verdict verdict;
	char *text;	 /* a failed line as it was printed, a skipped one's reason; may be NULL */
	unsigned int at; /* of the program's output, counted from 1; 0: it is not there */
};

struct suite_said {
	struct suite_line *v;
	size_t n;
};

/* How a program ended. */
struct suite_end {
	int exit_code; /* -1: by the signal */
	int signal;
	bool killed; /* by us, at its deadline */
	unsigned int deadline_s;
};

/* A text with its long numbers as N, as in names; the caller owns it. */
char *suite_masked(const char *text);

struct suite_format;
#define SUITE_FORMATS "ktap, kvm-unit-tests, exit-code"
const struct suite_format *suite_format_find(const char *name); /* NULL: no such format */

/* The last line is SUITE_PROGRAM. Free it with suite_said_free(). */
void suite_read(const struct suite_format *f, const struct strv *text, const struct suite_end *end,
		struct suite_said *said);
void suite_said_add(struct suite_said *said, const char *name, enum suite_verdict verdict,
		    const char *text, unsigned int at);
void suite_said_free(struct suite_said *said);
/* The line with this name, or NULL. */
const struct suite_line *suite_said_find(const struct suite_said *said, const char *name);

#endif
