// SPDX-License-Identifier: GPL-2.0-only
/* What the emulator counts: looks at its counters, their text, and the bounds that follow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "evidence/oracle.h"
#include "evidence/vmruns.h"
#include "judge/checks.h"

#include <cmocka.h>

#include "tests/vmruns_text.h"

#define SOON 1000000000000ULL /* ticks; a test does not take that long */

/* -- a look -- */

static struct counters *make_counters(unsigned int cpus)
{
	struct counters *c = xcalloc(1, sizeof(*c));

	c->cpus = cpus;
	return c;
}

static void set_cpu(struct counters *c, unsigned int cpu, const struct cpu_counts *counts)
{
	c->cpu[cpu].copy[0] = *counts;
}

static void test_sample_adds_all_vcpus(void **state)
{
	struct counters *c = make_counters(2);
	struct counters_sample s;

	(void)state;
	set_cpu(c, 0, &(struct cpu_counts){ 11, 11, 500, 10, 20, 0 });
	set_cpu(c, 1, &(struct cpu_counts){ 8, 7, 300, 30, 15, 1 });
	set_cpu(c, 2, &(struct cpu_counts){ 1000, 1000, 1000, 1, 2, 0 }); /* no vCPU */
	assert_true(counters_take(c, &s));
	assert_int_equal(s.vmruns, 19);
	assert_int_equal(s.vmexits, 18);
	/* vCPU 1 has been in its guest since 30, vCPU 0 outside since 20. */
	assert_int_equal(s.guest_least, 800 + s.begin - 30);
	assert_in_range(s.guest_most, s.guest_least, 800 + s.end - 30);
	assert_int_equal(s.outside, s.begin - 20);
	free(c);
}

static void test_sample_uses_the_current_copy(void **state)
{
	struct counters *c = make_counters(1);
	struct counters_sample s;

	(void)state;
	c->cpu[0].copy[0] = (struct cpu_counts){ .vmexits = 1 };
	c->cpu[0].copy[1] = (struct cpu_counts){ .vmexits = 2 };
	c->cpu[0].turn = 7;
	assert_true(counters_take(c, &s));
	assert_int_equal(s.vmexits, 2);
	free(c);
}

/* It came out of its guest after the look began: it was inside at the beginning. */
static void test_sample_of_a_vcpu_that_just_left(void **state)
{
	struct counters *c = make_counters(1);
	struct counters_sample s;

	(void)state;
	set_cpu(c, 0, &(struct cpu_counts){ 5, 5, 900, 40, counters_tsc() + SOON, 0 });
	assert_true(counters_take(c, &s));
	assert_int_equal(s.outside, 0);
	free(c);
}

/* It went into its guest after the look began: it was outside at the beginning. */
static void test_sample_of_a_vcpu_that_just_entered(void **state)
{
	struct counters *c = make_counters(1);
	struct counters_sample s;

	(void)state;
	set_cpu(c, 0, &(struct cpu_counts){ 6, 5, 900, counters_tsc() + SOON, 70, 1 });
	assert_true(counters_take(c, &s));
	assert_int_equal(s.outside, s.begin - 70);
	assert_int_equal(s.guest_least, 900);
	assert_int_equal(s.guest_most, 900);
	free(c);
}

static void test_sample_that_comes_to_no_rest(void **state)
{
	struct counters *c = make_counters(1);
	uint64_t later = counters_tsc() + SOON;
	struct counters_sample s;

	(void)state;
	set_cpu(c, 0, &(struct cpu_counts){ 6, 6, 900, later, later + 1, 0 });
	assert_false(counters_take(c, &s));
	free(c);
}

/* -- text -- */

static struct vmruns make_vmruns(void)
{
	struct vmruns v = { .present = true, .n_marks = 2 };

	v.before[0] = (struct counters_sample){ 1, 2, 100, 100, 5, 6, 7 };
	v.before[1] = (struct counters_sample){ 3, 4, 110, 110, 15, 16, 17 };
	v.after[0] = (struct counters_sample){ 5, 6, 200, 199, 25, 26, 27 };
	v.after[1] = (struct counters_sample){ 7, 8, 205, 204, 35, 36, UINT64_MAX };
	v.marks = xcalloc(2, sizeof(*v.marks));
	v.marks[0] = (struct counters_mark){ 1, 1, { 50, 51, 120, 119, 1, 2, 3 } };
	v.marks[1] = (struct counters_mark){ 2, 2, { 52, 53, 121, 120, 4, 5, 6 } };
	return v;
}

static void test_text_and_back(void **state)
{
	struct vmruns v = make_vmruns(), back;
	_cleanup_buf_ struct buf text = { 0 }, again = { 0 };

	(void)state;
	vmruns_print(&v, &text);
	back = vmruns_read(buf_str(&text));
	assert_true(back.present);
	assert_int_equal(back.n_marks, 2);
	vmruns_print(&back, &again);
	assert_string_equal(buf_str(&text), buf_str(&again));
	vmruns_free(&v);
	vmruns_free(&back);
}

