/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A run as the history keeps it: one line of JSON that says what was asked, of what, and what came
 * of it. It is made of the run's result tree alone, and outlives the run's folder.
 */
#ifndef NESTLAB_HISTORY_ENTRY_H
#define NESTLAB_HISTORY_ENTRY_H

#include "judge/result.h"

/* What results.json says of the judge itself, in its manifest. */
#define MANIFEST_COMMIT "nestlab commit"
#define MANIFEST_PROGRAM "nestlab program"
/* Behind a commit's name: files that git follows were changed. */
#define COMMIT_CHANGED ", changed since"

struct history_test {
	char *name;
	enum outcome verdict;
	char *reason; /* NULL: none */
	double seconds;
	char *retried;	    /* what became of its first try; NULL: there was one try */
	struct strv failed; /* names of the checks that failed */
	struct measure *measures;
	size_t n_measures;
};

struct history_entry {
	char *run;     /* "20261127-031941-77e5" */
	char *set;     /* of which it is a part: a night's id; NULL: it stands alone */
	char *name;    /* in that set: "npt=0"; NULL: it stands alone */
	char *folder;  /* of its results: in results/, or absolute */
	char *started; /* ISO 8601, UTC; NULL: not known */
	char *plan;    /* the plan's hash: equal ones asked for the same; NULL: it had none yet */
	/*
	 * Of the plan, of what was built for it and of the judge: equal ones asked the same
	 * question of the same kernels. NULL: it never came so far.
	 */
	char *judged;
	char *commit; /* of the checkout, with COMMIT_CHANGED; NULL: it is no clone */
	char *lane, *kernel, *flavor, *assignment; /* as in the result; may be NULL */
	char *subject; /* "the reference", "caller-pid.patch"; NULL: nothing was judged */
	enum outcome verdict;
	char *reason; /* may be NULL */
	bool finished;
	double seconds;
	struct history_test *tests;
	size_t n_tests;
	struct stage *stages;
	size_t n_stages;
	struct measure *measures; /* without those that the stages tell */
	size_t n_measures;
};

/* set and name: may be NULL. The strings are copied. */
void entry_make(const struct run_result *r, const char *folder, const char *set, const char *name,
		struct history_entry *e);
void entry_free(struct history_entry *e);

/* One line, with its newline; the caller owns it. */
char *entry_line(const struct history_entry *e);
/* Read it back into a zeroed entry. False: it is not whole, or not of this format. */
bool entry_read(const char *line, size_t len, struct history_entry *e);

/* Nothing was judged there that a comparison could be made with. */
bool entry_is_nothing(const struct history_entry *e);
/* By its id. One that broke before its first plan has no parts, and is a night all the same. */
#define NIGHT_SUFFIX "-night"
bool entry_is_night(const struct history_entry *e);
const struct history_test *entry_find_test(const struct history_entry *e, const char *name);
/* "2026-11-27" of its start; "" where that is not known. */
void entry_date(const struct history_entry *e, char date[11]);

#endif
