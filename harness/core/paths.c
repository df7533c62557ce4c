// SPDX-License-Identifier: GPL-2.0-only
#include "core/paths.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/hash.h"
#include "core/util.h"

/*
 * The program is ROOT/build/nestlab (or ROOT/build/tests/test_x): the first folder above that has
 * our config.
 */
static char *find_root(void)
{
	char exe[PATH_MAX] = "";
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	for (char *slash = n > 0 ? strrchr(exe, '/') : NULL; slash && slash != exe;
	     slash = strrchr(exe, '/')) {
		_cleanup_free_ char *mark = NULL;

		*slash = '\0';
		mark = strf("%s/config/defaults.conf", exe);
		if (path_exists(mark))
			return xstrdup(exe);
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

static char *find_cache(void)
{
	const char *set = getenv("NESTLAB_CACHE"), *xdg = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");

	if (set && *set)
		return xstrdup(set);
	if (xdg && *xdg)
		return strf("%s/nestlab", xdg);
	return strf("%s/.cache/nestlab", home && *home ? home : "/tmp");
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
