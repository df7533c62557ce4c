// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/shortcut.h"

#include <string.h>

#include "core/outcome.h"
#include "kernel/tree.h"

/* What kbuild keeps dependencies for. A Makefile or Kconfig may change anything. */
static bool is_source(const char *path)
{
	return str_ends(path, ".c") || str_ends(path, ".h") || str_ends(path, ".S");
}

static bool in_folder_of(const char *path, const char *module)
{
	const char *slash = strrchr(module, '/');

	return slash && !strncmp(path, module, (size_t)(slash - module) + 1);
}

/*
 * No object names a new file yet, and a new header may shadow another, so it must be the modules'
 * own.
 */
static bool is_known(const char *path, const char *pristine, const struct strv *modules)
{
	if (tree_has_file(pristine, path, NULL))
		return true;
	for (size_t i = 0; i < modules->n; i++)
		if (in_folder_of(path, modules->v[i]))
			return true;
	return false;
}

/*
 * The last two parts, "/kvm/x86.h": kbuild names a file as it was included, which may be by
 * "arch/x86/kernel/../kvm/x86.h".
 */
static const char *tail(const char *path)
{
	const char *slash = strrchr(path, '/');

	while (slash && slash > path && slash[-1] != '/')
		slash--;
	return slash ? slash : path;
}

struct search {
	const struct worktree *w;
	const struct strv *written;
	bool found;
};

/* .FILE.cmd: the command that made an object, and each file that it read. */
static int look_into(const char *relative, const struct stat *st, void *ctx)
{
	struct search *s = ctx;
	_cleanup_free_ char *path = NULL;
	_cleanup_buf_ struct buf b = { 0 };

	(void)st;
	if (s->found || !str_ends(relative, ".cmd"))
		return 0;
	path = strf("%s/%s", s->w->obj, relative);
	if (file_read(path, &b)) {
		s->found = true;
		return 0;
	}
	if (strstr(buf_str(&b), " -DMODULE "))
		return 0;
	for (size_t i = 0; !s->found && i < s->written->n; i++)
		s->found = strstr(buf_str(&b), tail(s->written->v[i]));
	return 0;
}

bool shortcut_allowed(const struct worktree *w, const char *pristine, const struct strv *written,
		      const struct strv *modules)
{
	struct search s = { .w = w, .written = written };

	if (!modules->n)
		return false;
	for (size_t i = 0; i < written->n; i++)
		if (!is_source(written->v[i]) || !is_known(written->v[i], pristine, modules))
			return false;
	if (tree_each(w->obj, look_into, &s)) {
		fail_clear();
		return false;
	}
	return !s.found;
}
