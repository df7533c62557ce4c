/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The compilers and the linker that a monitor's makefile finds in front of the system's, and what
 * its words mean when a build failed. No word about the monitor's code is taken for one about this
 * machine: only what a missing package says.
 */
#ifndef NESTLAB_MONITOR_TOOLS_H
#define NESTLAB_MONITOR_TOOLS_H

#include <stdbool.h>

#include "core/util.h"

/* 0 or -OUT_BROKEN. */
int tools_write(const char *dir);

#define TOOLS_FOLDERS "folders" /* in dir: those that the build is to make first, one a line */

/*
 * True: what this machine's newer linker refused is marked, and dir's tools make it otherwise next
 * time; or the folder of an output is not there, and is in the list of those to be made. False also
 * where that was done before. The build itself takes the old one away and makes the folder: from
 * outside, a folder of it may be a link to anywhere by now.
 */
bool tools_try_again(const char *log, const char *dir);

/* The Debian package that the build wants and that is not installed; NULL: it is not that. */
const char *tools_lacking(const char *log);

/* All was made, and only running it failed. */
bool tools_only_ran(const char *log);

#endif
