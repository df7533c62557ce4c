// SPDX-License-Identifier: GPL-2.0-only
#include "exit_rare.h"

#include <stdint.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "exit_kinds.h"
#include "exit_try.h"
#include "micro.h"

#define NO_MEMORY 0x3ff00000UL /* mapped by the guest's page tables, and nothing is there */
#define EFER_SVME 0x1000
#define XCR0_X87_SSE 3
#define PAGE 4096
#define CR4_UMIP 0x800
#define CR4_VMXE 0x2000
#define CR4_OSXSAVE 0x40000

MAKE(undefined, "ud2", "r"(0UL))
MAKE(single_step, "pushfq; orq $0x100, (%%rsp); popfq; nop", "r"(0UL))
MAKE(rdpmc, "rdpmc", "c"(0))
MAKE(monitor, "monitor", "a"(try_memory), "c"(0), "d"(0))
MAKE(mwait, "mwait", "a"(0), "c"(0))
MAKE(rsm, "rsm", "r"(0UL))
MAKE(clts, "clts", "r"(0UL))
MAKE(lmsw, "smsw %%ax; xorl $4, %%eax; lmsw %%ax; xorl $4, %%eax; lmsw %%ax", "r"(0UL))
MAKE(in, "inb %0, %%al", "i"(MICRO_PORT + 1))
MAKE(string_out, "movl $4, %%ecx; cld; rep outsb", "S"(try_memory), "d"(MICRO_PORT + 1))
MAKE(mmio_read, "movl (%0), %%eax", "r"(NO_MEMORY))
MAKE(mmio_write, "movl %%eax, (%0)", "r"(NO_MEMORY))
MAKE(rdrand, "rdrand %%eax", "r"(0UL))
MAKE(rdseed, "rdseed %%eax", "r"(0UL))
MAKE(rdtscp, "rdtscp", "r"(0UL))
MAKE(irq_window, "cli; outb %%al, %0; sti; nop; nop", "i"(MICRO_WINDOW_PORT))
MAKE(nmi, "outb %%al, %0; nop; nop", "i"(MICRO_NMI_PORT))

/* The frame of the NMI is the first that is ever put there. */
void make_interrupted_nmi(void *arg)
{
	uintptr_t stack = FRESH_AT + (RARE_FRESH + 1) * PAGE;

	try_tables();
	for (uintptr_t n = (uintptr_t)arg; n; n--, stack += PAGE)
		__asm__ volatile("movq %%rsp, %%r12; movq %0, %%rsp\n"
				 "outb %%al, %1; nop; nop\n"
				 "movq %%r12, %%rsp"
				 :
				 : "r"(stack), "i"(MICRO_NMI_PORT)
				 : "r12", "memory");
}

static const uint64_t no_address[2];
MAKE(invpcid, "movl $2, %%eax; invpcid %0, %%rax", "m"(no_address)) /* all contexts */

#define APIC_X2APIC 0xc00 /* and enabled */
#define MSR_X2APIC_ICR 0x830
#define IPI_VECTOR 0x41
#define KICK_CPU 5 /* KVM_HC_KICK_CPU */

/* None is taken: the task's priority is above theirs, also when interrupts are on. */
void begin_ipis(void)
{
	uint32_t low, high;

	__asm__ volatile("movq %0, %%cr8" : : "r"(15UL));
	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(MSR_APIC_BASE));
	__asm__ volatile("wrmsr" : : "a"(low | APIC_X2APIC), "d"(high), "c"(MSR_APIC_BASE));
}

void send_ipi(uint32_t to)
{
	__asm__ volatile("wrmsr" : : "a"(IPI_VECTOR), "d"(to), "c"(MSR_X2APIC_ICR));
}

static void send_ipis(uint32_t to, uintptr_t times)
{
	begin_ipis();
	for (; times; times--)
		send_ipi(to);
}

void make_ipi(void *arg)
{
	send_ipis(1, (uintptr_t)arg);
}

void make_own_ipi(void *arg)
{
	send_ipis(0, (uintptr_t)arg);
}

void make_short_hlt(void *arg)
{
	for (uintptr_t n = (uintptr_t)arg; n; n--) {
		int64_t result = KICK_CPU;

		if (micro_intel)
			__asm__ volatile("vmcall" : "+a"(result) : "b"(0), "c"(0) : "memory");
		else
			__asm__ volatile("vmmcall" : "+a"(result) : "b"(0), "c"(0) : "memory");
		if (!result)
			__asm__ volatile("hlt");
	}
}

void make_dr_read(void *arg)
{
	for (uintptr_t n = (uintptr_t)arg; n; n--) {
		__asm__ volatile("movq %%dr6, %%rax" : : : "rax");
		cpuid(0, 0);
	}
}

