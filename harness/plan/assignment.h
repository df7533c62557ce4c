/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An assignment as data: config/assignments/NAME.conf. Numbers, the leaf map, the trace contract
 * and the tests with their weights. A new assignment is a new file there and a folder in
 * testcases/.
 */
#ifndef NESTLAB_PLAN_ASSIGNMENT_H
#define NESTLAB_PLAN_ASSIGNMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/hash.h"
#include "core/util.h"
#include "evidence/trace.h"

/* What a CPUID leaf of the change can answer. */
enum leaf_role {
	LEAF_TOTAL_EXITS,  /* eax */
	LEAF_TOTAL_CYCLES, /* ebx:ecx, high and low half */
	LEAF_TYPE_EXITS,   /* eax, of the exit reason in ecx */
	LEAF_TYPE_CYCLES,  /* ebx:ecx, of the exit reason in ecx */
	LEAF_ROLES
};
extern const char *const leaf_role_names[LEAF_ROLES]; /* "total_exits", ... */

struct assignment_test {
	char *name;	 /* of a testcase: "vcpu-info/syscall" */
	uint64_t weight; /* of the grade; 0: only shown */
};

/* How a monitor (assignment kvm-api) is used; monitor/monitor.h explains each. */
enum monitor_mode { MODE_REAL, MODE_PROTECTED, MODE_PAGED, MODE_LONG, MONITOR_MODES };

struct monitor_interface {
	struct strv options, ports, texts;	 /* "name=value" */
	struct strv mode_ports[MONITOR_MODES]; /* in place of those of ports, for one mode */
	uint32_t memory;	    /* bytes; 0: not named */
	char *wrong, *invalid, *promises; /* words, with blanks between them; NULL: not named */
};

/* How points are made of a test's checks. */
enum partial_credit {
	PARTIAL_CHECKS, /* each check that passes brings its part */
	PARTIAL_NONE	/* a test brings all or nothing */
};

/* [rubric] as the file has it: grade/rubric.h reads the items. Numbers are points of 100. */
struct rubric_text {
	uint32_t build_error;	  /* for a change that does not build, by its own fault */
	uint32_t crash_at_most;	  /* where a kernel crashed */
	uint32_t late_per_day;	  /* taken away for each day */
	uint32_t late_at_most;	  /* and no more than that */
	char *partial;		  /* "checks", "none"; NULL: checks */
	char *fastpath;		  /* "counts", "left out"; NULL: a person says */
	struct strv checks;	  /* "TEST=WEIGHT CHECK" */
	struct strv caps;	  /* "TEST=POINTS": at most, where that test failed */
	struct strv needs;	  /* "TEST=PARENT": it brings nothing where that brought nothing */
	struct strv bonus;	  /* "TEST=POINTS": on top, where all of it passed */
	struct strv visibility;	  /* "TEST=visible", "hidden", "after_due_date" */
};

struct assignment {
	char *name; /* "vcpu-info": the file's name without .conf */
	char *path; /* the file */
	char *title;
	char *summary;
	char *lane;	  /* that its tests want; NULL: none */
	char *variant_of; /* the assignment whose tests run with these numbers; NULL: none */
	uint32_t hypercall; /* 0: the assignment has none; the same for the others */
	uint32_t syscall;
	uint32_t leaf[LEAF_ROLES];
	struct strv free_leaves; /* may answer or not: other assignments' */
	struct strv eax_alone;	 /* leaves of exits whose other three registers mean nothing */
	struct trace_spelling spelling;
	struct trace_contract *trace;  /* compiled from spelling; NULL when that has no pattern */
	struct assignment_test *tests; /* in the file's order */
	size_t n_tests;

	struct monitor_interface interface;
	struct rubric_text rubric;

	struct strv test_items; /* as the file has them: "NAME=WEIGHT" */
};

/*
 * name: of a file in config/assignments/, or a path to a .conf file. 0 or -OUT_USAGE (a sentence
 * with file and line). On success the caller frees it with assignment_free().
 */
int assignment_load(const char *name, struct assignment **a);
void assignment_free(struct assignment *a);
/*
 * Add what this file asks: all of it but comments and how points are made. One that can't be read
 * adds its name.
 */
void assignment_hash(const char *name, struct hash *h);

/* Is it this one, or a variant of it? */
bool assignment_is(const struct assignment *a, const char *name);
/* Is a program handed in, and no change of a kernel? */
bool assignment_wants_monitor(const struct assignment *a);
bool assignment_lists(const struct assignment *a, const char *test); /* in its [tests] */
bool assignment_has_leaf(const struct assignment *a, uint32_t leaf); /* some role is there */
bool assignment_frees_leaf(const struct assignment *a, uint32_t leaf);
#define ASSIGNMENT_EAX_ALONE "the assignment says that this leaf's answer is eax alone"
/* Is the leaf of this role answered in eax alone, and the rest not looked at? */
bool assignment_wants_eax_alone(const struct assignment *a, enum leaf_role role);

/*
 * What a test program of this assignment finds in its environment: NESTLAB=1 (print
 * observations), and the assignment's numbers (NESTLAB_SYSCALL, NESTLAB_HYPERCALL,
 * NESTLAB_LEAF_TOTAL_EXITS, ...). a may be NULL.
 */
void assignment_env(const struct assignment *a, struct strv *env);

#endif
