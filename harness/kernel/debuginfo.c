// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/debuginfo.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/ui.h"
#include "kernel/make.h"
#include "kernel/modelf.h"
#include "kernel/shortcut.h"
#include "kernel/tree.h"
#include "kernel/worktree.h"

#define RECIPE "debug-info-1" /* bump it when the same inputs give other outputs */
#define DEADLINE_S 3600
#define FLAG "-g"
#define MODULE_FLAGS "CFLAGS_MODULE="

static const struct cache_kind kind = {
	.folder = "debuginfo", .whole = "src", .what = "debug information of kernels",
	.keep_entries = 20, .wait_s = 4000, .local = true,
};
CACHE_KIND(kind);

struct making {
	const struct kernel_conf *k;
	const struct kernel_build *b;
	const struct strv *modules;
	const char *dir; /* where it goes */
	struct worktree tree;
	char *log;
};

/* ---- compiling ---- */

/* The flavour's own, with ours behind them. */
static void add_arguments(const struct flavor *f, struct strv *args)
{
	_cleanup_buf_ struct buf flags = { 0 };

	for (size_t i = 0; i < f->make.n; i++)
		strv_add(args, f->make.v[i]);
	for (size_t i = 0; i < f->module_cflags.n; i++)
		buf_printf(&flags, "%s ", f->module_cflags.v[i]);
	strv_addf(args, MODULE_FLAGS "%s" FLAG, buf_str(&flags));
}

/*
 * Those modules alone, or all of the kernel where the copied image is another one's: kbuild makes
 * goals of both kinds one by one, and then no module finds what another one exports.
 */
static void add_goals(const struct making *g, struct strv *args)
{
	if (!worktree_is_whole(&g->tree)) {
		strv_add(args, "bzImage");
		strv_add(args, "modules");
		return;
	}
	for (size_t i = 0; i < g->modules->n; i++)
		strv_add(args, g->modules->v[i]);
}

static int compile(struct making *g)
{
	_cleanup_free_ char *ccache = path_in_cache("ccache"), *why = NULL;
	_cleanup_strv_ struct strv args = { 0 };
	struct make m;
	int ret;

	add_arguments(kernel_conf_flavor_of(g->k, KERNEL_HOST), &args);
	add_goals(g, &args);
	make_init(&m, &g->tree, "compiling the modules with debug information", g->log, ccache);
	/* The tree is ours alone, but what is of this checkout serves the next one. */
	m.sandbox.ccache_readonly = g->b->strange;
	ret = make_run(&m, DEADLINE_S, (const char *const *)args.v);
	why = make_why(&m);
	make_free(&m);
	if (ret > 0)
		return fail(OUT_BROKEN, "the modules do not compile with debug information: %s; the whole log: %s", why, g->log);
	return ret;
}

/* ---- what is kept ---- */

static const char *stored_of(const struct making *g, const char *module)
{
	for (size_t i = 0; i < g->b->modules.n; i++)
		if (!strcmp(path_last(g->b->modules.v[i]), path_last(module)))
			return g->b->modules.v[i];
	return "";
}

static int check_same(const struct making *g, const char *module, const char *made)
{
	_cleanup_free_ char *differs = modelf_differs(stored_of(g, module), made);

	if (!differs)
		return fail(OUT_BROKEN, "can't compare %s with the module that L1 runs", made);
	if (*differs)
		return fail(OUT_BROKEN, "%s compiled with debug information is not the module that L1 runs: %s differs", path_last(module), differs);
	return 0;
}

/* Only a plain file in plain folders: a stranger's makefile may have left a link. */
static int take(const struct making *g, const char *relative, const char *name)
{
	_cleanup_free_ char *from = strf("%s/%s", g->tree.obj, relative), *to = strf("%s/%s", g->dir, name);
	int err;

	if (!tree_has_file(g->tree.obj, relative, NULL))
		return fail(OUT_BROKEN, "make ended well but left no %s", from);
	err = file_copy(from, to, 0644);
	return err ? fail(OUT_BROKEN, "can't copy %s to %s: %s", from, to, strerror(-err)) : 0;
}

