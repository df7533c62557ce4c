/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NESTLAB_RUN_IDENTITY_H
#define NESTLAB_RUN_IDENTITY_H

#include "core/hash.h"
#include "judge/result.h"

/*
 * Into the manifest: which nestlab judges. The checkout's commit (none where it is no clone), and
 * the hash of the program with its tests' programs: with both, two runs of one plan can be told to
 * have asked the same question in the same way.
 */
void identity_fill(struct run_result *r);

/* That hash alone. 0, or a negative outcome. */
int identity_program(char hex[HASH_HEX_LEN + 1]);

/*
 * "v1.2-3-g0123abc-dirty", or a bare commit where nothing was tagged. NULL: nobody knows. The
 * caller owns it.
 */
char *identity_version(void);

#endif
