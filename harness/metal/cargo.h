/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a metal machine brings along, as disks that are made without mounting: the part of the cache
 * that some runs need, so that nothing is compiled under emulation, and this checkout.
 */
#ifndef NESTLAB_METAL_CARGO_H
#define NESTLAB_METAL_CARGO_H

#include "core/cache.h"
#include "core/util.h"
#include "kernel/kernel.h"

/* "FOLDER/NAME" of entries and files in the cache. */
struct cargo {
	struct strv names;
};

/* Could these be asked for? Before anything is built. 0, or as plan_make(). */
int cargo_check(const char *place, const struct strv *settings);
/*
 * Build what the reference and each of these settings ("PATCH=a.patch", "KERNEL=x TESTS=y") need,
 * where it is not there, and name it. place: of the lab that is prepared for it. 0, or as
 * kernel_build().
 */
int cargo_gather(const char *place, const struct strv *settings, struct cargo *c);
void cargo_free(struct cargo *c);

/*
 * Its disk, in the cache by content; the caller releases *e, which has CARGO_DISK in it. 0 or
 * -OUT_BROKEN.
 */
#define CARGO_DISK "cargo.img"
int cargo_disk(const struct cargo *c, struct cache_entry **e);

/* This checkout with its programs, to a file; changes with each build, made in 0.2 s. */
int cargo_checkout(const char *disk);

#endif
