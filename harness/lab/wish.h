/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who names the lane, and which. The first of:
 *
 *	the user	LANE=NAME, or config/defaults.conf
 *	the change	a line "Lane: NAME" in the message of a patch: of PATCH=, else of the kernel's own series
 *	the kernel	[lab] lane = NAME in its .conf
 *	the assignment	[assignment] lane = NAME in the file that ASSIGNMENT= names
 */
#ifndef NESTLAB_LAB_WISH_H
#define NESTLAB_LAB_WISH_H

#include "kernel/kernel.h"
#include "lab/settings.h"

struct wish {
	char *lane; /* its name; "auto": nobody names one */
	char *by;   /* for people: "LANE=kvm"; NULL: nobody */
};

/* The patches of the change: the user's, else the kernel's own. */
const struct strv *wish_change(const struct settings *set, const struct kernel_conf *k);

/* 0, or -OUT_USAGE: two patches name different lanes, or the assignment's file is wrong. Free it in either case. */
int wish_find(const struct settings *set, const struct kernel_conf *k, struct wish *w);
void wish_free(struct wish *w);

#endif
