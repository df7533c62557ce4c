/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All that KVM tells of a vCPU at rest, for guest halves that compare it with what it was: what a
 * call leaves behind may be in any of it.
 */
#ifndef NESTLAB_TESTCASES_STATE_H
#define NESTLAB_TESTCASES_STATE_H

#include "micro.h"

#define STATE_MSRS 9
#define STATE_FPU 512 /* bytes: x87 and SSE, as FXSAVE has them */

/* Compared byte by byte. */
struct vcpu_state {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	uint8_t fpu[STATE_FPU];
	struct kvm_debugregs debug;
	struct kvm_vcpu_events events;
	uint64_t msrs[STATE_MSRS];
};

/*
 * Put into the vCPU what its code does not use, so that nothing that a call could put to 0 is 0
 * before. A pending NMI is among it: state_without_events() before it runs.
 */
void state_make_own(struct micro *m, unsigned int vcpu);
void state_without_events(struct micro *m, unsigned int vcpu);

void state_take(struct micro *m, unsigned int vcpu, struct vcpu_state *s);
/* Observations target str, target.regs ..., one for each part: 1: as it was. */
void state_compare(const char *what, const struct vcpu_state *was, const struct vcpu_state *is);

#endif
