// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/series.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/cache.h"
#include "core/outcome.h"
#include "core/paths.h"
#include "core/ui.h"
#include "kernel/git.h"
#include "kernel/names.h"
#include "kernel/patches.h"
#include "kernel/tree.h"

/* ---- one patch ---- */

static char *in_dir(const struct series *s, const char *path)
{
	return strf("%s/%s", s->dir, path);
}

static bool is_seen(const struct series *s, const char *path)
{
	for (size_t i = 0; i < s->seen.n; i++)
		if (!strcmp(s->seen.v[i], path))
			return true;
	return false;
}

void series_note(struct series *s, const char *path)
{
	if (!is_seen(s, path))
		strv_add(&s->seen, path);
}

static int make_parent(const char *path)
{
	_cleanup_free_ char *parent = xstrndup(path, (size_t)(strrchr(path, '/') - path));

	return mkdir_p(parent);
}

/*
 * The first patch that touches a file gets the source's; a later one finds what the earlier left,
 * and nothing where the earlier deleted it.
 */
static int bring(struct series *s, const char *path)
{
	_cleanup_free_ char *from = strf("%s/%s", s->pristine, path);
	_cleanup_free_ char *to = in_dir(s, path);
	struct stat st;

	if (is_seen(s, path))
		return 0;
	strv_add(&s->seen, path);
	if (!tree_has_file(s->pristine, path, &st))
		return 0; /* git's to judge: the patch may make it */
	if (make_parent(to) || file_copy(from, to, st.st_mode & 0777))
		return fail(OUT_BROKEN, "can't copy %s to %s: %m", from, to);
	return 0;
}

static int bring_files(struct series *s, const struct patch *p)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < p->n_files; i++) {
		if (p->files[i].old_path)
			ret = bring(s, p->files[i].old_path);
		if (!ret && p->files[i].new_path)
			ret = bring(s, p->files[i].new_path);
	}
	return ret;
}

/* ---- what git said, as a sentence ---- */

static const struct patch_file *find_file(const struct patch *p, const char *path)
{
	for (size_t i = 0; i < p->n_files; i++) {
		const struct patch_file *f = &p->files[i];

		if ((f->old_path && !strcmp(f->old_path, path)) ||
		    (f->new_path && !strcmp(f->new_path, path)))
			return f;
	}
	return NULL;
}

/* A file may stand in a patch twice, so the hunk is looked for in all of them. */
static const struct patch_hunk *find_hunk(const struct patch *p, const char *path,
					  unsigned long old_start, size_t *number)
{
	for (size_t i = 0; i < p->n_files; i++) {
		const struct patch_file *f = &p->files[i];

		if (!f->old_path || strcmp(f->old_path, path))
			continue;
		for (*number = 0; *number < f->n_hunks; (*number)++)
			if (f->hunks[*number].old_start == old_start)
				return &f->hunks[*number];
	}
	return NULL;
}

/* "error: patch failed: arch/x86/kvm/x86.c:9999" */
static int hunk_failed(const struct patch *p, const char *rest)
{
	const char *colon = strrchr(rest, ':');
	_cleanup_free_ char *path = colon ? xstrndup(rest, (size_t)(colon - rest)) : xstrdup(rest);
	unsigned long start = colon ? strtoul(colon + 1, NULL, 10) : 0;
	size_t number = 0;
	const struct patch_hunk *h = find_hunk(p, path, start, &number);

	return fail(OUT_BUILD_ERROR,
		    "%s:%lu: hunk %zu does not apply to %s: around its line %lu the source reads "
		    "otherwise; make the patch against this base, after the patches before it",
		    p->path, h ? h->line : 0, number + 1, path, start);
}

static int file_failed(const struct patch *p, const char *path, size_t len, const char *why)
{
	_cleanup_free_ char *name = xstrndup(path, len);
	const struct patch_file *f = find_file(p, name);

	return fail(OUT_BUILD_ERROR, "%s:%lu: does not apply to %s: %s", p->path, f ? f->line : 0,
		    name, why);
}

/* git's endings of "error: FILE: ..." */
static const struct {
	const char *end, *why;
} file_errors[] = {
	{ ": No such file or directory", "the source has no such file" },
	{ ": already exists in working directory",
	  "the patch makes it, and the source has it already" },
	{ ": patch does not apply", "the source reads otherwise" },
	{ ": does not exist in index", "the source has no such file" },
};

static int line_failed(const struct patch *p, const char *line)
{
	if (str_starts(line, "patch failed: "))
		return hunk_failed(p, line + strlen("patch failed: "));
	for (size_t i = 0; i < ARRAY_SIZE(file_errors); i++)
		if (str_ends(line, file_errors[i].end))
			return file_failed(p, line, strlen(line) - strlen(file_errors[i].end),
					   file_errors[i].why);
	return fail(OUT_BUILD_ERROR, "%s: git can't apply it: %s", p->path, line);
}

