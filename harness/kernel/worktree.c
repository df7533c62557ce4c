// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/worktree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/cache.h"
#include "core/outcome.h"
#include "core/ui.h"
#include "kernel/patch.h"
#include "kernel/tree.h"

/* Some 400 MB of objects each. wait_s: a whole cold build by another nestlab, and a little. */
static const struct cache_kind trees = {
	.folder = "work", .what = "work trees", .keep_entries = 16, .wait_s = 4000, .changes = true,
};
CACHE_KIND(trees);

/* ---- what is installed ---- */

static char *record_path(const struct worktree *w)
{
	return strf("%s/installed", w->dir);
}

/* One path a line: the files that may differ from the pristine tree. */
static int read_record(const struct worktree *w, struct strv *paths)
{
	_cleanup_free_ char *path = record_path(w);
	_cleanup_buf_ struct buf b = { 0 };
	int err = file_read(path, &b);

	if (err == -ENOENT)
		return 0;
	if (err)
		return fail(OUT_BROKEN, "can't read %s: %s", path, strerror(-err));
	strv_split(paths, buf_str(&b), "\n");
	return 0;
}

static int write_record(const struct worktree *w, const struct strv *paths)
{
	_cleanup_free_ char *path = record_path(w);
	_cleanup_buf_ struct buf b = { 0 };
	int err;

	for (size_t i = 0; i < paths->n; i++)
		buf_printf(&b, "%s\n", paths->v[i]);
	err = file_write(path, buf_str(&b), b.len, 0666);
	return err ? fail(OUT_BROKEN, "can't write %s: %s", path, strerror(-err)) : 0;
}

static const struct series_file *find_file(const struct series *s, const char *path)
{
	for (size_t i = 0; i < s->n_files; i++)
		if (!strcmp(s->files[i].path, path))
			return &s->files[i];
	return NULL;
}

/* ---- one file ---- */

struct install {
	struct worktree *w;
	const char *pristine;
	const struct series *series;
	struct strv *written;
};

static bool same_content(const char *a, const char *b)
{
	_cleanup_buf_ struct buf ba = { 0 }, bb = { 0 };

	return !file_read(a, &ba) && !file_read(b, &bb) && ba.len == bb.len &&
	       !memcmp(buf_str(&ba), buf_str(&bb), ba.len);
}

static bool same_file(const char *have, const char *want)
{
	struct stat h, w;

	return !stat(have, &h) && !stat(want, &w) && (h.st_mode & 0100) == (w.st_mode & 0100) &&
	       same_content(have, want);
}

/* Folders that a series made go with its last file: kbuild looks for some by name. */
static void remove_empty_parents(const struct install *in, const char *relative)
{
	_cleanup_free_ char *rel = xstrdup(relative);
	char *slash;

	while ((slash = strrchr(rel, '/'))) {
		_cleanup_free_ char *pristine = NULL, *here = NULL;

		*slash = '\0';
		pristine = strf("%s/%s", in->pristine, rel);
		here = strf("%s/%s", in->w->src, rel);
		if (path_exists(pristine) || rmdir(here))
			return;
	}
}

static int remove_file(struct install *in, const char *relative, const char *have)
{
	if (unlink(have)) {
		if (errno == ENOENT || errno == ENOTDIR)
			return 0;
		return fail(OUT_BROKEN, "can't remove %s: %m", have);
	}
	strv_add(in->written, relative);
	remove_empty_parents(in, relative);
	return 0;
}

/*
 * A new file takes the old one's place, by a rename: writing into the old would change the
 * pristine tree, whose inode it is. And it is a copy with the time of now also where the pristine
 * content comes back: a link would bring the old time back too, and make would keep the object of
 * the patched file.
 */
static int write_file(struct install *in, const char *relative, const char *have, const char *want)
{
	_cleanup_free_ char *parent = xstrndup(have, (size_t)(strrchr(have, '/') - have));
	struct stat st;
	int err;

	if (same_file(have, want))
		return 0;
	if (stat(want, &st))
		return fail(OUT_BROKEN, "can't read %s: %m", want);
	err = mkdir_p(parent);
	if (!err)
		err = file_copy(want, have, st.st_mode & 0777);
	if (err)
		return fail(OUT_BROKEN, "can't write %s: %s", have, strerror(-err));
	strv_add(in->written, relative);
	return 0;
}

static int install_file(struct install *in, const char *relative)
{
	const struct series_file *f = find_file(in->series, relative);
	_cleanup_free_ char *have = strf("%s/%s", in->w->src, relative);
	_cleanup_free_ char *want = strf("%s/%s", f ? in->series->dir : in->pristine, relative);

	if (tree_leaves(in->w->src, relative))
		return fail(OUT_BUILD_ERROR,
			    "the patches touch %s, which lies behind a symbolic link", relative);
	if (f ? f->deleted : !tree_has_file(in->pristine, relative, NULL))
		return remove_file(in, relative, have);
	return write_file(in, relative, have, want);
}

