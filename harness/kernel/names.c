// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/names.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/outcome.h"
#include "kernel/tree.h"

#define LIST_MAX 6 /* candidates, in a sentence */

/* What one file of the patch is in the tree. */
struct target {
	const char *name;    /* by which it was found, as it stands in the diff */
	unsigned int strip;  /* parts that were taken from it (after its inside) */
	char *old, *new;     /* paths in the tree; NULL: as in struct patch_file */
	char *prefix;	     /* that was put before it; NULL: none */
	struct strv several; /* paths that it may be as well as any other */
};

struct resolving {
	const struct patch *p;
	const char *tree;
	struct strv made; /* by earlier patches, and by this one */
	struct target *targets;
	struct strv all; /* the tree's files, once they had to be listed */
};

/* ---- what is in the tree ---- */

static bool is_made(const struct resolving *r, const char *path)
{
	for (size_t i = 0; i < r->made.n; i++)
		if (!strcmp(r->made.v[i], path))
			return true;
	return false;
}

static bool has_file(const struct resolving *r, const char *path)
{
	return tree_has_file(r->tree, path, NULL) || is_made(r, path);
}

/*
 * Is its first part a folder at the tree's top? Then it is a name of the tree, if of no file there.
 */
static bool is_of_tree(const struct resolving *r, const char *path)
{
	const char *slash = strchr(path, '/');
	_cleanup_free_ char *top = slash ? strf("%s/%.*s", r->tree, (int)(slash - path), path) : NULL;
	struct stat st;

	return top && !lstat(top, &st) && S_ISDIR(st.st_mode);
}

static int add_file(const char *relative, const struct stat *st, void *ctx)
{
	struct resolving *r = ctx;

	if (S_ISREG(st->st_mode))
		strv_add(&r->all, relative);
	return 0;
}

static int list_tree(struct resolving *r)
{
	int ret = r->all.n ? 0 : tree_each(r->tree, add_file, r);

	for (size_t i = 0; !ret && i < r->made.n; i++)
		if (!tree_has_file(r->tree, r->made.v[i], NULL))
			strv_add(&r->all, r->made.v[i]);
	return ret;
}

/* ---- one name ---- */

/* The name without its first parts; NULL: it has no more. */
static const char *without(const char *name, unsigned int strip)
{
	const char *at = patch_name_inside(name);

	while (strip-- && at) {
		at = strchr(at, '/');
		at += !!at;
	}
	return at;
}

/*
 * Which strip level is tried first, second, …: what the diff's own form says, then the other one.
 */
static unsigned int strip_level(const struct patch_file *f, unsigned int i)
{
	return i > 1 ? i : f->whole_names || f->moved ? i : !i;
}

/*
 * By taking parts away, until the rest is a file. But where the rest begins with a folder of the
 * tree's top, that is what it means, and shorter ones would be guesses: there is a tools/include/
 * beside include/, and a Makefile in every folder.
 */
static bool strip_to_file(const struct resolving *r, const struct patch_file *f, const char *name,
			  struct target *t)
{
	const char *end;

	for (unsigned int i = 0; i < 2; i++) {
		t->strip = strip_level(f, i);
		end = without(name, t->strip);
		if (end && has_file(r, end))
			return true;
	}
	for (t->strip = 0; (end = without(name, t->strip)); t->strip++)
		if (is_of_tree(r, end))
			return t->strip > 1 && has_file(r, end);
	return false;
}

static bool strip_to_tree(const struct resolving *r, const struct patch_file *f, const char *name,
			  struct target *t)
{
	const char *end;

	for (unsigned int i = 0; (end = without(name, t->strip = strip_level(f, i))) || i < 2; i++)
		if (end && is_of_tree(r, end))
			return true;
	return false;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The files of the tree that end so. */
static void find_ends(const struct resolving *r, const char *end, struct strv *found)
{
	_cleanup_free_ char *part = strf("/%s", end);

	for (size_t i = 0; i < r->all.n; i++)
		if (str_ends(r->all.v[i], part))
			strv_add(found, r->all.v[i]);
	if (found->n)
		qsort(found->v, found->n, sizeof(*found->v), by_name);
}

/* The only one below NAMES_HOME, or the only one at all; NULL: none or several. */
static const char *only_one(const struct strv *found)
{
	const char *home = NULL;
	unsigned int n = 0;

	for (size_t i = 0; i < found->n; i++)
		if (str_starts(found->v[i], NAMES_HOME)) {
			home = found->v[i];
			n++;
		}
	if (n)
		return n == 1 ? home : NULL;
	return found->n == 1 ? found->v[0] : NULL;
}

static void take_end(struct target *t, const char *path, const char *end)
{
	free(t->prefix);
	t->prefix = xstrndup(path, strlen(path) - strlen(end));
}

/* git's a/ and b/ (or i/, w/, c/, o/), which are no folders. */
static bool has_git_prefix(const struct patch_file *f, const char *name)
{
	return !f->whole_names && !f->moved && name[0] && name[1] == '/' && strchr("abiwco", name[0]);
}

/* By putting something before it: the longest end that is one of any file. */
static bool complete_name(const struct resolving *r, const struct patch_file *f, const char *name,
			  struct target *t)
{
	const char *end;

