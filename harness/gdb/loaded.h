/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The modules that L1 runs of a kernel that was built, and the script that gdb is started with for
 * them.
 */
#ifndef NESTLAB_GDB_LOADED_H
#define NESTLAB_GDB_LOADED_H

#include "gdb/running.h"
#include "kernel/debuginfo.h"
#include "plan/plan.h"

#define LOADED_MAX 8

struct loaded {
	struct running_module modules[LOADED_MAX];
	const char *files[LOADED_MAX]; /* their names; the build's */
	size_t n;
	struct strv paths; /* in the kernel's tree */
	bool backwards;	   /* L1 is replayed, and gdb may go back in it */
};

/*
 * Where does it lie in L1, and is it this very file? stored: the build's. 0, or negative after
 * fail(). The module is freed in either case.
 */
typedef int loaded_ask(void *ctx, const char *stored, struct running_module *m);

/* Each module of b that this plan's lane loads. Free l in either case. */
int loaded_take(const struct plan *plan, const struct kernel_build *b, loaded_ask *ask, void *ctx,
		struct loaded *l);
void loaded_free(struct loaded *l);

/*
 * A file of gdb's first commands, in path_run(); *path is the caller's, the file too. image: the
 * kernel's own symbols, or NULL; stub: the socket that leads to L1. 0 or -OUT_BROKEN.
 */
int loaded_script(const struct loaded *l, const struct debuginfo *d, const char *image,
		  const char *stub, char **path);

#endif
