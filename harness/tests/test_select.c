// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which tests TESTS= names: everything, an assignment, a pattern, one; those that must fail only in
 * full.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "run/run.h"

#include <cmocka.h>

static void forget(struct run *r)
{
	for (size_t i = 0; i < r->n_assignments; i++)
		assignment_free(r->assignments[i]);
	free(r->assignments);
	free(r->tests);
	*r = (struct run){ 0 };
}

static int pick(struct run *r, const char *first, const char *second)
{
	_cleanup_strv_ struct strv patterns = { 0 };

	if (first)
		strv_add(&patterns, first);
	if (second)
		strv_add(&patterns, second);
	return select_tests(r, &patterns, NULL, 0);
}

static bool has(const struct run *r, const char *name)
{
	for (size_t i = 0; i < r->n_tests; i++)
		if (!strcmp(r->tests[i]->name, name))
			return true;
	return false;
}

static void test_all(void **state)
{
	struct run r = { 0 };

	(void)state;
	assert_int_equal(pick(&r, NULL, NULL), 0);
	assert_true(has(&r, "vcpu-info/syscall"));
	assert_true(has(&r, "cpuid-exits/counters"));
	for (size_t i = 0; i < r.n_tests; i++)
		assert_false(r.tests[i]->on_request);
	assert_string_equal(run_assignment(&r, testcase_find("vcpu-info/pairs"))->name, "vcpu-info");
	assert_string_equal(run_assignment(&r, testcase_find("cpuid-exits/kinds"))->name, "cpuid-exits");
	forget(&r);
}

/* The numbers are those of the assignment that was asked for, in all tests that it lists. */
static void test_another_ones_tests(void **state)
{
	_cleanup_strv_ struct strv patterns = { 0 };
	struct run r = { 0 };

	(void)state;
	assert_int_equal(select_tests(&r, &patterns, "cpuid-leaves-b", 0), 0);
	assert_true(has(&r, "cpuid-exits/kinds"));
	assert_int_equal(run_assignment(&r, testcase_find("cpuid-exits/kinds"))->leaf[LEAF_TOTAL_EXITS], 0x4ffffffc);
	assert_int_equal(run_assignment(&r, testcase_find("cpuid-leaves/map"))->leaf[LEAF_TOTAL_EXITS], 0x4ffffffc);
	forget(&r);
	r = (struct run){ 0 };
	strv_add(&patterns, "vcpu-info/pairs");
	assert_int_equal(select_tests(&r, &patterns, "cpuid-leaves-b", 0), 0);
	assert_string_equal(run_assignment(&r, testcase_find("vcpu-info/pairs"))->name, "vcpu-info");
	forget(&r);
}

/*
 * A flavour's tests are those on the micro guests, unless others are named; L2 is booted only for
 * those that run there.
 */
static void test_level_1_alone(void **state)
{
	_cleanup_strv_ struct strv names = { 0 };
	struct run r = { 0 };

	(void)state;
	assert_int_equal(select_tests(&r, &names, NULL, 1), 0);
	assert_true(has(&r, "vcpu-info/pairs"));
	for (size_t i = 0; i < r.n_tests; i++)
		assert_int_equal(r.tests[i]->level, 1);
	assert_false(select_needs_l2(&r));
	forget(&r);
	strv_add(&names, "vcpu-info/syscall");
	assert_int_equal(select_tests(&r, &names, NULL, 1), 0);
	assert_true(select_needs_l2(&r));
	forget(&r);
}

static void test_an_assignment(void **state)
{
	struct run r = { 0 };

	(void)state;
	assert_int_equal(pick(&r, "cpuid-exits", NULL), 0);
	assert_true(r.n_tests > 1);
	for (size_t i = 0; i < r.n_tests; i++)
		assert_string_equal(r.tests[i]->assignment, "cpuid-exits");
	assert_int_equal(r.n_assignments, 1);
	forget(&r);
}

static void test_twice_named_runs_once(void **state)
{
	struct run r = { 0 };

	(void)state;
	assert_int_equal(pick(&r, "vcpu-info/syscall", "*/syscall"), 0);
	assert_int_equal(r.n_tests, 1);
	forget(&r);
}

static void test_faults_only_in_full(void **state)
{
	struct run r = { 0 };

	(void)state;
	assert_int_equal(pick(&r, "fault/*", NULL), -OUT_USAGE);
	assert_non_null(strstr(fail_text(), "fault/guest-panic"));
	forget(&r);
	assert_int_equal(pick(&r, "fault/guest-panic", NULL), 0);
	assert_int_equal(r.n_tests, 1);
	forget(&r);
}

static void test_no_such_test(void **state)
{
	struct run r = { 0 };

	(void)state;
	assert_int_equal(pick(&r, "no/such", NULL), -OUT_USAGE);
	assert_non_null(strstr(fail_text(), "TESTS= names no test by 'no/such'"));
	assert_non_null(strstr(fail_text(), "vcpu-info/syscall"));
	forget(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_level_1_alone),
		cmocka_unit_test(test_another_ones_tests),
		cmocka_unit_test(test_an_assignment),
		cmocka_unit_test(test_twice_named_runs_once),
		cmocka_unit_test(test_faults_only_in_full),
		cmocka_unit_test(test_no_such_test),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
