// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/store.h"

#include <string.h>

#include "core/cache.h"
#include "core/conf.h"
#include "core/outcome.h"
#include "core/ui.h"
#include "kernel/tree.h"

#define STRIP_DEADLINE_S 60
#define STRIPPED "nestlab-stripped.ko"
#define STRIPPED_PATH PATCH_RESERVED_DIR "/" STRIPPED

/* Some 10 MB each. */
static const struct cache_kind kernels = {
	.folder = "kernels", .whole = "info", .what = "kernels", .keep_entries = 400,
};
CACHE_KIND(kernels);

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* ---- info: what a found kernel is ---- */

struct info {
	char *bzimage_sha256, *release, *source, *compiler;
	struct strv patches;
	struct strv modules; /* "kvm.ko SHA256" */
	uint32_t milliseconds;
};

static const struct conf_key info_keys[] = {
	{ "kernel", "bzimage_sha256", CONF_STR, offsetof(struct info, bzimage_sha256), 0, 0 },
	{ "kernel", "release", CONF_STR, offsetof(struct info, release), 0, 0 },
	{ "kernel", "source", CONF_STR, offsetof(struct info, source), 0, 0 },
	{ "kernel", "compiler", CONF_STR, offsetof(struct info, compiler), 0, 0 },
	{ "kernel", "patch", CONF_LINES, offsetof(struct info, patches), 0, 0 },
	{ "kernel", "module", CONF_LINES, offsetof(struct info, modules), 0, 0 },
	{ "kernel", "milliseconds", CONF_U32, offsetof(struct info, milliseconds), 0, 0 },
};

static int add_sum(struct buf *b, const char *module)
{
	char hex[HASH_HEX_LEN + 1];
	int ret = hash_pages(module, hex);

	if (!ret)
		buf_printf(b, "module = %s %s\n", base_name(module), hex);
	return ret;
}

static int add_sums(struct buf *b, const struct strv *modules)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < modules->n; i++)
		ret = add_sum(b, modules->v[i]);
	return ret;
}

static bool add_modules(const char *dir, const struct strv *modules, struct strv *paths)
{
	for (size_t i = 0; i < modules->n; i++) {
		strv_addf(paths, "%s/modules/%s", dir, base_name(modules->v[i]));
		if (!path_exists(paths->v[i]))
			return false;
	}
	return true;
}

static int write_info(const char *dir, const struct strv *modules, const char *release,
		      const struct store_about *about)
{
	_cleanup_free_ char *image = strf("%s/bzImage", dir), *path = strf("%s/info", dir);
	_cleanup_strv_ struct strv paths = { 0 };
	_cleanup_buf_ struct buf b = { 0 };
	char hex[HASH_HEX_LEN + 1];
	int ret = hash_file(image, hex);

	if (ret)
		return ret;
	buf_printf(&b, "[kernel]\nbzimage_sha256 = %s\nrelease = %s\nsource = %s\n", hex, release,
		   about->source);
	buf_printf(&b, "compiler = %.*s\n", (int)strcspn(about->compiler, "\n"), about->compiler);
	for (size_t i = 0; i < about->n_patches; i++)
		buf_printf(&b, "patch = %s\n", about->patches[i].path);
	buf_printf(&b, "milliseconds = %.0f\n", about->seconds * 1000);
	add_modules(dir, modules, &paths);
	ret = add_sums(&b, &paths);
	if (!ret && file_write(path, buf_str(&b), b.len, 0666))
		return fail(OUT_BROKEN, "can't write %s: %m", path);
	return ret;
}

/* ---- finding ---- */

/*
 * Not hash_file(), which remembers by a file's time and size: what a bad disk or a power cut
 * leaves may have both, and zeros for its bytes.
 */
static int hash_afresh(const char *path, char *hex)
{
	_cleanup_buf_ struct buf b = { 0 };
	int err = file_read(path, &b);

	if (!err)
		hash_bytes(buf_str(&b), b.len, hex);
	return err;
}

