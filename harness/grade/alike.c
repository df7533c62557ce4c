// SPDX-License-Identifier: GPL-2.0-only
#include "grade/alike.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define RUN 16	       /* tokens of a piece */
#define COMMON_PART 4  /* what so many of the class have is the assignment's, not one's own */
#define COMMON_MIN 3
#define PIECES_MIN 12  /* that two must share */
#define ALIKE_PERCENT 60

struct tokens {
	uint64_t *v; /* odd: a name; even: anything else */
	size_t n;
};

/* The pieces of one change, sorted, each once. */
struct pieces {
	uint64_t *v;
	size_t n;
};

/* ---- tokens of what a change adds ---- */

static uint64_t hash_of(const char *at, size_t len)
{
	uint64_t h = 14695981039346656037ULL;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)at[i]) * 1099511628211ULL;
	return h;
}

static bool is_keyword(const char *at, size_t len)
{
	static const char *const words[] = { "if", "else", "for", "while", "return", "switch", "case", "break", "static",
					     "struct", "int", "void", "u32", "u64", "extern", "default", "atomic64_t" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (len == strlen(words[i]) && !strncmp(at, words[i], len))
			return true;
	return false;
}

static bool is_word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static void add_tokens(struct tokens *t, const char *at, const char *end)
{
	while (at < end) {
		bool word = is_word_char(*at);
		bool name = word && !isdigit((unsigned char)*at);
		size_t len = 1;

		while (word && at + len < end && is_word_char(at[len]))
			len++;
		name = name && !is_keyword(at, len);
		if (!isspace((unsigned char)*at)) {
			t->v = xrealloc(t->v, t->n + 1, sizeof(*t->v));
			t->v[t->n++] = (hash_of(at, len) & ~1ULL) | name;
		}
		at += len;
	}
}

static bool is_code(const char *line)
{
	const char *at = line + 1 + strspn(line + 1, " \t");

	return *line == '+' && !str_starts(line, "+++") && !str_starts(at, "/*") && !str_starts(at, "//") && *at != '*';
}

static void take_tokens(const char *patch, struct tokens *t)
{
	for (const char *at = patch; *at;) {
		size_t len = strcspn(at, "\n");

		if (is_code(at))
			add_tokens(t, at + 1, at + len);
		at += len + (at[len] == '\n');
	}
}

/* ---- pieces ---- */

/* Names count by where they stand: of two that were renamed the pieces are the same. */
static uint64_t piece_at(const struct tokens *t, size_t from)
{
	uint64_t h = 1469598103ULL;

	for (size_t i = 0; i < RUN; i++) {
		uint64_t token = t->v[from + i];
		size_t first = 0;

		while (token & 1 && t->v[from + first] != token)
			first++;
		h = (h ^ (token & 1 ? first + 1 : token)) * 1099511628211ULL;
	}
	return h;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void make_pieces(const char *patch, struct pieces *p)
{
	struct tokens t = { 0 };
	size_t n = 0;

	take_tokens(patch, &t);
	p->v = xcalloc(t.n + 1, sizeof(*p->v));
	for (size_t i = 0; i + RUN <= t.n; i++)
		p->v[p->n++] = piece_at(&t, i);
	qsort(p->v, p->n, sizeof(*p->v), by_value);
	for (size_t i = 0; i < p->n; i++)
		if (!n || p->v[n - 1] != p->v[i])
			p->v[n++] = p->v[i];
	p->n = n;
	free(t.v);
}

static bool has_piece(const struct pieces *p, uint64_t piece)
{
	return p->n && bsearch(&piece, p->v, p->n, sizeof(*p->v), by_value);
}

/* What many have comes from the assignment's text, or from the kernel. */
static void drop_common(struct pieces *all, size_t n, size_t which, uint64_t *kept, size_t *n_kept)
{
	size_t limit = n / COMMON_PART < COMMON_MIN ? COMMON_MIN : n / COMMON_PART;

	for (size_t i = 0; i < all[which].n; i++) {
		size_t have = 0;

		for (size_t j = 0; j < n && have <= limit; j++)
			have += has_piece(&all[j], all[which].v[i]);
		if (have <= limit)
			kept[(*n_kept)++] = all[which].v[i];
	}
}

static void drop_all_common(struct pieces *all, size_t n)
{
	struct pieces *rare = xcalloc(n + 1, sizeof(*rare));

	for (size_t i = 0; i < n; i++) {
		rare[i].v = xcalloc(all[i].n + 1, sizeof(*rare[i].v));
		drop_common(all, n, i, rare[i].v, &rare[i].n);
	}
	for (size_t i = 0; i < n; i++) {
		free(all[i].v);
		all[i] = rare[i];
	}
	free(rare);
}

/* ---- pairs ---- */

static unsigned int percent_of(const struct pieces *a, const struct pieces *b)
{
	size_t common = 0, least = a->n < b->n ? a->n : b->n;

	for (size_t i = 0; i < a->n; i++)
		common += has_piece(b, a->v[i]);
	return common >= PIECES_MIN ? (unsigned int)(common * 100 / least) : 0;
}

static void insert(struct alike_pair *pairs, size_t *n, size_t max, const struct alike_pair *one)
{
	size_t i = *n;

	while (i && pairs[i - 1].percent < one->percent)
		i--;
	if (i >= max)
		return;
	*n += *n < max;
	memmove(&pairs[i + 1], &pairs[i], (*n - 1 - i) * sizeof(*pairs));
	pairs[i] = *one;
}

size_t alike_pairs(const struct class *c, struct alike_pair *pairs, size_t max)
{
	struct pieces *all = xcalloc(c->n + 1, sizeof(*all));
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		make_pieces(c->v[i].change ? c->v[i].change : "", &all[i]);
	drop_all_common(all, c->n);
	for (size_t i = 0; i < c->n; i++)
		for (size_t j = i + 1; j < c->n; j++) {
			struct alike_pair one = { .a = &c->v[i], .b = &c->v[j] };

			one.percent = percent_of(&all[i], &all[j]);
			if (one.percent >= ALIKE_PERCENT)
				insert(pairs, &n, max, &one);
		}
	for (size_t i = 0; i < c->n; i++)
		free(all[i].v);
	free(all);
	return n;
}
