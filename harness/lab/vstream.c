// SPDX-License-Identifier: GPL-2.0-only
#include "lab/vstream.h"

#include <errno.h>
#include <libvirt/virterror.h>
#include <stdlib.h>

#include "core/outcome.h"
#include "core/util.h"

#define WOULD_BLOCK (-2) /* what virStreamSend() and virStreamRecv() return then */

struct vstream {
	virStreamPtr st;
	struct vstream_handler h;
	struct buf out;
	bool dead;
	bool busy;    /* inside a callback: a close must wait for its end */
	bool closing;
};

static void watch_events(struct vstream *v)
{
	int events = VIR_STREAM_EVENT_READABLE | VIR_STREAM_EVENT_ERROR | VIR_STREAM_EVENT_HANGUP;

	if (v->out.len)
		events |= VIR_STREAM_EVENT_WRITABLE;
	virStreamEventUpdateCallback(v->st, events);
}

static void die(struct vstream *v)
{
	if (v->dead)
		return;
	v->dead = true;
	virStreamEventRemoveCallback(v->st);
	virStreamAbort(v->st);
	if (v->h.on_close && !v->closing)
		v->h.on_close(v->h.ctx);
}

static void drain_in(struct vstream *v)
{
	char chunk[65536];

	while (!v->dead && !v->closing) {
		int n = virStreamRecv(v->st, chunk, sizeof(chunk));

		if (n == WOULD_BLOCK)
			return;
		if (n <= 0) {
			die(v);
			return;
		}
		v->h.on_data(v->h.ctx, chunk, (size_t)n);
	}
}

static void drain_out(struct vstream *v)
{
	while (v->out.len && !v->dead) {
		int n = virStreamSend(v->st, v->out.data, v->out.len);

		if (n == WOULD_BLOCK)
			break;
		if (n < 0) {
			die(v);
			return;
		}
		buf_drop(&v->out, (size_t)n);
	}
	if (!v->dead)
		watch_events(v);
}

static void release(struct vstream *v)
{
	virStreamFree(v->st);
	buf_free(&v->out);
	free(v);
}

static void on_event(virStreamPtr st, int events, void *opaque)
{
	struct vstream *v = opaque;

	(void)st;
	v->busy = true;
	if (events & VIR_STREAM_EVENT_READABLE)
		drain_in(v);
	if (!v->dead && (events & VIR_STREAM_EVENT_WRITABLE))
		drain_out(v);
	if (events & (VIR_STREAM_EVENT_ERROR | VIR_STREAM_EVENT_HANGUP))
		die(v);
	v->busy = false;
	if (v->closing) {
		die(v);
		release(v);
	}
}

static struct vstream *start(struct vstream *v)
{
	if (!virStreamEventAddCallback(v->st, VIR_STREAM_EVENT_READABLE | VIR_STREAM_EVENT_ERROR |
					      VIR_STREAM_EVENT_HANGUP, on_event, v, NULL))
		return v;
	fail(OUT_BROKEN, "can't watch a libvirt stream: %s", virGetLastErrorMessage());
	virStreamAbort(v->st);
	release(v);
	return NULL;
}

static struct vstream *new_stream(virDomainPtr dom, const struct vstream_handler *h)
{
	struct vstream *v = xcalloc(1, sizeof(*v));

	v->h = *h;
	v->st = virStreamNew(virDomainGetConnect(dom), VIR_STREAM_NONBLOCK);
	if (v->st)
		return v;
	fail(OUT_BROKEN, "can't make a libvirt stream: %s", virGetLastErrorMessage());
	free(v);
	return NULL;
}

struct vstream *vstream_open_channel(virDomainPtr dom, const char *port,
				     const struct vstream_handler *h)
{
	struct vstream *v = new_stream(dom, h);

	if (!v)
		return NULL;
	if (!virDomainOpenChannel(dom, port, v->st, VIR_DOMAIN_CHANNEL_FORCE))
		return start(v);
	fail(OUT_BROKEN, "can't open the port %s of domain %s: %s", port, virDomainGetName(dom),
	     virGetLastErrorMessage());
	release(v);
	return NULL;
}

struct vstream *vstream_open_console(virDomainPtr dom, const struct vstream_handler *h)
{
	struct vstream *v = new_stream(dom, h);

	if (!v)
		return NULL;
	if (!virDomainOpenConsole(dom, NULL, v->st, VIR_DOMAIN_CONSOLE_FORCE))
		return start(v);
	fail(OUT_BROKEN, "can't open the console of domain %s: %s", virDomainGetName(dom),
	     virGetLastErrorMessage());
	release(v);
	return NULL;
}

int vstream_send(struct vstream *v, const void *data, size_t len)
{
	if (v->dead)
		return -EPIPE;
	buf_add(&v->out, data, len);
	drain_out(v);
	return v->dead ? -EPIPE : 0;
}

void vstream_close(struct vstream *v)
{
	if (!v)
		return;
	v->closing = true;
	if (v->busy)
		return; /* on_event() ends it */
	die(v);
	release(v);
}
