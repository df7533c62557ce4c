/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Start a program: a session and process group of its own, its three standard descriptors and no
 * others, default signals.
 */
#ifndef NESTLAB_AGENT_SPAWN_H
#define NESTLAB_AGENT_SPAWN_H

#include <sys/types.h>

#include "proto.h"

struct spawned {
	pid_t pid; /* also its process group */
	/*
	 * The agent's ends, non-blocking; -1: none. On a terminal, in and out are both its
	 * master.
	 */
	int in, out, err;
};

/*
 * 0 or an errno: of a pipe, of the terminal, of fork(), chdir() or execve(). Nothing is left
 * then.
 */
int spawn(const struct proto_exec *e, struct spawned *s);

#endif
