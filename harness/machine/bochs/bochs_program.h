/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Bochs that runs L1: Debian's package, which has its debugger on, or one without it, three
 * times as fast, which bochs_build() makes of the source of a newer Debian package.
 */
#ifndef NESTLAB_MACHINE_BOCHS_BOCHS_PROGRAM_H
#define NESTLAB_MACHINE_BOCHS_BOCHS_PROGRAM_H

#include <stdbool.h>

/* Has its debugger on: it stops there first. And sound cards, which must be told to be silent. */
#define BOCHS_DEBIAN "/usr/bin/bochs-bin"

/* Ours, where it was built; or NULL. The caller owns it. */
char *bochs_built(void);
bool bochs_is_debians(const char *program);

/* Fetch, patch, compile; kept in the cache. 0, or -OUT_BROKEN. */
int bochs_build(void);
int bochs_provide(void); /* as built_provide() */

#endif
