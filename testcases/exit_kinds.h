/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exits that a micro guest makes on purpose, by kind: one instruction that the host must handle,
 * again and again (the seldom ones: exit_rare.h). For guest halves that count them (micro.h).
 */
#ifndef NESTLAB_TESTCASES_EXIT_KINDS_H
#define NESTLAB_TESTCASES_EXIT_KINDS_H

#include <stdint.h>

#include "micro.h"

/* Guest functions, for micro_start(). arg: how many times, as an integer. */
void make_cpuid(void *arg);
/*
 * With up to 1,023 turns of an empty loop before each: vCPUs that do the same in the same time
 * would never meet in a place that they missed once.
 */
void make_cpuid_unevenly(void *arg);
void make_hypercall(void *arg); /* of a number that nobody has */
void make_rdmsr(void *arg);
void make_out(void *arg);
void make_hlt(void *arg);
/*
 * Those below exit where this CPU and KVM want them to: invlpg and CR3 without nested paging only,
 * wbinvd not on Intel, pause where it is made too often. None of them is an error anywhere.
 */
void make_wrmsr(void *arg);
void make_cr0(void *arg);
void make_cr3(void *arg);
void make_cr8(void *arg);
void make_cr3_read(void *arg);
void make_cr4_read(void *arg);
void make_cr8_read(void *arg);
void make_pause(void *arg);
void make_cr4(void *arg);
void make_dr7(void *arg); /* with a cpuid behind each */
void make_wbinvd(void *arg);
void make_invd(void *arg);
void make_invlpg(void *arg);
void make_fault(void *arg); /* nested page faults: needs add_fresh_memory(), each page once */

/* None that it makes itself, for so many cycles of the TSC: the host's interrupts alone end it. */
void spin(void *cycles);
/* Of this machine's TSC: measured, in 20 ms. */
double cycles_in_ms(void);

#define FRESH_AT 0x10000000UL
#define FRESH_PAGES 256UL

/* What machine a kind is made in: what a guest was told of its CPU, and what is in KVM, tells what exits. */
enum kind_machine {
	KIND_PLAIN, /* micro_new() */
	KIND_APICS, /* micro_new_with_apics(): two vCPUs at least */
	KIND_BARE,  /* micro_new_bare() */
	KIND_MACHINES
};

struct exit_kind {
	const char *name;
	/* basic exit reason: APM volume 2, appendix C; SDM volume 3, appendix C */
	uint32_t svm, vmx;
	void (*make)(void *times);
	/* In its place, where one guest function alone can't: on the first vCPU, at rest. */
	void (*program)(struct micro *m, uint64_t times);
	enum kind_machine on;
	bool fast;  /* KVM may be done with it before it measures anything */
	bool once;  /* of memory that is touched the first time */
};
#define EXIT_KINDS 70
extern const struct exit_kind exit_kinds[EXIT_KINDS];

/*
 * With this plain one, a machine for each kind. free_kind_machines() leaves it. Their first pages are
 * not there before a guest has run.
 */
void make_kind_machines(struct micro *plain, struct micro *machines[KIND_MACHINES]);
void free_kind_machines(struct micro *machines[KIND_MACHINES]);

/* The machine's first vCPU makes so many of a kind, and is fit for more. */
void make_exits(struct micro *m, const struct exit_kind *k, uint64_t times);

/*
 * FRESH_PAGES of memory that was never touched, where make_fault() touches them. Once a machine;
 * the process keeps them.
 */
void add_fresh_memory(struct micro *m);

#endif
