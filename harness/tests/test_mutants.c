// SPDX-License-Identifier: GPL-2.0-only
/* A mutant's trailers are read, and a run found it only when each check that it names failed. */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "mutants/mutants.h"
#include "suite/suite.h"

#include <cmocka.h>

static char path[] = "/tmp/nestlab-mutant-XXXXXX";

static int load_in(const char *lane, const char *message, struct mutant *m)
{
	FILE *f;
	int fd;

	strcpy(path + strlen(path) - 6, "XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	f = fdopen(fd, "w");
	fputs(message, f);
	fclose(f);
	fd = mutant_load(path, lane, m);
	unlink(path);
	return fd;
}

static int load(const char *message, struct mutant *m)
{
	return load_in(NULL, message, m);
}

static const char two[] = "Subject: [PATCH] x\n\nWhy.\n\nFound-by: a/one: the first check\n"
			  "Found-by: a/one: a check: with a colon\n---\n x.c | 1 +\n"
			  "Found-by: a/no: this is the patch's text\n";

static struct run_result *make_run(enum outcome first, enum outcome second)
{
	struct run_result *r = result_new("20260101-000000-0000");
	struct test_result *t = result_add_test(r, "a/one", "a");

	result_add_check(t, "the first check", first, "1", "2", NULL);
	result_add_check(t, "a check: with a colon", second, "1", "2", NULL);
	result_add_check(t, "another", OUT_FAIL, "1", "2", NULL);
	return r;
}

/* What every run is asked can't be named as a test to run. */
static void runs_other_tests_for_a_kernel_s_log(void **state)
{
	struct mutant m;

	(void)state;
	assert_int_equal(load("Found-by: lab/kernel-logs: L1's kernel log\nTests: a/one a/two\n---\n", &m), 0);
	assert_int_equal(m.tests.n, 2);
	assert_string_equal(m.tests.v[0], "a/one");
	assert_string_equal(m.tests.v[1], "a/two");
	assert_int_equal(m.checks.n, 1);
	assert_string_equal(m.test_of.v[0], "lab/kernel-logs");
	assert_string_equal(m.checks.v[0], "L1's kernel log");
	mutant_free(&m);
}

static void test_trailers(void **state)
{
	struct mutant m;

	(void)state;
	assert_int_equal(load(two, &m), 0);
	assert_int_equal(m.checks.n, 2);
	assert_string_equal(m.checks.v[1], "a check: with a colon");
	assert_int_equal(m.tests.n, 1);
	assert_string_equal(m.tests.v[0], "a/one");
	assert_null(m.flavor);
	mutant_free(&m);
	assert_int_equal(load("Map: b\nFound-by: a/one: x\n", &m), 0);
	assert_string_equal(m.map, "b");
	mutant_free(&m);
	assert_int_equal(load("Flavor: kcsan\nFound-by: a/one: x\n---\nFlavor: none\n", &m), 0);
	assert_string_equal(m.flavor, "kcsan");
	mutant_free(&m);
}

static void has_effort(const char *lane, const char *text, unsigned int effort, unsigned int seeds)
{
	struct mutant m;

	assert_int_equal(load_in(lane, text, &m), 0);
	assert_int_equal(m.effort, effort);
	assert_int_equal(m.seeds, seeds);
	mutant_free(&m);
}

static void test_effort(void **state)
{
	static const char text[] = "Effort: 60\nEffort (quick): 2\nSeeds (quick): 7\nFound-by: a/one: x\n---\nEffort: 7\n";

	(void)state;
	has_effort("slow", text, 60, 0);
	has_effort("quick", text, 2, 7);
	has_effort("quick", "Found-by: a/one: x\n---\n", 1, 0);
}

static void test_lanes(void **state)
{
	static const char text[] = "Found-by: a/one: x\nFound-by (far): a/two: y\nFound-by (far): a/two: z\nFound-by: a/one: w\n"
				   "Hidden (dark): no light\n---\n";
	struct mutant m;

	(void)state;
	assert_int_equal(load_in("near", text, &m), 0);
	assert_int_equal(m.checks.n, 2);
	assert_string_equal(m.checks.v[1], "w");
	assert_null(m.hidden);
	mutant_free(&m);
	/* A lane's own lines, wherever they stand, take the place of the others. */
	assert_int_equal(load_in("far", text, &m), 0);
	assert_int_equal(m.checks.n, 2);
	assert_string_equal(m.checks.v[1], "z");
	assert_int_equal(m.tests.n, 1);
	assert_string_equal(m.tests.v[0], "a/two");
	mutant_free(&m);
	assert_int_equal(load_in("dark", text, &m), 0);
	assert_string_equal(m.hidden, "no light");
	mutant_free(&m);
}

/* Each that is there says in each lane what finds it: what is wrong with one stops all others. */
static void all_mutants_load(void **state)
{
	static const char *const lanes[] = { "tcg-svm", "bochs-vmx" };
	glob_t files;

	(void)state;
	assert_int_equal(glob(MUTANTS "/*.patch", 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++)
		for (size_t k = 0; k < ARRAY_SIZE(lanes); k++) {
			struct mutant m;

			if (mutant_load(files.gl_pathv[i], lanes[k], &m))
				fail_msg("lane %s: %s", lanes[k], fail_text());
			mutant_free(&m);
		}
	globfree(&files);
}

static void test_bad_trailers(void **state)
{
	struct mutant m;

	(void)state;
	assert_int_equal(load("Subject: x\n\nno trailer\n---\n", &m), -OUT_USAGE);
	assert_non_null(strstr(fail_text(), "no line 'Found-by: TEST: CHECK'"));
	mutant_free(&m);
	assert_int_equal(load("Found-by: only a test\n---\n", &m), -OUT_USAGE);
	assert_non_null(strstr(fail_text(), "only a test"));
	mutant_free(&m);
	assert_int_equal(mutant_load("/nowhere/at-all.patch", NULL, &m), -OUT_USAGE);
	assert_non_null(strstr(fail_text(), "/nowhere/at-all.patch"));
	mutant_free(&m);
}

static void expect(enum outcome first, enum outcome second, bool found, const char *missed_text)
{
	_cleanup_buf_ struct buf by = { 0 }, missed = { 0 };
	struct run_result *r = make_run(first, second);
	struct mutant m;

	assert_int_equal(load(two, &m), 0);
	assert_int_equal(mutant_found(&m, r, &by, &missed), found);
	assert_non_null(strstr(buf_str(&by), "a/one: another"));
	assert_string_equal(buf_str(&missed), missed_text);
	mutant_free(&m);
	result_free(r);
}

static void test_found(void **state)
{
	(void)state;
	expect(OUT_FAIL, OUT_FAIL, true, "");
	expect(OUT_FAIL, OUT_PASS, false, "a/one: a check: with a colon");
	/* One that was not judged has found nothing. */
	expect(OUT_SKIP, OUT_BROKEN, false, "a/one: the first check; a/one: a check: with a colon");
}

static void expect_one_of(enum outcome first, enum outcome second, bool found)
{
	static const char either[] = "Found-by: a/one: the first check | a check: with a colon\n---\n";
	_cleanup_buf_ struct buf by = { 0 }, missed = { 0 };
	struct run_result *r = make_run(first, second);
	struct mutant m;

	assert_int_equal(load(either, &m), 0);
	assert_int_equal(mutant_found(&m, r, &by, &missed), found);
	mutant_free(&m);
	result_free(r);
}

/* By which check a race shows is chance. */
static void test_found_by_one_of(void **state)
{
	(void)state;
	expect_one_of(OUT_FAIL, OUT_PASS, true);
	expect_one_of(OUT_SKIP, OUT_FAIL, true);
	expect_one_of(OUT_PASS, OUT_PASS, false);
}

/* ---- a fix that was taken back: a suite's line, and nothing else ---- */

static const char revert[] = "Lane: far\nSuite: others\nFound-by: others/one: the program\n---\n";

static struct run_result *make_suite_run(const char *observed, enum outcome second,
					 enum outcome log)
{
	struct run_result *r = result_new("20260101-000000-0000");
	struct test_result *t = result_add_test(r, "others/one", "others");

	result_add_check(t, "the program", OUT_FAIL, "pass", observed, NULL);
	result_add_check(t, "a line", second, "pass", "GONE: it is not there", NULL);
	result_add_test(r, "lab/kernel-logs", "lab")->verdict = log;
	return r;
}

static void expect_revert(struct run_result *r, const char *missed_text)
{
	_cleanup_buf_ struct buf by = { 0 }, missed = { 0 };
	struct run_result *whole = result_new("20260101-000000-0001");
	struct test_result *t = result_add_test(whole, "x", "mutants");
	bool found = !*missed_text;
	struct mutant m;

	assert_int_equal(load(revert, &m), 0);
	assert_string_equal(m.suite, "others");
	assert_string_equal(m.lane, "far");
	assert_int_equal(mutant_found(&m, r, &by, &missed), found);
	assert_string_equal(buf_str(&missed), missed_text);
	mutant_to_result(&m, r, t);
	result_judge_test(t);
	assert_int_equal(t->verdict, found ? OUT_PASS : OUT_FAIL);
	mutant_free(&m);
	result_free(r);
	result_free(whole);
}

static void test_revert(void **state)
{
	static const char regressed[] = "REGRESSED: fail (one.c:3: !r)";

	(void)state;
	expect_revert(make_suite_run(regressed, OUT_SKIP, OUT_PASS), "");
	expect_revert(make_suite_run("GONE: it is not there", OUT_PASS, OUT_PASS), "others/one: the program");
	expect_revert(make_suite_run(regressed, OUT_FAIL, OUT_PASS), "nothing else fails: others/one: a line");
	expect_revert(make_suite_run(regressed, OUT_PASS, OUT_CRASH),
		      "nothing else fails: lab/kernel-logs: crash");
}

/* Each names a suite, a lane that the suite runs in, and a test of it. */
static void test_own_reverts(void **state)
{
	_cleanup_strv_ struct strv patches = { 0 };

	(void)state;
	assert_int_equal(mutants_in(REVERTS, &patches), 0);
	assert_true(patches.n >= 6);
	for (size_t i = 0; i < patches.n; i++) {
		struct mutant m;
		struct suite s;

		assert_int_equal(mutant_load(patches.v[i], NULL, &m), 0);
		assert_non_null(m.suite);
		assert_non_null(m.lane);
		if (suite_load(m.suite, &s) || suite_check_lane(&s, m.lane))
			fail_msg("%s: %s", patches.v[i], fail_text());
		assert_true(str_starts(m.tests.v[0], s.name));
		suite_free(&s);
		mutant_free(&m);
	}
}

static void expect_checks(enum outcome second, enum outcome run, enum outcome want,
			  const char *observed)
{
	struct run_result *r = make_run(OUT_FAIL, second), *whole = result_new("20260101-000000-0001");
	struct test_result *t = result_add_test(whole, "x", "mutants");
	struct mutant m;

	r->verdict = run;
	assert_int_equal(load(two, &m), 0);
	mutant_to_result(&m, r, t);
	result_judge_test(t);
	assert_int_equal(t->verdict, want);
	assert_int_equal(t->n_checks, 2);
	assert_string_equal(t->checks[1].name, "a/one: a check: with a colon");
	assert_string_equal(t->checks[1].observed, observed);
	mutant_free(&m);
	result_free(r);
	result_free(whole);
}

/* In the report of all mutants: what a fault's run must have failed passes. */
static void test_to_result(void **state)
{
	(void)state;
	expect_checks(OUT_FAIL, OUT_FAIL, OUT_PASS, "fail");
	expect_checks(OUT_PASS, OUT_FAIL, OUT_FAIL, "pass");
	expect_checks(OUT_SKIP, OUT_FAIL, OUT_FAIL, "skip");
	expect_checks(OUT_PASS, OUT_BUILD_ERROR, OUT_FAIL, "build-error");
}

/* How often L1's CPUs were stopped for it, in all its tests together. */
static void test_stops(void **state)
{
	struct run_result *r = make_run(OUT_FAIL, OUT_FAIL), *whole = result_new("20260101-000000-0001");
	struct test_result *t = result_add_test(whole, "x", "mutants");
	struct mutant m;

	(void)state;
	assert_int_equal(load(two, &m), 0);
	mutant_to_result(&m, r, t);
	assert_int_equal(t->n_measures, 0);
	result_add_measure(&r->tests[0], STOPS_MEASURE, "stops", 4000);
	result_add_measure(result_add_test(r, "a/two", "a"), STOPS_MEASURE, "stops", 300);
	mutant_to_result(&m, r, t);
	assert_int_equal(t->n_measures, 1);
	assert_float_equal(t->measures[0].value, 4300, 0);
	mutant_free(&m);
	result_free(r);
	result_free(whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_other_tests_for_a_kernel_s_log),
		cmocka_unit_test(test_trailers),
		cmocka_unit_test(test_effort),
		cmocka_unit_test(test_lanes),
		cmocka_unit_test(all_mutants_load),
		cmocka_unit_test(test_bad_trailers),
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_found_by_one_of),
		cmocka_unit_test(test_revert),
		cmocka_unit_test(test_own_reverts),
		cmocka_unit_test(test_to_result),
		cmocka_unit_test(test_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
