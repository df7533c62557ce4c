/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A testcase is declared, not programmed: its guest half (a C program for L2 or L1) and its
 * judge's half stand in one file of testcases/, compiled twice. The guest half is built with
 * -DNESTLAB_GUEST (see testcases/guest.h); the judge's half declares one struct testcase with
 * TESTCASE(), which registers it: there is no central list.
 *
 * The judge's half is pure: it reads struct evidence and adds checks to the result. It starts
 * nothing.
 */
#ifndef NESTLAB_JUDGE_TESTCASE_H
#define NESTLAB_JUDGE_TESTCASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "evidence/evidence.h"
#include "judge/result.h"

/* On which host L2 runs. Those from HOST_SCRIPTED on judge the guest's kernel alone. */
enum test_host {
	HOST_UNDER_TEST,
	/* The same, without an L2: nobody uses its KVM, and a program may unload it. */
	HOST_UNUSED,
	/*
	 * Upstream's, with a hypercall that answers as the test's program says (by CPUID:
	 * testcases/vcpu-info/script.h). L2 has SCRIPTED_CPUS vCPUs, and their ids a hole.
	 */
	HOST_SCRIPTED,
	HOST_NO_KVM, /* the same; but CPUID names no KVM, and the hypercall's instruction is #UD */
	TEST_HOSTS,
};

struct testcase {
	const char *name;	 /* "vcpu-info/syscall"; unique */
	const char *assignment;	 /* "vcpu-info"; NULL: of none (the lab's own faults) */
	const char *summary;	 /* one line for `nestlab tests` */
	const char *program;	 /* the guest half's name: build/guest/PROGRAM */
	const char *const *args; /* NULL-terminated, may be NULL */
	unsigned int level;	 /* where the program runs: 1 or 2 */
	unsigned int timeout_s;
	enum test_host host;
	bool on_request;     /* runs only when TESTS= names it (faults that are meant to fail) */
	bool quiet;	     /* L2's vCPUs stand still meanwhile: for counts that must be exact */
	/*
	 * It looks for what vCPUs of a micro guest do to each other, and asks no oracle outside its
	 * own program but the trace: so it can be tried under schedules (run/schedules.c).
	 */
	bool races;
	/*
	 * Its vCPUs change the same numbers at the same time, and no check of it is about time: so
	 * it can be run on a second build, slow by what reports data races (run/races.c).
	 */
	bool data_races;
	bool wants_trace;    /* cut L1's ftrace for it */
	bool wants_monitor;  /* build MONITOR= and put it into the level (monitor/monitor.h) */
	/*
	 * of this suite: program is a command for L1's shell in the suite's disk, and what it says
	 * is judged line by line (suite_checks.h); NULL: one of the lab's own
	 */
	const char *suite;
	const char *without; /* why it is never run; NULL: it is */
	bool wants_baseline; /* run it on the unpatched kernel too (cached), for comparison */
	/*
	 * The checks that judge() makes, NULL-terminated. Every run of the test has all of them,
	 * whatever lane, selection and evidence it has: one that could not be asked is skipped,
	 * with the reason. (Checks that came and went with the other tests of a run made two runs
	 * of one change look different.) judge() may add more only where they fail or broke.
	 */
	const char *const *checks;
	void (*judge)(const struct evidence *e, struct test_result *t);
};

#define TESTCASE(var)                                                                              \
	static const struct testcase *const var##_entry                                            \
		__attribute__((used, section("nestlab_testcases"))) = &(var)

/* All registered ones, ordered by name. The array is static. */
const struct testcase *const *testcases_all(size_t *n);

/* Whose test it is, for reports: its suite, its assignment, or "lab". */
const char *testcase_group(const struct testcase *t);

/* The one with this name, or NULL. */
const struct testcase *testcase_find(const char *name);

/* Is a check of this name one of its own (checks)? */
bool testcase_has_check(const struct testcase *t, const char *check);

/*
 * A test's file in the run's folder: "output-vcpu-info-syscall.txt" for kind "output" (all that its
 * program printed), "vmruns-..." (what the emulator counted). The caller owns it.
 */
char *testcase_file(const char *kind, const char *test);

#endif
