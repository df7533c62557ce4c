// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets of a level over the agent's line: its CONNECT, two clients on one line, and the forwarder
 * with its thread.
 */
#include "tests/agent_bench.h"

#include <sys/un.h>

#include "machine/bochs/forward.h"
#include "proto.h"

/* ---- the level's side: somebody listens ---- */

static struct sockaddr_un address(const struct bench *b, const char *name)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	in_dir(b, sa.sun_path, sizeof(sa.sun_path), name);
	return sa;
}

static int listen_in(const struct bench *b, const char *name)
{
	struct sockaddr_un sa = address(b, name);

	return listen_at(sa.sun_path);
}

static int connect_in(const struct bench *b, const char *name)
{
	struct sockaddr_un sa = address(b, name);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_return_code(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), errno);
	return fd;
}

/* What came out of a connection. */
struct heard {
	struct buf text;
};

static void hear(void *ctx, uint64_t level_ns, const void *data, size_t len)
{
	(void)level_ns;
	buf_add(&((struct heard *)ctx)->text, data, len);
}

static void turn_until(struct bench *b, bool (*done)(void *ctx), void *ctx)
{
	uint64_t deadline = now_ns() + SOON * NSEC_PER_MSEC;

	while (!done(ctx)) {
		assert_true(now_ns() < deadline);
		assert_int_equal(line_step(&b->line, 10), 0);
	}
}