MAKE_WITH_CR4(xsetbv, CR4_OSXSAVE, "xsetbv", "a"(XCR0_X87_SSE), "d"(0), "c"(0))

/* The permission maps have 8,192 MSRs each, from these; behind them every MSR exits. */
void make_high_rdmsr(void *arg)
{
	static const uint32_t numbers[] = { 0x40000000, 0x4b564d00, 0x80000000, 0xbfffffff, MSR_EFER,
					    0xc0001fff, 0xc0002000, 0xc0010015, 0xc0012000, 0xffffffff };

	try_tables();
	for (uintptr_t n = (uintptr_t)arg; n; n--)
		TRY("rdmsr", "c"(numbers[n % (sizeof(numbers) / sizeof(numbers[0]))]));
}

void make_high_wrmsr(void *arg)
{
	uint64_t efer = read_efer();

	try_tables();
	for (uintptr_t n = (uintptr_t)arg; n; n--)
		set_efer(efer);
}

/* In a page of its own: a control block that no CPU takes. */
static uint8_t block[2 * PAGE] __attribute__((aligned(PAGE)));

#define MAKE_AMD(name, code)                                                                       \
	void make_##name(void *arg)                                                                \
	{                                                                                          \
		uint64_t efer = read_efer();                                                       \
                                                                                                   \
		try_tables();                                                                      \
		set_efer(efer | EFER_SVME);                                                        \
		for (uintptr_t n = (uintptr_t)arg; n; n--)                                         \
			TRY(code, "a"(block), "c"(0));                                             \
		set_efer(efer);                                                                    \
	}

MAKE_AMD(vmrun, "vmrun")
MAKE_AMD(vmload, "vmload")
MAKE_AMD(vmsave, "vmsave")
MAKE_AMD(clgi, "clgi; stgi; stgi")
MAKE_AMD(invlpga, "invlpga %%rax, %%ecx")
MAKE_AMD(skinit, "skinit")

/* A page that no CPU takes for its own: its physical address. */
static const uint64_t no_vmcs[2];

#define MAKE_INTEL(name, code) MAKE_WITH_CR4(name, CR4_VMXE, code, "m"(no_vmcs))

MAKE_INTEL(vmxon, "vmxon %0")
MAKE_INTEL(vmclear, "vmclear %0")
MAKE_INTEL(vmlaunch, "vmlaunch")
MAKE_INTEL(vmresume, "vmresume")
MAKE_INTEL(vmptrld, "vmptrld %0")
MAKE_INTEL(vmptrst, "vmptrst -8(%%rsp)")
MAKE_INTEL(vmread, "xorl %%eax, %%eax; vmread %%rax, %%rcx")
MAKE_INTEL(vmwrite, "xorl %%eax, %%eax; vmwrite %%rax, %%rax")
MAKE_INTEL(vmxoff, "vmxoff")
MAKE_INTEL(invept, "movl $2, %%eax; invept %0, %%rax") /* all contexts */
MAKE_INTEL(invvpid, "movl $2, %%eax; invvpid %0, %%rax")

/* Only where CPU and guest have UMIP, and KVM makes it. */
#define MAKE_UMIP(name, code) MAKE_WITH_CR4(name, CR4_UMIP, code, "r"(0UL))

MAKE_UMIP(sgdt, "sgdt -16(%%rsp)")
MAKE_UMIP(sldt, "sldt %%ax")

static void shut_down(void *arg)
{
	static const struct descriptor_table none;

	(void)arg;
	__asm__ volatile("lidt %0; ud2" : : "m"(none));
}

/* KVM 5.10 would deliver the fault that ended it once more. */
static void forget_events(struct micro *m)
{
	const struct kvm_vcpu_events none = { .flags = 0 };

	if (ioctl(micro_vcpu_fd(m, 0), KVM_SET_VCPU_EVENTS, &none))
		guest_broken(__FILE__, __LINE__, "KVM_SET_VCPU_EVENTS");
}

/* One that ended is as after a reset. */
static void start_again(struct micro *m)
{
	micro_set_mode(m, 0, MICRO_LONG);
	forget_events(m);
}

void make_shutdowns(struct micro *m, uint64_t times)
{
	for (; times; times--) {
		micro_start(m, 0, shut_down, NULL);
		if (micro_wait(m, 0) != KVM_EXIT_SHUTDOWN)
			guest_fault("a vCPU that had a triple fault did not end by it");
		start_again(m);
	}
}

extern const char rare_steps[];
__asm__(".text\n"
	"rare_steps:\n"
	"	jmp rare_steps\n");