static void test_text_of_none(void **state)
{
	struct vmruns v = { .missing = xstrdup("QEMU does not take it: no") }, back;
	_cleanup_buf_ struct buf text = { 0 };

	(void)state;
	vmruns_print(&v, &text);
	back = vmruns_read(buf_str(&text));
	assert_false(back.present);
	assert_string_equal(back.missing, v.missing);
	vmruns_free(&v);
	vmruns_free(&back);
}

/* -- bounds -- */

static void test_stats_growth(void **state)
{
	struct vmruns v = make_vmruns();
	struct bounds alone = vmruns_stats_growth(&v, 2, true);
	struct bounds with_others = vmruns_stats_growth(&v, 2, false);

	(void)state;
	assert_int_equal(alone.least, 199 - 110 - 2);
	assert_int_equal(alone.most, 204 - 100 + 2);
	assert_int_equal(with_others.least, 0);
	assert_int_equal(with_others.most, alone.most);
	vmruns_free(&v);
}

/* A reading from mark to mark, at this many #VMEXITs, and its own between. */
static void make_marks(struct counters_sample *m, uint64_t vmexits)
{
	m[0] = (struct counters_sample){ .vmexits = vmexits };
	m[1] = (struct counters_sample){ .vmexits = vmexits + 1 };
}

static void test_exits_growth(void **state)
{
	struct counters_sample a[2], b[2];
	struct marked first = { &a[0], &a[1] }, second = { &b[0], &b[1] };
	struct bounds g;

	(void)state;
	make_marks(a, 1000);
	make_marks(b, 1101); /* 100 in between */
	g = vmruns_exits_growth(first, second, 1);
	assert_int_equal(g.least, 101); /* the second reading's own is one more */
	assert_int_equal(g.most, 101);
	g = vmruns_exits_growth(first, second, 4);
	assert_int_equal(g.least, 98);
	assert_int_equal(g.most, 104);
	b[1].vmexits += 10; /* others exit while it is read */
	g = vmruns_exits_growth(first, second, 1);
	assert_int_equal(g.least, 101);
	assert_int_equal(g.most, 111);
}

static void test_cycles_most(void **state)
{
	struct counters_sample a[2] = { { .begin = 100, .guest_most = 50, .outside = 7 } };
	struct counters_sample b[2] = { { 0 }, { .end = 1100, .guest_least = 1850 } };
	struct marked first = { &a[0], &a[1] }, second = { &b[0], &b[1] };

	(void)state;
	/*
	 * Two vCPUs had 1000 ticks each, were in their guests for 1800 of them, and 7 from before.
	 */
	assert_int_equal(vmruns_cycles_most(first, second, 2), 2000 - 1800 + 7);
	b[1].guest_least = 850;
	assert_int_equal(vmruns_cycles_most(first, second, 1), 1000 - 800);
	b[1].guest_least = 40; /* less than before: nothing is known */
	assert_int_equal(vmruns_cycles_most(first, second, 2), 2007);
}

static void test_outside_least(void **state)
{
	struct counters_sample a[2] = { { 0 }, { .end = 100, .guest_least = 10 } };
	struct counters_sample b[2] = { { .begin = 1100, .guest_most = 310 } };
	struct marked first = { &a[0], &a[1] }, second = { &b[0], &b[1] };

	(void)state;
	assert_int_equal(vmruns_outside_least(first, second), 700);
	b[0].guest_most = 5000; /* others were in theirs */
	assert_int_equal(vmruns_outside_least(first, second), 0);
}

/* -- the checks of every test -- */

static void set_exits(struct oracle *o, uint64_t a, uint64_t b)
{
	*o = (struct oracle){ .valid = true, .n_vcpus = 2 };
	o->vcpus[0] = (struct oracle_vcpu){ .has_exits = true, .exits = a };
	o->vcpus[1] = (struct oracle_vcpu){ .vcpu_id = 1, .has_exits = true, .exits = b };
}

static const struct testcase in_l2 = { .name = "t", .level = 2, .wants_trace = true };
static const struct testcase in_l1 = { .name = "t", .level = 1, .wants_trace = true };
static const struct testcase of_monitor = { .name = "t", .level = 1, .wants_monitor = true };

/* What a test in L2 says by one of the oracles; frees what the emulator counted. */
static enum outcome verdict_of(struct evidence *e, const char *check)
{
	struct run_result *run = result_new("unit");
	struct test_result *t = result_add_test(run, "t", "a");
	const struct check_result *c;
	enum outcome verdict;

