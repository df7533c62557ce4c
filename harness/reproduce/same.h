/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two runs of one plan, the second with all of its parts made anew: what is equal, what
 * differs, and of what differs what may be why. Pure.
 */
#ifndef NESTLAB_REPRODUCE_SAME_H
#define NESTLAB_REPRODUCE_SAME_H

#include <stdbool.h>

#include "core/util.h"
#include "judge/result.h"

/* What an entry of a manifest is, by the first word of its key. */
enum part {
	PART_PRODUCT, /* what was made, by its bits: "bzImage host", "module kvm.ko" */
	PART_RECIPE,  /* of what it is made, as one hash: "kernel host", "image L1" */
	PART_INPUT,   /* that goes in: "source host ...", "patch ...", "compiler host", "config ..." */
	PART_AROUND,  /* what the run met with: "version QEMU", "nestlab commit" */
	PARTS
};
extern const char *const part_names[PARTS]; /* "bit for bit", ...: what being equal means */

struct difference {
	enum part part;
	char *key, *was, *now; /* was, now: NULL: that side has none */
};

struct same {
	size_t equal[PARTS];
	struct difference *v;
	size_t n;
	size_t checks;	     /* with the same verdict */
	struct strv verdicts; /* "vcpu-info/pairs: pid of the target: fail, was pass" */
};

void same_compare(const struct run_result *was, const struct run_result *now, struct same *s);
void same_free(struct same *s);

/* All products have the same bits, there is one at least, and no verdict differs. */
bool same_is_reproduced(const struct same *s);
/*
 * For people, a line each; of a product or a recipe that differs the inputs that do, too.
 */
void same_tell(const struct same *s, struct buf *to);

#endif
