// SPDX-License-Identifier: GPL-2.0-only
#include "intake/lines.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/util.h"

struct hashes {
	uint64_t *v;
	size_t n;
};

/* FNV-1a of one line without its white space; 0: it is blank. *text moves behind it. */
static uint64_t hash_line(const char **text)
{
	uint64_t h = 14695981039346656037ULL;
	size_t seen = 0;

	for (; **text && **text != '\n'; (*text)++)
		if (!isspace((unsigned char)**text)) {
			h = (h ^ (unsigned char)**text) * 1099511628211ULL;
			seen++;
		}
	*text += !!**text;
	return seen ? h : 0;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void hash_lines(const char *text, struct hashes *h)
{
	size_t room = 0;

	*h = (struct hashes){ 0 };
	while (*text) {
		uint64_t one = hash_line(&text);

		if (!one)
			continue;
		if (h->n == room)
			h->v = xrealloc(h->v, room = room * 2 + 64, sizeof(*h->v));
		h->v[h->n++] = one;
	}
	if (h->n)
		qsort(h->v, h->n, sizeof(*h->v), by_value);
}

void lines_compare(const char *first, const char *second, struct lines_apart *a)
{
	struct hashes x, y;
	size_t common = 0;

	hash_lines(first, &x);
	hash_lines(second, &y);
	for (size_t i = 0, j = 0; i < x.n && j < y.n;) {
		if (x.v[i] == y.v[j]) {
			common++;
			i++;
			j++;
		} else if (x.v[i] < y.v[j]) {
			i++;
		} else {
			j++;
		}
	}
	*a = (struct lines_apart){ x.n - common, y.n - common, x.n };
	free(x.v);
	free(y.v);
}
