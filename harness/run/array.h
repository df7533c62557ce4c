/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A pool's jobs as a Slurm job array, as far as it is text: the batch script, and what sbatch,
 * squeue and the tasks say. Pure. A task's index is its job's place in the array, from 1 on.
 */
#ifndef NESTLAB_RUN_ARRAY_H
#define NESTLAB_RUN_ARRAY_H

#include "run/pool.h"

#define ARRAY_MAX 1000 /* tasks: Slurm's MaxArraySize where nobody sets it, less its index 0 */
/*
 * In a job's folder from its submission until its result was taken. Empty at first; a task that
 * came to its end writes "INDEX STATUS" into it.
 */
#define TASK_FILE "slurm.task"

struct task_needs {
	unsigned int cpus, memory_mb, minutes;
};

/* Of n jobs, at least one. nestlab: the program, by a path that each node has. */
void array_script(struct buf *b, const struct pool *p, const struct pool_job *jobs, size_t n,
		  const char *nestlab, const struct task_needs *needs);
/* From what `sbatch --parsable` prints; false: it has no job's number. */
bool array_id(const char *text, uint64_t *id);

enum task_is {
	TASK_UNKNOWN, /* Slurm does not know it: not yet, or no more */
	TASK_ACTIVE,  /* it waits, runs, or is just ending */
	TASK_COMPLETED,
	TASK_ENDED, /* cancelled, out of time or memory, its node failed: not by itself */
};

struct task_state {
	enum task_is is;
	char word[24]; /* Slurm's: "TIMEOUT" */
};

/*
 * Of squeue's lines "ID INDEX STATE", those of the array `id`: states[index - 1]. Whom no line
 * names is TASK_UNKNOWN; a word that we don't know is TASK_ACTIVE.
 */
void array_states(const char *lines, uint64_t id, struct task_state *states, size_t n);

/* Of TASK_FILE: -1: the task has not come to its end. */
struct task_said {
	uint64_t index; /* 0: it says nothing */
	int status;
};
struct task_said task_said(const char *text);

enum task_verdict {
	TASK_GOES_ON,
	TASK_SILENT, /* it is over, and what it says is not here: not yet, perhaps */
	TASK_JUDGED, /* its exit code counts */
	TASK_LOST,   /* it was ended from outside: nothing that it left counts */
};

/*
 * Whose end nobody has seen may have had its machines killed by Slurm, for their memory: a crash of
 * such a one is none.
 */
enum task_verdict task_verdict(const struct task_state *state, int status);

#endif
