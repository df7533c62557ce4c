// SPDX-License-Identifier: GPL-2.0-only
/* What the second build says of a test: its kernel's reports, and checks that fail there alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "judge/checks.h"
#include "run/races.h"

#include <cmocka.h>

#define CHECK "lost updates"
#define THE_END "the test program's end" /* as each judge makes it */
#define REPORT "KCSAN report"

static const char *const checks[] = { "one", "two", NULL };
static const struct testcase test = { .name = "t/a", .assignment = "t", .checks = checks };

/* Both of its own checks: '.' passes, 'x' fails. more: what else fails; NULL: nothing. */
static struct test_result *add(struct run_result *r, const char *own, const char *more,
			       bool preparatory)
{
	struct test_result *t = result_add_test(r, test.name, "t");

	for (size_t i = 0; own[i]; i++)
		check_that(t, checks[i], own[i] == '.', "so", "not so", NULL);
	if (more)
		check_that(t, more, false, "so", "at x86.c:1", NULL)->preparatory = preparatory;
	result_judge_test(t);
	return t;
}

static void expect(const char *first, const char *second, const char *more, enum outcome o,
		   const char *word)
{
	struct run_result *a = result_new("first"), *b = result_new("second");
	struct test_result *told = add(a, first, NULL, false);
	bool the_end = more && !strcmp(more, THE_END);
	const struct test_result *there = second ? add(b, second, more, the_end) : NULL;
	const struct check_result *fault = races_tell(&test, told, there, there ? NULL : "no room"), *c;

	c = result_find_check(told, CHECK);
	assert_non_null(c);
	assert_int_equal(c->verdict, o);
	assert_non_null(strstr(c->observed, word));
	assert_int_equal(fault != NULL, o == OUT_FAIL);
	assert_int_equal(told->verdict, o == OUT_FAIL || strchr(first, 'x') ? OUT_FAIL : OUT_PASS);
	result_free(a);
	result_free(b);
}

static void test_told(void **state)
{
	(void)state;
	expect("..", "..", NULL, OUT_PASS, "none");
	expect("..", "..", REPORT, OUT_FAIL, "at x86.c:1");
	expect("..", ".x", NULL, OUT_FAIL, "two: not so");
	expect(".x", ".x", NULL, OUT_PASS, "none");
	expect(".x", "x.", NULL, OUT_FAIL, "one: not so");
	/* the kernel's report says where */
	expect("..", ".x", REPORT, OUT_FAIL, "at x86.c:1");
	expect("..", NULL, NULL, OUT_SKIP, "no room");
}

/* A program that was killed at its deadline there is none of the change's lost updates. */
static void test_not_at_its_end(void **state)
{
	(void)state;
	expect("..", "", THE_END, OUT_SKIP, "did not");
	expect("..", ".", THE_END, OUT_SKIP, "did not");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_not_at_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
