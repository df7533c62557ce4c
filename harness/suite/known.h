/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Known failures: config/suites/NAME.known, a line each:
 *
 *	TEST[/LINE]	LANE	EMULATOR	REASON
 *
 * TEST and LINE are patterns, and so are LANE ("*") and EMULATOR ("qemu-7.2*", "bochs*"). Without a
 * LINE all of the test is meant. It decides how a failure is told, and never that of a change: the
 * unpatched kernel does that.
 */
#ifndef NESTLAB_SUITE_KNOWN_H
#define NESTLAB_SUITE_KNOWN_H

#include "core/util.h"

struct suite_known {
	struct {
		char *test, *line; /* line NULL: all of them */
		char *lane, *emulator, *reason;
	} * v;
	size_t n;
	char *lane, *emulator; /* of this run */
};

/* None where the suite has no such file. 0 or -OUT_USAGE, with file and line. */
int suite_known_load(const char *suite, const char *lane, const char *emulator,
		     struct suite_known *k);
int suite_known_read(const char *path, const char *text, struct suite_known *k); /* its text */
void suite_known_free(struct suite_known *k);

/* Why this line is known to fail here, or NULL. line NULL: is anything known of the test? */
const char *suite_known_why(const struct suite_known *k, const char *test, const char *line);

#endif
