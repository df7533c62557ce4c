// SPDX-License-Identifier: GPL-2.0-only
/* Whole source files: which of the kernel's they are, from which base, and what was changed. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/outcome.h"
#include "intake/internal.h"
#include "intake/lines.h"
#include "intake/locate.h"
#include "intake/own.h"
#include "kernel/tree.h"

/* A file that is one of the tree's. */
struct whole {
	const char *name; /* as it was handed in */
	char *path;	  /* in the tree */
	struct buf text;
	bool pristine; /* as some base has it */
	bool passed;   /* another version of it is taken */
};

struct wholes {
	struct whole *v;
	size_t n;
};

static void free_wholes(struct wholes *w)
{
	for (size_t i = 0; i < w->n; i++) {
		free(w->v[i].path);
		buf_free(&w->v[i].text);
	}
	free(w->v);
}

/* ---- which they are ---- */

static void base_text(const struct base *b, const char *path, struct buf *out)
{
	_cleanup_free_ char *full = strf("%s/%s", b->dir, path);

	if (tree_has_file(b->dir, path, NULL))
		handed_text(full, out);
}

/* White space and line ends apart. */
static bool is_pristine(const struct bases *bases, const char *path, const char *text)
{
	for (size_t i = 0; i < bases->n; i++) {
		_cleanup_buf_ struct buf b = { 0 };
		struct lines_apart a;

		base_text(&bases->v[i], path, &b);
		lines_compare(buf_str(&b), text, &a);
		if (a.of && !a.lost && !a.gained)
			return true;
	}
	return false;
}

static char *locate(const struct bases *bases, const char *name, const char *text)
{
	char *path = NULL;

	for (size_t i = bases->n; i && !path; i--)
		path = locate_file(name, text, bases->v[i - 1].dir);
	return path;
}

static void add_file(struct taking *t, struct wholes *w, const struct handed_file *f)
{
	struct whole one = { .name = f->name };

	if (!locate_is_source(f->name))
		return;
	if (!handed_text(f->path, &one.text)) {
		intake_unread(t, f->name, "it is no text");
		return;
	}
	one.path = locate(t->bases, f->name, buf_str(&one.text));
	if (!one.path) {
		intake_unread(t, f->name, "it is no file of a base's source");
		buf_free(&one.text);
		return;
	}
	one.pristine = is_pristine(t->bases, one.path, buf_str(&one.text));
	w->v = xrealloc(w->v, w->n + 1, sizeof(*w->v));
	w->v[w->n++] = one;
}

/* ---- versions ---- */

/* Is b to be taken rather than a? -1: a, 1: b, 0: nobody knows. */
static int better(const struct taking *t, const struct whole *a, const struct whole *b)
{
	bool a_seeded = own_has_seed(buf_str(&a->text), t->seeds);

	if (!strcmp(buf_str(&a->text), buf_str(&b->text)))
		return -1;
	if (a_seeded != own_has_seed(buf_str(&b->text), t->seeds))
		return a_seeded ? -1 : 1;
	if (locate_is_copy(a->name) != locate_is_copy(b->name))
		return locate_is_copy(a->name) ? 1 : -1;
	return 0;
}

static void pass_over(struct taking *t, struct whole *f, const struct whole *for_this)
{
	f->passed = true;
	strv_addf(&t->in->notes, "passed over %s: %s is the version of %s that was changed", f->name, for_this->name, f->path);
}

static int settle_pair(struct taking *t, struct whole *a, struct whole *b)
{
	int which;

	if (a->passed || b->passed || a->pristine || b->pristine || strcmp(a->path, b->path))
		return 0;
	which = better(t, a, b);
	if (!which)
		return intake_is(t->in, INTAKE_PERSON, "there are several versions of %s: %s and %s", a->path, a->name, b->name);
	pass_over(t, which < 0 ? b : a, which < 0 ? a : b);
	return 0;
}

static void settle_versions(struct taking *t, struct wholes *w)
{
	for (size_t i = 0; i < w->n; i++)
		for (size_t j = i + 1; j < w->n; j++)
			settle_pair(t, &w->v[i], &w->v[j]);
	for (size_t i = 0; i < w->n; i++)
		if (w->v[i].pristine) {
			w->v[i].passed = true;
			if (t->handed.n < 100)
				strv_addf(&t->in->notes, "passed over %s: it is as a base has it", w->v[i].name);
		}
}

