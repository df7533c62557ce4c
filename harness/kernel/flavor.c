// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/flavor.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/conf.h"
#include "core/near.h"
#include "core/outcome.h"
#include "core/paths.h"

#define FOLDER "config/flavors"
#define PLAIN "plain"
#define FIELD(f) offsetof(struct flavor, f)

static const struct conf_key keys[] = {
	{ "flavor", "title", CONF_STR, FIELD(title), 0, 0 },
	{ "flavor", "kernel", CONF_STR, FIELD(kernel), 0, 0 },
	{ "flavor", "fragments", CONF_LIST, FIELD(fragments), 0, 0 },
	{ "flavor", "make", CONF_LINES, FIELD(make), 0, 0 },
	{ "flavor", "module_cflags", CONF_LIST, FIELD(module_cflags), 0, 0 },
	{ "flavor", "slowdown", CONF_U32, FIELD(slowdown), 1, 100 },
	{ "flavor", "memory", CONF_U32, FIELD(memory), 0, 1 << 20 },
	{ "flavor", "changed_only", CONF_BOOL, FIELD(changed_only), 0, 0 },
	{ "flavor", "lost_updates", CONF_BOOL, FIELD(lost_updates), 0, 0 },
};

/*
 * What make's command line takes as a variable, and nothing that it would take for an option or a
 * goal.
 */
static bool is_assignment(const char *word)
{
	size_t n = strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");

	return n && word[n] == '=';
}

static int check_kernel(const struct flavor *f, const char *kernel, const char *path)
{
	const char *of = f->kernel ? f->kernel : "";
	bool host = !strcmp(of, "host");

	if (!host && strcmp(of, "guest"))
		return fail(OUT_USAGE, "%s: [flavor] kernel = %s: want host or guest", path, of);
	if (strcmp(of, kernel))
		return fail(OUT_USAGE,
			    "the flavour '%s' is one of the %s's kernel, not of the %s's: name it "
			    "by %s_FLAVOR=",
			    f->name, of, kernel, host ? "KERNEL" : "GUEST");
	return 0;
}

static int check(const struct flavor *f, const char *path)
{
	if (!f->fragments.n)
		return fail(OUT_USAGE, "%s: [flavor] names no fragments", path);
	for (size_t i = 0; i < f->make.n; i++)
		if (!is_assignment(f->make.v[i]))
			return fail(OUT_USAGE, "%s: make = %s: want VARIABLE=VALUE", path,
				    f->make.v[i]);
	return 0;
}

int flavor_load(const char *name, const char *kernel, struct flavor *f)
{
	_cleanup_free_ char *relative = strf(FOLDER "/%s.conf", name);
	_cleanup_free_ char *path = path_in_root(relative);
	int ret;

	*f = (struct flavor){ .slowdown = 1 };
	if (!*name || !strcmp(name, PLAIN))
		return 0;
	if (strchr(name, '/') || !path_exists(path))
		return near_fail_in("there is no flavour of a kernel", name, FOLDER, PLAIN);
	str_set(&f->name, name);
	ret = conf_load(path, keys, ARRAY_SIZE(keys), f);
	if (!ret)
		ret = check(f, path);
	return ret ? ret : check_kernel(f, kernel, path);
}

void flavor_free(struct flavor *f)
{
	conf_free(keys, ARRAY_SIZE(keys), f);
	free(f->name);
	*f = (struct flavor){ .slowdown = 1 };
}
