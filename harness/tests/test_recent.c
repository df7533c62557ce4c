// SPDX-License-Identifier: GPL-2.0-only
/* Of a cache's folder the entries that were used last stay. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/recent.h"
#include "core/util.h"

#include <cmocka.h>

static char *entry(const char *dir, const char *name, time_t used)
{
	const struct timespec t[2] = { { .tv_sec = used }, { .tv_sec = used } };
	char *path = strf("%s/%s", dir, name);
	_cleanup_free_ char *inside = strf("%s/file", path);

	assert_int_equal(mkdir_p(path), 0);
	assert_int_equal(file_write(inside, "x", 1, 0644), 0);
	assert_int_equal(utimensat(AT_FDCWD, path, t, 0), 0);
	return path;
}

static void test_keep(void **state)
{
	char dir[] = "/tmp/nestlab-recent-XXXXXX";
	_cleanup_free_ char *a = NULL, *b = NULL, *c = NULL, *d = NULL;

	(void)state;
	assert_non_null(mkdtemp(dir));
	a = entry(dir, "a", 100);
	b = entry(dir, "b", 300);
	c = entry(dir, "c", 200);
	d = entry(dir, "d", 400);
	recent_keep(dir, 4);
	assert_true(path_exists(a));
	recent_use(a);
	recent_keep(dir, 2);
	assert_true(path_exists(a) && path_exists(d));
	assert_false(path_exists(b) || path_exists(c));
	recent_keep(dir, 0);
	assert_false(path_exists(a) || path_exists(d));
	recent_keep("/no/such/folder", 1);
	rm_rf(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
