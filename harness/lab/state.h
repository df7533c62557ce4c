/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Saved states: a folder in the cache holds what the backend keeps of L1 (memory, disk), the
 * consoles up to then, and how L2's boot went. Keyed by all that went into it, the emulator's own
 * binary included: the one that restores must be the one that saved.
 */
#ifndef NESTLAB_LAB_STATE_H
#define NESTLAB_LAB_STATE_H

#include <stdbool.h>

#include "lab/lab.h"

bool state_exists(const char *key);

/*
 * Save L1 (with whatever runs inside) under this key. With backends whose saving_ends, L1 is gone
 * afterwards: restore it. with_boot: L2's boot record too.
 */
int state_save(struct lab *lab, const char *key, bool with_boot);

/*
 * Bring L1 back, running; its channel is not open yet. The state's consoles become the beginning of
 * the run's.
 */
int state_restore(struct lab *lab, const char *key);

/*
 * Is what was just booted worth saving under this key? Saving costs seconds, and most changes come
 * once: what has one is saved when it was booted before (its key is noted), or with SAVE_LAB=1.
 */
bool state_is_wanted(const struct lab *lab, const char *key);

/* Is it still what was saved? One that is not there is not asked. 0 or -OUT_BROKEN. */
int state_check(const char *key);

/* Forget a state that can't be restored any more. */
void state_drop(const char *key);

/* For keys: a file of the project, and all that makes L2. 0 or -OUT_BROKEN. */
int state_hash_config(struct hash *h, const char *relative);
int state_hash_l2(struct hash *h, const struct lab *lab);

#endif
