// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpu-info/at-once: all vCPUs of a micro guest ask about all at the same time, some thousand calls
 * without a pause, and each record is read. Most registers hold a value of that vCPU's alone all
 * the time, the others go round a few values that the program knows: so whatever moment a record is
 * of, it must fit itself. A call that shares a buffer, a pointer or a half-written line with
 * another vCPU's does not.
 */
#include <stdint.h>

#define VCPUS 4
#define ROUNDS 75
#define CALLS (VCPUS * ROUNDS) /* of each vCPU, behind one about itself */

/* Not in order, not in a row, not in a byte. */
static const uint32_t ids[VCPUS] = { 3, 0, 260, 17 };

/* Of rbp, rsp, r10 to r15, by their number in struct kvm_regs. */
static inline uint64_t magic(uint64_t vcpu_id, unsigned int reg)
{
	return 0x9d1c000000000000 + (vcpu_id << 32) + 0x80000000 + ((uint64_t)reg << 8) + 0x35;
}

/* IOPL, AC and ID: all that a vCPU's flags can hold for long without a meaning to its code. */
#define FLAGS_MASK 0x243000
#define FLAGS(vcpu) ((uint64_t)(vcpu) << 12 | (uint64_t)((vcpu) & 1) << 18 | (uint64_t)((vcpu) >> 1) << 21)

#ifdef NESTLAB_GUEST
#include "micro.h"

/*
 * Nobody calls before all are there: on a busy machine the first would be through before the last
 * begins. It is VCPUS where one runs alone.
 */
uint32_t at_once_arrived;

/*
 * Each vCPU has code of its own, so that its rip, too, is of that vCPU alone. rcx calls of the
 * hypercall in r8, about rbx, rdx, rsi and rdi in turn; r9 gathers what they returned.
 */
__asm__(".text\n"
	".irp n, 0, 1, 2, 3\n"
	"ask_\\n:\n"
	"	lock incl at_once_arrived(%rip)\n"
	"1:	pause\n"
	"	cmpl $4, at_once_arrived(%rip)\n"
	"	jb 1b\n"
	"4:	movq %r8, %rax\n"
	"	testb $1, micro_intel(%rip)\n"
	"	jnz 2f\n"
	"	vmmcall\n"
	"	jmp 3f\n"
	"2:	vmcall\n"
	"3:	orq %rax, %r9\n"
	"	xchgq %rbx, %rdx\n"
	"	xchgq %rdx, %rsi\n"
	"	xchgq %rsi, %rdi\n"
	"	decq %rcx\n"
	"	jnz 4b\n"
	"	out %al, $0x10\n"
	"ask_end_\\n:\n"
	"	.skip 16, 0x90\n" /* its end, where it stands after its out, is not the next one's begin */
	".endr\n");
extern const char ask_0[], ask_1[], ask_2[], ask_3[], ask_end_0[], ask_end_1[], ask_end_2[],
	ask_end_3[];
static const char *const begins[VCPUS] = { ask_0, ask_1, ask_2, ask_3 };
static const char *const ends[VCPUS] = { ask_end_0, ask_end_1, ask_end_2, ask_end_3 };

static uint64_t hypercall;

static void set_regs(struct micro *m, unsigned int vcpu, uint64_t calls)
{
	struct kvm_regs r = { .rip = (uintptr_t)begins[vcpu], .rflags = MICRO_RFLAGS | FLAGS(vcpu) };

	for (unsigned int i = 0; i < MICRO_REGS; i++)
		*micro_reg(&r, i) = magic(ids[vcpu], i);
	r.rax = r.r8 = hypercall;
	r.r9 = 0;
	r.rcx = calls;
	r.rbx = ids[vcpu];
	r.rdx = ids[(vcpu + 1) % VCPUS];
	r.rsi = ids[(vcpu + 2) % VCPUS];
	r.rdi = ids[(vcpu + 3) % VCPUS];
	micro_set_regs(m, vcpu, &r);
}

/* One call about itself, so that each has run when it is asked about by another. */
static void run_first(struct micro *m)
{
	at_once_arrived = VCPUS;
	for (unsigned int i = 0; i < VCPUS; i++) {
		set_regs(m, i, 1);
		micro_go(m, i);
		micro_finish(m, i);
	}
}

