// SPDX-License-Identifier: GPL-2.0-only
/* Two runs of one plan compared: one thing changed at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants these before it */
#include <cmocka.h>
#undef fail /* core/outcome.h's is meant */

#include "core/outcome.h"
#include "reproduce/same.h"

struct pair {
	struct run_result *was, *now;
	struct same s;
};

static struct run_result *a_run(void)
{
	struct run_result *r = result_new("20261127-000000-0000");
	struct test_result *t = result_add_test(r, "vcpu-info/pairs", "vcpu-info");

	result_set_manifest(r, "bzImage host", "b1");
	result_set_manifest(r, "module kvm.ko", "m1");
	result_set_manifest(r, "kernel host", "k1");
	result_set_manifest(r, "compiler host", "gcc 12");
	result_set_manifest(r, "compiler of nestlab", "gcc 12");
	result_set_manifest(r, "version QEMU", "7.2");
	result_add_check(t, "pid of the target", OUT_PASS, "x", "x", NULL);
	result_add_check(t, "registers of the target", OUT_SKIP, NULL, "none", NULL);
	result_finish(r);
	return r;
}

static int open_pair(void **state)
{
	struct pair *p = calloc(1, sizeof(*p));

	p->was = a_run();
	p->now = a_run();
	*state = p;
	return 0;
}

static int close_pair(void **state)
{
	struct pair *p = *state;

	same_free(&p->s);
	result_free(p->was);
	result_free(p->now);
	free(p);
	return 0;
}

static void assert_told(struct pair *p, bool reproduced, const char *line)
{
	_cleanup_buf_ struct buf text = { 0 };

	same_compare(p->was, p->now, &p->s);
	same_tell(&p->s, &text);
	if (same_is_reproduced(&p->s) != reproduced || !strstr(buf_str(&text), line)) {
		print_error("want '%s' in:\n%s", line, buf_str(&text));
		_fail(__FILE__, __LINE__);
	}
}

static void test_equal(void **state)
{
	struct pair *p = *state;

	assert_told(p, true, "equal    2 made the same bit for bit\n");
	assert_int_equal(p->s.n, 0);
	assert_int_equal(p->s.checks, 2);
	assert_int_equal(p->s.equal[PART_AROUND], 2);
}

static void test_other_bits(void **state)
{
	struct pair *p = *state;

	result_set_manifest(p->now, "module kvm.ko", "m2");
	assert_told(p, false, "differs  module kvm.ko: m2, was m1\nwhy      all that goes in is the same");
}

static void test_other_bits_of_another_compiler(void **state)
{
	struct pair *p = *state;

	result_set_manifest(p->now, "bzImage host", "b2");
	result_set_manifest(p->now, "compiler host", "gcc 13");
	assert_told(p, false, "why      of what goes in something differs");
}

/* What it met with on its way is told, and is no difference of what was made. */
static void test_other_emulator(void **state)
{
	struct pair *p = *state;

	result_set_manifest(p->now, "version QEMU", "10.0");
	assert_told(p, true, "differs  version QEMU: 10.0, was 7.2\n");
}

static void test_a_module_less(void **state)
{
	struct pair *p = *state;

	result_set_manifest(p->was, "module kvm-amd.ko", "m3");
	assert_told(p, false, "differs  module kvm-amd.ko: none, was m3\n");
}

static void test_a_module_more(void **state)
{
	struct pair *p = *state;

	result_set_manifest(p->now, "module kvm-amd.ko", "m3");
	assert_told(p, false, "differs  module kvm-amd.ko: m3, was none\n");
}

/* A run that built nothing has nothing that could be the same. */
static void test_nothing_made(void **state)
{
	struct pair *p = *state;

	result_free(p->was);
	result_free(p->now);
	p->was = result_new("a");
	p->now = result_new("a");
	assert_told(p, false, "equal    0 verdicts");
}

static void test_another_verdict(void **state)
{
	struct pair *p = *state;

	p->now->tests[0].checks[0].verdict = OUT_FAIL;
	assert_told(p, false, "differs  vcpu-info/pairs: pid of the target: fail, was pass\n");
}

static void test_a_check_that_was_not_asked(void **state)
{
	struct pair *p = *state;

	result_add_check(&p->was->tests[0], "exits", OUT_PASS, "x", "x", NULL);
	assert_told(p, false, "differs  vcpu-info/pairs: exits: not asked, was pass\n");
}

static void test_a_test_more(void **state)
{
	struct pair *p = *state;

	result_add_test(p->now, "vcpu-info/ids", "vcpu-info");
	assert_told(p, false, "differs  vcpu-info/ids: skip, was not asked\n");
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, open_pair, close_pair)
	const struct CMUnitTest tests[] = {
		T(test_equal),
		T(test_other_bits),
		T(test_other_bits_of_another_compiler),
		T(test_other_emulator),
		T(test_a_module_less),
		T(test_a_module_more),
		T(test_nothing_made),
		T(test_another_verdict),
		T(test_a_check_that_was_not_asked),
		T(test_a_test_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
