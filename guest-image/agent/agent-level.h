/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine that the agent runs in: what it is, making it a usable one when the agent is its
 * init, and switching it off.
 */
#ifndef NESTLAB_AGENT_LEVEL_H
#define NESTLAB_AGENT_LEVEL_H

#include "proto.h"

/* Fill in cpus, kernel and boot_id; the strings are valid until the next call. */
void level_describe(struct proto_ready *r);

/* The value of NAME= on the kernel's command line; NULL when it is not there. Valid for good. */
const char *level_option(const char *name);

/*
 * When this process is PID 1: mount what programs expect, and go on in a child. PID 1 itself reaps
 * what is orphaned and starts the agent again should it die; it never returns. A kernel whose init
 * dies panics, and that would be told of the kernel under test. Otherwise: nothing.
 */
void level_init(void);

#endif
