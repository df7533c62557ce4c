// SPDX-License-Identifier: GPL-2.0-only
/* What a metal machine brings along: disks that are made without mounting, read by debugfs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cache.h"
#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "metal/cargo.h"

#include <cmocka.h>

static const struct cache_kind kernels = { .folder = "t-kernels", .what = "kernels", .keep_entries = 9 };

static int make_kernel(void *ctx, const char *path)
{
	_cleanup_free_ char *image = strf("%s/bzImage", path);

	return file_write(image, ctx, strlen(ctx), 0644);
}

static void put_kernel(const char *key, const char *image)
{
	assert_int_equal(cache_put(&kernels, key, make_kernel, (void *)image, NULL), 0);
}

/* A file's content, or what debugfs says in its place. */
static void read_in(const char *disk, const char *path, struct buf *out)
{
	_cleanup_free_ char *request = strf("cat %s", path);
	char *const argv[] = { (char *)"env", (char *)"PATH=/usr/bin:/bin:/usr/sbin:/sbin", (char *)"debugfs", (char *)"-R", request,
			       (char *)disk, NULL };
	struct proc p = { .what = "reading a disk", .argv = argv, .out = out, .quiet_stderr = true };

	assert_int_equal(proc_run(&p), 0);
}

static void assert_has(const char *disk, const char *path, const char *content)
{
	_cleanup_buf_ struct buf b = { 0 };

	read_in(disk, path, &b);
	assert_string_equal(buf_str(&b), content);
}

static void test_carried(void **state)
{
	struct cargo c = { 0 };
	struct cache_entry *e, *again;
	_cleanup_free_ char *disk = NULL;

	(void)state;
	put_kernel("a", "image of a");
	put_kernel("b", "image of b");
	strv_add(&c.names, "t-kernels/a");
	assert_int_equal(cargo_disk(&c, &e), 0);
	assert_true(cache_made(e));
	disk = strf("%s/" CARGO_DISK, cache_path(e));
	assert_has(disk, "/t-kernels/a/bzImage", "image of a");
	assert_has(disk, "/t-kernels/b/bzImage", ""); /* it was not named */
	assert_int_equal(cargo_disk(&c, &again), 0);
	assert_false(cache_made(again));
	cache_release(again);
	strv_add(&c.names, "t-kernels/b");
	assert_int_equal(cargo_disk(&c, &again), 0);
	assert_true(cache_made(again)); /* other things: another disk */
	cache_release(again);
	cache_release(e);
	cargo_free(&c);
}

static void test_what_is_gone(void **state)
{
	struct cargo c = { 0 };
	struct cache_entry *e;

	(void)state;
	strv_add(&c.names, "t-kernels/gone");
	assert_int_equal(cargo_disk(&c, &e), -OUT_BROKEN);
	assert_non_null(strstr(fail_text(), "gone"));
	cargo_free(&c);
}

static void test_checkout(void **state)
{
	_cleanup_free_ char *disk = path_in_cache("checkout.img"), *conf = path_in_root("config/packages");
	_cleanup_buf_ struct buf program = { 0 }, ours = { 0 };

	(void)state;
	assert_int_equal(cargo_checkout(disk), 0);
	assert_int_equal(file_read(conf, &ours), 0);
	assert_has(disk, "/config/packages", buf_str(&ours));
	read_in(disk, "/build/nestlab", &program);
	assert_true(program.len > 100000);
	unlink(disk);
}

static void test_settings(void **state)
{
	struct strv s = { 0 };

	(void)state;
	assert_int_equal(cargo_check("metal", &s), 0);
	strv_add(&s, "UNPATCHED=1 TESTS=cpuid-exits/answer");
	assert_int_equal(cargo_check("metal", &s), 0);
	strv_add(&s, "nonsense");
	assert_int_equal(cargo_check("metal", &s), -OUT_USAGE);
	assert_non_null(strstr(fail_text(), "'nonsense' is no setting"));
	strv_free(&s);
	strv_add(&s, "PATCHES=a.patch");
	assert_int_equal(cargo_check("metal", &s), -OUT_USAGE);
	strv_free(&s);
	strv_add(&s, "PATCH=no/such.patch");
	assert_int_equal(cargo_check("metal", &s), -OUT_USAGE);
	strv_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_carried),
		cmocka_unit_test(test_what_is_gone),
		cmocka_unit_test(test_checkout),
		cmocka_unit_test(test_settings),
	};
	char dir[] = "/tmp/nestlab-test-metal-XXXXXX";
	int ret;

	if (!mkdtemp(dir))
		return 1;
	setenv("NESTLAB_CACHE", dir, 1);
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	rm_rf(dir);
	return ret;
}
