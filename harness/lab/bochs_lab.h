/* SPDX-License-Identifier: GPL-2.0-only */
/* What the lab in Bochs (bochs_lab.c) and its closed runs (bochs_closed.c) share. */
#ifndef NESTLAB_LAB_BOCHS_LAB_H
#define NESTLAB_LAB_BOCHS_LAB_H

#include "core/hash.h"
#include "lab/closed.h"
#include "machine/bochs/bochsrc.h"
#include "replay/record.h"

extern const struct lab_schedules bochs_schedules;

/* What one Bochs is started with; its files are linked in path_run(). Free it in either case. */
struct bochs_parts {
	struct bochs_spec spec;
	struct record_from from;
	char *medium, *disk;
};
int bochs_lab_parts(struct lab *lab, const char *state, struct bochs_parts *p);
void bochs_lab_free_parts(struct bochs_parts *p);

int bochs_lab_boot_l1(struct lab *lab); /* with KVM's modules */
int bochs_lab_save(struct lab *lab, const char *dir); /* L1, which runs on; its channel is closed */
int bochs_lab_hash(struct hash *h, const struct lab *lab); /* what is in L1's memory */
bool bochs_lab_has_room(const struct lab *lab);	/* for a state */
/* From a state, for gdb on a replay. */
int bochs_lab_tell_modules(const char *state, const char *record);

#endif
