// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpu-info/pairs: each vCPU of a micro guest asks about each, itself included, while the target
 * spins in guest mode, is halted, has been given other registers since, or has never run. Every
 * register of every vCPU holds a value of its own that only that vCPU made, so a record that tells
 * of the wrong vCPU, of another moment, or of a cut or shifted register is seen as such.
 */
#include <stdint.h>

enum { MAGIC_RAX = 0, MAGIC_RBX = 1 };

/*
 * In the order of struct kvm_regs. Negative when read as signed; what the guest's own code makes of
 * it is one more.
 */
static inline uint64_t magic(uint64_t vcpu_id, unsigned int reg)
{
	return 0x9d1c000000000000 + (vcpu_id << 32) + ((uint64_t)reg << 8) + 0x11;
}

/* Of a target's flags: interrupts are on, and one over 16 bits that means nothing to its code. */
#define FLAG_IF 0x200
#define FLAG_ID 0x200000

/* In real mode, where the code segment begins elsewhere than at 0. */
#define REAL_MODE "the caller itself, in real mode"

#ifdef NESTLAB_GUEST
#include "micro.h"

#include <string.h>

/* Not in order, not from 0, not in a row; the last is over 8 bits. */
static const uint32_t ids[] = { 2, 0, 7, 300 };
#define N (sizeof(ids) / sizeof(ids[0]))
/*
 * An interrupt of L1's makes a target that spins leave, and what is told of it is fresh then,
 * however it was come by.
 */
#define ROUNDS 3
#define NEVER (N - 1) /* this one does not run in the first round */

struct asked {
	const char *state; /* of the target */
	unsigned int caller, target;
	uint64_t before, after; /* the target's exits */
	uint64_t spun_before, spun_after;
	int64_t result;
	uint64_t changed; /* bit per register of the caller that the call changed, rax aside */
	bool narrow;	  /* the caller's registers have 32 bits */
};

static uint64_t hypercall;
static struct guest_cpus cpus;

static void set_magic(struct micro *m, unsigned int vcpu, const char *label)
{
	struct kvm_regs r = { .rip = micro_high_at(label), .rflags = MICRO_RFLAGS | FLAG_ID };

	for (unsigned int i = 0; i < MICRO_REGS; i++)
		*micro_reg(&r, i) = magic(ids[vcpu], i);
	micro_set_regs(m, vcpu, &r);
}

static void ask(struct micro *m, struct asked *a, uint64_t rip)
{
	struct kvm_regs before = { .rip = rip, .rflags = MICRO_RFLAGS }, after;

	for (unsigned int i = 0; i < MICRO_REGS; i++)
		*micro_reg(&before, i) = (magic(ids[a->caller], i) + 1) & (a->narrow ? UINT32_MAX : UINT64_MAX);
	before.rax = hypercall;
	before.rbx = ids[a->target];
	micro_set_regs(m, a->caller, &before);
	a->before = micro_exits(m, a->target);
	a->spun_before = micro_spun(m);
	micro_go(m, a->caller);
	micro_finish(m, a->caller);
	a->spun_after = micro_spun(m);
	a->after = micro_exits(m, a->target);
	micro_get_regs(m, a->caller, &after);
	a->result = (int64_t)after.rax;
	for (unsigned int i = 1; i < MICRO_REGS; i++)
		if (*micro_reg(&before, i) != *micro_reg(&after, i))
			a->changed |= 1u << i;
}

static void tell(const struct asked *a)
{
	printf("vCPU %u about vCPU %u (%s): result %lld\n", ids[a->caller], ids[a->target],
	       a->state, (long long)a->result);
	observe_str("call.state", a->state);
	observe_u64("call.caller", ids[a->caller]);
	observe_u64("call.target", ids[a->target]);
	observe_u64("call.before", a->before);
	observe_u64("call.after", a->after);
	observe_u64("call.spun.before", a->spun_before);
	observe_u64("call.spun.after", a->spun_after);
	observe_i64("call.result", a->result);
	observe_u64("call.changed", a->changed);
}

static void about(struct micro *m, unsigned int caller, unsigned int target, const char *state)
{
	struct asked a = { .state = state, .caller = caller, .target = target };

	ask(m, &a, micro_at(micro_call()));
	tell(&a);
}

/*
 * All others ask about one that is in the guest, in a loop without an exit, on a CPU of its own: a
 * caller that woke up there would make it leave before the call.
 */
