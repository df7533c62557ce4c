/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The Bochs that runs L1: Debian's package, which has its debugger on, or one without it, more than twice as fast, which bochs_build() makes
 * of the source of a newer Debian package.
 */
#ifndef NESTLAB_LAB_BOCHS_PROGRAM_H
#define NESTLAB_LAB_BOCHS_PROGRAM_H

#include <stdbool.h>

#define BOCHS_DEBIAN "/usr/bin/bochs-bin"

struct bochs_program {
	char *path;
	bool debugger; /* it stops there first, and has sound cards that must be told to be silent */
};

/* Ours where it was built, else Debian's. */
void bochs_program_find(struct bochs_program *p);
void bochs_program_free(struct bochs_program *p);

/* Fetch, patch, compile; kept in the cache. 0, or -OUT_BROKEN. */
int bochs_build(void);

#endif
