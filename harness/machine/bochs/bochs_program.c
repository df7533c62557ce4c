// SPDX-License-Identifier: GPL-2.0-only
#include "machine/bochs/bochs_program.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/apt.h"
#include "core/cache.h"
#include "core/hash.h"
#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "core/ui.h"

/*
 * The suite whose source is taken: Bochs 2.7, of the suite before, was not tried without its
 * debugger.
 */
#define SUITE "trixie"
#define PATCHES "config/bochs"
#define KEY_DIGITS 16

/* As Debian's, but for the debugger and what only a person at a screen would miss. */
static const char *const options[] = {
	"--enable-smp", "--enable-x86-64", "--enable-long-phy-address", "--enable-all-optimizations", "--enable-vmx=2",
	"--enable-avx", "--enable-evex", "--enable-pci", "--with-rfb", "--with-nogui", "--disable-debugger", "--disable-plugins",
	"--disable-docbook", "--disable-large-ramfile", "CFLAGS=-O3", "CXXFLAGS=-O3",
};

static const struct cache_kind programs = {
	.folder = "bochs", .whole = "bochs", .what = "Bochs's programs", .keep_entries = 3, .wait_s = 3000,
};
CACHE_KIND(programs);

/* ---- which ---- */

static int list_patches(struct strv *paths)
{
	_cleanup_free_ char *folder = path_in_root(PATCHES);
	_cleanup_strv_ struct strv names = { 0 };
	int err = dir_list(folder, ".patch", &names);

	for (size_t i = 0; i < names.n; i++)
		strv_addf(paths, "%s/%s", folder, names.v[i]);
	return err ? fail(OUT_BROKEN, "can't list Bochs's patches in %s: %s", folder,
			  strerror(-err)) :
		     0;
}

/* The caller owns it; NULL after fail(). */
static char *build_key(void)
{
	_cleanup_strv_ struct strv patches = { 0 };
	struct hash *h = hash_new("bochs-1");
	char hex[HASH_HEX_LEN + 1];
	int ret = list_patches(&patches);

	hash_add_str(h, "suite", SUITE);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		hash_add_str(h, "option", options[i]);
	for (size_t i = 0; !ret && i < patches.n; i++)
		ret = hash_add_file(h, "patch", patches.v[i]);
	hash_hex(h, hex);
	return ret ? NULL : xstrndup(hex, KEY_DIGITS);
}

char *bochs_program(void)
{
	_cleanup_free_ char *key = build_key();
	char *ours;
	struct cache_entry *e = key ? cache_find(&programs, key) : NULL;

	if (!e)
		return xstrdup(BOCHS_DEBIAN);
	ours = strf("%s/bochs", cache_path(e));
	cache_hold(e);
	return ours;
}

bool bochs_is_debians(const char *program)
{
	return !strcmp(program, BOCHS_DEBIAN);
}

/* ---- fetching ---- */

static int download(const char *dir, char *uri, char *name, char *hash, const char *log)
{
	char *const argv[] = { (char *)"/usr/lib/apt/apt-helper", (char *)"download-file", uri, name, hash, NULL };
	struct proc p = { .what = "fetching Bochs's source", .argv = argv, .cwd = dir, .log_path = log, .deadline_s = 300 };

	return proc_check(&p);
}

/* A line of --print-uris: 'URI' NAME SIZE HASH. What Debian adds to the source is not needed. */
static int fetch_original(const char *dir, char *uris, const char *log)
{
	_cleanup_strv_ struct strv words = { 0 };
	char *line = strstr(uris, ".orig.tar.");

	while (line && line > uris && line[-1] != '\n')
		line--;
	if (line)
		line[strcspn(line, "\n")] = '\0';
	strv_split(&words, line ? line : "", " '");
	if (words.n != 4)
		return fail(OUT_BROKEN, "APT names no source of Bochs in " SUITE);
	return download(dir, words.v[0], words.v[1], words.v[3], log);
}

static int fetch(const char *dir, const char *log)
{
	static const char *const source[] = { "--print-uris", "source", "bochs", NULL };
	_cleanup_buf_ struct buf uris = { 0 };
	int ret = apt_begin(dir, "deb-src", SUITE, log);

	if (!ret)
		ret = apt_run(dir, "asking for Bochs's source", source, &uris, NULL);
	return ret ? ret : fetch_original(dir, uris.data ? uris.data : (char *)"", log);
}

/* ---- compiling ---- */

static int run_script(const char *dir, const char *what, const char *script, const char *arg,
		      const char *log)
{
	char *const argv[] = { (char *)"/bin/sh", (char *)"-ec", (char *)script, (char *)"sh", (char *)arg, NULL };
	struct proc p = {
		.what = what, .argv = argv, .cwd = dir, .log_path = log, .deadline_s = 1800
	};

	return proc_check(&p);
}

static int unpack(const char *dir, const char *log)
{
	_cleanup_strv_ struct strv patches = { 0 };
	int ret = list_patches(&patches);

	if (!ret)
		ret = run_script(dir, "unpacking Bochs's source", "mkdir src; tar -C src --strip-components=1 -xf bochs_*.orig.tar.*", "", log);
	for (size_t i = 0; !ret && i < patches.n; i++)
		ret = run_script(dir, "patching Bochs", "patch -d src -p1 --forward <\"$1\"", patches.v[i], log);
	return ret;
}

static int compile(const char *dir, const char *log)
{
	_cleanup_free_ char *src = strf("%s/src", dir);
	_cleanup_strv_ struct strv argv = { 0 };
	struct proc p = { .what = "configuring Bochs", .cwd = src, .log_path = log, .deadline_s = 300 };
	int ret;

	strv_add(&argv, "./configure");
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		strv_add(&argv, options[i]);
	p.argv = argv.v;
	ret = proc_check(&p);
	return ret ? ret : run_script(src, "compiling Bochs", "env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -j\"$(nproc)\"", "", log);
}

static int keep(const char *work, const char *dir)
{
	_cleanup_free_ char *from = strf("%s/src/bochs", work), *to = strf("%s/bochs", dir);
	int err = file_copy(from, to, 0755);

	if (err)
		return fail(OUT_BROKEN, "can't keep %s: %s", to, strerror(-err));
	(void)rm_rf(work);
	return 0;
}

static int build(void *ctx, const char *dir)
{
	_cleanup_free_ char *work = strf("%s/work", dir);
	const char *log = ctx;
	int ret = cache_folder(&cache_logs, NULL);

	if (!ret && mkdir_p(work))
		ret = fail(OUT_BROKEN, "can't make %s", work);
	unlink(log);
	if (!ret)
		ret = fetch(work, log);
	if (!ret)
		ret = unpack(work, log);
	if (!ret)
		ret = compile(work, log);
	return ret ? ret : keep(work, dir);
}

int bochs_build(void)
{
	_cleanup_free_ char *key = build_key(), *log = path_in_cache("logs/bochs.log");
	struct cache_entry *e;
	int ret;

	if (!key)
		return -fail_outcome();
	ui_stage_begin("Bochs");
	ret = cache_get(&programs, key, build, log, &e);
	if (ret)
		return fail_prefix("building a fast Bochs (the whole: %s)", log);
	ui_stage_end(cache_made(e) ? "built without its debugger" : "reused");
	cache_release(e);
	return 0;
}
