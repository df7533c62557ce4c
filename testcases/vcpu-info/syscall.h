/* SPDX-License-Identifier: GPL-2.0-only */
/* The assignment's system call, for the guest halves of vcpu-info. */
#ifndef NESTLAB_TESTCASES_VCPU_INFO_SYSCALL_H
#define NESTLAB_TESTCASES_VCPU_INFO_SYSCALL_H

#include "guest.h"

#include <errno.h>
#include <unistd.h>

/* 0 or -errno. */
static inline long sys_vcpu_info(void)
{
	long result = syscall((long)guest_number("NESTLAB_SYSCALL", 548));

	return result < 0 ? -errno : result;
}

/* Call it, tell the result to people and to the judge. */
static inline long call_vcpu_info(void)
{
	long result = sys_vcpu_info();

	printf("system call sys_vcpu_info result %ld\n", result);
	observe_i64("call.result", result);
	return result;
}

#endif
