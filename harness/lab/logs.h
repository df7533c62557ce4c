/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The levels' logs in a run's folder over several lives of the lab. A restored state brings the
 * console log that it was saved with, and an emulator begins its own anew: what an earlier life
 * said, a dead kernel's last words among it, must not go for that.
 */
#ifndef NESTLAB_LAB_LOGS_H
#define NESTLAB_LAB_LOGS_H

#include "machine/level.h"

/* Before the lab is brought up again, with no level open. */
void logs_put_aside(const char *run_dir);
/*
 * And after it: the console log begins with what was put aside, and the level goes on writing to
 * it.
 */
void logs_join(const char *run_dir, struct level *l);

#endif
