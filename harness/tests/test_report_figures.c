// SPDX-License-Identifier: GPL-2.0-only
/* What the reports share: text in each format's form, and the figures of a boot's exits. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "report/chart.h"
#include "report/growth.h"
#include "report/text.h"

/* Behind the others: cmocka has a macro fail(), which outcome.h declares as a function. */
#include <cmocka.h>

static void test_text_forms(void **state)
{
	static const struct {
		enum text_form form;
		const char *in, *out;
	} cases[] = {
		{ TEXT_UTF8, "\xc3\xa9 \xff\x80 \xe2\x82",
		  "\xc3\xa9 \xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd" },
		{ TEXT_UTF8, "\xf0\x9f\x90\xa7 \x01", "\xf0\x9f\x90\xa7 \x01" },
		{ TEXT_UTF8, "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd" }, /* an overlong slash */
		{ TEXT_XML, "a\tb\x01\xef\xbf\xbf", "a\tb\xef\xbf\xbd\xef\xbf\xbd" },
		{ TEXT_LINE, "a\tb\nc\x1b[m\xc2\x9b\xe2\x80\xae", "a\\tb\\nc\\x1b[m\\x9b\\u202e" },
		{ TEXT_TAP, "a # SKIP \\ b", "a  SKIP \\ b" },
		{ TEXT_HTML, "<a href=\"x\">'&\t", "&lt;a href=&quot;x&quot;&gt;&#39;&amp;\t" },
		{ TEXT_HTML, NULL, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *out = text_form(cases[i].form, cases[i].in);

		assert_string_equal(out, cases[i].out);
	}
}

static void test_numbers_as_text(void **state)
{
	static const struct {
		double in;
		const char *out;
	} times[] = {
		{ 0.43, "0.43 s" },	 { 12.34, "12.3 s" }, { 125.4, "2 min 05 s" },
		{ 99.97, "1 min 40 s" }, { -1, "?" },
	};
	static const struct {
		double in;
		const char *out;
	} numbers[] = {
		{ 0, "0" },
		{ 4, "4" },
		{ -18840, "-18,840" },
		{ 0.5, "0.5" },
		{ 6.8234, "6.823" },
		{ 120345.5, "120,346" },
		{ 1e300, "1e+300" },
		{ 1e-9, "1e-09" },
		{ 999.96, "1000" },
		{ (double)NAN, "nan" },
	};
	static const struct {
		uint64_t in;
		const char *out;
	} counts[] = {
		{ 0, "0" },
		{ 999, "999" },
		{ 1000, "1,000" },
		{ UINT64_MAX, "18,446,744,073,709,551,615" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		_cleanup_free_ char *text = text_seconds(times[i].in);

		assert_string_equal(text, times[i].out);
	}
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		_cleanup_free_ char *text = text_number(numbers[i].in);

		assert_string_equal(text, numbers[i].out);
	}
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		_cleanup_free_ char *text = text_count(counts[i].in);

		assert_string_equal(text, counts[i].out);
	}
}

/* The growth of exits */

static bool near(double a, double b)
{
	return a - b < 1e-6 * (1 + b) && b - a < 1e-6 * (1 + b);
}

/* 4,000 exits a second, all the way to READY. */
static struct run_result *steady_run(void)
{
	struct run_result *r = result_new("run");

	for (unsigned int i = 0; i <= 20; i++)
		result_add_exit_sample(r, i * 0.25, i * 1000);
	r->boot_seconds = 5;
	r->exits_per_boot = 20000;
	return r;
}

static void test_growth_that_is_stable(void **state)
{
	struct run_result *r = steady_run();
	_cleanup_free_ char *answer = NULL;
	struct growth g;

	(void)state;
	assert_true(growth_of(r, &g));
	assert_true(g.stable);
	assert_true(near(g.rate, 4000));
	assert_true(near(g.half_at, 2.5));
	for (size_t i = 0; i < GROWTH_PARTS; i++)
		assert_true(near(g.parts[i].exits, 2000));
	answer = growth_answer(&g);
	assert_string_equal(
		answer, "The rate of exits is stable: every tenth of the time made 4,000 exits a second.");
	result_free(r);
}

static void test_growth_with_phases(void **state)
{
	struct run_result *r = result_new("run");
	_cleanup_free_ char *answer = NULL;
	struct growth g;

	(void)state;
	/* First sample after power-on, a storm in the fifth second, silence behind READY. */
	result_add_exit_sample(r, 4, 400);
	result_add_exit_sample(r, 5, 9400);
	result_add_exit_sample(r, 10, 9900);
	result_add_exit_sample(r, 20, 9900);
	r->boot_seconds = 10;
	r->exits_per_boot = 9900;
	assert_true(growth_of(r, &g));
	assert_false(g.stable);
	assert_int_equal(g.fastest, 4);
	assert_true(near(g.parts[4].rate, 9000));
	assert_true(near(g.parts[0].rate, 100));
	assert_true(near(g.seconds, 10) && near(g.end, 20));
	assert_true(g.half_at > 4 && g.half_at < 5);
	answer = growth_answer(&g);
	assert_non_null(strstr(answer, "not stable"));
	assert_non_null(strstr(answer, "9,000 (4.00 to 5.00 s)"));
	result_free(r);
}

static void test_growth_unknown(void **state)
{
	struct run_result *r = result_new("run");
	struct growth g;

	(void)state;
	assert_false(growth_of(r, &g));
	r->exits_per_boot = 100; /* a figure without a course */
	r->boot_seconds = 3;
	assert_false(growth_of(r, &g));
	r->boot_seconds = 0;
	result_add_exit_sample(r, 0, 1);
	assert_false(growth_of(r, &g));
	result_free(r);
}

static void test_axis_steps(void **state)
{
	static const struct {
		double max;
		unsigned int n;
		double step;
	} cases[] = {
		{ 5.2, 12, 0.5 }, { 24532, 6, 5000 }, { 1, 4, 0.5 },
		{ 9, 10, 1 },	  { 1e9, 5, 2e8 },    { 0.003, 10, 0.0005 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_true(near(chart_step(cases[i].max, cases[i].n) * 1e6, cases[i].step * 1e6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_forms),
		cmocka_unit_test(test_numbers_as_text),
		cmocka_unit_test(test_growth_that_is_stable),
		cmocka_unit_test(test_growth_with_phases),
		cmocka_unit_test(test_growth_unknown),
		cmocka_unit_test(test_axis_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