static bool readable(void *ctx)
{
	struct pollfd p = { .fd = *(int *)ctx, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

static bool heard_all(void *ctx)
{
	return strstr(buf_str(&((struct heard *)ctx)->text), "END");
}

static bool is_done(void *ctx)
{
	return ((struct channel_status *)ctx)->done;
}

/* ---- CONNECT ---- */

static void test_connect(void **state)
{
	struct bench *b = *state;
	_cleanup_close_ int listener = listen_in(b, "sock");
	_cleanup_close_ int peer = -1;
	struct heard h = { 0 };
	struct channel_status st;
	char path[128], got[16] = { 0 };
	uint32_t id;

	in_dir(b, path, sizeof(path), "sock");
	assert_int_equal(channel_connect(b->c, path, hear, &h, &st, &id), 0);
	assert_int_equal(channel_input(b->c, id, "ask", 3), 0);
	turn_until(b, readable, &listener);
	peer = accept(listener, NULL, NULL);
	turn_until(b, readable, &peer);
	assert_int_equal(read(peer, got, sizeof(got)), 3);
	assert_string_equal(got, "ask");

	assert_int_equal(write(peer, "tell END", 8), 8);
	turn_until(b, heard_all, &h);
	assert_string_equal(buf_str(&h.text), "tell END");

	/* The end of input is seen there, and its end here. */
	assert_int_equal(channel_input(b->c, id, NULL, 0), 0);
	turn_until(b, readable, &peer);
	assert_int_equal(read(peer, got, sizeof(got)), 0);
	assert_false(st.done);
	shutdown(peer, SHUT_RDWR);
	turn_until(b, is_done, &st);
	assert_int_equal(st.error, 0);
	buf_free(&h.text);
}

static void test_nobody_listens(void **state)
{
	struct bench *b = *state;
	struct heard h = { 0 };
	struct channel_status st;
	char path[128];
	uint32_t id;

	in_dir(b, path, sizeof(path), "nothing");
	assert_int_equal(channel_connect(b->c, path, hear, &h, &st, &id), 0);
	turn_until(b, is_done, &st);
	assert_int_equal(st.error, ENOENT);
}

static void test_cancelled_connection(void **state)
{
	struct bench *b = *state;
	_cleanup_close_ int listener = listen_in(b, "sock");
	_cleanup_close_ int peer = -1;
	struct heard h = { 0 };
	struct channel_status st;
	char path[128], byte;
	uint32_t id;

	in_dir(b, path, sizeof(path), "sock");
	assert_int_equal(channel_connect(b->c, path, hear, &h, &st, &id), 0);
	turn_until(b, readable, &listener);
	peer = accept(listener, NULL, NULL);
	assert_int_equal(channel_unwatch(b->c, id), 0);
	turn_until(b, readable, &peer);
	assert_int_equal(read(peer, &byte, 1), 0);
}

/* ---- two clients on one line ---- */

static const struct channel_transport second_seat = { line_send, line_step, NULL, 1 };

/* Both see all that comes, as behind a forwarder. */
static void test_seats(void **state)
{
	struct bench *b = *state;
	struct channel_transport t = second_seat;
	struct channel *second;
	struct channel_status st;
	struct channel_exec e = { .argv = (char *[]){ (char *)"/bin/sleep", (char *)"60", NULL } };
	uint32_t id;

	t.ctx = &b->line;
	second = b->line.second = channel_new("the second", &t);
	assert_int_equal(channel_start(b->c, &e, &st, &id), 0);

	/* A hello in the other seat ends nothing here; nor does the end of its session. */
	assert_int_equal(channel_hello(second, NULL, SOON), 0);
	assert_int_equal(channel_hello(second, NULL, SOON), 0);
	assert_int_equal(channel_time(b->c, &(uint64_t){ 0 }, SOON), 0);
	assert_false(st.done);
	assert_int_equal(channel_kill(b->c, id, SIGTERM), 0);
	assert_int_equal(channel_wait(b->c, id, &st, SOON), 0);
	assert_int_equal(st.signal, SIGTERM);
	b->line.second = NULL;
	channel_free(second);
}

/* ---- the forwarder ---- */

struct forwarding {
	struct bench *b;
	struct forward *f;
	int listener; /* the level's */
	char local[128], remote[128], door[128];
};

/* The bench's line goes through it. */
static void forwarding_begin(struct forwarding *w, struct bench *b)
{
	int end = -1;

	*w = (struct forwarding){ .b = b, .listener = listen_in(b, "remote") };
	in_dir(b, w->local, sizeof(w->local), "local");
	in_dir(b, w->remote, sizeof(w->remote), "remote");
	in_dir(b, w->door, sizeof(w->door), "door");
	w->f = forward_start(dup(b->line.fd), w->local, w->remote, w->door, &end);
	assert_non_null(w->f);
	close(b->line.fd);
	join_line(b, end);
	assert_int_equal(hello(b), 0);
}

static void forwarding_end(struct forwarding *w)
{
	forward_stop(w->f);
	assert_int_equal(access(w->local, F_OK), -1);
	assert_int_equal(access(w->door, F_OK), -1);
	close(w->listener);
}

static void exchange(int from, int to, const char *text)
{
	char got[64] = { 0 };

	assert_int_equal(write(from, text, strlen(text)), strlen(text));
	for (size_t n = 0; n < strlen(text);) {
		struct pollfd p = { .fd = to, .events = POLLIN };
		ssize_t k;

		assert_int_equal(poll(&p, 1, SOON), 1);
		k = read(to, got + n, sizeof(got) - n);
		assert_true(k > 0);
		n += (size_t)k;
	}
	assert_string_equal(got, text);
}

static int accept_soon(int listener)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };

	assert_int_equal(poll(&p, 1, SOON), 1);
	return accept(listener, NULL, NULL);
}

static void expect_end(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char byte;

	assert_int_equal(poll(&p, 1, SOON), 1);
	assert_int_equal(read(fd, &byte, 1), 0);
}

/* While nobody turns the level's own channel: a client may block in the thread that would. */
static void test_forward(void **state)
{
	struct bench *b = *state;
	struct forwarding w;
	int here[2], there[2];

	forwarding_begin(&w, b);
	for (int i = 0; i < 2; i++) {
		here[i] = connect_in(b, "local");
		there[i] = accept_soon(w.listener);
	}
	exchange(here[0], there[0], "one asks");
	exchange(here[1], there[1], "two asks");
	exchange(there[0], here[0], "one is told");
	exchange(there[1], here[1], "two is told");
	/* Each end of one is the other's, and nobody else's. */
	close(here[0]);
	expect_end(there[0]);
	close(there[1]);
	expect_end(here[1]);
	close(there[0]);
	close(here[1]);
	here[0] = connect_in(b, "local");
	there[0] = accept_soon(w.listener);
	exchange(here[0], there[0], "a third");
	assert_int_equal(channel_time(b->c, &(uint64_t){ 0 }, SOON), 0);
	forwarding_end(&w);
	expect_end(here[0]);
	close(here[0]);
	close(there[0]);
}

