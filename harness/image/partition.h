/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which partition of a disk image holds the root file system, as sfdisk (util-linux) reads its
 * table.
 */
#ifndef NESTLAB_IMAGE_PARTITION_H
#define NESTLAB_IMAGE_PARTITION_H

/*
 * number: (from 1) of the largest partition that Linux could have as its root; 0 when the disk has
 * no partition table. (Cloud images have one large root beside small boot and EFI partitions.)
 * disk: a raw file as long as the disk, of which the beginning will do. name: for messages,
 * "BASE_IMAGE=x.qcow2". 0; -OUT_USAGE: it has a table, but a damaged one, or no such partition;
 * -OUT_BROKEN: sfdisk can't be run.
 */
int partition_of_root(const char *disk, const char *name, unsigned int *number);

#endif
