// SPDX-License-Identifier: GPL-2.0-only
/* Observations on a program's output: what is one, what is text for people, what is a finding. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "evidence/observation.h"

#include <cmocka.h>

static const struct {
	const char *line;
	const char *key;
	int type;
	uint64_t u64;
	const char *str;
} good[] = {
	{ "@nestlab cpuid.exits u64 32149", "cpuid.exits", OBS_U64, 32149, "32149" },
	{ "@nestlab a u64 0x1f", "a", OBS_U64, 31, "0x1f" },
	{ "@nestlab a u64 18446744073709551615", "a", OBS_U64, UINT64_MAX, "18446744073709551615" },
	{ "@nestlab call.result i64 -38", "call.result", OBS_I64, (uint64_t)-38, "-38" },
	{ "@nestlab x-1_y str \"hello there\"", "x-1_y", OBS_STR, 0, "hello there" },
	{ "@nestlab x str \"\"", "x", OBS_STR, 0, "" },
	{ "@nestlab x str \"a \\\"b\\\" \\\\ \\n\\t\"", "x", OBS_STR, 0, "a \"b\" \\ \n\t" },
	{ "@nestlab x u64 1\r", "x", OBS_U64, 1, "1" },
};

static void reads_good_lines(void **state)
{
	char why[160];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct observation o;

		assert_int_equal(
			observation_parse(good[i].line, strlen(good[i].line), &o, why, sizeof(why)),
			1);
		assert_string_equal(o.key, good[i].key);
		assert_int_equal(o.type, good[i].type);
		assert_true(o.u64 == good[i].u64);
		assert_string_equal(o.str, good[i].str);
		observation_clear(&o);
	}
}

static const struct {
	const char *line, *why;
} bad[] = {
	{ "@nestlab", "no blank after" },
	{ "@nestlabx", "no blank after" },
	{ "@nestlab ", "no key" },
	{ "@nestlab  a u64 1", "no key" },
	{ "@nestlab KEY u64 1", "no key" },
	{ "@nestlab key", "no key" },
	{ "@nestlab key ", "has no value" },
	{ "@nestlab key u64", "has no value" },
	{ "@nestlab key u64 ", "not a whole number" },
	{ "@nestlab key u64 -1", "not a whole number" },
	{ "@nestlab key u64 12 ", "not a whole number" },
	{ "@nestlab key u64 18446744073709551616", "not a whole number" },
	{ "@nestlab key u64 forty", "not a whole number" },
	{ "@nestlab key i64 --1", "not a signed" },
	{ "@nestlab key float 1.0", "unknown type" },
	{ "@nestlab key  u64 1", "unknown type" },
	{ "@nestlab key str hello", "not printable text in double quotes" },
	{ "@nestlab key str \"hello", "not printable" },
	{ "@nestlab key str \"a\" b", "not printable" },
	{ "@nestlab key str \"a\\", "not printable" },
	{ "@nestlab key str \"\\q\"", "not printable" },
	{ "@nestlab key str \"\x1b[31m\"", "not printable" },
	{ "@nestlab a23456789012345678901234567890123456789012345678901234567890123456789 u64 1",
	  "longer than 64" },
};

static void refuses_bad_lines(void **state)
{
	char why[160];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct observation o;

		assert_int_equal(
			observation_parse(bad[i].line, strlen(bad[i].line), &o, why, sizeof(why)),
			-1);
		assert_non_null(strstr(why, bad[i].why));
		assert_null(o.key);
	}
}

static void feed(struct output *o, const char *text, size_t len, size_t piece)
{
	output_init(o);
	for (size_t i = 0; i < len; i += piece)
		output_feed(o, 1000 + i, text + i, len - i < piece ? len - i : piece);
	output_end(o);
}

static void reads_a_stream_in_pieces(void **state)
{
	static const char text[] = "hello\n@nestlab a u64 1\nexits=1\n@nestlab a u64 2\n"
				   "@nestlab b u64\n@nestlab a str \"3\"";
	static const size_t pieces[] = { 1, 5, 1000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		struct output o;

		feed(&o, text, sizeof(text) - 1, pieces[i]);
		assert_int_equal(o.obs.n, 3);
		assert_int_equal(obs_count(&o.obs, "a"), 3);
		assert_int_equal(obs_get(&o.obs, "a", 1)->u64, 2);
		assert_string_equal(obs_get(&o.obs, "a", 2)->str, "3");
		assert_null(obs_get(&o.obs, "a", 3));
		assert_null(obs_get(&o.obs, "b", 0));
		assert_true(o.obs.v[0].level_ns >= 1000);
		assert_int_equal(o.text.n, 2);
		assert_string_equal(o.text.v[1], "exits=1");
		assert_int_equal(o.obs.n_bad, 1);
		assert_int_equal(o.obs.bad[0].line, 5);
		output_free(&o);
	}
}

/* What the testcase fault/garbage prints, and more. */
static void survives_garbage(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };
	struct output o;
	uint32_t seed = 3;

	(void)state;
	buf_puts(&b, "@nestlab a u64 1\n");
	for (int i = 0; i < 100000; i++) {
		char c;

		seed = seed * 1664525 + 1013904223;
		c = (char)(seed >> 24);
		buf_add(&b, &c, 1);
	}
	buf_puts(&b, "\n@nestlab a str \"");
	for (int i = 0; i < 10000; i++)
		buf_puts(&b, "x");
	buf_puts(&b, "\"\n@nestlab a u64 2\n");
	feed(&o, b.data, b.len, 4096);
	assert_int_equal(obs_count(&o.obs, "a"), 2);
	assert_int_equal(o.obs.n_bad, 1);
	for (size_t i = 0; i < o.text.n; i++)
		for (const char *p = o.text.v[i]; *p; p++)
			assert_true(*p == '\t' || (*p >= ' ' && *p <= '~'));
	output_free(&o);
}

static void bounds_a_flood(void **state)
{
	struct output o;

	(void)state;
	output_init(&o);
	for (int i = 0; i < OBSERVATIONS_MAX + 100; i++)
		output_feed(&o, 1, "@nestlab a u64 1\n", 17);
	for (int i = 0; i < 20000; i++)
		output_feed(&o, 1, "text\n", 5);
	output_end(&o);
	assert_int_equal(o.obs.n, OBSERVATIONS_MAX);
	assert_int_equal(o.obs.n_bad, 100);
	assert_non_null(strstr(o.obs.bad[0].why, "too many"));
	assert_int_equal(o.text.n, 10000);
	output_free(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_good_lines),	    cmocka_unit_test(refuses_bad_lines),
		cmocka_unit_test(reads_a_stream_in_pieces), cmocka_unit_test(survives_garbage),
		cmocka_unit_test(bounds_a_flood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
