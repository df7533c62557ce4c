/* SPDX-License-Identifier: GPL-2.0-only */
/* How a monitor is asked for a mode and which ports it serves: read, checked, handed on. */
#ifndef NESTLAB_MONITOR_INTERFACE_H
#define NESTLAB_MONITOR_INTERFACE_H

#include "core/util.h"
#include "plan/assignment.h"

/* A monitor.conf. program: set when the file names one. 0 or -OUT_USAGE, told with the file. */
int interface_load(const char *path, struct monitor_interface *f, char **program);
void interface_free(struct monitor_interface *f);

/* Names and numbers; path: for the message. */
int interface_check(const char *path, const struct monitor_interface *f);
/* What to does not have, it gets from from. */
void interface_copy(struct monitor_interface *to, const struct monitor_interface *from);
/*
 * The first thing that the assignment wants (wanted) and that a monitor.conf (own, as it was read)
 * takes away by naming others, "option long", "port string"; the caller owns it. NULL: nothing.
 */
char *interface_lacks(const struct monitor_interface *own, const struct monitor_interface *wanted);
void interface_env(const struct monitor_interface *f, struct strv *env);

#endif
