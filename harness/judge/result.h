/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one result tree in memory. Checks and the lab fill it; reports read it; results.json is this
 * tree written down, and report_load() reads it back, so that every report can be made again
 * without the lab.
 *
 * All strings are owned by the tree and may be NULL where a comment says so.
 */
#ifndef NESTLAB_JUDGE_RESULT_H
#define NESTLAB_JUDGE_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/outcome.h"
#include "core/util.h"
#include "evidence/oracle.h"

/* Where a check's evidence can be seen, for programs: lines of a file in the run's folder. */
struct evidence_ref {
	char *file;		  /* "trace.txt": a plain name; NULL: no reference */
	unsigned int first, last; /* counted from 1; both 0: the whole file */
};

struct check_result {
	char *name;	      /* "pid of each vCPU", unique within its test */
	enum outcome verdict; /* PASS, FAIL, SKIP, BROKEN */
	char *expected;	      /* one line; NULL only when the verdict is SKIP */
	char *observed;	      /* one line; for SKIP: the reason */
	char *evidence;	      /* what it believes (the oracle), a sentence; may be NULL */
	struct evidence_ref ref;
	/*
	 * What the judgement stands on, and not the judgement: the program ran, its trace is whole,
	 * an oracle can be believed. When it fails the test fails, but a test in which nothing else
	 * passed has judged nothing.
	 */
	bool preparatory;
};

/* One vCPU as a test saw it: the report's table. */
struct vcpu_row {
	uint64_t vcpu_id;
	uint64_t pid;
	uint64_t num_exits;
	struct {
		char name[8];
		uint64_t value;
	} regs[20];
	size_t n_regs;
};

/* Numbers of checks, by verdict. */
struct result_summary {
	unsigned int passed, failed, skipped, broken;
};

/* A number of a test or a run that is kept for history and comparison. */
struct measure {
	char *name;   /* "cycles per exit", unique within its test or run */
	char *unit;   /* "cycles/exit", "s", "exits" */
	double value; /* finite */
};

struct test_result {
	char *name;
	char *assignment;
	enum outcome verdict;
	char *reason; /* one sentence for anything but PASS and FAIL; NULL otherwise */
	double seconds;
	/*
	 * What became of its first try, where this is its second one; NULL: there was one try. A
	 * pass is told as flaky then, wherever it is told.
	 */
	char *retried;
	struct check_result *checks;
	size_t n_checks;
	struct vcpu_row *vcpus; /* from the trace; none for most tests */
	size_t n_vcpus;
	struct measure *measures;
	size_t n_measures;
	struct strv log; /* the test program's own output, a line each (as text for people) */
	/* Nobody asked for it: it can fail a run, and makes no pass of one that judged nothing. */
	bool preparatory;
};

struct kv {
	char *key;
	char *value;
};

/* A part of a run that takes time: "host kernel", "L1", a test. */
struct stage {
	char *name;
	char *what; /* "reused": how it went */
	double seconds;
};

/* A patch that was judged. */
struct subject_patch {
	char *role;			    /* whose kernel it is a patch of: "host", "guest" */
	char *file;			    /* "caller-pid.patch" */
	char *subject;			    /* of its message; NULL: it has none */
	char *author;			    /* "Name <address>"; NULL: it tells none */
	unsigned int files, added, removed; /* files that it touches, lines */
	char *sha256;			    /* of its bytes, in hex; NULL: not known */
};

/* What a run judged: nobody should take the reference's pass for that of a change. */
struct subject {
	char *what; /* "the reference", "the unpatched kernel", "a change"; NULL: not known, nothing was judged */
	struct subject_patch *patches;
	size_t n_patches;
	char *monitor; /* a monitor's path (MONITOR=); NULL: none */
	char *hash;    /* of all of it, in hex; NULL: not known */
};

struct run_result {
	char *run_id;  /* "20261121-034219-7f3a": sorts by time */
	bool finished; /* false from the start, until the run ended by itself */
	enum outcome verdict;
	char *reason; /* what stopped the run, for BUILD_ERROR, CRASH, SKIP, BROKEN; may be NULL */
	struct subject subject;
	char *lane;
	char *lane_reason; /* why this lane */
	char *kernel;	   /* the kernel's name: "6.12" */
	char *kernel_flavor; /* the host kernel's: "debug"; NULL: the plain one */
	char *assignment;  /* names, comma-separated */
	char *started;	   /* ISO 8601, UTC */
	double seconds;
	struct result_summary summary; /* checks; filled by result_finish() */
	struct test_result *tests;
	size_t n_tests;

	struct exit_sample *boot_exits; /* L2's boot, power-on first; none when unknown */
	size_t n_boot_exits;
	uint64_t exits_per_boot; /* at READY; 0: unknown */
	double boot_seconds;