static void round_spinning(struct micro *m, unsigned int target)
{
	micro_pin(m, target, cpus.cpu[cpus.n - 1]);
	set_magic(m, target, micro_spin);
	micro_go(m, target);
	micro_wait_spinning(m, target);
	for (unsigned int i = 0; i < N; i++)
		if (i != target)
			about(m, i, target, "spinning");
	micro_stop(m, target);
	micro_pin(m, target, cpus.cpu[0]);
}

/* A caller with registers of 32 bits about one that has 64. */
static void about_from(struct micro *m, enum micro_mode mode, unsigned int caller,
		       unsigned int target, const char *state)
{
	struct asked a = { .state = state, .caller = caller, .target = target, .narrow = true };

	micro_set_mode(m, caller, mode);
	ask(m, &a, micro_at(micro_call()));
	micro_set_mode(m, caller, MICRO_LONG);
	tell(&a);
}

static void round_halted(struct micro *m, unsigned int target)
{
	set_magic(m, target, micro_halt);
	micro_go(m, target);
	if (micro_wait(m, target) != KVM_EXIT_HLT)
		guest_broken(__FILE__, __LINE__, "vCPU %u did not come to its hlt", ids[target]);
	for (unsigned int i = 0; i < N; i++)
		if (i != target)
			about(m, i, target, "halted");
	about_from(m, MICRO_PROTECTED, (target + 1) % N, target, "halted");
	about_from(m, MICRO_PAGED, (target + 2) % N, target, "halted");
}

/* User space has set its registers, as a debugger does, and it has not run since. */
static void about_set(struct micro *m, unsigned int target)
{
	set_magic(m, target, micro_halt_end);
	about(m, (target + 1) % N, target, "registers set");
}

/* What is an address in the machine and what rip holds are two numbers there. */
static void about_itself_in_real_mode(struct micro *m, unsigned int vcpu)
{
	struct asked a = { .state = REAL_MODE, .caller = vcpu, .target = vcpu };
	struct kvm_sregs s;

	micro_set_mode(m, vcpu, MICRO_REAL);
	micro_get_sregs(m, vcpu, &s);
	s.cs.base = micro_at(micro_call()) & ~0xfULL;
	s.cs.selector = (uint16_t)(s.cs.base >> 4);
	micro_set_sregs(m, vcpu, &s);
	ask(m, &a, micro_at(micro_call()) - s.cs.base);
	micro_set_mode(m, vcpu, MICRO_LONG);
	tell(&a);
}

static void run(void)
{
	struct micro *m;

	guest_cpus(&cpus);
	SAFE_PIN(cpus.cpu[0]); /* and with it the vCPUs' threads */
	m = micro_new(ids, N);

	hypercall = guest_number("NESTLAB_HYPERCALL", 13);
	for (unsigned int i = 0; i < N; i++) {
		observe_u64("vcpu.id", ids[i]);
		observe_u64("vcpu.thread", (uint64_t)micro_thread(m, i));
	}
	observe_u64("hypercall", hypercall);
	observe_u64("spin.begin", micro_high_at(micro_spin_loop));
	observe_u64("spin.end", micro_high_at(micro_spin_end));
	observe_u64("halt.end", micro_high_at(micro_halt_end));
	observe_u64("real.rip", micro_at(micro_call()) & 0xf);
	about(m, 0, NEVER, "never run");
	for (unsigned int i = 0; i < ROUNDS * N; i++) {
		unsigned int target = i % N;

		round_spinning(m, target);
		round_halted(m, target);
		about_set(m, target);
		about(m, target, target, "the caller itself");
	}
	for (unsigned int i = 0; i < N; i++)
		about_itself_in_real_mode(m, i);
	micro_free(m);
}

GUEST_TEST(run)

#else

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "judge/records.h"
#include "judge/wrong.h"

#define BY_PROGRAM                                                                                 \
	"oracle: the test program, which owns the vCPUs (their threads, KVM_GET_STATS_FD)"

enum vcpu_column { ID, THREAD };
static const char *const vcpu_keys[] = { "vcpu.id", "vcpu.thread" };

enum call_column { CALLER, TARGET, BEFORE, AFTER, SPUN_BEFORE, SPUN_AFTER };
static const char *const call_keys[] = { "call.caller", "call.target",	    "call.before",
					 "call.after",	"call.spun.before", "call.spun.after" };

struct calls {
	const struct evidence *e;
	struct table vcpus, calls;
	size_t n; /* of calls */
	uint64_t hypercall, spin_begin, spin_end, halt_end, real_rip;
};

static uint64_t call_at(const struct calls *c, size_t k, enum call_column what)
{
	return table_at(&c->calls, k, what);
}

