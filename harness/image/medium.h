/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A CD-ROM that boots a kernel with an initramfs, for machines that can't be handed both. The
 * initramfs is two archives, which the kernel unpacks over one another: the levels' usual one, and
 * the files that this level shall find in MEDIUM_DIR.
 */
#ifndef NESTLAB_IMAGE_MEDIUM_H
#define NESTLAB_IMAGE_MEDIUM_H

#include "core/util.h"
#include "proto.h"

#define MEDIUM_DIR PROTO_MEDIUM
#define MEDIUM_LOADER "/usr/lib/ISOLINUX/isolinux.bin"
#define MEDIUM_LOADER_MODULE "/usr/lib/syslinux/modules/bios/ldlinux.c32"

struct medium {
	const char *kernel;    /* bzImage */
	const char *initramfs; /* cpio */
	const char *cmdline;
	const struct strv *files; /* go to MEDIUM_DIR under their own names */
};

/* Of all that goes in; the caller owns *key. 0 or -OUT_BROKEN. */
int medium_key(const struct medium *m, char **key);
/* Takes 0.1 s. The same goes in: the same comes out, byte for byte. 0 or -OUT_BROKEN. */
int medium_make(const struct medium *m, const char *iso);

/* The boot loader's configuration; for the unit tests. */
void medium_config(const char *cmdline, struct buf *config);

#endif
