// SPDX-License-Identifier: GPL-2.0-only
/* CONNECT: a stream between the client and a unix socket of the level. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent-flow.h"
#include "agent-port.h"

struct connection {
	struct op op;
	int fd;
	struct inflow in; /* on the same descriptor */
	uint64_t total;	  /* bytes that went to the client */
};

static void shut_down(struct inflow *f)
{
	shutdown(f->fd, SHUT_WR);
}

static int connect_start(struct op *o, const union proto_msg *m)
{
	struct connection *c = (struct connection *)o;

	c->fd = unix_connect_nonblock(m->connect.path);
	c->in = (struct inflow){ .op = o, .fd = c->fd, .close = shut_down };
	return c->fd < 0 ? errno : 0;
}

static void connect_input(struct op *o, const struct proto_input *m)
{
	inflow_add(&((struct connection *)o)->in, m->bytes, m->len);
}

static void readable(void *ctx, short revents)
{
	struct connection *c = ctx;
	ssize_t n;

	(void)revents;
	if (c->op.gone || !op_room(&c->op))
		return;
	n = op_output(&c->op, c->fd, PROTO_FILE);
	if (n > 0)
		c->total += (uint64_t)n;
	else if (!n || (errno != EAGAIN && errno != EINTR))
		op_done(&c->op, c->total); /* closed; or broken off, which is the same to the client */
}

static void connect_prepare(struct op *o, struct loop *l)
{
	struct connection *c = (struct connection *)o;

	inflow_prepare(&c->in, l);
	if (op_room(o))
		loop_add(l, c->fd, POLLIN, readable, c);
}

static void connect_end(struct op *o)
{
	struct connection *c = (struct connection *)o;

	inflow_free(&c->in);
	if (c->fd >= 0)
		close(c->fd);
}

static const struct op_type connect_op = {
	.request = PROTO_CONNECT,
	.size = sizeof(struct connection),
	.start = connect_start,
	.prepare = connect_prepare,
	.input = connect_input,
	.end = connect_end,
};
OP_TYPE(connect_op);
