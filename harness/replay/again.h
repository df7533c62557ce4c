/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The same run again: Bochs is started from what a record names, is given the input of its log, and
 * what it does is compared with the log, entry by entry, until that one ends or they differ.
 */
#ifndef NESTLAB_REPLAY_AGAIN_H
#define NESTLAB_REPLAY_AGAIN_H

#include <stdint.h>

#include "replay/log.h"
#include "replay/record.h"

struct again {
	size_t same; /* entries */
	char *difference; /* the first one; NULL: all are the same. The caller frees it */
	double seconds;
};

/* gdb looks at it meanwhile. */
struct again_visitor {
	const char *socket; /* a name in path_run(): there Bochs waits for it */
	const char *tick;   /* and then; NULL: before its first instruction */
	int (*come)(void *ctx); /* it waits: once. 0, or what ends the replay */
	bool (*has_left)(void *ctx); /* from then on; after it the replay goes on to its end */
	void *ctx;
};

/*
 * Works in path_run(), a place that was taken. folder: where the record's parts were unpacked, or
 * NULL. v: or NULL. 0: it is told in *a how it went, also that they differ; -OUT_BROKEN: it could
 * not be tried; -OUT_INTERRUPTED.
 */
int again_run(const struct record *r, const struct log *was, const char *folder, uint32_t slowdown,
	      const struct again_visitor *v, struct again *a);

#endif