	for (t->strip = has_git_prefix(f, name); (end = without(name, t->strip)); t->strip++) {
		_cleanup_strv_ struct strv found = { 0 };
		const char *path;

		find_ends(r, end, &found);
		path = only_one(&found);
		if (path)
			take_end(t, path, end);
		else if (found.n) {
			t->several = found;
			found = (struct strv){ 0 };
		}
		if (path || t->several.n)
			return true;
	}
	return false;
}

/* ---- one file of the patch ---- */

static bool is_new(const struct patch_file *f)
{
	return !f->old_name;
}

/* "diff -N" writes a new file's old side with its name, at the beginning of time. */
static bool may_be_new(const struct patch_file *f)
{
	return is_new(f) || (f->n_hunks == 1 && !f->hunks[0].old_start);
}

/*
 * Both sides of a diff name the same file, and one may have an addition (cpuid.c.orig). The new
 * side's is the one that people keep.
 */
static int find_existing(struct resolving *r, const struct patch_file *f, struct target *t)
{
	static bool (*const ways[])(const struct resolving *r, const struct patch_file *f,
				    const char *name, struct target *t) = {
		strip_to_file, strip_to_tree, complete_name
	};
	const char *names[] = { f->moved ? f->old_name : f->new_name, f->old_name };

	for (size_t way = 0; way < ARRAY_SIZE(ways); way++) {
		if (ways[way] == complete_name && list_tree(r))
			return -OUT_BROKEN;
		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			t->name = names[i];
			if (t->name && ways[way](r, f, t->name, t))
				return 0;
		}
	}
	t->strip = strip_level(f, 0);
	return 0;
}

/* Its folder tells where it goes. */
static void find_new(const struct resolving *r, const struct patch_file *f, struct target *t)
{
	t->name = f->new_name;
	if (!strip_to_file(r, f, t->name, t) && !strip_to_tree(r, f, t->name, t))
		t->strip = strip_level(f, 0);
}

/* ---- all of them ---- */

static char *target_path(const struct target *t, const char *name)
{
	const char *end = without(name, t->strip);

	return strf("%s%s", t->prefix ? t->prefix : "", end ? end : without(name, 0));
}

/* Would all files of the patch be there with this before their names? */
static bool fits_all(const struct resolving *r, const struct target *like)
{
	for (size_t i = 0; i < r->p->n_files; i++) {
		const struct patch_file *f = &r->p->files[i];
		struct target t = { .strip = f->moved ? 0 : like->strip, .prefix = like->prefix };
		_cleanup_free_ char *path = target_path(&t, r->targets[i].name);

		if (!may_be_new(f) && !has_file(r, path))
			return false;
	}
	return true;
}

static void use_for_all(struct resolving *r, const struct target *like)
{
	for (size_t i = 0; i < r->p->n_files; i++) {
		struct target *t = &r->targets[i];
		unsigned int strip = r->p->files[i].moved ? 0 : like->strip;

		strv_free(&t->several);
		if (t == like || !without(t->name, strip))
			continue;
		t->strip = strip;
		str_set(&t->prefix, like->prefix);
	}
}

/*
 * A diff is made in one place: what one name lacks, all do. That tells where new files go, which
 * nested.c is meant beside a svm.c, and that a Makefile beside a cpuid.c is not the one at the top.
 */
static void agree(struct resolving *r)
{
	for (size_t i = 0; i < r->p->n_files; i++)
		if (r->targets[i].prefix && fits_all(r, &r->targets[i])) {
			use_for_all(r, &r->targets[i]);
			return;
		}
}

static int tell_several(const struct patch *p, const struct target *t)
{
	_cleanup_buf_ struct buf b = { 0 };

	for (size_t i = 0; i < t->several.n && i < LIST_MAX; i++)
		buf_printf(&b, "%s%s", i ? ", " : "", t->several.v[i]);
	if (t->several.n > LIST_MAX)
		buf_printf(&b, " or %zu others", t->several.n - LIST_MAX);
	return fail(OUT_UNUSABLE,
		    "%s: %s may be each of %s; make the diff at the top of the source tree, so that "
		    "its names tell",
		    p->path, t->name, buf_str(&b));
}

/* What the name is in the tree; NULL after fail(). */
static char *make_path(const struct resolving *r, const struct patch_file *f,
		       const struct target *t, const char *name)
{
	_cleanup_free_ char *path = target_path(t, name);

	if (patch_name_inside(name) != name && !has_file(r, path) && !is_of_tree(r, path)) {
		fail(OUT_BUILD_ERROR,
		     "%s:%lu: a file name that leads out of the source tree, and no end of it is in "
		     "there: %s",
		     r->p->path, f->line, name);
		return NULL;
	}
	return xstrdup(path);
}

