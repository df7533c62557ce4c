/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which of a build's outputs is the monitor. What was there before the build is told from what it
 * made by its time: program_date() each file that is put there.
 */
#ifndef NESTLAB_MONITOR_PROGRAM_H
#define NESTLAB_MONITOR_PROGRAM_H

#include <stdbool.h>

#include "core/util.h"

/*
 * Long ago; and an object or a program that came along is older than all sources, so that make
 * builds it again: it may be another machine's, or no static one. 0 or -errno.
 */
int program_date(const char *path);

/*
 * In a folder and below it: the program of this name; else, unless it was asked for by that name,
 * the only one that was made. *path: where, relative to dir; the caller owns it. 0 or
 * -OUT_BUILD_ERROR: none or several.
 */
int program_find(const char *dir, const char *name, bool asked_for, char **path);

/* The bytes of one that L1 can run by itself. 0 or -OUT_BUILD_ERROR. */
int program_read(const char *path, struct buf *bytes);

#endif
