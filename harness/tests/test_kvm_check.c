// SPDX-License-Identifier: GPL-2.0-only
/* What checkpatch said is read; a run becomes a cover letter's paragraph that hides nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "kvmcheck/kvmcheck.h"

#include <cmocka.h>

static void expect_checkpatch(const char *output, int status, const char *said, bool is_wrong)
{
	bool wrong = !is_wrong;
	_cleanup_free_ char *text = checkpatch_read(output, status, &wrong);

	if (!said) {
		assert_null(text);
		return;
	}
	assert_string_equal(text, said);
	assert_int_equal(wrong, is_wrong);
}

static void test_checkpatch(void **state)
{
	(void)state;
	expect_checkpatch("", 0, "nothing to say", false);
	expect_checkpatch("-:9: WARNING:LONG_LINE: line length of 104\ntotal: 0 errors, 1 warnings, 7 lines checked\n",
			  1, "0 errors, 1 warning: WARNING:LONG_LINE: line length of 104", false);
	expect_checkpatch("-:9: WARNING:LONG_LINE: long\n-:24: ERROR:MISSING_SIGN_OFF: Missing\n-:30: ERROR:SPACING: no\n"
			  "total: 2 errors, 1 warnings, 7 lines checked\n",
			  1, "2 errors, 1 warning: ERROR:MISSING_SIGN_OFF: Missing", true);
	/* One that did not come to its end has found nothing, and missed nothing. */
	expect_checkpatch("-:9: WARNING:LONG_LINE: long\n", 1, NULL, false);
	expect_checkpatch("Can't locate Term/ANSIColor.pm in @INC\n", 2, NULL, false);
}

/* ---- TESTS= for several suites ---- */

static void expect_tests(const char *tests, const char *suite, const char *left)
{
	_cleanup_strv_ struct strv words = { 0 };
	_cleanup_buf_ struct buf b = { 0 };

	strv_split(&words, tests, " ");
	kvm_check_tests(&words, suite, &b);
	assert_string_equal(buf_str(&b), left);
}

static void test_tests(void **state)
{
	static const char both[] = "selftests/xapic_* kvm-unit-tests/ioapic smp*";

	(void)state;
	expect_tests(both, "selftests", "selftests/xapic_* smp*");
	expect_tests(both, "kvm-unit-tests", "kvm-unit-tests/ioapic smp*");
	expect_tests("selftests/xapic_*", "kvm-unit-tests", "");
	expect_tests("self*/xapic_*", "selftests", "self*/xapic_*");
	expect_tests("selftests/xapic_* many", NULL, "many");
}

/* ---- the cover letter ---- */

static struct run_result *make_run(void)
{
	struct run_result *r = result_new("20260101-000000-0000");
	const struct subject_patch p = { .role = (char *)"host", .file = (char *)"1.patch" };

	str_set(&r->assignment, KVM_CHECK);
	str_set(&r->kernel, "6.12-unpatched");
	result_add_patch(r, &p);
	result_set_manifest(r, "part suite LANE=tcg-svm", "SUITE=selftests LANE=tcg-svm NESTED_PAGING=0 QEMU=7.2.22");
	result_set_manifest(r, "part other", "SUITE=kvm-unit-tests LANE=bochs-vmx");
	r->finished = true;
	return r;
}

static struct test_result *add_part(struct run_result *r, const char *name, enum outcome v)
{
	struct test_result *t = result_add_test(r, name, KVM_CHECK);

	if (v != OUT_SKIP)
		result_add_check(t, "1: 1.patch", v, "x", v == OUT_PASS ? "it builds" : "1.c:3: error: no\nmore", NULL);
	t->verdict = v;
	return t;
}

/* In any layout: what is wrapped reads the same. */
static bool cover_says(const struct run_result *r, const char *sentence)
{
	_cleanup_buf_ struct buf b = { 0 }, flat = { 0 };
	_cleanup_strv_ struct strv words = { 0 };

	assert_int_equal(kvm_check_cover(r, &b), 0);
	strv_split(&words, buf_str(&b), " \n");
	for (size_t i = 0; i < words.n; i++)
		buf_printf(&flat, "%s ", words.v[i]);
	for (const char *line = buf_str(&b); *line; line += strcspn(line, "\n"), line += *line != '\0')
		assert_true(strcspn(line, "\n") <= 72);
	return strstr(buf_str(&flat), sentence);
}

static void test_cover(void **state)
{
	struct run_result *r = make_run();

	(void)state;
	add_part(r, PART_BUILDS, OUT_PASS);
	result_add_measure(add_part(r, "suite LANE=tcg-svm", OUT_PASS), LINES_MEASURE "same", "lines", 312);
	str_set(&add_part(r, "other", OUT_SKIP)->reason, "its source can't be had: no such host: /home/me/x");
	assert_true(cover_says(r, "each patch builds on those before it"));
	assert_true(cover_says(r, "selftests in lane tcg-svm (QEMU emulates an AMD host, version 7.2.22), nested paging off: pass; lines "
				  "beside the same kernel without the series: 312 same "));
	assert_true(cover_says(r, "Not tested: other: its source can't be had: no such host All"));
	assert_true(cover_says(r, "no hardware's VMX or SVM has run the series"));
	result_free(r);
}

static void test_cover_of_failures(void **state)
{
	struct run_result *r = make_run();

	(void)state;
	add_part(r, PART_BUILDS, OUT_FAIL);
	add_part(r, PART_CHECKPATCH, OUT_SKIP);
	assert_true(cover_says(r, "builds: NOT 1 of 1 patches, the first: 1: 1.patch: 1.c:3: error: no - "));
	assert_true(cover_says(r, "Not tested: checkpatch: "));
	assert_true(cover_says(r, "The series was not run at all."));
	result_free(r);
}

/* Another run's results, or half of them, would read as tested. */
static void test_no_cover(void **state)
{
	struct run_result *r = make_run();
	_cleanup_buf_ struct buf b = { 0 };

	(void)state;
	r->finished = false;
	assert_int_equal(kvm_check_cover(r, &b), -OUT_USAGE);
	assert_non_null(strstr(fail_text(), "not finished"));
	r->finished = true;
	str_set(&r->assignment, "cpuid-exits");
	assert_int_equal(kvm_check_cover(r, &b), -OUT_USAGE);
	assert_non_null(strstr(fail_text(), "no run of `nestlab kvm-check`"));
	result_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checkpatch),
		cmocka_unit_test(test_tests),
		cmocka_unit_test(test_cover),
		cmocka_unit_test(test_cover_of_failures),
		cmocka_unit_test(test_no_cover),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
