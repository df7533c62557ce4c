// SPDX-License-Identifier: GPL-2.0-only
/*
 * The judges on recorded evidence: data/checks/PROGRAM/ holds what the lab saw when the program
 * ran on the reference. On that each must pass. Then one fault at a time is put into the
 * evidence, as a wrong change would leave it, and the check that is there for it must find it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/observation.h"
#include "evidence/oracle.h"
#include "judge/records.h"
#include "evidence/trace.h"
#include "plan/assignment.h"
#include "judge/checks.h"
#include "judge/wrong.h"

#include <cmocka.h>

#include "tests/recorded.h"

/* --- putting faults in --- */


#define EACH(r) for (struct trace_record *r = e->trace.v; r < e->trace.v + e->trace.n; r++)

/* The record that the same call left about its caller: records of a call follow one another. */
static const struct trace_record *about_caller(const struct evidence *e,
					       const struct trace_record *r)
{
	const struct oracle_vcpu *v;
	const struct trace_record *best = NULL;

	EACH(o)
	{
		v = oracle_vcpu(&e->before, (uint64_t)o->vcpu_id);
		if (v && (int64_t)v->thread_id == r->tid && o->tid == r->tid &&
		    (!best || labs(o - r) < labs(best - r)))
			best = o;
	}
	assert_non_null(best);
	return best;
}

/* What the known solution does: the target is looked up for the pid only. */
static void callers_registers(struct evidence *e)
{
	EACH(r)
	{
		const struct trace_record *c = about_caller(e, r);

		memcpy(r->regs, c->regs, sizeof(r->regs));
		r->regs[VREG_RBX] = (uint64_t)r->vcpu_id;
	}
}

static void callers_exits(struct evidence *e)
{
	EACH(r)
	r->num_exits = about_caller(e, r)->num_exits;
}

static void callers_pid(struct evidence *e)
{
	EACH(r)
	r->pid = r->tid;
}

static void process_id_for_all(struct evidence *e)
{
	EACH(r)
	r->pid = 63;
}

static void no_pid(struct evidence *e)
{
	EACH(r)
	r->has_pid = false;
}

static void four_registers(struct evidence *e)
{
	EACH(r)
	r->have_regs = 1U << VREG_RBX | 1U << VREG_RCX | 1U << VREG_RDX | 1U << VREG_RSI;
}

static void one_register_missing(struct evidence *e)
{
	e->trace.v[e->trace.n - 1].have_regs &= ~(1U << VREG_R15);
}

static void rip_sometimes(struct evidence *e)
{
	e->trace.v[0].have_regs &= ~(1U << VREG_RIP);
}

static void shifted_registers(struct evidence *e)
{
	EACH(r)
	memmove(&r->regs[1], &r->regs[0], (VREG_RIP - 1) * sizeof(r->regs[0]));
}

static void hard_coded_id(struct evidence *e)
{
	EACH(r)
	r->vcpu_id = 0;
}

static void no_id(struct evidence *e)
{
	EACH(r)
	r->has_vcpu_id = false;
}

static void one_record_less(struct evidence *e)
{
	e->trace.n--;
}

static void loop_to_fixed_count(struct evidence *e)
{
	e->trace.v[1].vcpu_id = 2;
}

static void exits_stand_still(struct evidence *e)
{
	EACH(r)
	r->num_exits = record_of(&e->trace, (uint64_t)r->vcpu_id, 0)->num_exits;
}

static void exits_of_all_vcpus(struct evidence *e)
{
	EACH(r)
	r->num_exits += 100000;
}

static void no_exits(struct evidence *e)
{
	EACH(r)
	r->has_num_exits = false;
}

static void callers_stack_unread(struct evidence *e)
{
	EACH(r)
	r->regs[VREG_RSP] = 0;
}

static void call_fails(struct evidence *e)
{
	obs(e, "call.result", 1)->u64 = (uint64_t)-38;
}

static void cpu_missing(struct evidence *e)
{
	obs(e, "cpu.id", 1)->key[0] = '_';
}

static void unreadable_value(struct evidence *e)
{
	e->trace.refused = 1;
	e->trace.refusal = xstrdup("line 3: not a number of 64 bits: x");
}

