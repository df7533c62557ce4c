// SPDX-License-Identifier: GPL-2.0-only
/*
 * The judges of tests in which many ask at once, numbers are large, or a value itself is looked at:
 * on recorded evidence, and with one fault at a time as a wrong change would leave it. The 1,204
 * records of vcpu-info/at-once are made here, as a right change writes them.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "judge/records.h"

#include <cmocka.h>

#include "testcases/answer_rules.h"
#include "tests/recorded.h"

#define AT_ONCE "test_micro_at_once"
#define NUMBERS "test_micro_numbers"
#define SINCE_LOAD "test_micro_since_load"
#define SINCE_RELOAD "cpuid-exits/since-reload"
#define RELOADED "test_micro_reloaded"
#define LEAVES "test_micro_leaves_at_once"

#define VCPUS 4
#define CALLS 301 /* of each vCPU, the first about itself */

#define EACH(r) for (struct trace_record *r = e->trace.v; r < e->trace.v + e->trace.n; r++)

/* -- what a right change leaves of vcpu-info/at-once -- */

/* In its order; the program made them so that each is of that vCPU alone. */
static uint64_t cell(struct evidence *e, const char *key, size_t vcpu)
{
	return obs(e, key, vcpu)->u64;
}

static void fill_registers(struct evidence *e, struct trace_record *r, size_t vcpu)
{
	uint64_t id = cell(e, "vcpu.id", vcpu);

	r->have_regs = (1u << VREG_COUNT) - 1;
	for (unsigned int i = 0; i < KVM_REGS; i++)
		r->regs[kvm_regs_order[i]] = 0x9d1c000080000035 + (id << 32) + ((uint64_t)i << 8);
	r->regs[VREG_RAX] = r->regs[VREG_R9] = 0;
	r->regs[VREG_R8] = 13;
	r->regs[VREG_RCX] = 17;
	r->regs[VREG_RBX] = r->regs[VREG_RDX] = r->regs[VREG_RSI] = r->regs[VREG_RDI] = id;
	r->regs[VREG_RIP] = cell(e, "vcpu.begin", vcpu) + 3;
	r->regs[VREG_RFLAGS] = 0x246 | vcpu << 12 | (vcpu & 1) << 18 | vcpu >> 1 << 21;
}

static void tell_of(struct evidence *e, struct trace_record *r, size_t vcpu)
{
	r->has_vcpu_id = r->has_pid = r->has_num_exits = r->has_tid = true;
	r->vcpu_id = (int64_t)cell(e, "vcpu.id", vcpu);
	r->pid = (int64_t)cell(e, "vcpu.thread", vcpu);
	fill_registers(e, r, vcpu);
}

/* All vCPUs call in turn. */
static void all_call(struct evidence *e)
{
	e->trace.v = xcalloc(CALLS * VCPUS, sizeof(*e->trace.v));
	e->trace.complete = true;
	e->trace.first_line = 1;
	for (size_t n = 0; n < CALLS; n++)
		for (size_t i = 0; i < VCPUS; i++) {
			struct trace_record *r = &e->trace.v[e->trace.n++];

			tell_of(e, r, n ? (i + n - 1) % VCPUS : i);
			r->tid = (int64_t)cell(e, "vcpu.thread", i);
			r->num_exits = n ? n : 1;
			r->line = (unsigned int)e->trace.n + 1;
		}
	e->trace.last_line = (unsigned int)e->trace.n + 2;
}

static void targets_write(struct evidence *e)
{
	all_call(e);
	EACH(r)
	r->tid = r->pid;
}

/* The order of a worker's lines is none of the calls'. */
static void a_worker_writes(struct evidence *e)
{
	struct trace_record first;

	all_call(e);
	EACH(r)
	r->tid = 7;
	first = e->trace.v[0];
	e->trace.v[0] = e->trace.v[1];
	e->trace.v[1] = first;
}

