/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Saved states: a folder in the cache holds L1's memory (libvirt's format), its disk overlay, the consoles up to then, and how L2's
 * boot went. Keyed by all that went into it, QEMU's own binary included: the QEMU that restores must be the one that saved.
 */
#ifndef NESTLAB_LAB_STATE_H
#define NESTLAB_LAB_STATE_H

#include <stdbool.h>

#include "lab/lab.h"

bool state_exists(const char *key);

/*
 * Save L1 (with whatever runs inside) under this key. L1's domain is gone afterwards: restore it. with_boot: L2's boot record too.
 */
int state_save(struct lab *lab, const char *key, bool with_boot);

/* Bring L1 back, running; its channel is not open yet. The state's consoles become the beginning of the run's. */
int state_restore(struct lab *lab, const char *key);

/* Forget a state that can't be restored any more. */
void state_drop(const char *key);

#endif
