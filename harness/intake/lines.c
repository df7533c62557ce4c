// SPDX-License-Identifier: GPL-2.0-only
#include "intake/lines.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/util.h"

#define DIGITS_MAX 9 /* of a line's number */

const char *lines_next(const char *text)
{
	text += strcspn(text, "\n");
	return text + (*text == '\n');
}

const char *lines_number(const char *at, size_t *n)
{
	const char *end = at;

	for (*n = 0; end < at + DIGITS_MAX && *end >= '0' && *end <= '9'; end++)
		*n = *n * 10 + (size_t)(*end - '0');
	return end > at ? end : NULL;
}

/* FNV-1a */
uint64_t lines_key(const char *text)
{
	uint64_t h = 14695981039346656037ULL;
	size_t seen = 0;

	for (; *text && *text != '\n'; text++)
		if (!isspace((unsigned char)*text)) {
			h = (h ^ (unsigned char)*text) * 1099511628211ULL;
			seen++;
		}
	return seen ? h : 0;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

void lines_index(const char *text, struct lines_index *x)
{
	size_t room = 0;

	*x = (struct lines_index){ 0 };
	while (*text) {
		uint64_t one = lines_key(text);

		text += strcspn(text, "\n");
		text += !!*text;
		if (!one)
			continue;
		if (x->n == room)
			x->v = xrealloc(x->v, room = room * 2 + 64, sizeof(*x->v));
		x->v[x->n++] = one;
	}
	if (x->n)
		qsort(x->v, x->n, sizeof(*x->v), by_value);
}

size_t lines_count(const struct lines_index *x, uint64_t key)
{
	const uint64_t *found = x->n ? bsearch(&key, x->v, x->n, sizeof(*x->v), by_value) : NULL;
	const uint64_t *first = found, *last = found;

	if (!found)
		return 0;
	while (first > x->v && first[-1] == key)
		first--;
	while (last < x->v + x->n - 1 && last[1] == key)
		last++;
	return (size_t)(last - first) + 1;
}

void lines_index_free(struct lines_index *x)
{
	free(x->v);
	*x = (struct lines_index){ 0 };
}

void lines_compare_indexes(const struct lines_index *first, const struct lines_index *second,
			   struct lines_apart *a)
{
	size_t common = 0;

	for (size_t i = 0, j = 0; i < first->n && j < second->n;) {
		if (first->v[i] == second->v[j]) {
			common++;
			i++;
			j++;
		} else if (first->v[i] < second->v[j]) {
			i++;
		} else {
			j++;
		}
	}
	*a = (struct lines_apart){ first->n - common, second->n - common, first->n };
}

void lines_compare(const char *first, const char *second, struct lines_apart *a)
{
	struct lines_index x, y;

	lines_index(first, &x);
	lines_index(second, &y);
	lines_compare_indexes(&x, &y, a);
	lines_index_free(&x);
	lines_index_free(&y);
}
