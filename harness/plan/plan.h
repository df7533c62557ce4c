/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a run is asked for, as one value that does not change once it is made: the knobs, the change
 * that is judged (read once), the kernel it is put on, the lane and who chose it. Nothing is
 * started to make one.
 *
 * plan.json is it written down. It lies beside the results, with copies of the patches, so that
 * `nestlab run plan.json` asks for the same again wherever the originals went.
 */
#ifndef NESTLAB_PLAN_PLAN_H
#define NESTLAB_PLAN_PLAN_H

#include <stdbool.h>

#include "core/hash.h"
#include "kernel/kernel.h"
#include "plan/change.h"
#include "plan/knobs.h"
#include "plan/lane.h"
#include "suite/suite.h"

struct plan {
	struct knobs knobs;
	/* of the knobs' flavour, with the changes below on its own patches */
	struct kernel_conf kernel;
	struct change host, guest; /* PATCH=, GUEST_PATCH=; no patches: the reference */
	/* its slowdown is all factors together: lane's, flavour's, SLOWDOWN= */
	struct lane lane;
	struct suite *suite; /* SUITE=; NULL: the lab's own tests */
	/* why this lane can't show what the change does (lane_blind()), or NULL */
	char *blind;
	uint32_t l1_cpus;	   /* not fewer than L2's */
	uint32_t l1_memory, l2_memory; /* MiB; with what their flavours need for their books */
	/* Of L2; neither is asked for by a knob. */
	bool l2_has_holes; /* in its vCPUs' ids: 0, 1, 2, 4, ... */
	bool l2_hides_kvm; /* its CPUID does not name KVM */
	char hash[HASH_HEX_LEN + 1]; /* of all of it by content: equal plans ask for the same */
	/* of what the lab is made of alone, whatever is then asked of it */
	char shape[HASH_HEX_LEN + 1];
};

/*
 * Takes over the knobs (they are empty after it). 0; -OUT_USAGE: a name that is not there;
 * -OUT_UNUSABLE, -OUT_BUILD_ERROR: as change_read(); -OUT_BROKEN, -OUT_SKIP: as lane_choose();
 * -OUT_USAGE, too: what a suite does not judge. Free it in either case.
 */
int plan_make(struct knobs *k, struct plan *p);
void plan_free(struct plan *p);
/* The same of a copy of these knobs with other values; a NULL value takes away. As plan_make(). */
struct setting {
	const char *name, *value;
};
int plan_with(const struct knobs *k, const struct setting *s, size_t n, struct plan *p);

/*
 * KERNEL= for what is put on upstream's KVM and not on our reference's: "6.12-unpatched", where the
 * user names no kernel and there is such a base; else the one that these knobs name. The caller
 * owns it.
 */
char *plan_upstream(const struct knobs *k);

/* Is a change judged, or the reference? */
bool plan_has_change(const struct plan *p);
/* What is judged where no change is: "the reference", "the unpatched kernel", or the path of a user's tree. */
const char *plan_without_change(const struct plan *p);
/* "caller-pid.patch", "the reference"; for people. The caller owns it. */
char *plan_subject(const struct plan *p);

/* Write dir/plan.json and copies of the patches into dir/change/. 0 or -OUT_BROKEN. */
int plan_save(const struct plan *p, const char *dir);
/*
 * The knobs of a plan.json, over those in k, which may not name otherwise what the plan names: 0 or
 * -OUT_USAGE (no plan of ours, or a patch of it is not what it was).
 */
int plan_load_knobs(const char *path, struct knobs *k);
/* That plan over this process's own settings; to be freed in either case. As the two above. */
int plan_load(const char *path, struct plan *p);

#endif
