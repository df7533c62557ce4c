/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The context that a vCPU's thread has in the kernel at the end of KVM_RUN: are interrupts,
 * softirqs, preemption, or its moving to another CPU held off? What a handler left so shows nowhere
 * else: the next entry to the guest, or the way out of the kernel, puts it right, or hides it. Of
 * each event ftrace notes it; here of kvm:kvm_userspace_exit, in an instance of the program's own.
 */
#ifndef NESTLAB_TESTCASES_CONTEXT_H
#define NESTLAB_TESTCASES_CONTEXT_H

#include "micro.h"

/* Of this vCPU's thread, until context_end(). */
void context_watch(struct micro *m, unsigned int vcpu);
void context_end(void);

/*
 * What was held off at the end of any KVM_RUN since it was last asked for: ", interrupts off",
 * say; "": nothing. To be compared with another one: what ftrace holds off itself may be among it.
 */
void context_take(char *to, size_t size);

#endif
