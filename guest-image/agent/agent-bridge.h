/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A bridge joins a port to a unix socket of the level: when the host opens its end of the port,
 * the agent connects to the socket (again and again until its daemon is there; what the host wrote
 * waits in the port meanwhile) and passes bytes both ways. When the host closes, the connection is
 * closed, after all the host wrote was passed on. When the daemon closes, what it wrote goes out,
 * and what the host still writes is thrown away until the host closes: a port's end cannot be
 * closed from here.
 *
 * One connection at a time. A host that closes and opens again within the time the level needs to
 * run the agent (milliseconds) can't be told from one that went on: leave 50 ms between two
 * connections.
 */
#ifndef NESTLAB_AGENT_BRIDGE_H
#define NESTLAB_AGENT_BRIDGE_H

#include "agent-port.h"

struct bridge;

/* socket_path must live on; port is copied. NULL when memory runs out. */
struct bridge *bridge_new(const struct port *port, const char *socket_path);
void bridge_free(struct bridge *b);
void bridge_prepare(struct bridge *b, struct loop *l);

#endif