	check_oracles(&in_l2, e, t);
	assert_int_equal(t->n_checks, 4);
	c = result_find_check(t, check);
	assert_non_null(c);
	assert_true(c->preparatory);
	verdict = c->verdict;
	vmruns_free(&e->vmruns);
	result_free(run);
	return verdict;
}

/* The verdict on KVM's statistics that grew by so many; make_vmruns() allows 87 to 106. */
static enum outcome verdict_on(uint64_t growth)
{
	struct evidence e = { .l2_cpus = 2, .vmruns = make_vmruns() };

	set_exits(&e.before, 1000, 500);
	set_exits(&e.after, 1000 + growth, 500);
	return verdict_of(&e, "KVM's statistics");
}

static void test_statistics(void **state)
{
	(void)state;
	assert_int_equal(verdict_on(87), OUT_PASS);
	assert_int_equal(verdict_on(106), OUT_PASS);
	assert_int_equal(verdict_on(86), OUT_FAIL);
	assert_int_equal(verdict_on(107), OUT_FAIL);
}

static enum outcome verdict_on_num_exits(uint64_t first, uint64_t last)
{
	struct evidence e = { .l2_cpus = 2, .vmruns = make_vmruns() };
	struct trace_record records[] = {
		{ .has_vcpu_id = true, .has_num_exits = true, .vcpu_id = 0, .num_exits = first },
		{ .has_vcpu_id = true, .has_num_exits = true, .vcpu_id = 1, .num_exits = 7 },
		{ .has_vcpu_id = true, .has_num_exits = true, .vcpu_id = 0, .num_exits = last },
	};

	e.trace.v = records;
	e.trace.n = ARRAY_SIZE(records);
	return verdict_of(&e, "num_exits grow as #VMEXITs");
}

static void test_num_exits(void **state)
{
	(void)state;
	assert_int_equal(verdict_on_num_exits(40, 40 + 106), OUT_PASS);
	assert_int_equal(verdict_on_num_exits(40, 40 + 107), OUT_FAIL);
	assert_int_equal(verdict_on_num_exits(40, 40), OUT_SKIP); /* there is nothing to compare */
}

static void assert_skipped(const struct test_result *t, const char *check, const char *reason)
{
	const struct check_result *c = result_find_check(t, check);

	assert_non_null(c);
	assert_int_equal(c->verdict, OUT_SKIP);
	assert_string_equal(c->observed, reason);
}

/* Without the emulator nothing is claimed, and each says why; so does who can't do without. */
static void test_without(void **state)
{
	static const char *const own[] = { "exact", "to the exit", NULL };
	struct run_result *run = result_new("unit");
	struct test_result *t = result_add_test(run, "t", "a");
	struct evidence e = { .l2_cpus = 2 };

	(void)state;
	set_exits(&e.before, 1, 1);
	set_exits(&e.after, 1000000, 1);
	e.vmruns.missing = xstrdup("lane kvm has no emulator that could count");
	check_that(t, "exact", true, "1", "1", NULL);
	assert_false(want_vmruns(&e, t, own));
	check_oracles(&in_l2, &e, t);
	assert_int_equal(result_find_check(t, "exact")->verdict, OUT_PASS);
	assert_skipped(t, "to the exit", e.vmruns.missing);
	assert_skipped(t, "KVM's statistics", e.vmruns.missing);
	assert_skipped(t, "KVM's tracepoint", e.vmruns.missing);
	assert_skipped(t, "num_exits grow as #VMEXITs", e.vmruns.missing);
	assert_skipped(t, "KVM's vCPU threads", "L1's debugfs told the pid of no vCPU of L2");
	assert_int_equal(t->n_checks, 6);
	vmruns_free(&e.vmruns);
	result_free(run);
}

/* The emulator counted, and L1 told nothing. */
static void test_without_the_other_side(void **state)
{
	struct run_result *run = result_new("unit");
	struct test_result *t = result_add_test(run, "t", "a");
	struct evidence e = { .l2_cpus = 2, .vmruns = make_vmruns() };

	(void)state;
	check_oracles(&in_l2, &e, t);
	assert_skipped(t, "KVM's statistics", "L1's QEMU did not tell them of each vCPU");
	assert_skipped(t, "KVM's tracepoint", "L1's kernel told no whole histogram of it");
	vmruns_free(&e.vmruns);
	result_free(run);
}

/* Which are asked is a matter of the test, not of what else was picked with it. */
static void test_which_are_asked(void **state)
{
	_cleanup_strv_ struct strv l2 = { 0 }, l1 = { 0 }, monitor = { 0 };

	(void)state;
	oracle_check_names(&in_l2, &l2);
	oracle_check_names(&in_l1, &l1);
	oracle_check_names(&of_monitor, &monitor);
	assert_int_equal(l2.n, 4);
	assert_int_equal(l1.n, 1);
	assert_string_equal(l1.v[0], "KVM's tracepoint");
	assert_int_equal(monitor.n, 0);
}

