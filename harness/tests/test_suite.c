// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suites: what their files may say, what their programs said, and two such records compared, with
 * one fault put in at a time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "judge/suite_checks.h"
#include "suite/known.h"
#include "suite/programs.h"
#include "suite/record.h"
#include "suite/suite.h"

#include <cmocka.h>

/* ---- what a program said ---- */

static const struct suite_end ended_well = { .exit_code = 0 };

static void read_text(const char *format, const char *text, const struct suite_end *end,
		      struct suite_said *said)
{
	_cleanup_strv_ struct strv lines = { 0 };

	strv_split(&lines, text, "\n");
	suite_read(suite_format_find(format), &lines, end, said);
}

static void assert_line(const struct suite_said *said, const char *name, enum suite_verdict v)
{
	const struct suite_line *l = suite_said_find(said, name);

	if (!l)
		fail_msg("no line '%s'", name);
	if (l->verdict != v)
		fail_msg("'%s' is %s", name, suite_verdict_names[l->verdict]);
}

static const char ktap[] = "TAP version 13\n"
			   "1..5\n"
			   "ok 1 vcpu.reads\n"
			   "not ok 2 - vcpu.writes\n"
			   "ok 3 vcpu.sleeps # SKIP no timer\n"
			   "ok 4 # SKIP vcpu.flies\n"
			   "not ok 5 vcpu.swims # TODO water\n"
			   "# Totals: pass:1 fail:1 xfail:0 xpass:0 skip:3 error:0\n";

static void test_ktap(void **state)
{
	const struct suite_end end = { .exit_code = 1 };
	struct suite_said said;

	(void)state;
	read_text("ktap", ktap, &end, &said);
	assert_int_equal(said.n, 6);
	assert_line(&said, "vcpu.reads", SUITE_PASS);
	assert_line(&said, "vcpu.writes", SUITE_FAIL);
	assert_line(&said, "vcpu.sleeps", SUITE_SKIP);
	assert_string_equal(suite_said_find(&said, "vcpu.sleeps")->text, "no timer");
	assert_line(&said, "vcpu.flies", SUITE_SKIP);
	assert_line(&said, "vcpu.swims", SUITE_SKIP);
	assert_line(&said, SUITE_PROGRAM, SUITE_FAIL);
	assert_int_equal(suite_said_find(&said, "vcpu.writes")->at, 4);
	suite_said_free(&said);
}

/* A program that stops in the middle says so by what is missing alone. */
static void test_broken_promise(void **state)
{
	struct suite_said said;

	(void)state;
	read_text("ktap", "1..3\nok 1 a\nok 2 b\n", &ended_well, &said);
	assert_line(&said, SUITE_PLAN, SUITE_FAIL);
	suite_said_free(&said);
	read_text("ktap", "1..2\nok 1 a\nok 2 b\n", &ended_well, &said);
	assert_null(suite_said_find(&said, SUITE_PLAN));
	assert_line(&said, SUITE_PROGRAM, SUITE_PASS);
	suite_said_free(&said);
}

/* What was printed before it, without a newline, hid a failed line. */
static void test_behind_other_text(void **state)
{
	struct suite_said said;

	(void)state;
	read_text("ktap",
		  "1..3\nok 1 a\nDiff too high: 3083808..not ok 2 b\n# ok 3 d\nit is ok 7 times\n...ok 3 c # SKIP no c \n",
		  &ended_well, &said);
	assert_int_equal(said.n, 4);
	assert_line(&said, "a", SUITE_PASS);
	assert_line(&said, "b", SUITE_FAIL);
	assert_string_equal(suite_said_find(&said, "b")->text, "not ok 2 b");
	assert_line(&said, "c", SUITE_SKIP);
	assert_string_equal(suite_said_find(&said, "c")->text, "no c");
	suite_said_free(&said);
}

static void test_subtests(void **state)
{
	struct suite_said said;

	(void)state;
	read_text("ktap",
		  "1..2\n  # Subtest: outer\n  1..2\n  ok 1 same\n  not ok 2 other\nnot ok 1 "
		  "outer\n  # Subtest: next\n"
		  "  ok 1 same\nok 2 next\n",
		  &ended_well, &said);
	assert_line(&said, "outer/same", SUITE_PASS);
	assert_line(&said, "outer/other", SUITE_FAIL);
	assert_line(&said, "outer", SUITE_FAIL);
	assert_line(&said, "next/same", SUITE_PASS);
	assert_null(suite_said_find(&said, SUITE_PLAN));
	suite_said_free(&said);
}

