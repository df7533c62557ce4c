// SPDX-License-Identifier: GPL-2.0-only
#include "exit_kinds.h"

#include <sys/mman.h>

#include "exit_nested.h"
#include "exit_rare.h"

#define PAGE 4096UL

#define MAKE_PLAIN(name, code, ...)                                                                      \
	void make_##name(void *arg)                                                                \
	{                                                                                          \
		for (uintptr_t n = (uintptr_t)arg; n; n--)                                         \
			__asm__ volatile(code : : : __VA_ARGS__);                                  \
	}

MAKE_PLAIN(hlt, "hlt", "memory")
MAKE_PLAIN(pause, "pause", "memory")
MAKE_PLAIN(wbinvd, "wbinvd", "memory")
MAKE_PLAIN(invd, "invd", "memory")
/* CR4.MCE is the host's, on any CPU; KVM does not leave CR0.AM to a guest. */
MAKE_PLAIN(cr4, "movq %%cr4, %%rax; xorq $0x40, %%rax; movq %%rax, %%cr4", "rax")
MAKE_PLAIN(cr0, "movq %%cr0, %%rax; xorq $0x40000, %%rax; movq %%rax, %%cr0", "rax")
MAKE_PLAIN(cr3, "movq %%cr3, %%rax; movq %%rax, %%cr3", "rax", "memory")
MAKE_PLAIN(cr3_read, "movq %%cr3, %%rax", "rax")
MAKE_PLAIN(cr4_read, "movq %%cr4, %%rax", "rax")
MAKE_PLAIN(cr8_read, "movq %%cr8, %%rax", "rax")

void make_cpuid(void *arg)
{
	for (uintptr_t n = (uintptr_t)arg; n; n--)
		cpuid(0, 0);
}

void make_cpuid_unevenly(void *arg)
{
	uint32_t random = (uint32_t)rdtsc_ordered();

	for (uintptr_t n = (uintptr_t)arg; n; n--) {
		random = random * 1664525 + 1013904223;
		for (uint32_t wait = random >> 22; wait; wait--)
			__asm__ volatile("");
		cpuid(0, 0);
	}
}

void make_hypercall(void *arg)
{
	for (uintptr_t n = (uintptr_t)arg; n; n--)
		micro_hypercall(UINT32_MAX, 0);
}

void make_rdmsr(void *arg)
{
	for (uintptr_t n = (uintptr_t)arg; n; n--) {
		uint32_t low, high;

		__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(MSR_APIC_BASE));
	}
}

void make_out(void *arg)
{
	for (uintptr_t n = (uintptr_t)arg; n; n--)
		micro_out();
}

void make_wrmsr(void *arg)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(MSR_APIC_BASE));
	for (uintptr_t n = (uintptr_t)arg; n; n--)
		__asm__ volatile("wrmsr" : : "a"(low), "d"(high), "c"(MSR_APIC_BASE));
}

void make_cr8(void *arg)
{
	for (uintptr_t n = (uintptr_t)arg; n; n--)
		__asm__ volatile("movq %0, %%cr8" : : "r"((uint64_t)(n & 1)));
}

/* KVM lets a guest have its debug registers until the next exit: one that comes of the cpuid. */
void make_dr7(void *arg)
{
	for (uintptr_t n = (uintptr_t)arg; n; n--) {
		__asm__ volatile("movq %0, %%dr7" : : "r"(0x400UL));
		cpuid(0, 0);
	}
}

void make_invlpg(void *arg)
{
	for (uintptr_t n = (uintptr_t)arg; n; n--)
		__asm__ volatile("invlpg (%0)" : : "r"(FRESH_AT) : "memory");
}

void make_fault(void *arg)
{
	for (uintptr_t n = 0; n < (uintptr_t)arg; n++)
		*(volatile uint64_t *)(FRESH_AT + n * PAGE) = n;
}

