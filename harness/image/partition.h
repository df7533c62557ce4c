/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which partition of a disk image holds the root file system. Reads a disk's first sectors, given as bytes; untrusted input.
 */
#ifndef NESTLAB_IMAGE_PARTITION_H
#define NESTLAB_IMAGE_PARTITION_H

#include <stddef.h>

#define PARTITION_BYTES (34 * 512) /* MBR, GPT header and its usual 128 entries */

/*
 * The number (from 1) of the largest partition that Linux could have as its root; 0 when the disk has no partition table. (Cloud images
 * have one large root beside small boot and EFI partitions.) MBR: UEFI specification 5.2; GPT: 5.3.
 */
int partition_of_root(const unsigned char *disk, size_t len);

#endif
