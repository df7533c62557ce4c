// SPDX-License-Identifier: GPL-2.0-only
/* From whole files and the nearest base to a change on a base: his own, merged three ways. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "intake/internal.h"
#include "intake/merge.h"
#include "intake/rules.h"
#include "intake/upstream.h"

#define CONFLICT_LINES 60 /* that are shown */
#define FAR_PART 5	  /* a change from farther than this part of the lines proves nothing */

/* ---- reading ---- */

static int write_pair(struct taking *t, const struct buf *before, const struct buf *after,
		      char **old, char **new)
{
	*old = strf("%s/before", t->scratch);
	*new = strf("%s/after", t->scratch);
	if (file_write(*old, buf_str(before), before->len, 0600) ||
	    file_write(*new, buf_str(after), after->len, 0600))
		return fail(OUT_BROKEN, "can't write to %s", t->scratch);
	return 0;
}

static void mark_between(struct own_file *f)
{
	_cleanup_buf_ struct buf text = { 0 };
	struct lines_index x;

	upstream_lines(f->path, &text);
	lines_index(buf_str(&text), &x);
	own_mark_known(f, &x, false);
	lines_index_free(&x);
}

static void mark_known(struct taking *t, struct own_file *f)
{
	for (size_t i = 0; i < t->bases->n; i++) {
		_cleanup_buf_ struct buf text = { 0 };
		struct lines_index x;

		intake_base_text(&t->bases->v[i], f->path, &text);
		lines_index(buf_str(&text), &x);
		own_mark_known(f, &x, &t->bases->v[i] != t->in->base);
		lines_index_free(&x);
	}
	mark_between(f);
}

int intake_read_change(struct taking *t, const char *path, const struct buf *text,
		       struct own_file *f)
{
	_cleanup_free_ char *before = NULL, *after = NULL;
	_cleanup_buf_ struct buf diff = { 0 };
	int ret;

	f->path = xstrdup(path);
	intake_base_text(t->in->base, path, &f->before.text);
	buf_add(&f->after.text, buf_str(text), text->len);
	ret = write_pair(t, &f->before.text, &f->after.text, &before, &after);
	if (!ret)
		ret = t->patient ? intake_compare_patiently(t->scratch, before, after, &diff)
				 : intake_compare(before, after, &diff);
	if (ret)
		return ret;
	if (!own_read(f, buf_str(&diff)))
		return fail(OUT_BROKEN, "what diff says of %s and base %s can't be read", path, t->in->base->name);
	mark_known(t, f);
	return t->peers ? peers_mark(t->peers, t->who, f, t->scratch) : 0;
}

static void add_words(const struct taking *t, const struct own_file *files, size_t n,
		      struct wordset *words)
{
	for (size_t i = 0; i < t->bases->n; i++)
		for (size_t j = 0; j < n; j++) {
			_cleanup_buf_ struct buf text = { 0 };

			intake_base_text(&t->bases->v[i], files[j].path, &text);
			wordset_add_text(words, buf_str(&text));
		}
}

/* ---- is a file missing? ---- */

/* The last word before "limit"; its length, 0: there is none. */
static size_t word_before(const char *from, const char **limit)
{
	const char *begin = *limit;
	size_t len;

	while (begin > from && (isalnum((unsigned char)begin[-1]) || begin[-1] == '_'))
		begin--;
	len = (size_t)(*limit - begin);
	*limit = begin;
	return len;
}

/* Nobody's line but his, though nothing that is surely his may lead to it. */
static bool may_be_his(const struct own_line *l)
{
	return l->own || (l->apart && !l->known && !l->shared);
}

/* Is it in a line of his own, outside comments and texts? */
static bool uses(const struct own_file *f, const struct own_line *but, const char *name)
{
	for (size_t i = 0; i < f->after.n; i++) {
		const struct own_line *l = &f->after.v[i];
		_cleanup_free_ char *code = may_be_his(l) && l != but ? own_code_of(l) : NULL;

		if (code && word_is_in(code, name, strlen(name)))
			return true;
	}
	return false;
}