static void lost_events(struct evidence *e)
{
	e->trace.lost = 5;
}

static void markers_missing(struct evidence *e)
{
	e->trace.complete = false;
}

static void no_thread_ids(struct evidence *e)
{
	e->before.valid = false;
}

static void killed(struct evidence *e)
{
	forget(e, "guest.done");
	e->exit_code = -1;
	e->signal = SIGSEGV;
}

static void set_up_broke(struct evidence *e)
{
	strcpy(obs(e, "guest.done", 0)->key, "guest.skip");
	str_set(&obs(e, "guest.skip", 0)->str, "one CPU only");
}

static void malformed_line(struct evidence *e)
{
	e->obs.n_bad = 1;
	e->obs.bad = xcalloc(1, sizeof(*e->obs.bad));
	e->obs.bad[0] = (struct observation_fault){ 3, xstrdup("no key"), xstrdup("@nestlab ?") };
}

static void cut_to_32_bits(struct evidence *e)
{
	EACH(r)
	for (int reg = 0; reg < VREG_COUNT; reg++)
		r->regs[reg] &= UINT32_MAX;
}

static void offline_cpu_told(struct evidence *e)
{
	struct trace_record *r = &e->trace.v[2];

	/* The call with one CPU has one record, the third: it is the offline one's turn as well. */
	r->vcpu_id = (int64_t)obs(e, "offline.id", 0)->u64;
}

/* The counters. */

static void exits_fall(struct evidence *e)
{
	obs(e, "reading.exits", 3)->u64 = obs(e, "reading.exits", 2)->u64 - 1;
}

static void exits_fell_in_loop(struct evidence *e)
{
	obs(e, "loop.exits_fell", 0)->u64 = 1;
}

static void exits_frozen(struct evidence *e)
{
	set_all(e, "reading.exits", obs(e, "reading.exits", 0)->u64);
}

static void exits_lost_when_together(struct evidence *e)
{
	obs(e, "reading.exits", 6)->u64 = obs(e, "reading.exits", 5)->u64 + 5900;
}

static void exits_flat_in_loop(struct evidence *e)
{
	obs(e, "loop.flat", 0)->u64 = 12;
}

static void counted_from_late(struct evidence *e)
{
	add_to_all(e, "reading.exits", -(uint64_t)5000, UINT32_MAX);
}

static void counted_twice(struct evidence *e)
{
	for (size_t i = 0; i < obs_count(&e->obs, "reading.exits"); i++)
		obs(e, "reading.exits", i)->u64 *= 2;
}

static void unpatched(struct evidence *e)
{
	set_all(e, "reading.exits", 0);
	set_all(e, "reading.cycles", 0);
	set_all(e, "loop.flat", obs(e, "loop.calls", 0)->u64);
}

static void edx_unwritten(struct evidence *e)
{
	obs(e, "reading.edx", 4)->u64 = 0xfefefefe;
}

static void edx_unwritten_in_loop(struct evidence *e)
{
	obs(e, "loop.edx", 0)->u64 = 3;
}

static void cycles_of_32_bits(struct evidence *e)
{
	add_to_all(e, "reading.cycles", 0, UINT32_MAX);
}

static void cycles_fell_in_loop(struct evidence *e)
{
	obs(e, "loop.cycles_fell", 0)->u64 = 1;
}

static void halves_swapped(struct evidence *e)
{
	for (size_t i = 0; i < e->obs.n; i++) {
		struct observation *o = &e->obs.v[i];

		if (!strcmp(o->key, "reading.cycles") || !strcmp(o->key, "loop.before") ||
		    !strcmp(o->key, "loop.after"))
			o->u64 = o->u64 << 32 | o->u64 >> 32;
	}
}

static void high_half_wrong(struct evidence *e)
{
	obs(e, "loop.after", 0)->u64 += 16ULL << 32;
}

static void cycles_frozen(struct evidence *e)
{
	set_all(e, "reading.cycles", 1000000);
}

