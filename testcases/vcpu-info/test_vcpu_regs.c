// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpu-info/registers: the target is another vCPU, busy in user mode, with a known value in each
 * register.
 *
 * It repeats one instruction that always exits and changes rax only: the hypercall instruction,
 * which KVM refuses to user mode (rax becomes -KVM_EPERM). So at nearly every moment the host
 * holds the known values as that vCPU's registers; only the target's own timer ticks put its
 * kernel's there for a while. One call in which all are right is therefore proof, and a few calls
 * make it certain.
 */
#include <stdint.h>

/* The order in which the target's program loads them. rip and rflags are none of them. */
enum { SPIN_REGS = 16, SPIN_RAX = 0, SPIN_RSP = 7 };

/*
 * Different for each register and target, and negative when read as a signed number: a cut value
 * shows.
 */
static inline uint64_t spin_value(unsigned int reg, uint64_t vcpu_id)
{
	/* A stack pointer must stay canonical. */
	uint64_t base = reg == SPIN_RSP ? 0x00005e5700000000 : 0x8e571ab000000000;

	return base + (vcpu_id << 16) + reg * 0x110;
}

#ifdef NESTLAB_GUEST
#include "syscall.h"

#include <signal.h>
#include <string.h>

#define CALLS 12
#define LOOPS_BEFORE_CALL 50
#define WAIT_NS 2000000000ULL /* for these loops: the target may be starved on a loaded machine */

/* A page that the target shares with its parent; the assembly below knows its layout. */
struct spin {
	uint64_t value[SPIN_REGS];
	uint64_t loops; /* offset 128 */
	uint64_t intel; /* offset 136 */
};
_Static_assert(offsetof(struct spin, loops) == 128 && offsetof(struct spin, intel) == 136,
	       "the assembly addresses them so");

/* Named by the assembly: no register is left to hold an address. */
extern union spin_page {
	struct spin spin;
	char bytes[4096];
} spin_page;
union spin_page spin_page __attribute__((aligned(4096)));

_Noreturn void spin_target(void);
extern const char spin_begin[], spin_end[];

__asm__(".text\n"
	".global spin_target, spin_begin, spin_end\n"
	"spin_target:\n"
	"	mov spin_page+8(%rip), %rbx\n"
	"	mov spin_page+16(%rip), %rcx\n"
	"	mov spin_page+24(%rip), %rdx\n"
	"	mov spin_page+32(%rip), %rsi\n"
	"	mov spin_page+40(%rip), %rdi\n"
	"	mov spin_page+48(%rip), %rbp\n"
	"	mov spin_page+56(%rip), %rsp\n"
	"	mov spin_page+64(%rip), %r8\n"
	"	mov spin_page+72(%rip), %r9\n"
	"	mov spin_page+80(%rip), %r10\n"
	"	mov spin_page+88(%rip), %r11\n"
	"	mov spin_page+96(%rip), %r12\n"
	"	mov spin_page+104(%rip), %r13\n"
	"	mov spin_page+112(%rip), %r14\n"
	"	mov spin_page+120(%rip), %r15\n"
	"spin_begin:\n"
	"1:	mov spin_page(%rip), %rax\n"
	"	cmpq $0, spin_page+136(%rip)\n"
	"	jne 2f\n"
	"	vmmcall\n"
	"	jmp 3f\n"
	"2:	vmcall\n"
	"3:	incq spin_page+128(%rip)\n"
	"	jmp 1b\n"
	"spin_end:\n");

static bool cpu_is_intel(void)
{
	struct cpuid c = cpuid(0, 0);

	return !memcmp(&c.ebx, "Genu", 4) && !memcmp(&c.edx, "ineI", 4) &&
	       !memcmp(&c.ecx, "ntel", 4);
}

/*
 * One vCPU asks about another, some times. Nothing is printed meanwhile: what goes out makes
 * interrupts, mostly on CPU 0, and it was seen that a target there was in its kernel at each of
 * eight calls.
 */
struct pass {
	uint64_t target, caller; /* ids */
	uint64_t loops[CALLS];	 /* of the target before each call */
	long result[CALLS];
};

static void set_values(uint64_t vcpu_id)
{
	spin_page.spin.intel = cpu_is_intel();
	spin_page.spin.loops = 0;
	for (unsigned int i = 0; i < SPIN_REGS; i++)
		spin_page.spin.value[i] = spin_value(i, vcpu_id);
}

/* Seen from the host, a loop is an exit of the target. Returns how many passed. */
static uint64_t wait_for_loops(uint64_t n)
{
	volatile uint64_t *loops = &spin_page.spin.loops;
	uint64_t first = *loops, until = guest_now_ns() + WAIT_NS;

	while (*loops - first < n && guest_now_ns() < until)
		guest_sleep_ms(1);
	return *loops - first;
}