static int set_paths(const struct resolving *r, const struct patch_file *f, struct target *t)
{
	_cleanup_free_ char *path = NULL;

	if (t->several.n)
		return tell_several(r->p, t);
	path = make_path(r, f, t, t->name);
	if (!path)
		return -OUT_BUILD_ERROR;
	if (!may_be_new(f) || (!is_new(f) && has_file(r, path)))
		t->old = xstrdup(path);
	if (f->moved)
		t->new = make_path(r, f, t, f->new_name);
	else if (f->new_name)
		t->new = xstrdup(path);
	return f->moved && !t->new ? -OUT_BUILD_ERROR : 0;
}

static int find_targets(struct resolving *r)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < r->p->n_files; i++) {
		const struct patch_file *f = &r->p->files[i];

		if (may_be_new(f) && f->new_name)
			find_new(r, f, &r->targets[i]);
		else
			ret = find_existing(r, f, &r->targets[i]);
	}
	if (!ret)
		agree(r);
	for (size_t i = 0; !ret && i < r->p->n_files; i++) {
		ret = set_paths(r, &r->p->files[i], &r->targets[i]);
		if (!ret && r->targets[i].new)
			strv_add(&r->made, r->targets[i].new);
	}
	return ret;
}

/* ---- what came of it ---- */

static void add_name(const struct target *t, int in, struct buf *out)
{
	const char *old = t->old ? t->old : t->new, *new = t->new ? t->new : t->old;

	if (in == PATCH_NAME_GIT)
		buf_printf(out, "a/%s b/%s", old, new);
	else if (in == PATCH_NAME_OLD && !t->old)
		buf_puts(out, "/dev/null");
	else if (in == PATCH_NAME_OLD)
		buf_printf(out, "a/%s", old);
	else if (in == PATCH_NAME_NEW)
		buf_printf(out, "b/%s", new);
	else
		buf_puts(out, in == PATCH_NAME_FROM ? old : new);
}

static void rewrite(const struct resolving *r, struct buf *text)
{
	const char *from = buf_str(&r->p->text);
	size_t at = 0;

	for (size_t i = 0; i < r->p->n_names; i++) {
		const struct patch_name *n = &r->p->names[i];

		buf_add(text, from + at, n->at - at);
		add_name(&r->targets[n->file], n->in, text);
		at = n->at + n->len;
	}
	buf_add(text, from + at, r->p->text.len - at);
}

/* The name of which something is to be told; NULL: a/ and b/ were taken away, and that was all. */
static const char *odd_name(const struct patch_file *f, const struct target *t)
{
	const char *names[] = { t->name, f->old_name, f->new_name };

	if (t->prefix || t->strip != !f->moved)
		return t->name;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i] && patch_name_inside(names[i]) != names[i])
			return names[i];
	return NULL;
}

static char *describe(const struct target *t, const char *name)
{
	const char *path = t->new ? t->new : t->old;

	if (!strcmp(path, name))
		return strf("strip level 0: %s", path);
	return strf("%s taken as %s", t->prefix ? without(name, t->strip) : name, path);
}

static void add_note(const struct resolving *r, struct strv *notes)
{
	_cleanup_free_ char *first = NULL;
	size_t n = 0;

	for (size_t i = 0; i < r->p->n_files; i++) {
		const char *odd = odd_name(&r->p->files[i], &r->targets[i]);

		if (odd && !n++)
			first = describe(&r->targets[i], odd);
	}
	if (n > 1)
		strv_addf(notes, "%s: %s, and %zu other names likewise", patch_base_name(r->p),
			  first, n - 1);
	else if (n)
		strv_addf(notes, "%s: %s", patch_base_name(r->p), first);
}

static bool is_same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* Read again: what git gets must be, to our own eyes, what was decided. */
static int reread(const struct resolving *r, struct patch *out)
{
	_cleanup_buf_ struct buf text = { 0 };
	int ret;

	rewrite(r, &text);
	ret = patch_parse(r->p->path, buf_str(&text), text.len, out);
	for (size_t i = 0; !ret && i < r->p->n_files; i++)
		if (out->n_files != r->p->n_files ||
		    !is_same(out->files[i].old_path, r->targets[i].old) ||
		    !is_same(out->files[i].new_path, r->targets[i].new))
			ret = fail(OUT_BUILD_ERROR,
				   "%s:%lu: a diff whose names can be read in several ways; write it "
				   "with `git diff`",
				   r->p->path, r->p->files[i].line);
	return ret;
}

static void free_all(struct resolving *r)
{
	for (size_t i = 0; i < r->p->n_files; i++) {
		free(r->targets[i].old);
		free(r->targets[i].new);
		free(r->targets[i].prefix);
		strv_free(&r->targets[i].several);
	}
	free(r->targets);
	strv_free(&r->made);
	strv_free(&r->all);
}

int names_resolve(const struct patch *p, const char *tree, const struct strv *made,
		  struct patch *out, struct strv *notes)
{
	struct resolving r = { .p = p, .tree = tree };
	int ret;

	*out = (struct patch){ 0 };
	for (size_t i = 0; i < made->n; i++)
		strv_add(&r.made, made->v[i]);
	r.targets = xcalloc(p->n_files ? p->n_files : 1, sizeof(*r.targets));
	ret = find_targets(&r);
	if (!ret)
		ret = reread(&r, out);
	if (!ret)
		add_note(&r, notes);
	free_all(&r);
	return ret;
}
