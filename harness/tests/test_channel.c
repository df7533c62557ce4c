// SPDX-License-Identifier: GPL-2.0-only
/* The channel client and the real agent at the two ends of a socket. */
#include "tests/agent_bench.h"

#include <pty.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "machine/channel-internal.h"
#include "proto.h"

static bool alive(pid_t pid)
{
	return !kill(pid, 0);
}

/* ---- sessions ---- */

static void test_hello(void **state)
{
	struct bench *b = *state;
	struct agent_info info;
	uint64_t before = now_ns();

	assert_int_equal(channel_hello(b->c, &info, SOON), 0);
	assert_int_equal(info.version, PROTO_VERSION);
	assert_string_equal(info.level, "T1");
	assert_int_equal(info.cpus, sysconf(_SC_NPROCESSORS_ONLN));
	assert_int_equal(strlen(info.boot_id), 36);
	assert_true(*info.kernel);
	assert_in_range(info.monotonic_ns, before, now_ns());
}

static void test_time(void **state)
{
	struct bench *b = *state;
	uint64_t before = now_ns(), t;

	assert_int_equal(channel_time(b->c, &t, SOON), 0);
	assert_in_range(t, before, now_ns());
}

static void test_no_answer(void **state)
{
	struct line mute = { .fd = -1 };
	const struct channel_transport m = { line_send, line_step, &mute, 0 };
	struct channel *c;
	int sv[2];

	(void)state;
	assert_return_code(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), errno);
	mute.fd = sv[0];
	mute.channel = c = channel_new("L1's agent", &m);
	assert_int_equal(channel_hello(c, NULL, 250), -OUT_BROKEN);
	assert_non_null(strstr(fail_text(), "L1's agent did not answer within 0.2 s"));
	assert_int_equal(channel_time(c, &(uint64_t){ 0 }, 100), -OUT_BROKEN);
	assert_non_null(strstr(fail_text(), "no session"));
	close(sv[1]);
	assert_int_equal(channel_hello(c, NULL, SOON), -OUT_BROKEN);
	assert_non_null(strstr(fail_text(), "connection"));
	close(sv[0]);
	channel_free(c);
	buf_free(&mute.out);
}

static size_t bytes_waiting(int fd)
{
	int n = 0;

	assert_return_code(ioctl(fd, FIONREAD, &n), errno);
	return (size_t)n;
}

/*
 * Each hello to a machine that stands still stays in the line, and libvirtd reads no more when that
 * is full: at ten a second a stopped L1 was told as a libvirt that does not answer.
 */
static void test_hellos_get_fewer(void **state)
{
	struct line mute = { .fd = -1 };
	const struct channel_transport m = { line_send, line_step, &mute, 0 };
	size_t one;
	int sv[2];

	(void)state;
	assert_return_code(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), errno);
	mute.fd = sv[0];
	mute.channel = channel_new("L1's agent", &m);
	assert_int_equal(channel_hello(mute.channel, NULL, 50), -OUT_BROKEN);
	one = bytes_waiting(sv[1]);
	assert_int_equal(channel_hello(mute.channel, NULL, 4000), -OUT_BROKEN);
	assert_in_range((bytes_waiting(sv[1]) - one) / one, 8, 24);
	close(sv[0]);
	close(sv[1]);
	channel_free(mute.channel);
	buf_free(&mute.out);
}

/* A transport that knows of a crash ends the waiting, with its own outcome. */
static void test_crash_is_passed_up(void **state)
{
	struct bench *b = *state;
	struct channel_status st;

	b->line.stop_after = 1;
	assert_int_equal(run(b, "true", NULL, NULL, &st), -OUT_CRASH);
	assert_non_null(strstr(fail_text(), "panicked"));
	assert_int_equal(hello(b), 0);
}

/*
 * What a call that failed had asked for may still come: it finds nobody, and no memory of that
 * call.
 */
static void test_late_answers(void **state)
{
	struct channel_status *st = xcalloc(1, sizeof(*st)), after;
	struct bench *b = *state;

	b->line.stop_after = 3;
	assert_int_equal(run(b, "echo a; sleep 0.1; echo b", NULL, NULL, st), -OUT_CRASH);
	free(st);
	assert_int_equal(run(b, "sleep 0.3", NULL, NULL, &after), 0);
	assert_int_equal(after.exit_code, 0);
}

static void test_new_hello_ends_the_old_session(void **state)
{
	char *argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)"sleep 1000 & sleep 1000", NULL };
	struct channel_exec e = { .argv = argv };
	struct bench *b = *state;
	struct channel_status st, run_st;
	uint32_t id;

	assert_int_equal(channel_start(b->c, &e, &st, &id), 0);
	assert_int_equal(run(b, "true", NULL, NULL, &run_st), 0);
	assert_true(st.pid > 0 && alive(st.pid) && alive(-st.pid));
	assert_int_equal(hello(b), 0);
	/* READY says that they are gone; the one in the background is reaped by init, some time. */
	assert_false(alive(st.pid));
	assert_false(st.done);
	assert_int_equal(run(b, "exit 3", NULL, NULL, &run_st), 0);
	assert_int_equal(run_st.exit_code, 3);
}

static void test_stale_frames_are_refused(void **state)
{
	uint8_t line[PROTO_LINE_MAX(16)], payload[16];
	union proto_msg m = { .get = { "/x" } };
	struct proto_frame f = { PROTO_VERSION, PROTO_GET, 0xdead, 1, 1, payload, 0 };
	struct bench *b = *state;
	struct channel_status st;

	f.len = (size_t)proto_pack(PROTO_GET, &m, payload);
	line_send(&b->line, line, proto_encode(&f, line, sizeof(line)));
	/* Half of one more, as a reconnect leaves it. */
	line_send(&b->line, line, proto_encode(&f, line, sizeof(line)) / 2);
	assert_int_equal(run(b, "exit 4", NULL, NULL, &st), 0);
	assert_int_equal(st.exit_code, 4);
}