static pid_t start_target(int cpu, struct pass *p)
{
	pid_t pid;

	SAFE_PIN(cpu);
	p->target = guest_apic_id();
	set_values(p->target);
	pid = SAFE_FORK();
	if (!pid)
		spin_target();
	wait_for_loops(1);
	return pid;
}

static void ask_about(int target, int caller, struct pass *p)
{
	pid_t pid = start_target(target, p);

	SAFE_PIN(caller);
	p->caller = guest_apic_id();
	for (unsigned int i = 0; i < CALLS; i++) {
		p->loops[i] = wait_for_loops(LOOPS_BEFORE_CALL);
		p->result[i] = sys_vcpu_info();
	}
	kill(pid, SIGKILL);
	SAFE_WAIT(pid);
}

static void tell(const struct pass *p)
{
	observe_u64("target.id", p->target);
	observe_u64("caller.id", p->caller);
	for (unsigned int i = 0; i < CALLS; i++) {
		printf("system call sys_vcpu_info result %ld, about CPU %d in a loop\n",
		       p->result[i], (int)p->target);
		observe_u64("call.loops", p->loops[i]);
		observe_i64("call.result", p->result[i]);
	}
}

static void run(void)
{
	struct guest_cpus cpus;
	struct pass up, down;

	guest_cpus(&cpus);
	if (cpus.n < 2)
		guest_skip("one CPU only: there is no other to ask about (try L2_CPUS=2)");
	SAFE_MAP_SHARED(&spin_page, sizeof(spin_page));
	ask_about(cpus.cpu[cpus.n - 1], cpus.cpu[0], &up);
	ask_about(cpus.cpu[0], cpus.cpu[cpus.n - 1], &down);
	for (unsigned int i = 0; i < cpus.n; i++) {
		SAFE_PIN(cpus.cpu[i]);
		observe_u64("cpu.id", guest_apic_id());
	}
	observe_u64("spin.begin", (uintptr_t)spin_begin);
	observe_u64("spin.end", (uintptr_t)spin_end);
	observe_u64("calls", CALLS);
	tell(&up);
	tell(&down);
}

GUEST_TEST(run)

#else

#include <inttypes.h>
#include <stdlib.h>

#include "judge/records.h"

static const enum trace_reg spin_order[SPIN_REGS] = {
	VREG_RAX, VREG_RBX, VREG_RCX, VREG_RDX, VREG_RSI, VREG_RDI, VREG_RBP, VREG_RSP,
	VREG_R8,  VREG_R9,  VREG_R10, VREG_R11, VREG_R12, VREG_R13, VREG_R14, VREG_R15,
};

struct passes {
	const struct evidence *e;
	struct u64v cpus, targets, loops; /* ids; targets: one a pass; loops: one a call */
	uint64_t calls;			  /* of a pass */
	uint64_t spin_begin, spin_end;	  /* addresses of the target's loop */
};

/* rax is the known value, or what the refused hypercall left there: -KVM_EPERM, -1. */
static bool holds(uint64_t value, unsigned int i, uint64_t target)
{
	if (i == SPIN_RAX && (value == UINT64_MAX || value == UINT32_MAX))
		return true;
	return value == spin_value(i, target);
}

/*
 * On Intel the stack pointer and rip of a vCPU that another CPU runs are in a VMCS which the
 * caller's CPU can't read: what KVM holds of them is older, and right as such.
 */
static bool is_asked(const struct passes *p, enum trace_reg reg)
{
	return reg != VREG_RSP || !p->e->vendor_intel;
}

/* Which registers of this record are not the target's; "" when all are right. */
static void wrong_registers(const struct passes *p, const struct trace_record *r, struct buf *wrong)
{
	for (unsigned int i = 0; i < SPIN_REGS; i++) {
		enum trace_reg reg = spin_order[i];

		if (!is_asked(p, reg))
			continue;
		if (!record_has(r, reg))
			buf_printf(wrong, " %s (missing)", trace_reg_names[reg]);
		else if (!holds(r->regs[reg], i, (uint64_t)r->vcpu_id))
			buf_printf(wrong, " %s=%#" PRIx64, trace_reg_names[reg], r->regs[reg]);
	}
	if (!p->e->vendor_intel && record_has(r, VREG_RIP) &&
	    (r->regs[VREG_RIP] < p->spin_begin || r->regs[VREG_RIP] > p->spin_end))
		buf_printf(wrong, " rip=%#" PRIx64, r->regs[VREG_RIP]);
}

static bool check_counts(const struct passes *p, struct test_result *t)
{
	_cleanup_free_ struct record_count *want = xcalloc(p->cpus.n, sizeof(*want));

	for (size_t i = 0; i < p->cpus.n; i++)
		want[i] = (struct record_count){ p->cpus.v[i], p->loops.n };
	return check_record_counts(p->e, t, want, p->cpus.n);
}

