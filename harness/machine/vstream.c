// SPDX-License-Identifier: GPL-2.0-only
#include "machine/vstream.h"

#include <errno.h>
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/util.h"

#define WOULD_BLOCK (-2) /* what virStreamSend() and virStreamRecv() return then */

/* What carries the bytes, one of two. */
struct carrier {
	int (*recv)(struct vstream *v, char *data, size_t len); /* as virStreamRecv() */
	int (*send)(struct vstream *v, const char *data, size_t len);
	void (*watch)(struct vstream *v, bool writable);
	void (*stop)(struct vstream *v); /* no event after it */
	void (*release)(struct vstream *v);
};

struct vstream {
	const struct carrier *carrier;
	virStreamPtr st;
	int fd, watch; /* of a socket: the loop's handle */
	struct vstream_handler h;
	struct buf out;
	bool dead;
	bool busy; /* inside a callback: a close must wait for its end */
	bool closing;
};

/* ---- a libvirt stream ---- */

static int st_recv(struct vstream *v, char *data, size_t len)
{
	return virStreamRecv(v->st, data, len);
}

static int st_send(struct vstream *v, const char *data, size_t len)
{
	return virStreamSend(v->st, data, len);
}

static void st_watch(struct vstream *v, bool writable)
{
	int events = VIR_STREAM_EVENT_READABLE | VIR_STREAM_EVENT_ERROR | VIR_STREAM_EVENT_HANGUP;

	if (writable)
		events |= VIR_STREAM_EVENT_WRITABLE;
	virStreamEventUpdateCallback(v->st, events);
}

static void st_stop(struct vstream *v)
{
	virStreamEventRemoveCallback(v->st);
	virStreamAbort(v->st);
}

static void st_release(struct vstream *v)
{
	virStreamFree(v->st);
}

static const struct carrier by_libvirt = { st_recv, st_send, st_watch, st_stop, st_release };

/* ---- a socket ---- */

static int would_block(ssize_t n)
{
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? WOULD_BLOCK : (int)n;
}

static int fd_recv(struct vstream *v, char *data, size_t len)
{
	return would_block(recv(v->fd, data, len, MSG_DONTWAIT));
}

static int fd_send(struct vstream *v, const char *data, size_t len)
{
	return would_block(send(v->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL));
}

static void fd_watch(struct vstream *v, bool writable)
{
	virEventUpdateHandle(v->watch, VIR_EVENT_HANDLE_READABLE |
					       (writable ? VIR_EVENT_HANDLE_WRITABLE : 0));
}

static void fd_stop(struct vstream *v)
{
	virEventRemoveHandle(v->watch);
}

static void fd_release(struct vstream *v)
{
	close(v->fd);
}

static const struct carrier by_socket = { fd_recv, fd_send, fd_watch, fd_stop, fd_release };

/* ---- both ---- */

static void die(struct vstream *v)
{
	if (v->dead)
		return;
	v->dead = true;
	v->carrier->stop(v);
	if (v->h.on_close && !v->closing)
		v->h.on_close(v->h.ctx);
}

static void drain_in(struct vstream *v)
{
	char chunk[65536];

	while (!v->dead && !v->closing) {
		int n = v->carrier->recv(v, chunk, sizeof(chunk));

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
		int n = v->carrier->send(v, v->out.data, v->out.len);

		if (n == WOULD_BLOCK)
			break;
		if (n < 0) {
			die(v);
			return;
		}
		buf_drop(&v->out, (size_t)n);
	}
	if (!v->dead)
		v->carrier->watch(v, v->out.len);
}

static void release(struct vstream *v)
{
	v->carrier->release(v);
	buf_free(&v->out);
	free(v);
}

static void handle(struct vstream *v, bool readable, bool writable, bool over)
{
	v->busy = true;
	if (readable)
		drain_in(v);
	if (!v->dead && writable)
		drain_out(v);
	if (over)
		die(v);
	v->busy = false;
	if (v->closing) {
		die(v);
		release(v);
	}
}

static void on_event(virStreamPtr st, int events, void *opaque)
{
	(void)st;
	handle(opaque, events & VIR_STREAM_EVENT_READABLE, events & VIR_STREAM_EVENT_WRITABLE,
	       events & (VIR_STREAM_EVENT_ERROR | VIR_STREAM_EVENT_HANGUP));
}

static void on_handle(int watch, int fd, int events, void *opaque)
{
	(void)watch;
	(void)fd;
	handle(opaque, events & VIR_EVENT_HANDLE_READABLE, events & VIR_EVENT_HANDLE_WRITABLE,
	       events & (VIR_EVENT_HANDLE_ERROR | VIR_EVENT_HANDLE_HANGUP));
}

static struct vstream *start(struct vstream *v)
{
	if (!virStreamEventAddCallback(v->st,
				       VIR_STREAM_EVENT_READABLE | VIR_STREAM_EVENT_ERROR |
					       VIR_STREAM_EVENT_HANGUP,
				       on_event, v, NULL))
		return v;
	fail(OUT_BROKEN, "can't watch a libvirt stream: %s", virGetLastErrorMessage());
	virStreamAbort(v->st);
	release(v);
	return NULL;
}

static struct vstream *new_stream(virDomainPtr dom, const struct vstream_handler *h)
{
	struct vstream *v = xcalloc(1, sizeof(*v));

	v->carrier = &by_libvirt;
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
	const char *name = virDomainGetName(dom); /* before: it resets the error */
	struct vstream *v = new_stream(dom, h);

	if (!v)
		return NULL;
	if (!virDomainOpenChannel(dom, port, v->st, VIR_DOMAIN_CHANNEL_FORCE))
		return start(v);
	fail(OUT_BROKEN, "can't open the port %s of domain %s: %s", port, name, virGetLastErrorMessage());
	release(v);
	return NULL;
}

struct vstream *vstream_open_console(virDomainPtr dom, const struct vstream_handler *h)
{
	const char *name = virDomainGetName(dom);
	struct vstream *v = new_stream(dom, h);

	if (!v)
		return NULL;
	if (!virDomainOpenConsole(dom, NULL, v->st, VIR_DOMAIN_CONSOLE_FORCE))
		return start(v);
	fail(OUT_BROKEN, "can't open the console of domain %s: %s", name, virGetLastErrorMessage());
	release(v);
	return NULL;
}

struct vstream *vstream_open_socket(int fd, const struct vstream_handler *h)
{
	struct vstream *v = xcalloc(1, sizeof(*v));

	*v = (struct vstream){ .carrier = &by_socket, .fd = fd, .h = *h };
	v->watch = virEventAddHandle(fd, VIR_EVENT_HANDLE_READABLE, on_handle, v, NULL);
	if (v->watch >= 0)
		return v;
	fail(OUT_BROKEN, "can't watch a socket: %s", virGetLastErrorMessage());
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
