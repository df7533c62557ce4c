// SPDX-License-Identifier: GPL-2.0-only
/*
 * The agent protocol's line and messages: what is damaged is dropped, and what follows it is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants these before it */
#include <cmocka.h>

#include "core/util.h"
#include "proto.h"

/* ---- one message of each type ---- */

static const union proto_msg samples[PROTO_TYPE_COUNT] = {
	[PROTO_HELLO] = { .hello = { PROTO_VERSION } },
	[PROTO_READY] = { .ready = { PROTO_VERSION, 4, 123456789012345ULL, "L2", "6.12.1 #1 SMP", "a-b-c" } },
	[PROTO_EXEC] = { .exec = { .flags = PROTO_EXEC_TTY,
				   .rows = 25,
				   .cols = 80,
				   .cwd = "/tmp",
				   .argc = 3,
				   .argv = { "/bin/echo", "", "~N~" },
				   .envc = 1,
				   .env = { "A=b" } } },
	[PROTO_STARTED] = { .started = { 4711, 99 } },
	[PROTO_OUTPUT] = { .output = { PROTO_STDERR, 77, (const uint8_t *)"out~put", 7 } },
	[PROTO_EXIT] = { .exit = { 0, 3, 0, 5, 6 } },
	[PROTO_INPUT] = { .input = { (const uint8_t *)"in", 2 } },
	[PROTO_WINDOW_IS] = { .window_is = { 1ULL << 40 } },
	[PROTO_RESIZE] = { .resize = { 50, 132 } },
	[PROTO_KILL] = { .kill = { 9 } },
	[PROTO_PUT] = { .put = { 0755, 3000000000ULL, "/run/x" } },
	[PROTO_WRITE] = { .write = { "/sys/x", (const uint8_t *)"1\n", 2 } },
	[PROTO_GET] = { .get = { "/proc/version" } },
	[PROTO_WATCH] = { .watch = { 250, "/sys/kernel/debug/kvm/*/exits" } },
	[PROTO_SAMPLE] = { .sample = { 8, "/x", (const uint8_t *)"42\n", 3 } },
	[PROTO_CLOCK] = { .clock = { 1, 2 } },
	[PROTO_DONE] = { .done = { 12 } },
	[PROTO_ERROR] = { .error = { 2, "No such file or directory" } },
	[PROTO_CONNECT] = { .connect = { "/run/libvirt/libvirt-sock" } },
};

/* A payload may end early and still be one: of these the end is not told by the payload. */
static bool ends_anywhere(unsigned int type)
{
	return type == PROTO_OUTPUT || type == PROTO_INPUT || type == PROTO_WRITE ||
	       type == PROTO_SAMPLE;
}

static struct proto_frame sample_frame(unsigned int type, uint8_t *payload)
{
	int len = proto_pack((enum proto_type)type, &samples[type], payload);

	assert_true(len >= 0);
	return (struct proto_frame){ .version = PROTO_VERSION,
				     .type = (uint8_t)type,
				     .session = 0x7e4e7e00,
				     .seq = 7,
				     .id = 0x7e,
				     .payload = payload,
				     .len = (size_t)len };
}

/* In memory of just this size, so that the sanitizer sees the first byte that is read too much. */
static bool unpack_exactly(unsigned int type, const uint8_t *payload, size_t len,
			   union proto_msg *m)
{
	uint8_t *copy = xcalloc(1, len + !len);
	struct proto_frame f = {
		.version = PROTO_VERSION, .type = (uint8_t)type, .payload = copy, .len = len
	};
	bool ok;

	memcpy(copy, payload, len);
	ok = proto_unpack(&f, m);
	free(copy);
	return ok;
}

static void test_every_message_survives(void **state)
{
	static uint8_t once[PROTO_PAYLOAD_MAX], again[PROTO_PAYLOAD_MAX];

	(void)state;
	for (unsigned int t = 1; t < PROTO_TYPE_COUNT; t++) {
		struct proto_frame f = sample_frame(t, once);
		union proto_msg m;

		assert_non_null(proto_type_name(t));
		assert_true(proto_unpack(&f, &m));
		assert_int_equal(proto_pack((enum proto_type)t, &m, again), f.len);
		assert_memory_equal(once, again, f.len);
	}
}