static void test_lost_frames_are_noticed(void **state)
{
	struct bench *b = *state;
	static const union proto_msg nothing;
	struct channel_status st;
	struct buf keep;

	/* The client's next frame vanishes on the way. */
	assert_int_equal(channel_send(b->c, 1, PROTO_TIME, &nothing), 0);
	keep = b->line.out;
	b->line.out = (struct buf){ 0 };
	buf_free(&keep);
	assert_int_equal(run(b, "true", NULL, NULL, &st), -OUT_BROKEN);
	assert_non_null(strstr(fail_text(), "frames were lost on the way to the agent"));
	assert_int_equal(run(b, "true", NULL, NULL, &st), -OUT_BROKEN);
	assert_int_equal(hello(b), 0);
	assert_int_equal(run(b, "true", NULL, NULL, &st), 0);
}

/* A program that gives its output away slowly, and the session's end in the middle of it. */
static void test_hello_in_the_middle_of_output(void **state)
{
	char *argv[] = { (char *)"/bin/cat", (char *)"/dev/zero", NULL };
	struct channel_exec e = { .argv = argv };
	struct bench *b = *state;
	struct channel_status st, run_st;
	_cleanup_buf_ struct buf out = { 0 };
	uint32_t id;

	for (int i = 0; i < 5; i++) {
		assert_int_equal(channel_start(b->c, &e, &st, &id), 0);
		for (int k = 0; k < 3 + i; k++)
			assert_int_equal(line_step(&b->line, 100), 0);
		assert_int_equal(hello(b), 0);
		assert_int_equal(run(b, "echo clean", &out, NULL, &run_st), 0);
		assert_string_equal(buf_str(&out), "clean\n");
		buf_free(&out);
	}
}

/* ---- an agent that talks nonsense: the test itself, at the other end ---- */

struct nonsense {
	enum proto_type to;   /* the answer to this frame ... */
	enum proto_type type; /* ... is this one, */
	uint32_t seq;	      /* which should be 1, */
	const char *payload;  /* with this payload */
	size_t len;
	const char *told;
};

struct fake {
	struct line line;
	int fd;
	const struct nonsense *say;
	struct proto_decoder decoder;
};

static void answer_as(struct fake *f, const struct proto_frame *to, unsigned int type, uint32_t seq,
		      const void *payload, size_t len)
{
	static uint8_t line[PROTO_LINE_MAX(PROTO_PAYLOAD_MAX)];
	const struct proto_frame frame = { PROTO_VERSION, (uint8_t)type, to->session, seq,
					   to->id,	  payload,	 len };
	size_t n = proto_encode(&frame, line, sizeof(line));

	assert_int_equal(write(f->fd, line, n), n);
}

static void answer_hello(struct fake *f, const struct proto_frame *to)
{
	static const union proto_msg ready = {
		.ready = { PROTO_VERSION, 2, 1, "L2", "6.12", "boot" },
	};
	static uint8_t payload[PROTO_PAYLOAD_MAX];

	answer_as(f, to, PROTO_READY, 0, payload, (size_t)proto_pack(PROTO_READY, &ready, payload));
}

static int fake_send(void *ctx, const void *data, size_t len)
{
	struct fake *f = ctx;
	struct proto_frame to;
	bool got;

	assert_int_equal(proto_decode(&f->decoder, data, len, &to, &got), len);
	assert_true(got);
	if (to.type == f->say->to)
		answer_as(f, &to, f->say->type, f->say->seq, f->say->payload, f->say->len);
	else if (to.type == PROTO_HELLO)
		answer_hello(f, &to);
	return 0;
}

static int fake_step(void *ctx, unsigned int timeout_ms)
{
	return line_step(&((struct fake *)ctx)->line, timeout_ms);
}

static void expect_told(const struct nonsense *say)
{
	struct fake *f = xcalloc(1, sizeof(*f));
	const struct channel_transport t = { fake_send, fake_step, f, 0 };
	struct channel *c = channel_new("L2's agent", &t);
	char data[8] = { 0 };
	int sv[2], err;

	assert_return_code(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), errno);
	f->line = (struct line){ .fd = sv[0], .channel = c };
	f->fd = sv[1];
	f->say = say;
	err = channel_hello(c, NULL, SOON);
	if (!err && say->to == PROTO_WRITE)
		err = channel_write(c, "/x", data, sizeof(data), SOON);
	else if (!err)
		err = channel_put(c, "/x", 0644, data, sizeof(data), SOON);
	assert_int_equal(err, -OUT_BROKEN);
	if (!strstr(fail_text(), say->told))
		print_error("said: %s\n", fail_text());
	assert_non_null(strstr(fail_text(), say->told));
	channel_free(c);
	close(sv[0]);
	close(sv[1]);
	free(f);
}

