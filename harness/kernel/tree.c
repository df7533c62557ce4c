// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/proc.h"
#include "core/util.h"

struct clone {
	const char *from, *to;
	enum tree_how how;
	bool (*skip)(const char *relative, bool is_dir);
};

static int copy_file(const char *from, const char *to, const struct stat *st)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };
	int err = file_copy(from, to, st->st_mode & 0777);

	if (err)
		return err;
	/*
	 * make compares times: a clone of built objects must not look newer or older than its
	 * sources.
	 */
	return utimensat(AT_FDCWD, to, times, 0) ? -errno : 0;
}

static int copy_symlink(const char *from, const char *to)
{
	char target[4096];
	ssize_t n = readlink(from, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	return symlink(target, to) ? -errno : 0;
}

static int link_file(struct clone *c, const char *from, const char *to, const struct stat *st)
{
	if (c->how == TREE_LINK) {
		if (!linkat(AT_FDCWD, from, AT_FDCWD, to, 0))
			return 0;
		/*
		 * No hard links here (another file system, a policy, too many of them): copy from
		 * now on.
		 */
		if (errno != EXDEV && errno != EPERM && errno != EMLINK && errno != EOPNOTSUPP)
			return -errno;
	}
	return copy_file(from, to, st);
}

static int clone_entry(struct clone *c, const FTSENT *e)
{
	_cleanup_free_ char *to = strf("%s%s", c->to, e->fts_path + strlen(c->from));

	switch (e->fts_info) {
	case FTS_D:
		if (!mkdir(to, (e->fts_statp->st_mode & 0777) | 0700))
			return 0;
		return e->fts_level == 0 && errno == EEXIST ? 0 : -errno;
	case FTS_F:
		return link_file(c, e->fts_path, to, e->fts_statp);
	case FTS_SL:
	case FTS_SLNONE:
		return copy_symlink(e->fts_path, to);
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		return -e->fts_errno;
	default: /* sockets and the like have no place in a source tree */
		return 0;
	}
}

static bool skipped(const struct clone *c, const FTSENT *e)
{
	return c->skip && e->fts_level > 0 &&
	       c->skip(e->fts_path + strlen(c->from) + 1, e->fts_info == FTS_D);
}

static int clone_all(struct clone *c, FTS *fts)
{
	FTSENT *e;

	while ((e = fts_read(fts))) {
		int err;

		if (proc_interrupted())
			return fail(OUT_INTERRUPTED, "interrupted while cloning %s", c->from);
		if (e->fts_info == FTS_DP)
			continue;
		if (skipped(c, e)) {
			fts_set(fts, e, FTS_SKIP);
			continue;
		}
		err = clone_entry(c, e);
		if (err)
			return fail(OUT_BROKEN, "can't clone %s to %s: %s", e->fts_path, c->to,
				    strerror(-err));
	}
	return 0;
}

int tree_clone(const char *from, const char *to, enum tree_how how,
	       bool (*skip)(const char *relative, bool is_dir))
{
	struct clone c = { .from = from, .to = to, .how = how, .skip = skip };
	char *roots[] = { (char *)from, NULL };
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	int ret;

	if (!fts)
		return fail(OUT_BROKEN, "can't read the folder %s: %s", from, strerror(errno));
	ret = clone_all(&c, fts);
	fts_close(fts);
	return ret;
}

static bool is_unreadable(const FTSENT *e)
{
	return e->fts_info == FTS_DNR || e->fts_info == FTS_ERR || e->fts_info == FTS_NS;
}

static int cant_read(const FTSENT *e)
{
	return fail(OUT_BROKEN, "can't read %s: %s", e->fts_path, strerror(e->fts_errno));
}

int tree_each_of(const char *root,
		 int (*visit)(const char *relative, const struct stat *st, void *ctx), void *ctx)
{
	char *roots[] = { (char *)root, NULL };
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *e;
	int ret = 0;

	if (!fts)
		return fail(OUT_BROKEN, "can't read the folder %s: %s", root, strerror(errno));
	while (!ret && (e = fts_read(fts))) {
		bool lost = is_unreadable(e);

		if (lost && !e->fts_level)
			ret = cant_read(e);
		else if (lost || (e->fts_info != FTS_D && e->fts_info != FTS_DP))
			ret = visit(e->fts_path + strlen(root) + 1, lost ? NULL : e->fts_statp,
				    ctx);
	}
	fts_close(fts);
	return ret;
}

struct all_of_it {
	const char *root;
	int (*visit)(const char *relative, const struct stat *st, void *ctx);
	void *ctx;
};

static int visit_readable(const char *relative, const struct stat *st, void *ctx)
{
	const struct all_of_it *a = ctx;

	if (!st)
		return fail(OUT_BROKEN, "can't read %s/%s", a->root, relative);
	return a->visit(relative, st, a->ctx);
}

int tree_each(const char *root,
	      int (*visit)(const char *relative, const struct stat *st, void *ctx), void *ctx)
{
	struct all_of_it a = { root, visit, ctx };

	return tree_each_of(root, visit_readable, &a);
}

bool tree_leaves(const char *root, const char *relative)
{
	_cleanup_free_ char *path = strf("%s/%s", root, relative);
	char *slash = path + strlen(root);
	struct stat s;

	while ((slash = strchr(slash + 1, '/'))) {
		*slash = '\0';
		if (lstat(path, &s))
			return errno != ENOENT;
		if (!S_ISDIR(s.st_mode))
			return true;
		*slash = '/';
	}
	return false;
}

bool tree_has_file(const char *root, const char *relative, struct stat *st)
{
	_cleanup_free_ char *path = strf("%s/%s", root, relative);
	struct stat s;

	if (tree_leaves(root, relative) || lstat(path, &s) || !S_ISREG(s.st_mode))
		return false;
	if (st)
		*st = s;
	return true;
}
