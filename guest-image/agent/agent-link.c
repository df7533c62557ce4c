// SPDX-License-Identifier: GPL-2.0-only
#include "agent-link.h"

#include <poll.h>
#include <string.h>

/*
 * So that one busy side of the agent leaves turns for the others. A virtio port gives 4 KiB a
 * read.
 */
#define READS_PER_TURN 32

static size_t queued(const struct link *k)
{
	return k->out_len - k->out_at;
}

static bool may_read(const struct link *k)
{
	return queued(k) < LINK_HIGH;
}

bool link_room(struct link *k)
{
	if (queued(k) < LINK_BULK)
		return true;
	k->room_wanted = true;
	return false;
}

bool link_send(struct link *k, const struct proto_frame *f)
{
	size_t n;

	if (!k->port.up)
		return true; /* nobody is there to miss it */
	if (k->out_at && LINK_CAP - k->out_len < PROTO_LINE_MAX(f->len)) {
		memmove(k->out, k->out + k->out_at, queued(k));
		k->out_len -= k->out_at;
		k->out_at = 0;
	}
	n = proto_encode(f, k->out + k->out_len, LINK_CAP - k->out_len);
	k->out_len += n;
	return n;
}

/* The queue is of no use any more, nor are half frames of either direction. */
static void forget(struct link *k)
{
	k->out_at = k->out_len = 0;
	k->in_at = k->in_len = 0;
	memset(&k->decoder, 0, sizeof(k->decoder));
	k->hung_up(k->ctx);
}

bool link_flush(struct link *k)
{
	while (k->port.up && queued(k)) {
		ssize_t n = port_write(&k->port, k->out + k->out_at, queued(k));

		if (n < 0)
			forget(k);
		if (n <= 0)
			break;
		k->out_at += (size_t)n;
	}
	if (!queued(k))
		k->out_at = k->out_len = 0;
	return !queued(k);
}

/* The first byte of the queue that belongs to a frame of which nothing is on the line yet. */
static size_t first_whole(const struct link *k)
{
	size_t at = k->out_at;

	while (at < k->out_len && !proto_is_mark(k->out + at, k->out_len - at))
		at++;
	return at;
}

/* The queue ends with a whole frame, always. */
void link_drop_session(struct link *k, uint32_t session)
{
	static struct proto_decoder d;
	size_t from = first_whole(k), to = from;

	while (from < k->out_len) {
		struct proto_frame f;
		bool got;
		size_t n = proto_decode(&d, k->out + from, k->out_len - from, &f, &got);

		if (got && f.session != session) {
			memmove(k->out + to, k->out + from, n);
			to += n;
		}
		from += n;
	}
	k->out_len = to;
}

static void decode(struct link *k)
{
	struct proto_frame f;
	bool got;

	while (k->in_at < k->in_len && may_read(k)) {
		k->in_at +=
			proto_decode(&k->decoder, k->in + k->in_at, k->in_len - k->in_at, &f, &got);
		if (got)
			k->frame(k->ctx, &f);
	}
}

static void take(struct link *k)
{
	for (int i = 0; i < READS_PER_TURN && may_read(k); i++) {
		ssize_t n = 0;

		if (k->in_at == k->in_len) {
			n = port_read(&k->port, k->in, LINK_IN);
			if (n < 0)
				forget(k);
			if (n <= 0)
				return;
			k->in_at = 0;
			k->in_len = (size_t)n;
		}
		decode(k);
	}
}

static void link_ready(void *ctx, short revents)
{
	struct link *k = ctx;

	if (revents & (POLLHUP | POLLERR) && !may_read(k)) {
		port_hang_up(&k->port);
		forget(k);
		return;
	}
	link_flush(k);
	if (k->port.up && revents & (POLLIN | POLLHUP | POLLERR))
		take(k);
}

void link_prepare(struct link *k, struct loop *l)
{
	bool left = k->in_at < k->in_len;
	short events;

	link_flush(k);
	if (left && may_read(k))
		decode(k);
	link_flush(k);
	left = k->in_at < k->in_len;
	if ((left && may_read(k)) || (k->room_wanted && link_room(k)))
		loop_now(l);
	k->room_wanted = false;
	events = (short)((queued(k) ? POLLOUT : 0) | (!left && may_read(k) ? POLLIN : 0));
	port_prepare(&k->port, l, events, link_ready, k);
}