void make_steps(struct micro *m, uint64_t times)
{
	const struct kvm_regs r = { .rip = (uintptr_t)rare_steps, .rflags = MICRO_RFLAGS };

	micro_set_regs(m, 0, &r);
	micro_step(m, 0, true);
	for (; times; times--) {
		micro_go(m, 0);
		if (micro_wait(m, 0) != KVM_EXIT_DEBUG)
			guest_fault("a vCPU that is stepped did not stop behind its instruction");
	}
	micro_step(m, 0, false);
}

extern const char rare_breaks[];
__asm__(".text\n"
	"rare_breaks:\n"
	"	int3\n");

/*
 * Whose instruction it is stays at it, until the debugger puts another there. An emulated AMD CPU lets
 * the guest have it, whatever KVM intercepts: it shuts down.
 */
void make_breakpoints(struct micro *m, uint64_t times)
{
	const struct kvm_regs r = { .rip = (uintptr_t)rare_breaks, .rflags = MICRO_RFLAGS };

	micro_set_regs(m, 0, &r);
	micro_break(m, 0, true);
	do
		micro_go(m, 0);
	while (micro_wait(m, 0) == KVM_EXIT_DEBUG && --times);
	micro_break(m, 0, false);
	if (times)
		start_again(m);
}

/* -- two tasks of 32 bits that jump to each other -- */

extern const char rare_first_task[], rare_second_task[];

#define FIRST_TASK 0x18
#define SECOND_TASK 0x20

/* There and back in each turn, of which ecx says how many. */
__asm__(".text\n"
	".code32\n"
	"rare_first_task:\n"
	"	ljmp $0x20, $0\n"
	"	decl %ecx\n"
	"	jnz rare_first_task\n"
	"	outb %al, $0x10\n"
	"rare_second_task:\n"
	"	ljmp $0x18, $0\n"
	"	jmp rare_second_task\n"
	".code64\n");

/* SDM volume 3, 8.2.1: a task's state. */
struct task {
	uint32_t link, stacks[6], cr3, eip, eflags, general[8], es, cs, ss, ds, fs, gs, ldt, io_map;
};
static struct task tasks[2];

/* Present; busy: it runs, or one that it will go back to does. */
static uint64_t task_descriptor(const struct task *t, bool busy)
{
	uint64_t base = (uintptr_t)t;

	return (sizeof(*t) - 1) | (base & 0xffffff) << 16 | (busy ? 0x8bULL : 0x89ULL) << 40 | base >> 24 << 56;
}

static uint64_t task_gdt[] = { 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0, 0 };

static void set_tasks(struct micro *m)
{
	struct kvm_sregs s;

	tasks[0] = (struct task){ 0 };
	tasks[1] = (struct task){ .eip = (uint32_t)(uintptr_t)rare_second_task, .eflags = 2, .cs = CODE_SELECTOR };
	tasks[1].es = tasks[1].ss = tasks[1].ds = tasks[1].fs = tasks[1].gs = DATA_SELECTOR;
	task_gdt[FIRST_TASK / 8] = task_descriptor(&tasks[0], true);
	task_gdt[SECOND_TASK / 8] = task_descriptor(&tasks[1], false);
	micro_set_mode(m, 0, MICRO_PROTECTED);
	micro_get_sregs(m, 0, &s);
	s.gdt.base = (uintptr_t)task_gdt;
	s.gdt.limit = sizeof(task_gdt) - 1;
	s.tr = (struct kvm_segment){ .base = (uintptr_t)&tasks[0],
				     .limit = sizeof(tasks[0]) - 1,
				     .selector = FIRST_TASK,
				     .type = 11,
				     .present = 1 };
	micro_set_sregs(m, 0, &s);
}

/*
 * An emulated AMD CPU switches by itself, whatever KVM intercepts; and where KVM makes the page
 * tables, it takes the next task's CR3 for theirs.
 */
static bool breaks_shadow_paging(void)
{
	static const char path[] = "/sys/module/kvm_amd/parameters/npt";
	char npt[8];

	if (micro_intel || access(path, R_OK))
		return false;
	SAFE_READ_FILE(path, npt);
	return *npt == 'N' || *npt == '0';
}

void make_task_switches(struct micro *m, uint64_t times)
{
	const struct kvm_regs r = { .rip = (uintptr_t)rare_first_task, .rcx = times / 2, .rflags = 2 };

	if (breaks_shadow_paging())
		return;
	set_tasks(m);
	micro_set_regs(m, 0, &r);
	micro_go(m, 0);
	micro_finish(m, 0);
	micro_set_mode(m, 0, MICRO_LONG);
}