/* Old values of what stands in a VMCS that another CPU has loaded. */
static void on_intel(struct evidence *e)
{
	all_call(e);
	e->vendor_intel = true;
	EACH(r)
	if (r->tid != r->pid) {
		r->regs[VREG_RSP] = r->regs[VREG_RIP] = 0;
		r->regs[VREG_RFLAGS] = 2;
	}
}

static void four_registers(struct evidence *e)
{
	all_call(e);
	EACH(r)
	r->have_regs = 1u << VREG_RBX | 1u << VREG_RCX | 1u << VREG_RDX | 1u << VREG_RSI;
}

/* -- faults in it -- */

/* Each asks about the other, and gets the other's: evenly, so that no count tells it. */
static void two_swapped(struct evidence *e)
{
	struct trace_record *a, *b;
	int64_t tid;

	all_call(e);
	a = &e->trace.v[VCPUS * 2];
	b = &e->trace.v[VCPUS * 2 + 1];
	assert_int_not_equal(a->vcpu_id, b->vcpu_id);
	tid = a->tid;
	a->tid = b->tid;
	b->tid = tid;
}

static void always_swapped(struct evidence *e)
{
	all_call(e);
	EACH(r)
	tell_of(e, r, r->vcpu_id == 3 ? 1 : r->vcpu_id == 0 ? 0 : r->vcpu_id == 260 ? 2 : 3);
}

static void one_of_another(struct evidence *e)
{
	all_call(e);
	tell_of(e, &e->trace.v[100], e->trace.v[100].vcpu_id == 3);
}

static void one_of_nobody(struct evidence *e)
{
	all_call(e);
	e->trace.v[100].vcpu_id = 1;
}

static void one_less(struct evidence *e)
{
	all_call(e);
	e->trace.n--;
}

static void one_too_many_by_targets(struct evidence *e)
{
	targets_write(e);
	tell_of(e, &e->trace.v[100], e->trace.v[100].vcpu_id == 3);
}

static void pid_of_the_caller(struct evidence *e)
{
	all_call(e);
	EACH(r)
	r->pid = r->tid;
}

static void no_pid_once(struct evidence *e)
{
	all_call(e);
	e->trace.v[700].has_pid = false;
}

static void exits_of_more(struct evidence *e)
{
	all_call(e);
	e->trace.v[800].num_exits = 312;
}

static void exits_fall(struct evidence *e)
{
	all_call(e);
	e->trace.v[800].num_exits = 5;
}

static void shared_register(struct evidence *e, enum trace_reg reg)
{
	all_call(e);
	EACH(r)
	if (r != e->trace.v && r->vcpu_id != r[-1].vcpu_id) {
		r->regs[reg] = r[-1].regs[reg];
		return;
	}
}

static void r12_of_another(struct evidence *e)
{
	shared_register(e, VREG_R12);
}

static void rip_of_another(struct evidence *e)
{
	shared_register(e, VREG_RIP);
}

static void flags_of_another(struct evidence *e)
{
	shared_register(e, VREG_RFLAGS);
}

static void flags_of_16_bits(struct evidence *e)
{
	all_call(e);
	EACH(r)
	r->regs[VREG_RFLAGS] &= UINT16_MAX;
}

static void rsp_of_another_on_intel(struct evidence *e)
{
	shared_register(e, VREG_RSP);
	e->vendor_intel = true;
}

static void half_a_register(struct evidence *e)
{
	all_call(e);
	e->trace.v[600].regs[VREG_R15] &= UINT32_MAX;
}

static void rcx_never_held(struct evidence *e)
{
	all_call(e);
	e->trace.v[600].regs[VREG_RCX] = 301;
}

static void one_error(struct evidence *e)
{
	all_call(e);
	obs(e, "call.result", 2)->u64 = (uint64_t)-22;
}

static void a_vcpu_not_told(struct evidence *e)
{
	all_call(e);
	obs(e, "vcpu.end", 2)->key[0] = '_';
}

/* -- faults in the others -- */