/* "vmx_return:" of a file's own assembler text. */
static bool has_label(const struct own_file *f, const char *name)
{
	_cleanup_free_ char *label = strf("%s:", name);

	return strstr(buf_str(&f->after.text), label);
}

static bool used_elsewhere(const struct own_file *files, size_t n, size_t not_in,
			   const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (i != not_in && uses(&files[i], NULL, name))
			return true;
	return false;
}

/* The name in "extern int total;"; the caller owns it. NULL: nothing is declared there. */
static char *declared_in(const struct own_line *l)
{
	_cleanup_free_ char *code = own_code_of(l);
	const char *at = strstr(code, "extern "), *end;
	size_t len;

	if (!may_be_his(l) || !at)
		return NULL;
	end = at + strcspn(at, ";[(=\n");
	len = word_before(at, &end);
	return len ? xstrndup(end, len) : NULL;
}

/* A diff beside the whole files puts it in. */
static bool is_brought(const struct taking *t, const char *name)
{
	return t->brought && wordset_has(t->brought, word_key(name, strlen(name)));
}

/* Of a name that this file uses, and no other one has; NULL: there is none. */
static char *unmet_extern(const struct taking *t, const struct own_file *files, size_t n, size_t i,
			  const struct own_line *l)
{
	char *name = declared_in(l);

	if (name && (is_brought(t, name) || !uses(&files[i], l, name) ||
		     has_label(&files[i], name) ||
		     used_elsewhere(files, n, i, name)))
		str_set(&name, NULL);
	return name;
}

/* The file that uses what no file defines: the one that does was not handed in. */
static const char *missing_half(const struct taking *t, const struct own_file *files, size_t n,
				char **name)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < files[i].after.n; j++) {
			*name = unmet_extern(t, files, n, i, &files[i].after.v[j]);
			if (*name)
				return files[i].path;
		}
	return NULL;
}

/* The name in "EXPORT_SYMBOL_GPL(total);"; the caller owns it. NULL: nothing of his is exported there. */
static char *exported_in(const struct own_line *l)
{
	_cleanup_free_ char *code = own_code_of(l);
	const char *at = strstr(code, "EXPORT_SYMBOL");
	size_t len;

	if (!may_be_his(l) || !at || !(at = strchr(at, '(')))
		return NULL;
	len = word_next(&at);
	return len ? xstrndup(at, len) : NULL;
}

/* Is something put into it here, or is it called? */
static bool changes(const char *code, const char *name)
{
	static const char *const ways[] = { "++", "--", "+=", "-=", "inc", "add", "sub", "xchg", "_set(", "_or(" };
	const char *at = strstr(code, name) + strlen(name);

	at += strspn(at, " \t");
	if (*at == '(' || (*at == '=' && at[1] != '='))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		if (strstr(code, ways[i]))
			return true;
	return false;
}

static bool is_changed(const struct own_file *f, const char *name)
{
	for (size_t i = 0; i < f->after.n; i++) {
		const struct own_line *l = &f->after.v[i];
		_cleanup_free_ char *code = l->func && !l->head ? own_code_of(l) : NULL;

		if (code && word_is_in(code, name, strlen(name)) && changes(code, name))
			return true;
	}
	return false;
}

/*
 * The file whose exported names are all for one that was not handed in: nothing counts with them.
 * name: of the first of them.
 */
static const char *missing_user(const struct taking *t, const struct own_file *files, size_t n,
				char **name)
{
	const char *path = NULL;

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < files[i].after.n; j++) {
			_cleanup_free_ char *one = exported_in(&files[i].after.v[j]);

			if (!one)
				continue;
			if (is_brought(t, one) || is_changed(&files[i], one) ||
			    used_elsewhere(files, n, i, one))
				return NULL;
			path = path ? path : files[i].path;
			if (!*name)
				*name = xstrdup(one);
		}
	return path;
}

