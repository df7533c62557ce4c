// SPDX-License-Identifier: GPL-2.0-only
#include "exit_nested.h"

#include <stddef.h>
#include <stdint.h>

#include "exit_try.h"
#include "micro.h"

#define PAGE 4096
#define NESTED_TIMES 8 /* what the guest's hypervisor itself exits for is little beside that */

/*
 * What the guest's guest runs, with the general registers of who runs it: as many exits as esi says,
 * of a kind that the host of both handles, then a hypercall; an instruction that its own host
 * wants to have, and that it never gets behind; or a hypercall of the number in rsi.
 */
extern const char nested_cpuids[], nested_rdmsrs[], nested_reflected[], nested_vmmcall[], nested_vmcall[];

__asm__(".text\n"
	"nested_cpuids:\n"
	"	movq %rbx, %r12\n"
	"1:	cpuid\n"
	"	decl %esi\n"
	"	jnz 1b\n"
	"	movq %r12, %rbx\n"
	"	vmmcall\n"
	"nested_rdmsrs:\n"
	"	movl $0x1b, %ecx\n" /* MSR_APIC_BASE */
	"1:	rdmsr\n"
	"	decl %esi\n"
	"	jnz 1b\n"
	"	vmcall\n"
	"nested_reflected:\n"
	"	cpuid\n"
	"nested_vmmcall:\n"
	"	movq %rsi, %rax\n"
	"	vmmcall\n"
	"	hlt\n"
	"nested_vmcall:\n"
	"	movq %rsi, %rax\n"
	"	vmcall\n"
	"	hlt\n");

/* In a page of its own. */
struct page {
	uint8_t byte[PAGE];
} __attribute__((aligned(PAGE)));

/* 0 of one that there is not. In memory of its own: TRY() moves the stack. */
static uint64_t read_msr(uint32_t msr)
{
	static volatile uint32_t halves[2];

	halves[0] = halves[1] = 0;
	TRY("rdmsr; movl %%eax, (%%rdi); movl %%edx, 4(%%rdi)", "D"(halves), "c"(msr));
	return (uint64_t)halves[1] << 32 | halves[0];
}

static void write_msr(uint32_t msr, uint64_t value)
{
	TRY("wrmsr", "a"((uint32_t)value), "d"((uint32_t)(value >> 32)), "c"(msr));
}

static uint64_t read_cr0(void)
{
	uint64_t value;

	__asm__ volatile("movq %%cr0, %0" : "=r"(value));
	return value;
}

static uint64_t read_cr3(void)
{
	uint64_t value;

	__asm__ volatile("movq %%cr3, %0" : "=r"(value));
	return value;
}

/* -- AMD: APM volume 2, chapter 15 -- */

#define EFER_SVME 0x1000
#define MSR_HSAVE 0xc0010117
#define INTERCEPT_VMRUN 1
#define INTERCEPT_VMMCALL 2
#define INTERCEPT_CPUID (1U << 18)
#define INTERCEPT_HLT (1U << 24)
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
	uint8_t reserved0[0x70 - 0x60];
	uint64_t exit_code;
	uint8_t reserved1[0x400 - 0x78];
	struct vmcb_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
	uint8_t reserved[0x4d0 - 0x4a0];
	uint64_t efer;
	uint8_t reserved2[0x548 - 0x4d8];
	uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip;
	uint8_t reserved3[PAGE - 0x580];
} vmcb __attribute__((aligned(PAGE)));

_Static_assert(offsetof(struct vmcb, asid) == 0x58 && offsetof(struct vmcb, exit_code) == 0x70 &&
		       offsetof(struct vmcb, es) == 0x400 && offsetof(struct vmcb, efer) == 0x4d0 &&
		       offsetof(struct vmcb, rip) == 0x578 && sizeof(struct vmcb) == PAGE,
	       "as the CPU has it");

