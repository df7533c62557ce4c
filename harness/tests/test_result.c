// SPDX-License-Identifier: GPL-2.0-only
/* The result tree: who decides a verdict, and what must never read as a pass. */
#include <ctype.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "judge/result.h"

/* Behind the others: cmocka has a macro fail(), which outcome.h declares as a function. */
#include <cmocka.h>

static void add_checks(struct test_result *t, const char *letters)
{
	for (size_t i = 0; letters[i]; i++) {
		int letter = tolower((unsigned char)letters[i]);
		enum outcome o = letter == 'p'	 ? OUT_PASS
				 : letter == 'f' ? OUT_FAIL
				 : letter == 's' ? OUT_SKIP
						 : OUT_BROKEN;

		result_add_check(t, "a check", o, "x", "y", NULL)->preparatory =
			letter != letters[i];
	}
}

static void test_verdict_of_a_test(void **state)
{
	static const struct {
		const char *checks; /* p, f, s, b; in capitals: preparatory */
		enum outcome before, after;
	} cases[] = {
		{ "", OUT_SKIP, OUT_SKIP },
		{ "", OUT_PASS, OUT_SKIP }, /* nothing passes without a check */
		{ "s", OUT_SKIP, OUT_SKIP },
		{ "ps", OUT_SKIP, OUT_PASS },
		{ "pbs", OUT_SKIP, OUT_BROKEN },
		{ "PPs", OUT_SKIP, OUT_SKIP }, /* the program ran, and nothing was judged */
		{ "PP", OUT_SKIP, OUT_SKIP },
		{ "PSp", OUT_SKIP, OUT_PASS },
		{ "Fs", OUT_SKIP, OUT_FAIL },
		{ "Bsp", OUT_SKIP, OUT_BROKEN },
		{ "pbfs", OUT_SKIP, OUT_FAIL },
		{ "fp", OUT_PASS, OUT_FAIL },
		{ "p", OUT_CRASH, OUT_CRASH },
		{ "f", OUT_BROKEN, OUT_BROKEN },
		{ "p", OUT_FAIL, OUT_FAIL },
		{ "p", OUT_BUILD_ERROR, OUT_BUILD_ERROR },
		{ "p", OUT_USAGE, OUT_BROKEN },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct run_result *r = result_new("run");
		struct test_result *t = result_add_test(r, "t", "a");

		add_checks(t, cases[i].checks);
		t->verdict = cases[i].before;
		result_judge_test(t);
		assert_int_equal(t->verdict, cases[i].after);
		/* Once more changes nothing. */
		result_judge_test(t);
		assert_int_equal(t->verdict, cases[i].after);
		assert_int_equal(t->reason == NULL,
				 cases[i].after == OUT_PASS || cases[i].after == OUT_FAIL);
		result_free(r);
	}
}

static void test_verdict_of_a_run(void **state)
{
	static const struct {
		enum outcome tests[3], before, after;
		size_t n;
	} cases[] = {
		{ .n = 0, .after = OUT_SKIP },
		{ .tests = { OUT_SKIP, OUT_SKIP }, .n = 2, .after = OUT_SKIP },
		{ .tests = { OUT_SKIP, OUT_PASS }, .n = 2, .after = OUT_PASS },
		{ .tests = { OUT_PASS, OUT_BROKEN }, .n = 2, .after = OUT_BROKEN },
		{ .tests = { OUT_BROKEN, OUT_FAIL, OUT_PASS }, .n = 3, .after = OUT_FAIL },
		{ .tests = { OUT_FAIL, OUT_BUILD_ERROR }, .n = 2, .after = OUT_BUILD_ERROR },
		{ .tests = { OUT_BUILD_ERROR, OUT_CRASH, OUT_FAIL }, .n = 3, .after = OUT_CRASH },
		{ .tests = { OUT_PASS }, .n = 1, .before = OUT_CRASH, .after = OUT_CRASH },
		{ .tests = { OUT_PASS }, .n = 1, .before = OUT_BROKEN, .after = OUT_BROKEN },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct run_result *r = result_new("run");

		for (size_t k = 0; k < cases[i].n; k++) {
			struct test_result *t = result_add_test(r, "t", "a");

			add_checks(t, cases[i].tests[k] == OUT_PASS ? "p" : "s");
			t->verdict = cases[i].tests[k];
		}
		r->verdict = cases[i].before;
		result_finish(r);
		assert_int_equal(r->verdict, cases[i].after);
		assert_int_equal(result_verdict(r), cases[i].after);
		assert_int_equal(r->reason == NULL,
				 cases[i].after == OUT_PASS || cases[i].after == OUT_FAIL);
		assert_true(r->finished);
		result_free(r);
	}
}

