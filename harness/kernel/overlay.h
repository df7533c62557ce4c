/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A folder seen through another one (overlayfs): it reads as it is, and what is written, renamed or
 * removed in it goes elsewhere. That costs nothing however large it is, where a copy costs all of
 * it twice, to make and to remove.
 *
 * It is mounted in namespaces of its own, which a process holds that goes when we do, however we
 * end: so nothing is ever left mounted, and nobody has to be root.
 */
#ifndef NESTLAB_KERNEL_OVERLAY_H
#define NESTLAB_KERNEL_OVERLAY_H

#include <stdbool.h>
#include <sys/types.h>

struct overlay {
	char *inside;  /* where processes find it whose proc.space is holder */
	char *outside; /* where this one does */
	pid_t holder;  /* 0: closed */
};

/*
 * Mount one at dir/src over the folder lower, a path relative to dir without ':', ',' and '\',
 * which must stay as it is meanwhile; what is written goes to dir, an absolute path. False where
 * this machine can't (no namespaces, a cache on a file system that can't be written through): what
 * is left are folders, with nothing in dir/src, and why is told by ui_debug().
 */
bool overlay_open(const char *lower, const char *dir, struct overlay *o);

void overlay_close(struct overlay *o);

#endif