/* On the same page tables, with no interrupts of its own. */
static void set_vmcb(uint64_t efer, const char *code)
{
	vmcb = (struct vmcb){ .asid = 1, .efer = efer, .dr7 = 0x400, .dr6 = 0xffff0ff0, .rflags = 2 };
	vmcb.intercepts[3] = INTERCEPT_SHUTDOWN;
	vmcb.intercepts[4] = INTERCEPT_VMRUN | INTERCEPT_VMMCALL;
	vmcb.cs = (struct vmcb_segment){ CODE_SELECTOR, 0xa9b, 0xffffffff, 0 };
	vmcb.es = vmcb.ss = vmcb.ds = (struct vmcb_segment){ DATA_SELECTOR, 0xc93, 0xffffffff, 0 };
	vmcb.cr4 = read_cr4();
	vmcb.cr3 = read_cr3();
	vmcb.cr0 = read_cr0();
	vmcb.rip = (uintptr_t)code;
}

static struct page saved_by_vmrun;

/* Returns EFER as it was. */
static uint64_t begin_svm(const char *code)
{
	uint64_t efer = read_efer();

	try_tables();
	set_efer(efer | EFER_SVME);
	set_vmcb(read_efer(), code);
	write_msr(MSR_HSAVE, (uintptr_t)&saved_by_vmrun);
	return efer;
}

static void nest_on_amd(uint64_t exits)
{
	uint64_t efer = begin_svm(nested_cpuids);

	TRY("vmrun; stgi", "a"(&vmcb), "S"(exits));
	set_efer(efer);
}

static void reflect_on_amd(uint64_t exits)
{
	uint64_t efer = begin_svm(nested_reflected);

	vmcb.intercepts[3] |= INTERCEPT_CPUID;
	for (; exits; exits--)
		TRY("vmrun; stgi", "a"(&vmcb));
	set_efer(efer);
}

static void call_on_amd(struct nested_call *c)
{
	uint64_t efer = begin_svm(nested_vmmcall);

	vmcb.intercepts[3] |= INTERCEPT_HLT;
	TRY("vmrun; stgi", "a"(&vmcb), "S"(c->number));
	c->reason = (uint32_t)vmcb.exit_code;
	set_efer(efer);
}

/* -- Intel: SDM volume 3, chapters 24 to 27 and appendix B -- */

#define CR4_VMXE 0x2000
#define MSR_FEATURE_CONTROL 0x3a
#define FEATURE_CONTROL_VMX 5 /* and locked */
#define MSR_VMX_BASIC 0x480
#define MSR_VMX_PIN_CONTROLS 0x481
#define MSR_VMX_CPU_CONTROLS 0x482
#define MSR_VMX_EXIT_CONTROLS 0x483
#define MSR_VMX_ENTRY_CONTROLS 0x484
#define CPU_HLT_EXITS (1U << 7)
#define CPU_MSR_BITMAPS (1U << 28)
#define EXIT_TO_64_BITS (1U << 9)
#define ENTRY_TO_64_BITS (1U << 9)

#define CODE_RIGHTS 0xa09b
#define DATA_RIGHTS 0xc093
#define TSS_RIGHTS 0x8b
#define UNUSABLE 0x10000
#define TSS_SELECTOR 0x18 /* any but 0: nothing is read from it */
#define TSS_LIMIT 0x67