static void test_fields_arrive(void **state)
{
	static uint8_t payload[PROTO_PAYLOAD_MAX];
	struct proto_frame f = sample_frame(PROTO_EXEC, payload);
	union proto_msg m;

	(void)state;
	assert_true(proto_unpack(&f, &m));
	assert_int_equal(m.exec.rows, 25);
	assert_int_equal(m.exec.cols, 80);
	assert_string_equal(m.exec.cwd, "/tmp");
	assert_int_equal(m.exec.argc, 3);
	assert_string_equal(m.exec.argv[1], "");
	assert_string_equal(m.exec.argv[2], "~N~");
	assert_null(m.exec.argv[3]);
	assert_string_equal(m.exec.env[0], "A=b");
	assert_null(m.exec.env[1]);
}

static void test_short_and_long_payloads_are_refused(void **state)
{
	static uint8_t payload[PROTO_PAYLOAD_MAX];
	union proto_msg m;

	(void)state;
	for (unsigned int t = 1; t < PROTO_TYPE_COUNT; t++) {
		struct proto_frame f = sample_frame(t, payload);

		for (size_t n = 0; n < f.len && !ends_anywhere(t); n++)
			assert_false(unpack_exactly(t, payload, n, &m));
		payload[f.len] = 0;
		if (!ends_anywhere(t) && t != PROTO_HELLO)
			assert_false(unpack_exactly(t, payload, f.len + 1, &m));
	}
	assert_false(unpack_exactly(PROTO_OUTPUT, payload, 8, &m));
	assert_false(unpack_exactly(PROTO_TYPE_COUNT, payload, 0, &m));
	assert_false(unpack_exactly(0, payload, 0, &m));
}

static void test_bad_strings_are_refused(void **state)
{
	static const uint8_t inner_nul[] = { 3, 0, 'a', 0, 'c', 0 };
	static const uint8_t no_nul[] = { 3, 0, 'a', 'b', 'c', 'd' };
	static const uint8_t too_long[] = { 0xff, 0xff, 'a', 0 };
	static const uint8_t good[] = { 3, 0, 'a', 'b', 'c', 0 };
	union proto_msg m;

	(void)state;
	assert_false(unpack_exactly(PROTO_GET, inner_nul, sizeof(inner_nul), &m));
	assert_false(unpack_exactly(PROTO_GET, no_nul, sizeof(no_nul), &m));
	assert_false(unpack_exactly(PROTO_GET, too_long, sizeof(too_long), &m));
	assert_true(unpack_exactly(PROTO_GET, good, sizeof(good), &m));
}

static void test_too_much_is_not_packed(void **state)
{
	static uint8_t out[PROTO_PAYLOAD_MAX], big[PROTO_PAYLOAD_MAX + 1];
	static char text[PROTO_PAYLOAD_MAX];
	static union proto_msg m;

	(void)state;
	m.input.bytes = big;
	m.input.len = PROTO_PAYLOAD_MAX;
	assert_int_equal(proto_pack(PROTO_INPUT, &m, out), PROTO_PAYLOAD_MAX);
	m.input.len++;
	assert_int_equal(proto_pack(PROTO_INPUT, &m, out), -1);

	memset(text, 'x', sizeof(text) - 1);
	m.get.path = text;
	assert_int_equal(proto_pack(PROTO_GET, &m, out), -1);
	text[PROTO_PAYLOAD_MAX - 3] = '\0';
	assert_int_equal(proto_pack(PROTO_GET, &m, out), PROTO_PAYLOAD_MAX);

	m.exec = (struct proto_exec){ .argc = PROTO_ARGS_MAX + 1 };
	assert_int_equal(proto_pack(PROTO_EXEC, &m, out), -1);
	m.exec = (struct proto_exec){ .argc = 0 };
	assert_int_equal(proto_pack(PROTO_EXEC, &m, out), -1);
	assert_int_equal(proto_pack(PROTO_TYPE_COUNT, &m, out), -1);
}

static void test_another_version(void **state)
{
	static uint8_t payload[PROTO_PAYLOAD_MAX];
	struct proto_frame f = sample_frame(PROTO_READY, payload);
	union proto_msg m;

	(void)state;
	payload[0] = 9; /* READY's version; what follows may be anything */
	f.version = 9;
	f.len = 11;
	assert_true(proto_unpack(&f, &m));
	assert_int_equal(m.ready.version, 9);
	assert_string_equal(m.ready.level, "");
	f = sample_frame(PROTO_KILL, payload);
	f.version = 9;
	assert_false(proto_unpack(&f, &m));
}

/* ---- the line ---- */

static void test_crc_is_zlibs(void **state)
{
	(void)state;
	assert_int_equal(proto_crc32(0, "123456789", 9), 0xcbf43926);
	assert_int_equal(proto_crc32(proto_crc32(0, "12345", 5), "6789", 4), 0xcbf43926);
}

