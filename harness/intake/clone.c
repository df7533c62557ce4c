// SPDX-License-Identifier: GPL-2.0-only
#include "intake/clone.h"

#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "intake/lines.h"
#include "kernel/git.h"

#define GIT_DEADLINE_S 120

/* What a path is called in each tag; asked for once. */
struct column {
	char *path;
	struct strv ids; /* git's name of it, "": the tag has no such file */
};

struct clone {
	char *dir;
	struct strv tags; /* by their versions */
	struct column *columns;
	size_t n_columns;
};

static int ask(const struct clone *c, const char *const args[], const char *input, struct buf *out)
{
	const struct git g = { .what = "reading the clone BASES", .dir = c->dir, .input = input, .deadline_s = GIT_DEADLINE_S };

	return git_run(&g, args, out);
}

/* ---- tags ---- */

/* "v6.1-rc3" comes before "v6.1". */
static int list_tags(struct clone *c)
{
	static const char *const args[] = { "-c", "versionsort.suffix=-rc", "for-each-ref", "--sort=version:refname",
					    "--format=%(refname:strip=2)", "refs/tags/v[0-9]*", NULL };
	_cleanup_buf_ struct buf out = { 0 };
	int ret = ask(c, args, NULL, &out);

	if (ret < 0)
		return ret;
	if (ret)
		return fail(OUT_USAGE, "BASES=%s is no git repository that can be read: want a clone of Linux", c->dir);
	strv_split(&c->tags, buf_str(&out), "\n");
	return c->tags.n ? 0 : fail(OUT_USAGE, "BASES=%s has no tag of a version (v6.1): `git fetch --tags` there first", c->dir);
}

int clone_open(const char *dir, struct clone **c)
{
	int ret;

	*c = xcalloc(1, sizeof(**c));
	(*c)->dir = xstrdup(dir);
	ret = list_tags(*c);
	if (!ret)
		return 0;
	clone_free(*c);
	*c = NULL;
	return ret;
}

void clone_free(struct clone *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n_columns; i++) {
		free(c->columns[i].path);
		strv_free(&c->columns[i].ids);
	}
	free(c->columns);
	strv_free(&c->tags);
	free(c->dir);
	free(c);
}

const char *clone_dir(const struct clone *c)
{
	return c->dir;
}

/* ---- what git calls a file ---- */

/* A line each: "ID blob SIZE", or "TAG:PATH missing". */
static void take_names(const struct strv *lines, size_t n, struct strv *ids)
{
	for (size_t i = 0; i < n; i++) {
		const char *line = i < lines->n ? lines->v[i] : "";
		size_t len = strcspn(line, " ");
		_cleanup_free_ char *id = xstrndup(line, str_starts(line + len, " blob ") ? len : 0);

		strv_add(ids, id);
	}
}

static const struct strv *names_of(struct clone *c, const char *path)
{
	static const char *const args[] = { "cat-file", "--batch-check", NULL };
	_cleanup_buf_ struct buf asked = { 0 }, out = { 0 };
	_cleanup_strv_ struct strv lines = { 0 };
	struct column *new;

	for (size_t i = 0; i < c->n_columns; i++)
		if (!strcmp(c->columns[i].path, path))
			return &c->columns[i].ids;
	for (size_t i = 0; i < c->tags.n; i++)
		buf_printf(&asked, "%s:%s\n", c->tags.v[i], path);
	if (ask(c, args, buf_str(&asked), &out))
		buf_free(&out);
	strv_split(&lines, buf_str(&out), "\n");
	c->columns = xrealloc(c->columns, c->n_columns + 1, sizeof(*c->columns));
	new = &c->columns[c->n_columns++];
	*new = (struct column){ .path = xstrdup(path) };
	take_names(&lines, c->tags.n, &new->ids);
	return &new->ids;
}

const char *clone_made_on(struct clone *c, const struct clone_file *f, size_t n)
{
	for (size_t tag = 0; n && tag < c->tags.n; tag++) {
		size_t same = 0;

		while (same < n && str_starts(names_of(c, f[same].path)->v[tag], f[same].text))
			same++;
		if (same == n)
			return c->tags.v[tag];
	}
	return NULL;
}

/* ---- how far ---- */

static size_t measure(const struct clone *c, const char *id, const char *text)
{
	const char *args[] = { "cat-file", "blob", id, NULL };
	_cleanup_buf_ struct buf blob = { 0 };
	struct lines_apart a;

	if (*id && ask(c, args, NULL, &blob))
		buf_free(&blob);
	lines_compare(buf_str(&blob), text, &a);
	return a.lost + a.gained;
}

/* Many tags in a row have a file in the same version. */
static void add_distances(const struct clone *c, const struct strv *ids, const char *text,
			  size_t *apart)
{
	_cleanup_free_ size_t *of = xcalloc(ids->n, sizeof(*of));

	for (size_t i = 0; i < ids->n; i++) {
		size_t before = i;

		while (before && strcmp(ids->v[before - 1], ids->v[i]))
			before--;
		of[i] = before ? of[before - 1] : measure(c, ids->v[i], text);
		apart[i] += of[i];
	}
}

const char *clone_nearest(struct clone *c, const struct clone_file *f, size_t n, size_t *apart)
{
	_cleanup_free_ size_t *sums = xcalloc(c->tags.n, sizeof(*sums));
	_cleanup_free_ size_t *known = xcalloc(c->tags.n, sizeof(*known));
	const char *found = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct strv *ids = names_of(c, f[i].path);

		add_distances(c, ids, f[i].text, sums);
		for (size_t tag = 0; tag < c->tags.n; tag++)
			known[tag] += *ids->v[tag] != '\0';
	}
	for (size_t tag = 0; tag < c->tags.n; tag++)
		if (known[tag] && (!found || sums[tag] < *apart)) {
			found = c->tags.v[tag];
			*apart = sums[tag];
		}
	return found;
}