static void cycles_too_many(struct evidence *e)
{
	obs(e, "reading.cycles", obs_count(&e->obs, "reading.cycles") - 1)->u64 += 1ULL << 36;
}

static void no_statistics(struct evidence *e)
{
	e->after.vcpus[1].has_exits = false;
}

static void reading_missing(struct evidence *e)
{
	obs(e, "reading.edx", 2)->key[0] = '_';
}

/* Other leaves. */

static void change_leaf(struct evidence *e, const char *key, const char *text)
{
	str_set(&obs(e, key, 0)->str, text);
}

static void leaf_above_changed(struct evidence *e)
{
	change_leaf(e, "leaf.50000000.0", "00000001 00000000 00000000 00000000");
}

static void leaf_1_changed(struct evidence *e)
{
	obs(e, "leaf.00000001.0", 0)->str[9] ^= 1;
}

static void leaf_gone(struct evidence *e)
{
	obs(e, "leaf.80000008.0", 0)->key[0] = '_';
}

static void leaf_not_answered(struct evidence *e)
{
	change_leaf(e, "leaf.4fffffff.0", "00000000 00000000 00000000 00000000");
}

static void other_baseline(struct evidence *e)
{
	obs(e, "cpus", 0)->u64 = 4;
}

#define INFO "test_vcpu_info"
#define REGS "test_vcpu_regs"
#define HOTPLUG "test_vcpu_hotplug"
#define CPUID "test_cpuid"
#define LEAVES "test_cpuid_leaves"

#define FAULT(program, fault, check, verdict)                                                      \
	{                                                                                          \
		program, #fault, fault, check, verdict                                             \
	}

