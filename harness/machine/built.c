// SPDX-License-Identifier: GPL-2.0-only
#include "machine/built.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/apt.h"
#include "core/hash.h"
#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "core/ui.h"

#define KEY_DIGITS 16
#define TRY_AGAIN_S 3600

/* ---- which ---- */

static int list_patches(const struct built *b, struct strv *paths)
{
	_cleanup_free_ char *relative = strf("config/%s", b->name), *folder = path_in_root(relative);
	_cleanup_strv_ struct strv names = { 0 };
	int err = dir_list(folder, ".patch", &names);

	for (size_t i = 0; i < names.n; i++)
		strv_addf(paths, "%s/%s", folder, names.v[i]);
	return err ? fail(OUT_BROKEN, "can't list %s's patches in %s: %s", b->title, folder,
			  strerror(-err)) :
		     0;
}

/* The caller owns it; NULL after fail(). */
static char *build_key(const struct built *b)
{
	_cleanup_free_ char *what = strf("%s-1", b->name);
	_cleanup_strv_ struct strv patches = { 0 };
	struct hash *h = hash_new(what);
	char hex[HASH_HEX_LEN + 1];
	int ret = list_patches(b, &patches);

	hash_add_str(h, "suite", b->suite);
	for (size_t i = 0; i < b->n_options; i++)
		hash_add_str(h, "option", b->options[i]);
	for (size_t i = 0; !ret && i < patches.n; i++)
		ret = hash_add_file(h, "patch", patches.v[i]);
	hash_hex(h, hex);
	return ret ? NULL : xstrndup(hex, KEY_DIGITS);
}

char *built_program(const struct built *b)
{
	_cleanup_free_ char *key = build_key(b);
	char *program;
	struct cache_entry *e = key ? cache_find(b->kind, key) : NULL;

	if (!e)
		return NULL;
	program = strf("%s/%s", cache_path(e), path_last(b->program));
	cache_hold(e);
	return program;
}

/* ---- making ---- */

struct making {
	const struct built *b;
	const char *log;
	char *work;
};

static int fetch(const struct making *m)
{
	const char *const source[] = { "--download-only", "source", m->b->name, m->b->part, NULL };
	_cleanup_free_ char *what = strf("fetching %s's source", m->b->title);
	int ret = apt_begin(m->work, "deb-src", m->b->suite, m->log);

	return ret ? ret : apt_run(m->work, what, source, NULL, m->log);
}

static int run_script(const struct making *m, const char *folder, const char *doing,
		      const char *script, const char *arg)
{
	char *const argv[] = { (char *)"/bin/sh", (char *)"-ec", (char *)script, (char *)"sh", (char *)arg, NULL };
	_cleanup_free_ char *what = strf("%s %s", doing, m->b->title);
	struct proc p = {
		.what = what, .argv = argv, .cwd = folder, .log_path = m->log, .deadline_s = 3600
	};

	return proc_check(&p);
}

static int unpack(const struct making *m)
{
	_cleanup_strv_ struct strv patches = { 0 };
	int ret = list_patches(m->b, &patches);

	if (!ret)
		ret = run_script(m, m->work, "unpacking the source of", m->b->unpack, "");
	for (size_t i = 0; !ret && i < patches.n; i++)
		ret = run_script(m, m->work, "patching", "patch -d src -p1 --forward <\"$1\"", patches.v[i]);
	return ret;
}

static int compile(const struct making *m)
{
	_cleanup_free_ char *src = strf("%s/src", m->work), *what = strf("configuring %s", m->b->title);
	_cleanup_strv_ struct strv argv = { 0 };
	struct proc p = { .what = what, .cwd = src, .log_path = m->log, .deadline_s = 600 };
	int ret;

	strv_add(&argv, "./configure");
	for (size_t i = 0; i < m->b->n_options; i++)
		strv_add(&argv, m->b->options[i]);
	p.argv = argv.v;
	ret = proc_check(&p);
	return ret ? ret : run_script(m, src, "compiling", m->b->compile, "");
}

static int keep(const struct making *m, const char *dir)
{
	_cleanup_free_ char *from = strf("%s/src/%s", m->work, m->b->program);
	_cleanup_free_ char *to = strf("%s/%s", dir, path_last(m->b->program));
	int err = file_copy(from, to, 0755);

	if (err)
		return fail(OUT_BROKEN, "can't keep %s: %s", to, strerror(-err));
	(void)rm_rf(m->work);
	return 0;
}

static int make(void *ctx, const char *dir)
{
	struct making *m = ctx;
	int ret = cache_folder(&cache_logs, NULL);

	free(m->work);
	m->work = strf("%s/work", dir);
	if (!ret && mkdir_p(m->work))
		ret = fail(OUT_BROKEN, "can't make %s", m->work);
	unlink(m->log);
	if (!ret)
		ret = fetch(m);
	if (!ret)
		ret = unpack(m);
	if (!ret)
		ret = compile(m);
	return ret ? ret : keep(m, dir);
}

static char *failure_of(const struct built *b)
{
	return path_in_cache("logs/%s.failed", b->name);
}

int built_make(const struct built *b)
{
	_cleanup_free_ char *key = build_key(b), *failure = failure_of(b), *log = path_in_cache("logs/%s.log", b->name);
	struct making m = { .b = b, .log = log };
	struct cache_entry *e;
	int ret;

	if (!key)
		return -fail_outcome();
	ui_stage_begin("%s", b->title);
	ret = cache_get(b->kind, key, make, &m, &e);
	free(m.work);
	if (ret)
		return fail_prefix("building %s (the whole: %s)", b->title, log);
	ui_stage_end("%s", cache_made(e) ? b->told : "reused");
	cache_release(e);
	unlink(failure);
	return 0;
}

static bool failed_of_late(const char *failure)
{
	struct stat st;

	return !stat(failure, &st) && time(NULL) - st.st_mtime < TRY_AGAIN_S;
}

int built_provide(const struct built *b)
{
	_cleanup_free_ char *failure = failure_of(b);
	int ret;

	if (failed_of_late(failure))
		return -1;
	ret = built_make(b);
	if (!ret || fail_outcome() == OUT_INTERRUPTED)
		return ret;
	ui_note("%s: the lane goes without (`nestlab %s` tries again)", fail_text(), b->name);
	fail_clear();
	if (file_write(failure, "", 0, 0666))
		ui_note("can't write %s", failure);
	return ret;
}
