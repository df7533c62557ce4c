// SPDX-License-Identifier: GPL-2.0-only
#include "run/identity.h"

#include <stdlib.h>
#include <string.h>

#include "core/hash.h"
#include "core/outcome.h"
#include "core/paths.h"
#include "history/entry.h"
#include "kernel/git.h"

#define DEADLINE_S 10
#define PROGRAMS "build/guest"

static int ask_git(const char *const args[], struct buf *out)
{
	const struct git g = { .what = "asking git for the checkout's commit",
			       .dir = path_root(),
			       .deadline_s = DEADLINE_S };

	return git_run(&g, args, out);
}

/* A checkout in somebody else's repository has none: the second line is where its root lies. */
static char *find_commit(void)
{
	static const char *const head[] = { "rev-parse", "HEAD", "--show-cdup", NULL };
	_cleanup_buf_ struct buf commit = { 0 };
	_cleanup_strv_ struct strv lines = { 0 };

	if (ask_git(head, &commit))
		return NULL;
	strv_split(&lines, buf_str(&commit), "\n");
	return lines.n == 1 ? xstrdup(lines.v[0]) : NULL;
}

/* Its version, or its commit. */
static char *release_line(size_t i)
{
	_cleanup_strv_ struct strv lines = { 0 };
	_cleanup_buf_ struct buf b = { 0 };

	if (!path_release() || file_read(path_release(), &b))
		return NULL;
	strv_split(&lines, buf_str(&b), "\n");
	return i < lines.n ? xstrdup(lines.v[i]) : NULL;
}

static void fill_commit(struct run_result *r)
{
	static const char *const status[] = { "status", "--porcelain", "--untracked-files=no",
					      NULL };
	_cleanup_free_ char *released = release_line(1), *commit = NULL, *told = NULL;
	_cleanup_buf_ struct buf changes = { 0 };

	if (released)
		result_set_manifest(r, MANIFEST_COMMIT, released);
	commit = path_release() ? NULL : find_commit();
	if (!commit || ask_git(status, &changes))
		return;
	told = strf("%s%s", commit, changes.len ? COMMIT_CHANGED : "");
	result_set_manifest(r, MANIFEST_COMMIT, told);
}

char *identity_version(void)
{
	static const char *const describe[] = { "describe", "--always", "--tags", "--dirty", NULL };
	_cleanup_free_ char *commit = NULL;
	_cleanup_buf_ struct buf out = { 0 };

	if (path_release())
		return release_line(0);
	commit = find_commit();
	if (!commit || ask_git(describe, &out))
		return NULL;
	return xstrdup(str_strip(out.data));
}

static int add_program(struct hash *h, const char *path)
{
	char hex[HASH_HEX_LEN + 1];
	int ret = hash_file(path, hex);

	if (!ret)
		hash_add_str(h, path_last(path), hex);
	return ret;
}

int identity_program(char hex[HASH_HEX_LEN + 1])
{
	_cleanup_free_ char *dir = path_in_root(PROGRAMS);
	_cleanup_strv_ struct strv names = { 0 };
	struct hash *h = hash_new("nestlab-program-1");
	int ret = add_program(h, "/proc/self/exe");

	dir_list(dir, NULL, &names);
	for (size_t i = 0; !ret && i < names.n; i++) {
		_cleanup_free_ char *path = strf("%s/%s", dir, names.v[i]);

		ret = add_program(h, path);
	}
	hash_hex(h, hex);
	return ret;
}

static void fill_program(struct run_result *r)
{
	char hex[HASH_HEX_LEN + 1];

	if (!identity_program(hex))
		result_set_manifest(r, MANIFEST_PROGRAM, hex);
}

/* What could not be told is left out; what went wrong before is still to be told. */
void identity_fill(struct run_result *r)
{
	_cleanup_free_ char *before = xstrdup(fail_text());
	enum outcome o = fail_outcome();

	fill_commit(r);
	fill_program(r);
	fail_restore(o, before);
}