static void test_whole_skipped(void **state)
{
	const struct suite_end end = { .exit_code = 4 };
	struct suite_said said;

	(void)state;
	read_text("ktap", "1..0 # SKIP - Requirement not met: kvm_cpu_has(X86_FEATURE_VMX)\n", &end,
		  &said);
	assert_line(&said, SUITE_PROGRAM, SUITE_SKIP);
	assert_string_equal(said.v[0].text, "Requirement not met: kvm_cpu_has(X86_FEATURE_VMX)");
	suite_said_free(&said);
}

static void test_assertion_told(void **state)
{
	const struct suite_end end = { .exit_code = 254 };
	struct suite_said said;

	(void)state;
	read_text("ktap",
		  "==== Test Assertion Failure ====\n  x86_64/one.c:12: !r\n  pid=700 tid=700 "
		  "errno=22\n",
		  &end, &said);
	assert_string_equal(said.v[0].text, "exit code 254; x86_64/one.c:12: !r");
	suite_said_free(&said);
}

static void test_ends(void **state)
{
	static const struct {
		const char *format;
		struct suite_end end;
		enum suite_verdict verdict;
	} ends[] = {
		{ "ktap", { .exit_code = 0 }, SUITE_PASS },
		{ "ktap", { .exit_code = 4 }, SUITE_SKIP },
		{ "ktap", { .exit_code = 77 }, SUITE_FAIL },
		{ "ktap", { .exit_code = 1 }, SUITE_FAIL },
		{ "ktap", { .exit_code = -1, .signal = 11 }, SUITE_FAIL },
		{ "ktap", { .exit_code = 0, .killed = true }, SUITE_FAIL },
		{ "exit-code", { .exit_code = 77 }, SUITE_SKIP },
		{ "exit-code", { .exit_code = 2 }, SUITE_FAIL },
		{ "kvm-unit-tests", { .exit_code = 1 }, SUITE_PASS },
		{ "kvm-unit-tests", { .exit_code = 0 }, SUITE_FAIL }, /* its guest rebooted */
		{ "kvm-unit-tests", { .exit_code = 3 }, SUITE_FAIL },
		{ "kvm-unit-tests", { .exit_code = 155 }, SUITE_SKIP },
		{ "kvm-unit-tests", { .exit_code = 1, .killed = true }, SUITE_FAIL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		struct suite_said said;

		read_text(ends[i].format, "a word\n", &ends[i].end, &said);
		assert_int_equal(said.n, 1);
		assert_line(&said, SUITE_PROGRAM, ends[i].verdict);
		suite_said_free(&said);
	}
	assert_null(suite_format_find("tap"));
}

/* Its exit code is that of a guest that passed. */
static void test_no_guest(void **state)
{
	static const char *const said_instead[] = {
		"", "qemu-system-x86_64: -device x: 'x' is not a valid device model name\n",
		"enabling apic\nqemu-system-x86_64: error: failed to set MSR 0x40000\n"
	};
	const struct suite_end end = { .exit_code = 1 };
	struct suite_said said;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(said_instead); i++) {
		read_text("kvm-unit-tests", said_instead[i], &end, &said);
		assert_line(&said, SUITE_PROGRAM, SUITE_FAIL);
		suite_said_free(&said);
	}
	read_text("kvm-unit-tests",
		  "qemu-system-x86_64: Property 'max-x86_64-cpu.vmx-mbec' not found\n", &end, &said);
	assert_line(&said, SUITE_PROGRAM, SUITE_SKIP);
	suite_said_free(&said);
	read_text("kvm-unit-tests",
		  "qemu-system-x86_64: warning: host doesn't support x\nPASS: a\n", &end, &said);
	assert_line(&said, SUITE_PROGRAM, SUITE_PASS);
	suite_said_free(&said);
}

static const char unit_tests[] = "enabling apic\n"
				 "PASS: map: address 0x12345678 is refused\n"
				 "PASS: map: address 0xabcdef01 is refused\n"
				 "FAIL: cr0: write of bit 31\n"
				 "INFO: 3 of them\n"
				 "SKIP: avic: not there\n"
				 "XFAIL: cr4: bit 12\n"
				 "KFAIL: cr4: bit 13\n"
				 "XPASS: cr4: bit 14\n"
				 "SUMMARY: 7 tests, 1 unexpected failures\n";