/* ---- the nearest base ---- */

struct nearness {
	size_t apart, lost, of;
};

static void measure(const struct base *b, const struct wholes *w, struct nearness *n)
{
	*n = (struct nearness){ 0 };
	for (size_t i = 0; i < w->n; i++) {
		_cleanup_buf_ struct buf text = { 0 };
		struct lines_apart a;

		if (w->v[i].passed)
			continue;
		base_text(b, w->v[i].path, &text);
		lines_compare(buf_str(&text), buf_str(&w->v[i].text), &a);
		n->apart += a.lost + a.gained;
		n->lost += a.lost;
		n->of += a.of;
	}
}

/* Where the clone has a version that is nearer than the bases there are, it becomes one. */
static int offer_version(struct taking *t, const struct wholes *w)
{
	_cleanup_free_ struct clone_file *f = xcalloc(w->n, sizeof(*f));
	struct nearness n;
	const char *tag;
	size_t apart = 0, taken = 0;

	for (size_t i = 0; i < w->n; i++)
		if (!w->v[i].passed)
			f[taken++] = (struct clone_file){ w->v[i].path, buf_str(&w->v[i].text) };
	tag = t->bases->clone ? clone_nearest(t->bases->clone, f, taken, &apart) : NULL;
	for (size_t i = 0; tag && i < t->bases->n; i++) {
		measure(&t->bases->v[i], w, &n);
		if (n.apart <= apart)
			return 0;
	}
	return tag ? bases_add_version(t->bases, tag) : 0;
}

/* NULL: nothing was changed. */
static const struct base *nearest(struct taking *t, const struct wholes *w, struct nearness *best)
{
	const struct base *found = NULL;

	for (size_t i = 0; i < t->bases->n; i++) {
		struct nearness n;

		measure(&t->bases->v[i], w, &n);
		strv_addf(&t->in->notes, "from base %s it is %zu lines apart", t->bases->v[i].name, n.apart);
		if (found && n.apart >= best->apart)
			continue;
		found = &t->bases->v[i];
		*best = n;
	}
	return found;
}

/* ---- the change ---- */

static int read_change(struct taking *t, const struct base *b, const struct whole *w,
		       struct own_file *f)
{
	_cleanup_free_ char *before = strf("%s/before", t->scratch), *after = strf("%s/after", t->scratch);
	_cleanup_buf_ struct buf diff = { 0 };
	int ret;

	f->path = xstrdup(w->path);
	base_text(b, w->path, &f->before);
	if (file_write(before, buf_str(&f->before), f->before.len, 0600) ||
	    file_write(after, buf_str(&w->text), w->text.len, 0600))
		return fail(OUT_BROKEN, "can't write to %s", t->scratch);
	ret = intake_compare(before, after, &diff);
	if (!ret && !own_parse(buf_str(&diff), f))
		ret = fail(OUT_BROKEN, "what diff says of %s and base %s can't be read", w->name, b->name);
	return ret;
}

static int put_change(struct taking *t, const struct own_file *f)
{
	_cleanup_free_ char *before = strf("%s/before", t->scratch), *after = strf("%s/after", t->scratch);
	_cleanup_buf_ struct buf text = { 0 };

	own_put(f, &text);
	if (file_write(before, buf_str(&f->before), f->before.len, 0600) ||
	    file_write(after, buf_str(&text), text.len, 0600))
		return fail(OUT_BROKEN, "can't write to %s", t->scratch);
	return intake_add_diff(t->in, f->path, before, after);
}

/* The last word before "limit"; its length, 0: there is none. */
static size_t word_before(const char *from, const char **limit)
{
	const char *begin = *limit;
	size_t len;

	while (begin > from &&
	       (isalnum((unsigned char)begin[-1]) || begin[-1] == '_'))
		begin--;
	len = (size_t)(*limit - begin);
	*limit = begin;
	return len;
}

static bool used_elsewhere(const struct own_file *files, size_t n, size_t not_in,
			   const char *name)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; i != not_in && j < files[i].n; j++)
			if (strstr(buf_str(&files[i].v[j].added), name))
				return true;
	return false;
}

