/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The folder of a run. It is there from the run's first moment, with a results.json that says "not
 * finished": a run that is killed, or never gets to judge, can't be taken for the one before it.
 * results/latest points to the newest.
 */
#ifndef NESTLAB_RUN_RUNDIR_H
#define NESTLAB_RUN_RUNDIR_H

#include <time.h>

#include "history/history.h"
#include "judge/result.h"
#include "plan/knobs.h"

/*
 * "20261121-034219-7f3a": sorts by time; the pid keeps two runs of one second apart. The caller
 * owns it.
 */
char *rundir_id(time_t now);

struct rundir {
	char *dir; /* absolute */
	struct run_result *result; /* begun: its id, when it started, by which nestlab */
	struct history_mark mark;  /* of its line in the history */
};

/*
 * k: OUT= and LABEL=. 0, -OUT_USAGE: OUT is a folder with something else in it; -OUT_BROKEN. Free
 * it in either case.
 */
int rundir_make(const struct knobs *k, struct rundir *d);
void rundir_free(struct rundir *d);

/* The link results/NAME points to this one; results/latest does. */
void rundir_point(const char *dir, const char *name);
void rundir_point_latest(const char *dir);

/* result_finish(); one that was stopped by a signal (ret says so) stays, and is not finished. */
void rundir_finish(struct rundir *d, int ret);
/*
 * The last line, for scripts: behind make the exit code is always 2. Returns the exit code.
 *
 *	nestlab: verdict=fail exit=1 results=/home/me/nestlab/results/20261121-034219-7f3a
 */
int rundir_tell(const struct rundir *d);
/*
 * Of a call that is a list of runs (mutants, paging), whose tests those are: its verdict is theirs,
 * or ret, told with its sentence. Writes all reports. Returns the exit code or a negative outcome.
 */
int rundir_end(struct rundir *d, int ret);

/*
 * What is older than KEEP_DAYS, and the oldest of what is more than KEEP_MB, goes from results/:
 * but nothing with a label, and nothing that was written to within the hour (its run may not be
 * over). What goes is told.
 */
void rundir_prune(const struct knobs *k);

/* For tests: the same for another folder and time; gone: their names. */
void rundir_prune_in(const char *root, const struct knobs *k, time_t now, struct strv *gone);

/*
 * The folder of a run as people name it: a folder, a file in it, or a name in path_results()
 * ("latest"). The caller owns it; it need not be there.
 */
char *rundir_find(const char *name);

#endif
