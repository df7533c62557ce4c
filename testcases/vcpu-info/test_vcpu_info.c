// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpu-info/syscall: the system call, twice from each CPU. By hand: one call.
 *
 * The calling vCPU is the target of one of the hypercalls it makes, so there its own rax and rbx
 * are known; for the other targets it is known what they can't be: the caller's.
 */
#ifdef NESTLAB_GUEST
#include "syscall.h"

#define ROUNDS 2

static void call_from(int cpu)
{
	SAFE_PIN(cpu);
	observe_u64("call.caller", guest_apic_id());
	call_vcpu_info();
	/*
	 * An exit from user mode: or this CPU, once idle and asked about, could still show its
	 * last hypercall's registers, and be taken for the caller.
	 */
	cpuid(0, 0);
}

static void run(void)
{
	struct guest_cpus cpus;

	if (!guest_in_lab) {
		call_vcpu_info();
		return;
	}
	guest_cpus(&cpus);
	for (unsigned int i = 0; i < cpus.n; i++) {
		SAFE_PIN(cpus.cpu[i]);
		observe_u64("cpu.id", guest_apic_id());
	}
	for (unsigned int round = 0; round < ROUNDS; round++)
		for (unsigned int i = 0; i < cpus.n; i++)
			call_from(cpus.cpu[i]);
}

GUEST_TEST(run)

#else

#include <inttypes.h>

#include "judge/records.h"
#include "plan/assignment.h"

#define KERNEL_HALF 0xffff800000000000ULL

struct calls {
	const struct evidence *e;
	struct u64v cpus;    /* the online vCPUs' ids */
	struct u64v callers; /* of each call, the caller's id */
};

static bool check_counts(const struct calls *c, struct test_result *t)
{
	_cleanup_free_ struct record_count *want = xcalloc(c->cpus.n, sizeof(*want));

	for (size_t i = 0; i < c->cpus.n; i++)
		want[i] = (struct record_count){ c->cpus.v[i], c->callers.n };
	return check_record_counts(c->e, t, want, c->cpus.n);
}

/* --- exits grow --- */

/* From one record about a vCPU to the next they can't fall. */
static void tally_not_falling(const struct calls *c, struct tally *y, uint64_t id)
{
	const struct trace_record *prev = NULL, *r;

	for (size_t k = 0; (r = record_of(&c->e->trace, id, k)); k++, prev = r) {
		if (!prev || !prev->has_num_exits || !r->has_num_exits)
			continue;
		if (r->num_exits < prev->num_exits)
			tally_bad_at(y, r->line,
				     "vCPU %" PRIu64 " fell from %" PRIu64 " to %" PRIu64, id,
				     prev->num_exits, r->num_exits);
		else
			tally_good(y);
	}
}

/* Between two calls of its own a vCPU made at least the second hypercall: an exit. */
static void tally_callers_grow(const struct calls *c, struct tally *y, uint64_t id)
{
	const struct trace_record *prev = NULL, *r;

	for (size_t k = 0; k < c->callers.n; k++) {
		if (c->callers.v[k] != id)
			continue;
		r = record_of(&c->e->trace, id, k);
		if (r && prev && r->num_exits <= prev->num_exits)
			tally_bad_at(y, r->line,
				     "caller %" PRIu64 " had %" PRIu64 ", and %" PRIu64
				     " at its next call",
				     id, prev->num_exits, r->num_exits);
		else if (r && prev)
			tally_good(y);
		prev = r;
	}
}

static void check_exits_grow(const struct calls *c, struct test_result *t, bool by_call)
{
	struct tally y = { .unit = "pair" };

	for (size_t i = 0; i < c->cpus.n; i++) {
		tally_not_falling(c, &y, c->cpus.v[i]);
		if (by_call)
			tally_callers_grow(c, &y, c->cpus.v[i]);
	}
	tally_check_trace(t, c->e, "exits grow",
			  "never fewer than in the call before; more for a caller", &y, NULL);
}

/* --- registers --- */

static void tally_arguments(const struct calls *c, struct tally *y, const struct trace_record *r)
{
	uint64_t number = c->e->assignment->hypercall;

	if (!record_has(r, VREG_RAX) || !record_has(r, VREG_RBX))
		tally_bad_at(y, r->line, "rax or rbx is missing");
	else if (r->regs[VREG_RAX] != number || r->regs[VREG_RBX] != (uint64_t)r->vcpu_id)
		tally_bad_at(y, r->line, "vCPU %" PRId64 " has rax %#" PRIx64 ", rbx %#" PRIx64,
			     r->vcpu_id, r->regs[VREG_RAX], r->regs[VREG_RBX]);
	else
		tally_good(y);
}

/* An address that a register of the caller must have in the kernel's half, if it is traced. */
static void tally_kernel(struct tally *y, const struct trace_record *r, enum trace_reg reg)
{
	if (!record_has(r, reg))
		return;
	if (r->regs[reg] >= KERNEL_HALF)
		tally_good(y);
	else
		tally_bad_at(y, r->line, "vCPU %" PRId64 " has %s %#" PRIx64, r->vcpu_id,
			     trace_reg_names[reg], r->regs[reg]);
}