static bool take_info(const struct info *i, const char *image, struct kernel_build *b)
{
	char hex[HASH_HEX_LEN + 1];

	if (!i->bzimage_sha256 || !i->release || hash_afresh(image, hex) ||
	    strcmp(hex, i->bzimage_sha256))
		return false;
	memcpy(b->bzimage_sha256, hex, sizeof(hex));
	str_set(&b->release, i->release);
	return true;
}

/* Of one that was built before they were noted: from now on. */
static void note_sums(const char *info, const struct strv *modules)
{
	_cleanup_buf_ struct buf b = { 0 };

	if (file_read(info, &b) || add_sums(&b, modules) ||
	    file_write(info, buf_str(&b), b.len, 0666))
		ui_debug("the sums of the modules can't be noted in %s", info);
}

/* A module that is not what was built is loaded all the same, mostly, and L1 dies of it. */
static bool are_as_built(const struct info *i, const char *path, const struct strv *modules)
{
	char hex[HASH_HEX_LEN + 1];

	if (modules->n && !i->modules.n)
		note_sums(path, modules);
	for (size_t k = 0; i->modules.n && k < modules->n; k++) {
		_cleanup_free_ char *line = NULL;

		if (hash_pages(modules->v[k], hex))
			return false;
		line = strf("%s %s", base_name(modules->v[k]), hex);
		if (!strv_has(&i->modules, line))
			return false;
	}
	return true;
}

static bool is_whole(const char *dir, const char *image, const struct strv *modules,
		     struct kernel_build *b)
{
	_cleanup_free_ char *path = strf("%s/info", dir);
	_cleanup_strv_ struct strv found = { 0 };
	struct info info = { 0 };
	bool good = !conf_load(path, info_keys, ARRAY_SIZE(info_keys), &info) &&
		    add_modules(dir, modules, &found) && take_info(&info, image, b) &&
		    are_as_built(&info, path, &found);

	conf_free(info_keys, ARRAY_SIZE(info_keys), &info);
	fail_clear();
	if (!good)
		return false;
	strv_free(&b->modules);
	b->modules = found;
	found = (struct strv){ 0 };
	return true;
}

bool store_find(const char *key, const struct strv *modules, struct kernel_build *b)
{
	struct cache_entry *entry = cache_find(&kernels, key);
	_cleanup_free_ char *image = NULL, *symbols = NULL;

	if (!entry)
		return false;
	image = strf("%s/bzImage", cache_path(entry));
	symbols = strf("%s/symbols", cache_path(entry));
	if (!is_whole(cache_path(entry), image, modules, b)) {
		cache_release(entry);
		cache_drop(&kernels, key);
		return false;
	}
	cache_release(b->entry);
	b->entry = entry;
	str_set(&b->dir, cache_path(entry));
	str_set(&b->bzimage, image);
	str_set(&b->symbols, path_exists(symbols) ? symbols : NULL);
	return true;
}

int store_check(const struct kernel_build *b)
{
	struct kernel_build again = { 0 };
	bool whole = !b->entry || is_whole(b->dir, b->bzimage, &b->modules, &again);

	kernel_build_free(&again);
	return whole ? 0
		     : fail(OUT_BROKEN, "the kernel in %s is damaged: its files are not those that were built", b->dir);
}

/* ---- keeping ---- */

/*
 * Only a plain file in plain folders: what a stranger's makefile left there could be a link to
 * anywhere.
 */
static int take(const struct worktree *w, const char *from, const char *dir, const char *name)
{
	_cleanup_free_ char *path = strf("%s/%s", w->obj, from), *to = strf("%s/%s", dir, name);
	int err;

	if (!tree_has_file(w->obj, from, NULL))
		return fail(OUT_BROKEN, "the build ended well but made no %s", path);
	err = file_copy(path, to, 0644);
	return err ? fail(OUT_BROKEN, "can't copy %s to %s: %s", path, to, strerror(-err)) : 0;
}

