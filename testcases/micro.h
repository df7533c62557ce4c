/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Micro guests: virtual machines on /dev/kvm with no operating system in the way, for guest halves
 * that run in L1. Every register's value is known, an exit costs one instruction, and the program
 * itself is the oracle: it owns the vCPUs' threads and reads KVM's statistics of each.
 *
 * A vCPU runs flat and identity-mapped, with no IDT (any fault ends it with KVM_EXIT_SHUTDOWN),
 * from where its rip points to: one of the labels below, which are copied into each guest's memory,
 * or a C function of the program itself (micro_start): the machine's memory holds the program's own
 * image, data too, at the program's own addresses. So what a guest function writes to a variable,
 * the program reads there. Each vCPU has a thread of its own; micro_go() lets it enter the guest,
 * micro_wait() waits until it has left.
 *
 * All functions end the program: as broken when the set-up fails, as at fault when a vCPU hangs or
 * ends otherwise than its code says, as skipped where there is no /dev/kvm.
 */
#ifndef NESTLAB_TESTCASES_MICRO_H
#define NESTLAB_TESTCASES_MICRO_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/kvm.h>

#include "guest.h"

#define MICRO_MAX_VCPUS 80

/*
 * Code in the guest. micro_at() gives a label's address there.
 *
 *	micro_call	the hypercall that rax and rbx name, by this CPU's instruction, then out to port
 *			MICRO_PORT: KVM_EXIT_IO, with all registers as the call left them
 *	micro_cpuid	cpuid, then out as above
 *	micro_spin	add 1 to each of the 16 registers, tell that it runs, then count up in r15 and in
 *			memory, with no exit; until micro_spin_end
 *	micro_halt	add 1 to each of the 16 registers, hlt; micro_halt_end is behind that
 */
extern const char micro_call_amd[], micro_call_intel[], micro_cpuid[], micro_spin[],
	micro_spin_loop[], micro_spin_end[], micro_halt[], micro_halt_end[];
#define MICRO_PORT 0x10

/*
 * How a vCPU runs; a new one is MICRO_LONG. The bytes of micro_call and micro_cpuid mean the same
 * in all of them. MICRO_USER is long mode at CPL 3, with I/O allowed.
 */
enum micro_mode { MICRO_LONG, MICRO_USER, MICRO_PAGED, MICRO_PROTECTED, MICRO_REAL, MICRO_MODES };
extern const char *const micro_mode_names[MICRO_MODES];

/*
 * A vCPU's rflags at its start: interrupts are on. None ever comes (there is no interrupt
 * controller), and real CPUs don't care: an interrupt of the host ends guest mode either way. Bochs
 * 2.7 keeps it waiting as long as the guest's interrupts are off, and the CPU of L1 that runs a
 * vCPU which spins is then lost ("hard LOCKUP").
 */
#define MICRO_RFLAGS 0x202
#define MICRO_RFLAGS_IO 0x3202 /* IOPL 3: user mode may use ports */

#define MSR_APIC_BASE 0x1b

struct micro;

/*
 * ids: of the vCPUs, in the order that the functions below count them from 0. Owned by the caller.
 */
struct micro *micro_new(const uint32_t *ids, unsigned int n);
/*
 * The same with a local APIC each, enabled, in KVM: a hlt does not leave the guest then, and what
 * one vCPU sends to another is pending there as long as its interrupts are off.
 */
struct micro *micro_new_with_apics(const uint32_t *ids, unsigned int n);
/* The same with the other interrupt controllers in KVM, too, as a PC has them. */
struct micro *micro_new_with_chips(const uint32_t *ids, unsigned int n);
/* The same as micro_new(), but told of no feature that CPUs got since they have 64 bits: KVM keeps them away. */
struct micro *micro_new_bare(const uint32_t *ids, unsigned int n);
/* MICRO_CROWD vCPUs, more than a word has bits, with holes between their ids. */
#define MICRO_CROWD 70
struct micro *micro_new_crowd(void);
/* One more vCPU, behind the others. */
void micro_add_vcpu(struct micro *m, uint32_t id);
void micro_free(struct micro *m);

/* For ioctls that nothing here makes; a vCPU's not while it runs. */
int micro_vm_fd(const struct micro *m);
int micro_vcpu_fd(const struct micro *m, unsigned int vcpu);
struct kvm_run *micro_vcpu_run(const struct micro *m, unsigned int vcpu);

/* Not while it runs. */
void micro_set_mode(struct micro *m, unsigned int vcpu, enum micro_mode mode);

uint64_t micro_at(const char *label);
/*
 * The same in long mode, where a program counter has all its 64 bits: the guest's memory is there a
 * second time.
 */
uint64_t micro_high_at(const char *label);
/* micro_call_amd or micro_call_intel: what this CPU has. */
const char *micro_call(void);

/* The 16 general registers by number: rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8 to r15. */
#define MICRO_REGS 16
uint64_t *micro_reg(struct kvm_regs *r, unsigned int i);

