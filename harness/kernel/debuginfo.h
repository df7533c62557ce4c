/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a debugger wants of a kernel that was built: its modules once more with debug information
 * (types, lines, variables), and the sources that they were made of. Made on demand, in a copy of
 * the kernel's work tree, and kept in the cache: a kernel that nobody debugs costs nothing.
 */
#ifndef NESTLAB_KERNEL_DEBUGINFO_H
#define NESTLAB_KERNEL_DEBUGINFO_H

#include "kernel/kernel.h"
#include "kernel/sandbox.h"

#define DEBUGINFO_SOURCES SANDBOX_SRC

struct debuginfo {
	struct cache_entry *entry; /* keeps dir where it is, until debuginfo_free() */
	char *dir;     /* has NAME.ko of each module that was asked for */
	char *image;   /* vmlinux with its symbols, of this very kernel; NULL: there is none */
	char *sources; /* a folder of them; the debug information calls it DEBUGINFO_SOURCES */
};

/*
 * Of the host's kernel b, which k describes. modules: those of b->modules that are wanted, as paths
 * in the kernel's tree. What is loaded of them (code, data) is byte for byte that of b's modules,
 * or there is none: -OUT_BROKEN, as where no tree is left that the kernel was built in, no sandbox,
 * or no disk. Free d in either case.
 */
int debuginfo_get(const struct kernel_conf *k, const struct kernel_build *b,
		  const struct strv *modules, struct debuginfo *d);
void debuginfo_free(struct debuginfo *d);

/* "../x/../y/z.h" as a path in the tree, "y/z.h"; NULL: it leads out of it. The caller owns it. */
char *debuginfo_path(const char *named);

#endif