/* The documented bytes, written down by hand but for the CRC. */
static void test_bytes_on_the_line(void **state)
{
	static const uint8_t want[] = { 0x7e, 0x4e, 1, PROTO_KILL, 4, 0, 0x44, 0x33,
					0x22, 0x11, 2, 0,	   0, 0, 0x7e, 0,
					0,    0,    0, 9,	   0, 0, 0 };
	static const uint8_t crc_of[] = { 1, PROTO_KILL, 4,    0, 0x44, 0x33, 0x22, 0x11, 2, 0,
					  0, 0,		 0x7e, 0, 0,	0,    9,    0,	  0, 0 };
	uint32_t crc = proto_crc32(0, crc_of, sizeof(crc_of));
	uint8_t payload[4] = { 9 }, line[PROTO_LINE_MAX(4)];
	struct proto_frame f = { 1, PROTO_KILL, 0x11223344, 2, 0x7e, payload, 4 };
	size_t n = proto_encode(&f, line, sizeof(line));

	(void)state;
	assert_true(n >= sizeof(want) + 4);
	assert_memory_equal(line, want, sizeof(want));
	for (int i = 0; i < 4; i++)
		assert_int_not_equal((uint8_t)(crc >> (8 * i)), 0x7e);
	assert_int_equal(n, sizeof(want) + 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(line[sizeof(want) + i], (uint8_t)(crc >> (8 * i)));
}

static void test_encode_keeps_to_its_room(void **state)
{
	uint8_t payload[64], line[PROTO_LINE_MAX(64)];
	struct proto_frame f = { .type = PROTO_INPUT, .payload = payload, .len = sizeof(payload) };

	(void)state;
	memset(payload, 0x7e, sizeof(payload));
	assert_int_equal(proto_encode(&f, line, sizeof(line) - 1), 0);
	assert_in_range(proto_encode(&f, line, sizeof(line)), 2 * sizeof(payload), sizeof(line));
	f.len = PROTO_PAYLOAD_MAX + 1;
	assert_int_equal(proto_encode(&f, line, (size_t)-1), 0);
}

/* Feeds in pieces of this size; returns the frames that came, the last one's seq in *last. */
static unsigned int feed(struct proto_decoder *d, const uint8_t *data, size_t len, size_t piece,
			 uint32_t *last)
{
	unsigned int frames = 0;

	for (size_t at = 0; at < len; at += piece) {
		const uint8_t *p = data + at;
		size_t left = len - at < piece ? len - at : piece;

		while (left) {
			struct proto_frame f;
			bool got;
			size_t n = proto_decode(d, p, left, &f, &got);

			assert_in_range(n, 1, left);
			p += n;
			left -= n;
			frames += got;
			if (got)
				*last = f.seq;
		}
	}
	return frames;
}

static void add_frame(struct buf *b, unsigned int type, uint32_t seq)
{
	static uint8_t payload[PROTO_PAYLOAD_MAX], line[PROTO_LINE_MAX(PROTO_PAYLOAD_MAX)];
	struct proto_frame f = sample_frame(type, payload);

	f.seq = seq;
	buf_add(b, line, proto_encode(&f, line, sizeof(line)));
}

static unsigned int decode_new(const struct buf *b, size_t piece, uint32_t *last)
{
	struct proto_decoder *d = xcalloc(1, sizeof(*d));
	unsigned int n = feed(d, (const uint8_t *)b->data, b->len, piece, last);

	free(d);
	return n;
}

static void test_any_piece_size(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };
	uint32_t last = 0;

	(void)state;
	for (unsigned int t = 1; t < PROTO_TYPE_COUNT; t++)
		add_frame(&b, t, t);
	for (size_t piece = 1; piece < 64; piece++) {
		assert_int_equal(decode_new(&b, piece, &last), PROTO_TYPE_COUNT - 1);
		assert_int_equal(last, PROTO_TYPE_COUNT - 1);
	}
}

static void test_full_frame(void **state)
{
	static uint8_t payload[PROTO_PAYLOAD_MAX], line[PROTO_LINE_MAX(PROTO_PAYLOAD_MAX)];
	struct proto_frame f = { .version = 1,
				 .type = PROTO_INPUT,
				 .payload = payload,
				 .len = sizeof(payload) },
			   g;
	static struct proto_decoder d;
	bool got;
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(i % 251);
	n = proto_encode(&f, line, sizeof(line));
	assert_int_equal(proto_decode(&d, line, n, &g, &got), n);
	assert_true(got);
	assert_int_equal(g.len, sizeof(payload));
	assert_memory_equal(g.payload, payload, sizeof(payload));
}

