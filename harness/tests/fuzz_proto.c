// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzing of all that reads bytes from the line: decoder, unpacking, the harness's channel, the
 * agent's session (fuzz_agent.c). An input's first byte says which; the rest is what comes over
 * the line.
 *
 * In the unit tests: test_fuzz.c feeds the corpus and random changes of it. For longer:
 *	clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -Iharness \
 *		-Iguest-image/agent harness/tests/fuzz_*.c harness/machine/channel*.c \
 *		harness/core/util.c harness/core/outcome.c \
 *		guest-image/agent/proto.c -o build/fuzz
 *	build/fuzz -max_len=4096 build/fuzz-corpus harness/tests/data/proto-corpus
 */
#include "tests/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "machine/channel.h"
#include "proto.h"

/* ---- reading the input ---- */

static uint8_t take_byte(struct fuzz_input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->data++;
}

static const uint8_t *take_bytes(struct fuzz_input *in, size_t *len)
{
	const uint8_t *p = in->data;

	if (*len > in->left)
		*len = in->left;
	in->data += *len;
	in->left -= *len;
	return p;
}

static size_t take_length(struct fuzz_input *in)
{
	size_t n = take_byte(in);

	return n < 200 ? n : (n - 200) * 700;
}

bool fuzz_frame(struct fuzz_input *in, struct proto_frame *f)
{
	uint8_t shape = take_byte(in);

	f->version = PROTO_VERSION;
	f->type = shape % (PROTO_TYPE_COUNT + 2);
	f->id = take_byte(in) % 12;
	f->len = take_length(in);
	if (f->len > PROTO_PAYLOAD_MAX)
		f->len = PROTO_PAYLOAD_MAX;
	f->payload = take_bytes(in, &f->len);
	return shape < 200; /* the rest is used to spoil what should fit */
}

/* ---- decoder ---- */

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void same_again(const struct proto_frame *f)
{
	static uint8_t line[PROTO_LINE_MAX(PROTO_PAYLOAD_MAX)];
	static struct proto_decoder d;
	size_t n = proto_encode(f, line, sizeof(line));
	struct proto_frame g;
	bool got;

	must(n && proto_decode(&d, line, n, &g, &got) == n && got);
	must(g.type == f->type && g.session == f->session && g.seq == f->seq && g.id == f->id);
	must(g.len == f->len && !memcmp(g.payload, f->payload, f->len));
}

static void fuzz_decoder(struct fuzz_input *in)
{
	struct proto_decoder *d = calloc(1, sizeof(*d));
	size_t piece = 1 + take_byte(in);

	while (in->left) {
		size_t n = piece < in->left ? piece : in->left;
		struct proto_frame f;
		bool got;
		size_t used = proto_decode(d, in->data, n, &f, &got);

		must(used && used <= n);
		take_bytes(in, &used);
		if (got)
			same_again(&f);
	}
	free(d);
}

/* ---- messages ---- */

static void fuzz_message(struct fuzz_input *in)
{
	static uint8_t again[PROTO_PAYLOAD_MAX];
	static union proto_msg m;
	struct proto_frame f = { .version = PROTO_VERSION, .type = take_byte(in) };
	uint8_t *copy;
	int n;

	f.len = in->left < PROTO_PAYLOAD_MAX ? in->left : PROTO_PAYLOAD_MAX;
	/* In memory of its own, so that the sanitizer sees a read past its end. */
	copy = malloc(f.len ? f.len : 1);
	memcpy(copy, in->data, f.len);
	f.payload = copy;
	if (proto_unpack(&f, &m)) {
		n = proto_pack((enum proto_type)f.type, &m, again);
		must(n >= 0 && (size_t)n <= PROTO_PAYLOAD_MAX);
		if (f.type != PROTO_HELLO && f.type != PROTO_READY)
			must((size_t)n == f.len && !memcmp(again, copy, f.len));
	}
	free(copy);
}

/* ---- channel ---- */

/* An agent that says what the input says. */
struct fake_agent {
	struct fuzz_input *in;
	struct channel *c;
	struct proto_decoder heard; /* what the channel sent: from there comes the session */
	uint32_t session, seq;
};

static int hear(void *ctx, const void *data, size_t len)
{
	struct fake_agent *a = ctx;
	const uint8_t *p = data;

	while (len) {
		struct proto_frame f;
		bool got;
		size_t n = proto_decode(&a->heard, p, len, &f, &got);

		p += n;
		len -= n;
		if (got && f.type == PROTO_HELLO && f.session != a->session) {
			a->session = f.session;
			a->seq = 0;
		}
	}
	return 0;
}

