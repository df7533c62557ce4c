// SPDX-License-Identifier: GPL-2.0-only
/* Diffs: on which base do they apply, and were they made on it? */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "intake/internal.h"
#include "intake/parts.h"
#include "intake/shapes.h"
#include "kernel/git.h"
#include "kernel/patches.h"
#include "kernel/series.h"

#define NEAR_LINES 50 /* that a hunk is moved by within an age: by fixes of a stable kernel */
#define FAR_AWAY 1000000

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

/* The line behind "\n@@ -", which is at. */
static long start_of(const char *at)
{
	return strtol(at + strlen("\n@@ -"), NULL, 10);
}

/*
 * How far the diff's hunks had to be moved: for each, to the nearest place that was changed.
 * Returns a hunk's mean; several made from one base are moved by each other.
 */
static long moved_by(const struct patches *ps, const char *made)
{
	long sum = 0, n = 0;

	for (size_t i = 0; i < ps->n; i++)
		for (const char *at = buf_str(&ps->v[i].text); (at = strstr(at, "\n@@ -")); at++) {
			long nearest = FAR_AWAY;

			for (const char *to = made; (to = strstr(to, "\n@@ -")); to++)
				if (labs(start_of(at) - start_of(to)) < nearest)
					nearest = labs(start_of(at) - start_of(to));
			sum += nearest;
			n++;
		}
	return n ? sum / n : 0;
}

/* How a diff is read that does not apply as it stands. */
enum reading {
	READ_PLAIN, READ_ANY_SPACE, READ_ONCE, READ_TURNED, READ_REVERSED, READ_LOOSELY, READINGS
};

/* 0: it applies; then it is in's change. */
static int try_base(struct intake *in, const struct patches *ps, const struct base *base,
		    enum reading how)
{
	struct series s;
	int ret = series_begin(&s, base->dir);

