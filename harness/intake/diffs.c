// SPDX-License-Identifier: GPL-2.0-only
/* Diffs: on which base do they apply, and were they made on it? */
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "intake/internal.h"
#include "intake/shapes.h"
#include "kernel/patches.h"
#include "kernel/series.h"

static int put_series(struct intake *in, const struct series *s)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < s->n_files; i++) {
		const struct series_file *f = &s->files[i];
		_cleanup_free_ char *before = strf("%s/%s", s->pristine, f->path), *after = strf("%s/%s", s->dir, f->path);

		ret = intake_add_diff(in, f->path, path_exists(before) ? before : "/dev/null",
				      f->deleted ? "/dev/null" : after);
	}
	return ret;
}

/* "@@ -12,7 " as the diff says it: does the base have these lines in that very place? */
static bool in_place(const struct patch *p, const char *made)
{
	const char *at = buf_str(&p->text);

	while ((at = strstr(at, "\n@@ -"))) {
		_cleanup_free_ char *head = xstrndup(at, strcspn(at, "+"));

		if (!strstr(made, head))
			return false;
		at++;
	}
	return true;
}

static bool all_in_place(const struct patches *ps, const char *made)
{
	for (size_t i = 0; i < ps->n; i++)
		if (!in_place(&ps->v[i], made))
			return false;
	return true;
}

/* How a diff is read that does not apply as it stands. */
enum reading { READ_PLAIN, READ_ANY_SPACE, READ_REVERSED, READINGS };

/* 0: it applies; then it is in's change. */
static int try_base(struct intake *in, const struct patches *ps, const struct base *base,
		    enum reading how)
{
	struct series s;
	int ret = series_begin(&s, base->dir);

	s.any_space = how == READ_ANY_SPACE;
	if (!ret)
		ret = series_apply(&s, ps->v, ps->n);
	if (!ret)
		ret = series_finish(&s);
	buf_free(&in->patch);
	in->guest = false;
	if (!ret)
		ret = put_series(in, &s);
	series_free(&s);
	if (!ret) {
		in->base = base;
		in->exact = how != READ_ANY_SPACE && all_in_place(ps, buf_str(&in->patch));
	}
	return ret;
}

/* What git calls the file before and after: "index 1234567..89abcde 100644". */
static const char *name_before(const char *at, const char *end, char *name, size_t size)
{
	const char *index = strstr(at, "\nindex ");
	size_t len;

	if (!index || index > end)
		return NULL;
	index += strlen("\nindex ");
	len = strspn(index, "0123456789abcdef");
	if (len < 7 || len >= size || !str_starts(index + len, ".."))
		return NULL;
	memcpy(name, index, len);
	name[len] = '\0';
	return name;
}

/*
 * The files that a `git diff` names, with what they were before the first of them; made ones are
 * left out.
 */
static void add_names(const struct patch *p, struct strv *paths, struct strv *names)
{
	const char *at = buf_str(&p->text);

	while ((at = strstr(at, "diff --git a/"))) {
		const char *path = at + strlen("diff --git a/"), *end = strstr(path, "\ndiff --git ");
		_cleanup_free_ char *plain = xstrndup(path, strcspn(path, " \n"));
		char name[65];

		end = end ? end : path + strlen(path);
		at = path;
		if (strv_has(paths, plain) || !name_before(path, end, name, sizeof(name)) || !name[strspn(name, "0")])
			continue;
		strv_add(paths, plain);
		strv_add(names, name);
	}
}

/* Where git's names say on which version of the clone it was made, that becomes a base. */
static int offer_version(struct taking *t, const struct patches *ps)
{
	_cleanup_strv_ struct strv paths = { 0 }, names = { 0 };
	_cleanup_free_ struct clone_file *f = NULL;
	const char *tag;

	if (!t->bases->clone)
		return 0;
	for (size_t i = 0; i < ps->n; i++)
		add_names(&ps->v[i], &paths, &names);
	f = xcalloc(paths.n + 1, sizeof(*f));
	for (size_t i = 0; i < paths.n; i++)
		f[i] = (struct clone_file){ paths.v[i], names.v[i] };
	tag = clone_made_on(t->bases->clone, f, paths.n);
	return tag ? bases_add_version(t->bases, tag) : 0;
}