static void test_nonsense_is_told(void **state)
{
	static const struct nonsense all[] = {
		{ PROTO_HELLO, PROTO_READY, 0, "\11\0\0\0", 4, "speaks version 9 of the protocol" },
		{ PROTO_PUT, PROTO_WINDOW_IS, 1, "\11\0\0\0\0\0\0\0", 8, "that was not sent" },
		{ PROTO_PUT, PROTO_DONE, 2, "\10\0\0\0\0\0\0\0", 8, "frames were lost on the way" },
		{ PROTO_PUT, PROTO_DONE, 1, "\10\0\0\0\0\0\0", 7, "that can't be read" },
		{ PROTO_PUT, (enum proto_type)200, 1, "", 0, "that can't be read" },
		{ PROTO_WRITE, PROTO_DONE, 1, "\7\0\0\0\0\0\0\0", 8, "7 of 8 bytes were taken" },
		{ PROTO_PUT, PROTO_ERROR, 1, "\34\0\0\0\4\0full", 11, "putting /x: full" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		expect_told(&all[i]);
}

/* ---- programs ---- */

static void test_run(void **state)
{
	_cleanup_buf_ struct buf out = { 0 }, err = { 0 };
	struct bench *b = *state;
	struct channel_status st;

	assert_int_equal(run(b, "echo to out; echo to err >&2; exit 42", &out, &err, &st), 0);
	assert_string_equal(buf_str(&out), "to out\n");
	assert_string_equal(buf_str(&err), "to err\n");
	assert_true(st.done);
	assert_int_equal(st.exit_code, 42);
	assert_int_equal(st.signal, 0);
	assert_int_equal(st.error, 0);
	assert_true(st.pid > 0);
	assert_true(st.start_ns && st.end_ns > st.start_ns && st.end_ns <= now_ns());
}

static void test_signal_death(void **state)
{
	struct bench *b = *state;
	struct channel_status st;

	assert_int_equal(run(b, "kill -SEGV $$", NULL, NULL, &st), 0);
	assert_int_equal(st.exit_code, -1);
	assert_int_equal(st.signal, SIGSEGV);
}

static void test_not_started(void **state)
{
	char *missing[] = { (char *)"/nowhere/x", NULL }, *folder[] = { (char *)"/tmp", NULL };
	char *sh[] = { (char *)"/bin/sh", (char *)"-c", (char *)"true", NULL };
	struct channel_exec e = { .argv = sh, .cwd = "/nowhere" };
	struct bench *b = *state;
	struct channel_status st;
	uint32_t id;

	assert_int_equal(channel_run(b->c, missing, NULL, NULL, &st, SOON), 0);
	assert_true(st.done);
	assert_int_equal(st.error, ENOENT);
	assert_int_equal(st.exit_code, -1);
	assert_int_equal(channel_run(b->c, folder, NULL, NULL, &st, SOON), 0);
	assert_int_equal(st.error, EACCES);
	assert_int_equal(channel_start(b->c, &e, &st, &id), 0);
	assert_int_equal(channel_wait(b->c, id, &st, SOON), 0);
	assert_int_equal(st.error, ENOENT);
}

struct record {
	struct buf text[3];
	uint64_t last_ns;
	unsigned int calls;
	bool in_order;
};

static void record(void *ctx, enum channel_stream s, uint64_t level_ns, const void *data,
		   size_t len)
{
	struct record *r = ctx;

	r->in_order = r->last_ns <= level_ns && (r->in_order || !r->calls);
	r->last_ns = level_ns;
	r->calls++;
	buf_add(&r->text[s], data, len);
}

/* All of it is on the line before the agent reads the first byte. */
static void test_begin_without_waiting(void **state)
{
	struct bench *b = *state;
	char *const argv[] = { (char *)"/bin/echo", (char *)"hi", NULL };
	struct record r = { 0 };
	struct channel_status st;
	struct channel_exec e = { .argv = argv, .on_output = record, .ctx = &r };
	uint32_t id;

	assert_int_equal(channel_begin(b->c, 0x5eed0000), 0);
	assert_int_equal(channel_start(b->c, &e, &st, &id), 0);
	assert_int_equal(channel_wait(b->c, id, &st, SOON), 0);
	assert_int_equal(st.exit_code, 0);
	assert_string_equal(buf_str(&r.text[CHANNEL_STDOUT]), "hi\n");
	buf_free(&r.text[CHANNEL_STDOUT]);
}

static void record_free(struct record *r)
{
	for (int i = 0; i < 3; i++)
		buf_free(&r->text[i]);
}

static void test_environment(void **state)
{
	char *argv[] = { (char *)"sh", (char *)"-c",
			 (char *)"pwd; echo $A-$B; umask; ls /proc/self/fd | tr '\\n' ' '; cat; "
				 "read -r pid comm st ppid pgrp sid rest </proc/$$/stat; "
				 "echo $((pid == pgrp)) $((pid == sid))",
			 NULL };
	char *env[] = { (char *)"A=one", (char *)"B=two words", NULL };
	struct bench *b = *state;
	struct record r = { 0 };
	struct channel_status st;
	struct channel_exec e = {
		.argv = argv, .env = env, .cwd = b->dir, .on_output = record, .ctx = &r
	};
	char want[256];
	uint32_t id;

	assert_int_equal(channel_start(b->c, &e, &st, &id), 0);
	assert_int_equal(channel_wait(b->c, id, &st, SOON), 0);
	/* 3 is ls's own */
	snprintf(want, sizeof(want), "%s\none-two words\n0022\n0 1 2 3 1 1\n", b->dir);
	assert_string_equal(buf_str(&r.text[1]), want);
	assert_true(r.in_order && r.last_ns <= st.end_ns + NSEC_PER_SEC);
	record_free(&r);
}

static void test_input(void **state)
{
	char *argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)"sleep 0.1; cat", NULL };
	struct record r = { 0 };
	struct channel_exec e = {
		.argv = argv, .want_input = true, .on_output = record, .ctx = &r
	};
	struct bench *b = *state;
	_cleanup_free_ char *big = xcalloc(1, 3000000);
	struct channel_status st;
	uint32_t id;

	for (int i = 0; i < 3000000; i++)
		big[i] = (char)(i * 7 + i / 1000);
	assert_int_equal(channel_start(b->c, &e, &st, &id), 0);
	/* Far more than the window, queued at once. */
	for (int i = 0; i < 3; i++)
		assert_int_equal(channel_input(b->c, id, big + i * 1000000, 1000000), 0);
	assert_int_equal(channel_input(b->c, id, NULL, 0), 0);
	assert_int_equal(channel_wait(b->c, id, &st, SOON), 0);
	assert_int_equal(st.exit_code, 0);
	assert_int_equal(r.text[1].len, 3000000);
	assert_memory_equal(r.text[1].data, big, 3000000);
	assert_int_equal(channel_input(b->c, id, "late", 4), 0);
	record_free(&r);
}

/* Input for a program that does not read: nobody waits for it. */
static void test_input_not_wanted(void **state)
{
	char *argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)"exec <&-; sleep 0.2; echo end",
			 NULL };
	struct record r = { 0 };
	struct channel_exec e = {
		.argv = argv, .want_input = true, .on_output = record, .ctx = &r
	};
	struct bench *b = *state;
	_cleanup_free_ char *big = xcalloc(1, 2000000);
	struct channel_status st;
	uint32_t id;

	assert_int_equal(channel_start(b->c, &e, &st, &id), 0);
	assert_int_equal(channel_input(b->c, id, big, 2000000), 0);
	assert_int_equal(channel_wait(b->c, id, &st, SOON), 0);
	assert_string_equal(buf_str(&r.text[1]), "end\n");
	record_free(&r);
}