/* ---- all of them ---- */

static void add_paths(const struct series *s, struct strv *paths)
{
	for (size_t i = 0; i < s->n_files; i++)
		strv_add(paths, s->files[i].path);
}

int worktree_install(struct worktree *w, const char *pristine, const struct series *series,
		     struct strv *written)
{
	struct install in = {
		.w = w, .pristine = pristine, .series = series, .written = written
	};
	_cleanup_strv_ struct strv both = { 0 }, now = { 0 };
	int ret = read_record(w, &both);

	add_paths(series, &both);
	add_paths(series, &now);
	if (!ret)
		ret = write_record(w, &both);
	for (size_t i = 0; !ret && i < both.n; i++)
		ret = install_file(&in, both.v[i]);
	if (!ret)
		ret = write_record(w, &now);
	return ret;
}

/* ---- making and opening ---- */

static void set_src(struct worktree *w, const char *src, const char *inside)
{
	str_set(&w->src, src);
	str_set(&w->inside, inside);
	free(w->obj);
	w->obj = strf("%s/" PATCH_RESERVED_DIR, src);
}

static void set_dir(struct worktree *w, char *dir)
{
	_cleanup_free_ char *src = strf("%s/src", dir);

	w->dir = dir;
	w->mark = strf("%s/building", dir);
	set_src(w, src, src);
}

static bool is_obj(const char *relative, bool is_dir)
{
	(void)is_dir;
	return !strcmp(relative, PATCH_RESERVED_DIR);
}

static bool is_kconfig(const char *relative)
{
	const char *slash = strrchr(relative, '/');

	return str_starts(slash ? slash + 1 : relative, "Kconfig");
}

/*
 * Some of the files are for readers and testers. No kernel is built from them, and what is not
 * linked need not be removed. But Kconfig reads all of its kind. (Other processors' files stay:
 * fs/hostfs includes a makefile of arch/um, whatever is configured.)
 */
static bool is_needless(const char *relative, bool is_dir)
{
	static const char *const folders[] = { "Documentation/", "tools/testing/", "tools/perf/" };

	/* A source with a folder of that name would be taken for our objects. */
	if (is_obj(relative, is_dir))
		return true;
	if (is_kconfig(relative))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (str_starts(relative, folders[i]))
			return true;
	return false;
}

static int make_pristine(const struct source *s, const struct worktree *w)
{
	int ret = tree_clone(s->dir, w->src, TREE_LINK, is_needless);

	if (!ret && mkdir(w->obj, 0777))
		ret = fail(OUT_BROKEN, "can't make the folder %s: %m", w->obj);
	return ret;
}

/*
 * Sources can be shared by links: make can't write to them, and installing takes a new inode.
 * Objects can't: a compiler may write into the file that is there.
 */
static int copy_tree(const struct worktree *from, const struct worktree *to)
{
	int ret = tree_clone(from->src, to->src, TREE_LINK, is_obj);

	return ret ? ret : tree_clone(from->obj, to->obj, TREE_COPY, NULL);
}

static bool look_through(const struct worktree *from, struct worktree *to)
{
	_cleanup_free_ char *lower = strf("../%s/src", path_last(from->dir));

	if (!overlay_open(lower, to->dir, &to->view))
		return false;
	set_src(to, to->view.outside, to->view.inside);
	return true;
}

static int copy_record(const struct worktree *from, const struct worktree *to)
{
	_cleanup_free_ char *old_record = record_path(from), *new_record = record_path(to);

	if (path_exists(old_record) && file_copy(old_record, new_record, 0666))
		return fail(OUT_BROKEN, "can't copy %s to %s: %m", old_record, new_record);
	return 0;
}

static int make_private(const struct worktree *from, bool copied, struct worktree *to)
{
	int ret = 0;

	if (mkdir(to->dir, 0777))
		return fail(OUT_BROKEN, "can't make the folder %s: %m", to->dir);
	if (copied || !look_through(from, to))
		ret = copy_tree(from, to);
	return ret ? ret : copy_record(from, to);
}

int worktree_begin(const struct worktree *w)
{
	if (file_write(w->mark, "", 0, 0666))
		return fail(OUT_BROKEN, "can't write %s: %m", w->mark);
	return 0;
}

void worktree_end(const struct worktree *w)
{
	(void)unlink(w->mark);
}

/* ---- after a build that was killed ---- */

/* What a build that had no end wrote. */
struct leftovers {
	struct timespec since;
	struct strv paths; /* relative to obj */
	size_t files;	   /* in all */
	bool configured;   /* it wrote the configuration, too */
};

