/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A level's console: every byte goes to a file, every line is looked at for what a dying kernel
 * says. Untrusted input.
 */
#ifndef NESTLAB_MACHINE_CONSOLE_H
#define NESTLAB_MACHINE_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/util.h"
#include "machine/oops.h"

/* One finding with the text that belongs to it. */
struct console_report {
	const struct oops_family *family;
	struct strv text; /* bounded */
};

struct console {
	int fd;			/* the log; -1: none */
	struct buf line;	/* the unfinished last line */
	const struct oops_family *crash; /* the first deadly family seen; NULL: none */
	char crash_line[256];
	uint64_t crash_ns;	/* when it was seen */
	struct strv crash_text; /* from that line on, bounded */
	struct strv findings;	/* lines of families that are not deadly, bounded */
	struct console_report *reports; /* the same findings, whole, bounded */
	size_t n_reports;
	bool in_report;		/* the last one's text goes on */
	const char *await;	/* a text that somebody waits for; NULL: nobody */
	bool await_seen;
	char await_line[256];
	uint64_t bytes;
};

void console_init(struct console *c);
int console_log_to(struct console *c, const char *path); /* appends; 0 or -OUT_BROKEN */
void console_feed(struct console *c, const void *data, size_t len);
void console_free(struct console *c);

/* Wait for a line that holds this text: cleared by a new call. The text must live as long. */
void console_await(struct console *c, const char *text);

#endif
