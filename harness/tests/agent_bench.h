/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The real agent, built for this machine with sanitizers, at the other end of a socket: for the
 * tests of what speaks to it. NESTLAB_TEST_AGENT: the agent's path (build/tests/agent).
 */
#ifndef NESTLAB_TESTS_AGENT_BENCH_H
#define NESTLAB_TESTS_AGENT_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants these before it */
#include <cmocka.h>
#undef fail /* core/outcome.h's is meant */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/util.h"
#include "machine/channel.h"

#define SOON 20000 /* ms: a deadline that only a fault reaches, on a busy machine too */

/* ---- a transport over a descriptor ---- */

struct line {
	int fd;
	struct channel *channel, *second; /* each takes what is its; second may be NULL */
	struct buf out;
	int stop_after; /* this many steps, step() answers with a crash; 0: never */
};

static int line_send(void *ctx, const void *data, size_t len)
{
	struct line *l = ctx;

	if (l->fd < 0)
		return -EPIPE;
	buf_add(&l->out, data, len);
	return 0;
}

static void line_write(struct line *l)
{
	ssize_t n = send(l->fd, l->out.data, l->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && errno == ENOTSOCK)
		n = write(l->fd, l->out.data, l->out.len);
	if (n > 0)
		buf_drop(&l->out, (size_t)n);
}

static void line_read(struct line *l)
{
	static char chunk[65536];
	ssize_t n = read(l->fd, chunk, sizeof(chunk));

	if (n > 0 && l->second)
		channel_feed(l->second, chunk, (size_t)n);
	if (n > 0)
		channel_feed(l->channel, chunk, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		channel_lost(l->channel);
}

static int line_step(void *ctx, unsigned int timeout_ms)
{
	struct line *l = ctx;
	struct pollfd p = { .fd = l->fd, .events = POLLIN };

	if (l->stop_after && !--l->stop_after)
		return fail(OUT_CRASH, "the kernel panicked");
	if (l->out.len)
		p.events |= POLLOUT;
	poll(&p, 1, (int)timeout_ms);
	if (p.revents & POLLOUT)
		line_write(l);
	if (p.revents & (POLLIN | POLLHUP | POLLERR))
		line_read(l);
	return 0;
}

/* ---- a lab bench: the agent, the line to it, a folder ---- */

struct bench {
	pid_t agent;
	struct line line;
	struct channel *c;
	char dir[64];
};

static const char *agent_path(void)
{
	const char *p = getenv("NESTLAB_TEST_AGENT");

	return p ? p : "build/tests/agent";
}

static pid_t start_agent(char *const *argv)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nothing behind */
		execv(agent_path(), argv);
		_exit(127);
	}
	return pid;
}

static void join_line(struct bench *b, int fd)
{
	const struct channel_transport t = { line_send, line_step, &b->line, 0 };

	b->line.fd = fd;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (!b->c)
		b->c = channel_new("the agent", &t);
	b->line.channel = b->c;
}

static void start_on_socketpair(struct bench *b)
{
	char port[16];
	char *argv[] = { (char *)agent_path(), (char *)"--port", port,
			 (char *)"--level",    (char *)"T1",	 NULL };
	int sv[2];

	assert_return_code(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), errno);
	fcntl(sv[0], F_SETFD, FD_CLOEXEC);
	snprintf(port, sizeof(port), "fd:%d", sv[1]);
	b->agent = start_agent(argv);
	close(sv[1]);
	join_line(b, sv[0]);
}

static struct bench *bench_new(void)
{
	struct bench *b = xcalloc(1, sizeof(*b));

	b->line.fd = -1;
	strcpy(b->dir, "/tmp/nestlab-test.XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	return b;
}

static int hello(struct bench *b)
{
	return channel_hello(b->c, NULL, SOON);
}

static int setup(void **state)
{
	struct bench *b = bench_new();

	start_on_socketpair(b);
	*state = b;
	return hello(b);
}

/* Hanging up ends the agent, and the sanitizers' verdict is its exit status. */
static int teardown(void **state)
{
	struct bench *b = *state;
	int status = 0;

	if (b->line.fd >= 0)
		close(b->line.fd);
	if (b->agent > 0)
		waitpid(b->agent, &status, 0);
	channel_free(b->c);
	buf_free(&b->line.out);
	rm_rf(b->dir);
	free(b);
	return status;
}

static int run(struct bench *b, const char *script, struct buf *out, struct buf *err,
	       struct channel_status *st)
{
	char *argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)script, NULL };

	return channel_run(b->c, argv, out, err, st, SOON);
}

static void in_dir(const struct bench *b, char *path, size_t size, const char *name)
{
	snprintf(path, size, "%s/%s", b->dir, name);
}

/* A daemon of the level. */
static int listen_at(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(sa.sun_path, path);
	unlink(path);
	assert_return_code(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), errno);
	assert_return_code(listen(fd, 4), errno);
	return fd;
}

#define WITH_AGENT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
