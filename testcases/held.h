/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages of a micro guest's memory that are not there until the program gives them (userfaultfd(2)):
 * the exit of a vCPU that touches one sleeps in KVM as long as the program wants.
 */
#ifndef NESTLAB_TESTCASES_HELD_H
#define NESTLAB_TESTCASES_HELD_H

#include <stdbool.h>
#include <stdint.h>

#include "micro.h"

#define HELD_MAX 16

/* n of them, up to HELD_MAX, at this physical address; once a program. False: the kernel has no userfaultfd. */
bool held_pages(struct micro *m, uint64_t at, unsigned int n);
/*
 * The first n vCPUs touch a page each and sleep, all together for longer than 32 bits of cycles can
 * tell. Returns the cycles that they surely slept.
 */
uint64_t held_sleep(struct micro *m, uint64_t at, unsigned int n);
/*
 * vCPU n touches page n, and sleeps in that one exit until held_end(). Returns the TSC of a moment
 * at which it does; held_end(), given that, the cycles that it surely slept.
 */
uint64_t held_begin(struct micro *m, uint64_t at, unsigned int n);
uint64_t held_end(struct micro *m, unsigned int n, uint64_t since);

#endif