/* More than any window or socket buffer, both ways at once, beside a program's output. */
static void test_forward_carries_much(void **state)
{
	enum { MUCH = 3 << 20 };
	struct bench *b = *state;
	struct forwarding w;
	struct buf out = { 0 };
	struct channel_status st;
	int here, there, status;
	pid_t echo;

	forwarding_begin(&w, b);
	here = connect_in(b, "local");
	there = accept_soon(w.listener);
	echo = fork();
	if (!echo) {
		close(here);
		static char chunk[50000];
		ssize_t n;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while ((n = read(there, chunk, sizeof(chunk))) > 0)
			for (ssize_t at = 0; at < n;)
				at += write(there, chunk + at, (size_t)(n - at));
		_exit(0);
	}
	close(there);
	fcntl(here, F_SETFL, O_NONBLOCK);
	for (size_t sent = 0, got = 0; got < MUCH;) {
		static char to[4096], from[65536];
		struct pollfd p = { .fd = here,
				    .events = (short)(POLLIN | (sent < MUCH ? POLLOUT : 0)) };
		ssize_t n;

		assert_int_equal(poll(&p, 1, SOON), 1);
		memset(to, (int)(sent >> 12), sizeof(to));
		n = p.revents & POLLOUT ? write(here, to, sizeof(to) - sent % sizeof(to)) : 0;
		sent += n > 0 ? (size_t)n : 0;
		n = p.revents & POLLIN ? read(here, from, sizeof(from)) : 0;
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal((unsigned char)from[i], (got + (size_t)i) >> 12 & 0xff);
		got += n > 0 ? (size_t)n : 0;
	}
	assert_int_equal(run(b, "head -c 1000000 /dev/zero", &out, NULL, &st), 0);
	assert_int_equal(out.len, 1000000);
	buf_free(&out);
	close(here);
	waitpid(echo, &status, 0);
	assert_int_equal(status, 0);
	forwarding_end(&w);
}

/* The level's channel is handed on: to one at a time, in the order in which they came. */
static void test_door(void **state)
{
	struct bench *b = *state;
	struct forwarding w;
	int here, there, first, second;

	forwarding_begin(&w, b);
	here = connect_in(b, "local");
	there = accept_soon(w.listener);
	first = connect_in(b, "door");
	second = connect_in(b, "door");
	assert_int_equal(channel_time(b->c, &(uint64_t){ 0 }, SOON), 0);
	for (int i = 0; i < 2; i++) {
		close(b->line.fd);
		join_line(b, i ? second : first);
		assert_int_equal(hello(b), 0);
		assert_int_equal(channel_time(b->c, &(uint64_t){ 0 }, SOON), 0);
	}
	/* Whoever has a connection does not feel it. */
	exchange(here, there, "still there");
	close(here);
	close(there);
	forwarding_end(&w);
}

/* The level dies: its clients must not wait for it. */
static void test_line_is_lost(void **state)
{
	struct bench *b = *state;
	struct forwarding w;
	int here, there;

	forwarding_begin(&w, b);
	here = connect_in(b, "local");
	there = accept_soon(w.listener);
	exchange(here, there, "before");
	kill(b->agent, SIGKILL);
	waitpid(b->agent, NULL, 0);
	b->agent = 0;
	expect_end(here);
	close(here);
	close(there);
	forwarding_end(&w);
}

static void test_no_place_to_listen(void **state)
{
	int pair[2], end = -1;

	(void)state;
	assert_return_code(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), errno);
	assert_null(forward_start(pair[0], "/nowhere/at/all", "/x", "/nowhere/too", &end));
	assert_non_null(strstr(fail_text(), "/nowhere/at/all"));
	expect_end(pair[1]);
	close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_AGENT(test_connect),
		WITH_AGENT(test_nobody_listens),
		WITH_AGENT(test_cancelled_connection),
		WITH_AGENT(test_seats),
		WITH_AGENT(test_forward),
		WITH_AGENT(test_forward_carries_much),
		WITH_AGENT(test_door),
		WITH_AGENT(test_line_is_lost),
		cmocka_unit_test(test_no_place_to_listen),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("forward", tests, NULL, NULL);
}