	s.any_space = how == READ_ANY_SPACE || how == READ_LOOSELY;
	s.loosely = how == READ_LOOSELY;
	if (!ret)
		ret = series_apply(&s, ps->v, ps->n);
	if (!ret)
		ret = series_finish(&s);
	buf_free(&in->patch);
	in->guest = false;
	if (!ret)
		ret = put_series(in, &s);
	if (!ret) {
		in->base = base;
		in->exact = how != READ_ANY_SPACE && how != READ_LOOSELY && !s.moved;
		/* In a wrong place, or wrong in this age: what fails then proves nothing. */
		in->far = how == READ_LOOSELY ||
			  (s.moved && moved_by(ps, buf_str(&in->patch)) > NEAR_LINES);
		in->drift = in->far;
	}
	series_free(&s);
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

/*
 * The one on which it was made, before one on which it applies, the nearest first. why: NULL, or
 * what is wrong.
 */
static int try_bases(struct taking *t, const struct patches *ps, enum reading how, struct buf *why)
{
	const struct base *found = NULL;
	long moved = LONG_MAX;
	int ret = 0;

	for (size_t i = t->bases->n; i && !t->in->exact; i--) {
		const struct base *base = &t->bases->v[i - 1];
		long by;

		ret = try_base(t->in, ps, base, how);
		by = ret ? LONG_MAX : moved_by(ps, buf_str(&t->in->patch));
		if (by < moved || (!ret && t->in->exact)) {
			found = base;
			moved = by;
		}
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

/* The diffs as other files: 0 with a base or without one, or a negative outcome. */
static int try_others(struct taking *t, const struct strv *paths, enum reading how)
{
	struct patches ps = { 0 };
	int ret = patches_read("submission", paths, &ps);

	if (!ret)
		ret = try_bases(t, &ps, how, NULL);
	patches_free(&ps);
	return ret == -OUT_BUILD_ERROR || ret == -OUT_UNUSABLE ? 0 : ret;
}

static int try_once(struct taking *t)
{
	_cleanup_strv_ struct strv paths = { 0 };
	size_t notes = t->in->notes.n;
	int ret = intake_say_once(t, &paths);

	if (!ret && t->in->notes.n > notes)
		ret = try_others(t, &paths, READ_ONCE);
	return ret;
}

/* "commit " and a name: where what `git log -p` prints of the next one begins. */
static const char *next_commit(const char *at)
{
	for (; (at = strstr(at, "\ncommit ")); at++)
		if (strspn(at + strlen("\ncommit "), "0123456789abcdef") == 40)
			return at + 1;
	return NULL;
}

/* The last of a file's commits first. */
static int turn_commits(const struct taking *t, const char *text, struct strv *paths)
{
	_cleanup_free_ char *left = xstrdup(text);

	for (char *last, *next; *left; *last = '\0') {
		_cleanup_free_ char *path = strf("%s/turned-%zu.patch", t->scratch, paths->n);

		for (last = left; (next = (char *)next_commit(last));)
			last = next;
		if (!shape_is_unified(last))
			continue;
		if (file_write(path, last, strlen(last), 0600))
			return fail(OUT_BROKEN, "can't write %s", path);
		strv_add(paths, path);
	}
	return 0;
}

/*
 * The last diff first: `git log -p` tells the newest first, and names say nothing of their order.
 */
static int try_turned(struct taking *t)
{
	_cleanup_strv_ struct strv paths = { 0 };
	int ret = 0;

	for (size_t i = t->diffs.n; !ret && i; i--) {
		_cleanup_buf_ struct buf text = { 0 };

		if (file_read(t->diffs.v[i - 1], &text))
			return fail(OUT_BROKEN, "can't read %s", t->diffs.v[i - 1]);
		ret = turn_commits(t, buf_str(&text), &paths);
	}
	return ret || paths.n < 2 ? ret : try_others(t, &paths, READ_TURNED);
}

static int try_reversed(struct taking *t)
{
	_cleanup_strv_ struct strv paths = { 0 };
	int ret = reverse(t, &paths);

	return ret ? ret : try_others(t, &paths, READ_REVERSED);
}

static void note_taken(struct taking *t, enum reading how)
{
	static const char *const readings[READINGS] = {
		[READ_ANY_SPACE] = "its white space was changed on the way: lines were found without it",
		[READ_TURNED] = "the last one is to be applied first: they were turned",
		[READ_LOOSELY] = "its places were found by less than three lines around each",
		[READ_REVERSED] = "it was made the wrong way round, from the new files to the old ones: it was turned",
	};

	for (size_t i = 0; i < t->diff_names.n; i++)
		strv_addf(&t->in->notes, "took the diff %s", t->diff_names.v[i]);
	if (readings[how])
		strv_add(&t->in->notes, readings[how]);
	if (t->in->far)
		strv_add(&t->in->notes, "it was made on a kernel of another age: a pass counts, and nothing else");
	strv_addf(&t->in->notes, t->in->exact ? "it was made on base %s: each hunk stands in its place"
					       : "it applies to base %s, but not in its very places: it was made on another one",
		  t->in->base->name);
}

static bool is_bare(const struct patches *ps)
{
	for (size_t i = 0; i < ps->n; i++)
		if (git_patch_is_bare(buf_str(&ps->v[i].text)))
			return true;
	return false;
}

/* As they stand, then in the ways in which people's diffs are none. */
static int read_diffs(struct taking *t, const struct patches *ps, enum reading *how,
		      struct buf *why)
{
	int ret = 0;

	for (*how = is_bare(ps) ? READ_LOOSELY : READ_PLAIN; *how < READINGS; (*how)++) {
		if (*how == READ_ONCE)
			ret = try_once(t);
		else if (*how == READ_TURNED)
			ret = try_turned(t);
		else if (*how == READ_REVERSED)
			ret = try_reversed(t);
		else
			ret = try_bases(t, ps, *how, why->len ? NULL : why);
		if (ret || t->in->base)
			return ret;
	}
	return 0;
}

/* Those that apply by themselves: v1.patch and v2.patch, say. */
static int list_alone(struct taking *t, struct strv *names)
{
	int ret = 0;

	for (size_t i = 0; !ret && t->diffs.n > 1 && i < t->diffs.n; i++) {
		_cleanup_strv_ struct strv one = { 0 };

		strv_add(&one, t->diffs.v[i]);
		ret = try_others(t, &one, READ_PLAIN);
		if (!ret && t->in->base)
			strv_add(names, t->diff_names.v[i]);
		t->in->base = NULL;
		t->in->exact = t->in->far = t->in->drift = false;
		buf_free(&t->in->patch);
	}
	return ret;
}

static int tell_why_none(struct taking *t, const char *why)
{
	_cleanup_strv_ struct strv alone = { 0 };
	int ret = list_alone(t, &alone);

	if (ret)
		return ret;
	if (alone.n > 1)
		return intake_is(t->in, INTAKE_PERSON, "there are several versions of the change: %s and %s each apply by themselves, and not together",
				 alone.v[0], alone.v[1]);
	return intake_is(t->in, INTAKE_PERSON, "the diff applies to no base: %s", why);
}

static int choose(struct taking *t, const struct patches *ps)
{
	_cleanup_buf_ struct buf why = { 0 };
	enum reading how;
	int ret = offer_version(t, ps);

	if (!ret)
		ret = read_diffs(t, ps, &how, &why);
	if (ret)
		return ret;
	if (!t->in->base)
		return tell_why_none(t, buf_str(&why));
	if (!t->in->patch.len)
		return intake_is(t->in, INTAKE_EMPTY, "the diff changes nothing");
	note_taken(t, how);
	return 0;
}

/* ---- lines that a mail program cut in two ---- */

static int unwrap(struct taking *t, struct strv *paths)
{
	for (size_t i = 0; i < t->diffs.n; i++) {
		_cleanup_free_ char *path = strf("%s/unwrapped-%zu.patch", t->scratch, i);
		_cleanup_buf_ struct buf text = { 0 }, whole = { 0 };

		if (file_read(t->diffs.v[i], &text))
			return fail(OUT_BROKEN, "can't read %s", t->diffs.v[i]);
		shape_unwrap(buf_str(&text), &whole);
		if (file_write(path, buf_str(&whole), whole.len, 0600))
			return fail(OUT_BROKEN, "can't write %s", path);
		strv_add(paths, path);
	}
	return 0;
}

/* 0 when they can be read now; how it was before is said already. */
static int read_unwrapped(struct taking *t, struct patches *ps)
{
	_cleanup_strv_ struct strv paths = { 0 };
	_cleanup_free_ char *why = xstrdup(fail_text());
	int ret = unwrap(t, &paths);

	patches_free(ps);
	if (!ret)
		ret = patches_read("submission", &paths, ps);
	if (ret)
		return ret == -OUT_BROKEN ? ret : fail(OUT_BUILD_ERROR, "%s", why);
	strv_free(&t->diffs);
	t->diffs = paths;
	paths = (struct strv){ 0 };
	strv_add(&t->in->notes, "lines of the diff were cut in two on the way: they were put together");
	return 0;
}

int intake_take_diffs(struct taking *t)
{
	struct patches ps;
	int ret = patches_read("submission", &t->diffs, &ps);

	t->in->outcome = INTAKE_TAKEN;
	str_set(&t->in->why, NULL);
	if (ret == -OUT_BUILD_ERROR)
		ret = read_unwrapped(t, &ps);
	if (!ret)
		ret = choose(t, &ps);
	else if (ret == -OUT_BUILD_ERROR)
		ret = intake_is(t->in, INTAKE_INCOMPLETE, "%s", fail_text());
	else if (ret == -OUT_UNUSABLE)
		ret = intake_is(t->in, INTAKE_PERSON, "%s", fail_text());
	patches_free(&ps);
	return ret;
}

/* ---- beside whole files ---- */

static bool has_path(const char *patch, const char *path)
{
	_cleanup_free_ char *line = strf("\n+++ b/%s\n", path);

	return strstr(patch, line);
}

/* The parts of files that the whole files' patch does not have. */
static void add_rest(struct intake *in, const struct intake *more)
{
	_cleanup_buf_ struct buf rest = { 0 };
	struct parts p;

	parts_split(buf_str(&more->patch), &p);
	for (size_t i = 0; i < p.n; i++)
		if (p.v[i].path && !has_path(buf_str(&in->patch), p.v[i].path))
			buf_add(&rest, p.v[i].at, p.v[i].len);
	if (rest.len) {
		buf_add(&in->patch, buf_str(&rest), rest.len);
		in->exact &= more->exact;
		in->far |= more->far;
		in->drift |= more->drift;
		in->guest |= more->guest;
	}
	parts_free(&p);
}

int intake_add_diffs(struct taking *t)
{
	static const enum reading ways[] = { READ_PLAIN, READ_ANY_SPACE, READ_LOOSELY };
	struct intake more = { 0 };
	struct patches ps;
	int ret = patches_read("submission", &t->diffs, &ps);

	for (size_t i = is_bare(&ps) ? 2 : 0; !ret && i < ARRAY_SIZE(ways); i++) {
		ret = try_base(&more, &ps, t->in->base, ways[i]);
		if (ret == -OUT_BUILD_ERROR && i + 1 < ARRAY_SIZE(ways))
			ret = 0;
		else
			break;
	}
	patches_free(&ps);
	if (!ret)
		add_rest(t->in, &more);
	intake_free(&more);
	return ret == -OUT_BUILD_ERROR || ret == -OUT_UNUSABLE ? 1 : ret;
}