/* The first error is the cause; "patch does not apply" for the same file follows it. */
static int tell_failure(const struct patch *p, const struct buf *said)
{
	_cleanup_strv_ struct strv lines = { 0 };

	strv_split(&lines, buf_str(said), "\n");
	for (size_t i = 0; i < lines.n; i++)
		if (str_starts(lines.v[i], "error: ") && !str_starts(lines.v[i], "error: while searching"))
			return line_failed(p, lines.v[i] + strlen("error: "));
	return line_failed(p, lines.n ? lines.v[lines.n - 1] : "it said nothing");
}

/*
 * Our reading of a patch and git's may differ one day; then this finds the file that we did not
 * expect.
 */
static int check_expected(const char *relative, const struct stat *st, void *ctx)
{
	const struct series *s = ctx;

	if (!S_ISREG(st->st_mode))
		return fail(OUT_BUILD_ERROR, "the patches make %s, which is no plain file",
			    relative);
	if (!is_seen(s, relative))
		return fail(OUT_BUILD_ERROR,
			    "the patches make %s in a way that only git can read; write them with "
			    "`git format-patch`",
			    relative);
	return 0;
}

static int apply_parsed(struct series *s, const struct patch *p)
{
	struct git g = { .what = "applying a patch", .dir = s->dir, .any_space = s->any_space,
			 .loosely = s->loosely };
	_cleanup_buf_ struct buf said = { 0 };
	int ret = bring_files(s, p);

	if (ret)
		return ret;
	ret = git_apply(&g, buf_str(&p->text), &said);
	if (ret == 127 && !said.len)
		return fail(OUT_BROKEN, "applying a patch: can't run git; install it with "
					"`apt-get install git`");
	if (ret)
		return ret > 0 ? tell_failure(p, &said) : ret;
	s->moved |= strstr(buf_str(&said), " (offset ") != NULL;
	return tree_each(s->dir, check_expected, s);
}

static int apply_one(struct series *s, const struct patch *p)
{
	struct patch resolved;
	int ret = names_resolve(p, s->pristine, &s->seen, &resolved, &s->notes);

	if (!ret)
		ret = apply_parsed(s, &resolved);
	patch_free(&resolved);
	return ret;
}

int series_apply(struct series *s, const struct patch *patches, size_t n)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < n; i++)
		ret = apply_one(s, &patches[i]);
	return ret;
}

/* ---- what came of it ---- */

static int add_changed(struct series *s, const char *path)
{
	_cleanup_free_ char *now = in_dir(s, path);
	_cleanup_free_ char *before = strf("%s/%s", s->pristine, path);
	struct series_file f = { 0 };
	char old_hex[HASH_HEX_LEN + 1] = "";
	struct stat st, old;
	bool was = tree_has_file(s->pristine, path, &old), is = tree_has_file(s->dir, path, &st);

	if (!was && !is)
		return 0;
	if (was && hash_file(before, old_hex))
		return fail_prefix("comparing a patched file");
	if (is && hash_file(now, f.hex))
		return fail_prefix("comparing a patched file");
	f.deleted = !is;
	f.executable = is && (st.st_mode & 0100);
	if (was && is && !strcmp(f.hex, old_hex) && f.executable == !!(old.st_mode & 0100))
		return 0;
	f.path = xstrdup(path);
	s->files = xrealloc(s->files, s->n_files + 1, sizeof(*s->files));
	s->files[s->n_files++] = f;
	return 0;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct series_file *)a)->path, ((const struct series_file *)b)->path);
}

static void free_files(struct series *s)
{
	for (size_t i = 0; i < s->n_files; i++)
		free(s->files[i].path);
	free(s->files);
	s->files = NULL;
	s->n_files = 0;
}

int series_finish(struct series *s)
{
	int ret = 0;

	free_files(s);
	for (size_t i = 0; !ret && i < s->seen.n; i++)
		ret = add_changed(s, s->seen.v[i]);
	if (s->n_files)
		qsort(s->files, s->n_files, sizeof(*s->files), by_path);
	return ret;
}

int series_begin(struct series *s, const char *pristine)
{
	_cleanup_free_ char *stage = NULL;
	int ret;

	*s = (struct series){ .pristine = pristine };
	ret = cache_folder(&cache_stage, &stage);
	if (ret)
		return ret;
	s->dir = cache_temp(stage, "series"); /* a run may have two series at once */
	if (mkdir(s->dir, 0777))
		return fail(OUT_BROKEN, "can't make the folder %s: %m", s->dir);
	return 0;
}

bool series_touches(const struct series *s, const char *name)
{
	for (size_t i = 0; i < s->n_files; i++) {
		const char *slash = strrchr(s->files[i].path, '/');

		if (str_starts(slash ? slash + 1 : s->files[i].path, name))
			return true;
	}
	return false;
}

void series_hash(const struct series *s, struct hash *h)
{
	for (size_t i = 0; i < s->n_files; i++) {
		const struct series_file *f = &s->files[i];

		hash_add_str(h, "path", f->path);
		hash_add_str(h, "content", f->deleted ? "deleted" : f->hex);
		hash_add_str(h, "executable", f->executable ? "yes" : "no");
	}
}

void series_free(struct series *s)
{
	free_files(s);
	strv_free(&s->notes);
	strv_free(&s->seen);
	if (s->dir)
		(void)rm_rf(s->dir);
	free(s->dir);
	*s = (struct series){ 0 };
}
