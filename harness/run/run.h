/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One run: tests picked, the lab brought up, each test executed and judged, everything written to
 * results/<run-id>/.
 */
#ifndef NESTLAB_RUN_RUN_H
#define NESTLAB_RUN_RUN_H

#include "evidence/observation.h"
#include "plan/assignment.h"
#include "judge/result.h"
#include "judge/testcase.h"
#include "lab/lab.h"
#include "monitor/monitor.h"
#include "run/rundir.h"

struct observers;
struct run_suite;

/* What was put into a lab's levels for the tests' programs: not again while the lab lives. */
struct placed {
	const char *program; /* the last one; NULL: none */
	unsigned int level;  /* that has it */
	char *monitor;	     /* where its level has it; NULL: not yet */
};
void placed_forget(struct placed *p); /* program.c: of a lab that is gone */

/* What the parts of a run share. */
struct run {
	const struct plan *plan;
	struct lab *lab; /* of the test that runs */
	enum test_host host; /* of that lab */
	struct lab *hosts[TEST_HOSTS]; /* hosts.c: by a test's host; NULL: no test has it */
	char *no_host; /* why there is none for tests that want another one; NULL: there is */
	char *no_l2; /* why none comes up under the change; NULL: it did, or nobody needs one */
	struct run_result *result;
	char *dir; /* of the results, absolute */
	const struct testcase **tests;
	size_t n_tests;
	struct assignment **assignments; /* loaded once each */
	size_t n_assignments;
	const struct assignment *asked; /* ASSIGNMENT='s, one of them; NULL: no one was */
	struct reason_table reasons; /* that the host kernel under test handles */
	struct monitor monitor; /* for the tests that want one; path NULL: none does */
	struct placed placed;
	struct observers *observers; /* observer.c: who watches, and their states */
	uint32_t
		/* still to be had: the lane's, used up by levels that were lost without a word */
		retries;
	struct run_suite *suite; /* suite.h: SUITE='s, with its tests; NULL: the lab's own */
	char *why; /* the sentence of what ended the tests early; NULL: nothing did */
};

/*
 * A run is a function: a plan goes in, a folder comes out. Its results are in dir, which
 * rundir_make() gave, whatever happens; also on the terminal, with rundir_tell()'s last line.
 *
 * asked: what making the plan said; where it is negative, that is the verdict and plan is not
 * looked at. Returns the exit code.
 */
int run_plan(const struct plan *plan, int asked, struct rundir *dir);

/*
 * The same, with the plan made of the command line's knobs, or of a plan.json (and then only where
 * it runs and what becomes of its results).
 */
int run_as_asked(const char *plan_file);

/* Who is judged: each patch of both changes, the monitor; or what is where there is no change. */
void run_describe_subject(struct run_result *res, const struct plan *p);

/* -- select.c: which tests -- */

/*
 * Into r->tests: what the patterns name (-OUT_USAGE for one that names nothing); without patterns
 * those of the assignment (NULL: of all) that need not be asked for, of this level alone where it
 * is not 0. The assignment's numbers are used for the tests that it lists, whosever they are, and
 * in place of those of the one that it is a variant of.
 */
int select_tests(struct run *r, const struct strv *patterns, const char *assignment,
		 unsigned int level);
/* Does it run in the L2 of the host under test? */
bool select_is_of_l2(const struct testcase *t);
/* Does one of them? Then only is L2 booted. */
bool select_needs_l2(const struct run *r);
/* Does one of them run in the L1 under test? */
bool select_needs_l1_alone(const struct run *r);
/* Whose numbers a test is run and judged with; NULL: it needs none. */
const struct assignment *run_assignment(const struct run *r, const struct testcase *t);

/* -- tests.c -- */

/*
 * All picked tests, with a lab that is up. What a test did to the lab is told in its own result,
 * and the lab is up again for the next one; after some losses, or when it does not come up any
 * more, the rest is told as skipped. 0; -OUT_INTERRUPTED, or what kept the first test from
 * beginning.
 */
int execute_tests(struct run *r);

/* -- schedules.c -- */

/*
 * Where L1's CPUs take turns: each test that looks for races and passed is tried under SEEDS=
 * schedules more (or under SEED='s), and its verdict is that of the worst. The lab's levels are
 * down then.
 */
void schedules_explore(struct run *r);
/* -OUT_USAGE: SEED= is given, and no picked test looks for races. */
int schedules_check(const struct run *r);

/* -- races.c -- */

/*
 * Of a change, as RACES= says: each test of data_races that came to its end is run on a second
 * build, which reports data races (the lane's `races`), and has a check more. By a run of its own,
 * in a place of its own; the lab's levels are down then.
 */
void races_look(struct run *r);

/* -- hosts.c: labs with another host than the one under test, one up at a time -- */

/* Those that the picked tests want, with the lab's own as the first; before it is up. */
int hosts_prepare(struct run *r);
/* From now on r->lab is this one; what was up is down, and nothing is up. */
void hosts_switch(struct run *r, enum test_host h);
/* Without an L2 from now on, until the lab is brought up again: HOST_UNUSED. */
void hosts_unuse(struct run *r);
/* Bring up what was switched to. Its consoles' logs are in a folder of its own. */
int hosts_up(struct run *r);
/* "l2-console.log" of r->lab, relative to the run's folder; the caller owns it. */
char *hosts_log(const struct run *r, unsigned int level);
/* " on the scripted host", for names of what every lab has; "" for the host under test. */
const char *hosts_mark(const struct run *r);
/* lab_check_parts() of each lab that the run had. */
int hosts_check_parts(const struct run *r);
void hosts_close(struct run *r);

/* -- execute.c -- */

/*
 * Run one test's program and judge it into the result. A negative outcome ends the run (crash,
 * broken); a failing test is not one.
 */
int execute_test(struct run *r, const struct testcase *t);

/* -- baseline.c -- */

/*
 * For each picked test that wants one: its program's output on the unpatched kernel, from the cache
 * or by a run of its own, in a place of its own. Call it when the lab is prepared. What goes wrong
 * there is never told as a fault of the change: -OUT_BROKEN, "the unpatched kernel's baseline: ...".
 */
int baseline_prepare(struct run *r);
/* The same with that kernel's plan, and the name of its lab, at hand. */
int baseline_take(struct run *r, const struct plan *plan, const char *lab_key);
/* Read it back; n is 0 when there is none. */
int baseline_read(struct run *r, const struct testcase *t, struct observations *o);

/* -- manifest.c -- */
void manifest_fill(struct run *r);

#endif
