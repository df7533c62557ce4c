/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the emulator counted around and in one test (tcg-plugin/counters.h): as evidence, as the
 * text that is kept with a run, and the bounds that follow from it.
 *
 * The bounds hold always, on a loaded machine too; why they do stands with each. The terms:
 *
 *	E(t)	#VMEXITs up to the moment t
 *	C(t)	a kernel's own count. KVM counts an exit some time after its #VMEXIT, so C lags
 *		behind E by at most one for each vCPU, and by the same constant always
 */
#ifndef NESTLAB_EVIDENCE_VMRUNS_H
#define NESTLAB_EVIDENCE_VMRUNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/util.h"
#include "tcg-plugin/counters.h"

struct vmruns {
	bool present;
	char *missing; /* why not, one sentence; NULL when present, or never asked for */
	/* On both sides of each reading of KVM's statistics. */
	struct counters_sample before[2], after[2];
	struct counters_mark *marks; /* of the test's program, in order */
	size_t n_marks;
	uint64_t generation, marks_before; /* while the test runs: what its marks are told by */
};

void vmruns_free(struct vmruns *v);

/* As text, a line each. */
void vmruns_print(const struct vmruns *v, struct buf *text);

struct bounds {
	uint64_t least, most;
};

/*
 * How far KVM's own statistics of a VM with n vCPUs may have grown from `before` to `after`. alone:
 * no other VM ran in L1, so that they may not have grown by less either.
 */
struct bounds vmruns_stats_growth(const struct vmruns *v, unsigned int n, bool alone);

/*
 * A reading of a counter by a program in L2, between two marks: from is the mark before it, to the
 * one behind. Each reading is one exit at least.
 */
struct marked {
	const struct counters_sample *from, *to;
};

/*
 * How far a count of all exits may have grown between two readings, with n vCPUs in all VMs: where
 * E and the exit that reads are counted alike in both, only those of the n - 1 other vCPUs may
 * count in one and not in the other.
 */
struct bounds vmruns_exits_growth(struct marked a, struct marked b, unsigned int n);

/*
 * The most that a count of the cycles spent on exits may have grown between two readings, with n
 * vCPUs in all VMs: each vCPU had the time that passed, and whoever was in a guest was not handling
 * an exit. What was being handled when the first one was read may have begun before it, at that
 * vCPU's last #VMEXIT. (Only a handler that sleeps, while another vCPU takes its CPU, could have
 * begun earlier still: read while all vCPUs compute, which leads to no such exit.)
 */
uint64_t vmruns_cycles_most(struct marked a, struct marked b, unsigned int n);

/*
 * The ticks that one vCPU, which did nothing but exit between two readings, spent outside its
 * guest: not fewer. (Other vCPUs' time in guests makes this less, never more.)
 */
uint64_t vmruns_outside_least(struct marked a, struct marked b);

#endif
