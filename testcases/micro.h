/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Micro guests: virtual machines on /dev/kvm with no operating system in the way, for guest halves
 * that run in L1. Every register's value is known, an exit costs one instruction, and the program
 * itself is the oracle: it owns the vCPUs' threads and reads KVM's statistics of each.
 *
 * A vCPU runs 64-bit code (flat, identity-mapped, no IDT: any fault ends it with
 * KVM_EXIT_SHUTDOWN) that starts where its rip points to: at one of the labels below, which are
 * copied into each guest's memory. Each vCPU has a thread of its own; micro_go() lets it enter the
 * guest, micro_wait() waits until it has left.
 *
 * All functions end the program with GUEST_BROKEN when the set-up fails, GUEST_SKIPPED where there
 * is no /dev/kvm.
 */
#ifndef NESTLAB_TESTCASES_MICRO_H
#define NESTLAB_TESTCASES_MICRO_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/kvm.h>

#include "guest.h"

#define MICRO_MAX_VCPUS 16

/*
 * Code in the guest. micro_at() gives a label's address there.
 *
 *	micro_call	the hypercall that rax and rbx name, by this CPU's instruction, then out to port
 *			MICRO_PORT: KVM_EXIT_IO, with all registers as the call left them
 *	micro_spin	add 1 to each of the 16 registers, tell that it runs, then count up in r15 and in
 *			memory, with no exit; until micro_spin_end
 *	micro_halt	add 1 to each of the 16 registers, hlt; micro_halt_end is behind that
 */
extern const char micro_call_amd[], micro_call_intel[], micro_spin[], micro_spin_loop[],
	micro_spin_end[], micro_halt[], micro_halt_end[];
#define MICRO_PORT 0x10

/*
 * A vCPU's rflags at its start: interrupts are on. None ever comes (there is no interrupt controller), and real CPUs don't care: an
 * interrupt of the host ends guest mode either way. Bochs 2.7 keeps it waiting as long as the guest's interrupts are off, and the CPU
 * of L1 that runs a vCPU which spins is then lost ("hard LOCKUP").
 */
#define MICRO_RFLAGS 0x202

struct micro;

/* ids: of the vCPUs, in the order that the functions below count them from 0. Owned by the caller. */
struct micro *micro_new(const uint32_t *ids, unsigned int n);
void micro_free(struct micro *m);

uint64_t micro_at(const char *label);
/* micro_call_amd or micro_call_intel: what this CPU has. */
const char *micro_call(void);

/* The 16 general registers by number: rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8 to r15. */
#define MICRO_REGS 16
uint64_t *micro_reg(struct kvm_regs *r, unsigned int i);

/* Not while it runs. */
void micro_set_regs(struct micro *m, unsigned int vcpu, const struct kvm_regs *r);
void micro_get_regs(struct micro *m, unsigned int vcpu, struct kvm_regs *r);

void micro_go(struct micro *m, unsigned int vcpu);
/* Until it has told that it spins (micro_spin). */
void micro_wait_spinning(struct micro *m, unsigned int vcpu);
/* How far the one that spins has counted: its r15 a moment ago. */
uint64_t micro_spun(const struct micro *m);
/* Until it has left the guest by itself. Returns the exit reason, KVM_EXIT_*. */
uint32_t micro_wait(struct micro *m, unsigned int vcpu);
/* Make one that spins leave; its exit reason is KVM_EXIT_INTR. */
void micro_stop(struct micro *m, unsigned int vcpu);

uint64_t micro_exits(struct micro *m, unsigned int vcpu); /* KVM's binary statistics */
pid_t micro_thread(struct micro *m, unsigned int vcpu);	   /* the id of the vCPU's thread */

#endif