static bool target_ran(const struct passes *p, size_t pass)
{
	for (size_t k = pass * p->calls; k < (pass + 1) * p->calls && k < p->loops.n; k++)
		if (p->loops.v[k])
			return true;
	return false;
}

/* One pass: in at least one of its calls all registers are the target's. */
static void tally_pass(const struct passes *p, struct tally *y, size_t pass)
{
	uint64_t target = p->targets.v[pass];
	_cleanup_free_ char *best = xstrdup("no record about it");
	size_t least = SIZE_MAX;
	unsigned int line = 0;

	for (size_t k = pass * p->calls; k < (pass + 1) * p->calls && least; k++) {
		const struct trace_record *r = record_of(&p->e->trace, target, k);
		_cleanup_buf_ struct buf wrong = { 0 };

		if (!r)
			break;
		wrong_registers(p, r, &wrong);
		if (wrong.len >= least)
			continue;
		least = wrong.len;
		free(best);
		line = r->line;
		best = strf("in its best record wrong:%s", buf_str(&wrong));
	}
	if (least)
		tally_bad_at(y, line, "vCPU %" PRIu64 ": %s", target, best);
	else
		tally_good(y);
}

static void check_registers(const struct passes *p, struct test_result *t)
{
	static const char name[] = "registers of the busy vCPU",
			  expected[] = "in one of the calls about it at least, the values its "
				       "program put there";
	struct tally y = { .unit = "vCPU" };

	for (size_t pass = 0; pass < p->targets.n; pass++) {
		if (!target_ran(p, pass)) {
			check_broken(t, name, expected, "its program was not scheduled in all the time");
			tally_drop(&y);
			return;
		}
		tally_pass(p, &y, pass);
	}
	tally_check_trace(t, p->e, name, expected, &y, NULL);
}

/*
 * Each loop of the target is an exit. Those counted between two calls must be in the second
 * call's figure; one may have been in the first call's already.
 */
static void tally_busy(const struct passes *p, struct tally *y, size_t pass)
{
	uint64_t target = p->targets.v[pass];

	for (size_t k = pass * p->calls + 1; k < (pass + 1) * p->calls; k++) {
		const struct trace_record *a = record_of(&p->e->trace, target, k - 1);
		const struct trace_record *b = record_of(&p->e->trace, target, k);

		if (!a || !b || k >= p->loops.n)
			return;
		if (b->num_exits < a->num_exits || b->num_exits - a->num_exits + 1 < p->loops.v[k])
			tally_bad_at(y, b->line,
				     "vCPU %" PRIu64 " went from %" PRIu64 " to %" PRIu64
				     " in %" PRIu64 " exits of its program",
				     target, a->num_exits, b->num_exits, p->loops.v[k]);
		else
			tally_good(y);
	}
}

static void check_busy(const struct passes *p, struct test_result *t)
{
	struct tally y = { .unit = "pair" };

	for (size_t pass = 0; pass < p->targets.n; pass++)
		tally_busy(p, &y, pass);
	tally_check_trace(t, p->e, "exits of the busy vCPU", "grow at least as its program exits",
			  &y, NULL);
}

/* Records can be told apart by call where their number is right. */
static void check_passes(const struct passes *p, struct test_result *t)
{
	check_exits_bounds(p->e, t);
	check_registers(p, t);
	check_busy(p, t);
}

static const char *const checks[] = {
	"result of each call",
	"a record for each CPU and call",
	"exits of each vCPU",
	"registers of the busy vCPU",
	"exits of the busy vCPU",
	NULL,
};

static void judge(const struct evidence *e, struct test_result *t)
{
	struct passes p = { .e = e };

	if (!check_program(e, t) || !want_u64(e, t, "calls", &p.calls) ||
	    !want_u64(e, t, "spin.begin", &p.spin_begin) ||
	    !want_u64(e, t, "spin.end", &p.spin_end))
		return;
	u64v_collect(&p.cpus, &e->obs, "cpu.id");
	u64v_collect(&p.targets, &e->obs, "target.id");
	u64v_collect(&p.loops, &e->obs, "call.loops");
	result_add_measure(t, "calls", "calls", (double)p.loops.n);
	check_call_results(e, t);
	if (check_trace(e, t) && check_counts(&p, t))
		check_passes(&p, t);
	u64v_free(&p.cpus);
	u64v_free(&p.targets);
	u64v_free(&p.loops);
}

static const struct testcase vcpu_info_registers = {
	.name = "vcpu-info/registers",
	.assignment = "vcpu-info",
	.summary = "one vCPU asks about another that is busy, with a known value in each register",
	.program = "test_vcpu_regs",
	.level = 2,
	.timeout_s = 60,
	.wants_trace = true,
	.checks = checks,
	.judge = judge,
};
TESTCASE(vcpu_info_registers);
#endif