const struct exit_kind exit_kinds[EXIT_KINDS] = {
	{ "cpuid", 0x72, 10, .make = make_cpuid },
	{ "hypercall", 0x81, 18, .make = make_hypercall },
	{ "rdmsr", 0x7c, 31, .make = make_rdmsr },
	{ "out", 0x7b, 30, .make = make_out },
	{ "hlt", 0x78, 12, .make = make_hlt, .fast = true },
	{ "nested page fault", 0x400, 48, .make = make_fault, .once = true },
	{ "write of CR4", 0x14, 28, .make = make_cr4 },
	{ "write of DR7", 0x37, 29, .make = make_dr7 },
	{ "wbinvd", 0x89, 54, .make = make_wbinvd },
	{ "invd", 0x76, 13, .make = make_invd },
	{ "invlpg", 0x79, 14, .make = make_invlpg },
	{ "wrmsr", 0x7c, 32, .make = make_wrmsr },
	{ "write of CR0", 0x65, 28, .make = make_cr0 },
	{ "write of CR3", 0x13, 28, .make = make_cr3 },
	{ "write of CR8", 0x18, 28, .make = make_cr8 },
	{ "pause", 0x77, 40, .make = make_pause },
	/* Of one that has two kinds, or none on one vendor's CPUs, what is worth counting there. */
	{ "undefined instruction", 0x46, 0, .make = make_undefined },
	{ "single step", 0x41, 0, .make = make_single_step },
	{ "rdpmc", 0x6f, 15, .make = make_rdpmc },
	{ "xsetbv", 0x8d, 55, .make = make_xsetbv },
	{ "monitor", 0x8a, 39, .make = make_monitor },
	{ "mwait", 0x8b, 36, .make = make_mwait },
	{ "rsm", 0x73, 17, .make = make_rsm },
	{ "clts", 0x65, 28, .make = make_clts },
	{ "lmsw", 0x65, 28, .make = make_lmsw },
	{ "read of DR6", 0x26, 29, .make = make_dr_read },
	{ "rdmsr, high", 0x7c, 31, .make = make_high_rdmsr },
	{ "wrmsr, high", 0x7c, 32, .make = make_high_wrmsr },
	{ "in", 0x7b, 30, .make = make_in },
	{ "string of out", 0x7b, 30, .make = make_string_out },
	{ "read where no memory is", 0x400, 48, .make = make_mmio_read },
	{ "write where no memory is", 0x400, 49, .make = make_mmio_write },
	{ "window for interrupts", 0x64, 7, .make = make_irq_window },
	{ "end of an NMI", 0x74, 8, .make = make_nmi },
	{ "vmrun", 0x80, 0, .make = make_vmrun },
	{ "vmload", 0x82, 0, .make = make_vmload },
	{ "vmsave", 0x83, 0, .make = make_vmsave },
	{ "clgi", 0x85, 0, .make = make_clgi },
	{ "invlpga", 0x7a, 0, .make = make_invlpga },
	{ "skinit", 0x86, 0, .make = make_skinit },
	{ "exit of a guest's guest", 0x72, 31, .make = make_nested },
	{ "cpuid of a guest's guest, which its own host handles", 0x72, 10, .make = make_reflected },
	{ "vmxon", 0x46, 27, .make = make_vmxon },
	{ "vmclear", 0x46, 19, .make = make_vmclear },
	{ "vmlaunch", 0x46, 20, .make = make_vmlaunch },
	{ "vmresume", 0x46, 24, .make = make_vmresume },
	{ "vmptrld", 0x46, 21, .make = make_vmptrld },
	{ "vmptrst", 0x46, 22, .make = make_vmptrst },
	{ "vmread", 0x46, 23, .make = make_vmread },
	{ "vmwrite", 0x46, 25, .make = make_vmwrite },
	{ "vmxoff", 0x46, 26, .make = make_vmxoff },
	{ "invept", 0x46, 50, .make = make_invept },
	{ "invvpid", 0x46, 53, .make = make_invvpid },
	{ "invpcid", 0xa2, 58, .make = make_invpcid },
	{ "rdrand that the guest lacks", 0, 57, .make = make_rdrand, .on = KIND_BARE },
	{ "rdseed that the guest lacks", 0, 61, .make = make_rdseed, .on = KIND_BARE },
	{ "rdtscp that the guest lacks", 0x87, 0, .make = make_rdtscp, .on = KIND_BARE },
	{ "sgdt", 0x67, 46, .make = make_sgdt },
	{ "sldt", 0x68, 47, .make = make_sldt },
	{ "read of CR3", 0x03, 28, .make = make_cr3_read },
	{ "read of CR4", 0x04, 28, .make = make_cr4_read },
	{ "read of CR8", 0x08, 28, .make = make_cr8_read },
	{ "shutdown", 0x7f, 2, .program = make_shutdowns },
	{ "task switch", 0x7d, 9, .program = make_task_switches },
	{ "page fault by an NMI", 0x400, 48, .make = make_interrupted_nmi, .once = true },
	{ "single step of a debugger", 0x41, 0, .program = make_steps },
	{ "breakpoint of a debugger", 0x43, 0, .program = make_breakpoints },
	{ "interrupt to another vCPU", 0x7c, 32, .make = make_ipi, .on = KIND_APICS, .fast = true },
	{ "interrupt to itself", 0x7c, 32, .make = make_own_ipi, .on = KIND_APICS, .fast = true },
	{ "hlt that was woken before", 0x78, 12, .make = make_short_hlt, .on = KIND_APICS, .fast = true },
};

void make_kind_machines(struct micro *plain, struct micro *machines[KIND_MACHINES])
{
	static const uint32_t ids[] = { 0, 1 };

	machines[KIND_PLAIN] = plain;
	machines[KIND_APICS] = micro_new_with_apics(ids, 2);
	machines[KIND_BARE] = micro_new_bare(ids, 1);
}

void free_kind_machines(struct micro *machines[KIND_MACHINES])
{
	for (unsigned int i = KIND_PLAIN + 1; i < KIND_MACHINES; i++)
		micro_free(machines[i]);
}

void make_exits(struct micro *m, const struct exit_kind *k, uint64_t times)
{
	if (k->program) {
		k->program(m, times);
		return;
	}
	micro_start(m, 0, k->make, (void *)times);
	micro_finish(m, 0);
}

void add_fresh_memory(struct micro *m)
{
	void *p = mmap(NULL, FRESH_PAGES * PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || madvise(p, FRESH_PAGES * PAGE, MADV_NOHUGEPAGE))
		guest_broken(__FILE__, __LINE__, "can't map memory");
	micro_add_memory(m, FRESH_AT, p, FRESH_PAGES * PAGE);
}

void spin(void *cycles)
{
	uint64_t until = rdtsc_ordered() + (uint64_t)cycles;

	while (rdtsc_ordered() < until)
		;
}

double cycles_in_ms(void)
{
	uint64_t ns = guest_now_ns(), tsc = rdtsc_ordered();

	guest_sleep_ms(20);
	tsc = rdtsc_ordered() - tsc;
	ns = guest_now_ns() - ns;
	return (double)tsc / (double)ns * 1e6;
}
