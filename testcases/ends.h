/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How an instruction that the host handles ends, for guest halves: whoever handles a question of
 * its own apart from the others must still let rip go on by the instruction's length, prefixes too,
 * and let a single step stop behind it, and must leave interrupts and preemption as they were
 * (context.h). So the new question is compared with one that this host has always answered
 * (judge/ends_checks.h).
 */
#ifndef NESTLAB_TESTCASES_ENDS_H
#define NESTLAB_TESTCASES_ENDS_H

#include <stdint.h>

struct micro;

/* CPUID, asked for two leaves by the first vCPU, at rest and in MICRO_LONG afterwards, too. */
void ends_of_cpuid(struct micro *m, uint32_t known, uint32_t asked);
/* The same of two hypercalls with the same argument. about: what that is, in words. */
void ends_of_hypercall(struct micro *m, uint64_t known, uint64_t asked, uint64_t argument, const char *about);

#endif
