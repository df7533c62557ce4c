// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/package.h"

#include <ctype.h>
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

#define KEY_DIGITS 16

/* Some 130 MB each. */
static const struct cache_kind packages = {
	.folder = "packages", .what = "fetched packages of kernel sources", .keep_entries = 8, .wait_s = 1200,
};
CACHE_KIND(packages);

static bool is_package_name(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.+-");

	return isalnum((unsigned char)name[0]) && !name[n];
}

/* In / and in what was fetched. */
static char *tarball_in(const char *root, const char *package)
{
	return strf("%s/usr/src/%s.tar.xz", root, package);
}

struct fetching {
	const char *package, *suite, *log;
};

/* The package's file is the only one: dir is empty but for what APT keeps in folders. */
static int unpack(const struct fetching *f, const char *dir)
{
	static const char script[] = "dpkg-deb -x ./*.deb . && rm -rf ./*.deb lists archives sources.list ./*.bin";
	const char *const argv[] = { "/bin/sh", "-ec", script, NULL };
	_cleanup_free_ char *tarball = tarball_in(dir, f->package);
	struct proc p = {
		.what = "unpacking the package", .argv = (char *const *)argv, .cwd = dir, .log_path = f->log, .deadline_s = 300,
	};
	int ret = proc_check(&p);

	if (!ret && !path_exists(tarball))
		ret = fail(OUT_BROKEN, "there is no usr/src/%s.tar.xz in the package", f->package);
	return ret;
}

static int fetch(void *ctx, const char *dir)
{
	const struct fetching *f = ctx;
	const char *const download[] = { "download", f->package, NULL };
	int ret = cache_folder(&cache_logs, NULL);

	ui_stage_begin("kernel source");
	unlink(f->log);
	if (!ret)
		ret = apt_begin(dir, "deb", f->suite, f->log);
	if (!ret)
		ret = apt_run(dir, "fetching it", download, NULL, f->log);
	if (!ret)
		ret = unpack(f, dir);
	ui_stage_end(ret ? "can't fetch %s of Debian %s" : "fetched %s of Debian %s", f->package, f->suite);
	return ret;
}

static char *key_of(const struct fetching *f)
{
	struct hash *h = hash_new("package-1");
	char hex[HASH_HEX_LEN + 1];

	hash_add_str(h, "package", f->package);
	hash_add_str(h, "suite", f->suite);
	hash_hex(h, hex);
	return xstrndup(hex, KEY_DIGITS);
}

static int find_or_fetch(const struct kernel_conf *k, char **path)
{
	_cleanup_free_ char *log = path_in_cache("logs/%s.log", k->source.package);
	struct fetching f = { k->source.package, k->source.suite, log };
	_cleanup_free_ char *key = key_of(&f);
	struct cache_entry *e;
	int ret = cache_get(&packages, key, fetch, &f, &e);

	if (ret)
		return fail_prefix("the kernel source %s is not installed, and can't be had from Debian %s (the whole: %s)",
				   f.package, f.suite, log);
	*path = tarball_in(cache_path(e), f.package);
	cache_hold(e);
	return 0;
}

int package_tarball(const struct kernel_conf *k, char **path)
{
	const char *package = k->source.package;

	*path = NULL;
	if (!is_package_name(package))
		return fail(OUT_USAGE, "%s: package = %s: not a Debian package's name", k->path, package);
	*path = tarball_in("", package);
	if (path_exists(*path))
		return 0;
	if (!k->source.suite)
		return fail(OUT_BROKEN, "the kernel source %s is missing: install it with `apt-get install %s`", *path, package);
	free(*path);
	*path = NULL;
	return find_or_fetch(k, path);
}