/* ---- onto a base ---- */

static void repair(struct taking *t, const struct base *b, const struct own_file *f,
		   const struct buf *there, const struct buf *merged, struct buf *out)
{
	_cleanup_strv_ struct strv told = { 0 };

	rules_apply(f->path, buf_str(there), buf_str(&f->after.text), buf_str(merged), out, &told);
	for (size_t i = 0; i < told.n; i++)
		strv_addf(&t->in->notes, "repaired in %s for base %s: %s", f->path, b->name, told.v[i]);
}

static bool is_new(const struct own_file *f)
{
	return !f->before.text.len;
}

static int add_new(struct taking *t, const struct own_file *f)
{
	_cleanup_free_ char *before = NULL, *after = NULL;
	int ret = write_pair(t, &f->before.text, &f->after.text, &before, &after);

	return ret ? ret : intake_add_diff(t->in, f->path, "/dev/null", after);
}

/* No more of that than one of the texts that it was made of has. */
static bool is_usual(size_t (*count)(const char *text), const char *merged, const char *base,
		     const char *his)
{
	size_t n = count(merged);

	return n <= count(base) || n <= count(his);
}

/* As many blocks are open as in the base, and no function has lost its head, body or end. */
static bool has_blocks_of(const char *merged, const char *base, const char *his)
{
	return own_open_braces(merged) == own_open_braces(base) &&
	       is_usual(own_inner_ends, merged, base, his) &&
	       is_usual(own_heads_alone, merged, base, his);
}

/* One file on a base; conflict: NULL, or what was changed in both. */
static int merge_file(struct taking *t, const struct base *b, const struct own_file *f,
		      struct buf *conflict)
{
	_cleanup_buf_ struct buf there = { 0 }, was = { 0 }, his = { 0 }, merged = { 0 };
	_cleanup_buf_ struct buf repaired = { 0 };
	_cleanup_free_ char *before = NULL, *after = NULL;
	struct merge m;
	int ret;

	intake_base_text(b, f->path, &there);
	own_put_ancestor(f, &was);
	own_put_after(f, &his);
	if (!there.len && is_new(f))
		return add_new(t, f);
	if (!there.len) {
		buf_printf(conflict, "base %s has no %s\n", b->name, f->path);
		return 0;
	}
	m = (struct merge){ buf_str(&there), buf_str(&was), buf_str(&his), t->loosely };
	ret = merge_texts(t->scratch, &m, &merged, conflict);
	if (ret || conflict->len)
		return ret;
	if (!has_blocks_of(buf_str(&merged), buf_str(&there), buf_str(&his))) {
		buf_puts(conflict, "braces are opened and closed in different numbers\n");
		return 0;
	}
	repair(t, b, f, &there, &merged, &repaired);
	ret = write_pair(t, &there, &repaired, &before, &after);
	return ret ? ret : intake_add_diff(t->in, f->path, before, after);
}

static bool has_own(const struct own_text *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].own)
			return true;
	return false;
}

/* conflict: empty, the change is in t->in->patch; else where it went wrong first. */
static int merge_all(struct taking *t, const struct base *b, const struct own_file *files,
		     size_t n, struct buf *conflict)
{
	int ret = 0;

	buf_free(&t->in->patch);
	t->in->guest = false;
	for (size_t i = 0; !ret && !conflict->len && i < n; i++) {
		/* Of a whole tree most files are of another age, and nobody's work. */
		if (!has_own(&files[i].before) && !has_own(&files[i].after))
			continue;
		ret = merge_file(t, b, &files[i], conflict);
		if (!ret && conflict->len)
			strv_addf(&t->in->notes, "onto base %s: what was changed in %s does not merge", b->name, files[i].path);
	}
	return ret;
}

