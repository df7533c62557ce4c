/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * File systems of the levels. Each function finds its result in the cache by a content hash or
 * makes it, shows its stages by ui.h, and returns 0 or -OUT_BROKEN. The caller owns returned
 * strings.
 */
#ifndef NESTLAB_IMAGE_IMAGE_H
#define NESTLAB_IMAGE_IMAGE_H

#include <stdbool.h>

#include "core/hash.h"
#include "core/util.h"

struct image {
	char key[HASH_HEX_LEN + 1];
	char *path;
	char *format;	/* "raw" or "qcow2" */
	/* of a disk: the one that holds the root; 0: there are none, the disk does */
	unsigned int partition;
	bool reused;
};
void image_free(struct image *i);
/* What the kernel's root= says where the disk is called so: "vda" -> "/dev/vda1". */
char *image_root_device(const struct image *i, const char *disk);

/*
 * L1's Debian root, before provisioning: mmdebstrap, then mke2fs -d (no loop device, no root mount;
 * works as an ordinary user). base_image: a cloud image (qcow2 or raw) to take instead; NULL: ours.
 */
int image_root(const char *base_image, struct image *out);
/* The same for a machine that this program runs on: with what config/packages names. */
int image_metal_root(struct image *out);

/*
 * The NoCloud seed: an ISO labelled CIDATA with user-data (from guest-image/user-data, this lab's
 * public ssh key put in), meta-data, and the agent's binary. The key pair is made once in the cache
 * (path_in_cache("ssh/id_ed25519")).
 */
int image_seed(struct image *out);

/*
 * L2's default root: an initramfs with the agent as /init, busybox, and no test program (they
 * travel by the channel).
 */
int image_initramfs(struct image *out);

/* An archive to be unpacked over it: these files, in a folder ("/medium"). */
int image_files(const char *path, const char *dir, const struct strv *files);

#endif