/* "extern int total;" of a name that no other file has; NULL: there is none. */
static char *unmet_extern(const struct own_file *files, size_t n, size_t i, const char *added)
{
	while ((added = strstr(added, "extern "))) {
		const char *end = added + strcspn(added, ";[(=\n");
		size_t len = word_before(added, &end);
		_cleanup_free_ char *name = xstrndup(end, len);

		if (len && !used_elsewhere(files, n, i, name))
			return xstrdup(name);
		added++;
	}
	return NULL;
}

/* The file that uses what no file defines: the one that does was not handed in. */
static const char *missing_half(const struct own_file *files, size_t n, char **name)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < files[i].n; j++) {
			*name = unmet_extern(files, n, i, buf_str(&files[i].v[j].added));
			if (*name)
				return files[i].path;
		}
	return NULL;
}

static void note_drift(struct taking *t, const struct own_file *f)
{
	size_t left = 0;

	for (size_t i = 0; i < f->n; i++)
		left += !f->v[i].own;
	strv_addf(&t->in->notes, "%s: %zu of %zu places differ from base %s as another age of the kernel does, and were left out",
		  f->path, left, f->n, t->in->base->name);
}

static int put_all(struct taking *t, struct own_file *files, size_t n)
{
	bool drift = own_mark(files, n, t->seeds);
	int ret = 0;

	t->in->exact = !drift;
	t->in->drift = drift;
	for (size_t i = 0; !ret && i < n; i++) {
		if (drift)
			note_drift(t, &files[i]);
		if (drift && !own_balanced(&files[i]))
			return intake_is(t->in, INTAKE_PERSON, "what was changed in %s can't be told from the drift of its "
					 "kernel: base %s is the nearest", files[i].path, t->in->base->name);
		ret = put_change(t, &files[i]);
	}
	if (!ret && !t->in->patch.len)
		return intake_is(t->in, drift ? INTAKE_PERSON : INTAKE_EMPTY,
				 drift ? "nothing in it has the assignment's numbers" : "its files are as base %s has them",
				 t->in->base->name);
	return ret;
}

static int make_change(struct taking *t, const struct wholes *w)
{
	struct own_file *files = xcalloc(w->n, sizeof(*files));
	const char *half;
	_cleanup_free_ char *name = NULL;
	size_t n = 0;
	int ret = 0;

	for (size_t i = 0; !ret && i < w->n; i++)
		if (!w->v[i].passed) {
			strv_addf(&t->in->notes, "took %s as %s", w->v[i].name, w->v[i].path);
			ret = read_change(t, t->in->base, &w->v[i], &files[n++]);
		}
	half = ret ? NULL : missing_half(files, n, &name);
	if (half)
		intake_is(t->in, INTAKE_HALF, "%s uses %s, and the file that defines it is missing", half, name);
	else if (!ret)
		ret = put_all(t, files, n);
	for (size_t i = 0; i < n; i++)
		own_free(&files[i]);
	free(files);
	return ret;
}

static size_t count_taken(const struct wholes *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n; i++)
		n += !w->v[i].passed;
	return n;
}

static int judge_wholes(struct taking *t, struct wholes *w)
{
	struct nearness near = { 0 };
	int ret;

	if (!w->n)
		return intake_is(t->in, INTAKE_EMPTY, "there is no diff and no file of a kernel's source in it");
	settle_versions(t, w);
	if (t->in->outcome != INTAKE_TAKEN)
		return 0;
	if (!count_taken(w))
		return intake_is(t->in, INTAKE_EMPTY, "its files are as a base has them: nothing was changed");
	ret = offer_version(t, w);
	if (ret)
		return ret;
	t->in->base = nearest(t, w, &near);
	if (near.lost * 2 > near.of)
		return intake_is(t->in, INTAKE_INCOMPLETE, "its files lack %zu of the %zu lines that base %s has there",
				 near.lost, near.of, t->in->base->name);
	return make_change(t, w);
}

int intake_take_files(struct taking *t)
{
	struct wholes w = { 0 };
	int ret;

	t->in->outcome = INTAKE_TAKEN;
	t->in->base = NULL;
	for (size_t i = 0; i < t->handed.n; i++)
		add_file(t, &w, &t->handed.v[i]);
	ret = judge_wholes(t, &w);
	free_wholes(&w);
	return ret;
}