/* -- the other oracles of L1's kernel -- */

static const char hist[] = "# event histogram\n"
			   "#\n"
			   "# trigger info: hist:keys=exit_reason:vals=hitcount:sort=hitcount:"
			   "size=2048 [active]\n"
			   "#\n"
			   "\n"
			   "{ exit_reason:         96 } hitcount:          1\n"
			   "{ exit_reason:        120 } hitcount:        103\n"
			   "{ exit_reason:        124 } hitcount:        248\n"
			   "\n"
			   "Totals:\n"
			   "    Hits: 352\n"
			   "    Entries: 3\n"
			   "    Dropped: 0\n";

static void test_histogram(void **state)
{
	struct oracle o = { 0 };

	(void)state;
	assert_true(oracle_parse_reasons(hist, &o));
	assert_true(o.has_reasons);
	assert_int_equal(o.n_reasons, 3);
	assert_int_equal(oracle_exits_with_reason(&o, 120), 103);
	assert_int_equal(oracle_exits_with_reason(&o, 114), 0);
	assert_int_equal(oracle_total_reasons(&o), 352);
}

static void test_histogram_that_is_none(void **state)
{
	_cleanup_free_ char *dropped = xstrdup(hist);
	struct oracle o = { 0 };

	(void)state;
	assert_false(oracle_parse_reasons("", &o));
	assert_false(oracle_parse_reasons("no such file", &o));
	dropped[strlen(dropped) - 2] = '7'; /* "Dropped: 7" */
	assert_false(oracle_parse_reasons(dropped, &o));
	assert_false(o.has_reasons);
}

static enum outcome verdict_on_tracepoint(uint64_t growth)
{
	struct evidence e = { .l2_cpus = 2, .vmruns = make_vmruns() };

	e.before.has_reasons = e.after.has_reasons = true;
	e.before.n_reasons = e.after.n_reasons = 1;
	e.before.reasons[0] = (struct oracle_reason){ 96, 50 };
	e.after.reasons[0] = (struct oracle_reason){ 96, 50 + growth };
	return verdict_of(&e, "KVM's tracepoint");
}

static void test_tracepoint(void **state)
{
	(void)state;
	assert_int_equal(verdict_on_tracepoint(87), OUT_PASS);
	assert_int_equal(verdict_on_tracepoint(106), OUT_PASS);
	assert_int_equal(verdict_on_tracepoint(86), OUT_FAIL);
	assert_int_equal(verdict_on_tracepoint(107), OUT_FAIL);
}

/* What grep prints in L1; QEMU's threads are 141 and the given one. Returns the check's verdict. */
static enum outcome verdict_on_threads(uint64_t thread)
{
	struct evidence e = { 0 };

	e.before.n_vcpus = 2;
	e.before.vcpus[0] = (struct oracle_vcpu){ .has_thread = true, .thread_id = 141 };
	e.before.vcpus[1] =
		(struct oracle_vcpu){ .vcpu_id = 1, .has_thread = true, .thread_id = thread };
	oracle_parse_pids("/sys/kernel/debug/kvm/137-12/vcpu0/pid:141\n"
			  "/sys/kernel/debug/kvm/137-12/vcpu1/pid:142\n"
			  "/sys/kernel/debug/kvm/137-12/vcpu9/pid:143\n",
			  &e.before);
	return verdict_of(&e, "KVM's vCPU threads");
}

static void test_threads(void **state)
{
	(void)state;
	assert_int_equal(verdict_on_threads(142), OUT_PASS);
	assert_int_equal(verdict_on_threads(143), OUT_FAIL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sample_adds_all_vcpus),
		cmocka_unit_test(test_sample_uses_the_current_copy),
		cmocka_unit_test(test_sample_of_a_vcpu_that_just_left),
		cmocka_unit_test(test_sample_of_a_vcpu_that_just_entered),
		cmocka_unit_test(test_sample_that_comes_to_no_rest),
		cmocka_unit_test(test_text_and_back),
		cmocka_unit_test(test_text_of_none),
		cmocka_unit_test(test_stats_growth),
		cmocka_unit_test(test_exits_growth),
		cmocka_unit_test(test_cycles_most),
		cmocka_unit_test(test_outside_least),
		cmocka_unit_test(test_statistics),
		cmocka_unit_test(test_num_exits),
		cmocka_unit_test(test_without),
		cmocka_unit_test(test_without_the_other_side),
		cmocka_unit_test(test_which_are_asked),
		cmocka_unit_test(test_histogram),
		cmocka_unit_test(test_histogram_that_is_none),
		cmocka_unit_test(test_tracepoint),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