static const struct fault faults[] = {
	FAULT(INFO, callers_registers, "registers are the target's", OUT_FAIL),
	FAULT(INFO, callers_exits, "exits of each vCPU", OUT_FAIL),
	FAULT(INFO, callers_pid, "pid of each vCPU", OUT_FAIL),
	FAULT(INFO, process_id_for_all, "pid of each vCPU", OUT_FAIL),
	FAULT(INFO, process_id_for_all, "pids differ", OUT_FAIL),
	FAULT(INFO, no_pid, "pid of each vCPU", OUT_FAIL),
	FAULT(INFO, four_registers, "general registers", OUT_FAIL),
	FAULT(INFO, one_register_missing, "general registers", OUT_FAIL),
	FAULT(INFO, rip_sometimes, "rip and rflags", OUT_FAIL),
	FAULT(INFO, shifted_registers, "rax and rbx of the caller", OUT_FAIL),
	FAULT(INFO, hard_coded_id, "a record for each CPU and call", OUT_FAIL),
	FAULT(INFO, no_id, "a record for each CPU and call", OUT_FAIL),
	FAULT(INFO, one_record_less, "a record for each CPU and call", OUT_FAIL),
	FAULT(INFO, loop_to_fixed_count, "a record for each CPU and call", OUT_FAIL),
	FAULT(INFO, exits_stand_still, "exits grow", OUT_FAIL),
	FAULT(INFO, exits_of_all_vcpus, "exits of each vCPU", OUT_FAIL),
	FAULT(INFO, no_exits, "exits of each vCPU", OUT_FAIL),
	FAULT(INFO, callers_stack_unread, "the caller is in its kernel", OUT_FAIL),
	FAULT(INFO, call_fails, "result of each call", OUT_FAIL),
	FAULT(INFO, cpu_missing, "online CPUs", OUT_FAIL),
	FAULT(INFO, unreadable_value, "the trace", OUT_FAIL),
	FAULT(INFO, lost_events, "the trace", OUT_BROKEN),
	FAULT(INFO, markers_missing, "the trace", OUT_BROKEN),
	FAULT(INFO, no_thread_ids, "pid of each vCPU", OUT_BROKEN),
	FAULT(INFO, killed, "the test program's end", OUT_FAIL),
	FAULT(INFO, set_up_broke, "the test program's end", OUT_SKIP),
	FAULT(INFO, malformed_line, "the test program's output", OUT_FAIL),
	FAULT(REGS, callers_registers, "registers of the busy vCPU", OUT_FAIL),
	FAULT(REGS, cut_to_32_bits, "registers of the busy vCPU", OUT_FAIL),
	FAULT(REGS, four_registers, "registers of the busy vCPU", OUT_FAIL),
	FAULT(REGS, callers_exits, "exits of the busy vCPU", OUT_FAIL),
	FAULT(REGS, exits_stand_still, "exits of the busy vCPU", OUT_FAIL),
	FAULT(REGS, one_record_less, "a record for each CPU and call", OUT_FAIL),
	FAULT(HOTPLUG, offline_cpu_told, "a record for each CPU and call", OUT_FAIL),
	FAULT(HOTPLUG, call_fails, "result of each call", OUT_FAIL),
	FAULT(CPUID, exits_fall, "exits never fall", OUT_FAIL),
	FAULT(CPUID, exits_fell_in_loop, "exits never fall", OUT_FAIL),
	FAULT(CPUID, exits_frozen, "exits grow with work", OUT_FAIL),
	FAULT(CPUID, exits_lost_when_together, "exits grow with work", OUT_FAIL),
	FAULT(CPUID, exits_flat_in_loop, "exits grow with work", OUT_FAIL),
	FAULT(CPUID, counted_from_late, "exits include all before", OUT_FAIL),
	FAULT(CPUID, counted_twice, "exits grow as KVM's", OUT_FAIL),
	FAULT(CPUID, unpatched, "exits grow with work", OUT_FAIL),
	FAULT(CPUID, unpatched, "cycles grow with work", OUT_FAIL),
	FAULT(CPUID, unpatched, "exits include all before", OUT_FAIL),
	FAULT(CPUID, edx_unwritten, "edx", OUT_FAIL),
	FAULT(CPUID, edx_unwritten_in_loop, "edx", OUT_FAIL),
	FAULT(CPUID, cycles_of_32_bits, "cycles never fall", OUT_FAIL),
	FAULT(CPUID, cycles_fell_in_loop, "cycles never fall", OUT_FAIL),
	FAULT(CPUID, halves_swapped, "cycles spent are fewer than passed", OUT_FAIL),
	FAULT(CPUID, high_half_wrong, "the halves carry", OUT_FAIL),
	FAULT(CPUID, cycles_frozen, "cycles grow with work", OUT_FAIL),
	FAULT(CPUID, cycles_too_many, "cycles spent are fewer than passed", OUT_FAIL),
	FAULT(CPUID, no_statistics, "exits grow as KVM's", OUT_BROKEN),
	FAULT(CPUID, reading_missing, "readings", OUT_BROKEN),
	FAULT(LEAVES, leaf_above_changed, "every other leaf", OUT_FAIL),
	FAULT(LEAVES, leaf_1_changed, "every other leaf", OUT_FAIL),
	FAULT(LEAVES, leaf_gone, "every other leaf", OUT_FAIL),
	FAULT(LEAVES, leaf_not_answered, "the assignment's leaf", OUT_FAIL),
	FAULT(LEAVES, other_baseline, "every other leaf", OUT_BROKEN),
};

static void find_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		find_fault(&faults[i]);
}

/* --- what is right, in all its forms --- */

static void exits_wrap(struct evidence *e)
{
	/* The leaf has 32 bits; a host that is up for long has passed them. */
	uint64_t shift = UINT32_MAX - obs(e, "reading.exits", 4)->u64;

	add_to_all(e, "reading.exits", shift, UINT32_MAX);
	e->before.vcpus[0].exits += shift;
	e->after.vcpus[0].exits += shift;
}

static void no_carry(struct evidence *e)
{
	set_all(e, "loop.carried", 0);
}

static void counts_all_vms(struct evidence *e)
{
	add_to_all(e, "reading.exits", 1000000, UINT32_MAX);
	add_to_all(e, "reading.cycles", 1ULL << 40, UINT64_MAX);
}

static void no_rip(struct evidence *e)
{
	EACH(r)
	r->have_regs &= (1U << VREG_RIP) - 1;
}

static void written_by_the_target(struct evidence *e)
{
	/* A change may kick the target and let it write its own record. */
	EACH(r)
	r->tid = r->pid;
}

