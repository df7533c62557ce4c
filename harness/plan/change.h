/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The change under judgement: what PATCH= (or GUEST_PATCH=) names, read once, and what the patches
 * tell of themselves. A value that nobody changes afterwards; kernel_build() applies these very
 * patches (kernel_role_conf.change), and the report and the manifest tell of them.
 */
#ifndef NESTLAB_PLAN_CHANGE_H
#define NESTLAB_PLAN_CHANGE_H

#include "core/hash.h"
#include "kernel/patches.h"
#include "kernel/vendor.h"

struct change {
	struct patches patches;	   /* .v, .n, .strange, .notes: sentences for the report */
	struct vendor_side side;   /* whose side of KVM they touch; it owns its file */
	char *lane;		   /* that one of them wants (PATCH_LANE); NULL: none */
	char *lane_by;		   /* for people: "1.patch (Lane: kvm)" */
	/* a sentence, when two want different ones; LANE= decides then */
	char *lane_conflict;
	char hash[HASH_HEX_LEN + 1]; /* of their files' names and bytes, in order */
};

/*
 * Read what the knob ("PATCH") names; no items are no change, patches.n is 0 then. A lane is taken
 * from this checkout's own patches alone: a stranger's would choose the machine that judges it, and
 * so one without the oracle that no kernel can forge; it is noted. Starts nothing.
 *
 * 0; -OUT_USAGE, -OUT_UNUSABLE or -OUT_BUILD_ERROR as patches_read(). Free it in either case.
 */
int change_read(const char *knob, const struct strv *items, struct change *c);
void change_free(struct change *c);

#endif
