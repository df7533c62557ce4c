// SPDX-License-Identifier: GPL-2.0-only
/*
 * One submission judged on the two bases between which its kernel was: what fails on both is its
 * own fault, and nothing else is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants these before it */
#include <cmocka.h>
#undef fail /* core/outcome.h's is meant */

#include "grade/ends.h"
#include "judge/wrong.h"

static struct assignment_test tests[] = { { (char *)"t/a", 50 }, { (char *)"t/b", 50 } };
static const struct assignment assignment = { .name = (char *)"x", .path = (char *)"x.conf", .tests = tests, .n_tests = 2,
					      .rubric = { .crash_at_most = 100,
							  .late_at_most = 100 } };
static struct rubric rubric;

/* Of each test's two checks: '.' passes, 'x' fails, 'f' misses the fastpath's exits; "!": a crash. */
static struct run_result *run_of(const char *a, const char *b)
{
	const char *const of[] = { a, b };
	struct run_result *r = result_new("x");

	for (size_t i = 0; i < 2; i++) {
		struct test_result *t = result_add_test(r, tests[i].name, "x");

		if (*of[i] == '!')
			t->verdict = OUT_CRASH;
		for (size_t j = 0; *of[i] != '!' && j < 2; j++)
			result_add_check(t, j ? "two" : "one", of[i][j] == '.' ? OUT_PASS : OUT_FAIL, "1",
					 of[i][j] == 'f' ? "0 (" WRONG_FASTPATH ")" : "2", NULL);
	}
	result_finish(r);
	return r;
}

static struct run_result *error_of(const char *why)
{
	struct run_result *r = result_new("x");

	r->verdict = OUT_BUILD_ERROR;
	r->finished = true;
	r->reason = xstrdup(why);
	return r;
}

/* As the class does it: judged by the first run, and once more if the second one is wanted. */
static struct submission graded(struct run_result *here, struct run_result *there)
{
	struct submission s = { .name = xstrdup("ann"), .base = xstrdup("5.10"), .end = xstrdup("6.1"), .drift = true,
				.result = here };

	grade_judge(&rubric, &s);
	if (!ends_wanted(&s)) {
		result_free(there);
		return s;
	}
	assert_true(s.person);
	s.end_result = there;
	grade_judge(&rubric, &s);
	assert_int_equal(ends_wanted(&s), !there);
	return s;
}

static void expect_points(struct submission s, const char *verdict, double points)
{
	assert_false(s.person);
	assert_string_equal(s.verdict, verdict);
	assert_true(s.points > points - 0.1 && s.points < points + 0.1);
	submission_free(&s);
}

static void expect_person(struct submission s, const char *words)
{
	assert_true(s.person);
	assert_non_null(strstr(s.why, words));
	submission_free(&s);
}

static void test_own_faults(void **state)
{
	(void)state;
	expect_points(graded(run_of("..", ".."), NULL), "pass", 100);
	expect_points(graded(run_of("x.", ".."), run_of("x.", "..")), "fail", 75);
	expect_points(graded(run_of("xx", ".."), run_of("xx", ".x")), "fail", 50);
	expect_points(graded(run_of("!", ".."), run_of("!", "..")), "crash", 50);
	/* of a test that crashes at one end alone those checks count that fail at the other */
	expect_points(graded(run_of("!", "!"), run_of("!", "x.")), "crash", 25);
	expect_points(graded(run_of("!", "x."), run_of("!", "!")), "crash", 25);
}

/* What fails on one base alone is no loss, and no gain. */
static void test_a_bases_doing(void **state)
{
	struct submission s = graded(run_of("x.", ".x"), run_of("x.", ".."));
	_cleanup_buf_ struct buf failed = { 0 };

	(void)state;
	assert_non_null(strstr(s.why, "judged on base 5.10 and on base 6.1"));
	assert_int_equal(s.result->tests[1].verdict, OUT_PASS);
	assert_int_equal(s.result->tests[1].checks[1].verdict, OUT_SKIP);
	assert_non_null(strstr(s.result->tests[1].checks[1].observed, "fails on base 5.10, and not on base 6.1"));
	assert_int_equal(s.result->summary.failed, 1);
	grade_failed(&s, &failed);
	assert_string_equal(buf_str(&failed), "t/a: one");
	expect_points(s, "fail", 75);
	/* a test of which nothing is left counts for nothing */
	expect_points(graded(run_of("x.", "xx"), run_of("x.", "..")), "fail", 50);
}

static void test_nothing_in_common(void **state)
{
	(void)state;
	expect_person(graded(run_of("x.", ".."), run_of("..", "..")), "on base 6.1 it came to another end: pass");
	expect_person(graded(run_of("x.", ".."), run_of(".x", "..")), "on base 6.1 it came to another end: fail");
	expect_person(graded(run_of("x.", ".."), NULL), "on base 6.1 it was not judged");
	expect_person(graded(run_of("x.", "!"), run_of("x.", "..")), "another end: fail");
	expect_person(graded(run_of("!", "!"), run_of("!", "..")), "another end: crash");
	expect_person(graded(run_of("x.", ".."), run_of("x.", "!")), "another end: crash");
	expect_person(graded(run_of("x.", ".."), error_of("no")), "another end: build-error");
}

/* Exits of the fastpath: whether these are asked for is the course's to say. */
static void test_a_fastpath(void **state)
{
	(void)state;
	expect_person(graded(run_of("f.", ".."), run_of("f.", "..")), "fastpath");
}

