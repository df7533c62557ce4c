// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/source.h"

#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/ui.h"
#include "kernel/tree.h"

#define DIR_DIGITS 12

/* Some 1.7 GB each. wait_s: a git clone of a kernel over a slow line, or a slow disk. */
static const struct cache_kind sources = {
	.folder = "src", .what = "kernel sources", .keep_entries = 6, .wait_s = 1200,
};
CACHE_KIND(sources);

static const struct source_kind *const kinds[] = {
	&source_package, &source_tarball, &source_plain_tree, &source_git_tree, &source_git_fetched,
};

static const struct source_kind *kind_of(const struct kernel_conf *k)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i]->named(k))
			return kinds[i];
	return NULL;
}

/* A wrong tarball or folder is told now, not as make's answer half an hour later. */
static int check_is_kernel(const struct source *s, const char *dir)
{
	static const char *const marks[] = { "Makefile", "Kconfig", "arch/x86/Makefile" };

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (!tree_has_file(dir, marks[i], NULL))
			return fail(OUT_USAGE, "%s is not a Linux source tree: it has no %s",
				    s->name, marks[i]);
	return 0;
}

struct unpacking {
	const struct source_kind *kind;
	const struct kernel_conf *k;
	const struct source *s;
};

static int unpack(void *ctx, const char *dir)
{
	const struct unpacking *u = ctx;
	int ret;

	/* It was there a moment ago, and what is wanted was found to be near it. */
	if (u->s->changed.n)
		return fail(OUT_BROKEN, "the source tree %.*s was removed from the cache just now; try again", DIR_DIGITS, u->s->key);
	ui_stage_begin("%s source", u->k->source.any ? "suite's" : "kernel");
	ret = u->kind->unpack(u->k, u->s, dir);
	if (!ret && !u->k->source.any)
		ret = check_is_kernel(u->s, dir);
	if (!ret)
		ui_stage_end("unpacked %s", u->s->name);
	return ret;
}

int source_resolve(const struct kernel_conf *k, struct source *s)
{
	const struct source_kind *kind = kind_of(k);
	struct unpacking u = { .kind = kind, .k = k, .s = s };
	_cleanup_free_ char *key = NULL;
	int ret;

	*s = (struct source){ 0 };
	if (!kind)
		return fail(OUT_USAGE, "%s: [source] names no package, tarball, tree or git",
			    k->path);
	ret = kind->identify(k, s);
	if (ret)
		return ret;
	key = xstrndup(s->key, DIR_DIGITS);
	ret = cache_get(&sources, key, unpack, &u, &s->entry);
	if (!ret)
		s->dir = xstrdup(cache_path(s->entry));
	return ret;
}

void source_free(struct source *s)
{
	cache_release(s->entry);
	free(s->dir);
	free(s->name);
	strv_free(&s->changed);
	*s = (struct source){ 0 };
}
