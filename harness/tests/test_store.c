// SPDX-License-Identifier: GPL-2.0-only
/* Built kernels that are not any more what was built: after a power cut, on a bad disk. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/hash.h"
#include "core/outcome.h"
#include "core/util.h"
#include "kernel/store.h"

#include <cmocka.h>

#define KEY "0123456789abcdef"
#define BYTES (2 << 20)

static char top[] = "/tmp/nestlab-store-XXXXXX";
static char *dir, *image, *module, *info;

static int make_top(void **state)
{
	(void)state;
	if (!mkdtemp(top) || setenv("NESTLAB_CACHE", top, 1))
		return -1;
	dir = strf("%s/kernels/" KEY, top);
	image = strf("%s/bzImage", dir);
	module = strf("%s/modules/kvm.ko", dir);
	info = strf("%s/info", dir);
	return 0;
}

static int remove_top(void **state)
{
	(void)state;
	free(dir);
	free(image);
	free(module);
	free(info);
	return rm_rf(top);
}

static void put(const char *path)
{
	_cleanup_free_ char *bytes = xcalloc(1, BYTES);

	memset(bytes, 'k', BYTES);
	assert_int_equal(file_write(path, bytes, BYTES, 0644), 0);
}

/* As they were built before the sums of modules were noted. */
static int make_kernel(void **state)
{
	_cleanup_free_ char *modules = strf("%s/modules", dir), *text = NULL;
	char hex[HASH_HEX_LEN + 1];

	(void)state;
	assert_int_equal(mkdir_p(modules), 0);
	put(image);
	put(module);
	assert_int_equal(hash_file(image, hex), 0);
	text = strf("[kernel]\nbzimage_sha256 = %s\nrelease = 6.12\n", hex);
	return file_write(info, text, strlen(text), 0644);
}

static bool finds(void)
{
	char *name = (char *)"arch/x86/kvm/kvm.ko";
	const struct strv modules = { &name, 1 };
	struct kernel_build b = { .key = "" };
	bool found = store_find(KEY, &modules, &b);

	kernel_build_free(&b);
	return found;
}

/* Zeros for a page; its size and time are as before, as after a power cut. */
static void lose_page(const char *path)
{
	static const char zeros[4096];
	_cleanup_close_ int fd = open(path, O_RDWR);
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(pwrite(fd, zeros, sizeof(zeros), BYTES / 2), sizeof(zeros));
	assert_int_equal(futimens(fd, (const struct timespec[]){ st.st_atim, st.st_mtim }), 0);
}

static void test_whole_is_found(void **state)
{
	_cleanup_buf_ struct buf first = { 0 }, second = { 0 };

	(void)state;
	assert_true(finds());
	assert_int_equal(file_read(info, &first), 0);
	assert_non_null(strstr(buf_str(&first), "module = kvm.ko "));
	assert_true(finds());
	assert_int_equal(file_read(info, &second), 0);
	assert_string_equal(buf_str(&first), buf_str(&second));
}

static void test_module_that_is_damaged(void **state)
{
	(void)state;
	assert_true(finds());
	lose_page(module);
	assert_false(finds());
	assert_false(path_exists(dir));
}

static void test_image_that_is_damaged(void **state)
{
	(void)state;
	assert_true(finds());
	lose_page(image);
	assert_false(finds());
	assert_false(path_exists(dir));
}

/* Damaged behind the look at it, before L1 had read it: its crash was the change's. */
static void test_damage_between_looks(void **state)
{
	char *name = (char *)"arch/x86/kvm/kvm.ko";
	const struct strv modules = { &name, 1 };
	struct kernel_build b = { .key = "" };

	(void)state;
	assert_int_equal(store_check(&b), 0);
	assert_true(store_find(KEY, &modules, &b));
	assert_int_equal(store_check(&b), 0);
	lose_page(module);
	assert_int_equal(store_check(&b), -OUT_BROKEN);
	assert_non_null(strstr(fail_text(), dir));
	kernel_build_free(&b);
}

/* ---- pages ---- */

static char *pages_of(const char *path)
{
	char hex[HASH_HEX_LEN + 1];

	assert_int_equal(hash_pages(path, hex), 0);
	return xstrdup(hex);
}

static void write_at(int fd, off_t at)
{
	static char page[4096];

	memset(page, 'p', sizeof(page));
	assert_int_equal(pwrite(fd, page, sizeof(page), at), sizeof(page));
}

/* Holes count for nothing, places do; and so does the size. */
static void test_pages_of_a_sparse_file(void **state)
{
	_cleanup_free_ char *path = strf("%s/sparse", top), *copy = strf("%s/copy", top);
	_cleanup_free_ char *sparse = NULL, *full = NULL, *moved = NULL, *longer = NULL;
	_cleanup_close_ int fd = open(path, O_RDWR | O_CREAT, 0600);

	(void)state;
	write_at(fd, 1 << 20);
	assert_int_equal(ftruncate(fd, BYTES + 5), 0);
	sparse = pages_of(path);
	assert_int_equal(file_copy(path, copy, 0600), 0);
	full = pages_of(copy);
	assert_string_equal(sparse, full);
	assert_int_equal(ftruncate(fd, BYTES + 6), 0);
	longer = pages_of(path);
	assert_string_not_equal(sparse, longer);
	assert_int_equal(ftruncate(fd, 0), 0);
	write_at(fd, 2 << 19 | 4096);
	assert_int_equal(ftruncate(fd, BYTES + 5), 0);
	moved = pages_of(path);
	assert_string_not_equal(sparse, moved);
}

/* What mke2fs and tar make of a module: its pages of zeros are holes, near each other. */
static void test_pages_beside_holes(void **state)
{
	_cleanup_free_ char *path = strf("%s/holes", top), *full_path = strf("%s/zeros", top);
	_cleanup_free_ char *sparse = NULL, *full = NULL;
	_cleanup_close_ int fd = open(path, O_RDWR | O_CREAT, 0600);
	_cleanup_close_ int full_fd = open(full_path, O_RDWR | O_CREAT, 0600);
	static const char zeros[9 * 4096];

	(void)state;
	assert_int_equal(write(full_fd, zeros, sizeof(zeros)), sizeof(zeros));
	assert_int_equal(ftruncate(fd, sizeof(zeros)), 0);
	for (off_t at = 0; at < (off_t)sizeof(zeros); at += 4 * 4096) {
		write_at(fd, at);
		write_at(full_fd, at);
	}
	sparse = pages_of(path);
	full = pages_of(full_path);
	assert_string_equal(sparse, full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_whole_is_found, make_kernel),
		cmocka_unit_test_setup(test_module_that_is_damaged, make_kernel),
		cmocka_unit_test_setup(test_image_that_is_damaged, make_kernel),
		cmocka_unit_test_setup(test_damage_between_looks, make_kernel),
		cmocka_unit_test(test_pages_of_a_sparse_file),
		cmocka_unit_test(test_pages_beside_holes),
	};

	return cmocka_run_group_tests(tests, make_top, remove_top);
}
