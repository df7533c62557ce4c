// SPDX-License-Identifier: GPL-2.0-only
#include "exit_try.h"

#define VECTORS 32
#define NMI 2
#define HAVE_ERROR_CODE 0x227d00U /* a bit each: #DF, #TS, #NP, #SS, #GP, #PF, #AC, #CP */
#define INTERRUPT_GATE 0x8e00

/* The one who tries an instruction says in r12 where to go on. */
extern const char try_fault[], try_fault_with_code[], try_nmi[];

__asm__(".text\n"
	"try_fault_with_code:\n"
	"	addq $8, %rsp\n"
	"try_fault:\n"
	"	movq %r12, (%rsp)\n"
	"	andq $~0x100, 16(%rsp)\n" /* RFLAGS.TF */
	"try_nmi:\n"
	"	iretq\n");

/* SDM volume 3, 6.14.1: a gate in 64-bit mode. */
static struct gate {
	uint16_t low, selector, type, middle;
	uint32_t high, zero;
} idt[VECTORS];
const void *const try_memory = idt;

/* As micro.c sets a vCPU's segments: code of 64 bits, data. */
static const uint64_t gdt[] = { 0, 0x00af9b000000ffff, 0x00cf93000000ffff };

static const char *handler(unsigned int vector)
{
	if (vector == NMI)
		return try_nmi;
	return HAVE_ERROR_CODE >> vector & 1 ? try_fault_with_code : try_fault;
}

void try_tables(void)
{
	struct descriptor_table i = { sizeof(idt) - 1, (uintptr_t)idt };
	struct descriptor_table g = { sizeof(gdt) - 1, (uintptr_t)gdt };

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

uint64_t read_cr4(void)
{
	uint64_t value;

	__asm__ volatile("movq %%cr4, %0" : "=r"(value));
	return value;
}

void set_cr4(uint64_t value)
{
	TRY("movq %0, %%cr4", "r"(value));
}

uint64_t read_efer(void)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(MSR_EFER));
	return (uint64_t)high << 32 | low;
}

void set_efer(uint64_t value)
{
	TRY("wrmsr", "a"((uint32_t)value), "d"((uint32_t)(value >> 32)), "c"(MSR_EFER));
}
