/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exits of kinds that an operating system makes seldom or never: instructions that fault in most
 * guests, memory that is not there, windows for interrupts and NMIs. The guest steps over its faults
 * by a table of its own, so each of them can be made again and again. In MICRO_LONG, on one vCPU of
 * a machine at a time.
 *
 * Whether one exits, and with which reason, is the CPU's business and KVM's: none is an error
 * anywhere. Who counts compares with the tracepoint.
 */
#ifndef NESTLAB_TESTCASES_EXIT_RARE_H
#define NESTLAB_TESTCASES_EXIT_RARE_H

#include <stdint.h>

struct micro;

#define RARE_FRESH 128UL /* of the pages of add_fresh_memory(): make_interrupted_nmi()'s first */

/* Guest functions, for micro_start(). arg: how many times, as an integer. */
void make_undefined(void *arg);	  /* ud2 */
void make_single_step(void *arg); /* a debug exception of the trap flag */
void make_rdpmc(void *arg);
void make_xsetbv(void *arg);
void make_monitor(void *arg);
void make_mwait(void *arg);
void make_rsm(void *arg);
void make_clts(void *arg);
void make_lmsw(void *arg); /* CR0.EM on and off again */
void make_dr_read(void *arg);	/* with a cpuid behind each: see make_dr7() */
void make_high_rdmsr(void *arg); /* of numbers from 0x40000000 up, in each range that has a map */
void make_high_wrmsr(void *arg); /* of EFER, what it was */
void make_in(void *arg);
void make_string_out(void *arg); /* four bytes each */
void make_mmio_read(void *arg);
void make_mmio_write(void *arg);
void make_irq_window(void *arg); /* the program waits for a moment with interrupts on */
void make_nmi(void *arg);	 /* the program sends one; its end is an exit on AMD */
/* AMD's own, with EFER.SVME set where KVM allows it; undefined elsewhere. */
void make_vmrun(void *arg);
void make_vmload(void *arg);
void make_vmsave(void *arg);
void make_clgi(void *arg); /* and stgi behind each, twice: who takes one for the other shows */
void make_invlpga(void *arg);
void make_skinit(void *arg);
/* The program sends an NMI, its frame goes to a page never touched: needs add_fresh_memory(). */
void make_interrupted_nmi(void *arg);
/*
 * On the first vCPU of two with APICs: interrupts sent by its x2APIC, to the other one and to
 * itself, which takes none; a hlt that it was woken from beforehand. KVM's fastpath may handle
 * each.
 */
void make_ipi(void *arg);
void make_own_ipi(void *arg);
void make_short_hlt(void *arg); /* with a hypercall before each */
/* One such interrupt, to the vCPU with this APIC's id; begin_ipis() once before. */
void begin_ipis(void);
void send_ipi(uint32_t to);
/* Intel's own, with CR4.VMXE set where KVM allows it; undefined elsewhere. */
void make_vmxon(void *arg);
void make_vmclear(void *arg);
void make_vmlaunch(void *arg);
void make_vmresume(void *arg);
void make_vmptrld(void *arg);
void make_vmptrst(void *arg);
void make_vmread(void *arg);
void make_vmwrite(void *arg);
void make_vmxoff(void *arg);
void make_invept(void *arg);
void make_invvpid(void *arg);

/* In a machine of micro_new_bare(): its guest should not have them, and KVM takes care of that. */
void make_rdrand(void *arg);
void make_rdseed(void *arg);
void make_rdtscp(void *arg);
/* They exit where KVM makes UMIP for a CPU that lacks it. */
void make_sgdt(void *arg);
void make_sldt(void *arg);
void make_invpcid(void *arg); /* without nested paging */

/*
 * By the program, on a machine's first vCPU, which is fit for more afterwards. A shutdown ends the
 * vCPU each time (KVM_EXIT_SHUTDOWN). Tasks are switched by far jumps, in protected mode: an exit
 * each where the CPU leaves that to its host; not at all on AMD without nested paging.
 */
void make_shutdowns(struct micro *m, uint64_t times);
void make_task_switches(struct micro *m, uint64_t times);
/* A debugger steps it, an instruction each time. */
void make_steps(struct micro *m, uint64_t times);
void make_breakpoints(struct micro *m, uint64_t times);

#endif
