// SPDX-License-Identifier: GPL-2.0-only
#include "exit_rare.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "exit_kinds.h"
#include "micro.h"

#define NO_MEMORY 0x3ff00000UL /* mapped by the guest's page tables, and nothing is there */
#define CODE_SELECTOR 0x8
#define VECTORS 32
#define NMI 2
#define HAVE_ERROR_CODE 0x227d00U /* a bit each: #DF, #TS, #NP, #SS, #GP, #PF, #AC, #CP */
#define INTERRUPT_GATE 0x8e00
#define MSR_EFER 0xc0000080
#define EFER_SVME 0x1000
#define XCR0_X87_SSE 3
#define PAGE 4096
#define CR4_VMXE 0x2000
#define CR4_OSXSAVE 0x40000

/* -- faults: the one who tries an instruction says in r12 where to go on -- */

extern const char rare_fault[], rare_fault_with_code[], rare_nmi[];

__asm__(".text\n"
	"rare_fault_with_code:\n"
	"	addq $8, %rsp\n"
	"rare_fault:\n"
	"	movq %r12, (%rsp)\n"
	"	andq $~0x100, 16(%rsp)\n" /* RFLAGS.TF */
	"rare_nmi:\n"
	"	iretq\n");

/* SDM volume 3, 6.14.1: a gate in 64-bit mode. */
static struct gate {
	uint16_t low, selector, type, middle;
	uint32_t high, zero;
} idt[VECTORS];

/* As micro.c sets a vCPU's segments: code of 64 bits, data. */
static const uint64_t gdt[] = { 0, 0x00af9b000000ffff, 0x00cf93000000ffff };

struct __attribute__((packed)) table {
	uint16_t limit;
	uint64_t base;
};

static const char *handler(unsigned int vector)
{
	if (vector == NMI)
		return rare_nmi;
	return HAVE_ERROR_CODE >> vector & 1 ? rare_fault_with_code : rare_fault;
}

static void set_tables(void)
{
	struct table i = { sizeof(idt) - 1, (uintptr_t)idt }, g = { sizeof(gdt) - 1, (uintptr_t)gdt };

	for (unsigned int v = 0; v < VECTORS; v++) {
		uint64_t at = (uintptr_t)handler(v);

		idt[v] = (struct gate){ .low = (uint16_t)at,
					.selector = CODE_SELECTOR,
					.type = INTERRUPT_GATE,
					.middle = (uint16_t)(at >> 16),
					.high = (uint32_t)(at >> 32) };
	}
	__asm__ volatile("lgdt %0; lidt %1" : : "m"(g), "m"(i));
}

/*
 * One instruction or some, that may fault. What the fault pushes must not lie in the red zone of
 * the function around; the code may use rax, rcx, rdx and rsi.
 */
#define TRY(code, ...)                                                                             \
	__asm__ volatile("leaq -128(%%rsp), %%rsp\n"                                               \
			 "pushq %%rax; pushq %%rcx; pushq %%rdx; pushq %%rsi\n"                     \
			 "leaq 1f(%%rip), %%r12\n" code "\n"                                       \
			 "1:\n"                                                                    \
			 "popq %%rsi; popq %%rdx; popq %%rcx; popq %%rax\n"                         \
			 "leaq 128(%%rsp), %%rsp\n"                                                \
			 :                                                                         \
			 : __VA_ARGS__                                                             \
			 : "r12", "memory", "cc")

#define MAKE(name, code, ...)                                                                      \
	void make_##name(void *arg)                                                                \
	{                                                                                          \
		set_tables();                                                                      \
		for (uintptr_t n = (uintptr_t)arg; n; n--)                                         \
			TRY(code, __VA_ARGS__);                                                    \
	}

MAKE(undefined, "ud2", "r"(0UL))
MAKE(single_step, "pushfq; orq $0x100, (%%rsp); popfq; nop", "r"(0UL))
MAKE(rdpmc, "rdpmc", "c"(0))
MAKE(monitor, "monitor", "a"(idt), "c"(0), "d"(0))
MAKE(mwait, "mwait", "a"(0), "c"(0))
MAKE(rsm, "rsm", "r"(0UL))
MAKE(clts, "clts", "r"(0UL))
MAKE(lmsw, "smsw %%ax; xorl $4, %%eax; lmsw %%ax; xorl $4, %%eax; lmsw %%ax", "r"(0UL))
MAKE(in, "inb %0, %%al", "i"(MICRO_PORT + 1))
MAKE(string_out, "movl $4, %%ecx; cld; rep outsb", "S"(idt), "d"(MICRO_PORT + 1))
MAKE(mmio_read, "movl (%0), %%eax", "r"(NO_MEMORY))
MAKE(mmio_write, "movl %%eax, (%0)", "r"(NO_MEMORY))
MAKE(irq_window, "cli; outb %%al, %0; sti; nop; nop", "i"(MICRO_WINDOW_PORT))
MAKE(nmi, "outb %%al, %0; nop; nop", "i"(MICRO_NMI_PORT))