static bool wants_end(struct run_result *r)
{
	struct submission s = { .name = xstrdup("ann"), .end = xstrdup("6.1"), .drift = true, .result = r };
	bool wanted = ends_wanted(&s);

	submission_free(&s);
	return wanted;
}

/* It is run where it can settle something. */
static void test_when_the_end_is_run(void **state)
{
	(void)state;
	assert_true(wants_end(run_of("x.", "..")));
	assert_true(wants_end(run_of("fx", "..")));
	assert_true(wants_end(error_of("no")));
	assert_false(wants_end(run_of("f.", "..")));
	assert_false(wants_end(run_of("..", "..")));
}

static struct run_result *died(void)
{
	struct run_result *r = error_of("L1's kernel died");

	r->verdict = OUT_CRASH;
	return r;
}

static void expect_asked(struct run_result *r, const char *tests_there)
{
	struct submission s = { .name = xstrdup("ann"), .result = r };
	_cleanup_free_ char *asked = ends_tests(&s);

	assert_string_equal(asked, tests_there);
	submission_free(&s);
}

/* What passed here is not asked there; a report of the kernel's can be of any test's doing. */
static void test_what_the_end_is_asked(void **state)
{
	struct run_result *r = run_of("x.", ".x");

	(void)state;
	result_add_check(result_add_test(r, "lab/kernel-logs", "x"), "L1's kernel log", OUT_FAIL, "1", "2", NULL);
	result_finish(r);
	expect_asked(r, "");
	expect_asked(run_of("x.", ".x"), "t/a t/b");
	expect_asked(run_of("..", "!"), "t/b");
	expect_asked(error_of("no"), "");
	assert_false(wants_end(died()));
}

static struct submission of_fastpath(enum fastpath f, bool own, const char *a, const char *b)
{
	struct submission s = { .name = xstrdup("ann"), .base = xstrdup("5.10"), .drift = true, .fastpath = own,
				.result = run_of(a, b) };

	rubric.fastpath = f;
	grade_judge(&rubric, &s);
	rubric.fastpath = FASTPATH_PERSON;
	return s;
}

/* The course says it once; and who has no fastpath misses nothing. */
static void test_a_fastpath_by_rubric(void **state)
{
	(void)state;
	expect_person(of_fastpath(FASTPATH_PERSON, true, "f.", ".."), "does the course ask for these exits?");
	expect_points(of_fastpath(FASTPATH_COUNTS, true, "f.", ".."), "fail", 75);
	expect_points(of_fastpath(FASTPATH_COUNTS, false, "f.", ".."), "pass", 100);
	expect_points(of_fastpath(FASTPATH_LEFT_OUT, true, "f.", ".."), "pass", 100);
	expect_person(of_fastpath(FASTPATH_LEFT_OUT, true, "fx", ".."), "t/a: two");
	expect_person(of_fastpath(FASTPATH_COUNTS, true, "fx", ".."), "t/a: one, two");
}

static void test_bases_that_nobody_saw(void **state)
{
	struct submission s = { .name = xstrdup("ann"), .base = xstrdup("5.10"), .end = xstrdup("6.1"), .drift = true,
				.result = run_of("x.", ".."), .end_result = run_of("x.", "..") };

	(void)state;
	s.unseen = xstrdup("bochs-vmx");
	s.end_unseen = xstrdup("bochs-vmx");
	grade_judge(&rubric, &s);
	assert_true(s.person);
	str_set(&s.end_unseen, NULL);
	grade_judge(&rubric, &s);
	expect_points(s, "fail", 75);
}

#define ERROR_AT(line, words) "building the host kernel failed: arch/x86/kvm/cpuid.c:" line ":1: error: " words \
	"; the whole log: /cache/logs/kernel-" line ".log"

/* A compiler's same words on both bases; but a name that nobody declares may be elsewhere. */
static void test_build_errors(void **state)
{
	(void)state;
	expect_points(graded(error_of(ERROR_AT("10", "redefinition of 'f'")), error_of(ERROR_AT("20", "redefinition of 'f'"))),
		      "build-error", 0);
	expect_person(graded(error_of(ERROR_AT("10", "redefinition of 'f'")), error_of(ERROR_AT("20", "redefinition of 'g'"))),
		      "does not build on base 5.10");
	expect_person(graded(error_of(ERROR_AT("10", "'f' undeclared")), error_of(ERROR_AT("20", "'f' undeclared"))),
		      "a file of it may be missing");
	expect_person(graded(error_of(ERROR_AT("10", "redefinition of 'f'")), run_of("x.", "..")), "does not build on base 5.10");
	expect_person(graded(error_of("killed"), error_of("killed")), "does not build on base 5.10");
}

static int begin(void **state)
{
	(void)state;
	return rubric_make(&assignment, &rubric);
}

static int end(void **state)
{
	(void)state;
	rubric_free(&rubric);
	return 0;
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(test_own_faults),
		cmocka_unit_test(test_a_bases_doing),
		cmocka_unit_test(test_nothing_in_common),
		cmocka_unit_test(test_a_fastpath),
		cmocka_unit_test(test_when_the_end_is_run),
		cmocka_unit_test(test_what_the_end_is_asked),
		cmocka_unit_test(test_a_fastpath_by_rubric),
		cmocka_unit_test(test_bases_that_nobody_saw),
		cmocka_unit_test(test_build_errors),
	};

	return cmocka_run_group_tests(all, begin, end);
}