static int take_module(const struct making *g, const char *module)
{
	_cleanup_free_ char *to = strf("%s/%s", g->dir, path_last(module));
	int ret = take(g, module, path_last(module));

	return ret ? ret : check_same(g, module, to);
}

static bool same_text(const char *a, const char *b)
{
	_cleanup_buf_ struct buf ta = { 0 }, tb = { 0 };

	return !file_read(a, &ta) && !file_read(b, &tb) && ta.len == tb.len &&
	       !memcmp(buf_str(&ta), buf_str(&tb), ta.len);
}

/* The tree's last image is this kernel's when all its symbols stand where they do. */
static int take_image(const struct making *g)
{
	_cleanup_free_ char *stored = strf("%s/System.map", g->b->dir);
	_cleanup_free_ char *map = strf("%s/System.map", g->tree.obj);

	if (!tree_has_file(g->tree.obj, "System.map", NULL) || !same_text(stored, map))
		return 0;
	return take(g, "vmlinux", "vmlinux");
}

/* ---- the sources ---- */

char *debuginfo_path(const char *named)
{
	_cleanup_strv_ struct strv parts = { 0 };
	_cleanup_buf_ struct buf b = { 0 };
	size_t n = 0;

	/* Named from obj/, so the first step up leads to the tree's own top. */
	if (!str_starts(named, "../"))
		return NULL;
	strv_split(&parts, named + 3, "/");
	for (size_t i = 0; i < parts.n; i++) {
		char *part = parts.v[i];

		if (!strcmp(part, "."))
			continue;
		if (strcmp(part, "..")) {
			parts.v[i] = parts.v[n];
			parts.v[n++] = part;
		} else if (!n--) {
			return NULL;
		}
	}
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%s%s", i ? "/" : "", parts.v[i]);
	return n ? xstrdup(buf_str(&b)) : NULL;
}

static int copy_source(const struct making *g, const char *from, const char *relative)
{
	_cleanup_free_ char *to = strf("%s/src/%s", g->dir, relative);
	_cleanup_free_ char *parent = xstrndup(to, (size_t)(strrchr(to, '/') - to));
	int err = mkdir_p(parent);

	if (!err)
		err = file_copy(from, to, 0644);
	return err ? fail(OUT_BROKEN, "can't copy %s to %s: %s", from, to, strerror(-err)) : 0;
}

/* One that an object was made of. What was made itself (include/generated) is no source. */
static int take_source(const struct making *g, const char *named)
{
	_cleanup_free_ char *relative = debuginfo_path(named), *from = NULL, *have = NULL;

	if (!relative || !tree_has_file(g->tree.src, relative, NULL))
		return 0;
	from = strf("%s/%s", g->tree.src, relative);
	have = strf("%s/src/%s", g->dir, relative);
	return path_exists(have) ? 0 : copy_source(g, from, relative);
}

/* "source_x.o := ../x.c" or "  ../x.h \": a word of .OBJECT.cmd that is a file from the tree. */
static int take_words(const struct making *g, char *text)
{
	int ret = 0;

	for (char *save, *w = strtok_r(text, " \t\n\\", &save); w && !ret;
	     w = strtok_r(NULL, " \t\n\\", &save))
		if (str_starts(w, "../"))
			ret = take_source(g, w);
	return ret;
}

static int take_sources_of(const struct making *g, const char *object)
{
	const char *name = path_last(object);
	_cleanup_free_ char *path = strf("%s/%.*s.%s.cmd", g->tree.obj, (int)(name - object), object, name);
	_cleanup_buf_ struct buf b = { 0 };

	/* Of assembler's and of the linker's own there is none, or it names no source. */
	return file_read(path, &b) ? 0 : take_words(g, b.data ? b.data : (char *)"");
}

