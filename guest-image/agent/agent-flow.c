// SPDX-License-Identifier: GPL-2.0-only
#include "agent-flow.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void shut(struct inflow *f)
{
	if (f->fd >= 0)
		f->close(f);
	f->fd = -1;
}

void inflow_over(struct inflow *f)
{
	shut(f);
	f->taken += f->to - f->from;
	f->from = f->to = 0;
}

static void feed(struct inflow *f)
{
	while (f->fd >= 0 && f->from < f->to) {
		ssize_t n = write(f->fd, f->queue + f->from, f->to - f->from);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n < 0) {
			inflow_over(f); /* not wanted there: it must not stop the client */
			break;
		}
		f->from += (size_t)n;
		f->taken += (size_t)n;
	}
	if (f->from == f->to) {
		f->from = f->to = 0;
		if (f->end)
			shut(f);
	}
	op_taken(f->op, f->taken, &f->told);
}

static bool enqueue(struct inflow *f, const uint8_t *bytes, size_t len)
{
	if (!f->queue)
		f->queue = malloc(PROTO_WINDOW);
	if (f->from) {
		memmove(f->queue, f->queue + f->from, f->to - f->from);
		f->to -= f->from;
		f->from = 0;
	}
	if (!f->queue || len > PROTO_WINDOW - f->to)
		return false;
	memcpy(f->queue + f->to, bytes, len);
	f->to += len;
	return true;
}

bool inflow_add(struct inflow *f, const uint8_t *bytes, size_t len)
{
	if (f->fd < 0) {
		f->taken += len;
		op_taken(f->op, f->taken, &f->told);
		return true;
	}
	if (!len) {
		f->end = true;
	} else if (!enqueue(f, bytes, len)) {
		op_error(f->op, ENOBUFS, "more input than the window allows");
		return false;
	}
	feed(f);
	return true;
}

static void ready(void *ctx, short revents)
{
	(void)revents;
	feed(ctx);
}

void inflow_prepare(struct inflow *f, struct loop *l)
{
	if (f->fd >= 0 && f->from < f->to)
		loop_add(l, f->fd, POLLOUT, ready, f);
}

void inflow_free(struct inflow *f)
{
	shut(f);
	free(f->queue);
	f->queue = NULL;
}

ssize_t op_output(struct op *o, int fd, uint8_t stream)
{
	static uint8_t bytes[PROTO_OUTPUT_MAX];
	ssize_t n = read(fd, bytes, sizeof(bytes));
	union proto_msg m;

	if (n <= 0)
		return n;
	m.output = (struct proto_output){
		.stream = stream, .time_ns = mono_ns(), .bytes = bytes, .len = (size_t)n
	};
	op_send(o, PROTO_OUTPUT, &m);
	return n;
}