static void pid_of_before(struct evidence *e)
{
	e->trace.v[5].pid = e->trace.v[3].pid;
}

static void pid_in_the_namespace(struct evidence *e)
{
	/* the first of three calls there, before the last call of all */
	e->trace.v[e->trace.n - 4].pid = 3;
}

static void pid_of_16_bits(struct evidence *e)
{
	e->trace.v[e->trace.n - 1].pid &= UINT16_MAX; /* run by a thread of a high number */
}

static void pid_of_another_machine(struct evidence *e)
{
	e->trace.v[0].pid = (int64_t)obs(e, "call.older.thread", 0)->u64;
}

static void exits_of_16_bits(struct evidence *e)
{
	e->trace.v[3].num_exits &= UINT16_MAX;
}

static void exits_of_the_one_before(struct evidence *e)
{
	e->trace.v[4].num_exits = e->trace.v[3].num_exits;
}

/* The 70 vCPUs' records begin behind eight others; the one who asks has none. */
static void exits_in_a_table_of_64(struct evidence *e)
{
	e->trace.v[8 + 64].num_exits = e->trace.v[8].num_exits;
}

static void id_of_8_bits(struct evidence *e)
{
	e->trace.v[1].vcpu_id &= UINT8_MAX;
}

static void a_record_less(struct evidence *e)
{
	e->trace.n--;
}

static void a_call_fails(struct evidence *e)
{
	obs(e, "call.result", 6)->u64 = (uint64_t)-22;
}

static void from_a_million(struct evidence *e)
{
	obs(e, "exits", 0)->u64 += 1000000;
}

static void from_the_first_look(struct evidence *e)
{
	obs(e, "exits", 0)->u64 = 1;
}

static void each_exit_twice(struct evidence *e)
{
	obs(e, "exits", 0)->u64 *= 2;
}

/* Counted in vmx_handle_exit() or svm_handle_exit(). */
static void without_the_fastpaths(struct evidence *e)
{
	struct observations *o = &e->obs;

	o->v = xrealloc(o->v, o->n + 1, sizeof(*o->v));
	o->v[o->n++] = (struct observation){
		.key = strf("fastpath.%s", e->vendor_intel ? "vmx" : "svm"), .u64 = 30, .str = xstrdup("30"),
	};
	obs(e, "exits", 0)->u64 -= 20;
}

static void a_time_for_a_difference(struct evidence *e)
{
	obs(e, "cycles", 0)->u64 += obs(e, "tsc", 0)->u64 * obs(e, "cpus", 0)->u64;
}

/* The leaf is one of 32 bits, and a machine of its own may be counted apart. */
static void beyond_32_bits(struct evidence *e)
{
	set_all(e, "all.before", 0x1000002c0);
	set_all(e, "all.after", 0x1000002c4);
	set_all(e, "exits", 0x2c2);
}

static void of_this_machine_alone(struct evidence *e)
{
	set_all(e, "all.before", 20000);
	set_all(e, "all.after", 20010);
}

static void a_time_from_before(struct evidence *e)
{
	obs(e, "cycles", 0)->u64 = obs(e, "used.tsc", 0)->u64 + 1;
}

/* As one that counts outside of the modules. */
static void of_the_kernel_itself(struct evidence *e)
{
	obs(e, "exits", 0)->u64 += obs(e, "earlier.exits", 0)->u64;
	obs(e, "cycles", 0)->u64 += obs(e, "used.tsc", 0)->u64;
}

static void does_not_go(struct evidence *e)
{
	obs(e, "unload.kvm", 0)->u64 = EAGAIN;
	forget(e, "unload.irqbypass");
}

static void does_not_come(struct evidence *e)
{
	obs(e, "load.kvm", 0)->u64 = EEXIST;
	forget(e, "load.kvm_amd");
}

static void nothing_told(struct evidence *e)
{
	forget(e, "unload.kvm_amd");
	forget(e, "unload.kvm");
	forget(e, "unload.irqbypass");
}

