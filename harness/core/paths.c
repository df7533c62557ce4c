// SPDX-License-Identifier: GPL-2.0-only
#include "core/paths.h"

#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/hash.h"
#include "core/util.h"

static bool has_config(const char *dir)
{
	_cleanup_free_ char *mark = strf("%s/config/defaults.conf", dir);

	return path_exists(mark);
}

/*
 * The program is ROOT/build/nestlab (or ROOT/build/tests/test_x), or PREFIX/bin/nestlab with its
 * root in PREFIX/share: the first folder above that has our config.
 */
static char *find_root(void)
{
	char exe[PATH_MAX] = "";
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	for (char *slash = n > 0 ? strrchr(exe, '/') : NULL; slash && slash != exe;
	     slash = strrchr(exe, '/')) {
		_cleanup_free_ char *share = NULL;

		*slash = '\0';
		share = strf("%s/share/nestlab", exe);
		if (has_config(exe) || has_config(share))
			return xstrdup(has_config(exe) ? exe : share);
	}
	if (!getcwd(exe, sizeof(exe)))
		return xstrdup(".");
	return xstrdup(exe);
}

const char *path_root(void)
{
	static char *root;
	const char *set = getenv("NESTLAB_ROOT");

	if (!root)
		root = set && *set ? xstrdup(set) : find_root();
	return root;
}

const char *path_release(void)
{
	static char *release;

	if (!release) {
		_cleanup_free_ char *path = path_in_root("release");

		release = path_exists(path) ? xstrdup(path) : xstrdup("");
	}
	return *release ? release : NULL;
}

/* XDG's: the folder that a variable names, or one in the user's home. */
static char *of_user(const char *variable, const char *in_home)
{
	const char *xdg = getenv(variable), *home = getenv("HOME");

	if (xdg && *xdg)
		return strf("%s/nestlab", xdg);
	return strf("%s/%s/nestlab", home && *home ? home : "/tmp", in_home);
}

static char *find_results(void)
{
	const char *set = getenv("NESTLAB_RESULTS");
	_cleanup_free_ char *user = NULL;

	if (set && *set)
		return xstrdup(set);
	if (!path_release())
		return path_in_root("results");
	user = of_user("XDG_DATA_HOME", ".local/share");
	return strf("%s/results", user);
}

const char *path_results(void)
{
	static char *results;

	if (!results)
		results = find_results();
	return results;
}

void path_confs(struct strv *paths)
{
	_cleanup_free_ char *ours = path_in_root("config/defaults.conf"), *user = NULL, *own = NULL;

	if (!path_release()) {
		strv_add(paths, ours);
		return;
	}
	user = of_user("XDG_CONFIG_HOME", ".config");
	own = strf("%s/nestlab.conf", user);
	if (path_exists(PATH_SITE_CONF))
		strv_add(paths, PATH_SITE_CONF);
	if (path_exists(own))
		strv_add(paths, own);
}

const char *path_conf_told(void)
{
	return path_release() ? "~/.config/nestlab/nestlab.conf" : "config/defaults.conf";
}

static char *find_cache(void)
{
	const char *set = getenv("NESTLAB_CACHE");

	return set && *set ? xstrdup(set) : of_user("XDG_CACHE_HOME", ".cache");
}

const char *path_cache(void)
{
	static char *cache;

	if (!cache)
		cache = find_cache();
	return cache;
}

static char *find_run(void)
{
	const char *set = getenv("NESTLAB_RUN"), *xdg = getenv("XDG_RUNTIME_DIR");
	struct hash *h = hash_new("run-dir-1");
	char hex[HASH_HEX_LEN + 1];
	bool use_xdg = xdg && *xdg && strlen(xdg) < 40 && !access(xdg, W_OK);

	hash_add_str(h, "root", path_root());
	hash_hex(h, hex);
	if (set && *set)
		return xstrdup(set);
	return strf("%s/nestlab-%u-%.8s", use_xdg ? xdg : "/tmp", (unsigned int)getuid(), hex);
}

static const char *first_run(void)
{
	static char *first;

	if (!first)
		first = find_run();
	return first;
}

static char *place_run;

char *path_run_of(const char *place)
{
	bool first = !strcmp(place, PATH_FIRST_PLACE);

	return first ? xstrdup(first_run()) : strf("%s-%s", first_run(), place);
}

void path_use_place(const char *place)
{
	free(place_run);
	place_run = path_run_of(place);
}

const char *path_run(void)
{
	return place_run ? place_run : first_run();
}

char *path_in_root(const char *relative)
{
	return relative[0] == '/' ? xstrdup(relative) : strf("%s/%s", path_root(), relative);
}

char *path_in_cache(const char *fmt, ...)
{
	_cleanup_free_ char *rest = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&rest, fmt, ap) < 0)
		abort();
	va_end(ap);
	return strf("%s/%s", path_cache(), rest);
}
