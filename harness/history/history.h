/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * results/history.jsonl: one line for each run of this checkout, wherever its results went. Lines
 * are only ever added, behind the last one.
 *
 * A run that has begun has a file in results/.pending, which it locks, and which goes when its line
 * is written. One that nobody holds any more is of a run that was killed, or found the disk full:
 * whoever writes to the history next writes that line, too, from the run's results.json.
 *
 * A writer holds a lock, writes its line at once and takes back what was not written whole. What a
 * power cut left torn is ended by the next line's writer; readers pass it over, and say so.
 */
#ifndef NESTLAB_HISTORY_HISTORY_H
#define NESTLAB_HISTORY_HISTORY_H

#include "history/entry.h"

struct history {
	struct history_entry *v; /* in the order in which they ended */
	size_t n;
	size_t bad, first_bad; /* lines that could not be read, and the first one's number */
};

/* Of the checkout; the caller owns it. */
char *history_path(void);
/* One that is not there is empty. 0 or -OUT_USAGE. Free it in either case. */
int history_read(const char *path, struct history *h);
void history_free(struct history *h);
/* "line 17 of ... is not whole"; the caller owns it. NULL: all could be read. */
char *history_told(const struct history *h, const char *path);

/* Add a line. 0 or -OUT_BROKEN; then the file is as it was. */
int history_append(const char *path, const struct history_entry *e);

/* ---- a run's own line ---- */

struct history_mark {
	int fd;	    /* holds it; -1: it could not be made */
	char *path; /* in results/.pending; NULL: the run has no line */
	char *dir, *as;
};

/* as: "SET/NAME", "SET", or "run": it stands alone; "no": it has no line. Never fails. */
void history_begin(const struct run_result *r, const char *dir, const char *as,
		   struct history_mark *m);
/*
 * The line of a run that has its results.json, and of those that nobody wrote. What goes wrong is
 * told and is no matter of the run's verdict: the line is written by the next run then.
 */
void history_end(struct history_mark *m);

/* For tests: history_begin() and history_end() of another folder than the checkout's results/. */
void history_begin_in(const char *results, const struct run_result *r, const char *dir,
		      const char *as, struct history_mark *m);
int history_end_in(const char *results, struct history_mark *m);

#endif
