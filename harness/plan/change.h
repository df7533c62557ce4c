/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The change under judgement: its patches, read once, and what follows from them. A value that does not change any more.
 */
#ifndef NESTLAB_PLAN_CHANGE_H
#define NESTLAB_PLAN_CHANGE_H

#include "core/hash.h"
#include "kernel/patches.h"
#include "kernel/vendor.h"

struct change {
	struct patches patches; /* their notes: what was taken, what passed over, and that a wish is not heard */
	struct vendor_side side; /* of KVM that it works on */
	/*
	 * The lane that a patch of this checkout wants ("Lane: NAME" in its message), and which patch; NULL: none. A stranger's wish is not
	 * heard: it would choose the lane without the one oracle that no kernel can forge.
	 */
	char *lane, *lane_by;
	char hash[HASH_HEX_LEN + 1]; /* of the patches' bytes, in order; "" without any */
};

/* knob, items and failures: as patches_read(); -OUT_USAGE, too, where two patches want different lanes. Free it in either case. */
int change_read(const char *knob, const struct strv *items, struct change *c);
void change_free(struct change *c);

#endif
