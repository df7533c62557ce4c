// SPDX-License-Identifier: GPL-2.0-only
#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/cache.h"
#include "core/outcome.h"
#include "core/paths.h"
#include "core/util.h"
#include "image/image.h"

#define AGENT "build/guest/nestlab-agent"
#define KEY_DIGITS 16

static const struct cache_kind kind = {
	.folder = "initramfs", .suffix = ".cpio", .what = "L2's initramfs", .keep_entries = 20,
};
CACHE_KIND(kind);

static const char *const folders[] = { "bin", "dev", "etc", "proc", "root", "run", "sys", "tmp" };
/* What a person in L2's shell expects; busybox has more, by its own name. */
static const char *const applets[] = { "sh",   "ls",   "cat", "ps",   "dmesg", "echo", "grep",
				       "head", "tail", "vi",  "mount", "kill", "sleep", "top",
				       "uname", "taskset", "lspci", "reboot", "poweroff", "insmod", "dd" };

static const char *busybox_path(void)
{
	return path_exists("/bin/busybox") ? "/bin/busybox" : "/usr/bin/busybox";
}

/* Owner root and a fixed time: the same inputs give the same bytes. */
static struct archive_entry *entry(const char *path, unsigned int type, unsigned int mode)
{
	struct archive_entry *e = archive_entry_new();

	archive_entry_set_pathname(e, path);
	archive_entry_set_filetype(e, type);
	archive_entry_set_perm(e, mode);
	archive_entry_set_uid(e, 0);
	archive_entry_set_gid(e, 0);
	archive_entry_set_mtime(e, 0, 0);
	archive_entry_set_size(e, 0);
	return e;
}

static int finish(struct archive *a, struct archive_entry *e, const struct buf *data)
{
	int ret = archive_write_header(a, e);

	if (ret == ARCHIVE_OK && data && archive_write_data(a, data->data, data->len) < 0)
		ret = ARCHIVE_FATAL;
	archive_entry_free(e);
	return ret == ARCHIVE_OK ? 0 : fail(OUT_BROKEN, "writing an initramfs: %s",
					    archive_error_string(a));
}

static int add_folder(struct archive *a, const char *name)
{
	return finish(a, entry(name, AE_IFDIR, strcmp(name, "tmp") ? 0755 : 01777), NULL);
}

static int add_file(struct archive *a, const char *name, const char *from)
{
	_cleanup_buf_ struct buf data = { 0 };
	struct archive_entry *e;

	if (file_read(from, &data))
		return fail(OUT_BROKEN, "can't read %s for an initramfs", from);
	e = entry(name, AE_IFREG, 0755);
	archive_entry_set_size(e, (la_int64_t)data.len);
	return finish(a, e, &data);
}

static int add_link(struct archive *a, const char *applet)
{
	_cleanup_free_ char *name = strf("bin/%s", applet);
	struct archive_entry *e = entry(name, AE_IFLNK, 0777);

	archive_entry_set_symlink(e, "busybox");
	return finish(a, e, NULL);
}

/* The kernel opens it for PID 1 before devtmpfs is mounted. */
static int add_console(struct archive *a)
{
	struct archive_entry *e = entry("dev/console", AE_IFCHR, 0600);

	archive_entry_set_rdev(e, makedev(5, 1));
	return finish(a, e, NULL);
}

static int fill(struct archive *a)
{
	_cleanup_free_ char *agent = path_in_root(AGENT);
	int ret = 0;

	for (size_t i = 0; !ret && i < ARRAY_SIZE(folders); i++)
		ret = add_folder(a, folders[i]);
	if (!ret)
		ret = add_console(a);
	if (!ret)
		ret = add_file(a, "init", agent);
	if (!ret)
		ret = add_file(a, "bin/busybox", busybox_path());
	for (size_t i = 0; !ret && i < ARRAY_SIZE(applets); i++)
		ret = add_link(a, applets[i]);
	return ret;
}

/* Each under its own name in a folder. */
static int fill_files(struct archive *a, const char *dir, const struct strv *files)
{
	int ret = add_folder(a, dir + 1);

	for (size_t i = 0; !ret && i < files->n; i++) {
		const char *slash = strrchr(files->v[i], '/');
		_cleanup_free_ char *name =
			strf("%s/%s", dir + 1, slash ? slash + 1 : files->v[i]);

		ret = add_file(a, name, files->v[i]);
	}
	return ret;
}

/* files NULL: the levels' initramfs. */
static int write_archive(const char *path, const char *dir, const struct strv *files)
{
	_cleanup_free_ char *part = strf("%s.tmp.%d", path, (int)getpid());
	struct archive *a = archive_write_new();
	int ret;

	archive_write_set_format_cpio_newc(a);
	if (archive_write_open_filename(a, part) != ARCHIVE_OK)
		ret = fail(OUT_BROKEN, "can't write %s: %s", part, archive_error_string(a));
	else
		ret = files ? fill_files(a, dir, files) : fill(a);
	if (archive_write_close(a) != ARCHIVE_OK && !ret)
		ret = fail(OUT_BROKEN, "can't write %s: %s", part, archive_error_string(a));
	archive_write_free(a);
	if (!ret && rename(part, path))
		ret = fail(OUT_BROKEN, "can't rename %s to %s: %m", part, path);
	unlink(part);
	return ret;
}

int image_files(const char *path, const char *dir, const struct strv *files)
{
	return write_archive(path, dir, files);
}

static int make_initramfs(void *ctx, const char *path)
{
	(void)ctx;
	return write_archive(path, NULL, NULL);
}

int image_initramfs(struct image *out)
{
	_cleanup_free_ char *agent = path_in_root(AGENT), *name = NULL;
	struct hash *h = hash_new("initramfs-1");
	struct cache_entry *e;
	int ret;

	*out = (struct image){ 0 };
	ret = hash_add_file(h, "agent", agent);
	if (!ret)
		ret = hash_add_file(h, "busybox", busybox_path());
	for (size_t i = 0; i < ARRAY_SIZE(applets); i++)
		hash_add_str(h, "applet", applets[i]);
	hash_hex(h, out->key);
	if (ret)
		return ret;
	name = xstrndup(out->key, KEY_DIGITS);
	ret = cache_get(&kind, name, make_initramfs, NULL, &e);
	if (ret)
		return ret;
	out->path = xstrdup(cache_path(e));
	out->format = xstrdup("cpio");
	out->reused = !cache_made(e);
	cache_hold(e);
	return 0;
}
