// SPDX-License-Identifier: GPL-2.0-only
/* Configuration files: what is taken, and that each fault is told with file and line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/conf.h"
#include "core/outcome.h"
#include "core/util.h"

#include <cmocka.h>

struct sample {
	char *name;
	uint32_t count;
	uint64_t big;
	bool flag;
	struct strv list, lines, pairs;
};

static const struct conf_key keys[] = {
	{ "a", "name", CONF_STR, offsetof(struct sample, name), 0, 0 },
	{ "a", "count", CONF_U32, offsetof(struct sample, count), 1, 8 },
	{ "a", "big", CONF_U64, offsetof(struct sample, big), 0, 0 },
	{ "a", "flag", CONF_BOOL, offsetof(struct sample, flag), 0, 0 },
	{ "a", "list", CONF_LIST, offsetof(struct sample, list), 0, 0 },
	{ "a", "lines", CONF_LINES, offsetof(struct sample, lines), 0, 0 },
	{ "p", "*", CONF_LINES, offsetof(struct sample, pairs), 0, 0 },
};

static int load(const char *text, struct sample *s)
{
	char path[] = "/tmp/nestlab-conf-XXXXXX";
	int fd = mkstemp(path), ret;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	ret = conf_load(path, keys, ARRAY_SIZE(keys), s);
	unlink(path);
	return ret;
}

static void test_all_types(void **state)
{
	struct sample s = { 0 };

	(void)state;
	assert_int_equal(load("# a comment\n[a]\nname = two words\ncount = 8\nbig = 0x100000000\n"
			      "flag = yes\nlist = x y\nlist = z\nlines = one  line\n[p]\nk = v w\n",
			      &s), 0);
	assert_string_equal(s.name, "two words");
	assert_int_equal(s.count, 8);
	assert_true(s.big == 0x100000000ULL);
	assert_true(s.flag);
	assert_int_equal(s.list.n, 3);
	assert_string_equal(s.list.v[2], "z");
	assert_int_equal(s.lines.n, 1);
	assert_string_equal(s.pairs.v[0], "k=v w");
	conf_free(keys, ARRAY_SIZE(keys), &s);
	assert_null(s.name);
}

static const struct {
	const char *text;
	const char *line;
	const char *says;
} faults[] = {
	{ "[a]\nnmae = x\n", ":2:", "unknown key 'nmae' in [a]" },
	{ "[b]\nname = x\n", ":2:", "unknown key 'name' in [b]" },
	{ "[a]\nname = x\nname = y\n", ":3:", "given twice" },
	{ "[a]\ncount = 9\n", ":2:", "from 1 to 8" },
	{ "[a]\ncount = two\n", ":2:", "count = two" },
	{ "[a]\ncount = -1\n", ":2:", "count = -1" },
	{ "[a]\nbig = 18446744073709551616\n", ":2:", "whole number" },
	{ "[a]\nflag = maybe\n", ":2:", "yes or no" },
	{ "[a]\nname = x\nno equals sign\n", ":3:", "name = value" },
	{ "[a]\nname = x\nbad = 1\ncount = 99\n", ":3:", "unknown key 'bad'" },
};

static void test_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		struct sample s = { 0 };

		assert_int_equal(load(faults[i].text, &s), -OUT_USAGE);
		assert_non_null(strstr(fail_text(), faults[i].line));
		assert_non_null(strstr(fail_text(), faults[i].says));
		conf_free(keys, ARRAY_SIZE(keys), &s);
	}
}

static void test_missing_file(void **state)
{
	struct sample s = { 0 };

	(void)state;
	assert_int_equal(conf_load("/nonexistent/x.conf", keys, ARRAY_SIZE(keys), &s), -OUT_USAGE);
	assert_non_null(strstr(fail_text(), "/nonexistent/x.conf"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_types),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_missing_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
