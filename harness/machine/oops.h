/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a dying kernel says. A table of families; the console reader asks it line by line.
 */
#ifndef NESTLAB_MACHINE_OOPS_H
#define NESTLAB_MACHINE_OOPS_H

#include <stdbool.h>
#include <stddef.h>

struct oops_family {
	const char *name;    /* for people: "kernel panic" */
	const char *pattern; /* what the line holds */
	/* the kernel can't be trusted any more; otherwise a finding (a warning) */
	bool deadly;
	/* only at the message's start, behind the time stamp: these words occur elsewhere too */
	bool line_start;
	/*
	 * of a report's text: the line behind the first that holds this; NULL: it has no text of
	 * its own
	 */
	const char *end;
};

/* The family of this console line, or NULL. The line is any bytes, NUL-terminated. */
const struct oops_family *oops_match(const char *line);

#endif