static const char *state_of(const struct calls *c, size_t k)
{
	return obs_get(&c->e->obs, "call.state", k)->str;
}

static bool is(const struct calls *c, size_t k, const char *state)
{
	return !strcmp(state_of(c, k), state);
}

static bool is_itself(const struct calls *c, size_t k)
{
	return call_at(c, k, CALLER) == call_at(c, k, TARGET);
}

static void bad_call(struct tally *y, const struct calls *c, size_t k, const char *what)
{
	const struct trace_records *r = &c->e->trace;

	tally_bad_at(y, k < r->n ? r->v[k].line : 0, "vCPU %" PRIu64 " asked about vCPU %" PRIu64 " (%s): %s",
		     call_at(c, k, CALLER), call_at(c, k, TARGET), state_of(c, k), what);
}

/*
 * The calls follow one another and each leaves one record: so the k-th record is the k-th call's.
 */
static bool check_records(const struct calls *c, struct test_result *t)
{
	const struct trace_records *r = &c->e->trace;
	struct tally y = { .unit = "call" };
	bool ok = r->n == c->n;

	for (size_t k = 0; k < c->n; k++) {
		_cleanup_free_ char *what = NULL;

		if (k < r->n && r->v[k].has_vcpu_id &&
		    r->v[k].vcpu_id == (int64_t)call_at(c, k, TARGET)) {
			tally_good(&y);
			continue;
		}
		what = k < r->n ? strf("record %zu tells of vCPU %" PRId64, k + 1, r->v[k].vcpu_id)
				: strf("no record (%zu in all)", r->n);
		bad_call(&y, c, k, what);
		ok = false;
	}
	if (r->n > c->n)
		tally_bad(&y, "%zu records of %zu calls", r->n, c->n);
	tally_check_trace(t, c->e, "a record for each call",
			  "one, about the vCPU that the argument names", &y, NULL);
	return ok;
}

static uint64_t thread_of(const struct calls *c, uint64_t id)
{
	for (size_t i = 0; i < c->vcpus.rows; i++)
		if (table_at(&c->vcpus, i, ID) == id)
			return table_at(&c->vcpus, i, THREAD);
	return 0;
}

/* One that never ran has no pid yet: what is told for it is left open, but not another vCPU's. */
static bool is_pid_of(const struct calls *c, size_t k, int64_t pid)
{
	uint64_t target = call_at(c, k, TARGET);

	if (!is(c, k, "never run"))
		return pid == (int64_t)thread_of(c, target);
	for (size_t i = 0; i < c->vcpus.rows; i++)
		if (table_at(&c->vcpus, i, ID) != target && (int64_t)table_at(&c->vcpus, i, THREAD) == pid)
			return false;
	return true;
}

static void check_pid(const struct calls *c, struct test_result *t)
{
	struct tally y = { .unit = "record" };

	for (size_t k = 0; k < c->n; k++) {
		const struct trace_record *r = &c->e->trace.v[k];
		uint64_t want = thread_of(c, call_at(c, k, TARGET)), told = r->has_pid ? (uint64_t)r->pid : 0;
		struct wrong w = { .least = want, .most = want };
		_cleanup_free_ char *what = NULL;

		if (r->has_pid ? is_pid_of(c, k, r->pid) : is(c, k, "never run")) {
			tally_good(&y);
			continue;
		}
		wrong_add(&w, "the caller's own", thread_of(c, call_at(c, k, CALLER)));
		wrong_add(&w, "the vCPU's id", call_at(c, k, TARGET));
		what = strf("pid %" PRId64 ", its thread is %" PRIu64 "%s", r->has_pid ? r->pid : -1, want,
			    wrong_name(&w, told));
		bad_call(&y, c, k, what);
	}
	tally_check_trace(t, c->e, "pid of the target", "the id of its thread", &y, BY_PROGRAM);
}

static void check_exits(const struct calls *c, struct test_result *t)
{
	struct tally y = { .unit = "record" };

	for (size_t k = 0; k < c->n; k++) {
		const struct trace_record *r = &c->e->trace.v[k];
		_cleanup_free_ char *what = NULL;

		if (r->has_num_exits && r->num_exits >= call_at(c, k, BEFORE) &&
		    r->num_exits <= call_at(c, k, AFTER)) {
			tally_good(&y);
			continue;
		}
		what = strf("%" PRIu64 ", KVM counted %" PRIu64 " before and %" PRIu64 " after",
			    r->num_exits, call_at(c, k, BEFORE), call_at(c, k, AFTER));
		bad_call(&y, c, k, what);
	}
	tally_check_trace(t, c->e, "exits of the target",
			  "KVM's count before the call to that after it", &y, BY_PROGRAM);
}