static void a_call_fails_then(struct evidence *e)
{
	obs(e, "right.after", 0)->u64--;
}

static void an_answer_does_not_fit(struct evidence *e)
{
	obs(e, "part.wrong", 2)->u64 = 1;
}

static void not_all_asked(struct evidence *e)
{
	obs(e, "part.asked", 1)->u64--;
}

/* A change that prints in each answer: the time was up. */
static void few_asked(struct evidence *e)
{
	obs(e, "enough", 0)->u64 = 1;
	set_all(e, "part.asked", 60);
}

static void too_few_asked(struct evidence *e)
{
	obs(e, "enough", 0)->u64 = 1;
	set_all(e, "part.asked", 3);
}

#define FAULT(program, fault, check, verdict)                                                      \
	{                                                                                          \
		program, #fault, fault, check, verdict                                             \
	}

static const struct fault faults[] = {
	FAULT(AT_ONCE, two_swapped, "whom each record tells of", OUT_FAIL),
	FAULT(AT_ONCE, always_swapped, "whom each record tells of", OUT_FAIL),
	FAULT(AT_ONCE, one_of_another, "whom each record tells of", OUT_FAIL),
	FAULT(AT_ONCE, one_of_nobody, "whom each record tells of", OUT_FAIL),
	FAULT(AT_ONCE, one_less, "whom each record tells of", OUT_FAIL),
	FAULT(AT_ONCE, one_too_many_by_targets, "whom each record tells of", OUT_FAIL),
	FAULT(AT_ONCE, pid_of_the_caller, "pid of each record", OUT_FAIL),
	FAULT(AT_ONCE, no_pid_once, "pid of each record", OUT_FAIL),
	FAULT(AT_ONCE, exits_of_more, "exits of each record", OUT_FAIL),
	FAULT(AT_ONCE, exits_fall, "exits of each record", OUT_FAIL),
	FAULT(AT_ONCE, r12_of_another, "registers of each record", OUT_FAIL),
	FAULT(AT_ONCE, rip_of_another, "registers of each record", OUT_FAIL),
	FAULT(AT_ONCE, flags_of_another, "registers of each record", OUT_FAIL),
	FAULT(AT_ONCE, flags_of_16_bits, "registers of each record", OUT_FAIL),
	FAULT(AT_ONCE, rsp_of_another_on_intel, "registers of each record", OUT_FAIL),
	FAULT(AT_ONCE, half_a_register, "registers of each record", OUT_FAIL),
	FAULT(AT_ONCE, rcx_never_held, "registers of each record", OUT_FAIL),
	FAULT(AT_ONCE, one_error, "result of each call", OUT_FAIL),
	FAULT(AT_ONCE, a_vcpu_not_told, "the vCPUs", OUT_BROKEN),
	FAULT(NUMBERS, pid_of_before, "pid of the target", OUT_FAIL),
	FAULT(NUMBERS, pid_in_the_namespace, "pid of the target", OUT_FAIL),
	FAULT(NUMBERS, pid_of_16_bits, "pid of the target", OUT_FAIL),
	FAULT(NUMBERS, pid_of_another_machine, "pid of the target", OUT_FAIL),
	FAULT(NUMBERS, exits_of_16_bits, "exits of the target", OUT_FAIL),
	FAULT(NUMBERS, exits_in_a_table_of_64, "exits of the target", OUT_FAIL),
	FAULT(NUMBERS, exits_of_the_one_before, "exits of the target", OUT_FAIL),
	FAULT(NUMBERS, id_of_8_bits, "a record for each call", OUT_FAIL),
	FAULT(NUMBERS, a_record_less, "a record for each call", OUT_FAIL),
	FAULT(NUMBERS, a_call_fails, "result of each call", OUT_FAIL),
	FAULT(SINCE_LOAD, from_a_million, "exits since KVM was loaded", OUT_FAIL),
	FAULT(SINCE_LOAD, from_the_first_look, "exits since KVM was loaded", OUT_FAIL),
	FAULT(SINCE_LOAD, without_the_fastpaths, "exits since KVM was loaded", OUT_FAIL),
	FAULT(SINCE_LOAD, each_exit_twice, "exits since KVM was loaded", OUT_FAIL),
	FAULT(SINCE_LOAD, a_time_for_a_difference, "cycles since KVM was loaded", OUT_FAIL),
	FAULT(SINCE_RELOAD, from_a_million, "exits since KVM was loaded", OUT_FAIL),
	FAULT(SINCE_RELOAD, a_time_from_before, "cycles since KVM was loaded", OUT_FAIL),
	FAULT(SINCE_RELOAD, does_not_go, "KVM can be unloaded", OUT_FAIL),
	FAULT(SINCE_RELOAD, nothing_told, "KVM can be unloaded", OUT_BROKEN),
	FAULT(RELOADED, does_not_go, "KVM can be unloaded", OUT_FAIL),
	FAULT(RELOADED, does_not_come, "KVM can be loaded again", OUT_FAIL),
	FAULT(RELOADED, a_call_fails_then, "calls that return 0", OUT_FAIL),
	FAULT(LEAVES, an_answer_does_not_fit, "each answer belongs to its question", OUT_FAIL),
	FAULT(LEAVES, not_all_asked, "questions asked", OUT_FAIL),
	FAULT(LEAVES, too_few_asked, "questions asked", OUT_FAIL),
};

