// SPDX-License-Identifier: GPL-2.0-only
#include "agent-bridge.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECT_AGAIN (100 * MSEC)

/* Bytes on their way: data[from..to). Read into only when empty. */
struct load {
	size_t from, to;
	uint8_t data[65536];
};

struct bridge {
	struct port port;
	const char *path;
	int sock;	      /* -1: not connected */
	bool deaf;	      /* the daemon closed: what the host writes is thrown away */
	bool leaving;	      /* the host closed: read what is left of it */
	uint64_t try_ns;      /* when to connect again */
	struct load up, down; /* to the host, to the socket */
};

struct bridge *bridge_new(const struct port *port, const char *socket_path)
{
	struct bridge *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->port = *port;
	b->path = socket_path;
	b->sock = -1;
	return b;
}

void bridge_free(struct bridge *b)
{
	if (b->sock >= 0)
		close(b->sock);
	free(b);
}

static bool empty(const struct load *x)
{
	return x->from == x->to;
}

static void loaded(struct load *x, ssize_t n)
{
	x->from = 0;
	x->to = n > 0 ? (size_t)n : 0;
}

static void drop_socket(struct bridge *b)
{
	if (b->sock >= 0)
		close(b->sock);
	b->sock = -1;
	loaded(&b->down, 0);
}

/* The host has gone, and everything it wrote was passed on. */
static void host_gone(struct bridge *b)
{
	drop_socket(b);
	loaded(&b->up, 0);
	b->deaf = b->leaving = false;
	b->try_ns = 0;
}

static void daemon_gone(struct bridge *b)
{
	drop_socket(b);
	b->deaf = true;
}

static void to_host(struct bridge *b)
{
	while (!empty(&b->up)) {
		ssize_t n = port_write(&b->port, b->up.data + b->up.from, b->up.to - b->up.from);

		if (n < 0)
			host_gone(b);
		if (n <= 0)
			return;
		b->up.from += (size_t)n;
	}
}

static void to_socket(struct bridge *b)
{
	while (b->sock >= 0 && !empty(&b->down)) {
		ssize_t n = send(b->sock, b->down.data + b->down.from, b->down.to - b->down.from,
				 MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0)
			daemon_gone(b);
		else
			b->down.from += (size_t)n;
	}
}

static void from_host(struct bridge *b)
{
	ssize_t n = port_read(&b->port, b->down.data, sizeof(b->down.data));

	/*
	 * Nothing more, but no end: the host has opened the port again, and what comes now is
	 * new.
	 */
	if (n < 0 || (!n && b->leaving)) {
		host_gone(b);
		return;
	}
	loaded(&b->down, b->deaf ? 0 : n);
	to_socket(b);
}

static void port_ready(void *ctx, short revents)
{
	struct bridge *b = ctx;

	if (revents & POLLHUP) {
		loaded(&b->up, 0); /* nobody is there to read it */
		b->leaving = true;
		return;
	}
	if (revents & POLLOUT)
		to_host(b);
	if (revents & (POLLIN | POLLERR) && empty(&b->down))
		from_host(b);
}

static void socket_ready(void *ctx, short revents)
{
	struct bridge *b = ctx;
	ssize_t n;

	if (revents & POLLOUT)
		to_socket(b);
	if (b->sock < 0 || !empty(&b->up) || !(revents & (POLLIN | POLLHUP | POLLERR)))
		return;
	n = read(b->sock, b->up.data, sizeof(b->up.data));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		daemon_gone(b);
		return;
	}
	loaded(&b->up, n);
	to_host(b);
}

/* The host waits for a connection; or it gave up, and what it wrote is for nobody. */
static void try_connect(struct bridge *b, struct loop *l)
{
	struct pollfd pf = { .fd = b->port.fd };

	if (mono_ns() >= b->try_ns) {
		poll(&pf, 1, 0);
		if (pf.revents & POLLHUP) {
			b->deaf = b->leaving = true;
			loop_now(l);
			return;
		}
		b->sock = unix_connect_nonblock(b->path);
		b->try_ns = mono_ns() + CONNECT_AGAIN;
	}
	if (b->sock < 0)
		loop_due(l, b->try_ns);
}

void bridge_prepare(struct bridge *b, struct loop *l)
{
	short port_events, sock_events;

	while (b->leaving && empty(&b->down))
		from_host(b);
	if (b->port.up && b->sock < 0 && !b->deaf)
		try_connect(b, l);
	port_events = (short)((empty(&b->up) ? 0 : POLLOUT) |
			      (empty(&b->down) && (b->sock >= 0 || b->deaf) ? POLLIN : 0));
	/* Not waited for when nothing is wanted: a hung-up port would be ready all the time. */
	if (!b->port.up || port_events)
		port_prepare(&b->port, l, port_events, port_ready, b);
	sock_events = (short)((empty(&b->up) ? POLLIN : 0) | (empty(&b->down) ? 0 : POLLOUT));
	if (b->sock >= 0 && sock_events)
		loop_add(l, b->sock, sock_events, socket_ready, b);
}