static void test_kill(void **state)
{
	char *argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)"sleep 1000 & echo $!; wait",
			 NULL };
	struct record r = { 0 };
	struct channel_exec e = { .argv = argv, .on_output = record, .ctx = &r };
	struct bench *b = *state;
	struct channel_status st;
	uint32_t id;

	assert_int_equal(channel_start(b->c, &e, &st, &id), 0);
	while (!r.calls)
		assert_int_equal(line_step(&b->line, SOON), 0);
	assert_int_equal(channel_kill(b->c, id, SIGTERM), 0);
	assert_int_equal(channel_wait(b->c, id, &st, SOON), 0);
	assert_int_equal(st.signal, SIGTERM);
	assert_int_equal(channel_kill(b->c, id, SIGTERM), 0); /* too late: no error */
	record_free(&r);
}

/* What a program leaves in its process group ends with it, and does not hold up its end. */
static void test_leftovers_end(void **state)
{
	_cleanup_buf_ struct buf out = { 0 };
	struct bench *b = *state;
	struct channel_status st;
	pid_t left;
	char state_of[64], text[256];
	int tries = 0;

	assert_int_equal(run(b, "sleep 1000 & echo $!", &out, NULL, &st), 0);
	assert_int_equal(st.exit_code, 0);
	left = (pid_t)atoi(buf_str(&out));
	assert_true(left > 0);
	/* It was sent SIGKILL; until init has reaped it, it is a zombie. */
	snprintf(state_of, sizeof(state_of), "/proc/%d/stat", (int)left);
	do {
		struct buf s = { 0 };

		file_read(state_of, &s);
		snprintf(text, sizeof(text), "%s", buf_str(&s));
		buf_free(&s);
	} while (*text && !strstr(text, ") Z") && !strstr(text, ") X") && tries++ < 1000000);
	assert_true(tries < 1000000);
}

static void test_deadline(void **state)
{
	char *argv[] = { (char *)"/bin/sh", (char *)"-c",
			 (char *)"trap '' TERM INT; while :; do sleep 1; done", NULL };
	struct bench *b = *state;
	struct channel_status st;

	assert_int_equal(channel_run(b->c, argv, NULL, NULL, &st, 200), -OUT_BROKEN);
	assert_non_null(
		strstr(fail_text(), "running /bin/sh took longer than 0.2 s, it was killed"));
	assert_true(st.done);
	assert_int_equal(st.signal, SIGKILL);
	assert_false(alive(st.pid));
}

static void test_terminal(void **state)
{
	char *argv[] = { (char *)"/bin/sh", (char *)"-c",
			 (char *)"stty size; test -t 0 && test -t 2 && echo tty >/dev/tty; "
				 "read x; echo got $x; stty size; cat; echo bye",
			 NULL };
	struct record r = { 0 };
	struct channel_exec e = { .argv = argv,
				  .tty = true,
				  .rows = 30,
				  .cols = 100,
				  .want_input = true,
				  .on_output = record,
				  .ctx = &r };
	struct bench *b = *state;
	struct channel_status st;
	uint32_t id;

	assert_int_equal(channel_start(b->c, &e, &st, &id), 0);
	while (!r.text[1].data || !strstr(r.text[1].data, "tty"))
		assert_int_equal(line_step(&b->line, SOON), 0);
	assert_int_equal(channel_resize(b->c, id, 50, 132), 0);
	assert_int_equal(channel_input(b->c, id, "word\n", 5), 0);
	while (!strstr(r.text[1].data, "50 132"))
		assert_int_equal(line_step(&b->line, SOON), 0);
	assert_int_equal(channel_input(b->c, id, NULL, 0), 0);
	assert_int_equal(channel_wait(b->c, id, &st, SOON), 0);
	assert_string_equal(r.text[1].data,
			    "30 100\r\ntty\r\nword\r\ngot word\r\n50 132\r\nbye\r\n");
	assert_int_equal(r.text[2].len, 0);
	record_free(&r);
}

/* The last words on a terminal, which the kernel hands on a moment after the program's end. */
static void test_terminal_is_read_to_its_end(void **state)
{
	char *argv[] = { (char *)"/usr/bin/seq", (char *)"5000", NULL };
	struct bench *b = *state;

	for (int i = 0; i < 20; i++) {
		struct record r = { 0 };
		struct channel_exec e = {
			.argv = argv, .tty = true, .on_output = record, .ctx = &r
		};
		struct channel_status st;
		uint32_t id;

		assert_int_equal(channel_start(b->c, &e, &st, &id), 0);
		assert_int_equal(channel_wait(b->c, id, &st, SOON), 0);
		assert_true(str_ends(r.text[1].data, "\r\n5000\r\n"));
		record_free(&r);
	}
}

struct count {
	uint64_t bytes;
	uint32_t crc;
};

static void count(void *ctx, enum channel_stream s, uint64_t level_ns, const void *data, size_t len)
{
	struct count *k = ctx;

	(void)s;
	(void)level_ns;
	k->bytes += len;
	k->crc = proto_crc32(k->crc, data, len);
}

static void test_huge_output(void **state)
{
	char *argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)"yes nestlab | head -c 50000000",
			 NULL };
	struct count k = { 0 };
	struct channel_exec e = { .argv = argv, .on_output = count, .ctx = &k };
	struct bench *b = *state;
	struct channel_status st;
	uint32_t id, want = 0;
	uint64_t t;

	assert_int_equal(channel_start(b->c, &e, &st, &id), 0);
	/* Other calls go through while it pours. */
	assert_int_equal(channel_time(b->c, &t, SOON), 0);
	assert_int_equal(channel_wait(b->c, id, &st, 3 * SOON), 0);
	assert_int_equal(k.bytes, 50000000);
	for (int i = 0; i < 50000000 / 8; i++)
		want = proto_crc32(want, "nestlab\n", 8);
	assert_int_equal(k.crc, want);
}

