/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exits of a guest of the micro guest, which is its hypervisor: by VMRUN where this CPU has it, by
 * VMLAUNCH else. Where KVM does not let a guest have that there are none, and that is no error. In
 * MICRO_LONG, on one vCPU of a machine at a time.
 */
#ifndef NESTLAB_TESTCASES_EXIT_NESTED_H
#define NESTLAB_TESTCASES_EXIT_NESTED_H

#include <stdint.h>

/* Guest functions, for micro_start(). arg: how many times, as an integer. */
void make_nested(void *arg);	/* that the host of both handles, eight for each; all in one run */
void make_reflected(void *arg); /* cpuids, each of which the host lets the guest handle */

/* Its guest makes a hypercall, and halts where that is answered. It wants to have both. */
struct nested_call {
	uint64_t number;
	uint32_t reason; /* by which its guest came back to it, in the CPU's numbers; 0: it never ran */
};
void make_nested_call(void *call); /* struct nested_call */

#endif
