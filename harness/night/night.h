/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A night: many plans and some mutants, run by the pool within one budget of time, to one page and
 * one exit code. It goes on where it was killed: what has a result of the same plan is not judged
 * again.
 */
#ifndef NESTLAB_NIGHT_NIGHT_H
#define NESTLAB_NIGHT_NIGHT_H

#include "judge/result.h"
#include "mutants/mutants.h"
#include "plan/plan.h"

/* ---- conf.c: config/nightly.conf, which explains itself ---- */

struct night_conf {
	uint32_t budget_minutes;
	uint32_t deadline_minutes; /* of one plan, with its builds */
	uint32_t jobs;		   /* 0: as JOBS= */
	uint32_t mutants;
	/* a lane that must work here, and that plans take which name none; NULL: any */
	char *needs;
	char *on_change;   /* NULL: nobody is told */
	struct strv plans; /* "NAME=SETTING=VALUE|VALUE ..." */
};

/* 0 or -OUT_USAGE. Free it in either case. */
int night_conf_load(const char *path, struct night_conf *c);
void night_conf_free(struct night_conf *c);

/* One plan of a line: "cpus L2_CPUS=4", and its settings. */
struct night_item {
	char *name;
	struct strv knobs, values;
};
struct night_items {
	struct night_item *v;
	size_t n;
};
/*
 * All alternatives of all lines. 0 or -OUT_USAGE: a setting that is none of a plan, or a name
 * twice.
 */
int night_items_make(const struct night_conf *c, struct night_items *items);
void night_items_free(struct night_items *items);

/* ---- part.c: what is run, and what became of it ---- */

struct night_part {
	char *name; /* also the check's, of a mutant */
	char *dir;
	struct mutant *mutant;	   /* NULL: it is a plan */
	struct run_result *result; /* NULL: it was not judged */
	enum outcome verdict;
	char *reason; /* why it was not judged */
	bool over;    /* it was run, or will not be */
};

/*
 * Into the night's result: a test for each plan, with a check for each of its tests; one test for
 * all mutants.
 */
void night_part_tell(const struct night_part *p, struct run_result *night);
void night_mutants_tell(const struct night_part *v, size_t n, struct run_result *night);

/* ---- night.c ---- */

enum night_start {
	NIGHT_AS_NEEDED, /* go on with one that was killed, or begin a new one */
	NIGHT_NEW,
	NIGHT_GO_ON, /* where there is none to go on with, that is all: 0 */
};
/* path: its .conf. Returns an exit code or a negative outcome. */
int night_run(const char *path, enum night_start how);

#endif
