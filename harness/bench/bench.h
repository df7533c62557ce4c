/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Benchmarks: whole commands, timed by hyperfine; what plain tools need for the same (floors),
 * timed in the same way; and what only the lab itself can tell. Each registers itself; no other
 * list names them. Nothing here is run by `make check`: how long a thing took is no verdict.
 */
#ifndef NESTLAB_BENCH_BENCH_H
#define NESTLAB_BENCH_BENCH_H

#include <stdbool.h>

#include "bench/figures.h"

#define CALLS_LOG "calls.log" /* in its folder: what bench_call() has called */

struct bench;

/* One call of `nestlab bench`. */
struct bench_run {
	struct figures figures;
	char *dir;	 /* absolute: bench.json, the commands' results and logs, patches */
	char *outside;	 /* a folder out of the checkout, for patches of strangers */
	char *inside;	 /* one in it, for its own */
	char *self;	 /* this program */
	const char *place; /* PLACE=, for the labs */
	unsigned int values; /* to measure of each */
	unsigned int numbers; /* given to patches so far: each is another one, of all times */
};

struct bench {
	const char *name;    /* as on the command line, and its figure's name: "one-test" */
	const char *what;    /* one line for people */
	const char *floor;   /* the bench whose figure it can't get below; NULL: none */
	bool on_request;     /* runs only when it is named */
	unsigned int at_most; /* values, where one takes minutes; 0: as many as asked for */
	/* Adds its figures. 0 or a negative outcome. */
	int (*run)(struct bench_run *r, const struct bench *b);
	/* For run(): what follows "nestlab"; before each value, not timed; and at the end. Or NULL. */
	const char *command, *prepare, *cleanup;
};

struct bench_list {
	const struct bench *v;
	size_t n;
};
#define BENCHES(array)                                                                             \
	static const struct bench_list array##_list = { array, ARRAY_SIZE(array) };                \
	static const struct bench_list *const array##_entry                                        \
		__attribute__((used, section("nestlab_benches"))) = &array##_list

/* Calls look() for each of all, until it returns another value than 0; that, or 0. */
int bench_each(int (*look)(void *ctx, const struct bench *b), void *ctx);

/*
 * Run those that are named (none: all that need not be), with their floors, in their order, and
 * write DIR/bench.json after each, so that what is killed loses one. r: its dir, place, values are
 * set. 0; -OUT_USAGE: there is none of that name; or what went wrong.
 */
int bench_run(struct bench_run *r, const struct strv *names);
void bench_run_free(struct bench_run *r);

/* ---- for benches ---- */

/* How many values this one takes. */
unsigned int bench_values(const struct bench_run *r, const struct bench *b);
/* The figure of a bench that has one, in seconds, with its floor. */
int bench_add_seconds(struct bench_run *r, const struct bench *b, const struct samples *s);
/*
 * A figure of a bench that has several: "NAME: PART". 0 or -OUT_BROKEN: a value is none.
 */
int bench_add_part(struct bench_run *r, const struct bench *b, const char *part, const char *unit,
		   const struct samples *s);
/*
 * "nestlab WORDS", with this run's place, a results folder (bench_results()) and no line in the
 * history, where the verb has those. The caller owns it.
 */
char *bench_command(const struct bench_run *r, const char *words);
char *bench_results(const struct bench_run *r);
/* Such a command, run to its end; its last lines are told where it does not pass. */
int bench_call(struct bench_run *r, const char *words, unsigned int deadline_s);

#endif