/* MODULE.mod has its objects, a line each. */
static int take_sources(const struct making *g, const char *module)
{
	_cleanup_free_ char *stem = xstrndup(module, strlen(module) - strlen(".ko"));
	_cleanup_free_ char *path = strf("%s/%s.mod", g->tree.obj, stem);
	_cleanup_strv_ struct strv objects = { 0 };
	_cleanup_buf_ struct buf b = { 0 };
	int ret = 0;

	if (file_read(path, &b))
		return fail(OUT_BROKEN, "make ended well but left no %s", path);
	strv_split(&objects, buf_str(&b), " \n");
	for (size_t i = 0; !ret && i < objects.n; i++)
		ret = take_sources_of(g, objects.v[i]);
	return ret;
}

/* ---- all of it ---- */

/* They are named from obj/, so that must be there. */
static int make_folders(const struct making *g)
{
	_cleanup_free_ char *obj = strf("%s/src/" PATCH_RESERVED_DIR, g->dir);

	return mkdir_p(obj) ? fail(OUT_BROKEN, "can't make the folder %s: %m", obj) : 0;
}

static int put_in(struct making *g)
{
	int ret = make_folders(g);

	if (!ret)
		ret = take_image(g);

	for (size_t i = 0; !ret && i < g->modules->n; i++)
		ret = take_module(g, g->modules->v[i]);
	for (size_t i = 0; !ret && i < g->modules->n; i++)
		ret = take_sources(g, g->modules->v[i]);
	return ret;
}

static int make_in(void *ctx, const char *dir)
{
	struct making *g = ctx;
	int ret;

	g->dir = dir;
	ui_stage_begin("debug information");
	if (!sandbox_works())
		return fail(OUT_BROKEN, "a kernel's debug information is compiled in a sandbox alone, and bubblewrap can't make one here; `apt-get install bubblewrap`, or allow user namespaces");
	ret = cache_folder(&cache_logs, NULL);
	(void)unlink(g->log);
	if (!ret)
		ret = kernel_copy_tree(g->k, KERNEL_HOST, &g->tree);
	if (!ret)
		ret = compile(g);
	if (!ret)
		ret = put_in(g);
	worktree_close(&g->tree);
	if (!ret)
		ui_stage_end("compiled");
	return ret;
}

static void key_of(const struct making *g, char key[HASH_HEX_LEN + 1])
{
	struct hash *h = hash_new(RECIPE);

	hash_add_str(h, "kernel", g->b->key);
	hash_add_str(h, "flag", FLAG);
	for (size_t i = 0; i < g->modules->n; i++)
		hash_add_str(h, "module", g->modules->v[i]);
	hash_hex(h, key);
}

static void take_over(struct debuginfo *d)
{
	d->dir = xstrdup(cache_path(d->entry));
	d->sources = strf("%s/src", d->dir);
	d->image = strf("%s/vmlinux", d->dir);
	if (!path_exists(d->image))
		str_set(&d->image, NULL);
}

int debuginfo_get(const struct kernel_conf *k, const struct kernel_build *b,
		  const struct strv *modules, struct debuginfo *d)
{
	struct making g = { .k = k, .b = b, .modules = modules, .tree = { .lock = -1 } };
	char key[HASH_HEX_LEN + 1];
	int ret;

	*d = (struct debuginfo){ 0 };
	key_of(&g, key);
	g.log = path_in_cache("logs/debuginfo-%.12s.log", key);
	ret = cache_get(&kind, key, make_in, &g, &d->entry);
	free(g.log);
	if (!ret)
		take_over(d);
	return ret;
}

void debuginfo_free(struct debuginfo *d)
{
	cache_release(d->entry);
	free(d->dir);
	free(d->image);
	free(d->sources);
	*d = (struct debuginfo){ 0 };
}