/* An edx that is always left is told by the check of edx; one that comes is another's answer. */
static void test_answers(void **state)
{
	const struct cpuid first = { 7, 0, 100, 0 }, more = { 9, 0, 120, 0 };
	const struct cpuid fewer = { 9, 0, 90, 0 }, other = { 9, 0, 120, 0xffffffff };
	const struct cpuid left = { 8, 0, 90, 0xffffffff };

	(void)state;
	assert_true(answer_fits(GROWS_WITH_CYCLES, first, more));
	assert_false(answer_fits(GROWS_WITH_CYCLES, first, fewer));
	assert_false(answer_fits(GROWS_WITH_CYCLES, first, other));
	assert_true(answer_fits(GROWS_WITH_CYCLES, left, other));
	assert_false(answer_fits(STAYS, first, left));
}

static void find_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		find_fault(&faults[i]);
}

static void pass_what_is_right(void **state)
{
	(void)state;
	pass_right(AT_ONCE, "all_call", all_call);
	pass_right(AT_ONCE, "targets_write", targets_write);
	pass_right(AT_ONCE, "a_worker_writes", a_worker_writes);
	pass_right(AT_ONCE, "on_intel", on_intel);
	pass_right(AT_ONCE, "four_registers", four_registers);
	pass_right(NUMBERS, "as recorded", NULL);
	pass_right(SINCE_LOAD, "as recorded", NULL);
	pass_right(SINCE_LOAD, "beyond_32_bits", beyond_32_bits);
	pass_right(SINCE_LOAD, "of_this_machine_alone", of_this_machine_alone);
	pass_right(SINCE_RELOAD, "as recorded", NULL);
	pass_right(SINCE_RELOAD, "of_the_kernel_itself", of_the_kernel_itself);
	pass_right(RELOADED, "as recorded", NULL);
	pass_right(LEAVES, "as recorded", NULL);
	pass_right(LEAVES, "few_asked", few_asked);
}

/* A message says what a wrong number is, where that is known. */
static void names_wrong_readings(void **state)
{
	(void)state;
	assert_told(NUMBERS, exits_of_16_bits, "exits of the target", "(that is its low 16 bits only)");
	assert_told(SINCE_LOAD, each_exit_twice, "exits since KVM was loaded", "(that is twice the right one)");
	assert_told(SINCE_LOAD, without_the_fastpaths, "exits since KVM was loaded",
		    "(that is all but what KVM's fastpath handled, perhaps)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pass_what_is_right),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(find_faults),
		cmocka_unit_test(names_wrong_readings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