static void check_caller(const struct calls *c, struct test_result *t)
{
	_cleanup_free_ char *expected = strf("rax = %" PRIu32 " (the hypercall), rbx = its own id",
					     c->e->assignment->hypercall);
	struct tally arguments = { .unit = "call" }, kernel = { .unit = "place" };

	for (size_t k = 0; k < c->callers.n; k++) {
		const struct trace_record *r = record_of(&c->e->trace, c->callers.v[k], k);

		if (!r)
			continue;
		tally_arguments(c, &arguments, r);
		tally_kernel(&kernel, r, VREG_RSP);
		tally_kernel(&kernel, r, VREG_RIP);
	}
	tally_check_trace(t, c->e, "rax and rbx of the caller", expected, &arguments, NULL);
	tally_check_trace(t, c->e, "the caller is in its kernel",
			  "rsp and rip are kernel addresses", &kernel, NULL);
}

/*
 * Are these the registers with which the caller asked about this target? Then rbx is the target's
 * id, rax (if traced) the hypercall's number, and stack and place in the code are the caller's in
 * the same call: no other CPU shares its kernel stack.
 */
static bool is_callers(const struct calls *c, const struct trace_record *r,
		       const struct trace_record *caller)
{
	static const enum trace_reg places[] = { VREG_RSP, VREG_RIP };

	if (!record_has(r, VREG_RBX) || r->regs[VREG_RBX] != (uint64_t)r->vcpu_id)
		return false;
	if (record_has(r, VREG_RAX) && r->regs[VREG_RAX] != c->e->assignment->hypercall)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (record_has(r, places[i]) && r->regs[places[i]] != caller->regs[places[i]])
			return false;
	return record_has(r, VREG_RSP) || record_has(r, VREG_RIP) || record_has(r, VREG_RAX);
}

static void tally_targets(const struct calls *c, struct tally *y, size_t k)
{
	const struct trace_record *caller = record_of(&c->e->trace, c->callers.v[k], k), *r;

	for (size_t i = 0; i < c->cpus.n && caller; i++) {
		if (c->cpus.v[i] == c->callers.v[k])
			continue;
		r = record_of(&c->e->trace, c->cpus.v[i], k);
		if (r && is_callers(c, r, caller))
			tally_bad_at(y, r->line,
				     "about vCPU %" PRId64 ", but the registers are those of"
				     " the caller, vCPU %" PRId64,
				     r->vcpu_id, caller->vcpu_id);
		else if (r)
			tally_good(y);
	}
}

static void check_targets(const struct calls *c, struct test_result *t)
{
	static const char name[] = "registers are the target's";
	struct tally y = { .unit = "record" };

	if (c->cpus.n < 2) {
		check_skip(t, name, "L2 has one vCPU (try L2_CPUS=2)");
		return;
	}
	for (size_t k = 0; k < c->callers.n; k++)
		tally_targets(c, &y, k);
	tally_check_trace(t, c->e, name, "those of the vCPU asked about, not of the one that asks",
			  &y, NULL);
}

/* Records can be told apart by call where their number is right. */
static void check_by_call(const struct calls *c, struct test_result *t)
{
	check_caller(c, t);
	check_targets(c, t);
}

static void check_records(const struct calls *c, struct test_result *t)
{
	bool by_call = check_counts(c, t);

	check_pids(c->e, t);
	check_own_pids(c->e, t);
	check_exits_bounds(c->e, t);
	check_exits_grow(c, t, by_call);
	check_registers_there(c->e, t);
	if (by_call)
		check_by_call(c, t);
}

static const char *const checks[] = {
	"online CPUs",
	"result of each call",
	"a record for each CPU and call",
	"pid of each vCPU",
	"pids differ",
	"exits of each vCPU",
	"exits grow",
	"general registers",
	"rip and rflags",
	"rax and rbx of the caller",
	"the caller is in its kernel",
	"registers are the target's",
	NULL,
};

static void judge(const struct evidence *e, struct test_result *t)
{
	struct calls c = { .e = e };

	if (!check_program(e, t))
		return;
	u64v_collect(&c.cpus, &e->obs, "cpu.id");
	u64v_collect(&c.callers, &e->obs, "call.caller");
	check_equal_u64(t, "online CPUs", e->l2_cpus, c.cpus.n, "as the program sees them")
		->preparatory = true;
	result_add_measure(t, "calls", "calls", (double)c.callers.n);
	check_call_results(e, t);
	if (check_trace(e, t))
		check_records(&c, t);
	u64v_free(&c.cpus);
	u64v_free(&c.callers);
}

static const struct testcase vcpu_info_syscall = {
	.name = "vcpu-info/syscall",
	.assignment = "vcpu-info",
	.summary = "the system call from each CPU: a record a CPU, against QEMU's and KVM's own "
		   "figures",
	.program = "test_vcpu_info",
	.level = 2,
	.timeout_s = 30,
	.wants_trace = true,
	.checks = checks,
	.judge = judge,
};
TESTCASE(vcpu_info_syscall);
#endif
