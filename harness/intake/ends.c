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

/* Upstream's lines of his that `has` has, and `lacks` has not. */
static size_t count_lines(const struct own_file *f, const struct lines_index *has,
			  const struct lines_index *lacks)
{
	size_t n = 0;

	for (size_t i = 0; i < f->after.n; i++) {
		const struct own_line *l = &f->after.v[i];

		n += !l->own && l->key && own_is_telling(l) && lines_count(has, l->key) &&
		     !lines_count(lacks, l->key);
	}
	return n;
}

/* Of all files; told as a note. */
static size_t lines_of(const struct taking *t, const struct own_file *files, size_t n,
			 const struct base *has, const struct base *lacks)
{
	size_t lines = 0;

	for (size_t i = 0; i < n; i++) {
		_cleanup_buf_ struct buf one = { 0 }, other = { 0 };
		struct lines_index x, y;

		intake_base_text(has, files[i].path, &one);
		intake_base_text(lacks, files[i].path, &other);
		lines_index(buf_str(&one), &x);
		lines_index(buf_str(&other), &y);
		lines += count_lines(&files[i], &x, &y);
		lines_index_free(&x);
		lines_index_free(&y);
	}
	strv_addf(&t->in->notes, "%zu lines of upstream's are as base %s has them, and base %s has not", lines, has->name, lacks->name);
	return lines;
}

/* So many the base itself has of them. */
static size_t lines_between(const struct own_file *files, size_t n, const struct base *has,
			    const struct base *lacks)
{
	size_t lines = 0;

	for (size_t i = 0; i < n; i++) {
		_cleanup_buf_ struct buf one = { 0 }, other = { 0 };
		struct lines_index x;

		intake_base_text(has, files[i].path, &one);
		intake_base_text(lacks, files[i].path, &other);
		lines_index(buf_str(&other), &x);
		for (const char *at = buf_str(&one); *at; at = lines_next(at)) {
			const size_t len = (size_t)(lines_next(at) - at);
			const struct own_line l = { .at = at, .len = len };

			lines += own_is_telling(&l) && !lines_count(&x, lines_key(at));
		}
		lines_index_free(&x);
	}
	return lines;
}

/* It has so many of them. */
static bool is_nearly_of(const struct own_file *files, size_t n, const struct base *has,
			 const struct base *lacks, size_t lines)
{
	return lines * NEARLY_PART >= lines_between(files, n, has, lacks) * (NEARLY_PART - 1);
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
	old = older ? lines_of(t, files, n, older, b) : 0;
	new = older ? lines_of(t, files, n, b, older) : 0;
	/* Not newer than b; where nothing is newer, between the two or nearly of b's age. */
	if (new >= SURELY && (newer || old >= SURELY || is_nearly_of(files, n, b, older, new)))
		ends[count++] = older;
	/*
	 * Nearly of its age; or older than all: no check asks for what came before the oldest base
	 * and is in no kernel of such an age, but for the fastpath's exits, which are told apart.
	 */
	if (newer && old * NEARLY_PART <= old + new)
		ends[count++] = newer;
	return count;
}