static void on_intel(struct evidence *e)
{
	/* The stack pointer and rip of a vCPU that runs elsewhere are those that KVM last read. */
	e->vendor_intel = true;
	EACH(r)
	if (r->tid != r->pid)
		r->regs[VREG_RSP] = r->regs[VREG_RIP] = 0;
}

static void frequency_leaf_differs(struct evidence *e)
{
	str_set(&obs(e, "leaf.40000100.0", 0)->key, "leaf.40000010.0");
	for (size_t i = 0; i < e->baseline.n; i++)
		if (!strcmp(e->baseline.v[i].key, "leaf.40000100.0"))
			str_set(&e->baseline.v[i].key, "leaf.40000010.0");
	str_set(&obs(e, "leaf.40000010.0", 0)->str, "00123456 00000000 00000000 00000000");
}

static void as_recorded(struct evidence *e)
{
	(void)e;
}

#define RIGHT(program, form)                                                                       \
	{                                                                                          \
		program, #form, form                                                               \
	}

static const struct {
	const char *program, *name;
	void (*put)(struct evidence *e);
} right[] = {
	RIGHT(INFO, as_recorded),
	RIGHT(REGS, as_recorded),
	RIGHT(HOTPLUG, as_recorded),
	RIGHT(CPUID, as_recorded),
	RIGHT(LEAVES, as_recorded),
	RIGHT(INFO, no_rip),
	RIGHT(INFO, written_by_the_target),
	RIGHT(REGS, written_by_the_target),
	RIGHT(REGS, no_rip),
	RIGHT(REGS, on_intel),
	RIGHT(CPUID, exits_wrap),
	RIGHT(CPUID, no_carry),
	RIGHT(CPUID, counts_all_vms),
	RIGHT(LEAVES, frequency_leaf_differs),
};

static void pass_what_is_right(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(right); i++)
		pass_right(right[i].program, right[i].name, right[i].put);
}

/* The records can't be told apart by call: who asks about calls is told why nobody looked. */
static void names_what_stopped_it(void **state)
{
	const struct check_result *c;
	struct run_result *run;
	struct recorded r;

	(void)state;
	load(&r, INFO);
	one_record_less(&r.e);
	run = judge(&r);
	c = result_find_check(&run->tests[0], "the caller is in its kernel");
	assert_int_equal(c->verdict, OUT_SKIP);
	assert_string_equal(c->observed,
			    "not judged: \"a record for each CPU and call\" did not pass");
	assert_int_equal(verdict_of(run, "exits of each vCPU"), OUT_PASS);
	assert_int_equal(run->tests[0].verdict, OUT_FAIL);
	result_free(run);
	unload(&r);
}

/*
 * A reader is led to the line that is wrong; where all is right, to the test's part of the trace.
 */
/* Who counts in the handler of all other exits is told what he has missed. */
static void names_the_fastpath(void **state)
{
	struct run_result *run;
	struct recorded r;

	(void)state;
	load(&r, CPUID);
	counted_from_late(&r.e);
	r.e.before.reasons[0] = (struct oracle_reason){ r.e.vendor_intel ? 52 : 0x7c, 20000 };
	r.e.before.n_reasons = 1;
	run = judge(&r);
	assert_non_null(strstr(result_find_check(&run->tests[0], "exits include all before")->observed, WRONG_FASTPATH));
	result_free(run);
	unload(&r);
}

static void refers_to_lines(void **state)
{
	const struct check_result *c;
	struct run_result *run;
	struct recorded r;

	(void)state;
	load(&r, INFO);
	r.e.trace.v[2].pid++;
	r.e.trace.v[3].pid++;
	run = judge(&r);
	c = result_find_check(&run->tests[0], "pid of each vCPU");
	assert_int_equal(c->verdict, OUT_FAIL);
	assert_string_equal(c->ref.file, "trace.txt");
	assert_int_equal(c->ref.first, r.e.trace.v[2].line);
	assert_int_equal(c->ref.last, r.e.trace.v[2].line);
	c = result_find_check(&run->tests[0], "general registers");
	assert_int_equal(c->ref.first, r.e.trace.first_line);
	assert_int_equal(c->ref.last, r.e.trace.last_line);
	c = result_find_check(&run->tests[0], "online CPUs");
	assert_string_equal(c->ref.file, "output-vcpu-info-syscall.txt");
	result_free(run);
	unload(&r);
}

