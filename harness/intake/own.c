// SPDX-License-Identifier: GPL-2.0-only
#include "intake/own.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MIN 4 /* letters of an identifier that means something */
/*
 * Who adds a feature takes few lines away. Files of another age lack lines of the base in number:
 * more than this, and a good part of all that differs.
 */
#define STRAY_REMOVED 20
#define STRAY_PART 5

/* ---- reading ---- */

/* "@@ -12,3 +14 @@": a count that is not told is 1. */
static bool parse_head(const char *line, struct own_hunk *h)
{
	size_t at, n = 1;
	int used = 0;

	if (sscanf(line, "@@ -%zu%n", &at, &used) != 1)
		return false;
	if (line[used] == ',' && sscanf(line + used, ",%zu", &n) != 1)
		return false;
	*h = (struct own_hunk){ .at = n ? at - 1 : at, .removed = n };
	return at || !n;
}

static bool take_line(struct own_file *f, const char *line, size_t len)
{
	struct own_hunk *last = f->n ? &f->v[f->n - 1] : NULL;

	if (str_starts(line, "@@ ")) {
		f->v = xrealloc(f->v, f->n + 1, sizeof(*f->v));
		return parse_head(line, &f->v[f->n++]);
	}
	if (!last || *line != '+')
		return true;
	buf_add(&last->added, line + 1, len - 1);
	last->n_added++;
	return true;
}

bool own_parse(const char *diff, struct own_file *f)
{
	while (*diff) {
		const char *end = strchr(diff, '\n');
		size_t len = end ? (size_t)(end - diff) + 1 : strlen(diff);

		if (!take_line(f, diff, len))
			return false;
		diff += len;
	}
	return true;
}

/* ---- words ---- */

static size_t next_word(const char **at)
{
	size_t n = 0;

	while (**at && !isalnum((unsigned char)**at) && **at != '_')
		(*at)++;
	while (isalnum((unsigned char)(*at)[n]) || (*at)[n] == '_')
		n++;
	return n;
}

static bool has_word(const char *text, const char *word, size_t len)
{
	for (size_t n; (n = next_word(&text)); text += n)
		if (n == len && !strncmp(text, word, n))
			return true;
	return false;
}

/* 548 is no part of 0x1548. */
static bool has_one_seed(const char *text, const char *seed)
{
	size_t len = strlen(seed);

	if (strspn(seed, "0123456789") == len)
		return has_word(text, seed, len);
	return strcasestr(text, seed);
}

bool own_has_seed(const char *text, const struct strv *seeds)
{
	for (size_t i = 0; i < seeds->n; i++)
		if (has_one_seed(text, seeds->v[i]))
			return true;
	return false;
}

static bool is_in_base(const struct own_file *files, size_t n, const char *word, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (has_word(buf_str(&files[i].before), word, len))
			return true;
	return false;
}

/* ---- growing ---- */

static bool mark_with(struct own_file *files, size_t n, const char *word, size_t len)
{
	bool grown = false;

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < files[i].n; j++)
			if (!files[i].v[j].own &&
			    has_word(buf_str(&files[i].v[j].added), word, len))
				grown = files[i].v[j].own = true;
	return grown;
}

static bool grow_from(struct own_file *files, size_t n, const struct own_hunk *h)
{
	const char *at = buf_str(&h->added);
	bool grown = false;

	for (size_t len; (len = next_word(&at)); at += len)
		if (len >= NAME_MIN && !isdigit((unsigned char)*at) &&
		    !is_in_base(files, n, at, len))
			grown |= mark_with(files, n, at, len);
	return grown;
}

static bool grow(struct own_file *files, size_t n)
{
	bool grown = false;

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < files[i].n; j++)
			if (files[i].v[j].own)
				grown |= grow_from(files, n, &files[i].v[j]);
	return grown;
}

/* seeds: NULL marks each. */
static void mark_all(struct own_file *files, size_t n, const struct strv *seeds)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < files[i].n; j++)
			files[i].v[j].own =
				!seeds || own_has_seed(buf_str(&files[i].v[j].added), seeds);
}

bool own_mark(struct own_file *files, size_t n, const struct strv *seeds)
{
	size_t removed = 0, changed = 0;

	mark_all(files, n, seeds);
	while (grow(files, n))
		;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < files[i].n; j++) {
			removed += files[i].v[j].own ? 0 : files[i].v[j].removed;
			changed += files[i].v[j].removed + files[i].v[j].n_added;
		}
	if (removed > STRAY_REMOVED && removed * STRAY_PART > changed)
		return true;
	mark_all(files, n, NULL);
	return false;
}

/* ---- putting in ---- */

static size_t lines_to(const char *text, size_t n)
{
	const char *at = text;

	for (; n && *at; n--) {
		at += strcspn(at, "\n");
		at += *at == '\n';
	}
	return (size_t)(at - text);
}

void own_put(const struct own_file *f, struct buf *out)
{
	const char *text = buf_str(&f->before);
	size_t line = 0;

	for (size_t i = 0; i < f->n; i++) {
		const struct own_hunk *h = &f->v[i];
		size_t kept = lines_to(text, h->at - line);

		if (!h->own)
			continue;
		buf_add(out, text, kept);
		buf_add(out, buf_str(&h->added), h->added.len);
		text += kept;
		text += lines_to(text, h->removed);
		line = h->at + h->removed;
	}
	buf_puts(out, text);
}

static long braces(const char *text)
{
	long open = 0;

	for (; *text; text++)
		open += (*text == '{') - (*text == '}');
	return open;
}

bool own_balanced(const struct own_file *f)
{
	_cleanup_buf_ struct buf after = { 0 };

	own_put(f, &after);
	return braces(buf_str(&after)) == braces(buf_str(&f->before));
}

void own_free(struct own_file *f)
{
	for (size_t i = 0; i < f->n; i++)
		buf_free(&f->v[i].added);
	free(f->v);
	buf_free(&f->before);
	free(f->path);
	*f = (struct own_file){ 0 };
}