static void test_unit_tests(void **state)
{
	const struct suite_end end = { .exit_code = 3 };
	struct suite_said said;

	(void)state;
	read_text("kvm-unit-tests", unit_tests, &end, &said);
	assert_int_equal(said.n, 8);
	assert_line(&said, "map: address N is refused", SUITE_PASS);
	assert_line(&said, "map: address N is refused (2)", SUITE_PASS);
	assert_line(&said, "cr0: write of bit 31", SUITE_FAIL);
	assert_line(&said, "avic: not there", SUITE_SKIP);
	assert_line(&said, "cr4: bit 12", SUITE_SKIP);
	assert_line(&said, "cr4: bit 13", SUITE_SKIP);
	assert_line(&said, "cr4: bit 14", SUITE_FAIL);
	suite_said_free(&said);
}

/* "the program: SUMMARY: 0 tests" was the reason that people read. */
static void test_why_skipped(void **state)
{
	const struct suite_end end = { .exit_code = 155 };
	struct suite_said said;

	(void)state;
	read_text("kvm-unit-tests", "cr4 = 20\nSVM not available\nSUMMARY: 0 tests\n", &end, &said);
	assert_line(&said, SUITE_PROGRAM, SUITE_SKIP);
	assert_string_equal(said.v[0].text, "SVM not available");
	suite_said_free(&said);
	read_text("kvm-unit-tests", "SUMMARY: 0 tests\n", &end, &said);
	assert_string_equal(said.v[0].text, "SUMMARY: 0 tests");
	suite_said_free(&said);
}

/* ---- records ---- */

/* Three runs that said the same. */
static void record_of(const char *text, const struct suite_end *end, struct suite_record *r)
{
	_cleanup_buf_ struct buf b = { 0 };
	struct suite_said said;

	read_text("ktap", text, end, &said);
	for (unsigned int i = 0; i < SUITE_RECORDS; i++)
		suite_record_write(&said, NULL, &b);
	suite_said_free(&said);
	assert_true(suite_record_read(buf_str(&b), r));
	assert_int_equal(r->n, SUITE_RECORDS);
}

/* A record that was cut, or is of something else, is none: it was compared with. */
static void test_cut_record(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };
	struct suite_record r;
	struct suite_said said;

	(void)state;
	read_text("ktap", ktap, &ended_well, &said);
	suite_record_write(&said, NULL, &b);
	suite_said_free(&said);
	assert_true(suite_record_read(buf_str(&b), &r));
	assert_int_equal(r.run[0].said.n, 6);
	assert_string_equal(suite_said_find(&r.run[0].said, "vcpu.writes")->text,
			    "not ok 2 - vcpu.writes");
	suite_record_free(&r);
	for (size_t len = 0; len + 1 < b.len; len++) {
		_cleanup_free_ char *cut = xstrndup(b.data, len);

		assert_false(suite_record_read(cut, &r));
		suite_record_free(&r);
	}
	assert_false(suite_record_read("run\npass\ta\t\nend\n", &r));
	suite_record_free(&r);
	assert_true(suite_record_read("run\nlost\tL1 hangs\nend\n", &r));
	assert_true(suite_record_lost(&r));
	suite_record_free(&r);
}

struct seen {
	unsigned int n[SUITE_CHANGES], wrong;
};

static void on_compared(void *ctx, const struct suite_compared *c)
{
	struct seen *s = ctx;

	s->n[c->change]++;
	s->wrong += c->wrong;
}

static struct seen compare(const char *now, int code, const struct suite_record *then)
{
	const struct suite_end end = { .exit_code = code };
	struct seen s = { 0 };
	struct suite_said said;

	read_text("ktap", now, &end, &said);
	suite_compare(&said, then, on_compared, &s);
	suite_said_free(&said);
	return s;
}

static const char before[] = "ok 1 a\nok 2 b\nnot ok 3 c\nok 4 d # SKIP no d\n";

