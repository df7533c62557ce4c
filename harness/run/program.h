/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A test's program in a lab's level: put there, given its arguments and what it finds in its
 * environment, run to its end or its deadline. The same for the kernel under test and for the
 * unpatched one, or the two could not be compared.
 */
#ifndef NESTLAB_RUN_PROGRAM_H
#define NESTLAB_RUN_PROGRAM_H

#include "run/run.h"

/* Bytes that are kept of one: a garbled one can go on for ever. */
#define PROGRAM_OUTPUT_MAX (16U << 20)

struct program {
	struct run *run;
	const struct testcase *test;
	void (*on_output)(void *ctx, enum channel_stream s, uint64_t level_ns, const void *data,
			  size_t len);
	void *ctx;
};

/* Where it was built; the caller owns it. */
char *program_path(const struct testcase *t);
struct level *program_level(struct lab *lab, const struct testcase *t);

/*
 * What it finds in its environment. monitor_at: where its level has the monitor; not looked at
 * where the test wants none.
 */
void program_env(const struct run *r, const struct testcase *t, const char *monitor_at,
		 struct strv *env);

/*
 * 0: status tells how it ended; status->done is false when it was killed at its deadline in a level
 * that still answers. Or a negative outcome: see program_explain().
 */
int program_run(const struct program *p, struct channel_status *status);

/*
 * When all that belongs to it was done: an oops that it ended with, or that its deadline came just
 * behind, is waited for until it is told whole. 0 or -OUT_CRASH. (It was the next test's crash, and
 * this one's wrong answers.)
 */
int program_settle(struct lab *lab);

/*
 * For a failed call on the level: -OUT_BROKEN becomes -OUT_CRASH where the level, or its carrier,
 * has ended or does not answer any more.
 */
int program_explain(struct level *l, int ret);

#endif