static void show_conflict(struct taking *t, const struct buf *conflict)
{
	_cleanup_strv_ struct strv lines = { 0 };

	strv_split(&lines, buf_str(conflict), "\n");
	for (size_t i = 0; i < lines.n && i < CONFLICT_LINES; i++)
		strv_addf(&t->in->notes, "| %s", lines.v[i]);
	if (lines.n > CONFLICT_LINES)
		strv_addf(&t->in->notes, "| and %zu lines more", lines.n - CONFLICT_LINES);
}

/* Is a function of that name defined in the text: does a line begin with its head? */
static bool defines(const char *text, const char *name)
{
	_cleanup_free_ char *head = strf("%s(", name);
	size_t len = strlen(head);

	for (const char *at = text; (at = strstr(at, head)); at += len) {
		const char *begin = at;

		while (begin > text && begin[-1] != '\n')
			begin--;
		if (isalpha((unsigned char)*begin) && (at == begin || strchr(" *", at[-1])))
			return true;
	}
	return false;
}

static bool defines_himself(const struct own_file *f, const char *name)
{
	for (size_t i = 0; i < f->after.n; i++) {
		const struct own_line *l = &f->after.v[i];
		_cleanup_free_ char *line = l->own ? xstrndup(l->at, l->len) : NULL;

		if (line && defines(line, name))
			return true;
	}
	return false;
}

/* Has some base a function of that name in this file, and b does not know it? */
static bool is_lacked(const struct taking *t, const struct base *b, const char *path,
		      const char *name)
{
	_cleanup_buf_ struct buf here = { 0 };
	bool found = false;

	intake_base_text(b, path, &here);
	if (word_is_in(buf_str(&here), name, strlen(name)))
		return false;
	for (size_t i = 0; !found && i < t->bases->n; i++) {
		_cleanup_buf_ struct buf text = { 0 };

		intake_base_text(&t->bases->v[i], path, &text);
		found = defines(buf_str(&text), name);
	}
	return found;
}

/* The caller owns it; NULL: b has each function of this file that his lines call. */
static char *name_lacked(const struct taking *t, const struct base *b, const struct own_file *f)
{
	for (size_t i = 0; i < f->after.n; i++) {
		_cleanup_free_ char *code = f->after.v[i].own ? own_code_of(&f->after.v[i]) : NULL;
		const char *at = code ? code : "";

		for (size_t len; (len = word_next(&at)); at += len) {
			_cleanup_free_ char *name = xstrndup(at, len);

			if (at[len] == '(' && !defines_himself(f, name) &&
			    is_lacked(t, b, f->path, name))
				return xstrdup(name);
		}
	}
	return NULL;
}

/* Would the compiler miss a function there that another base has? */
static bool lacks_name(struct taking *t, const struct base *b, const struct own_file *files,
		       size_t n)
{
	_cleanup_free_ char *name = NULL;

	for (size_t i = 0; !name && i < n; i++)
		name = name_lacked(t, b, &files[i]);
	if (name)
		strv_addf(&t->in->notes, "onto base %s it merges, but there is no %s() there", b->name, name);
	return name;
}

/*
 * ranks[from] and those behind it. The place of the first onto which it merges, that has each
 * function which it calls (any: or not); or t->bases->n; or a negative outcome.
 */
static int try_bases(struct taking *t, const struct own_file *files, size_t n,
		     const struct rank *ranks, bool any)
{
	for (size_t i = 0; i < t->bases->n; i++) {
		_cleanup_buf_ struct buf conflict = { 0 };
		int ret = merge_all(t, ranks[i].base, files, n, &conflict);

		if (ret)
			return ret;
		if (!i && !any)
			show_conflict(t, &conflict);
		if (!conflict.len && (any || !lacks_name(t, ranks[i].base, files, n)))
			return (int)i;
	}
	buf_free(&t->in->patch);
	return (int)t->bases->n;
}

