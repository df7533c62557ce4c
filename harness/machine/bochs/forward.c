// SPDX-License-Identifier: GPL-2.0-only
#include "machine/bochs/forward.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/util.h"
#include "machine/channel.h"
#include "proto.h"

#define SEAT 1 /* the level's channel has the other */
#define CONNECTIONS_MAX 8
#define HELLO_MS 60000
#define OUT_MAX (64UL << 20) /* what a client that doesn't read may make us keep */

/* A socket and the bytes that it has not taken yet. */
struct pipe {
	int fd; /* -1: closed */
	struct buf out;
};

struct connection {
	struct pipe client;
	uint32_t id; /* of the channel's operation */
	struct channel_status status;
};

/* All but the first two are the thread's. */
struct forward {
	pthread_t thread;
	int stop; /* eventfd */
	int listen, door; /* door: the level's channel comes in there when `level` is free */
	char *local, *remote, *door_path;
	struct pipe line, level; /* level: the other end of *channel_end */
	/* frames of both seats go to the line one after the other, whole */
	struct proto_decoder from_level;
	struct channel *channel;
	bool greeting; /* in channel_hello(): nobody new is let in */
	bool greeted;
	bool over;
	struct connection connections[CONNECTIONS_MAX];
};

/* ---- sockets ---- */

static void pipe_close(struct pipe *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	buf_free(&p->out);
}

static void pipe_flush(struct pipe *p)
{
	while (p->fd >= 0 && p->out.len) {
		ssize_t n = send(p->fd, p->out.data, p->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0)
			pipe_close(p);
		else
			buf_drop(&p->out, (size_t)n);
	}
}

static void pipe_send(struct pipe *p, const void *data, size_t len)
{
	if (p->fd < 0)
		return;
	buf_add(&p->out, data, len);
	pipe_flush(p);
	if (p->out.len > OUT_MAX)
		pipe_close(p);
}

/* What there is now: bytes, 0 for nothing, -1 when the other end has gone. */
static ssize_t pipe_read(struct pipe *p, char *data, size_t len)
{
	ssize_t n = recv(p->fd, data, len, MSG_DONTWAIT);

	if (n > 0)
		return n;
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

/* ---- the line ---- */

/* Each channel picks its own frames out. */
static void from_line(struct forward *f, const char *data, ssize_t n)
{
	if (n < 0) {
		f->over = true;
		return;
	}
	pipe_send(&f->level, data, (size_t)n);
	channel_feed(f->channel, data, (size_t)n);
}

static void send_frame(struct forward *f, const struct proto_frame *frame)
{
	static _Thread_local uint8_t line[PROTO_LINE_MAX(PROTO_PAYLOAD_MAX)];

	pipe_send(&f->line, line, proto_encode(frame, line, sizeof(line)));
}

static void from_level(struct forward *f, const char *data, ssize_t n)
{
	const uint8_t *p = (const uint8_t *)data;

	if (n < 0)
		pipe_close(&f->level);
	while (n > 0) {
		struct proto_frame frame;
		bool got;
		size_t used = proto_decode(&f->from_level, p, (size_t)n, &frame, &got);

		p += used;
		n -= (ssize_t)used;
		if (got)
			send_frame(f, &frame);
	}
}

static int line_send(void *ctx, const void *data, size_t len)
{
	struct forward *f = ctx;

	pipe_send(&f->line, data, len);
	return f->line.fd < 0 ? -EPIPE : 0;
}

/* ---- connections ---- */

static void on_remote(void *ctx, uint64_t level_ns, const void *data, size_t len)
{
	struct connection *c = ctx;

	(void)level_ns;
	pipe_send(&c->client, data, len);
}

static void from_client(struct forward *f, struct connection *c, const char *data, ssize_t n)
{
	/* A session that broke can't be mended: libvirt's client must see its end, not wait. */
	if (n < 0 || (n > 0 && channel_input(f->channel, c->id, data, (size_t)n)))
		pipe_close(&c->client);
}

/* Connections don't move: the channel's callbacks know where they are. */
static struct connection *free_place(struct forward *f)
{
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		if (f->connections[i].client.fd < 0 && !f->connections[i].id)
			return &f->connections[i];
	return NULL;
}

static void let_in(struct forward *f)
{
	int fd = accept4(f->listen, NULL, NULL, SOCK_CLOEXEC);
	struct connection *c = free_place(f);

	if (fd < 0)
		return;
	f->greeting = true;
	f->greeted = f->greeted || !channel_hello(f->channel, NULL, HELLO_MS);
	f->greeting = false;
	if (!c || !f->greeted) {
		close(fd);
		return;
	}
	c->client.fd = fd;
	if (!channel_connect(f->channel, f->remote, on_remote, c, &c->status, &c->id))
		return;
	/* The agent was started again, perhaps. */
	f->greeted = false;
	c->id = 0;
	pipe_close(&c->client);
}

/* What the one before had begun to say is not his. */
static void let_channel_in(struct forward *f)
{
	f->level.fd = accept4(f->door, NULL, NULL, SOCK_CLOEXEC);
	buf_free(&f->level.out);
	memset(&f->from_level, 0, sizeof(f->from_level));
}

/* One side's end is the other's, when it has taken what there was. */
static void look_at(struct forward *f, struct connection *c)
{
	if (!c->id)
		return;
	if (c->client.fd < 0)
		channel_unwatch(f->channel, c->id);
	else if (!c->status.done || c->client.out.len)
		return;
	pipe_close(&c->client);
	c->id = 0;
}

/* ---- the thread ---- */

static void add(struct pollfd *p, const struct pipe *pipe)
{
	*p = (struct pollfd){ .fd = pipe->fd, .events = POLLIN };
	if (pipe->out.len)
		p->events |= POLLOUT;
}

enum { STOP, LISTEN, DOOR, LINE, LEVEL, CONNECTION, WATCHED = CONNECTION + CONNECTIONS_MAX };

static struct pipe *pipe_of(struct forward *f, size_t i)
{
	if (i == LINE)
		return &f->line;
	return i == LEVEL ? &f->level : &f->connections[i - CONNECTION].client;
}

static void take(struct forward *f, size_t i)
{
	char data[65536];
	ssize_t n = pipe_read(pipe_of(f, i), data, sizeof(data));

	if (!n)
		return;
	if (i == LINE)
		from_line(f, data, n);
	else if (i == LEVEL)
		from_level(f, data, n);
	else
		from_client(f, &f->connections[i - CONNECTION], data, n);
}

static void serve(struct forward *f, const struct pollfd *p)
{
	for (size_t i = LINE; i < WATCHED; i++) {
		if (p[i].revents & POLLOUT)
			pipe_flush(pipe_of(f, i));
		if (p[i].revents & (POLLIN | POLLHUP | POLLERR) && pipe_of(f, i)->fd >= 0)
			take(f, i);
	}
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		look_at(f, &f->connections[i]);
}

/* Also what the channel turns while it waits for its READY. */
static int turn(void *ctx, unsigned int timeout_ms)
{
	struct forward *f = ctx;
	struct pollfd p[WATCHED];

	p[STOP] = (struct pollfd){ .fd = f->stop, .events = POLLIN };
	p[LISTEN] = (struct pollfd){ .fd = f->greeting ? -1 : f->listen, .events = POLLIN };
	p[DOOR] = (struct pollfd){ .fd = f->level.fd < 0 ? f->door : -1, .events = POLLIN };
	for (size_t i = LINE; i < WATCHED; i++)
		add(&p[i], pipe_of(f, i));
	if (poll(p, WATCHED, (int)timeout_ms) < 0)
		return 0;
	serve(f, p);
	f->over |= p[STOP].revents || f->line.fd < 0;
	if (f->over)
		return fail(OUT_BROKEN, "the level's line was closed");
	if (p[DOOR].revents)
		let_channel_in(f);
	if (p[LISTEN].revents)
		let_in(f);
	return 0;
}

/* Everybody learns at once that the line is gone. */
static void *run(void *arg)
{
	struct forward *f = arg;

	while (!f->over)
		turn(f, 1000);
	for (size_t i = LINE; i < WATCHED; i++)
		pipe_close(pipe_of(f, i));
	close_p(&f->listen);
	close_p(&f->door);
	f->listen = f->door = -1;
	return NULL;
}

/* ---- begin and end ---- */

static int listen_at(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -1;
	strcpy(sa.sun_path, path);
	unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && !bind(fd, (struct sockaddr *)&sa, sizeof(sa)) &&
	    !listen(fd, CONNECTIONS_MAX))
		return fd;
	close_p(&fd);
	return -1;
}

