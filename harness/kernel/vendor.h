/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whose side of KVM a change works on: AMD's (arch/x86/kvm/svm/), Intel's (arch/x86/kvm/vmx/), or
 * both and neither. A lane has one vendor's CPU and shows nothing of the other's side.
 */
#ifndef NESTLAB_KERNEL_VENDOR_H
#define NESTLAB_KERNEL_VENDOR_H

#include "core/util.h"
#include "kernel/patch.h"

enum vendor { VENDOR_ANY, VENDOR_AMD, VENDOR_INTEL };
const char *vendor_name(enum vendor v); /* "AMD", "Intel" */

struct vendor_side {
	enum vendor vendor; /* the only one whose side is touched; VENDOR_ANY: both, or none */
	/* the first file of that side, in the source tree; NULL for VENDOR_ANY */
	char *file;
};

/*
 * By the names of the files that the patches touch, as far as they tell without the source tree
 * (struct patch_file). The caller owns side->file.
 */
void vendor_of(const struct patch *patches, size_t n, struct vendor_side *side);

#endif