static int take_module(const char *module, const struct worktree *w, struct make *m,
		       const char *dir)
{
	_cleanup_free_ char *from = strf(PATCH_RESERVED_DIR "/%s", module);
	_cleanup_free_ char *name = strf("modules/%s", base_name(module));
	const char *strip[] = { "strip", "--strip-debug", "-o", STRIPPED_PATH, from, NULL };
	int ret;

	if (!tree_has_file(w->obj, module, NULL))
		return fail(OUT_USAGE,
			    "the module %s of the kernel's .conf was not built: no option in the "
			    "fragments makes it a module",
			    module);
	ret = make_command(m, STRIP_DEADLINE_S, strip);
	if (ret)
		return ret < 0 ? ret
			       : fail(OUT_BROKEN, "strip can't read %s; see %s", module, m->log);
	return take(w, STRIPPED, dir, name);
}

static int take_release(const struct worktree *w, char **release)
{
	static const char path[] = "include/config/kernel.release";
	_cleanup_free_ char *full = strf("%s/%s", w->obj, path);
	_cleanup_buf_ struct buf b = { 0 };

	if (!tree_has_file(w->obj, path, NULL) || file_read(full, &b))
		return fail(OUT_BROKEN, "the build ended well but made no %s", full);
	*release = xstrdup(str_strip(b.data));
	return 0;
}

/* What goes to L1 is stripped; these stay here, to turn an address of a report into a line. */
static int take_symbols(const struct strv *modules, const struct worktree *w,
			const struct buf *changed, const char *dir)
{
	_cleanup_free_ char *symbols = strf("%s/symbols", dir), *path = strf("%s/changed", symbols);
	int ret = mkdir_p(symbols) ? fail(OUT_BROKEN, "can't make the folder %s: %m", symbols) : 0;

	for (size_t i = 0; !ret && i < modules->n; i++)
		ret = take(w, modules->v[i], symbols, base_name(modules->v[i]));
	if (!ret && file_write(path, buf_str(changed), changed->len, 0666))
		ret = fail(OUT_BROKEN, "can't write %s: %m", path);
	return ret;
}

static int take_all(const struct strv *modules, const struct worktree *w, struct make *m,
		    const struct store_about *about, const char *dir)
{
	_cleanup_free_ char *release = NULL, *log = strf("%s/build.log", dir);
	int ret = take(w, "arch/x86/boot/bzImage", dir, "bzImage");

	if (!ret)
		ret = take(w, "System.map", dir, "System.map");
	if (!ret)
		ret = take(w, ".config", dir, "config");
	for (size_t i = 0; !ret && i < modules->n; i++)
		ret = take_module(modules->v[i], w, m, dir);
	if (!ret && about->changed)
		ret = take_symbols(modules, w, about->changed, dir);
	if (!ret)
		ret = take_release(w, &release);
	if (!ret && file_copy(m->log, log, 0644))
		ret = fail(OUT_BROKEN, "can't copy %s to %s: %m", m->log, log);
	return ret ? ret : write_info(dir, modules, release, about);
}

struct putting {
	const struct strv *modules;
	const struct worktree *w;
	struct make *m;
	const struct store_about *about;
};

static int put_in(void *ctx, const char *dir)
{
	const struct putting *p = ctx;
	_cleanup_free_ char *modules_dir = strf("%s/modules", dir);

	if (mkdir_p(modules_dir))
		return fail(OUT_BROKEN, "can't make the folder %s: %m", modules_dir);
	return take_all(p->modules, p->w, p->m, p->about, dir);
}

int store_put(const char *key, const struct strv *modules, const struct worktree *w, struct make *m,
	      const struct store_about *about)
{
	struct putting p = { .modules = modules, .w = w, .m = m, .about = about };

	return cache_put(&kernels, key, put_in, &p, NULL);
}