static void test_compared(void **state)
{
	static const struct {
		const char *now;
		int code;
		enum suite_change change;
		unsigned int wrong;
	} faults[] = {
		{ "ok 1 a\nnot ok 2 b\nnot ok 3 c\nok 4 d # SKIP no d\n", 1, SUITE_REGRESSED, 1 },
		{ "ok 1 a\nok 2 b # SKIP no b\nnot ok 3 c\nok 4 d # SKIP no d\n", 1,
		  SUITE_REGRESSED, 1 },
		{ "ok 1 a\nnot ok 3 c\nok 4 d # SKIP no d\n", 1, SUITE_GONE, 1 },
		{ "ok 1 a\nok 2 b\nok 4 d # SKIP no d\n", 0, SUITE_GONE, 0 },
		{ "ok 1 a\nok 2 b\nok 3 c\nok 4 d # SKIP no d\nnot ok 5 e\n", 1, SUITE_FIXED, 0 },
		{ "ok 1 a\nok 2 b\nnot ok 3 c\nnot ok 4 d\n", 1, SUITE_NEW, 1 },
		{ "ok 1 a\nok 2 b\nnot ok 3 c\nok 4 d\n", 1, SUITE_NEW, 0 },
		{ "ok 1 a\nok 2 b\nnot ok 3 c\nok 4 d # SKIP no d\nok 5 e\n", 1, SUITE_NEW, 0 },
		/* not reached before, as the program failed */
		{ "ok 1 a\nok 2 b\nnot ok 3 c\nok 4 d # SKIP no d\nnot ok 5 e\n", 1, SUITE_NEW, 0 },
		{ before, 0, SUITE_FIXED, 0 },
	};
	const struct suite_end failed = { .exit_code = 1 };
	struct suite_record then;
	struct seen s;

	(void)state;
	record_of(before, &failed, &then);
	s = compare(before, 1, &then);
	assert_int_equal(s.n[SUITE_SAME], 5);
	assert_int_equal(s.wrong, 0);
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		s = compare(faults[i].now, faults[i].code, &then);
		if (s.n[faults[i].change] != 1 || s.wrong != faults[i].wrong)
			fail_msg("fault %zu: %u of %s, %u wrong", i, s.n[faults[i].change],
				 suite_change_names[faults[i].change], s.wrong);
	}
	suite_record_free(&then);
}

/* What fails in both, and otherwise: not "the exact same failure". */
static void test_other_failure(void **state)
{
	static const char text[] = "==== Test Assertion Failure ====\n  one.c:%d: r == 0x%x\n";
	const struct suite_end failed = { .exit_code = 254 };
	_cleanup_free_ char *then_text = strf(text, 12, 0x10000), *same = strf(text, 12, 0x20000);
	_cleanup_free_ char *other = strf(text, 99, 0x10000);
	struct suite_record then;
	struct seen s;

	(void)state;
	record_of(then_text, &failed, &then);
	s = compare(same, 254, &then);
	assert_int_equal(s.wrong, 0);
	s = compare(other, 254, &then);
	assert_int_equal(s.n[SUITE_REGRESSED], 1);
	assert_int_equal(s.wrong, 1);
	suite_record_free(&then);
}

static void test_new_failure_of_a_whole_program(void **state)
{
	struct suite_record then;
	struct seen s;

	(void)state;
	record_of("ok 1 a\n", &ended_well, &then);
	s = compare("ok 1 a\nnot ok 2 b\n", 0, &then);
	assert_int_equal(s.n[SUITE_NEW], 1);
	assert_int_equal(s.wrong, 1);
	suite_record_free(&then);
}

/* What differs on the unpatched kernel itself proves nothing. */
static void test_unstable(void **state)
{
	struct suite_record then;
	struct seen s;

	(void)state;
	record_of("ok 1 a\nok 2 b\n", &ended_well, &then);
	then.run[1].said.v[1].verdict = SUITE_FAIL;
	s = compare("ok 1 a\nnot ok 2 b\n", 0, &then);
	assert_int_equal(s.n[SUITE_UNSTABLE], 1);
	assert_int_equal(s.wrong, 0);
	s = compare("ok 1 a\n", 0, &then);
	assert_int_equal(s.n[SUITE_UNSTABLE], 1);
	assert_int_equal(s.wrong, 0);
	s = compare("not ok 1 a\nok 2 b\n", 0, &then);
	assert_int_equal(s.wrong, 1);
	suite_record_free(&then);
}

/* ---- known failures ---- */

