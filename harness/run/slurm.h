/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A pool's jobs by Slurm, in place of pool_run(): job arrays, one job a task. The nodes share with
 * this machine the jobs' folders, the cache and the program, by the same paths.
 *
 * Each array is watched by squeue until its tasks have ended; no accounting is needed. Whom Slurm
 * ended (scancel, a limit, a failed node) has job->lost.
 */
#ifndef NESTLAB_RUN_SLURM_H
#define NESTLAB_RUN_SLURM_H

#include "run/array.h"

struct slurm {
	char *dir; /* of scripts, messages, and of the file that names the running array */
	int lock;  /* that file; -1: none */
	struct task_needs needs;
};

/* 0, or -OUT_BROKEN: nothing can be submitted from this machine. */
int slurm_find(void);
/*
 * Make dir ours. An array that a killed one left there is ended first, and of its jobs (by their
 * folders) those keep their results.json that were judged. 0, -OUT_BUSY: another nestlab has it,
 * -OUT_BROKEN, -OUT_INTERRUPTED. slurm_leave() it in each case.
 */
int slurm_enter(struct slurm *s, const char *dir, const struct strv *jobs);
/* Was there ever an array of dir? */
bool slurm_was_in(const char *dir);
/*
 * Run them all, at_once at a time, and call done() for each. One signal from outside cancels all.
 * may_take() is not asked. 0, -OUT_INTERRUPTED, -OUT_BROKEN.
 */
int slurm_run(struct slurm *s, struct pool *p, unsigned int at_once);
void slurm_leave(struct slurm *s);

#endif
