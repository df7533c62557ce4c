// SPDX-License-Identifier: GPL-2.0-only
/* A closed run of a program that does as Bochs: gives a record, by pieces, and goes on for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "machine/loop.h"
#include "proto.h"
#include "replay/closed.h"
#include "replay/log.h"

#include <cmocka.h>
#undef fail /* core/outcome.h's is meant */

#define FNV_PRIME 16777619u
#define SESSION 0x5eed0000

static char *dir;

static char *at(const char *name)
{
	return strf("%s/%s", dir, name);
}

/* ---- what L1's line gives, as config/bochs/0003 writes it ---- */

struct given {
	struct buf log;
	uint32_t sum, seq;
	uint64_t tick;
};

static void give_byte(struct given *g, uint8_t byte)
{
	struct log_entry e = { .what = ++g->tick << 16 | LOG_OUT << 8 | byte };
	const unsigned char *p = (const unsigned char *)&e;

	for (size_t i = 0; i < offsetof(struct log_entry, sum); i++)
		g->sum = (g->sum ^ p[i]) * FNV_PRIME;
	e.sum = g->sum;
	buf_add(&g->log, &e, sizeof(e));
}

static void give(struct given *g, uint32_t id, enum proto_type type, const union proto_msg *m)
{
	static uint8_t payload[PROTO_PAYLOAD_MAX];
	static uint8_t line[PROTO_LINE_MAX(PROTO_PAYLOAD_MAX)];
	struct proto_frame f = { .version = PROTO_VERSION, .type = (uint8_t)type, .id = id,
				 .session = SESSION, .seq = ++g->seq, .payload = payload };
	size_t n;

	f.len = (size_t)proto_pack(type, m, payload);
	n = proto_encode(&f, line, sizeof(line));
	for (size_t i = 0; i < n; i++)
		give_byte(g, line[i]);
}

/* Returns what all until the program's end sums up to. */
static uint32_t make_record(struct given *g, uint32_t id)
{
	const union proto_msg out = { .output = { .stream = PROTO_STDOUT, .bytes = (const uint8_t *)"hi", .len = 2 } };
	const union proto_msg end = { .exit = { .code = 7 } };
	uint32_t sum;

	*g = (struct given){ .sum = LOG_NOTHING_SUM };
	give(g, id, PROTO_OUTPUT, &out);
	give(g, id, PROTO_EXIT, &end);
	sum = g->sum;
	give_byte(g, '!'); /* what comes then depends on when we stop it */
	return sum;
}

/* ---- our side ---- */

static void on_output(void *ctx, enum channel_stream s, uint64_t level_ns, const void *data,
		      size_t len)
{
	(void)s;
	(void)level_ns;
	buf_add(ctx, data, len);
}

static void ask(struct closed *c, struct channel_status *st, struct buf *out, uint32_t *id)
{
	char *const argv[] = { (char *)"/bin/true", NULL };
	const struct channel_exec e = { .argv = argv, .on_output = on_output, .ctx = out };

	closed_init(c, 1);
	assert_int_equal(channel_start(c->level.channel, &e, st, id), 0);
}

/* What closed_step() says at last, of a program in Bochs's place. */
static int run(struct closed *c, const char *script, const struct channel_status *st,
	       unsigned int deadline_s)
{
	_cleanup_free_ char *program = at("bochs-bin"), *log = at("log"), *console = at("console"), *record = at("out.log");
	const struct closed_files files = { .log = log, .console_log = console, .record = record };
	const struct bochs_spec s = { .program = program, .folder = dir, .state = dir, .cpu = "x", .medium = "l1.iso",
				      .console = "l1-console", .port = 7548 };
	int ret;

	unlink(record);
	assert_int_equal(file_write(program, script, strlen(script), 0755), 0);
	ret = closed_start(c, &s, &files, st, deadline_s);
	while (!ret)
		ret = closed_step(c);
	return ret;
}

#define PIECES                                                                                     \
	"#!/bin/sh\nhead -c 25 given >\"$BOCHS_RECORD\"; sleep 0.2; "                              \
	"tail -c +26 given >>\"$BOCHS_RECORD\"; cp \"$BOCHS_REPLAY\" asked; exec sleep 100\n"

static void test_until_its_end(void **state)
{
	_cleanup_free_ char *given = at("given");
	_cleanup_buf_ struct buf out = { 0 };
	struct channel_status st;
	struct closed c;
	struct given g;
	uint32_t id, sum;

	(void)state;
	ask(&c, &st, &out, &id);
	sum = make_record(&g, id);
	assert_int_equal(file_write(given, g.log.data, g.log.len, 0600), 0);
	assert_int_equal(run(&c, PIECES, &st, 20), 1);
	assert_true(st.done);
	assert_int_equal(st.exit_code, 7);
	assert_string_equal(buf_str(&out), "hi");
	assert_int_equal(c.sum, sum);
	closed_free(&c);
	buf_free(&g.log);
}

/* Hello, and the program: the same bytes in each run, due at once. */
static void test_what_is_asked(void **state)
{
	_cleanup_buf_ struct buf out = { 0 };
	struct channel_status st;
	struct closed a, b;
	uint32_t id;
	struct log l;

	(void)state;
	ask(&a, &st, &out, &id);
	ask(&b, &st, &out, &id);
	assert_int_equal(a.asked.len, b.asked.len);
	assert_memory_equal(a.asked.data, b.asked.data, a.asked.len);
	log_take(&a.asked, &l);
	assert_int_equal(log_count(&l, LOG_IN), l.n);
	assert_int_equal(log_tick(log_at(&l, l.n - 1)), 0);
	log_free(&l);
	closed_free(&a);
	closed_free(&b);
}

/* A Bochs that is this script, with so many seconds: what comes of it. */
static void expect_end(const char *script, unsigned int deadline_s, int end)
{
	_cleanup_buf_ struct buf out = { 0 };
	struct channel_status st;
	struct closed c;
	uint32_t id;

	ask(&c, &st, &out, &id);
	assert_int_equal(run(&c, script, &st, deadline_s), end);
	assert_false(st.done);
	closed_free(&c);
}

static void test_deadline(void **state)
{
	(void)state;
	expect_end("#!/bin/sh\nexec sleep 100\n", 1, 1);
}

static void test_bochs_ends(void **state)
{
	(void)state;
	expect_end("#!/bin/sh\necho no state here; exit 1\n", 20, -OUT_BROKEN);
	assert_non_null(strstr(fail_text(), "no state here"));
}

static int setup(void **state)
{
	static char name[] = "/tmp/nestlab-closed-XXXXXX";

	(void)state;
	dir = mkdtemp(name);
	loop_init();
	return !dir || setenv("NESTLAB_RUN", dir, 1);
}

static int teardown(void **state)
{
	(void)state;
	return rm_rf(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_until_its_end),
		cmocka_unit_test(test_what_is_asked),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_bochs_ends),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
