// SPDX-License-Identifier: GPL-2.0-only
/* Where files belong whose name does not say it: makefiles, and files that no base has. */
#include <stdlib.h>
#include <string.h>

#include "intake/internal.h"
#include "intake/lines.h"
#include "intake/locate.h"
#include "kernel/tree.h"

static const char *newest(const struct taking *t)
{
	return t->bases->v[t->bases->n - 1].dir;
}

/* "linux/" of "linux/arch/x86/kvm/cpuid.c": a folder that stands for the top of a tree. */
void intake_find_roots(struct taking *t)
{
	for (size_t i = 0; i < t->handed.n; i++) {
		const char *name = t->handed.v[i].name;
		_cleanup_free_ char *path = locate_path(name, newest(t)), *root = NULL;

		if (!path)
			continue;
		root = xstrndup(name, strlen(name) - strlen(path));
		if (!strv_has(&t->roots, root))
			strv_add(&t->roots, root);
	}
}

/* Has a base most of its lines there? */
static bool is_version_of(const struct taking *t, const char *path, const char *text)
{
	for (size_t i = 0; i < t->bases->n; i++) {
		_cleanup_buf_ struct buf there = { 0 };
		struct lines_apart a;

		intake_base_text(&t->bases->v[i], path, &there);
		lines_compare(buf_str(&there), text, &a);
		if (a.of > a.lost * 2 && (a.of - a.lost) * 2 > a.gained)
			return true;
	}
	return false;
}

static bool is_makefile(const char *name)
{
	return strstr(path_last(name), "Makefile") || strstr(path_last(name), "Kbuild");
}

static bool belongs_to_kernel(const struct taking *t, const char *name, const char *text)
{
	if (is_makefile(name))
		return strstr(text, "obj-y") || strstr(text, "obj-$(");
	return words_have_seed(text, t->seeds) && !own_is_program(text);
}

/* Below a root: a file that stands at the tree's top, or one that no base has. */
static char *place_below(const struct taking *t, const char *relative, const char *text)
{
	if (tree_has_file(newest(t), relative, NULL))
		return is_version_of(t, relative, text) ? xstrdup(relative) : NULL;
	if (!strchr(relative, '/') || tree_leaves(newest(t), relative) ||
	    !belongs_to_kernel(t, relative, text))
		return NULL;
	return xstrdup(relative);
}

/* By its lines, as all are called alike. */
static char *place_makefile(const struct taking *t, const char *text)
{
	static const char *const paths[] = { "Makefile", "Kbuild", "kernel/Makefile", "arch/x86/kvm/Makefile",
					     "arch/x86/kernel/Makefile", "arch/x86/entry/Makefile" };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (is_version_of(t, paths[i], text))
			return xstrdup(paths[i]);
	return NULL;
}

char *intake_place(const struct taking *t, const char *name, const char *text)
{
	for (size_t i = 0; i < t->roots.n; i++) {
		const char *root = t->roots.v[i];
		char *path = NULL;

		if (str_starts(name, root))
			path = place_below(t, name + strlen(root), text);
		if (path)
			return path;
	}
	return is_makefile(name) ? place_makefile(t, text) : NULL;
}

char *intake_place_by_object(const char *makefile, const char *text, const char *name)
{
	const char *last = path_last(name);
	_cleanup_free_ char *object = strf("%.*s.o", (int)strcspn(last, "."), last);
	const char *at = strstr(text, object);

	if (!is_makefile(makefile) || !strchr(makefile, '/') || !at || at == text || !strchr(" \t=", at[-1]))
		return NULL;
	return strf("%.*s/%.*s.c", (int)(strrchr(makefile, '/') - makefile), makefile, (int)strcspn(last, "."), last);
}