static int try_all(struct taking *t, const struct own_file *files, size_t n,
		   const struct rank *ranks, const struct own_sum *sum)
{
	int i = try_bases(t, files, n, ranks, false);

	if (i == (int)t->bases->n)
		i = try_bases(t, files, n, ranks, true);
	if (i < 0 || i == (int)t->bases->n)
		return i < 0 ? i : 1;
	t->in->base = ranks[i].base;
	t->in->drift = i || sum->unexplained || ranks->apart * FAR_PART > ranks->of;
	return 0;
}

/* 0; 1: it does not merge there; or a negative outcome. */
static int put_on_end(struct taking *t, const struct base *end, const struct own_file *files,
		      size_t n)
{
	struct buf patch = t->in->patch;
	_cleanup_buf_ struct buf conflict = { 0 };
	bool merges;
	int ret;

	t->in->patch = (struct buf){ 0 };
	ret = merge_all(t, end, files, n, &conflict);
	merges = !ret && !conflict.len && !lacks_name(t, end, files, n);
	if (merges) {
		t->in->end = end;
		t->in->end_patch = t->in->patch;
		t->in->patch = (struct buf){ 0 };
	}
	buf_free(&t->in->patch);
	t->in->patch = patch;
	return ret < 0 ? ret : !merges;
}

/* Nothing of it may be missing: what was left out would fail at both ends. */
static int put_on_other_end(struct taking *t, const struct own_file *files, size_t n)
{
	const struct base *ends[2];
	size_t count = t->in->patch.len && !t->in->guest ? intake_other_ends(t, files, n, ends) : 0;
	int ret = 1;

	for (size_t i = 0; ret == 1 && i < count; i++)
		ret = put_on_end(t, ends[i], files, n);
	return ret < 0 ? ret : 0;
}

/*
 * The nearest base onto which it merges. Where it merges onto none, some of upstream's lines were
 * perhaps taken for his: then what is surely his, and only a pass of it says something.
 */
static int merge_onto_bases(struct taking *t, struct own_file *files, size_t n,
			    const struct rank *ranks, const struct own_sum *sum)
{
	int ret = try_all(t, files, n, ranks, sum);

	if (!ret && !sum->near)
		return put_on_other_end(t, files, n);
	if (ret == 1 && own_only_sure(files, n)) {
		strv_add(&t->in->notes, "once more, with those lines only to which the assignment's numbers lead");
		ret = try_all(t, files, n, ranks, sum);
		intake_doubt(t->in);
	}
	t->unmerged = ret == 1;
	return ret != 1 ? ret : intake_is(t->in, INTAKE_PERSON, "what was changed does not merge onto a base: %s is the nearest (see intake.txt)",
			 t->in->base->name);
}

int intake_merge_known(struct taking *t, struct own_file *files, size_t n)
{
	struct rank *ranks = xcalloc(t->bases->n, sizeof(*ranks));
	const struct own_sum sum = { .drift = true };
	int ret;

	for (size_t i = 0; i < t->bases->n; i++) {
		ranks[i].base = &t->bases->v[i];
		for (size_t j = 0; j < n; j++)
			intake_measure(ranks[i].base, files[j].path,
				       buf_str(&files[j].before.text), &ranks[i]);
	}
	intake_sort_ranks(ranks, t->bases->n);
	t->in->base = ranks->base;
	t->in->exact = false;
	t->in->merged = true;
	ret = merge_onto_bases(t, files, n, ranks, &sum);
	free(ranks);
	return ret;
}

static void note_drift(struct taking *t, const struct own_file *f)
{
	size_t left = 0, own = 0;

	for (size_t i = 0; i < f->after.n; i++) {
		own += f->after.v[i].own;
		left += f->after.v[i].apart && f->after.v[i].key && !f->after.v[i].own;
	}
	strv_addf(&t->in->notes, "%s: %zu lines are the change, and %zu differ from base %s as another age of the kernel does "
		  "(%zu near neighbours)", f->path, own, left, t->in->base->name, f->neighbours);
}

