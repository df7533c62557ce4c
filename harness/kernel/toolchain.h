/* SPDX-License-Identifier: GPL-2.0-only */
/* The programs that a kernel build needs, and which versions of them make its bytes. */
#ifndef NESTLAB_KERNEL_TOOLCHAIN_H
#define NESTLAB_KERNEL_TOOLCHAIN_H

#include "kernel/kconfig.h"

/*
 * Is all there? 0, or -OUT_BROKEN with the packages to install. Asked before a build: afterwards
 * a missing flex would read as a change that does not build. c: what is asked for, for the
 * compressor of the kernel's image.
 */
int toolchain_check(const struct kconfig *c);

/*
 * Compiler and linker with their versions, as part of a kernel's key. 0 or -OUT_BROKEN; the
 * caller owns *id.
 */
int toolchain_id(char **id);

#endif
