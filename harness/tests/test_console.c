// SPDX-License-Identifier: GPL-2.0-only
/* The console reader on recorded logs: what is a crash, what a finding, what neither. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "machine/console.h"

#include <cmocka.h>

#include "console_log.h"

#define DATA "harness/tests/data/console/"

static const struct {
	const char *file;
	const char *family;  /* NULL: no crash */
	size_t findings;
} logs[] = {
	{ "oops-null.txt", "BUG", 0 },
	{ "sysrq-panic.txt", "kernel panic", 0 },
	{ "warning.txt", NULL, 1 },
	{ "clean-boot.txt", NULL, 0 },
};

static void test_recorded_logs(void **state)
{
	static const size_t pieces[] = { 1, 7, 4096 };
	struct console c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(logs); i++)
		for (size_t p = 0; p < ARRAY_SIZE(pieces); p++) {
			_cleanup_free_ char *path = strf(DATA "%s", logs[i].file);

			feed_log(&c, path, pieces[p]);
			if (logs[i].family) {
				assert_non_null(c.crash);
				assert_string_equal(c.crash->name, logs[i].family);
			} else {
				assert_null(c.crash);
			}
			assert_int_equal(c.findings.n, logs[i].findings);
			console_free(&c);
		}
}

static void test_crash_text_is_whole(void **state)
{
	struct console c;

	(void)state;
	feed_log(&c, DATA "oops-null.txt", 16);
	assert_int_equal(c.crash_text.n, 7);
	assert_non_null(strstr(c.crash_line, "NULL pointer"));
	assert_non_null(strstr(c.crash_text.v[6], "Kernel panic"));
	console_free(&c);
}

static void test_await(void **state)
{
	static const char text[] = "x\nnestlab: provisioned\r\nmore";
	struct console c;

	(void)state;
	console_init(&c);
	console_await(&c, "nestlab: provision");
	console_feed(&c, text, 10);
	assert_false(c.await_seen);
	console_feed(&c, text + 10, sizeof(text) - 11);
	assert_true(c.await_seen);
	assert_string_equal(c.await_line, "nestlab: provisioned");
	console_free(&c);
}

/* No newline for ever, control bytes, NULs: bounded memory, no crash. */
static void test_hostile_bytes(void **state)
{
	char junk[5000];
	struct console c;

	(void)state;
	console_init(&c);
	for (size_t i = 0; i < sizeof(junk); i++)
		junk[i] = (char)(i * 37);
	for (int i = 0; i < 200; i++)
		console_feed(&c, junk, sizeof(junk));
	assert_true(c.line.len <= 4096 + sizeof(junk));
	for (int i = 0; i < 1000; i++)
		console_feed(&c, "[    1.0] BUG: again\n", 21);
	assert_true(c.crash_text.n <= 120);
	console_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recorded_logs),
		cmocka_unit_test(test_crash_text_is_whole),
		cmocka_unit_test(test_await),
		cmocka_unit_test(test_hostile_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
