/* SPDX-License-Identifier: GPL-2.0-only */
/* A judgement whose right verdict is known, made by a nestlab of its own. */
#ifndef NESTLAB_SOAK_JOB_H
#define NESTLAB_SOAK_JOB_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/outcome.h"
#include "soak/world.h"

struct job {
	const char *name;     /* for people: "the reference" */
	const char *settings; /* "PATCH=..." */
	enum outcome right;
};

/* Where it stands, and where it ended. */
struct job_run {
	const struct job *job;
	char *out, *log;
	pid_t pid;
	uint64_t start;
	double seconds;
	int status;   /* its exit code, or 128 and the signal's number */
	int verdict;  /* of its results.json, an outcome; -1: there is none */
	bool finished; /* so it says */
	bool hung;    /* it had to be killed at its deadline */
	char *reason; /* that it gives; NULL: none */
};

struct job_place {
	const struct world *world;
	const char *self; /* nestlab's path */
	const char *lane, *tests;
};

/* number: of its folder. env: over the world's. 0 or -OUT_BROKEN; free it in either case. */
int job_start(const struct job_place *p, const struct job *job, unsigned int number,
	      const struct strv *env, struct job_run *r);
/* Has it ended? Waits so long for it. */
bool job_ended(struct job_run *r, unsigned int ms);
/* To its end, or this deadline, at which it is killed; then what it left behind is read. */
void job_finish(struct job_run *r, unsigned int deadline_s);
void job_free(struct job_run *r);

/*
 * Why this is a wrong end, a phrase ("pass, not fail"); NULL: it is a right one. The caller owns
 * it. A run that was harmed may break off, but must not be told as something else: neither by its
 * results nor by its exit code.
 */
char *job_wrong(const struct job_run *r);
char *job_wrong_when_harmed(const struct job_run *r);
/* "pass", "broken, exit 3", "no verdict, signal 9"; the caller owns it. */
char *job_told(const struct job_run *r);

#endif
