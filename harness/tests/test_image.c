// SPDX-License-Identifier: GPL-2.0-only
/* Images: partition tables (hostile ones too), the seed's user-data, the initramfs read back. */
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/proc.h"
#include "image/image.h"
#include "core/render.h"

#include <cmocka.h>

/* ---- partition tables: real ones, made by sfdisk and qemu-img; then damaged ---- */

#define LINUX "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
#define EFI "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
#define BIOS_BOOT "21686148-6449-6E6F-744E-656564454649"
/* As Debian's cloud images have it: root first, BIOS boot and EFI in 14 and 15. */
#define CLOUD_IMAGE "label: gpt\n1: start=262144, type=" LINUX "\n14: start=2048, size=6144, type=" BIOS_BOOT "\n" \
		    "15: start=8192, size=253952, type=" EFI "\n"

struct disk {
	char dir[32];
	char *path;
};

static void run(char *const argv[], const char *input)
{
	struct proc p = { .what = argv[0], .argv = argv, .input = input, .quiet_stderr = true };

	assert_int_equal(proc_check(&p), 0);
}

/* table: what sfdisk reads; NULL: none. */
static void make_disk(struct disk *d, const char *table)
{
	char *argv[] = { (char *)"/sbin/sfdisk", (char *)"--quiet", NULL, NULL };

	strcpy(d->dir, "/tmp/nestlab-test-XXXXXX");
	assert_non_null(mkdtemp(d->dir));
	d->path = strf("%s/disk.img", d->dir);
	assert_int_equal(file_write(d->path, "", 0, 0644), 0);
	assert_int_equal(truncate(d->path, 1 << 30), 0);
	argv[2] = d->path;
	if (table)
		run(argv, table);
}

static void drop_disk(struct disk *d)
{
	rm_rf(d->dir);
	free(d->path);
}

static void patch_disk(struct disk *d, off_t at, unsigned char with)
{
	int fd = open(d->path, O_WRONLY);

	assert_int_equal(pwrite(fd, &with, 1, at), 1);
	close(fd);
}

/*
 * By image_root(), which looks at the disk's beginning alone: the partition, or a negative outcome.
 */
static int root_of(struct disk *d)
{
	struct image i;
	int ret = image_root(d->path, &i);

	ret = ret ? ret : (int)i.partition;
	image_free(&i);
	return ret;
}

static const struct {
	const char *table;
	int root;
} tables[] = {
	{ NULL, 0 },
	{ CLOUD_IMAGE, 1 },
	{ "label: gpt\nsize=1M, type=" LINUX "\nsize=200M, type=" LINUX "\nsize=400M, type=" EFI "\n", 2 },
	{ "label: gpt\nsize=1M, type=0657FD6D-A4AB-43C4-84E5-0933C84B4F4F\nsize=1M, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709\n", 2 },
	{ "label: dos\nsize=500M, type=82\nsize=200M, type=83\n", 2 },
	{ "label: dos\nsize=100M, type=83\nsize=200M, type=83\nsize=50M, type=83\n", 2 },
	{ "label: dos\n", 0 },
	{ "label: dos\nsize=500M, type=82\n", -OUT_USAGE },
	{ "label: gpt\nsize=500M, type=" EFI "\n", -OUT_USAGE },
};

static void test_tables(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		struct disk d;

		make_disk(&d, tables[i].table);
		assert_int_equal(root_of(&d), tables[i].root);
		drop_disk(&d);
	}
	assert_non_null(strstr(fail_text(), "none of its 1 partitions could be Linux's root"));
}

static void test_table_in_qcow2(void **state)
{
	struct disk d;
	char *argv[] = { (char *)"qemu-img", (char *)"convert", (char *)"-O", (char *)"qcow2", NULL, NULL, NULL };

	(void)state;
	make_disk(&d, CLOUD_IMAGE);
	argv[4] = d.path;
	argv[5] = strf("%s/disk.qcow2", d.dir);
	run(argv, NULL);
	free(d.path);
	d.path = argv[5];
	assert_int_equal(root_of(&d), 1);
	drop_disk(&d);
}

static void test_damaged_tables(void **state)
{
	struct disk d;

	(void)state;
	make_disk(&d, CLOUD_IMAGE);
	patch_disk(&d, 1024 + 40, 0x77); /* an entry, behind the header's checksum */
	assert_int_equal(root_of(&d), -OUT_USAGE);
	assert_non_null(strstr(fail_text(), "its partition table (GPT) is damaged"));
	patch_disk(&d, 511, 0); /* and what covers it */
	assert_int_equal(root_of(&d), 0);
	drop_disk(&d);
	make_disk(&d, CLOUD_IMAGE);
	assert_int_equal(truncate(d.path, 600), 0);
	assert_int_equal(root_of(&d), -OUT_USAGE);
	assert_int_equal(truncate(d.path, 10), 0);
	assert_int_equal(root_of(&d), 0);
	drop_disk(&d);
	fail_clear();
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
	struct archive *a = archive_read_new();
	struct image first, second;
	struct archive_entry *e;
	unsigned int seen = 0;

	(void)state;
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
}

static char cache_dir[] = "/tmp/nestlab-test-XXXXXX";

static int make_cache(void **state)
{
	(void)state;
	return mkdtemp(cache_dir) ? setenv("NESTLAB_CACHE", cache_dir, 1) : -1;
}

static int drop_cache(void **state)
{
	(void)state;
	return rm_rf(cache_dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables),	       cmocka_unit_test(test_table_in_qcow2),
		cmocka_unit_test(test_damaged_tables), cmocka_unit_test(test_render),
		cmocka_unit_test(test_initramfs),
	};

	return cmocka_run_group_tests(tests, make_cache, drop_cache);
}
