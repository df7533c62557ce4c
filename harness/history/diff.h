/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two sides compared: runs, or sets of runs (nights), each part of one with the part of the same
 * name of the other. What is told is what changed, and whether that is for the worse. Pure.
 */
#ifndef NESTLAB_HISTORY_DIFF_H
#define NESTLAB_HISTORY_DIFF_H

#include "history/history.h"

/* What is compared: the entries of a history that a name stands for (name.c). */
struct side {
	char *title; /* "20261127-031941-77e5 (commit 0123456789ab)" */
	const struct history_entry **v;
	size_t n;
	const struct history_entry *head; /* the run, or the night's own line; NULL: it has none */
};
void side_free(struct side *s);
bool side_is_night(const struct side *s);

/* In the order in which they are told. */
enum diff_change {
	CHANGE_NEWLY_FAILING, /* passed, or could not be asked; fails, crashes, does not build */
	CHANGE_NEWLY_FLAKY,   /* never failed before; now both, with nothing changed in between */
	CHANGE_SLOWER,	      /* or more exits, or whatever a measure counts */
	CHANGE_NOT_JUDGED,    /* was judged; the lab broke, or the run was not finished */
	CHANGE_STILL_FAILING,
	CHANGE_FLAKY, /* both verdicts for one plan, one kernel and one judge; or tried twice */
	CHANGE_SKIPPED,
	CHANGE_GONE,
	CHANGE_APPEARED,
	CHANGE_FIXED,
	CHANGE_FASTER,
	CHANGE_COUNT
};
const char *change_title(enum diff_change c); /* "newly failing" */
const char *change_key(enum diff_change c);   /* "newly_failing" */
bool change_is_regression(enum diff_change c);

struct finding {
	enum diff_change change;
	char *part;	 /* of a set; NULL: it is a run */
	char *what;	 /* a test, or a measure: "stage host kernel (built)" */
	char *from, *to; /* "pass", "3.25 s"; NULL: it was not there */
	char *why;	 /* checks that failed, a reason, the noise; NULL: nothing more */
	bool known;	 /* it was so in A, too: no news; not in the JSON */
};

struct diff {
	char *a, *b;		   /* titles */
	char *a_folder, *b_folder; /* of the heads; NULL: none */
	struct strv notes; /* how the two sides differ in what was asked, and what is not known */
	struct finding *v; /* by change */
	size_t n;
};

/* Of how many runs before B the noise is told, and how few tell nothing. */
#define DIFF_LAST 10
#define DIFF_LEAST 3

/* last: of how many runs the noise is told. */
void diff_make(const struct history *h, const struct side *a, const struct side *b,
	       unsigned int last, struct diff *d);
void diff_free(struct diff *d);

size_t diff_count(const struct diff *d, enum diff_change c);
/* Anything but what already was so: worth a mail. */
bool diff_has_news(const struct diff *d);
/* OUT_FAIL: a regression; OUT_BROKEN: none is seen, but B was not judged as A was; OUT_PASS. */
enum outcome diff_outcome(const struct diff *d);

/* ---- as text ---- */

/* "1 newly failing, 2 slower"; "nothing changed". The caller owns it. */
char *diff_summary(const struct diff *d);
void diff_text(const struct diff *d, struct buf *b);
void diff_markdown(const struct diff *d, struct buf *b);
/* A mail with its headers, for msmtp -t or sendmail -t. */
void diff_mail(const struct diff *d, const char *to, struct buf *b);
char *diff_json(const struct diff *d); /* the caller owns it */
/* 0 or -OUT_USAGE: it is no such JSON. Free it in either case. */
int diff_load(const char *text, size_t len, struct diff *d);

/* ---- name.c: what a name stands for ---- */

/*
 * A run's or a night's id (or how it begins), a run's folder, "latest", a date (its last night, or
 * its last run), a commit as git names it. loaded: a run that the history does not have is read
 * into it. before: "last good" is the last that passed before this side, of the same plan; NULL: of
 * any. -OUT_USAGE: there is none.
 */
int side_find(const struct history *h, const char *name, const struct side *before,
	      struct history_entry *loaded, struct side *s);
#define LAST_GOOD "last-good"

#endif
