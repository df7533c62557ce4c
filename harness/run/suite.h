/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A run of a suite: its programs are tests as any other, and what they say is kept as a record
 * beside their output ("lines-...txt"), and compared with the unpatched kernel's.
 */
#ifndef NESTLAB_RUN_SUITE_H
#define NESTLAB_RUN_SUITE_H

#include "evidence/evidence.h"
#include "run/run.h"
#include "suite/programs.h"
#include "suite/record.h"

struct run_suite {
	struct suite_programs programs;
	struct testcase *cases; /* one for each program, in their order */
	/* of each, what the unpatched kernel's runs said; n 0: nothing to compare with */
	struct suite_record *then;
	struct suite_said *now; /* of each, what it said here */
	struct testcase alone;	/* one of them, run again; name NULL: none is */
	struct suite_said again; /* what it said then */
	char **unasked; /* of each, why it has no answer; NULL: it has, or none is wanted */
	unsigned int counts[SUITE_CHANGES]; /* of lines, beside the unpatched kernel */
	char *emulator; /* "qemu-7.2"; NULL: not known yet */
};

/*
 * Find or build its programs, and pick tests into r->tests: what TESTS= names, with or without the
 * suite's name before it; or all. 0, -OUT_USAGE (a name that is none), or as
 * suite_programs_prepare().
 */
int suite_select(struct run *r);
void suite_for_lab(const struct run *r, struct lab_suite *s);
/*
 * Ask the unpatched kernel, SUITE_RECORDS times, in the same lane, what is not known yet of it; not
 * where it is itself what is judged. When the lab is prepared. 0 or -OUT_BROKEN.
 */
int suite_prepare(struct run *r);
void suite_judge(struct run *r, const struct testcase *t, const struct strv *text,
		 const struct evidence *e, struct test_result *res);
/*
 * Does a line of it differ from the unpatched kernel's, or did one that fails differ among those?
 * Then chance is asked before anybody is blamed.
 */
bool suite_asks_again(const struct run *r, const struct testcase *t);
/*
 * Run it again, in a lab that is up and has run nothing else, and ask the unpatched kernel once
 * more; what came of both is in the test's result. Negative: the lab was lost in it.
 */
int suite_again(struct run *r, const struct testcase *t);
/* The lab was lost in it. */
void suite_lost(struct run *r, const struct testcase *t, struct test_result *res);
/* How many lines are the same, and how many are not: a note, and measures of the run. */
void suite_tell(struct run *r);
void suite_close(struct run *r);

/* -- suite_baseline.c -- */

/* Fill r->suite->then. */
int suite_baseline(struct run *r);
/* "lines-selftests-state_test.txt" in a run's folder; the caller owns it. */
char *suite_record_path(const char *dir, const struct testcase *t);
/* Ask it about this one once more, alone, and add that to what it said. 0 or -OUT_BROKEN. */
int suite_baseline_again(struct run *r, const struct testcase *t);

#endif
