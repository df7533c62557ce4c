/* SPDX-License-Identifier: GPL-2.0-only */
/* The ports in a monitor's source, which its guest and it have agreed on. */
#ifndef NESTLAB_INTAKE_PORTS_H
#define NESTLAB_INTAKE_PORTS_H

#include "plan/assignment.h"

/*
 * Of a monitor that says nothing of its ports: why they are not those that the assignment has, as a
 * sentence that the caller owns. NULL: they are, or nothing tells. texts: its sources.
 */
char *ports_elsewhere(const struct monitor_interface *wanted, const struct strv *texts);

#endif
