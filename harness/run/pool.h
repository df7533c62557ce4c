/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Many plans, some at a time: each is run by a nestlab process of its own, in a place of its own,
 * with a results folder of its own.
 */
#ifndef NESTLAB_RUN_POOL_H
#define NESTLAB_RUN_POOL_H

#include "judge/result.h"
#include "plan/plan.h"

struct pool_job {
	const char *name; /* for messages and the log's name */
	char *dir;	  /* of its results; plan.json is there when the job is added */
	bool save_lab;	  /* somebody may come back to what it boots */
	bool may_skip;	  /* all of it skipped is a result, too */
	bool may_break;	  /* and so is a test that broke, as others may have been judged */
	char *history;	  /* as HISTORY=, "SET/NAME"; owned; NULL: it has no line there */
	void *ctx;	  /* whose it is */
	bool lost; /* who judged it was ended from outside: it is to be judged again */
	/* When it is over; of one that was not run neither: */
	struct run_result *result; /* NULL: it was not judged, and fail_text() in done() says why */
	double seconds;
};

struct pool {
	struct pool_job *jobs;
	size_t n;
	unsigned int deadline_s; /* of one job, with its build */
	const char *cache;	 /* the folder of the jobs' cache; NULL: ours */
	/*
	 * Called before each, one call at a time: its deadline in seconds; 0: it is not run. May be
	 * NULL.
	 */
	unsigned int (*may_take)(struct pool_job *job, void *ctx);
	/*
	 * Called for each job at its end (also of one that was not run), one call at a time; may be
	 * NULL.
	 */
	void (*done)(struct pool_job *job, void *ctx);
	void *ctx;
};

/* Write the plan into dir (made new) and add it. 0 or -OUT_BROKEN. */
int pool_add(struct pool *p, const char *name, const struct plan *plan, const char *dir, void *ctx);

/*
 * Run them all, `at_once` at a time, until one signal from outside stops all. 0, -OUT_INTERRUPTED,
 * or -OUT_BROKEN.
 */
int pool_run(struct pool *p, unsigned int at_once);
/*
 * For who runs them elsewhere: the command that judges one, without its PLACE=, and "NAME=value" of
 * its environment; then what came of it, by its exit code: job->result, or why there is none as
 * fail_text(). nestlab: the program; log: what it printed.
 */
void pool_command(const struct pool *p, const struct pool_job *job, const char *nestlab,
		  struct strv *argv, struct strv *env);
void pool_take(struct pool_job *job, int status, const char *log);
/* A `done` whose ctx is a char **: why the last one that was not judged was not; the caller's. */
void pool_keep_reason(struct pool_job *job, void *ctx);
void pool_free(struct pool *p);

#endif