static void test_wild_output_is_ended(void **state)
{
	char *argv[] = { (char *)"/bin/cat", (char *)"/dev/zero", NULL };
	struct bench *b = *state;
	struct channel_status st;

	assert_int_equal(channel_run(b->c, argv, NULL, NULL, &st, 3 * SOON), -OUT_BROKEN);
	assert_non_null(strstr(fail_text(), "/bin/cat wrote more than 64 MiB"));
	assert_int_equal(st.signal, SIGKILL);
}

/* The client does not read while a program pours; the agent keeps within its queue, and goes on. */
static void test_kill_behind_a_full_line(void **state)
{
	char *argv[] = { (char *)"/bin/cat", (char *)"/dev/zero", NULL };
	struct channel_exec e = { .argv = argv };
	struct bench *b = *state;
	struct channel_status st;
	uint32_t id;

	assert_int_equal(channel_start(b->c, &e, &st, &id), 0);
	while (!st.pid)
		assert_int_equal(line_step(&b->line, SOON), 0);
	usleep(300000);
	assert_int_equal(channel_kill(b->c, id, SIGKILL), 0);
	line_write(&b->line);
	for (int i = 0; i < SOON && alive(st.pid); i++)
		usleep(1000);
	assert_false(alive(st.pid));
	assert_int_equal(channel_wait(b->c, id, &st, SOON), 0);
	assert_int_equal(st.signal, SIGKILL);
}

static void test_many_programs(void **state)
{
	char *argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)"read x; exit $x", NULL };
	struct channel_exec e = { .argv = argv, .want_input = true };
	struct bench *b = *state;
	struct channel_status st[65];
	uint32_t id[65];

	for (int i = 0; i < 65; i++)
		assert_int_equal(channel_start(b->c, &e, &st[i], &id[i]), 0);
	assert_int_equal(channel_wait(b->c, id[64], &st[64], SOON), 0);
	assert_int_equal(st[64].error, EBUSY); /* a bound, told */
	for (int i = 63; i >= 0; i--) {
		char text[16];

		snprintf(text, sizeof(text), "%d\n", i);
		assert_int_equal(channel_input(b->c, id[i], text, strlen(text)), 0);
		assert_int_equal(channel_wait(b->c, id[i], &st[i], SOON), 0);
		assert_int_equal(st[i].exit_code, i);
	}
}

static void test_arguments_that_do_not_fit(void **state)
{
	_cleanup_free_ char *big = xcalloc(1, PROTO_PAYLOAD_MAX + 1);
	char *argv[] = { (char *)"/bin/echo", big, NULL };
	struct bench *b = *state;
	struct channel_status st;

	memset(big, 'x', PROTO_PAYLOAD_MAX);
	assert_int_equal(channel_run(b->c, argv, NULL, NULL, &st, SOON), -OUT_BROKEN);
	assert_non_null(strstr(fail_text(), "more than 32768 bytes"));
	big[20000] = '\0';
	assert_int_equal(channel_run(b->c, argv, NULL, NULL, &st, SOON), 0);
	assert_int_equal(st.exit_code, 0);
}

/* ---- files ---- */

static void test_put_and_get(void **state)
{
	static const size_t sizes[] = { 0, 1, 32767, 32768, 32769, 262144, 3000001 };
	struct bench *b = *state;
	_cleanup_free_ char *data = xcalloc(1, 3000001);
	char path[128];

	in_dir(b, path, sizeof(path), "new/folders/file");
	for (size_t i = 0; i < 3000001; i++)
		data[i] = (char)(i % 3 ? i * 31 + i / 777 : '~');
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		_cleanup_buf_ struct buf local = { 0 }, got = { 0 };
		struct stat st;

		assert_int_equal(channel_put(b->c, path, 0751, data, sizes[i], SOON), 0);
		assert_int_equal(file_read(path, &local), 0);
		assert_int_equal(local.len, sizes[i]);
		assert_memory_equal(buf_str(&local), data, sizes[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0751);
		assert_int_equal(channel_get(b->c, path, &got, SOON), 0);
		assert_int_equal(got.len, sizes[i]);
		assert_memory_equal(buf_str(&got), data, sizes[i]);
	}
}

static unsigned int files_in(const char *dir)
{
	_cleanup_strv_ struct strv names = { 0 };

	dir_list(dir, NULL, &names);
	return (unsigned int)names.n;
}

static void test_put_file(void **state)
{
	_cleanup_buf_ struct buf a = { 0 }, got = { 0 };
	struct bench *b = *state;
	char path[128];

	in_dir(b, path, sizeof(path), "agent");
	assert_int_equal(channel_put_file(b->c, agent_path(), path, 0755, SOON), 0);
	assert_int_equal(file_read(agent_path(), &a), 0);
	assert_int_equal(file_read(path, &got), 0);
	assert_int_equal(a.len, got.len);
	assert_memory_equal(a.data, got.data, a.len);
	assert_int_equal(files_in(b->dir), 1); /* no temporary file */
	assert_int_equal(channel_put_file(b->c, "/nowhere/x", path, 0644, SOON), -OUT_BROKEN);
	assert_non_null(strstr(fail_text(), "can't read /nowhere/x"));
}

