// SPDX-License-Identifier: GPL-2.0-only
/* Images: partition tables (hostile ones too), the seed's user-data, the initramfs read back. */
#include <archive.h>
#include <archive_entry.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "image/image.h"
#include "image/partition.h"
#include "image/render.h"

#include <cmocka.h>

#define SECTOR 512

static const unsigned char linux_type[16] = { 0xaf, 0x3d, 0xc6, 0x0f, 0x83, 0x84, 0x72, 0x47,
					      0x8e, 0x79, 0x3d, 0x69, 0xd8, 0x47, 0x7d, 0xe4 };
static const unsigned char efi_type[16] = { 0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11,
					    0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b };

static void put32(unsigned char *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(v >> 8 * i);
}

static void gpt_header(unsigned char *d, uint32_t first_lba, uint32_t n, uint32_t size)
{
	memset(d, 0, PARTITION_BYTES);
	d[510] = 0x55;
	d[511] = 0xaa;
	d[446 + 4] = 0xee;
	memcpy(d + SECTOR, "EFI PART", 8);
	put32(d + SECTOR + 72, first_lba);
	put32(d + SECTOR + 80, n);
	put32(d + SECTOR + 84, size);
}

static void gpt_entry(unsigned char *d, int i, const unsigned char *type, uint32_t start, uint32_t end)
{
	unsigned char *e = d + 2 * SECTOR + 128 * i;

	memcpy(e, type, 16);
	put32(e + 32, start);
	put32(e + 40, end);
}

static void test_no_table(void **state)
{
	unsigned char d[PARTITION_BYTES] = { 0 };

	(void)state;
	assert_int_equal(partition_of_root(d, sizeof(d)), 0);
	assert_int_equal(partition_of_root(d, 10), 0);
}

/* As Debian's cloud images have it: root first, BIOS boot and EFI in 14 and 15. */
static void test_gpt(void **state)
{
	unsigned char d[PARTITION_BYTES];

	(void)state;
	gpt_header(d, 2, 128, 128);
	gpt_entry(d, 0, linux_type, 262144, 4194270);
	gpt_entry(d, 14, efi_type, 8192, 262143);
	assert_int_equal(partition_of_root(d, sizeof(d)), 1);
	gpt_entry(d, 0, linux_type, 262144, 263000);
	gpt_entry(d, 2, linux_type, 263001, 4194270);
	assert_int_equal(partition_of_root(d, sizeof(d)), 3);
	gpt_entry(d, 3, efi_type, 1, 0x7fffffff); /* however large */
	assert_int_equal(partition_of_root(d, sizeof(d)), 3);
}

static void test_gpt_hostile(void **state)
{
	unsigned char d[PARTITION_BYTES];

	(void)state;
	gpt_header(d, 0xffffffff, 128, 128);
	assert_int_equal(partition_of_root(d, sizeof(d)), 0);
	gpt_header(d, 2, 0xffffffff, 512);
	assert_int_equal(partition_of_root(d, sizeof(d)), 0);
	gpt_header(d, 2, 128, 0);
	assert_int_equal(partition_of_root(d, sizeof(d)), 0);
	gpt_header(d, 2, 128, 128);
	gpt_entry(d, 0, linux_type, 100, 50); /* ends before it starts */
	assert_int_equal(partition_of_root(d, sizeof(d)), 0);
	gpt_header(d, 33, 128, 128);
	assert_int_equal(partition_of_root(d, sizeof(d)), 0);
}

static void test_mbr(void **state)
{
	unsigned char d[PARTITION_BYTES] = { 0 };

	(void)state;
	d[510] = 0x55;
	d[511] = 0xaa;
	d[446 + 4] = 0x82; /* swap */
	put32(d + 446 + 12, 1 << 30);
	d[446 + 16 + 4] = 0x83;
	put32(d + 446 + 16 + 12, 1 << 20);
	assert_int_equal(partition_of_root(d, sizeof(d)), 2);
}

static void test_render(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };

	(void)state;
	render("a @K@ b @K@", "@K@", "x@K@", &b);
	assert_string_equal(b.data, "a x@K@ b x@K@");
}

/* What is in it, by reading it with the library a second time. */
static void test_initramfs(void **state)
{
	char dir[] = "/tmp/nestlab-test-XXXXXX";
	struct archive *a = archive_read_new();
	struct image first, second;
	struct archive_entry *e;
	unsigned int seen = 0;

	(void)state;
	assert_non_null(mkdtemp(dir));
	setenv("NESTLAB_CACHE", dir, 1);
	assert_int_equal(image_initramfs(&first), 0);
	assert_false(first.reused);
	assert_int_equal(image_initramfs(&second), 0);
	assert_true(second.reused);
	assert_string_equal(first.path, second.path);
	archive_read_support_format_cpio(a);
	assert_int_equal(archive_read_open_filename(a, first.path, 65536), ARCHIVE_OK);
	while (archive_read_next_header(a, &e) == ARCHIVE_OK) {
		const char *name = archive_entry_pathname(e);

		assert_int_equal(archive_entry_uid(e), 0);
		assert_int_equal(archive_entry_mtime(e), 0);
		if (!strcmp(name, "init"))
			seen += archive_entry_size(e) > 10000 && archive_entry_perm(e) == 0755;
		if (!strcmp(name, "bin/sh"))
			seen += !strcmp(archive_entry_symlink(e), "busybox");
		if (!strcmp(name, "dev/console"))
			seen += archive_entry_filetype(e) == AE_IFCHR;
	}
	assert_int_equal(seen, 3);
	archive_read_free(a);
	image_free(&first);
	image_free(&second);
	assert_int_equal(rm_rf(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_table),    cmocka_unit_test(test_gpt),
		cmocka_unit_test(test_gpt_hostile), cmocka_unit_test(test_mbr),
		cmocka_unit_test(test_render),	    cmocka_unit_test(test_initramfs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
