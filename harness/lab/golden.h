/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * L1's golden image: a root that cloud-init provisioned in one boot. Made once, with the lab's own
 * trusted kernel.
 */
#ifndef NESTLAB_LAB_GOLDEN_H
#define NESTLAB_LAB_GOLDEN_H

#include "lab/lab.h"

/* Find or make lab->golden. Needs settings, lane and lab->uri. 0 or a negative outcome. */
int golden_prepare(struct lab *lab);

/*
 * The lab's own kernel, which nobody handed in: for what is kept and used for all kernels. The
 * caller frees *kernel.
 */
int golden_kernel(const struct lab *lab, struct kernel_build *kernel);

/*
 * The same image as a plain file of whole units, cached too; the caller owns *path, set on success.
 * 0 or -OUT_BROKEN.
 */
int golden_raw(const struct lab *lab, unsigned int unit, char **path);

#endif