static void test_known(void **state)
{
	static const char text[] = "# why\n\n"
				   "one_test\ttcg-svm\tqemu-7.2*\tno NRIPS, as QEMU has none\n"
				   "two_*/cr0?write *  *   many\n";
	struct suite_known k = { .lane = xstrdup("tcg-svm"), .emulator = xstrdup("qemu-7.2.22") };

	(void)state;
	assert_int_equal(suite_known_read("a.known", text, &k), 0);
	assert_string_equal(suite_known_why(&k, "one_test", "the program"),
			    "no NRIPS, as QEMU has none");
	assert_string_equal(suite_known_why(&k, "two_test", "cr0 write"), "many");
	assert_non_null(suite_known_why(&k, "two_test", NULL));
	assert_null(suite_known_why(&k, "two_test", "cr4 write"));
	assert_null(suite_known_why(&k, "three_test", NULL));
	str_set(&k.emulator, "qemu-10.0.2");
	assert_null(suite_known_why(&k, "one_test", "the program"));
	assert_int_equal(suite_known_read("a.known", "one_test tcg-svm qemu-7.2\n", &k),
			 -OUT_USAGE);
	assert_non_null(strstr(fail_text(), "a.known:1:"));
	suite_known_free(&k);
}

/* ---- judged ---- */

struct judged {
	struct run_result *run;
	struct test_result *t;
};

/* then NULL: nothing to compare with. known: a line of a .known file, or "". */
static struct judged judge_text(const char *now, int code, const char *then, int then_code,
				const char *known)
{
	const struct suite_end end = { .exit_code = code }, then_end = { .exit_code = then_code };
	struct suite_known k = { .lane = xstrdup("tcg-svm"), .emulator = xstrdup("qemu-7.2.22") };
	struct suite_record record = { 0 };
	struct suite_said said;
	const struct suite_judging j = { "a_test", &said, &record, &k, "output-a_test.txt" };
	struct judged g = { .run = result_new("20261121-034219-7f3a") };
	unsigned int counts[SUITE_CHANGES] = { 0 }, lines = 0;

	g.t = result_add_test(g.run, "suite/a_test", "suite");
	assert_int_equal(suite_known_read("a.known", known, &k), 0);
	read_text("ktap", now, &end, &said);
	if (then)
		record_of(then, &then_end, &record);
	suite_checks(&j, g.t, counts);
	for (unsigned int i = 0; i < SUITE_CHANGES; i++)
		lines += counts[i];
	assert_int_equal(lines > 0, then != NULL);
	result_judge_test(g.t);
	suite_said_free(&said);
	suite_record_free(&record);
	suite_known_free(&k);
	return g;
}

static void test_judged(void **state)
{
	static const char ok[] = "ok 1 a\nok 2 b\n", bad[] = "ok 1 a\nnot ok 2 b\n";
	static const char assertion[] = "==== Test Assertion Failure ====\n  one.c:9: r\n";
	static const char known[] = "a_test * * QEMU does not\n", other[] = "b_test * * never\n";
	static const struct {
		const char *now, *then;
		int code, then_code;
		const char *known;
		enum outcome verdict;
		const char *check, *told;
		enum outcome of_check;
	} cases[] = {
		{ ok, ok, 0, 0, "", OUT_PASS, "b", "pass", OUT_PASS },
		{ bad, ok, 1, 0, "", OUT_FAIL, "b", "REGRESSED", OUT_FAIL },
		{ bad, ok, 1, 0, known, OUT_FAIL, "b", "known: QEMU does not", OUT_FAIL },
		{ bad, bad, 1, 1, "", OUT_PASS, "b", "in the same way", OUT_SKIP },
		{ bad, bad, 1, 1, known, OUT_PASS, "b", "known: QEMU does not", OUT_SKIP },
		{ ok, bad, 0, 1, "", OUT_PASS, "b", "FIXED", OUT_PASS },
		{ assertion, assertion, 254, 254, "", OUT_SKIP, SUITE_PROGRAM, "one.c:9", OUT_SKIP },
		{ assertion, assertion, 253, 254, "", OUT_FAIL, SUITE_PROGRAM, "REGRESSED", OUT_FAIL },
		{ "", "", 4, 4, "", OUT_SKIP, SUITE_PROGRAM, "it said nothing", OUT_SKIP },
		{ "", "", 4, 0, "", OUT_FAIL, SUITE_PROGRAM, "REGRESSED: skip", OUT_FAIL },
		{ "ok 1 a\n", ok, 0, 0, "", OUT_FAIL, "b", "GONE: it is not there", OUT_FAIL },
		{ ok, NULL, 0, 0, "", OUT_PASS, "b", "pass", OUT_PASS },
		{ bad, NULL, 1, 0, "", OUT_FAIL, "b", "not ok 2 b", OUT_FAIL },
		{ bad, NULL, 1, 0, other, OUT_FAIL, "b", "not ok 2 b", OUT_FAIL },
		{ assertion, NULL, 254, 0, known, OUT_SKIP, SUITE_PROGRAM, "known: QEMU does not", OUT_SKIP },
		{ ok, NULL, 0, 0, known, OUT_PASS, "its known failure", "its line can go", OUT_SKIP },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct judged g = judge_text(cases[i].now, cases[i].code, cases[i].then,
					     cases[i].then_code, cases[i].known);
		const struct check_result *c = result_find_check(g.t, cases[i].check);

		if (g.t->verdict != cases[i].verdict || !c || c->verdict != cases[i].of_check ||
		    !strstr(c->observed, cases[i].told))
			fail_msg("case %zu: %s; %s: %s", i, outcome_name(g.t->verdict), cases[i].check,
				 c ? c->observed : "not there");
		result_free(g.run);
	}
}