static void ask_all(struct micro *m)
{
	at_once_arrived = 0;
	for (unsigned int i = 0; i < VCPUS; i++)
		set_regs(m, i, CALLS);
	for (unsigned int i = 0; i < VCPUS; i++)
		micro_go(m, i);
	for (unsigned int i = 0; i < VCPUS; i++)
		micro_finish(m, i);
}

static void tell(struct micro *m, unsigned int vcpu)
{
	struct kvm_regs r;

	micro_get_regs(m, vcpu, &r);
	printf("vCPU %u: %u calls, all results or'ed: %lld\n", ids[vcpu], CALLS, (long long)r.r9);
	observe_u64("vcpu.id", ids[vcpu]);
	observe_u64("vcpu.thread", (uint64_t)micro_thread(m, vcpu));
	observe_u64("vcpu.exits", micro_exits(m, vcpu));
	observe_u64("vcpu.begin", (uintptr_t)begins[vcpu]);
	observe_u64("vcpu.end", (uintptr_t)ends[vcpu]);
	observe_i64("call.result", (int64_t)r.r9);
}

static void run(void)
{
	struct micro *m = micro_new(ids, VCPUS);

	hypercall = guest_number("NESTLAB_HYPERCALL", 13);
	observe_u64("hypercall", hypercall);
	run_first(m);
	ask_all(m);
	for (unsigned int i = 0; i < VCPUS; i++)
		tell(m, i);
	micro_free(m);
}

GUEST_TEST(run)

#else

#include <inttypes.h>

#include "judge/records.h"

#define BY_PROGRAM "oracle: the test program, which owns the vCPUs"

enum column { ID, THREAD, EXITS, BEGIN, END };
static const char *const keys[] = { "vcpu.id", "vcpu.thread", "vcpu.exits", "vcpu.begin", "vcpu.end" };

struct crowd {
	const struct evidence *e;
	struct table y;
	uint64_t hypercall;
};

/* Its row, or -1. */
static int row_of(const struct trace_record *r)
{
	for (int i = 0; i < VCPUS; i++)
		if (r->has_vcpu_id && r->vcpu_id == (int64_t)ids[i])
			return i;
	return -1;
}

/* The vCPU that this thread runs: its row, or -1. */
static int row_of_thread(const struct crowd *c, int64_t tid)
{
	for (int i = 0; i < VCPUS; i++)
		if ((int64_t)table_at(&c->y, (size_t)i, THREAD) == tid)
			return i;
	return -1;
}

/*
 * Did each caller write the records of its own calls? A change may let the target, or a worker,
 * write them: then their order is not that of the calls. Nor is it where some are missing.
 */
static bool callers_wrote(const struct crowd *c)
{
	const struct trace_records *r = &c->e->trace;
	size_t wrote[VCPUS] = { 0 }, about_self = 0;

	for (size_t k = 0; k < r->n; k++) {
		int writer = row_of_thread(c, r->v[k].tid);

		if (writer < 0)
			return false;
		wrote[writer]++;
		about_self += writer == row_of(&r->v[k]);
	}
	for (size_t i = 0; i < VCPUS; i++)
		if (wrote[i] != CALLS + 1)
			return false;
	return about_self < r->n;
}

/* Whom the n-th call of a vCPU asked about: itself first, then all in turn, itself again first. */
static int asked(int caller, size_t n)
{
	return n ? (int)(((size_t)caller + n - 1) % VCPUS) : caller;
}

static void follow_callers(const struct crowd *c, struct tally *y)
{
	const struct trace_records *r = &c->e->trace;
	size_t calls[VCPUS] = { 0 };

	for (size_t k = 0; k < r->n; k++) {
		int caller = row_of_thread(c, r->v[k].tid);
		int want = asked(caller, calls[caller]++);

		if (row_of(&r->v[k]) == want)
			tally_good(y);
		else
			tally_bad_at(y, r->v[k].line,
				     "call %zu of vCPU %" PRIu32 " asked about %" PRIu32
				     ", its record tells of %" PRId64,
				     calls[caller], ids[caller], ids[want], r->v[k].vcpu_id);
	}
}

/* Whoever writes them, and in which order: how many there are about each is known. */
static void count_about(const struct crowd *c, struct tally *y)
{
	const struct trace_records *r = &c->e->trace;
	size_t found[VCPUS] = { 0 }, strange = 0;

	for (size_t k = 0; k < r->n; k++)
		if (row_of(&r->v[k]) < 0)
			strange++;
		else
			found[row_of(&r->v[k])]++;
	for (size_t i = 0; i < VCPUS; i++)
		if (found[i] == CALLS + 1)
			tally_good(y);
		else
			tally_bad(y, "%zu records about vCPU %" PRIu32 ", %d calls about it", found[i],
				  ids[i], CALLS + 1);
	if (strange)
		tally_bad(y, "%zu records about no vCPU of this machine", strange);
}