/* The lab's own test passes, the one that was asked for was skipped: nothing passed. */
static void test_run_that_judged_nothing(void **state)
{
	struct run_result *r = result_new("run");

	(void)state;
	add_checks(result_add_test(r, "exact", "a"), "PPss");
	add_checks(result_add_test(r, "lab/kernel-logs", "lab"), "pp");
	r->tests[1].preparatory = true;
	result_finish(r);
	assert_int_equal(r->tests[1].verdict, OUT_PASS);
	assert_int_equal(r->verdict, OUT_SKIP);
	assert_string_equal(r->reason, "exact: a check (3): y");
	result_add_check(&r->tests[1], "L1's log", OUT_FAIL, "x", "y", NULL);
	r->verdict = OUT_PASS;
	str_set(&r->reason, NULL);
	result_finish(r);
	assert_int_equal(r->verdict, OUT_FAIL);
	result_free(r);
}

static void test_unfinished_is_no_pass(void **state)
{
	struct run_result *r = result_new("run");
	struct test_result *t = result_add_test(r, "t", "a");

	(void)state;
	/* The lab died before anybody judged the test, and then before the run was finished. */
	assert_int_equal(t->verdict, OUT_SKIP);
	assert_int_equal(result_verdict(r), OUT_BROKEN);
	add_checks(t, "p");
	result_judge_test(t);
	assert_int_equal(result_verdict(r), OUT_BROKEN);
	r->verdict = OUT_FAIL;
	assert_int_equal(result_verdict(r), OUT_BROKEN);
	r->verdict = OUT_CRASH;
	assert_int_equal(result_verdict(r), OUT_CRASH);
	r->verdict = OUT_PASS;
	result_finish(r);
	assert_int_equal(result_verdict(r), OUT_PASS);
	result_free(r);
}

static void test_reasons_come_from_checks(void **state)
{
	struct run_result *r = result_new("run");
	struct test_result *t = result_add_test(r, "counts", "a");

	(void)state;
	result_add_check(t, "first", OUT_PASS, "1", "1", NULL);
	result_add_check(t, "second", OUT_BROKEN, "2", "no oracle", NULL);
	result_finish(r);
	assert_string_equal(t->reason, "second: no oracle");
	assert_string_equal(r->reason, "counts: second: no oracle");
	result_free(r);
}

static void test_reason_without_a_judgement(void **state)
{
	struct run_result *r = result_new("run");

	(void)state;
	add_checks(result_add_test(r, "t", "a"), "PP");
	result_finish(r);
	assert_string_equal(r->tests[0].reason, "no check of the change was made");
	assert_int_equal(r->verdict, OUT_SKIP);
	result_free(r);
}

static void test_reason_that_was_given_stays(void **state)
{
	struct run_result *r = result_new("run");
	struct test_result *t = result_add_test(r, "counts", "a");

	(void)state;
	t->verdict = OUT_CRASH;
	str_set(&t->reason, "L2 panicked");
	result_finish(r);
	assert_string_equal(t->reason, "L2 panicked");
	assert_string_equal(r->reason, "counts: L2 panicked");
	result_free(r);
}

static void test_summary_counts_checks(void **state)
{
	struct run_result *r = result_new("run");

	(void)state;
	add_checks(result_add_test(r, "t", "a"), "ppfsb");
	add_checks(result_add_test(r, "u", "a"), "psss");
	result_finish(r);
	assert_int_equal(r->summary.passed, 3);
	assert_int_equal(r->summary.failed, 1);
	assert_int_equal(r->summary.skipped, 4);
	assert_int_equal(r->summary.broken, 1);
	result_free(r);
}

static void test_check_names_are_unique(void **state)
{
	struct run_result *r = result_new("run");
	struct test_result *t = result_add_test(r, "t", "a");

	(void)state;
	add_checks(t, "ppp");
	assert_string_equal(t->checks[0].name, "a check");
	assert_string_equal(t->checks[1].name, "a check (2)");
	assert_string_equal(t->checks[2].name, "a check (3)");
	result_free(r);
}

static void test_check_that_is_told_badly(void **state)
{
	struct run_result *r = result_new("run");
	struct test_result *t = result_add_test(r, "t", NULL);
	struct check_result *c = result_add_check(t, "c", OUT_CRASH, NULL, NULL, NULL);

	(void)state;
	assert_int_equal(c->verdict, OUT_BROKEN);
	assert_string_equal(c->expected, "");
	assert_string_equal(c->observed, "");
	assert_null(result_add_check(t, "d", OUT_SKIP, NULL, "why", NULL)->expected);
	result_free(r);
}

static void test_registers(void **state)
{
	struct run_result *r = result_new("run");
	struct vcpu_row *row = result_add_vcpu(result_add_test(r, "t", "a"), 1);
	char name[8] = "r0";

	(void)state;
	assert_false(result_add_reg(row, "", 1));
	assert_false(result_add_reg(row, "eightlet", 1));
	assert_false(result_add_reg(row, "r\n", 1));
	assert_false(result_add_reg(row, "RAX", 1));
	for (size_t i = 0; i < ARRAY_SIZE(row->regs); i++) {
		name[1] = (char)('a' + i);
		assert_true(result_add_reg(row, name, i));
	}
	assert_false(result_add_reg(row, "rax", 1));
	assert_string_equal(row->regs[19].name, "rt");
	result_free(r);
}