/* ---- run again, alone ---- */

static const char all_pass[] = "ok 1 a\nok 2 b\n", b_fails[] = "ok 1 a\nnot ok 2 b\n";

struct asked {
	const char *again, *base_again; /* base_again NULL: it was not asked */
	bool unstable;			/* one of the unpatched kernel's first runs differs */
	enum outcome verdict, of_check;
	const char *told;
	enum suite_change change; /* that it is counted as */
};

static void record_again(const struct asked *x, struct suite_record *then)
{
	_cleanup_buf_ struct buf text = { 0 };
	struct suite_said said;

	record_of(all_pass, &ended_well, then);
	if (x->unstable)
		then->run[1].said.v[1].verdict = SUITE_FAIL;
	if (!x->base_again)
		return;
	read_text("ktap", x->base_again, &ended_well, &said);
	suite_record_write(&said, NULL, &text);
	suite_said_free(&said);
	assert_true(suite_record_add(then, buf_str(&text)));
	assert_false(suite_record_add(then, buf_str(&text)));
}

static void check_asked(size_t i, const struct asked *x)
{
	struct run_result *run = result_new("20261121-034219-7f3a");
	struct test_result *t = result_add_test(run, "suite/a_test", "suite");
	struct suite_known none = { 0 };
	struct suite_record then;
	struct suite_said now, again;
	const struct suite_judging j = { "a_test", &now, &then, &none, "output-a_test.txt" };
	unsigned int counts[SUITE_CHANGES] = { 0 }, most;
	const struct check_result *c;

	record_again(x, &then);
	read_text("ktap", b_fails, &ended_well, &now);
	read_text("ktap", x->again, &ended_well, &again);
	most = then.n;
	then.n = SUITE_RECORDS;
	assert_true(suite_checks_doubt(&now, &then));
	suite_checks(&j, t, counts);
	then.n = most;
	suite_checks_again(&j, &again, t, counts);
	c = result_find_check(t, "b");
	if (t->verdict != x->verdict || c->verdict != x->of_check ||
	    !strstr(c->observed, x->told) || counts[x->change] != 1)
		fail_msg("case %zu: %s; b: %s: %s", i, outcome_name(t->verdict), outcome_name(c->verdict), c->observed);
	suite_said_free(&now);
	suite_said_free(&again);
	suite_record_free(&then);
	result_free(run);
}