static void speak(struct fake_agent *a, struct proto_frame *f)
{
	static uint8_t line[PROTO_LINE_MAX(PROTO_PAYLOAD_MAX)];

	f->session = a->session;
	channel_feed(a->c, line, proto_encode(f, line, sizeof(line)));
}

static void answer_hello(struct fake_agent *a)
{
	static const union proto_msg ready = {
		.ready = { .version = PROTO_VERSION, .level = "L2", .kernel = "k", .boot_id = "b" }
	};
	static uint8_t payload[PROTO_PAYLOAD_MAX];
	struct proto_frame f = { .version = PROTO_VERSION,
				 .type = PROTO_READY,
				 .payload = payload };

	f.len = (size_t)proto_pack(PROTO_READY, &ready, payload);
	speak(a, &f);
}

static int fake_step(void *ctx, unsigned int timeout_ms)
{
	struct fake_agent *a = ctx;
	struct proto_frame f = { 0 };

	(void)timeout_ms;
	if (!a->in->left)
		return fail(OUT_BROKEN, "the input is at its end");
	if (fuzz_frame(a->in, &f)) {
		f.seq = f.type == PROTO_READY ? 0 : ++a->seq;
		speak(a, &f);
	} else {
		channel_feed(a->c, f.payload, f.len);
	}
	return 0;
}

static struct channel *channel_of_callback;

static void on_output(void *ctx, enum channel_stream s, uint64_t level_ns, const void *data,
		      size_t len)
{
	(void)s;
	(void)level_ns;
	(void)data;
	/* What a callback may do to the operation that called it. */
	if (len % 5 == 1)
		channel_forget(channel_of_callback, *(uint32_t *)ctx);
	else if (len % 5 == 2)
		channel_input(channel_of_callback, *(uint32_t *)ctx, "more", 4);
}

static void on_data(void *ctx, uint64_t level_ns, const void *data, size_t len)
{
	(void)level_ns;
	(void)data;
	if (len % 5 == 1)
		channel_unwatch(channel_of_callback, *(uint32_t *)ctx);
}

static void on_sample(void *ctx, const char *path, uint64_t level_ns, const char *text)
{
	(void)level_ns;
	if (strlen(path) + strlen(text) == 7)
		channel_unwatch(channel_of_callback, *(uint32_t *)ctx);
}

/* Operations that nobody waits for, with ids 1 to 3; then some that are waited for. */
static void use_channel(struct fake_agent *a, struct channel *c)
{
	static struct channel_status st[2];
	static uint32_t id[3];
	char *argv[] = { (char *)"/bin/true", NULL };
	struct channel_exec e = {
		.argv = argv, .want_input = true, .on_output = on_output, .ctx = &id[0]
	};
	_cleanup_buf_ struct buf got = { 0 };
	static const char data[600000];
	uint64_t t;

	channel_start(c, &e, &st[0], &id[0]);
	channel_watch(c, "/x", 10, on_sample, &id[1], &id[1]);
	channel_connect(c, "/y", on_data, &id[2], &st[1], &id[2]);
	channel_input(c, id[0], data, 300000);
	while (a->in->left) {
		switch (take_byte(a->in) % 6) {
		case 0:
			channel_put(c, "/p", 0644, data, 600000, 1000);
			break;
		case 1:
			channel_get(c, "/g", &got, 1000);
			break;
		case 2:
			channel_run(c, argv, &got, NULL, &(struct channel_status){ 0 }, 1000);
			break;
		case 3:
			channel_time(c, &t, 1000);
			break;
		case 4:
			channel_write(c, "/w", "x", 1, 1000);
			break;
		case 5:
			channel_wait(c, id[0], &st[0], 1000);
			break;
		}
	}
}

static void fuzz_channel(struct fuzz_input *in)
{
	struct fake_agent *a = xcalloc(1, sizeof(*a));
	const struct channel_transport t = { hear, fake_step, a, 0 };
	struct channel *c = channel_new("the agent", &t);
	struct fuzz_input none = { 0 };

	channel_of_callback = c;
	a->c = c;
	a->in = &none;
	channel_hello(c, NULL, 1000); /* learns the session; nobody answers */
	a->in = in;
	answer_hello(a);
	use_channel(a, c);
	channel_free(c);
	free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const parts[])(struct fuzz_input * in) = {
		fuzz_decoder,
		fuzz_message,
		fuzz_channel,
		fuzz_agent,
	};
	struct fuzz_input in = { data, size };

	if (size)
		parts[take_byte(&in) % (sizeof(parts) / sizeof(parts[0]))](&in);
	return 0;
}
