// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/source.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/ui.h"
#include "kernel/lock.h"
#include "kernel/tree.h"

#define UNPACK_DEADLINE_S 1200 /* a git clone of a kernel over a slow line, or a slow disk */
#define DIR_DIGITS 12

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

static int unpack_to(const struct source_kind *kind, const struct kernel_conf *k,
		     const struct source *s, const char *tmp)
{
	int ret;

	if (mkdir(tmp, 0777))
		return fail(OUT_BROKEN, "can't make the folder %s: %m", tmp);
	ret = kind->unpack(k, s, tmp);
	if (!ret)
		ret = check_is_kernel(s, tmp);
	if (!ret && rename(tmp, s->dir))
		ret = fail(OUT_BROKEN, "can't rename %s to %s: %m", tmp, s->dir);
	return ret;
}

static int unpack(const struct source_kind *kind, const struct kernel_conf *k,
		  const struct source *s, const char *src)
{
	_cleanup_free_ char *tmp = tree_temp(src, "unpack");
	int ret;

	tree_sweep(src);
	ui_stage_begin("kernel source");
	(void)rm_rf(tmp); /* of an earlier try of this process */
	ret = unpack_to(kind, k, s, tmp);
	if (ret)
		(void)rm_rf(tmp);
	else
		ui_stage_end("unpacked %s", s->name);
	return ret;
}

static int make_tree(const struct source_kind *kind, const struct kernel_conf *k,
		     const struct source *s)
{
	_cleanup_free_ char *src = path_in_cache("src");
	_cleanup_free_ char *lock = path_in_cache("src/.lock");
	_cleanup_close_ int fd = -1;

	if (mkdir_p(src))
		return fail(OUT_BROKEN, "can't make the cache folder %s: %m", src);
	fd = lock_take(lock, "the kernel sources in the cache", UNPACK_DEADLINE_S);
	if (fd < 0)
		return fd;
	if (path_exists(s->dir)) /* made while we waited */
		return 0;
	return unpack(kind, k, s, src);
}

int source_resolve(const struct kernel_conf *k, struct source *s)
{
	const struct source_kind *kind = kind_of(k);
	int ret;

	*s = (struct source){ 0 };
	if (!kind)
		return fail(OUT_USAGE, "%s: [source] names no package, tarball, tree or git",
			    k->path);
	ret = kind->identify(k, s);
	if (ret)
		return ret;
	s->dir = path_in_cache("src/%.*s", DIR_DIGITS, s->key);
	if (path_exists(s->dir))
		return 0;
	return make_tree(kind, k, s);
}

void source_free(struct source *s)
{
	free(s->dir);
	free(s->name);
	strv_free(&s->changed);
	*s = (struct source){ 0 };
}