static void test_again(void **state)
{
	static const struct asked cases[] = {
		{ b_fails, all_pass, false, OUT_FAIL, OUT_FAIL, "; run again alone: fail (not ok 2 b), and on the unpatched kernel: pass",
		  SUITE_REGRESSED },
		{ b_fails, NULL, false, OUT_FAIL, OUT_FAIL, "; run again alone: fail (not ok 2 b)", SUITE_REGRESSED },
		{ all_pass, all_pass, false, OUT_PASS, OUT_SKIP, "unstable: REGRESSED: fail (not ok 2 b); run again alone: pass",
		  SUITE_UNSTABLE },
		{ b_fails, b_fails, false, OUT_PASS, OUT_SKIP, "unstable: REGRESSED: fail", SUITE_UNSTABLE },
		/* fails again, though in another way */
		{ "ok 1 a\n", all_pass, false, OUT_FAIL, OUT_FAIL, "run again alone: it is not there", SUITE_REGRESSED },
		{ b_fails, all_pass, true, OUT_PASS, OUT_SKIP, "run again alone: fail (not ok 2 b), and on the unpatched kernel: pass",
		  SUITE_UNSTABLE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_asked(i, &cases[i]);
}

/* A kernel that dies now is the change's doing, unless it died each time before. */
static void test_lost(void **state)
{
	static const struct {
		const char *then;
		const char *known;
		enum outcome verdict;
	} cases[] = {
		{ "run\nlost\tL1 hangs\nend\nrun\nlost\tL1 hangs\nend\n", NULL, OUT_SKIP },
		{ "run\nlost\tL1 hangs\nend\nrun\npass\tthe program\t\nend\n", NULL, OUT_CRASH },
		{ "run\npass\tthe program\t\nend\n", "QEMU does not", OUT_CRASH },
		{ "", NULL, OUT_CRASH }, /* nothing to compare with */
		{ "", "QEMU does not", OUT_SKIP },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct run_result *run = result_new("20261121-034219-7f3a");
		struct test_result *t = result_add_test(run, "suite/a_test", "suite");
		struct suite_record then;

		assert_int_equal(suite_record_read(cases[i].then, &then), *cases[i].then != '\0');
		t->verdict = OUT_CRASH;
		suite_checks_lost(&then, cases[i].known, t);
		assert_int_equal(t->verdict, cases[i].verdict);
		suite_record_free(&then);
		result_free(run);
	}
}

/* ---- the files ---- */

static void test_own_suites(void **state)
{
	_cleanup_strv_ struct strv names = { 0 };

	(void)state;
	assert_int_equal(suite_names(&names), 0);
	assert_true(names.n > 0);
	for (size_t i = 0; i < names.n; i++) {
		struct suite_known k;
		struct suite s;

		if (suite_load(names.v[i], &s))
			fail_msg("%s", fail_text());
		assert_int_equal(suite_known_load(s.name, "tcg-svm", "qemu-7.2.22", &k), 0);
		suite_known_free(&k);
		suite_free(&s);
	}
}

static void test_names(void **state)
{
	struct suite s;

	(void)state;
	assert_int_equal(suite_load("selftest", &s), -OUT_USAGE);
	assert_non_null(strstr(fail_text(), "did you mean selftests?"));
	assert_int_equal(suite_load("../suites/selftests", &s), -OUT_USAGE);
	assert_int_equal(suite_load("selftests", &s), 0);
	assert_int_equal(suite_check_lane(&s, "tcg-svm"), 0);
	assert_int_equal(suite_check_lane(&s, "nowhere"), -OUT_USAGE);
	suite_free(&s);
}

static void test_items(void **state)
{
	struct suite s = { .timeout = 10 };

	(void)state;
	strv_add(&s.timeouts, "slow_*=40");
	strv_add(&s.timeouts, "bochs-vmx/fast_*=20");
	assert_int_equal(suite_timeout(&s, "slow_test", "tcg-svm"), 40);
	assert_int_equal(suite_timeout(&s, "fast_test", "tcg-svm"), 10);
	assert_int_equal(suite_timeout(&s, "fast_test", "bochs-vmx"), 20);
	strv_free(&s.timeouts);
}

static void test_list(void **state)
{
	static const char *const wrong[] = { "",	  "one\n",	  "one\t\n", "a b\tc\n",
					     "../a\tb\n", "a\tb\na\tc\n", "\tb\n" };
	struct suite_programs p = { 0 };

	(void)state;
	assert_int_equal(suite_programs_read("a list", "one\t./one -x\ntwo\t./two\n", &p), 0);
	assert_int_equal(p.n, 2);
	assert_string_equal(p.v[0].command, "./one -x");
	suite_programs_free(&p);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_int_equal(suite_programs_read("a list", wrong[i], &p), -OUT_USAGE);
		suite_programs_free(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ktap),
		cmocka_unit_test(test_broken_promise),
		cmocka_unit_test(test_behind_other_text),
		cmocka_unit_test(test_subtests),
		cmocka_unit_test(test_whole_skipped),
		cmocka_unit_test(test_assertion_told),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_no_guest),
		cmocka_unit_test(test_unit_tests),
		cmocka_unit_test(test_why_skipped),
		cmocka_unit_test(test_cut_record),
		cmocka_unit_test(test_compared),
		cmocka_unit_test(test_other_failure),
		cmocka_unit_test(test_new_failure_of_a_whole_program),
		cmocka_unit_test(test_unstable),
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_judged),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_own_suites),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_items),
		cmocka_unit_test(test_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