static void check_whom(const struct crowd *c, struct test_result *t)
{
	bool in_order = callers_wrote(c);
	struct tally y = { .unit = in_order ? "record" : "vCPU" };

	if (in_order)
		follow_callers(c, &y);
	else
		count_about(c, &y);
	tally_check_trace(t, c->e, "whom each record tells of", "of the vCPU that its call asked about", &y,
			  BY_PROGRAM);
}

static bool is_id(uint64_t value)
{
	for (size_t i = 0; i < VCPUS; i++)
		if (ids[i] == value)
			return true;
	return false;
}

/* Whose value of a register that differs between vCPUs this is: its row, or -1. */
static int owner_of(unsigned int reg, uint64_t value)
{
	for (int i = 0; i < VCPUS; i++)
		if (value == magic(ids[i], reg))
			return i;
	return -1;
}

static int owner_of_rip(const struct crowd *c, uint64_t rip)
{
	for (int i = 0; i < VCPUS; i++)
		if (rip >= table_at(&c->y, (size_t)i, BEGIN) && rip <= table_at(&c->y, (size_t)i, END))
			return i;
	return -1;
}

/* Those that go round a few values. */
static bool is_possible(const struct crowd *c, enum trace_reg reg, uint64_t value)
{
	switch (reg) {
	case VREG_RAX:
		return !value || value == c->hypercall;
	case VREG_R8:
		return value == c->hypercall;
	case VREG_RCX:
		return value <= CALLS;
	case VREG_R9:
		return !value;
	default:
		return is_id(value);
	}
}

static bool is_owned(enum trace_reg reg)
{
	return reg == VREG_RBP || reg == VREG_RSP || (reg >= VREG_R10 && reg <= VREG_R15);
}

static void add_wrong(struct buf *b, const char *reg, uint64_t value, int owner)
{
	buf_printf(b, "%s%s=%#" PRIx64, b->len ? ", " : "", reg, value);
	if (owner >= 0)
		buf_printf(b, " (that is vCPU %" PRIu32 "'s)", ids[owner]);
}

/*
 * On Intel the stack pointer, rip and flags of a vCPU that runs elsewhere are in a VMCS that this
 * CPU can't read. Old ones may be told, another vCPU's may not.
 */
static bool passes(const struct crowd *c, int owner, int want)
{
	return owner == want || (c->e->vendor_intel && owner < 0);
}

static void look_at_general(const struct crowd *c, const struct trace_record *r, int row, struct buf *b)
{
	for (unsigned int i = 0; i < KVM_REGS; i++) {
		enum trace_reg reg = kvm_regs_order[i];
		uint64_t value = r->regs[reg];
		int owner = is_owned(reg) ? owner_of(i, value) : -1;
		bool right = is_owned(reg) ? owner == row : is_possible(c, reg, value);

		if (reg == VREG_RSP)
			right = passes(c, owner, row);
		if (record_has(r, reg) && !right)
			add_wrong(b, trace_reg_names[reg], value, owner);
	}
}

static int owner_of_flags(uint64_t rflags)
{
	for (int i = 0; i < VCPUS; i++)
		if ((rflags & FLAGS_MASK) == FLAGS(i))
			return i;
	return -1;
}

static void look_at_special(const struct crowd *c, const struct trace_record *r, int row, struct buf *b)
{
	int rip = owner_of_rip(c, r->regs[VREG_RIP]);
	int flags = owner_of_flags(r->regs[VREG_RFLAGS]);

	if (record_has(r, VREG_RIP) && !passes(c, rip, row))
		add_wrong(b, "rip", r->regs[VREG_RIP], rip);
	/* None of these bits at all may be flags from before the vCPU ran: old. */
	if (record_has(r, VREG_RFLAGS) && flags != row && !(c->e->vendor_intel && !flags))
		add_wrong(b, "rflags", r->regs[VREG_RFLAGS], flags);
}

