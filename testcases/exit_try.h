/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For guest functions: instructions that may fault, each of which is stepped over then. In
 * MICRO_LONG, on one vCPU of a machine at a time.
 */
#ifndef NESTLAB_TESTCASES_EXIT_TRY_H
#define NESTLAB_TESTCASES_EXIT_TRY_H

#include <stdint.h>

/* As micro.c sets a vCPU's segments. */
#define CODE_SELECTOR 0x8
#define DATA_SELECTOR 0x10

#define MSR_EFER 0xc0000080

/* A descriptor table's register. */
struct __attribute__((packed)) descriptor_table {
	uint16_t limit;
	uint64_t base;
};

/* The vCPU's descriptor tables: once before any of the others, and again after a reset. */
void try_tables(void);
/* 512 bytes that no guest function changes. */
extern const void *const try_memory;

/*
 * One instruction or some, that may fault. What the fault pushes must not lie in the red zone of
 * the function around, nor may an operand lie on its stack; the code may use rax, rcx, rdx and rsi.
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
		try_tables();                                                                      \
		for (uintptr_t n = (uintptr_t)arg; n; n--)                                         \
			TRY(code, __VA_ARGS__);                                                    \
	}

#define MAKE_WITH_CR4(name, bits, code, ...)                                                       \
	void make_##name(void *arg)                                                                \
	{                                                                                          \
		uint64_t cr4 = read_cr4();                                                         \
                                                                                                   \
		try_tables();                                                                      \
		set_cr4(cr4 | (bits));                                                             \
		for (uintptr_t n = (uintptr_t)arg; n; n--)                                         \
			TRY(code, __VA_ARGS__);                                                    \
		set_cr4(cr4);                                                                      \
	}

/* A bit that this CPU, or KVM, does not have is not set: the old value stays. */
uint64_t read_cr4(void);
void set_cr4(uint64_t value);
uint64_t read_efer(void);
void set_efer(uint64_t value);

#endif
