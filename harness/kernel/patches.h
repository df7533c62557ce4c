/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The patches that somebody named, read once: files, folders, mailboxes. What is judged is what was
 * read here; nobody looks into the files again. Reading starts nothing and writes nothing.
 */
#ifndef NESTLAB_KERNEL_PATCHES_H
#define NESTLAB_KERNEL_PATCHES_H

#include "kernel/patch.h"

struct patches {
	struct patch *v; /* in the order to apply them */
	size_t n;
	bool strange;	   /* at least one is not this checkout's own, reviewed like its code */
	struct strv notes; /* for the run's report: "folder X: took a.diff; passed over README" */
};

/*
 * items: files, and folders of which *.patch, *.diff and *.mbox are taken by name; root-relative or
 * absolute. No item yields nothing silently. knob: for messages, what the items were named by
 * ("PATCH"). 0, or with a sentence that names the item:
 *
 *	-OUT_USAGE		it is not there, or can't be read
 *	-OUT_UNUSABLE		it is no change: empty, binary, text, a folder without a diff
 *	-OUT_BUILD_ERROR	it is a damaged one (patch_parse())
 *
 * Free it in either case; after a failure it has what was read before.
 */
int patches_read(const char *knob, const struct strv *items, struct patches *ps);
/* Forget the first strange one and all that come after it. */
void patches_keep_own(struct patches *ps);
void patches_free(struct patches *ps);

#endif