/* Cut off anywhere, by a reconnect or a snapshot: what comes next is read, at once. */
static void test_half_a_frame_costs_nothing_else(void **state)
{
	_cleanup_buf_ struct buf whole = { 0 };

	(void)state;
	add_frame(&whole, PROTO_EXEC, 1);
	for (size_t cut = 0; cut < whole.len; cut++) {
		_cleanup_buf_ struct buf b = { 0 };
		uint32_t last = 0;

		buf_add(&b, whole.data, cut);
		add_frame(&b, PROTO_HELLO, 2);
		assert_int_equal(decode_new(&b, b.len, &last), 1);
		assert_int_equal(last, 2);
	}
	for (size_t cut = 1; cut <= whole.len; cut++) {
		_cleanup_buf_ struct buf b = { 0 };
		uint32_t last = 0;

		buf_add(&b, whole.data + cut, whole.len - cut);
		add_frame(&b, PROTO_HELLO, 2);
		assert_int_equal(decode_new(&b, b.len, &last), 1);
		assert_int_equal(last, 2);
	}
}

/*
 * Each byte of a frame changed into others: the frame is dropped, the next one is not. This covers
 * every wrong length, a mark in the middle, a spoilt mark.
 */
static void test_damage_costs_one_frame(void **state)
{
	static const uint8_t others[] = { 0x00, 0x7e, 0x4e, 0xff, 0x80, 0x01 };
	_cleanup_buf_ struct buf b = { 0 };
	size_t first;

	(void)state;
	add_frame(&b, PROTO_READY, 1);
	first = b.len;
	add_frame(&b, PROTO_OUTPUT, 2);
	for (size_t i = 0; i < first; i++) {
		for (size_t k = 0; k < ARRAY_SIZE(others); k++) {
			uint8_t was = (uint8_t)b.data[i];
			uint32_t last = 0;

			if (was == others[k])
				continue;
			b.data[i] = (char)others[k];
			assert_int_equal(decode_new(&b, 7, &last), 1);
			assert_int_equal(last, 2);
			b.data[i] = (char)was;
		}
	}
}

static void test_garbage_around_frames(void **state)
{
	static const char *const garbage[] = {
		"[    1.234567] Linux version 6.12\r\n",
		"~",
		"~~~~",
		"~N",
		"~N~N~N",
		"~N\1\2\3",
		"~N\1\6\377\377",
		"N",
		"~\r\n",
		"~N\1\6\4",
	};
	uint32_t seq = 0, last = 0;
	_cleanup_buf_ struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(garbage); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(garbage); k++) {
			buf_puts(&b, garbage[i]);
			buf_puts(&b, garbage[k]);
			add_frame(&b, 1 + seq % (PROTO_TYPE_COUNT - 1), seq + 1);
			seq++;
		}
	}
	assert_int_equal(decode_new(&b, b.len, &last), seq);
	assert_int_equal(last, seq);
	assert_int_equal(decode_new(&b, 1, &last), seq);
}

/* The longest length that a header can tell, and as many bytes: no frame, and no place for them. */
static void test_length_beyond_the_limit(void **state)
{
	_cleanup_free_ char *many = xcalloc(1, 70000);
	_cleanup_buf_ struct buf b = { 0 };
	uint32_t last = 0;

	(void)state;
	memset(many, 'x', 70000);
	buf_add(&b, "~N\1\7\377\377", 6);
	buf_add(&b, many, 70000);
	add_frame(&b, PROTO_HELLO, 2);
	assert_int_equal(decode_new(&b, b.len, &last), 1);
	assert_int_equal(last, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_message_survives),
		cmocka_unit_test(test_fields_arrive),
		cmocka_unit_test(test_short_and_long_payloads_are_refused),
		cmocka_unit_test(test_bad_strings_are_refused),
		cmocka_unit_test(test_too_much_is_not_packed),
		cmocka_unit_test(test_another_version),
		cmocka_unit_test(test_crc_is_zlibs),
		cmocka_unit_test(test_bytes_on_the_line),
		cmocka_unit_test(test_encode_keeps_to_its_room),
		cmocka_unit_test(test_any_piece_size),
		cmocka_unit_test(test_full_frame),
		cmocka_unit_test(test_half_a_frame_costs_nothing_else),
		cmocka_unit_test(test_damage_costs_one_frame),
		cmocka_unit_test(test_garbage_around_frames),
		cmocka_unit_test(test_length_beyond_the_limit),
	};

	return cmocka_run_group_tests_name("proto", tests, NULL, NULL);
}