/* The marker at its end did not come through: the one at its beginning shows where to look. */
static void refers_to_half_a_trace(void **state)
{
	const struct check_result *c;
	struct run_result *run;
	struct recorded r;

	(void)state;
	load(&r, INFO);
	r.e.trace.complete = false;
	r.e.trace.last_line = 0;
	run = judge(&r);
	c = result_find_check(&run->tests[0], "the trace");
	assert_int_equal(c->ref.first, r.e.trace.first_line);
	assert_int_equal(c->ref.last, r.e.trace.first_line);
	result_free(run);
	unload(&r);
}

/* What a judge knows in numbers is kept as numbers. */
static void measures_what_it_knows(void **state)
{
	static const char *const names[] = { "exits",
					     "cycles",
					     "cycles per exit",
					     "readings in a row",
					     "its program's time",
					     "exits of L2, by KVM's statistics" };
	const struct test_result *t;
	struct run_result *run;
	struct recorded r;

	(void)state;
	load(&r, CPUID);
	run = judge(&r);
	t = &run->tests[0];
	assert_int_equal(t->n_measures, ARRAY_SIZE(names));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_string_equal(t->measures[i].name, names[i]);
	assert_int_equal(
		(uint32_t)t->measures[0].value,
		(uint32_t)(obs(&r.e, "reading.exits", obs_count(&r.e.obs, "reading.exits") - 1)
				   ->u64 -
			   obs(&r.e, "reading.exits", 0)->u64));
	assert_true(t->measures[2].value > 0);
	result_free(run);
	unload(&r);
}

/* A program that its deadline ended: its checks are there, and the oracles are not asked. */
static void killed_at_the_deadline(void **state)
{
	struct run_result *run;
	struct recorded r;

	(void)state;
	load(&r, INFO);
	r.e.killed = true;
	run = judge(&r);
	assert_int_equal(verdict_of(run, "the test program's end"), OUT_FAIL);
	assert_int_equal(verdict_of(run, "pid of each vCPU"), OUT_SKIP);
	assert_int_equal(verdict_of(run, "KVM's statistics"), OUT_SKIP);
	assert_int_equal(run->tests[0].verdict, OUT_FAIL);
	result_free(run);
	unload(&r);
}

/* Whoever adds a testcase says what it checks. */
static void every_test_declares_its_checks(void **state)
{
	const struct testcase *const *all;
	size_t n;

	(void)state;
	all = testcases_all(&n);
	for (size_t i = 0; i < n; i++)
		if (!all[i]->on_request && (!all[i]->checks || !all[i]->checks[0]))
			fail_msg("%s declares no check", all[i]->name);
}

static void skips_without_a_baseline(void **state)
{
	struct run_result *run;
	struct recorded r;

	(void)state;
	load(&r, LEAVES);
	observations_free(&r.e.baseline);
	run = judge(&r);
	assert_int_equal(verdict_of(run, "every other leaf"), OUT_SKIP);
	assert_int_equal(verdict_of(run, "the assignment's leaf"), OUT_SKIP);
	assert_int_equal(verdict_of(run, "the test program's end"), OUT_PASS);
	assert_int_equal(run->tests[0].verdict, OUT_SKIP);
	result_free(run);
	unload(&r);
}

/* --- the small pieces --- */

static void number_checks_tell_both_sides(void **state)
{
	struct run_result *run = result_new("unit");
	struct test_result *t = result_add_test(run, "t", NULL);

	(void)state;
	check_equal_u64(t, "a", 1, 2, "e");
	check_between(t, "b", 1, 3, 3, NULL);
	check_at_least(t, "c", 4, 3, NULL);
	check_at_most(t, "d", 4, 4, NULL);
	assert_int_equal(t->checks[0].verdict, OUT_FAIL);
	assert_string_equal(t->checks[0].expected, "1");
	assert_string_equal(t->checks[0].observed, "2");
	assert_string_equal(t->checks[0].evidence, "e");
	assert_int_equal(t->checks[1].verdict, OUT_PASS);
	assert_string_equal(t->checks[1].expected, "1 to 3");
	assert_int_equal(t->checks[2].verdict, OUT_FAIL);
	assert_int_equal(t->checks[3].verdict, OUT_PASS);
	result_free(run);
}

