/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Schedules of L1's CPUs: each time L1 goes on from the same saved state,
 * booted, with KVM's modules, without an L2, and is told before it begins which program to run; how
 * long its CPUs' turns are comes from a seed. The same change, seed and request give the same run,
 * as long as the state is in the cache.
 */
#ifndef NESTLAB_LAB_CLOSED_H
#define NESTLAB_LAB_CLOSED_H

#include <stdint.h>

#include "lab/lab.h"

/* What the folders of those under way, in path_run(), begin with. */
#define LAB_CLOSED "closed-"

struct lab_try {
	uint32_t seed;
	const struct channel_exec *exec;
	unsigned int deadline_s; /* scaled as each deadline */
	struct channel_status status; /* not done: its deadline passed, or L1 was lost */
	uint32_t sum; /* of all that its line did, and when */
	char *record; /* the log by which it can be replayed */
	struct lab_try_run *under_way; /* the lab's own */
	struct strv last_words; /* of a kernel that died */
	struct strv findings; /* lines by which it warned */
};

struct lab_closed;

/* Of a lab that is prepared and whose levels are down; in its place. -OUT_BROKEN, -OUT_CRASH. */
struct lab_schedules {
	int (*begin)(struct lab *lab, struct lab_closed **closed);
	int (*start)(struct lab_closed *closed, struct lab_try *t); /* several, side by side */
	/* 0: it goes on; 1: it is over; else what L1 was lost by, and it is over, too */
	int (*step)(struct lab_try *t);
	/* in either case; keep: its record stays in the run's folder */
	void (*forget)(struct lab_try *t, bool keep);
	void (*end)(struct lab_closed *closed); /* NULL is fine */
};

#endif