enum vmcs_field {
	GUEST_ES = 0x800, /* and CS, SS, DS, FS, GS, LDTR, TR: two apart */
	GUEST_CS = 0x802,
	GUEST_TR = 0x80e,
	HOST_ES = 0xc00,
	HOST_CS = 0xc02,
	HOST_TR = 0xc0c,
	MSR_BITMAP = 0x2004,
	VMCS_LINK = 0x2800,
	PIN_CONTROLS = 0x4000,
	CPU_CONTROLS = 0x4002,
	EXIT_CONTROLS = 0x400c,
	ENTRY_CONTROLS = 0x4012,
	EXIT_REASON = 0x4402,
	GUEST_ES_LIMIT = 0x4800,
	GUEST_GDTR_LIMIT = 0x4810,
	GUEST_IDTR_LIMIT = 0x4812,
	GUEST_ES_RIGHTS = 0x4814,
	GUEST_CR0 = 0x6800,
	GUEST_CR3 = 0x6802,
	GUEST_CR4 = 0x6804,
	GUEST_GDTR_BASE = 0x6816,
	GUEST_IDTR_BASE = 0x6818,
	GUEST_DR7 = 0x681a,
	GUEST_RIP = 0x681e,
	GUEST_RFLAGS = 0x6820,
	HOST_CR0 = 0x6c00,
	HOST_CR3 = 0x6c02,
	HOST_CR4 = 0x6c04,
	HOST_GDTR_BASE = 0x6c0c,
	HOST_IDTR_BASE = 0x6c0e,
	HOST_RSP = 0x6c14,
	HOST_RIP = 0x6c16,
};
/* Of a segment's fields, from ES's. */
enum segment { ES, CS, SS, DS, FS, GS, LDTR, TR, SEGMENTS };

static struct page vmxon_region, vmcs, msr_bitmap; /* of which no MSR is the guest's hypervisor's */

static void vmwrite(uint64_t field, uint64_t value)
{
	TRY("vmwrite %0, %1", "r"(value), "r"(field));
}

/* 0 where there is no VMCS. */
static uint32_t vmread(uint64_t field)
{
	static volatile uint32_t value;

	value = 0;
	TRY("vmread %%rcx, %%rax; movl %%eax, (%%rdi)", "D"(&value), "c"(field));
	return value;
}

/* Appendix A.2: what must be set is in the low half, what may be in the high one. */
static void set_controls(enum vmcs_field field, uint32_t msr, uint32_t wanted)
{
	uint64_t allowed = read_msr(msr);

	vmwrite(field, (wanted | (uint32_t)allowed) & (uint32_t)(allowed >> 32));
}

static void set_segment(enum segment s, uint16_t selector, uint32_t limit, uint32_t rights)
{
	vmwrite(GUEST_ES + 2 * s, selector);
	vmwrite(GUEST_ES_LIMIT + 2 * s, limit);
	vmwrite(GUEST_ES_RIGHTS + 2 * s, rights);
}

static void set_segments(void)
{
	for (enum segment s = ES; s < SEGMENTS; s++)
		set_segment(s, DATA_SELECTOR, UINT32_MAX, DATA_RIGHTS);
	set_segment(CS, CODE_SELECTOR, UINT32_MAX, CODE_RIGHTS);
	set_segment(LDTR, 0, 0, UNUSABLE);
	set_segment(TR, TSS_SELECTOR, TSS_LIMIT, TSS_RIGHTS);
	for (unsigned int field = HOST_ES; field < HOST_TR; field += 2)
		vmwrite(field, DATA_SELECTOR);
	vmwrite(HOST_CS, CODE_SELECTOR);
	vmwrite(HOST_TR, TSS_SELECTOR);
}

/* Both are on the same page tables and descriptor tables. */
static void set_registers(void)
{
	struct descriptor_table gdt, idt;

	__asm__ volatile("sgdt %0; sidt %1" : "=m"(gdt), "=m"(idt));
	vmwrite(GUEST_CR0, read_cr0());
	vmwrite(HOST_CR0, read_cr0());
	vmwrite(GUEST_CR3, read_cr3());
	vmwrite(HOST_CR3, read_cr3());
	vmwrite(GUEST_CR4, read_cr4());
	vmwrite(HOST_CR4, read_cr4());
	vmwrite(GUEST_GDTR_LIMIT, gdt.limit);
	vmwrite(GUEST_GDTR_BASE, gdt.base);
	vmwrite(HOST_GDTR_BASE, gdt.base);
	vmwrite(GUEST_IDTR_LIMIT, idt.limit);
	vmwrite(GUEST_IDTR_BASE, idt.base);
	vmwrite(HOST_IDTR_BASE, idt.base);
	vmwrite(GUEST_DR7, 0x400);
	vmwrite(GUEST_RFLAGS, MICRO_RFLAGS);
}

