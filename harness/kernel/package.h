/* SPDX-License-Identifier: GPL-2.0-only */
/* Debian's linux-source packages: this machine's own, else one that is fetched from a suite. */
#ifndef NESTLAB_KERNEL_PACKAGE_H
#define NESTLAB_KERNEL_PACKAGE_H

#include "kernel/kernel.h"

/*
 * Where the tarball of [source] package is. An installed package's is taken; else, where the .conf
 * names a suite, the package is fetched from there into the cache, once, and stays there until this
 * process ends. 0, -OUT_USAGE (no package's name) or -OUT_BROKEN (it is not to be had; says what to
 * do). The caller frees *path.
 */
int package_tarball(const struct kernel_conf *k, char **path);

#endif
