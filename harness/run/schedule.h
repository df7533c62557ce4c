/* SPDX-License-Identifier: GPL-2.0-only */
/* A test under one schedule of L1's CPUs (lab/closed.h), judged by itself. */
#ifndef NESTLAB_RUN_SCHEDULE_H
#define NESTLAB_RUN_SCHEDULE_H

#include "lab/closed.h"
#include "run/run.h"

struct schedule {
	struct run *run;
	const struct testcase *test;
	struct lab_try try;
	struct output out;
	struct trace_stream *trace;
	struct buf text, trace_text; /* as they came */
	struct run_result *judged;   /* of its own: one test */
	bool over;
	enum outcome verdict; /* when it is over */
	char *why; /* what L1 was lost by, a sentence; NULL: it was not */
};

/* One that can't be started is over at once. */
struct schedule *schedule_start(struct run *r, struct lab_closed *closed, const struct testcase *t,
				uint32_t seed);
bool schedule_step(struct schedule *d); /* is it over? */
/*
 * What it says of the test, whose checks stay the same ones: each that failed has failed there, and
 * says with which seed. Nothing, where it holds.
 */
void schedule_tell(const struct schedule *d, struct test_result *t);
void schedule_free(struct schedule *d, bool keep); /* keep: its record */

#endif