static bool is_before(struct timespec a, struct timespec b)
{
	return a.tv_sec < b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec < b.tv_nsec);
}

/*
 * kbuild touches include/config/OPTION for what depends on it, and objects that read it are old
 * then. Without the touched file make would not see that.
 */
static bool is_configuration(const char *relative)
{
	return !strcmp(relative, ".config") ||
	       (str_starts(relative, "include/config/") && !str_ends(relative, ".tmp") &&
		strcmp(relative, "include/config/kernel.release"));
}

/*
 * By the later of both times: `mv` and `cp -p` keep one. Files of the same tick of the kernel's
 * clock as the mark count as its build's.
 */
static int look_at(const char *relative, const struct stat *st, void *ctx)
{
	struct leftovers *l = ctx;

	l->files++;
	if (is_before(st->st_mtim, l->since) && is_before(st->st_ctim, l->since))
		return 0;
	l->configured |= is_configuration(relative);
	strv_add(&l->paths, relative);
	return 0;
}

static int drop(const char *path)
{
	if (unlink(path) && errno != ENOENT)
		return fail(OUT_BROKEN, "can't remove %s, which a killed build left: %m", path);
	return 0;
}

static char *whole_path(const struct worktree *w)
{
	return strf("%s/" WORKTREE_WHOLE, w->obj);
}

bool worktree_is_whole(const struct worktree *w)
{
	return tree_has_file(w->obj, WORKTREE_WHOLE, NULL);
}

void worktree_set_whole(const struct worktree *w)
{
	_cleanup_free_ char *path = whole_path(w);

	/* Without it the next build takes the long way, which is right too. */
	(void)file_write(path, "", 0, 0666);
}

int worktree_clear_whole(const struct worktree *w)
{
	_cleanup_free_ char *path = whole_path(w);

	return drop(path);
}

/* An object and what kbuild wrote down about it, .OBJECT.cmd, go together. */
static int drop_with_partner(const struct worktree *w, const char *relative)
{
	const char *slash = strrchr(relative, '/'), *name = slash ? slash + 1 : relative;
	_cleanup_free_ char *path = strf("%s/%s", w->obj, relative), *partner = NULL;
	int dir = (int)(name - relative);

	if (*name == '.' && str_ends(name, ".cmd"))
		partner = strf("%s/%.*s%.*s", w->obj, dir, relative,
			       (int)(strlen(name) - strlen(".") - strlen(".cmd")), name + 1);
	else
		partner = strf("%s/%.*s.%s.cmd", w->obj, dir, relative, name);
	return drop(path) ? -OUT_BROKEN : drop(partner);
}

/*
 * In one step: a repair that is killed itself must not leave objects whose configuration is gone.
 */
static int drop_all(const struct worktree *w)
{
	_cleanup_free_ char *away = strf("%s/dropped", w->dir);

	if (rm_rf(away) || rename(w->obj, away) || mkdir(w->obj, 0777) || rm_rf(away))
		return fail(OUT_BROKEN, "can't empty the folder %s: %m", w->obj);
	return 0;
}

/* A clock that was set back since makes the times mean nothing. */
static bool is_in_the_future(struct timespec t)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return is_before(now, t);
}

static int drop_leftovers(const struct worktree *w, const struct leftovers *l)
{
	int ret = worktree_clear_whole(w);

	ui_note("the last build in this work tree was killed: %zu of its %zu files are dropped",
		l->configured ? l->files : l->paths.n, l->files);
	if (!ret && l->configured)
		return drop_all(w);
	for (size_t i = 0; !ret && i < l->paths.n; i++)
		ret = drop_with_partner(w, l->paths.v[i]);
	return ret;
}

/*
 * Not all objects: the unpatched kernel's are what everybody's changes are built upon, and a cold
 * build takes minutes.
 */
static int repair(const struct worktree *w)
{
	struct leftovers l = { 0 };
	struct stat mark;
	int ret;

	if (stat(w->mark, &mark))
		return 0;
	l.since = mark.st_mtim;
	l.configured = is_in_the_future(l.since);
	ret = path_exists(w->obj) ? tree_each(w->obj, look_at, &l) : mkdir(w->obj, 0777);
	if (!ret)
		ret = drop_leftovers(w, &l);
	strv_free(&l.paths);
	if (!ret)
		worktree_end(w);
	return ret ? -OUT_BROKEN : 0;
}

/* A configured tree may hold any part of a build that was interrupted. */
static bool is_untouched(const struct worktree *w)
{
	_cleanup_free_ char *config = strf("%s/.config", w->obj);

	return !path_exists(config);
}

#define WHOSE "the same kernel's work tree"

