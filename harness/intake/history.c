// SPDX-License-Identifier: GPL-2.0-only
/* A repository's commits: as diffs on a base, or merged, as what the files were before is known. */
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "intake/internal.h"
#include "intake/locate.h"
#include "intake/parts.h"
#include "kernel/patches.h"
#include "kernel/tree.h"

static int put_diff(struct taking *t, const char *name, const struct buf *text)
{
	_cleanup_free_ char *path = strf("%s/%s.patch", t->scratch, name);
	_cleanup_buf_ struct buf clean = { 0 };

	if (!text->len || !intake_clean_diff(t, "the repository", buf_str(text), &clean))
		return 0;
	if (file_write(path, buf_str(&clean), clean.len, 0600))
		return fail(OUT_BROKEN, "can't write %s", path);
	strv_add(&t->diffs, path);
	strv_addf(&t->diff_names, "of the repository (%s)", name);
	return 0;
}

/* ---- merged ---- */

/* The file as it lies there; else as HEAD has it, which is what the diff makes of it. */
static bool read_after(const struct taking *t, const char *path, struct buf *out)
{
	_cleanup_free_ char *full = strf("%s/%s", t->repo.dir, path);

	return tree_has_file(t->repo.dir, path, NULL) && handed_text(full, out);
}

static int add_file(struct taking *t, const char *path, struct own_file *f)
{
	_cleanup_free_ char *before = strf("%s/before", t->scratch), *after = strf("%s/after", t->scratch);
	_cleanup_buf_ struct buf diff = { 0 };
	int ret;

	f->path = xstrdup(path);
	if (!repo_show(&t->repo, path, &f->before.text) || !read_after(t, path, &f->after.text))
		return intake_is(t->in, INTAKE_PERSON, "its commits make or take away %s, and apply to no base", path);
	if (file_write(before, buf_str(&f->before.text), f->before.text.len, 0600) ||
	    file_write(after, buf_str(&f->after.text), f->after.text.len, 0600))
		return fail(OUT_BROKEN, "can't write to %s", t->scratch);
	ret = intake_compare(before, after, &diff);
	if (!ret && !own_read(f, buf_str(&diff)))
		ret = fail(OUT_BROKEN, "what diff says of %s can't be read", path);
	for (size_t i = 0; i < f->before.n; i++)
		f->before.v[i].own = f->before.v[i].apart;
	for (size_t i = 0; i < f->after.n; i++)
		f->after.v[i].own = f->after.v[i].apart;
	return ret;
}

/* Each file once. */
static void list_paths(const struct patches *ps, struct strv *paths)
{
	for (size_t i = 0; i < ps->n; i++)
		for (size_t j = 0; j < ps->v[i].n_files; j++) {
			const struct patch_file *f = &ps->v[i].files[j];
			const char *path = f->new_path ? f->new_path : f->old_path;

			if (!strv_has(paths, path))
				strv_add(paths, path);
		}
}

static int merge(struct taking *t, const struct patches *ps)
{
	_cleanup_strv_ struct strv paths = { 0 };
	struct own_file *files;
	size_t n = 0;
	int ret = 0;

	list_paths(ps, &paths);
	files = xcalloc(paths.n + 1, sizeof(*files));
	for (size_t i = 0; !ret && t->in->outcome == INTAKE_TAKEN && i < paths.n; i++)
		ret = add_file(t, paths.v[i], &files[n++]);
	if (!ret && t->in->outcome == INTAKE_TAKEN)
		ret = intake_merge_known(t, files, n);
	for (size_t i = 0; i < n; i++)
		own_free(&files[i]);
	free(files);
	return ret;
}

static int merge_diffs(struct taking *t)
{
	struct patches ps = { 0 };
	int ret = patches_read("submission", &t->diffs, &ps);

	t->in->outcome = INTAKE_TAKEN;
	str_set(&t->in->why, NULL);
	if (!ret)
		ret = merge(t, &ps);
	patches_free(&ps);
	return ret == -OUT_BUILD_ERROR || ret == -OUT_UNUSABLE ? intake_is(t->in, INTAKE_PERSON, "%s", fail_text()) : ret;
}

/* Is there work already in what the commits begin with? Then they are not all of it. */
static bool began_with_work(const struct taking *t)
{
	struct parts p;
	bool found = false;

	parts_split(buf_str(&t->repo.committed), &p);
	for (size_t i = 0; !found && i < p.n; i++) {
		_cleanup_buf_ struct buf was = { 0 };
		_cleanup_free_ char *path = NULL;

		if (!p.v[i].path || !locate_is_source(p.v[i].path) ||
		    !repo_show(&t->repo, p.v[i].path, &was))
			continue;
		path = intake_locate(t->bases, p.v[i].path, buf_str(&was));
		found = path && intake_has_work(t, path, buf_str(&was));
	}
	parts_free(&p);
	return found;
}

static int take_commits(struct taking *t)
{
	int ret = put_diff(t, "committed", &t->repo.committed);

	if (!ret)
		ret = put_diff(t, "not committed", &t->repo.more);
	if (ret || !t->diffs.n)
		return ret;
	strv_add(&t->in->notes, t->repo.told);
	ret = intake_take_diffs(t);
	if (!ret && t->in->outcome == INTAKE_PERSON)
		ret = merge_diffs(t);
	return ret;
}

int intake_take_history(struct taking *t)
{
	struct strv diffs = t->diffs, names = t->diff_names;
	int ret;

	if (began_with_work(t)) {
		strv_add(&t->in->notes, "passed over the repository's commits: what they begin with has work in it already");
		return 0;
	}
	t->diffs = t->diff_names = (struct strv){ 0 };
	ret = take_commits(t);
	strv_free(&t->diffs);
	strv_free(&t->diff_names);
	t->diffs = diffs;
	t->diff_names = names;
	return ret;
}