static void set_vmcs(const char *code)
{
	static const uintptr_t at = (uintptr_t)&vmcs;

	*(uint32_t *)vmcs.byte = (uint32_t)read_msr(MSR_VMX_BASIC);
	TRY("vmclear %0; vmptrld %0", "m"(at));
	set_controls(PIN_CONTROLS, MSR_VMX_PIN_CONTROLS, 0);
	set_controls(CPU_CONTROLS, MSR_VMX_CPU_CONTROLS, CPU_MSR_BITMAPS | CPU_HLT_EXITS);
	set_controls(EXIT_CONTROLS, MSR_VMX_EXIT_CONTROLS, EXIT_TO_64_BITS);
	set_controls(ENTRY_CONTROLS, MSR_VMX_ENTRY_CONTROLS, ENTRY_TO_64_BITS);
	vmwrite(MSR_BITMAP, (uintptr_t)&msr_bitmap);
	vmwrite(VMCS_LINK, UINT64_MAX);
	set_segments();
	set_registers();
	vmwrite(GUEST_RIP, (uintptr_t)code);
}

/* Returns CR4 as it was. */
static uint64_t begin_vmx(const char *code)
{
	static const uintptr_t at = (uintptr_t)&vmxon_region;
	uint64_t cr4 = read_cr4();

	try_tables();
	set_cr4(cr4 | CR4_VMXE);
	write_msr(MSR_FEATURE_CONTROL, FEATURE_CONTROL_VMX);
	*(uint32_t *)vmxon_region.byte = (uint32_t)read_msr(MSR_VMX_BASIC);
	TRY("vmxon %0", "m"(at));
	set_vmcs(code);
	return cr4;
}

static void end_vmx(uint64_t cr4)
{
	TRY("vmxoff", "r"(0UL));
	set_cr4(cr4);
}

/* Its guest's exit goes on behind it, with interrupts off. rsi: for the guest. */
#define ENTER(instruction, rsi)                                                                    \
	do {                                                                                       \
		TRY("vmwrite %%rsp, %%rcx; leaq 1f(%%rip), %%rax; vmwrite %%rax, %%rdx\n" instruction, \
		    "S"(rsi), "c"((uint64_t)HOST_RSP), "d"((uint64_t)HOST_RIP));                   \
		__asm__ volatile("sti");                                                           \
	} while (0)

static void nest_on_intel(uint64_t exits)
{
	uint64_t cr4 = begin_vmx(nested_rdmsrs);

	ENTER("vmlaunch", exits);
	end_vmx(cr4);
}

static void reflect_on_intel(uint64_t exits)
{
	uint64_t cr4 = begin_vmx(nested_reflected);

	if (exits)
		ENTER("vmlaunch", exits);
	while (exits-- > 1)
		ENTER("vmresume", exits);
	end_vmx(cr4);
}

static void call_on_intel(struct nested_call *c)
{
	uint64_t cr4 = begin_vmx(nested_vmcall);

	ENTER("vmlaunch", c->number);
	c->reason = vmread(EXIT_REASON);
	end_vmx(cr4);
}

void make_nested_call(void *call)
{
	if (micro_intel)
		call_on_intel(call);
	else
		call_on_amd(call);
}

void make_nested(void *arg)
{
	uint64_t exits = NESTED_TIMES * (uintptr_t)arg;

	if (micro_intel)
		nest_on_intel(exits);
	else
		nest_on_amd(exits);
}

void make_reflected(void *arg)
{
	if (micro_intel)
		reflect_on_intel((uintptr_t)arg);
	else
		reflect_on_amd((uintptr_t)arg);
}
