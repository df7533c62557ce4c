/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gdb on a run of lane bochs-vmx that is replayed: L1's kernel and modules as they were in that
 * run. All CPUs stand still while it asks, and none notices.
 */
#ifndef NESTLAB_GDB_REPLAYED_H
#define NESTLAB_GDB_REPLAYED_H

#include "gdb/program.h"
#include "kernel/debuginfo.h"
#include "replay/again.h"

/* Which, and what is known of it. */
struct replayed_run {
	const char *dir; /* its folder, with its plan */
	const char *log; /* of that record */
	/* What its manifest has: "module kvm.ko", to a hash; NULL: nothing. */
	const char *(*was)(const void *ctx, const char *key);
	const void *ctx;
};

struct replayed {
	struct again_visitor visitor; /* for again_run() */
	struct debuginfo info;
	char *script;
	char *const *args;
	struct gdb_program gdb;
};

/*
 * All that gdb needs. tick: where gdb comes, or NULL; args: gdb's further arguments,
 * NULL-terminated; the caller's, both. 0; -OUT_USAGE: of this run too little is known; -OUT_BROKEN,
 * and as plan_make(): its kernel can't be built again as it was. End it in either case.
 */
int gdb_replayed_begin(struct replayed *g, const struct replayed_run *run, const char *tick,
		       char *const *args);
/* Of gdb, which has ended by now, or is: its exit code, or 128 + a signal. */
int gdb_replayed_end(struct replayed *g);

#endif
