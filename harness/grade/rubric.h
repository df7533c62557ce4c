/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How points are made of what was judged: [tests] and [rubric] of an assignment. What could not be
 * asked is no loss.
 */
#ifndef NESTLAB_GRADE_RUBRIC_H
#define NESTLAB_GRADE_RUBRIC_H

#include <stdbool.h>

#include "plan/assignment.h"
#include "judge/result.h"

#define GRADE_MAX 100.0 /* points, before a bonus */

enum visibility { VISIBLE, HIDDEN, AFTER_DUE_DATE };
extern const char *const visibility_names[]; /* as Gradescope has them */

/* Exits that KVM's fastpath handles, which who counts in vmx_handle_exit() does not see. */
enum fastpath {
	FASTPATH_PERSON, /* of another age: a person says whether they are asked for */
	FASTPATH_COUNTS,
	FASTPATH_LEFT_OUT,
};

struct rubric_test {
	const char *name; /* the assignment's */
	double weight;	  /* of all tests' */
	double cap;	  /* points at most, where it failed; more than there are: no cap */
	double bonus;	  /* points on top */
	size_t parent;	  /* of the tests; its own place: none */
	enum visibility visibility;
};

struct rubric_check {
	const struct rubric_test *test;
	const char *name;
	double weight; /* of its test's checks, each of which has 1 where nothing else is said */
};

struct rubric {
	const struct assignment *assignment; /* borrowed */
	struct rubric_test *tests;
	size_t n_tests;
	struct rubric_check *checks;
	size_t n_checks;
	bool all_or_nothing;
	enum fastpath fastpath;
	struct strv warnings; /* a test that is in no rubric; a line that names none */
};

/*
 * 0, or -OUT_USAGE with a sentence that names the file and the line's words. The rubric borrows
 * from the assignment. Free it in either case.
 */
int rubric_make(const struct assignment *a, struct rubric *r);
void rubric_free(struct rubric *r);

/* The rubric's line for that test; NULL: it has none. */
const struct rubric_test *rubric_find(const struct rubric *r, const char *test);
/*
 * What a test brought of its weight, 0 to 1. False: it was not judged, and counts for nothing. The
 * tests that it needs are left out of account.
 */
bool rubric_share(const struct rubric *r, const struct test_result *t, double *share);
/* Points of all tests, with caps and bonus; days: late. */
double rubric_points(const struct rubric *r, const struct run_result *result, double days);
/* Points without any test: of a change that does not build. */
double rubric_build_error(const struct rubric *r, double days);

#endif