	struct strv console; /* lines of a crash: the oops as the console told it */
	struct kv *manifest; /* hashes of sources, patches, configs, images; versions of tools */
	size_t n_manifest;
	struct stage *stages; /* in the order of time: what was built and what was reused */
	size_t n_stages;
	struct measure *measures;
	size_t n_measures;
};

struct run_result *result_new(const char *run_id);
void result_free(struct run_result *r); /* NULL is fine */

/*
 * The pointers that these return are valid until the next one is added. Strings are copied.
 * A new test's verdict is SKIP until result_judge_test(): one that was never judged must not pass.
 * A check's name that its test has already gets " (2)" behind it; expected may be NULL for SKIP; a
 * verdict that no check can have is taken for BROKEN.
 */
struct test_result *result_add_test(struct run_result *r, const char *name, const char *assignment);
/* Take the test that was added last out again: it is to be run once more. */
void result_drop_test(struct run_result *r);
struct check_result *result_add_check(struct test_result *t, const char *name, enum outcome verdict,
				      const char *expected, const char *observed,
				      const char *evidence);
/*
 * Where this check can be seen (replaces). False, and nothing set: the file is no plain name (a
 * page links to it: letters, digits, dots, '-' and '_', no dot in front), or the lines are in no
 * order.
 */
bool result_set_ref(struct check_result *c, const char *file, unsigned int first,
		    unsigned int last);
/* May it stand in a result as it is? The same rule, for whoever reads one from a file. */
bool result_ref_ok(const struct evidence_ref *ref);
struct vcpu_row *result_add_vcpu(struct test_result *t, uint64_t vcpu_id);
/* False, and nothing added: the row is full, or the name is no [a-z][a-z0-9]{0,6}. */
bool result_add_reg(struct vcpu_row *row, const char *name, uint64_t value);
/* A sample that goes back in time, or has no time at all, is dropped. */
void result_add_exit_sample(struct run_result *r, double seconds, uint64_t exits);
/* NULL for what: nothing was judged. */
void result_set_subject_what(struct run_result *r, const char *what);
void result_set_subject_monitor(struct run_result *r, const char *path);
void result_set_subject_hash(struct run_result *r, const char *hash);
/* Copies it. A subject that was not told yet becomes "a change". */
void result_add_patch(struct run_result *r, const struct subject_patch *p);
void result_set_manifest(struct run_result *r, const char *key, const char *value); /* replaces */
/* What it says of this key; NULL: nothing. */
const char *result_manifest(const struct run_result *r, const char *key);
void result_add_stage(struct run_result *r, const char *name, const char *what, double seconds);
/*
 * Measures replace one of the same name. False, and nothing added or changed: the name is empty, or
 * the value is no number (NaN, infinite).
 */
bool result_add_measure(struct test_result *t, const char *name, const char *unit, double value);
bool result_add_run_measure(struct run_result *r, const char *name, const char *unit, double value);
/* The seconds of all stages of a name are a measure of the run: "stage L1". */
#define STAGE_MEASURE "stage "
/* Of a test, how often L1's emulator stopped a CPU meanwhile (run/amplifier.c). */
#define STOPS_MEASURE "stops of L1's CPUs in KVM"
/* L2's exits of each reason at READY: "boot exits 114 (cpuid)". */
#define BOOT_MEASURE "boot exits "

/*
 * A test's verdict from its checks: FAIL when one failed, else BROKEN when one broke, else PASS
 * when one passed that is not preparatory, else SKIP. Keeps what was set before, unless that was
 * PASS or SKIP: nothing gets better here, and nothing passes without a check. Fills in the reason
 * where there is none, from the checks.
 */
void result_judge_test(struct test_result *t);

/*
 * Judges the tests, counts the summary, sets the run's verdict from its tests unless one was set
 * before (anything but PASS), and its reason from the test that decided; finished = true. What the
 * tree knows of the run's times and its boot becomes measures.
 */
void result_finish(struct run_result *r);

/*
 * The tests' verdict together: crash and build errors first, then fail, broken, pass (of one that
 * is not preparatory); everything skipped: skip; no test at all: skip.
 */
enum outcome result_tests_verdict(const struct run_result *r);

/*
 * What every report says: the run's verdict; of a run that was not finished, BROKEN unless it was
 * INTERRUPTED or something worse is known. Such a run never reads as a pass.
 */
enum outcome result_verdict(const struct run_result *r);
struct result_summary result_count(const struct run_result *r);
/* The test with this name, or NULL. */
struct test_result *result_find_test(const struct run_result *r, const char *name);
/* The check with this name, or NULL. */
struct check_result *result_find_check(const struct test_result *t, const char *name);

#endif
