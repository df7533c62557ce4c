// SPDX-License-Identifier: GPL-2.0-only
/* Diffs: on which base do they apply, and were they made on it? */
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "intake/internal.h"
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

/* 0: it applies; then it is in's change. */
static int try_base(struct intake *in, const struct patches *ps, const struct base *base)
{
	struct series s;
	int ret = series_begin(&s, base->dir);

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
		in->exact = all_in_place(ps, buf_str(&in->patch));
	}
	return ret;
}

/* The one on which it was made, before one on which it applies, too. */
static int try_bases(struct taking *t, const struct patches *ps, struct buf *why)
{
	const struct base *found = NULL;
	int ret = 0;

	for (size_t i = t->bases->n; i && !t->in->exact; i--) {
		const struct base *base = &t->bases->v[i - 1];

		ret = try_base(t->in, ps, base);
		if (!ret && (!found || t->in->exact))
			found = base;
		if (ret == -OUT_BROKEN || ret == -OUT_INTERRUPTED)
			return ret;
		if (ret)
			buf_printf(why, "%son %s: %s", why->len ? "; " : "", base->name, fail_text());
	}
	t->in->base = found;
	return found && !t->in->exact ? try_base(t->in, ps, found) : 0;
}

static void note_taken(struct taking *t)
{
	for (size_t i = 0; i < t->diff_names.n; i++)
		strv_addf(&t->in->notes, "took the diff %s", t->diff_names.v[i]);
	strv_addf(&t->in->notes, t->in->exact ? "it was made on base %s: each hunk stands in its place"
					       : "it applies to base %s, with its hunks moved: it was made on another one",
		  t->in->base->name);
}

static int choose(struct taking *t, const struct patches *ps)
{
	_cleanup_buf_ struct buf why = { 0 };
	int ret = try_bases(t, ps, &why);

	if (ret)
		return ret;
	if (!t->in->base)
		return intake_is(t->in, INTAKE_PERSON, "the diff applies to no base: %s", buf_str(&why));
	if (!t->in->patch.len)
		return intake_is(t->in, INTAKE_EMPTY, "the diff changes nothing");
	note_taken(t);
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