static void test_samples_go_forward(void **state)
{
	struct run_result *r = result_new("run");

	(void)state;
	result_add_exit_sample(r, -1, 1);
	result_add_exit_sample(r, (double)NAN, 1);
	result_add_exit_sample(r, (double)INFINITY, 1);
	assert_int_equal(r->n_boot_exits, 0);
	result_add_exit_sample(r, 0.5, 100);
	result_add_exit_sample(r, 0.4, 120);
	result_add_exit_sample(r, 0.5, 130);
	assert_int_equal(r->n_boot_exits, 2);
	assert_int_equal(r->boot_exits[1].exits, 130);
	result_free(r);
}

static void test_measures(void **state)
{
	struct run_result *r = result_new("run");
	struct test_result *t = result_add_test(r, "t", "a");

	(void)state;
	assert_true(result_add_measure(t, "cycles", "cycles", 7));
	assert_true(result_add_measure(t, "share", NULL, -0.5));
	assert_true(result_add_measure(t, "cycles", "ticks", 8));
	assert_int_equal(t->n_measures, 2);
	assert_string_equal(t->measures[0].unit, "ticks");
	assert_true(t->measures[0].value > 7.9 && t->measures[0].value < 8.1);
	assert_string_equal(t->measures[1].unit, "");
	assert_false(result_add_measure(t, "cycles", "cycles", (double)NAN));
	assert_false(result_add_measure(t, "new", "cycles", (double)INFINITY));
	assert_false(result_add_measure(t, "", "cycles", 1));
	assert_false(result_add_run_measure(r, "new", "cycles", -(double)INFINITY));
	assert_int_equal(t->n_measures, 2);
	assert_string_equal(t->measures[0].unit, "ticks");
	assert_int_equal(r->n_measures, 0);
	result_free(r);
}

static double run_measure(const struct run_result *r, const char *name)
{
	for (size_t i = 0; i < r->n_measures; i++)
		if (!strcmp(r->measures[i].name, name))
			return r->measures[i].value;
	fail_msg("no measure '%s'", name);
	return 0;
}

/* What the tree knows of times is there as numbers; a stage that came twice took both times. */
static void test_measures_of_a_run(void **state)
{
	struct run_result *r = result_new("run");

	(void)state;
	r->seconds = 12;
	r->exits_per_boot = 9890;
	r->boot_seconds = 4.5;
	result_add_stage(r, "L1", "restored", 1);
	result_add_stage(r, "L2", "booted", 4);
	result_add_stage(r, "L1", "restored", 0.5);
	result_add_stage(r, "L1", "odd", (double)NAN);
	result_finish(r);
	result_finish(r);
	assert_int_equal(r->n_measures, 5);
	assert_true(run_measure(r, "the whole run") > 11.9);
	assert_int_equal((int)run_measure(r, "exits per boot"), 9890);
	assert_int_equal((int)(run_measure(r, "power-on to ready") * 10), 45);
	assert_int_equal((int)(run_measure(r, "stage L1") * 10), 15);
	assert_int_equal((int)(run_measure(r, "stage L2") * 10), 40);
	result_free(r);
}

static void test_manifest_replaces(void **state)
{
	struct run_result *r = result_new("run");

	(void)state;
	result_set_manifest(r, "gcc", "12");
	result_set_manifest(r, "qemu", NULL);
	result_set_manifest(r, "gcc", "13");
	assert_int_equal(r->n_manifest, 2);
	assert_string_equal(r->manifest[0].value, "13");
	assert_string_equal(r->manifest[1].value, "");
	result_free(r);
}

/* A test that is to be run once more leaves nothing behind, and the next one takes its place. */
static void test_drop(void **state)
{
	struct run_result *r = result_new("20260101-000000-0000");
	struct test_result *t = result_add_test(r, "a/lost", "a");

	(void)state;
	result_add_check(t, "c", OUT_FAIL, "1", "2", NULL);
	result_drop_test(r);
	assert_int_equal(r->n_tests, 0);
	result_drop_test(r);
	t = result_add_test(r, "a/again", "a");
	assert_int_equal(r->n_tests, 1);
	assert_int_equal(t->n_checks, 0);
	assert_null(t->reason);
	result_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drop),
		cmocka_unit_test(test_verdict_of_a_test),
		cmocka_unit_test(test_verdict_of_a_run),
		cmocka_unit_test(test_run_that_judged_nothing),
		cmocka_unit_test(test_unfinished_is_no_pass),
		cmocka_unit_test(test_reasons_come_from_checks),
		cmocka_unit_test(test_reason_that_was_given_stays),
		cmocka_unit_test(test_reason_without_a_judgement),
		cmocka_unit_test(test_summary_counts_checks),
		cmocka_unit_test(test_check_names_are_unique),
		cmocka_unit_test(test_check_that_is_told_badly),
		cmocka_unit_test(test_registers),
		cmocka_unit_test(test_samples_go_forward),
		cmocka_unit_test(test_measures),
		cmocka_unit_test(test_measures_of_a_run),
		cmocka_unit_test(test_manifest_replaces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