/* The frame of the NMI is the first that is ever put there. */
void make_interrupted_nmi(void *arg)
{
	uintptr_t stack = FRESH_AT + (RARE_FRESH + 1) * PAGE;

	set_tables();
	for (uintptr_t n = (uintptr_t)arg; n; n--, stack += PAGE)
		__asm__ volatile("movq %%rsp, %%r12; movq %0, %%rsp\n"
				 "outb %%al, %1; nop; nop\n"
				 "movq %%r12, %%rsp"
				 :
				 : "r"(stack), "i"(MICRO_NMI_PORT)
				 : "r12", "memory");
}

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

static uint64_t read_cr4(void)
{
	uint64_t value;

	__asm__ volatile("movq %%cr4, %0" : "=r"(value));
	return value;
}

static void set_cr4(uint64_t value)
{
	TRY("movq %0, %%cr4", "r"(value));
}

static uint64_t read_efer(void)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(MSR_EFER));
	return (uint64_t)high << 32 | low;
}

static void set_efer(uint64_t value)
{
	TRY("wrmsr", "a"((uint32_t)value), "d"((uint32_t)(value >> 32)), "c"(MSR_EFER));
}

void make_xsetbv(void *arg)
{
	uint64_t cr4 = read_cr4();

	set_tables();
	set_cr4(cr4 | CR4_OSXSAVE);
	for (uintptr_t n = (uintptr_t)arg; n; n--)
		TRY("xsetbv", "a"(XCR0_X87_SSE), "d"(0), "c"(0));
	set_cr4(cr4);
}

/* The permission maps have 8,192 MSRs each, from these; behind them every MSR exits. */
void make_high_rdmsr(void *arg)
{
	static const uint32_t numbers[] = { 0x40000000, 0x4b564d00, 0x80000000, 0xbfffffff, MSR_EFER,
					    0xc0001fff, 0xc0002000, 0xc0010015, 0xc0012000, 0xffffffff };

	set_tables();
	for (uintptr_t n = (uintptr_t)arg; n; n--)
		TRY("rdmsr", "c"(numbers[n % (sizeof(numbers) / sizeof(numbers[0]))]));
}

void make_high_wrmsr(void *arg)
{
	uint64_t efer = read_efer();

	set_tables();
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
		set_tables();                                                                      \
		set_efer(efer | EFER_SVME);                                                        \
		for (uintptr_t n = (uintptr_t)arg; n; n--)                                         \
			TRY(code, "a"(block), "c"(0));                                             \
		set_efer(efer);                                                                    \
	}

MAKE_AMD(vmrun, "vmrun")
MAKE_AMD(vmload, "vmload")
MAKE_AMD(vmsave, "vmsave")
MAKE_AMD(clgi, "clgi; stgi")
MAKE_AMD(invlpga, "invlpga %%rax, %%ecx")
MAKE_AMD(skinit, "skinit")

/* A page that no CPU takes for its own: its physical address. */
static const uint64_t no_vmcs;

/* -- a guest of the guest -- */

extern const char rare_nested[];

/* As many cpuids as esi says, then a hypercall. Its general registers are those of who runs it. */
__asm__(".text\n"
	"rare_nested:\n"
	"	movq %rbx, %r12\n"
	"1:	cpuid\n"
	"	decl %esi\n"
	"	jnz 1b\n"
	"	movq %r12, %rbx\n"
	"	vmmcall\n");

#define MSR_HSAVE 0xc0010117
#define INTERCEPT_VMRUN 1
#define INTERCEPT_VMMCALL 2
#define INTERCEPT_CPUID (1U << 18)
#define INTERCEPT_SHUTDOWN (1U << 31)

struct vmcb_segment {
	uint16_t selector, attributes;
	uint32_t limit;
	uint64_t base;
};

