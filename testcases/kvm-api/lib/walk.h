/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vCPU's mode, and its page tables walked as its CPU does it. Pure but for the memory that the
 * caller reads for it. Intel SDM volume 3, chapter "Paging"; no 5-level paging.
 */
#ifndef NESTLAB_TESTCASES_WALK_H
#define NESTLAB_TESTCASES_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct walk_cpu {
	uint64_t cr0, cr3, cr4, efer;
	bool code64, code32; /* the code segment's L and D bits */
};

/*
 * "real", "protected" (32 bits, no paging), "paged" (32-bit paging), "long" (64-bit code), and the
 * modes that nobody asked for: "protected, 16 bits", "paged, 16 bits", "paged with PAE",
 * "compatibility".
 */
const char *walk_mode(const struct walk_cpu *cpu);

struct walk_result {
	bool mapped;
	uint64_t gpa;
	uint64_t page; /* its size in bytes; 0: there is no paging */
	/*
	 * Where the entry for 4 MiB (32-bit paging) or 2 MiB (else) is, and its bytes; 0: none was
	 * come to.
	 */
	uint64_t directory_entry;
	uint64_t upper_entry; /* the one for 1 GiB that led there; 0: none */
	unsigned int entry_bytes;
};

/* read: guest physical memory; false where there is none. */
void walk(const struct walk_cpu *cpu, uint64_t gva,
	  bool (*read)(void *ctx, uint64_t gpa, void *to, size_t len), void *ctx,
	  struct walk_result *r);

#endif