/* The one on which it was made, before one on which it applies. why: NULL, or what is wrong. */
static int try_bases(struct taking *t, const struct patches *ps, enum reading how, struct buf *why)
{
	const struct base *found = NULL;
	int ret = 0;

	for (size_t i = t->bases->n; i && !t->in->exact; i--) {
		const struct base *base = &t->bases->v[i - 1];

		ret = try_base(t->in, ps, base, how);
		if (!ret && (!found || t->in->exact))
			found = base;
		if (ret == -OUT_BROKEN || ret == -OUT_INTERRUPTED)
			return ret;
		if (ret && why)
			buf_printf(why, "%son %s: %s", why->len ? "; " : "", base->name, fail_text());
	}
	t->in->base = found;
	return found && !t->in->exact ? try_base(t->in, ps, found, how) : 0;
}

/* Each of the files the other way round, in the opposite order. */
static int reverse(const struct taking *t, struct strv *paths)
{
	for (size_t i = t->diffs.n; i; i--) {
		_cleanup_free_ char *path = strf("%s/reversed-%zu.patch", t->scratch, i);
		_cleanup_buf_ struct buf text = { 0 }, reversed = { 0 };

		if (file_read(t->diffs.v[i - 1], &text))
			return fail(OUT_BROKEN, "can't read %s", t->diffs.v[i - 1]);
		shape_reverse(buf_str(&text), &reversed);
		if (file_write(path, buf_str(&reversed), reversed.len, 0600))
			return fail(OUT_BROKEN, "can't write %s", path);
		strv_add(paths, path);
	}
	return 0;
}

static int try_reversed(struct taking *t)
{
	_cleanup_strv_ struct strv paths = { 0 };
	struct patches ps = { 0 };
	int ret = reverse(t, &paths);

	if (!ret)
		ret = patches_read("submission", &paths, &ps);
	if (!ret)
		ret = try_bases(t, &ps, READ_REVERSED, NULL);
	patches_free(&ps);
	return ret == -OUT_BUILD_ERROR || ret == -OUT_UNUSABLE ? 0 : ret;
}

static void note_taken(struct taking *t, enum reading how)
{
	static const char *const readings[READINGS] = {
		[READ_ANY_SPACE] = "its white space was changed on the way: lines were found without it",
		[READ_REVERSED] = "it was made the wrong way round, from the new files to the old ones: it was turned",
	};

	for (size_t i = 0; i < t->diff_names.n; i++)
		strv_addf(&t->in->notes, "took the diff %s", t->diff_names.v[i]);
	if (readings[how])
		strv_add(&t->in->notes, readings[how]);
	strv_addf(&t->in->notes, t->in->exact ? "it was made on base %s: each hunk stands in its place"
					       : "it applies to base %s, but not in its very places: it was made on another one",
		  t->in->base->name);
}

static int choose(struct taking *t, const struct patches *ps)
{
	_cleanup_buf_ struct buf why = { 0 };
	enum reading how = READ_PLAIN;
	int ret = offer_version(t, ps);

	if (!ret)
		ret = try_bases(t, ps, READ_PLAIN, &why);
	if (!ret && !t->in->base)
		ret = try_bases(t, ps, how = READ_ANY_SPACE, NULL);
	if (!ret && !t->in->base) {
		how = READ_REVERSED;
		ret = try_reversed(t);
	}
	if (ret)
		return ret;
	if (!t->in->base)
		return intake_is(t->in, INTAKE_PERSON, "the diff applies to no base: %s", buf_str(&why));
	if (!t->in->patch.len)
		return intake_is(t->in, INTAKE_EMPTY, "the diff changes nothing");
	note_taken(t, how);
	return 0;
}

int intake_take_diffs(struct taking *t)
{
	struct patches ps;
	int ret = patches_read("submission", &t->diffs, &ps);

	if (!ret)
		ret = choose(t, &ps);
	else if (ret == -OUT_BUILD_ERROR)
		ret = intake_is(t->in, INTAKE_INCOMPLETE, "%s", fail_text());
	else if (ret == -OUT_UNUSABLE)
		ret = intake_is(t->in, INTAKE_PERSON, "%s", fail_text());
	patches_free(&ps);
	return ret;
}