/*
 * What it held when it last left the guest: the text does not say of when the registers are. Those
 * of a record are of one moment.
 */
static bool is_of_last_exit(const struct calls *c, size_t k)
{
	return c->e->trace.v[k].regs[VREG_RBX] == magic(call_at(c, k, TARGET), MAGIC_RBX) + 1;
}

static uint64_t want_reg(const struct calls *c, size_t k, unsigned int i)
{
	if (is_itself(c, k) && i == MAGIC_RAX)
		return c->hypercall;
	if (is_itself(c, k) && i == MAGIC_RBX)
		return call_at(c, k, TARGET);
	return magic(call_at(c, k, TARGET), i) + (!is(c, k, "registers set") || is_of_last_exit(c, k));
}

static uint64_t callers_reg(const struct calls *c, size_t k, unsigned int i)
{
	if (i == MAGIC_RAX)
		return c->hypercall;
	return i == MAGIC_RBX ? call_at(c, k, TARGET) : magic(call_at(c, k, CALLER), i) + 1;
}

/* "rbx=0x14 for 0x1 (that is the caller's)", or another register of the target's. */
static void tell_reg(const struct calls *c, size_t k, unsigned int i, uint64_t told, struct buf *to)
{
	const char *name = trace_reg_names[kvm_regs_order[i]];
	uint64_t want = want_reg(c, k, i);
	struct wrong w = { .least = want, .most = want };

	wrong_add(&w, "the caller's", callers_reg(c, k, i));
	for (unsigned int other = 0; other < KVM_REGS; other++)
		if (other != i && told == want_reg(c, k, other) && told != callers_reg(c, k, i)) {
			buf_printf(to, "%s=%#" PRIx64 " for %#" PRIx64 " (that is its %s); ", name, told, want,
				   trace_reg_names[kvm_regs_order[other]]);
			return;
		}
	buf_printf(to, "%s=%#" PRIx64 " for %#" PRIx64 "%s; ", name, told, want, wrong_name(&w, told));
}

/*
 * On Intel the stack pointer, rip and flags of a vCPU that runs elsewhere are in a VMCS that the
 * caller's CPU can't read.
 */
static bool is_asked(const struct calls *c, size_t k, enum trace_reg reg)
{
	return !c->e->vendor_intel || is_itself(c, k) ||
	       (reg != VREG_RSP && reg != VREG_RIP && reg != VREG_RFLAGS);
}

#define HYPERCALL_BYTES 3

static bool rip_is_right(const struct calls *c, size_t k, uint64_t rip)
{
	if (is(c, k, "spinning"))
		return rip >= c->spin_begin && rip < c->spin_end;
	if (is(c, k, "halted"))
		return rip == c->halt_end || rip == c->halt_end - 1; /* at the hlt, or behind it */
	if (is(c, k, REAL_MODE))
		return rip >= c->real_rip && rip <= c->real_rip + HYPERCALL_BYTES;
	return true;
}

/* All but what its additions leave there. A caller has this flag off. */
static bool rflags_are_right(const struct calls *c, size_t k, uint64_t rflags)
{
	return is_itself(c, k) || (rflags & (FLAG_ID | FLAG_IF)) == (FLAG_ID | FLAG_IF);
}

static bool is_told(const struct calls *c, size_t k, enum trace_reg reg)
{
	return is_asked(c, k, reg) && record_has(&c->e->trace.v[k], reg);
}

static void look_at_special(const struct calls *c, size_t k, struct buf *wrong)
{
	const uint64_t *regs = c->e->trace.v[k].regs;

	if (is_told(c, k, VREG_RIP) && !rip_is_right(c, k, regs[VREG_RIP]))
		buf_printf(wrong, "rip=%#" PRIx64 "; ", regs[VREG_RIP]);
	if (is_told(c, k, VREG_RFLAGS) && !rflags_are_right(c, k, regs[VREG_RFLAGS]))
		buf_printf(wrong, "rflags=%#" PRIx64 "; ", regs[VREG_RFLAGS]);
}

