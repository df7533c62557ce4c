/* SPDX-License-Identifier: GPL-2.0-only */
/* hyperfine, which times whole commands. */
#ifndef NESTLAB_BENCH_HYPERFINE_H
#define NESTLAB_BENCH_HYPERFINE_H

#include <stdbool.h>

#include "bench/bench.h"
#include "bench/figures.h"

struct timed {
	const char *what;    /* for messages */
	const char *command; /* a shell's; "{n}" is the first, first + 1, ... where first is not 0 */
	const char *prepare; /* the same, before each and not timed; NULL: nothing */
	const char *cleanup; /* the same, once after all */
	const char *json, *log; /* files to write: its results, and what the commands said */
	unsigned int values;
	unsigned int warm;   /* runs before, not counted */
	unsigned int first;
	unsigned int deadline_s; /* of all */
	bool any_end;	     /* a status other than 0 is no error */
};

/* 0 or -OUT_BROKEN: hyperfine is missing, or a command failed. Adds the values in seconds. */
int hyperfine_run(const struct timed *t, struct samples *s);
/*
 * A benchmark that is one: its command and how it is called stand in t, the rest is filled in. Its
 * figure is added. value_s: of one run at most.
 */
int hyperfine_bench(struct bench_run *r, const struct bench *b, struct timed *t,
		    unsigned int value_s);

#endif