static void check_registers(const struct crowd *c, struct test_result *t)
{
	const struct trace_records *r = &c->e->trace;
	struct tally y = { .unit = "record" };

	for (size_t k = 0; k < r->n; k++) {
		_cleanup_buf_ struct buf wrong = { 0 };
		int row = row_of(&r->v[k]);

		if (row < 0)
			continue;
		look_at_general(c, &r->v[k], row, &wrong);
		look_at_special(c, &r->v[k], row, &wrong);
		if (wrong.len)
			tally_bad_at(&y, r->v[k].line, "about vCPU %" PRId64 ": %s", r->v[k].vcpu_id,
				     buf_str(&wrong));
		else
			tally_good(&y);
	}
	tally_check_trace(t, c->e, "registers of each record",
			  "what the vCPU that it tells of held at some moment", &y, BY_PROGRAM);
}

static void check_pid(const struct crowd *c, struct test_result *t)
{
	const struct trace_records *r = &c->e->trace;
	struct tally y = { .unit = "record" };

	for (size_t k = 0; k < r->n; k++) {
		int row = row_of(&r->v[k]);

		if (row < 0)
			continue;
		if (r->v[k].has_pid && r->v[k].pid == (int64_t)table_at(&c->y, (size_t)row, THREAD))
			tally_good(&y);
		else
			tally_bad_at(&y, r->v[k].line,
				     "pid %" PRId64 " for vCPU %" PRId64 ", its thread is %" PRIu64,
				     r->v[k].has_pid ? r->v[k].pid : -1, r->v[k].vcpu_id,
				     table_at(&c->y, (size_t)row, THREAD));
	}
	tally_check_trace(t, c->e, "pid of each record", "the thread of the vCPU that it tells of", &y,
			  BY_PROGRAM);
}

/* The last count about a vCPU that the same thread wrote. Two threads' lines may stand in any order. */
static uint64_t count_before(const struct trace_records *r, size_t k)
{
	for (size_t i = k; i-- > 0;)
		if (r->v[i].vcpu_id == r->v[k].vcpu_id && r->v[i].tid == r->v[k].tid)
			return r->v[i].num_exits;
	return 1; /* each has run */
}

static void check_exits(const struct crowd *c, struct test_result *t)
{
	const struct trace_records *r = &c->e->trace;
	struct tally y = { .unit = "record" };

	for (size_t k = 0; k < r->n; k++) {
		int row = row_of(&r->v[k]);
		uint64_t least = count_before(r, k), most;

		if (row < 0)
			continue;
		most = table_at(&c->y, (size_t)row, EXITS);
		if (r->v[k].has_num_exits && r->v[k].num_exits >= least && r->v[k].num_exits <= most)
			tally_good(&y);
		else
			tally_bad_at(&y, r->v[k].line,
				     "%" PRIu64 " exits of vCPU %" PRId64 ", not %" PRIu64 " to %" PRIu64,
				     r->v[k].num_exits, r->v[k].vcpu_id, least, most);
	}
	tally_check_trace(t, c->e, "exits of each record",
			  "never fewer than told before, nor more than KVM has counted", &y, BY_PROGRAM);
}

static const char *const checks[] = {
	"result of each call",
	"whom each record tells of",
	"pid of each record",
	"exits of each record",
	"registers of each record",
	NULL,
};

static void judge(const struct evidence *e, struct test_result *t)
{
	struct crowd c = { .e = e };

	if (!check_program(e, t) || !want_u64(e, t, "hypercall", &c.hypercall))
		return;
	if (!table_collect(&c.y, &e->obs, keys, ARRAY_SIZE(keys)) || c.y.rows != VCPUS) {
		check_broken(t, "the vCPUs", "every vCPU told whole", "some of its lines are missing");
	} else {
		result_add_measure(t, "calls", "calls", VCPUS * (CALLS + 1));
		check_call_results(e, t);
		if (check_trace(e, t)) {
			check_whom(&c, t);
			check_pid(&c, t);
			check_exits(&c, t);
			check_registers(&c, t);
		}
	}
	table_free(&c.y);
}

static const struct testcase vcpu_info_at_once = {
	.name = "vcpu-info/at-once",
	.assignment = "vcpu-info",
	.summary = "all vCPUs of a micro guest ask about all at once, and each record is read",
	.program = "test_micro_at_once",
	.level = 1,
	.races = true,
	.data_races = true,
	.timeout_s = 60,
	.wants_trace = true,
	.checks = checks,
	.judge = judge,
};
TESTCASE(vcpu_info_at_once);
#endif
