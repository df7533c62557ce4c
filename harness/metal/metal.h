/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A metal machine: one that is emulated, and in which this checkout runs as on real hardware, with
 * lane kvm. QEMU's CPU has SVM; the kernel is the lab's own, unpatched; the root has what
 * config/packages names; nobody but the agent runs in it. It plays L0, so L1 and L2 come up inside.
 *
 * It lives in a place of its own until metal_down(), or the next metal_up() after a killed one.
 * Functions return 0 or a negative outcome. slowdown: SLOWDOWN=, of the machine that this is.
 */
#ifndef NESTLAB_METAL_METAL_H
#define NESTLAB_METAL_METAL_H

#include "lab/place.h"
#include "machine/level.h"

#define METAL_PLACE "metal"
/* Where it has this checkout, and its cache. */
#define METAL_CHECKOUT "/nestlab"
#define METAL_CACHE "/root/.cache/nestlab"

/*
 * Boot it, with what the reference and each of these settings ("PATCH=a.patch") need, built here
 * before. -OUT_BUSY: it runs already.
 */
int metal_up(const struct strv *settings, uint32_t slowdown);

struct metal {
	struct place place;
	uint32_t slowdown;
	struct level level;
};
/* -OUT_USAGE: it does not run. metal_leave() it in either case. */
int metal_join(struct metal *m, uint32_t slowdown);
void metal_leave(struct metal *m);
/*
 * Run a shell's command line in its checkout, its output to ours. Returns its exit status, 128 and
 * the signal's number where one ended it, or a negative outcome.
 */
int metal_run(struct metal *m, const char *command);

/* End it. *n: how many processes there were. */
int metal_down(unsigned int *n);

#endif
