// SPDX-License-Identifier: GPL-2.0-only
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cache.h"
#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "core/ui.h"
#include "image/image.h"
#include "image/partition.h"

#define SUITE "bookworm"
#define KEY_DIGITS 16

static const struct cache_kind roots = {
	.folder = "roots", .whole = "root.img", .what = "Debian roots", .keep_entries = 4, .wait_s = 1600,
};
CACHE_KIND(roots);

/* A root of ours. */
struct recipe {
	const char *level;    /* whose it is */
	const char *packages, *excludes; /* lists, root-relative */
	const char *size;     /* of its disk, which is sparse */
	const char *log;
};

/* Some 400 MB are written. */
static const struct recipe l1 = {
	"L1", "guest-image/l1-packages", "guest-image/l1-excludes", "2560M", "logs/l1-root.log"
};
/* 900 MB. */
static const struct recipe l0 = {
	"L0", "config/packages", "guest-image/l0-excludes", "4G", "logs/l0-root.log"
};

void image_free(struct image *i)
{
	free(i->path);
	free(i->format);
	*i = (struct image){ 0 };
}

char *image_root_device(const struct image *i, const char *disk)
{
	return i->partition ? strf("/dev/%s%u", disk, i->partition) : strf("/dev/%s", disk);
}

/* The first word of each line of a list file that has one: what stands behind it says why. */
static int read_list(const char *relative, struct strv *items)
{
	_cleanup_free_ char *path = path_in_root(relative);
	_cleanup_buf_ struct buf b = { 0 };
	char *save = NULL;

	if (file_read(path, &b))
		return fail(OUT_BROKEN, "can't read %s", path);
	for (char *l = strtok_r(b.data, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		l += strspn(l, " \t");
		l[strcspn(l, "# \t")] = '\0';
		if (*l)
			strv_add(items, l);
	}
	return 0;
}

/*
 * The machine's own APT sources for Debian, so that its mirror or proxy is used; without one
 * mmdebstrap takes its default.
 */
static const char *own_sources(void)
{
	static const char *const files[] = { "/etc/apt/sources.list.d/debian.sources",
					     "/etc/apt/sources.list" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_buf_ struct buf b = { 0 };

		if (!file_read(files[i], &b) && strstr(buf_str(&b), SUITE))
			return files[i];
	}
	return NULL;
}

static int mmdebstrap_argv(const struct recipe *r, const char *tar, struct strv *argv)
{
	_cleanup_strv_ struct strv packages = { 0 }, excludes = { 0 };
	_cleanup_buf_ struct buf include = { 0 };
	const char *sources = own_sources();
	int ret = read_list(r->packages, &packages);

	if (!ret)
		ret = read_list(r->excludes, &excludes);
	if (ret)
		return ret;
	for (size_t i = 0; i < packages.n; i++)
		buf_printf(&include, "%s%s", i ? "," : "", packages.v[i]);
	strv_add(argv, "mmdebstrap");
	strv_add(argv, "--variant=minbase");
	strv_addf(argv, "--include=%s", buf_str(&include));
	for (size_t i = 0; i < excludes.n; i++)
		strv_addf(argv, "--dpkgopt=path-exclude=%s", excludes.v[i]);
	strv_add(argv, "--aptopt=Acquire::Languages \"none\"");
	strv_add(argv, "--customize-hook=rm -rf \"$1\"/var/lib/apt/lists/* \"$1\"/var/log/*.log");
	strv_add(argv, SUITE);
	strv_add(argv, tar);
	if (sources)
		strv_add(argv, sources);
	return 0;
}

static int bootstrap(const struct recipe *r, const char *dir, const char *tar, const char *log)
{
	_cleanup_free_ char *what = strf("making %s's Debian root", r->level);
	_cleanup_strv_ struct strv argv = { 0 };
	struct proc p = { .what = what, .log_path = log, .cwd = dir, .deadline_s = 1200 };
	int ret = mmdebstrap_argv(r, tar, &argv);

	p.argv = argv.v;
	return ret ? ret : proc_check(&p);
}

/* An ordinary user's files keep their owners through fakeroot; nothing is mounted by anybody. */
static int make_file_system(const struct recipe *r, const char *dir, const char *tar,
			    const char *image, const char *log)
{
	_cleanup_free_ char *tree = strf("%s/tree", dir), *what = strf("making %s's file system", r->level);
	char *const argv[] = {
		(char *)(getuid() ? "fakeroot" : "env"), (char *)"sh", (char *)"-ec",
		(char *)"mkdir \"$1\"; tar -x -f \"$2\" -C \"$1\" --numeric-owner; "
			"PATH=$PATH:/sbin:/usr/sbin mke2fs -q -F -t ext4 -L nestlab-root "
			"-O ^has_journal -d \"$1\" \"$3\" \"$4\"; rm -rf \"$1\"",
		(char *)"sh", tree, (char *)tar, (char *)image, (char *)r->size, NULL };
	struct proc p = { .what = what, .argv = argv, .log_path = log, .deadline_s = 300 };

	return proc_check(&p);
}

static int make_root(void *ctx, const char *dir)
{
	_cleanup_free_ char *tar = strf("%s/root.tar", dir), *image = strf("%s/root.img", dir);
	const struct recipe *r = ctx;
	_cleanup_free_ char *log = path_in_cache("%s", r->log);
	int ret = cache_folder(&cache_logs, NULL);

	if (ret)
		return ret;
	unlink(log);
	ui_stage_begin("%s's Debian root", r->level);
	ret = bootstrap(r, dir, tar, log);
	if (!ret)
		ret = make_file_system(r, dir, tar, image, log);
	unlink(tar);
	if (!ret)
		ui_stage_end("made");
	return ret;
}

static int own_root(const struct recipe *r, struct image *out)
{
	_cleanup_free_ char *packages = path_in_root(r->packages);
	_cleanup_free_ char *excludes = path_in_root(r->excludes);
	struct hash *h = hash_new("l1-root-1");
	_cleanup_free_ char *name = NULL, *suite = NULL;
	struct cache_entry *e;
	int ret = hash_add_file(h, "packages", packages);

	if (!ret)
		ret = hash_add_file(h, "excludes", excludes);
	suite = strf(SUITE " %s", r->size);
	hash_add_str(h, "suite", suite);
	hash_hex(h, out->key);
	if (ret)
		return ret;
	name = xstrndup(out->key, KEY_DIGITS);
	ret = cache_get(&roots, name, make_root, (void *)r, &e);
	if (ret)
		return ret;
	out->path = strf("%s/root.img", cache_path(e));
	out->format = xstrdup("raw");
	out->reused = !cache_made(e);
	cache_hold(e);
	return 0;
}

static int image_info(const char *path, char **format, off_t *size)
{
	char *const argv[] = { (char *)"qemu-img", (char *)"info", (char *)"--output=json",
			       (char *)path, NULL };
	_cleanup_buf_ struct buf out = { 0 };
	struct proc p = { .what = "looking at BASE_IMAGE", .argv = argv, .out = &out };
	const char *text;
	json_t *info;
	int ret = proc_check(&p);

	if (ret)
		return ret;
	info = json_loads(buf_str(&out), 0, NULL);
	text = json_string_value(json_object_get(info, "format"));
	*format = text ? xstrdup(text) : NULL;
	*size = (off_t)json_integer_value(json_object_get(info, "virtual-size"));
	json_decref(info);
	return *format ? 0 : fail(OUT_USAGE, "BASE_IMAGE=%s is no disk image", path);
}

/*
 * A file as long as the disk, with its first MiB, whatever its format: partition tables tell how
 * long the disk must be.
 */
static int copy_beginning(const char *path, const char *format, off_t size, const char *to)
{
	_cleanup_free_ char *in = strf("if=%s", path), *out = strf("of=%s", to);
	char *const argv[] = { (char *)"qemu-img", (char *)"dd",  (char *)"-f", (char *)format,
			       (char *)"-O",	   (char *)"raw", (char *)"bs=1M",
			       (char *)"count=1",  in,		  out,		NULL };
	struct proc p = { .what = "reading the beginning of BASE_IMAGE", .argv = argv };
	int ret = proc_check(&p);

	return ret || !truncate(to, size) ? ret : fail(OUT_BROKEN, "can't make %s as long as the disk: %m", to);
}

static int find_partition(const char *path, const char *format, off_t size, unsigned int *number)
{
	_cleanup_free_ char *stage = NULL, *part = NULL, *name = strf("BASE_IMAGE=%s", path);
	int ret = cache_folder(&cache_stage, &stage);

	if (ret)
		return ret;
	part = cache_temp(stage, "disk");
	ret = copy_beginning(path, format, size, part);
	if (!ret)
		ret = partition_of_root(part, name, number);
	unlink(part);
	return ret;
}

static int foreign_root(const char *base, struct image *out)
{
	char resolved[4096];
	off_t size = 0;
	int ret;

	if (!realpath(base, resolved))
		return fail(OUT_USAGE, "BASE_IMAGE=%s can't be read: %m", base);
	ret = hash_file(resolved, out->key);
	if (!ret)
		ret = image_info(resolved, &out->format, &size);
	if (!ret)
		ret = find_partition(resolved, out->format, size, &out->partition);
	if (ret)
		return ret;
	out->path = xstrdup(resolved);
	out->reused = true;
	return 0;
}

int image_root(const char *base_image, struct image *out)
{
	*out = (struct image){ 0 };
	return base_image ? foreign_root(base_image, out) : own_root(&l1, out);
}

int image_metal_root(struct image *out)
{
	*out = (struct image){ 0 };
	return own_root(&l0, out);
}