static void test_file_errors(void **state)
{
	_cleanup_buf_ struct buf out = { 0 };
	struct bench *b = *state;
	char big[300000] = { 0 }, path[128];

	assert_int_equal(channel_put(b->c, "/proc/nestlab", 0644, big, sizeof(big), SOON),
			 -OUT_BROKEN);
	assert_non_null(strstr(fail_text(), "putting /proc/nestlab: "));
	in_dir(b, path, sizeof(path), "folder");
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(channel_put(b->c, path, 0644, "x", 1, SOON), -OUT_BROKEN);
	assert_non_null(strstr(fail_text(), "Is a directory"));
	assert_int_equal(files_in(b->dir), 1); /* no temporary file */
	assert_int_equal(channel_get(b->c, "/nowhere/x", &out, SOON), -OUT_BROKEN);
	assert_non_null(strstr(fail_text(), "reading /nowhere/x: No such file or directory"));
	assert_int_equal(channel_get(b->c, "/tmp", &out, SOON), -OUT_BROKEN);
	assert_non_null(strstr(fail_text(), "Is a directory"));
	assert_int_equal(out.len, 0);
	assert_int_equal(channel_write(b->c, "/nowhere/x", "x", 1, SOON), -OUT_BROKEN);
	assert_int_equal(channel_write(b->c, "/dev/full", "x", 1, SOON), -OUT_BROKEN);
	assert_non_null(strstr(fail_text(), "No space left on device"));
}

/* Ended in the middle of it: neither the file nor a part of it is there. */
static void test_half_a_put(void **state)
{
	struct bench *b = *state;
	_cleanup_free_ char *data = xcalloc(1, 3000000);
	char path[128];

	in_dir(b, path, sizeof(path), "file");
	b->line.stop_after = 4;
	assert_int_equal(channel_put(b->c, path, 0644, data, 3000000, SOON), -OUT_CRASH);
	for (int i = 0; i < SOON && !files_in(b->dir); i++)
		usleep(1000);
	assert_int_equal(files_in(b->dir), 1);
	assert_int_equal(hello(b), 0);
	assert_int_equal(files_in(b->dir), 0);
}

static void test_get_without_a_size(void **state)
{
	_cleanup_buf_ struct buf out = { 0 }, local = { 0 };
	struct bench *b = *state;

	assert_int_equal(channel_get(b->c, "/proc/version", &out, SOON), 0);
	assert_int_equal(file_read("/proc/version", &local), 0);
	assert_string_equal(buf_str(&out), buf_str(&local));
}

static void test_get_past_its_deadline(void **state)
{
	_cleanup_buf_ struct buf out = { 0 };
	struct bench *b = *state;
	char path[128];
	uint64_t t;
	int fd;

	in_dir(b, path, sizeof(path), "fifo");
	assert_int_equal(mkfifo(path, 0600), 0);
	fd = open(path, O_RDWR);
	assert_int_equal(channel_get(b->c, path, &out, 150), -OUT_BROKEN);
	assert_non_null(strstr(fail_text(), "took longer than 0.1 s"));
	assert_int_equal(channel_time(b->c, &t, SOON), 0);
	close(fd);
}

static void test_write_appends(void **state)
{
	_cleanup_buf_ struct buf got = { 0 };
	struct bench *b = *state;
	char path[128];

	in_dir(b, path, sizeof(path), "log");
	assert_int_equal(file_write(path, "one\n", 4, 0644), 0);
	assert_int_equal(channel_write(b->c, path, "two\n", 4, SOON), 0);
	assert_int_equal(channel_write(b->c, path, "", 0, SOON), 0);
	assert_int_equal(file_read(path, &got), 0);
	assert_string_equal(buf_str(&got), "one\ntwo\n");
}

static void on_ready(void *ctx, enum channel_stream s, uint64_t level_ns, const void *data,
		     size_t len)
{
	(void)s;
	(void)data;
	assert_true(level_ns <= now_ns());
	*(size_t *)ctx += len;
}

/* A file that grows while it is read, and ends when its last writer does. */
static void test_get_as_it_grows(void **state)
{
	char path[128], script[256], *argv[] = { (char *)"/bin/sh", (char *)"-c", script, NULL };
	size_t ready = 0;
	struct channel_exec e = { .argv = argv, .on_output = on_ready, .ctx = &ready };
	_cleanup_buf_ struct buf got = { 0 };
	struct bench *b = *state;
	struct channel_status st;
	uint32_t id;
	int reader;

	in_dir(b, path, sizeof(path), "fifo");
	assert_int_equal(mkfifo(path, 0600), 0);
	reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* until the agent is one */
	snprintf(script, sizeof(script), "exec >%s; echo ready >&2; for i in 1 2 3; do sleep 0.05; echo line; done", path);
	assert_int_equal(channel_start(b->c, &e, &st, &id), 0);
	while (!ready)
		assert_int_equal(line_step(&b->line, SOON), 0);
	assert_int_equal(channel_get(b->c, path, &got, SOON), 0);
	assert_string_equal(buf_str(&got), "line\nline\nline\n");
	assert_int_equal(channel_wait(b->c, id, &st, SOON), 0);
	close(reader);
}

struct samples {
	unsigned int a, b, other;
	uint64_t last_ns;
};

static void on_sample(void *ctx, const char *path, uint64_t level_ns, const char *text)
{
	struct samples *s = ctx;

	s->a += str_ends(path, "/x1") && !strcmp(text, "17\n");
	s->b += str_ends(path, "/x2") && !strcmp(text, "18\n");
	s->other += !str_ends(path, "/x1") && !str_ends(path, "/x2");
	assert_true(level_ns >= s->last_ns);
	s->last_ns = level_ns;
}

static void test_watch(void **state)
{
	struct bench *b = *state;
	struct samples s = { 0 };
	char path[128];
	unsigned int seen;
	uint64_t t;
	uint32_t id;

	in_dir(b, path, sizeof(path), "x1");
	assert_int_equal(file_write(path, "17\n", 3, 0644), 0);
	in_dir(b, path, sizeof(path), "y");
	assert_int_equal(file_write(path, "99\n", 3, 0644), 0);
	in_dir(b, path, sizeof(path), "x*");
	assert_int_equal(channel_watch(b->c, path, 10, on_sample, &s, &id), 0);
	while (s.a < 3)
		assert_int_equal(line_step(&b->line, SOON), 0);
	in_dir(b, path, sizeof(path), "x2"); /* appears while it is watched */
	assert_int_equal(file_write(path, "18\n", 3, 0644), 0);
	while (s.b < 3)
		assert_int_equal(line_step(&b->line, SOON), 0);
	assert_int_equal(channel_unwatch(b->c, id), 0);
	seen = s.a;
	assert_int_equal(channel_time(b->c, &t, SOON), 0);
	assert_int_equal(s.a, seen);
	assert_int_equal(channel_unwatch(b->c, id), 0);
}