static void check_registers(const struct calls *c, struct test_result *t)
{
	struct tally y = { .unit = "record" };

	for (size_t k = 0; k < c->n; k++) {
		const struct trace_record *r = &c->e->trace.v[k];
		_cleanup_buf_ struct buf wrong = { 0 };

		if (is(c, k, "never run"))
			continue;
		for (unsigned int i = 0; i < KVM_REGS; i++) {
			uint64_t want = want_reg(c, k, i);

			/* One that spins counts in r15: see "of that moment". */
			if (!is_asked(c, k, kvm_regs_order[i]) || is(c, k, REAL_MODE) ||
			    (kvm_regs_order[i] == VREG_R15 && is(c, k, "spinning")))
				continue;
			if (!record_has(r, kvm_regs_order[i]))
				buf_printf(&wrong, "%s missing; ", trace_reg_names[kvm_regs_order[i]]);
			else if (r->regs[kvm_regs_order[i]] != want)
				tell_reg(c, k, i, r->regs[kvm_regs_order[i]], &wrong);
		}
		look_at_special(c, k, &wrong);
		if (wrong.len) {
			wrong.data[wrong.len - strlen("; ")] = '\0';
			bad_call(&y, c, k, wrong.data);
		} else {
			tally_good(&y);
		}
	}
	tally_check_trace(t, c->e, "registers of the target",
			  "all 16, each with the value that the target made", &y, BY_PROGRAM);
}

/*
 * A vCPU in guest mode holds its registers itself. What KVM kept at its last exit is old: up to a
 * tick of its host's, in which it has counted on.
 */
static void check_moment(const struct calls *c, struct test_result *t)
{
	struct tally y = { .unit = "record" };

	for (size_t k = 0; k < c->n; k++) {
		const struct trace_record *r = &c->e->trace.v[k];
		_cleanup_free_ char *what = NULL;

		if (!is(c, k, "spinning"))
			continue;
		/* It may have been stopped between counting and telling: one more than told. */
		if (record_has(r, VREG_R15) && r->regs[VREG_R15] >= call_at(c, k, SPUN_BEFORE) &&
		    r->regs[VREG_R15] <= call_at(c, k, SPUN_AFTER) + 1) {
			tally_good(&y);
			continue;
		}
		what = strf("r15=%#" PRIx64 ", it counted from %#" PRIx64 " to %#" PRIx64,
			    r->regs[VREG_R15], call_at(c, k, SPUN_BEFORE),
			    call_at(c, k, SPUN_AFTER));
		bad_call(&y, c, k, what);
	}
	tally_check_trace(t, c->e, "registers of that moment",
			  "where the target's count was during the call", &y, BY_PROGRAM);
}

/* The program's lines are whole. */
static bool collect(struct calls *c, const struct observations *o)
{
	bool whole = table_collect(&c->vcpus, o, vcpu_keys, ARRAY_SIZE(vcpu_keys));

	whole &= table_collect(&c->calls, o, call_keys, ARRAY_SIZE(call_keys));
	c->n = c->calls.rows;
	return whole && obs_count(o, "call.state") == c->n;
}

static const char *const checks[] = {
	"result of each call",
	"the caller's registers",
	"a record for each call",
	"pid of the target",
	"exits of the target",
	"registers of the target",
	"registers of that moment",
	NULL,
};

static void judge(const struct evidence *e, struct test_result *t)
{
	struct calls c = { .e = e };

	if (!check_program(e, t) || !want_u64(e, t, "hypercall", &c.hypercall) ||
	    !want_u64(e, t, "spin.begin", &c.spin_begin) ||
	    !want_u64(e, t, "spin.end", &c.spin_end) || !want_u64(e, t, "halt.end", &c.halt_end) ||
	    !want_u64(e, t, "real.rip", &c.real_rip))
		return;
	if (!collect(&c, &e->obs)) {
		check_broken(t, "the calls", "every call told whole",
			     "some of its lines are missing");
	} else {
		result_add_measure(t, "calls", "calls", (double)c.n);
		check_call_results(e, t);
		check_caller_unharmed(e, t);
		if (check_trace(e, t) && check_records(&c, t)) {
			check_pid(&c, t);
			check_exits(&c, t);
			check_registers(&c, t);
			check_moment(&c, t);
		}
	}
	table_free(&c.vcpus);
	table_free(&c.calls);
}

static const struct testcase vcpu_info_pairs = {
	.name = "vcpu-info/pairs",
	.assignment = "vcpu-info",
	.summary =
		"each vCPU of a micro guest asks about each: spinning, halted, never run, itself",
	.program = "test_micro_pairs",
	.level = 1,
	.timeout_s = 60,
	.wants_trace = true,
	.checks = checks,
	.judge = judge,
};
TESTCASE(vcpu_info_pairs);
#endif
