// SPDX-License-Identifier: GPL-2.0-only
/*
 * Between which two bases somebody's kernel was: its lines that came after the older one, and those
 * that the newer one has no more.
 */
#include <stdlib.h>
#include <string.h>

#include "intake/internal.h"

/* Lines of upstream's that tell of an age; fewer came back, or were backported. */
#define SURELY 20
/* Nearly of a base's age: all but this part of them tell so. */
#define NEARLY_PART 6

/* Lines of one base: those that another one has, too, or those that it has not. */
struct kind {
	const struct base *of, *other;
	bool both;
};

/* One file's, in both bases. */
struct pair {
	struct buf text; /* of the base whose lines are meant */
	struct lines_index of, other;
};

static void read_pair(const struct kind *k, const char *path, struct pair *p)
{
	_cleanup_buf_ struct buf other = { 0 };

	p->text = (struct buf){ 0 };
	intake_base_text(k->of, path, &p->text);
	intake_base_text(k->other, path, &other);
	lines_index(buf_str(&p->text), &p->of);
	lines_index(buf_str(&other), &p->other);
}

static void free_pair(struct pair *p)
{
	buf_free(&p->text);
	lines_index_free(&p->of);
	lines_index_free(&p->other);
}

static bool is_one(const struct kind *k, const struct pair *p, const struct own_line *l)
{
	return l->key && own_is_telling(l) && lines_count(&p->of, l->key) &&
	       !lines_count(&p->other, l->key) == !k->both;
}

/* So many of them the files have that were handed in. */
static size_t has_of(const struct own_file *files, size_t n, const struct kind *k)
{
	size_t lines = 0;

	for (size_t i = 0; i < n; i++) {
		struct pair p;

		read_pair(k, files[i].path, &p);
		for (size_t j = 0; j < files[i].after.n; j++)
			lines += !files[i].after.v[j].own && is_one(k, &p, &files[i].after.v[j]);
		free_pair(&p);
	}
	return lines;
}

/* So many there are. */
static size_t count_of(const struct own_file *files, size_t n, const struct kind *k)
{
	size_t lines = 0;

	for (size_t i = 0; i < n; i++) {
		struct pair p;

		read_pair(k, files[i].path, &p);
		for (const char *at = buf_str(&p.text); *at; at = lines_next(at)) {
			const size_t len = (size_t)(lines_next(at) - at);
			const struct own_line l = { .at = at, .len = len, .key = lines_key(at) };

			lines += is_one(k, &p, &l);
		}
		free_pair(&p);
	}
	return lines;
}

/* They are of its age, or nearly. */
static bool has_nearly_all(const struct own_file *files, size_t n, const struct kind *k)
{
	return has_of(files, n, k) * NEARLY_PART >= count_of(files, n, k) * (NEARLY_PART - 1);
}

/* Told as a note. */
static size_t lines_of(const struct taking *t, const struct own_file *files, size_t n,
		       const struct base *has, const struct base *lacks)
{
	size_t lines = has_of(files, n, &(struct kind){ has, lacks, false });

	strv_addf(&t->in->notes, "%zu lines of upstream's are as base %s has them, and base %s has not", lines, has->name, lacks->name);
	return lines;
}

/* The next newer base than b (or older); NULL: there is none. */
static const struct base *next_base(const struct bases *all, const struct base *b, bool newer)
{
	const struct base *next = NULL;
	const int sign = newer ? 1 : -1;

	for (size_t i = 0; i < all->n; i++) {
		const struct base *one = &all->v[i];

		/* A clone's versions have other names, and one of them would be the age itself. */
		if (!one->folder && strverscmp(one->name, b->name) * sign > 0 &&
		    (!next || strverscmp(one->name, next->name) * sign < 0))
			next = one;
	}
	return next;
}

size_t intake_other_ends(const struct taking *t, const struct own_file *files, size_t n,
			 const struct base *ends[2])
{
	const struct base *b = t->in->base;
	const struct base *newer = b->folder ? NULL : next_base(t->bases, b, true);
	const struct base *older = b->folder ? NULL : next_base(t->bases, b, false);
	size_t count = 0, old, new;

	if (newer && lines_of(t, files, n, newer, b) >= SURELY) {
		if (lines_of(t, files, n, b, newer) >= SURELY)
			ends[count++] = newer;
		return count;
	}
	if (!older) {
		/* What came before the oldest base can have had other meanings. */
		if (newer && has_nearly_all(files, n, &(struct kind){ b, newer, true }))
			ends[count++] = newer;
		return count;
	}
	old = lines_of(t, files, n, older, b);
	new = lines_of(t, files, n, b, older);
	/* Not newer than b; where nothing is newer, between the two or nearly of b's age. */
	if (new >= SURELY && (newer || old >= SURELY ||
			      has_nearly_all(files, n, &(struct kind){ b, older, false })))
		ends[count++] = older;
	/* Nearly of its age: what came since hardly tells the two apart. */
	if (newer && old * NEARLY_PART <= old + new)
		ends[count++] = newer;
	return count;
}