/* ---- other lines ---- */

static int connect_when_there(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	uint64_t deadline = now_ns() + SOON * NSEC_PER_MSEC;

	strcpy(sa.sun_path, path);
	while (now_ns() < deadline) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (!connect(fd, (struct sockaddr *)&sa, sizeof(sa)))
			return fd;
		close(fd);
		usleep(1000);
	}
	return -1;
}

static void end_agent(struct bench *b)
{
	int status;

	kill(b->agent, SIGTERM);
	waitpid(b->agent, &status, 0);
	b->agent = 0;
	assert_int_equal(status, 0);
}

static void test_reconnect(void **state)
{
	struct bench *b = bench_new();
	char port[128];
	char *agent[] = { (char *)agent_path(), (char *)"--port", port, NULL };
	char *argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)"while :; do echo x; done",
			 NULL };
	struct channel_exec e = { .argv = argv };
	struct channel_status st, run_st;
	uint32_t id;

	snprintf(port, sizeof(port), "listen:%s/s", b->dir);
	b->agent = start_agent(agent);
	for (int i = 0; i < 3; i++) {
		join_line(b, connect_when_there(port + 7));
		buf_free(&b->line.out);
		assert_int_equal(hello(b), 0);
		assert_int_equal(channel_start(b->c, &e, &st, &id), 0);
		assert_int_equal(run(b, "echo; exit 5", NULL, NULL, &run_st), 0);
		assert_int_equal(run_st.exit_code, 5);
		assert_true(alive(st.pid));
		/* Hung up in the middle of what it wrote, and of what we wrote. */
		channel_input(b->c, id, "x", 1);
		line_write(&b->line);
		close(b->line.fd);
		channel_lost(b->c);
		assert_int_equal(run(b, "true", NULL, NULL, &run_st), -OUT_BROKEN);
		assert_non_null(strstr(fail_text(), "lost"));
	}
	join_line(b, connect_when_there(port + 7));
	buf_free(&b->line.out);
	assert_int_equal(hello(b), 0);
	assert_false(alive(st.pid));
	end_agent(b);
	*state = b;
	teardown(state);
}

/* An agent that was started again does not know the session, and says so. */
static void test_restarted_agent(void **state)
{
	struct bench *b = bench_new();
	char port[128];
	char *agent[] = { (char *)agent_path(), (char *)"--port", port, NULL };
	char *argv[] = { (char *)"/bin/sleep", (char *)"1000", NULL };
	struct channel_exec e = { .argv = argv };
	struct channel_status st;
	uint32_t id;
	uint64_t t;

	snprintf(port, sizeof(port), "listen:%s/s", b->dir);
	b->agent = start_agent(agent);
	join_line(b, connect_when_there(port + 7));
	assert_int_equal(hello(b), 0);
	end_agent(b);
	close(b->line.fd);
	b->agent = start_agent(agent);
	join_line(b, connect_when_there(port + 7));
	assert_int_equal(run(b, "true", NULL, NULL, &st), -OUT_BROKEN);
	assert_non_null(strstr(fail_text(), "started again"));
	assert_int_equal(hello(b), 0);
	assert_int_equal(run(b, "true", NULL, NULL, &st), 0);
	/* Told, and not only found out by the next request. */
	assert_int_equal(channel_start(b->c, &e, &st, &id), 0);
	assert_int_equal(channel_time(b->c, &t, SOON), 0);
	end_agent(b);
	close(b->line.fd);
	b->agent = start_agent(agent);
	join_line(b, connect_when_there(port + 7));
	assert_int_equal(channel_wait(b->c, id, &st, SOON), -OUT_BROKEN);
	assert_non_null(strstr(fail_text(), "running /bin/sleep: "));
	assert_non_null(strstr(fail_text(), "it died, or its level was reset"));
	end_agent(b);
	*state = b;
	teardown(state);
}

/* A serial line, on which the kernel writes too. */
static void test_terminal_line(void **state)
{
	struct bench *b = bench_new();
	char name[64], *agent[] = { (char *)agent_path(), (char *)"--port", name, NULL };
	_cleanup_buf_ struct buf out = { 0 };
	int master, slave;

	assert_int_equal(openpty(&master, &slave, name, NULL, NULL), 0);
	b->agent = start_agent(agent);
	join_line(b, master);
	assert_int_equal(hello(b), 0);
	for (int i = 0; i < 20; i++) {
		struct channel_status st;

		buf_puts(&b->line.out, "~~N\r\ngarbage from somewhere\r\n\3\4\32");
		assert_int_equal(write(slave, "[  12.3] kernel ~N message\r\n", 28), 28);
		assert_int_equal(
			run(b, "printf '\\1\\3\\4\\12\\15\\21\\23\\32\\177\\377'", &out, NULL, &st),
			0);
		assert_int_equal(out.len, 10);
		assert_memory_equal(out.data, "\1\3\4\12\15\21\23\32\177\377", 10);
		buf_free(&out);
	}
	end_agent(b);
	close(slave);
	*state = b;
	teardown(state);
}

static void expect_bytes(int fd, const char *want)
{
	char got[64] = { 0 };
	size_t n = 0;

	while (n < strlen(want)) {
		ssize_t k = read(fd, got + n, strlen(want) - n);

		assert_true(k > 0);
		n += (size_t)k;
	}
	assert_string_equal(got, want);
}

