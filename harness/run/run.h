/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One run: tests picked, the lab brought up, each test executed and judged, everything written to results/<run-id>/.
 */
#ifndef NESTLAB_RUN_RUN_H
#define NESTLAB_RUN_RUN_H

#include "judge/assignment.h"
#include "judge/observation.h"
#include "judge/result.h"
#include "judge/testcase.h"
#include "lab/lab.h"

struct tracer;

/* What the parts of a run share. */
struct run {
	struct lab *lab;
	struct run_result *result;
	char *dir; /* results/<run-id> */
	const struct testcase **tests;
	size_t n_tests;
	struct assignment **assignments; /* loaded once each */
	size_t n_assignments;
	struct tracer *tracer;
	uint32_t
		retries; /* still to be had: the lane's, used up by levels that were lost without a word */
	char *why; /* the sentence of what ended the tests early; NULL: nothing did */
};

/* `make test`, whole. Returns an exit code, or a negative outcome when not even a result could be begun. */
int run_all(void);

/* Has the lane the level that it runs in? */
bool run_can(const struct run *r, const struct testcase *t);

/* -- rundir.c: the folder of a run -- */

/* Make results/<run-id>/ with a results.json that says "not finished", so that a killed run never reads as a pass. */
int rundir_make(struct run *r);
/* `latest` points to it; the oldest folders beyond keep go. */
void rundir_publish(const struct run *r, uint32_t keep);

/* -- select.c: which tests -- */

/* Into r->tests: all that need not be asked for, or what the patterns name. -OUT_USAGE for one that names nothing. */
int select_tests(struct run *r, const struct strv *patterns);
const struct assignment *run_assignment(const struct run *r, const char *name);

/* -- tracer.c: L1's ftrace, streamed -- */

int tracer_start(struct run *r);
void tracer_stop(struct run *r);
/* Cut the stream for a test: begin writes a marker; end writes one and waits for it, then hands over the records. */
int tracer_begin(struct run *r, const struct testcase *t, const struct assignment *a);
int tracer_end(struct run *r, struct trace_records *records);

/* -- oracles.c -- */

/* L1's QEMU and KVM about L2's vCPUs, with L1's clock before (after: behind) the reading. */
int oracles_read(struct lab *lab, bool after, struct oracle *o);

/* -- execute.c -- */

/*
 * Run one test's program and judge it into the result. A negative outcome ends the run (crash, broken); a failing test is not one.
 */
int execute_test(struct run *r, const struct testcase *t);
/* Only run its program in the level; its output goes to out. status.done is false when it had to be killed. */
int execute_program(struct lab *lab, const struct testcase *t, const struct assignment *a,
		    struct output *out, struct channel_status *status);

/* -- baseline.c -- */

/*
 * For each picked test that wants one: its program's output on the unpatched kernel, from the cache or by booting it. Call before the lab
 * is up: both use the same domains.
 */
int baseline_prepare(struct run *r);
/* Read it back; n is 0 when there is none. */
int baseline_read(struct run *r, const struct testcase *t, struct observations *o);

/* -- manifest.c -- */
void manifest_fill(struct run *r);

#endif
