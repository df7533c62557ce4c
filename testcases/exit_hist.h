/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * L1's kernel counts each kvm:kvm_exit event by its exit reason (a histogram trigger, see
 * Documentation/trace/histogram.rst): all machines of the host, since the lab loaded KVM or, where
 * nobody counts yet, from hist_start() to hist_stop(). Compare two counts of one program.
 */
#ifndef NESTLAB_TESTCASES_EXIT_HIST_H
#define NESTLAB_TESTCASES_EXIT_HIST_H

#include <stdbool.h>
#include <stdint.h>

/*
 * All end the program as broken where L1 has no such trigger. hist_stop() leaves the lab's alone:
 * it is an oracle of the tests that follow.
 */
void hist_start(void);
void hist_stop(void);
uint64_t hist_count(uint32_t reason); /* 0 when there was none */
/* All of them up to a number: counts of so many reasons. */
void hist_read(uint64_t *counts, uint32_t reasons);
uint64_t hist_total(void);	      /* of all reasons */
/* Whatever trigger there is: KVM can't go with it. Returns whether there was one. */
bool hist_take_off(void);
void hist_put_on(void);
/* The lab's own histogram is there, which counts since KVM was loaded. */
bool hist_is_the_labs(void);

#endif