static void dispose(struct forward *f)
{
	for (size_t i = LINE; i < WATCHED; i++)
		pipe_close(pipe_of(f, i));
	close_p(&f->listen);
	close_p(&f->door);
	close_p(&f->stop);
	channel_free(f->channel);
	unlink(f->local);
	unlink(f->door_path);
	free(f->local);
	free(f->door_path);
	free(f->remote);
	free(f);
}

static struct forward *make(int line, const char *local, const char *remote, const char *door)
{
	struct channel_transport t = { .send = line_send, .step = turn, .seat = SEAT };
	struct forward *f = xcalloc(1, sizeof(*f));

	t.ctx = f;
	f->local = xstrdup(local);
	f->remote = xstrdup(remote);
	f->door_path = xstrdup(door);
	f->channel = channel_new("the agent (forwarding)", &t);
	for (size_t i = LINE; i < WATCHED; i++)
		pipe_of(f, i)->fd = -1;
	f->line.fd = line;
	f->stop = eventfd(0, EFD_CLOEXEC);
	f->listen = listen_at(local);
	f->door = listen_at(door);
	return f;
}

struct forward *forward_start(int line, const char *local, const char *remote, const char *door,
			      int *channel_end)
{
	struct forward *f = make(line, local, remote, door);
	int pair[2];

	if (f->listen >= 0 && f->door >= 0 && f->stop >= 0 &&
	    !socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
		f->level.fd = pair[0];
		if (!pthread_create(&f->thread, NULL, run, f)) {
			*channel_end = pair[1];
			return f;
		}
		close(pair[1]);
	}
	fail(OUT_BROKEN, "can't forward %s to the level's %s: %s", local, remote, strerror(errno));
	dispose(f);
	return NULL;
}

void forward_stop(struct forward *f)
{
	if (!f)
		return;
	eventfd_write(f->stop, 1);
	pthread_join(f->thread, NULL);
	dispose(f);
}
