/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The QEMU that emulates L1: Debian's package, or the same source with the patches in config/qemu/,
 * which qemu_build() makes. Debian's runs all other machines, and L1 where the hardware does.
 */
#ifndef NESTLAB_MACHINE_LIBVIRT_QEMU_PROGRAM_H
#define NESTLAB_MACHINE_LIBVIRT_QEMU_PROGRAM_H

#include "plan/lane.h"

/* As libvirt finds it. */
#define QEMU_DEBIAN "/usr/bin/qemu-system-x86_64"

/* Of a lane that lane_usable() has seen. It lives as long as the lane. */
const char *qemu_program(const struct lane *l);

/* Fetch, patch, compile; kept in the cache. 0, or -OUT_BROKEN. */
int qemu_build(void);

#endif
