// SPDX-License-Identifier: GPL-2.0-only
#include "image/medium.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/hash.h"
#include "core/outcome.h"
#include "core/proc.h"
#include "core/ui.h"
#include "image/image.h"

/* Names of 8.3: the boot loader reads plain ISO 9660. */
#define KERNEL "kernel"
#define INITRAMFS "initrd.img"
#define FILES "files.img"
#define KEY_DIGITS 16

/* No prompt: it would wait. */
void medium_config(const char *cmdline, struct buf *config)
{
	buf_printf(config,
		   "DEFAULT nestlab\n"
		   "PROMPT 0\n"
		   "LABEL nestlab\n"
		   " KERNEL /" KERNEL "\n"
		   " INITRD /" INITRAMFS ",/" FILES "\n"
		   " APPEND %s\n",
		   cmdline);
}

static int copy_into(const char *dir, const char *name, const char *from)
{
	_cleanup_free_ char *to = strf("%s/%s", dir, name);
	int err = file_copy(from, to, 0644);

	return err ? fail(OUT_BROKEN, "can't copy %s to the boot medium: %s", from, strerror(-err))
		   : 0;
}

static int write_config(const struct medium *m, const char *dir)
{
	_cleanup_free_ char *path = strf("%s/isolinux.cfg", dir);
	_cleanup_buf_ struct buf text = { 0 };

	medium_config(m->cmdline, &text);
	return file_write(path, text.data, text.len, 0644)
		       ? fail(OUT_BROKEN, "can't write %s", path)
		       : 0;
}

static int gather(const struct medium *m, const char *dir)
{
	_cleanup_free_ char *loader = strf("%s/isolinux", dir), *files = strf("%s/" FILES, dir);
	int ret = mkdir_p(loader) ? fail(OUT_BROKEN, "can't make %s", loader) : 0;

	if (!ret)
		ret = copy_into(loader, "isolinux.bin", MEDIUM_LOADER);
	if (!ret)
		ret = copy_into(loader, "ldlinux.c32", MEDIUM_LOADER_MODULE);
	if (!ret)
		ret = write_config(m, loader);
	if (!ret)
		ret = copy_into(dir, KERNEL, m->kernel);
	if (!ret)
		ret = copy_into(dir, INITRAMFS, m->initramfs);
	return ret ? ret : image_files(files, MEDIUM_DIR, m->files);
}

/* isolinux.bin is told where on the disc it lies (-boot-info-table): it can't find out. */
static int write_iso(const char *dir, const char *iso)
{
	char *const argv[] = { (char *)"xorriso",
			       (char *)"-as",
			       (char *)"mkisofs",
			       (char *)"-quiet",
			       (char *)"-o",
			       (char *)iso,
			       (char *)"-b",
			       (char *)"isolinux/isolinux.bin",
			       (char *)"-c",
			       (char *)"isolinux/boot.cat",
			       (char *)"-no-emul-boot",
			       (char *)"-boot-load-size",
			       (char *)"4",
			       (char *)"-boot-info-table",
			       (char *)dir,
			       NULL };
	/* Where the same goes in the same comes out. */
	char *const env[] = { (char *)"SOURCE_DATE_EPOCH=0", NULL };
	struct proc p = { .what = "making L1's boot medium",
			  .argv = argv,
			  .env = env,
			  .quiet_stderr = !ui_verbose() };

	return proc_check(&p);
}

int medium_key(const struct medium *m, char **key)
{
	const char *const own[] = { m->kernel, m->initramfs, MEDIUM_LOADER, MEDIUM_LOADER_MODULE };
	struct hash *h = hash_new("medium-1");
	char hex[HASH_HEX_LEN + 1];
	int ret = 0;

	hash_add_str(h, "command line", m->cmdline);
	for (size_t i = 0; !ret && i < ARRAY_SIZE(own); i++)
		ret = hash_add_file(h, "own", own[i]);
	for (size_t i = 0; !ret && i < m->files->n; i++) {
		const char *slash = strrchr(m->files->v[i], '/');

		ret = hash_add_file(h, slash ? slash + 1 : m->files->v[i], m->files->v[i]);
	}
	hash_hex(h, hex);
	*key = xstrndup(hex, KEY_DIGITS);
	return ret;
}

int medium_make(const struct medium *m, const char *iso)
{
	_cleanup_free_ char *dir = strf("%s.tmp", iso);
	int ret;

	rm_rf(dir);
	unlink(iso);
	ret = gather(m, dir);
	if (!ret)
		ret = write_iso(dir, iso);
	rm_rf(dir);
	return ret;
}
