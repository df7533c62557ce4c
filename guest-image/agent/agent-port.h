/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A byte line out of the level, and whether somebody is at its other end. A virtio-serial port is
 * found by its name in /sys/class/virtio-ports (there is no udev in L2) and waited for; it stays
 * open while the host closes and opens its end. The kernel reports a closed host end as POLLHUP,
 * always: such a port is looked at every 20 ms instead of being polled.
 *
 * What the kernel does not tell: when the host's end is closed and opened again before the agent
 * runs, nothing is seen of it.
 */
#ifndef NESTLAB_AGENT_PORT_H
#define NESTLAB_AGENT_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "agent-loop.h"

enum port_kind {
	PORT_VIRTIO, /* where: the port's name */
	PORT_PATH,   /* where: a terminal (set to raw) or any other device */
	PORT_LISTEN, /* where: a unix socket to listen on, one connection at a time */
	PORT_FD,     /* an open descriptor: when it hangs up, that was all */
};

struct port {
	enum port_kind kind;
	const char *where; /* not owned */
	int fd;		   /* -1: not open */
	int listen_fd;	   /* of PORT_LISTEN; -1 until it is there */
	bool up;	   /* somebody is at the other end */
	bool over;	   /* a PORT_FD that hung up */
	bool told;	   /* said on the console that it can't be opened */
	uint64_t look_ns;  /* when to look again; 0: now */
};

void port_init(struct port *p, enum port_kind kind, const char *where, int fd);

/*
 * Open what is to be opened, see whether somebody came, and wait for what can be waited for. When
 * the port is up, ready is called for these events and for hanging up (then port_read() until it
 * returns -1).
 */
void port_prepare(struct port *p, struct loop *l, short events, loop_ready ready, void *ctx);

/* Bytes; 0 for nothing just now; -1: the other end has gone, and all it wrote was read. */
ssize_t port_read(struct port *p, void *buf, size_t len);
/* Bytes taken, 0 when the line is full; -1: the other end has gone. */
ssize_t port_write(struct port *p, const void *data, size_t len);
/* Do as if the other end had hung up. */
void port_hang_up(struct port *p);

/* A connection to a unix socket, not blocking; -1 with errno. */
int unix_connect_nonblock(const char *path);

#endif