static void test_bridge(void **state)
{
	struct bench *b = bench_new();
	char port[128], bridge[320], daemon_path[128], host_path[128], c;
	char *agent[] = { (char *)agent_path(), (char *)"--port", port,
			  (char *)"--bridge",	bridge,		  NULL };
	int server, host, daemon_side;

	in_dir(b, daemon_path, sizeof(daemon_path), "daemon");
	in_dir(b, host_path, sizeof(host_path), "host");
	snprintf(port, sizeof(port), "listen:%s/s", b->dir);
	snprintf(bridge, sizeof(bridge), "listen:%s=%s", host_path, daemon_path);
	b->agent = start_agent(agent);

	/* The host is there before the daemon: its bytes wait. */
	host = connect_when_there(host_path);
	assert_int_equal(write(host, "early", 5), 5);
	usleep(150000);
	server = listen_at(daemon_path);
	daemon_side = accept(server, NULL, NULL);
	expect_bytes(daemon_side, "early");
	assert_int_equal(write(daemon_side, "answer", 6), 6);
	expect_bytes(host, "answer");

	/* What was written before the hang-up arrives, then the end. */
	assert_int_equal(write(host, "last", 4), 4);
	close(host);
	expect_bytes(daemon_side, "last");
	assert_int_equal(read(daemon_side, &c, 1), 0);
	close(daemon_side);

	/* The daemon hangs up: its last bytes come, and the next connection is a new one. */
	host = connect_when_there(host_path);
	daemon_side = accept(server, NULL, NULL);
	assert_int_equal(write(daemon_side, "over", 4), 4);
	close(daemon_side);
	expect_bytes(host, "over");
	assert_int_equal(write(host, "to nobody", 9), 9);
	close(host);
	host = connect_when_there(host_path);
	daemon_side = accept(server, NULL, NULL);
	assert_int_equal(write(host, "fresh", 5), 5);
	expect_bytes(daemon_side, "fresh");
	close(host);
	close(daemon_side);
	close(server);
	end_agent(b);
	*state = b;
	teardown(state);
}

static void *pour(size_t len)
{
	char *data = xcalloc(1, len);

	for (size_t i = 0; i < len; i++)
		data[i] = (char)(i * 13 + i / 4099);
	return data;
}

/* Both directions at once, more than all buffers hold. */
static void test_bridge_carries_much(void **state)
{
	const size_t total = 4000000;
	struct bench *b = bench_new();
	_cleanup_free_ char *data = pour(total), *got = xcalloc(2, total);
	char port[128], bridge[320], daemon_path[128], host_path[128];
	char *agent[] = { (char *)agent_path(), (char *)"--port", port,
			  (char *)"--bridge",	bridge,		  NULL };
	size_t sent[2] = { 0, 0 }, have[2] = { 0, 0 };
	int server, fd[2];

	in_dir(b, daemon_path, sizeof(daemon_path), "daemon");
	in_dir(b, host_path, sizeof(host_path), "host");
	snprintf(port, sizeof(port), "listen:%s/s", b->dir);
	snprintf(bridge, sizeof(bridge), "listen:%s=%s", host_path, daemon_path);
	server = listen_at(daemon_path);
	b->agent = start_agent(agent);
	fd[0] = connect_when_there(host_path);
	fd[1] = accept(server, NULL, NULL);
	while (have[0] < total || have[1] < total) {
		struct pollfd p[2];

		for (int i = 0; i < 2; i++)
			p[i] = (struct pollfd){ fd[i],
						(short)(POLLIN | (sent[i] < total ? POLLOUT : 0)),
						0 };
		assert_true(poll(p, 2, SOON) > 0);
		for (int i = 0; i < 2; i++) {
			ssize_t n;

			if (p[i].revents & POLLOUT) {
				n = send(fd[i], data + sent[i], total - sent[i], MSG_DONTWAIT);
				sent[i] += n > 0 ? (size_t)n : 0;
			}
			if (p[i].revents & POLLIN) {
				n = read(fd[i], got + (size_t)i * total + have[i], total - have[i]);
				assert_true(n > 0);
				have[i] += (size_t)n;
			}
		}
	}
	assert_memory_equal(got, data, total);
	assert_memory_equal(got + total, data, total);
	close(fd[0]);
	close(fd[1]);
	close(server);
	end_agent(b);
	*state = b;
	teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_AGENT(test_hello), WITH_AGENT(test_begin_without_waiting),
		WITH_AGENT(test_time),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_hellos_get_fewer),
		WITH_AGENT(test_crash_is_passed_up),
		WITH_AGENT(test_late_answers),
		WITH_AGENT(test_new_hello_ends_the_old_session),
		WITH_AGENT(test_stale_frames_are_refused),
		WITH_AGENT(test_lost_frames_are_noticed),
		WITH_AGENT(test_hello_in_the_middle_of_output),
		cmocka_unit_test(test_nonsense_is_told),
		WITH_AGENT(test_run),
		WITH_AGENT(test_signal_death),
		WITH_AGENT(test_not_started),
		WITH_AGENT(test_environment),
		WITH_AGENT(test_input),
		WITH_AGENT(test_input_not_wanted),
		WITH_AGENT(test_kill),
		WITH_AGENT(test_leftovers_end),
		WITH_AGENT(test_deadline),
		WITH_AGENT(test_terminal),
		WITH_AGENT(test_terminal_is_read_to_its_end),
		WITH_AGENT(test_huge_output),
		WITH_AGENT(test_wild_output_is_ended),
		WITH_AGENT(test_kill_behind_a_full_line),
		WITH_AGENT(test_many_programs),
		WITH_AGENT(test_arguments_that_do_not_fit),
		WITH_AGENT(test_put_and_get),
		WITH_AGENT(test_put_file),
		WITH_AGENT(test_file_errors),
		WITH_AGENT(test_half_a_put),
		WITH_AGENT(test_get_without_a_size),
		WITH_AGENT(test_get_past_its_deadline),
		WITH_AGENT(test_write_appends),
		WITH_AGENT(test_get_as_it_grows),
		WITH_AGENT(test_watch),
		cmocka_unit_test(test_reconnect),
		cmocka_unit_test(test_restarted_agent),
		cmocka_unit_test(test_terminal_line),
		cmocka_unit_test(test_bridge),
		cmocka_unit_test(test_bridge_carries_much),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("channel", tests, NULL, NULL);
}