static void an_empty_tally_fails(void **state)
{
	struct run_result *run = result_new("unit");
	struct test_result *t = result_add_test(run, "t", NULL);
	struct tally y = { .unit = "record" };

	(void)state;
	tally_check(t, "nothing to look at", "something", &y, NULL);
	for (int i = 0; i < 6; i++)
		tally_bad(&y, "bad %d", i);
	tally_good(&y);
	tally_check(t, "some bad", "none", &y, NULL);
	assert_int_equal(t->checks[0].verdict, OUT_FAIL);
	assert_string_equal(t->checks[0].observed, "no record at all");
	assert_string_equal(t->checks[1].observed,
			    "wrong in 6 of 7 records: bad 0; bad 1; bad 2; bad 3; ...");
	assert_null(t->checks[1].ref.file);
	tally_bad_at(&y, 0, "nowhere");
	tally_bad_at(&y, 17, "here");
	tally_bad_at(&y, 18, "and here");
	tally_check(t, "some bad, by line", "none", &y, NULL);
	assert_string_equal(t->checks[2].observed,
			    "wrong in 3 of 3 records: nowhere; line 17: here; line 18: and here");
	assert_int_equal(t->checks[2].ref.first, 17);
	assert_int_equal(t->checks[2].ref.last, 17);
	result_free(run);
}

static void tells_what_was_never_assigned(void **state)
{
	struct run_result *run = result_new("unit");
	struct test_result *t = result_add_test(run, "t", NULL);
	struct tally y = { .unit = "reading" };

	(void)state;
	tally_bad(&y, "at the end: %#x", 0xfefefefe);
	tally_check(t, "edx", "0", &y, NULL);
	tally_bad(&y, "at the end: %#x", 0xfefe);
	tally_check(t, "edx", "0", &y, NULL);
	assert_non_null(strstr(t->checks[0].observed, "0xfefefefe (fefefefe: nothing was assigned"));
	assert_null(strstr(t->checks[1].observed, "assigned"));
	result_free(run);
}

static void refuses_bad_oracles(void **state)
{
	struct oracle o;

	(void)state;
	assert_int_equal(oracle_parse("nonsense", NULL, &o), -OUT_BROKEN);
	assert_int_equal(oracle_parse("{\"error\": {}}", NULL, &o), -OUT_BROKEN);
	assert_int_equal(oracle_parse("[{\"cpu-index\": 0}]", NULL, &o), -OUT_BROKEN);
	assert_int_equal(oracle_parse("[]", NULL, &o), 0);
	assert_false(o.valid);
	assert_int_equal(oracle_parse("[{\"cpu-index\": 0, \"thread-id\": 7}]", NULL, &o), 0);
	assert_true(o.valid);
	assert_false(oracle_has_all_exits(&o));
	assert_int_equal(oracle_vcpu(&o, 0)->thread_id, 7);
	assert_null(oracle_vcpu(&o, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pass_what_is_right),
		cmocka_unit_test(find_faults),
		cmocka_unit_test(skips_without_a_baseline),
		cmocka_unit_test(names_what_stopped_it),
		cmocka_unit_test(names_the_fastpath),
		cmocka_unit_test(refers_to_lines),
		cmocka_unit_test(refers_to_half_a_trace),
		cmocka_unit_test(measures_what_it_knows),
		cmocka_unit_test(killed_at_the_deadline),
		cmocka_unit_test(every_test_declares_its_checks),
		cmocka_unit_test(number_checks_tell_both_sides),
		cmocka_unit_test(an_empty_tally_fails),
		cmocka_unit_test(tells_what_was_never_assigned),
		cmocka_unit_test(refuses_bad_oracles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