/* Not while it runs, all four. */
void micro_set_regs(struct micro *m, unsigned int vcpu, const struct kvm_regs *r);
void micro_get_regs(struct micro *m, unsigned int vcpu, struct kvm_regs *r);

void micro_set_sregs(struct micro *m, unsigned int vcpu, const struct kvm_sregs *s);
void micro_get_sregs(struct micro *m, unsigned int vcpu, struct kvm_sregs *s);

/* From now on KVM_EXIT_DEBUG behind each instruction, as a debugger wants it, or not any more. */
void micro_step(struct micro *m, unsigned int vcpu, bool on);
/* The same at each int3. */
void micro_break(struct micro *m, unsigned int vcpu, bool on);

void micro_go(struct micro *m, unsigned int vcpu);
/*
 * Ports by which a guest function asks the program for something: to wait until the guest takes
 * interrupts (KVM_EXIT_IRQ_WINDOW_OPEN), and to send it an NMI. After micro_start() the vCPU's own
 * thread serves it; after micro_go(), micro_finish().
 */
#define MICRO_WINDOW_PORT (MICRO_PORT + 2)
#define MICRO_NMI_PORT (MICRO_PORT + 3)

/*
 * Let a vCPU (in MICRO_LONG) call fn(arg), on a stack of its own of 8 KiB. fn is compiled as all
 * of the program, but runs in the guest: it calls no library and no system. micro_finish() waits
 * until it has returned.
 */
void micro_start(struct micro *m, unsigned int vcpu, void (*fn)(void *), void *arg);
void micro_finish(struct micro *m, unsigned int vcpu);
/* Until one with an APIC sleeps in KVM at its hlt; before: its "halt_exits" (micro_stat()) then. */
void micro_wait_asleep(struct micro *m, unsigned int vcpu, uint64_t before);
/* Until it has told that it spins (micro_spin). */
void micro_wait_spinning(struct micro *m, unsigned int vcpu);
/* How far the one that spins has counted: its r15 a moment ago. */
uint64_t micro_spun(const struct micro *m);
/* Until that one is in the guest, and its code goes on. */
void micro_wait_going_on(struct micro *m, unsigned int vcpu);
/* Until it has left the guest by itself. Returns the exit reason, KVM_EXIT_*. */
uint32_t micro_wait(struct micro *m, unsigned int vcpu);
/* Does it leave the guest by itself within this time? One that stays goes on. */
bool micro_leaves(struct micro *m, unsigned int vcpu, unsigned int ms);
/* Make one that spins, or sleeps in KVM, leave; its exit reason is KVM_EXIT_INTR. */
void micro_stop(struct micro *m, unsigned int vcpu);

uint64_t micro_exits(struct micro *m, unsigned int vcpu); /* KVM's binary statistics */
uint64_t micro_stat(struct micro *m, unsigned int vcpu, const char *name); /* another of them */
/* Older kernels count less. */
bool micro_has_stat(struct micro *m, unsigned int vcpu, const char *name);
uint64_t micro_all_exits(struct micro *m);		   /* the sum of its vCPUs' */
/* of all machines of this host: debugfs */
uint64_t micro_host_exits(void);
/* A vCPU's thread runs on this CPU of L1 alone. */
void micro_pin(struct micro *m, unsigned int vcpu, int cpu);
/* The vCPU's own, as KVM knows it. */
uint32_t micro_id(const struct micro *m, unsigned int vcpu);
/* The id of the vCPU's thread, as the host numbers it, whatever pid namespace this program is in. */
pid_t micro_thread(struct micro *m, unsigned int vcpu);
/* From now on another thread runs the vCPU. Not while it runs. */
void micro_change_thread(struct micro *m, unsigned int vcpu);
/*
 * From now on a thread of the program's own runs the vCPU, until micro_change_thread(): that which
 * calls micro_run_here(), which returns then. micro_lend() waits for it.
 */
void micro_lend(struct micro *m, unsigned int vcpu);
void micro_run_here(struct micro *m, unsigned int vcpu);

/* More of the machine's memory: bytes of the program's own at `from`, at physical address `at`. */
void micro_add_memory(struct micro *m, uint64_t at, void *from, size_t bytes);

/* For guest functions. */
extern bool micro_intel; /* this CPU's hypercall is vmcall; valid after micro_new() */

static inline int64_t micro_hypercall(uint64_t number, uint64_t argument)
{
	int64_t result;

	if (micro_intel)
		__asm__ volatile("vmcall" : "=a"(result) : "a"(number), "b"(argument) : "memory");
	else
		__asm__ volatile("vmmcall" : "=a"(result) : "a"(number), "b"(argument) : "memory");
	return result;
}

/*
 * To the program and back, KVM_EXIT_IO: it is stepped over, as are a hlt and memory that is not
 * there.
 */
static inline void micro_out(void)
{
	__asm__ volatile("outb %%al, %0" : : "i"(MICRO_PORT + 1) : "memory");
}

#endif