/* All that differs is the change. */
static int put_all(struct taking *t, const struct own_file *files, size_t n)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < n; i++) {
		_cleanup_free_ char *before = NULL, *after = NULL;
		_cleanup_buf_ struct buf his = { 0 };

		own_put_after(&files[i], &his);
		ret = write_pair(t, &files[i].before.text, &his, &before, &after);
		if (!ret)
			ret = intake_add_diff(t->in, files[i].path, is_new(&files[i]) ? "/dev/null" : before, after);
	}
	return ret;
}

/* Since 5.8; in older kernels vmx_handle_exit() sees every exit. */
static void note_fastpath(struct taking *t, const struct own_file *f)
{
	if (strstr(buf_str(&f->after.text), "EXIT_FASTPATH_REENTER_GUEST") && !strv_has(&t->in->notes, INTAKE_FASTPATH))
		strv_add(&t->in->notes, INTAKE_FASTPATH);
}

/* Neighbours share lines of another exercise, too: without a number nothing tells them from it. */
static bool have_work(const struct taking *t, const struct own_file *files, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (intake_has_work(t, files[i].path, buf_str(&files[i].after.text)))
			return true;
	return false;
}

static int put_change(struct taking *t, struct own_file *files, size_t n,
		      const struct rank *ranks, const struct own_sum *sum)
{
	int ret;

	t->in->exact = sum->exact;
	t->in->merged = sum->drift;
	/* Some lines may be upstream's of another age: what fails with them proves nothing. */
	t->in->drift = !sum->exact;
	for (size_t i = 0; sum->drift && i < n; i++) {
		note_drift(t, &files[i]);
		note_fastpath(t, &files[i]);
	}
	if (sum->drift && sum->unexplained)
		strv_addf(&t->in->notes, "%zu lines that were left out are no base's, and not each neighbour's", sum->unexplained);
	ret = sum->drift ? merge_onto_bases(t, files, n, ranks, sum) : put_all(t, files, n);
	if (!ret && !sum->drift && !sum->exact)
		ret = put_on_other_end(t, files, n);
	if (!ret && sum->drift && sum->near)
		strv_addf(&t->in->notes, "%zu of them stand where it worked: they may be its own", sum->near);
	if (ret || t->in->outcome != INTAKE_TAKEN || t->in->patch.len)
		return ret;
	return intake_is(t->in, sum->drift ? INTAKE_PERSON : INTAKE_EMPTY,
			 sum->drift ? "nothing that was changed is surely its own" : "its files are as base %s has them",
			 t->in->base->name);
}

int intake_make_change(struct taking *t, struct own_file *files, size_t n,
		       const struct rank *ranks)
{
	_cleanup_free_ char *name = NULL;
	struct wordset words = { 0 };
	struct own_sum sum;
	const char *half;

	add_words(t, files, n, &words);
	own_mark(files, n, t->seeds, &words, &sum);
	wordset_free(&words);
	t->in->other_work = sum.drift && !t->brought && !have_work(t, files, n);
	if (t->in->other_work)
		return intake_is(t->in, INTAKE_PERSON, "nothing in it has the assignment's names or numbers: is it another exercise's work? "
				 "Base %s is the nearest of its files", t->in->base->name);
	half = missing_half(t, files, n, &name);
	if (half)
		return intake_is(t->in, INTAKE_HALF, "%s uses %s, and nothing that was handed in defines it: is a file missing, or has it another name there?", half, name);
	half = missing_user(t, files, n, &name);
	if (half)
		return intake_is(t->in, INTAKE_HALF, "%s exports %s, and nothing that was handed in counts with it: is a file missing, or has it another name there?", half, name);
	return put_change(t, files, n, ranks, &sum);
}
