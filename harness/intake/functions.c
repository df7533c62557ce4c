// SPDX-License-Identifier: GPL-2.0-only
/* The functions of the base's text and of somebody's: which of them stand for each other. */
#include <stdlib.h>
#include <string.h>

#include "intake/own.h"

#define NOWHERE SIZE_MAX

bool own_next_function(const struct own_text *t, size_t *from, size_t *to)
{
	while (*to < t->n && !t->v[*to].func)
		++*to;
	*from = *to;
	while (*to < t->n && t->v[*to].func == t->v[*from].func)
		++*to;
	return *from < *to;
}

/* The word before the first bracket; 0: there is none. */
static uint64_t name_in(const struct own_line *l)
{
	_cleanup_free_ char *code = own_code_of(l);
	const char *at = code, *name = NULL, *bracket = strchr(code, '(');
	size_t last = 0;

	for (size_t len; bracket && (len = word_next(&at)) && at < bracket; at += len) {
		name = at;
		last = len;
	}
	return last ? word_key(name, last) : 0;
}

uint64_t *own_function_names(const struct own_text *t)
{
	size_t funcs = 0;
	uint64_t *names;

	for (size_t i = 0; i < t->n; i++)
		funcs = t->v[i].func > funcs ? t->v[i].func : funcs;
	names = xcalloc(funcs + 1, sizeof(*names));
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].head && !names[t->v[i].func])
			names[t->v[i].func] = name_in(&t->v[i]);
	return names;
}

/* Of each of his lines the base's that it is paired with; the caller frees it. */
static size_t *pair_lines(const struct own_file *f)
{
	size_t *with = xcalloc(f->after.n + 1, sizeof(*with));

	for (size_t i = 0, j = 0; i < f->after.n; i++) {
		with[i] = NOWHERE;
		if (f->after.v[i].apart)
			continue;
		while (j < f->before.n && f->before.v[j].apart)
			j++;
		if (j < f->before.n)
			with[i] = j++;
	}
	return with;
}

static bool has_telling_pair(const struct own_text *t, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (!t->v[i].apart && own_is_telling(&t->v[i]))
			return true;
	return false;
}

static void hunks_anew(struct own_file *f)
{
	f->n = 0;
	for (size_t i = 0, j = 0; i < f->after.n || j < f->before.n; i++, j++) {
		struct own_hunk h = { .at = j, .first = i };

		while (j < f->before.n && f->before.v[j].apart)
			j++;
		while (i < f->after.n && f->after.v[i].apart)
			i++;
		h.removed = j - h.at;
		h.added = i - h.first;
		if (h.removed || h.added)
			own_add_hunk(f, &h);
	}
}

/* Both texts' functions by their names, and which lines are paired. */
struct pairing {
	uint64_t *his, *there;
	size_t *with;
};

/* Did it part lines? */
static bool part_function(struct own_file *f, const struct pairing *p, size_t from, size_t to)
{
	uint64_t name = p->his[f->after.v[from].func];
	bool parted = false;

	if (!name || has_telling_pair(&f->after, from, to))
		return false;
	for (size_t i = from; i < to; i++) {
		struct own_line *there = p->with[i] == NOWHERE ? NULL : &f->before.v[p->with[i]];

		if (!there || p->there[there->func] == name)
			continue;
		f->after.v[i].apart = there->apart = parted = true;
	}
	return parted;
}

/* A blank line between two of his is none within one of the base's. */
static bool part_blank(struct own_file *f, const struct pairing *p)
{
	bool parted = false;

	for (size_t i = 0; i < f->after.n; i++) {
		struct own_line *l = &f->after.v[i];
		struct own_line *there = p->with[i] == NOWHERE ? NULL : &f->before.v[p->with[i]];

		if (there && there->func && !l->func && !l->key)
			l->apart = there->apart = parted = true;
	}
	return parted;
}

void own_part_functions(struct own_file *f)
{
	const struct pairing p = { own_function_names(&f->after), own_function_names(&f->before),
				   pair_lines(f) };
	bool parted = false;

	for (size_t from, to = 0; own_next_function(&f->after, &from, &to);)
		parted |= part_function(f, &p, from, to);
	parted |= part_blank(f, &p);
	if (parted)
		hunks_anew(f);
	free(p.his);
	free(p.there);
	free(p.with);
}