/* APM volume 2, appendix B: what is used of it. */
static struct __attribute__((packed)) vmcb {
	uint32_t intercepts[5], unused[17];
	uint32_t asid, flush;
	uint8_t more[0x400 - 0x60];
	struct vmcb_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
	uint8_t reserved[0x4d0 - 0x4a0];
	uint64_t efer;
	uint8_t reserved2[0x548 - 0x4d8];
	uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip;
	uint8_t reserved3[PAGE - 0x580];
} vmcb __attribute__((aligned(PAGE)));

_Static_assert(offsetof(struct vmcb, asid) == 0x58 && offsetof(struct vmcb, es) == 0x400 &&
		       offsetof(struct vmcb, efer) == 0x4d0 && offsetof(struct vmcb, rip) == 0x578 &&
		       sizeof(struct vmcb) == PAGE,
	       "as the CPU has it");

/* On the same page tables, with no interrupts of its own. */
static void set_vmcb(uint64_t efer)
{
	vmcb = (struct vmcb){ .asid = 1, .efer = efer, .dr7 = 0x400, .dr6 = 0xffff0ff0, .rflags = 2 };
	vmcb.intercepts[3] = INTERCEPT_SHUTDOWN;
	vmcb.intercepts[4] = INTERCEPT_VMRUN | INTERCEPT_VMMCALL;
	vmcb.cs = (struct vmcb_segment){ CODE_SELECTOR, 0xa9b, 0xffffffff, 0 };
	vmcb.es = vmcb.ss = vmcb.ds = (struct vmcb_segment){ 0x10, 0xc93, 0xffffffff, 0 };
	vmcb.cr4 = read_cr4();
	__asm__ volatile("movq %%cr3, %0" : "=r"(vmcb.cr3));
	__asm__ volatile("movq %%cr0, %0" : "=r"(vmcb.cr0));
	vmcb.rip = (uintptr_t)rare_nested;
}

extern const char rare_reflected[];

/* One cpuid that its host wants to have: it never gets behind it. */
__asm__(".text\n"
	"rare_reflected:\n"
	"	cpuid\n");

static uint64_t begin_nesting(void)
{
	uint64_t efer = read_efer(), hsave = (uintptr_t)block;

	set_tables();
	set_efer(efer | EFER_SVME);
	set_vmcb(read_efer());
	TRY("wrmsr", "a"((uint32_t)hsave), "d"((uint32_t)(hsave >> 32)), "c"(MSR_HSAVE));
	return efer;
}

#define NESTED_TIMES 8 /* what the guest's hypervisor itself exits for is little beside that */

/* All in one run. */
void make_nested(void *arg)
{
	uint64_t efer = begin_nesting(), times = NESTED_TIMES * (uintptr_t)arg;

	TRY("vmrun; stgi", "a"(&vmcb), "S"(times));
	set_efer(efer);
}

void make_reflected(void *arg)
{
	uint64_t efer = begin_nesting();

	vmcb.intercepts[3] |= INTERCEPT_CPUID;
	vmcb.rip = (uintptr_t)rare_reflected;
	for (uintptr_t n = (uintptr_t)arg; n; n--)
		TRY("vmrun; stgi", "a"(&vmcb));
	set_efer(efer);
}

#define MAKE_INTEL(name, code)                                                                     \
	void make_##name(void *arg)                                                                \
	{                                                                                          \
		uint64_t cr4 = read_cr4();                                                         \
                                                                                                   \
		set_tables();                                                                      \
		set_cr4(cr4 | CR4_VMXE);                                                           \
		for (uintptr_t n = (uintptr_t)arg; n; n--)                                         \
			TRY(code, "m"(no_vmcs));                                                  \
		set_cr4(cr4);                                                                      \
	}

MAKE_INTEL(vmxon, "vmxon %0")
MAKE_INTEL(vmclear, "vmclear %0")

static void shut_down(void *arg)
{
	static const struct table none;

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
void make_shutdowns(struct micro *m, uint64_t times)
{
	for (; times; times--) {
		micro_start(m, 0, shut_down, NULL);
		if (micro_wait(m, 0) != KVM_EXIT_SHUTDOWN)
			guest_fault("a vCPU that had a triple fault did not end by it");
		micro_set_mode(m, 0, MICRO_LONG);
		forget_events(m);
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

/* -- two tasks of 32 bits that jump to each other -- */

extern const char rare_first_task[], rare_second_task[];

#define FIRST_TASK 0x18
#define SECOND_TASK 0x20
#define DATA_SELECTOR 0x10

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
