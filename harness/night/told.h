/* SPDX-License-Identifier: GPL-2.0-only */
/* What a night tells: on the terminal, in its folder, to whoever wants to know of a change. */
#ifndef NESTLAB_NIGHT_TOLD_H
#define NESTLAB_NIGHT_TOLD_H

#include "night/night.h"

/* A line for a part that is over. */
void night_tell_part(const struct night_part *p, double seconds);
/*
 * The difference to the last night of the same plans, as diff.txt, diff.md and diff.json in dir,
 * and the page of all nights; on_change (NULL: nobody) gets the JSON where there is news. What is
 * wrong with that command is told and is no matter of the verdict. 0 or a negative outcome.
 */
int night_tell_change(const struct run_result *r, const char *dir, const char *on_change);
/* The report on the terminal, and the last line, for scripts. */
void night_tell_end(const struct run_result *r, const char *dir);

#endif