/* 1: it is there, and no build was killed in it; 0: not so; or a negative outcome. */
static int share(const char *name, struct worktree *w)
{
	set_dir(w, cache_path_of(&trees, name));
	w->lock = cache_share(&trees, name, WHOSE);
	if (w->lock < 0)
		return w->lock;
	if (!cache_exists(&trees, name) || path_exists(w->mark)) {
		worktree_close(w);
		return 0;
	}
	w->fresh = is_untouched(w);
	return 1;
}

/* ---- making one of another one's objects ---- */

/* Of the same source and configuration: its name differs behind the last dash. */
static bool is_kin(const char *name, const char *other)
{
	size_t same = (size_t)(strrchr(name, '-') + 1 - name);

	return !strncmp(name, other, same) && strcmp(name, other) && !strpbrk(other + same, ".-");
}

/* 1: w is one, to be read; 0: there is none that is whole; or a negative outcome. */
static int find_kin(const char *name, struct worktree *w)
{
	_cleanup_free_ char *folder = NULL;
	_cleanup_strv_ struct strv all = { 0 };
	int ret = cache_folder(&trees, &folder);

	if (ret || !strrchr(name, '-') || dir_list(folder, NULL, &all))
		return ret;
	for (size_t i = 0; i < all.n; i++) {
		if (!is_kin(name, all.v[i]))
			continue;
		ret = share(all.v[i], w);
		if (ret < 0 || (ret && worktree_is_whole(w)))
			return ret;
		worktree_close(w);
	}
	return 0;
}

/* Its image is not the new one's yet. */
static int copy_kin(const struct worktree *kin, const struct worktree *w)
{
	int ret = copy_tree(kin, w);

	if (!ret)
		ret = copy_record(kin, w);
	return ret ? ret : worktree_clear_whole(w);
}

struct making {
	const struct source *source;
	const char *name;
};

/*
 * Who waits here for another tree waits for nobody that waits for this one: it is not there yet,
 * and nobody looks for it.
 */
static int make_tree(void *ctx, const char *dir)
{
	const struct making *g = ctx;
	struct worktree w = { .lock = -1 }, kin = { .lock = -1 };
	int ret = find_kin(g->name, &kin);

	set_dir(&w, xstrdup(dir));
	if (ret > 0)
		ret = copy_kin(&kin, &w);
	else if (!ret)
		ret = make_pristine(g->source, &w);
	worktree_close(&kin);
	worktree_close(&w);
	return ret;
}

static int open_alone(const struct source *s, const char *name, struct worktree *w)
{
	struct making g = { .source = s, .name = name };
	int ret = 0;

	set_dir(w, cache_path_of(&trees, name));
	w->lock = cache_lock(&trees, name, WHOSE);
	if (w->lock < 0)
		return w->lock;
	if (!cache_exists(&trees, name))
		ret = cache_put(&trees, name, make_tree, &g, NULL);
	if (ret || repair(w))
		return ret ? ret : -OUT_BROKEN;
	w->fresh = is_untouched(w);
	return 0;
}

/* Made and repaired by who has it alone. */
static int open_to_read(const struct source *s, const char *name, struct worktree *w)
{
	int ret = share(name, w);

	while (!ret) {
		ret = open_alone(s, name, w);
		worktree_close(w);
		if (!ret)
			ret = share(name, w);
	}
	return ret < 0 ? ret : 0;
}

/* Who looks through it holds its lock. */
static void take_lock(struct worktree *w, struct worktree *shared)
{
	if (!w->view.holder)
		return;
	w->lock = shared->lock;
	shared->lock = -1;
}

static int open_private(const struct source *s, const char *name, bool copied, struct worktree *w)
{
	_cleanup_free_ char *work = NULL;
	struct worktree shared = { .lock = -1 };
	int ret = open_to_read(s, name, &shared);

	if (!ret)
		ret = cache_folder(&trees, &work);
	if (!ret) {
		w->private = true;
		set_dir(w, cache_temp(work, name));
		ret = make_private(&shared, copied, w);
		w->fresh = shared.fresh;
		take_lock(w, &shared);
	}
	worktree_close(&shared);
	return ret;
}

int worktree_open(const struct source *s, const char *name, enum worktree_use use,
		  struct worktree *w)
{
	*w = (struct worktree){ .lock = -1 };
	switch (use) {
	case WORKTREE_TO_BUILD:
		return open_alone(s, name, w);
	case WORKTREE_TO_READ:
		return open_to_read(s, name, w);
	default:
		return open_private(s, name, use == WORKTREE_COPIED, w);
	}
}

void worktree_close(struct worktree *w)
{
	overlay_close(&w->view);
	if (w->private && w->dir)
		(void)rm_rf(w->dir);
	close_p(&w->lock);
	free(w->dir);
	free(w->src);
	free(w->obj);
	free(w->inside);
	free(w->mark);
	*w = (struct worktree){ .lock = -1 };
}
