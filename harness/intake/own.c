// SPDX-License-Identifier: GPL-2.0-only
/* A base's text and somebody's, line by line, and what can be made of them. */
#include "intake/own.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TELLING_MIN 10 /* letters of a line that does not stand everywhere */

/* ---- lines ---- */

/* Behind the comment, text or character that begins here; at itself: none does. */
static const char *skip_quoted(const char *at)
{
	const char *end;

	if (!strncmp(at, "/*", 2)) {
		end = strstr(at + 2, "*/");
		return end ? end + 2 : at + strlen(at);
	}
	if (!strncmp(at, "//", 2))
		return at + strcspn(at, "\n");
	if (*at != '"' && *at != '\'')
		return at;
	for (end = at + 1; *end && *end != *at && *end != '\n'; end++)
		end += *end == '\\' && end[1];
	return *end ? end + 1 : end;
}

static void split(struct own_text *t)
{
	const char *at = buf_str(&t->text);
	size_t room = 0;

	while (*at) {
		size_t len = strcspn(at, "\n");

		if (t->n == room)
			t->v = xrealloc(t->v, room = room * 2 + 256, sizeof(*t->v));
		len += at[len] == '\n';
		t->v[t->n++] = (struct own_line){ .at = at, .len = len, .key = lines_key(at) };
		at += len;
	}
}

static bool has_char(const struct own_line *l, char c)
{
	return memchr(l->at, c, l->len);
}

/* The brace of "int f(void)\n{", or "int f(void) {" itself; a table or a struct is none. */
static bool opens_function(const struct own_text *t, size_t i)
{
	const struct own_line *l = &t->v[i];

	if (*l->at == '{')
		return i && has_char(&t->v[i - 1], ')');
	return isalpha((unsigned char)*l->at) && has_char(l, '(') && has_char(l, '{') &&
	       !has_char(l, '=') && !has_char(l, '}');
}

/* Lines of a function's head: back to a blank line or the end of what stands before. */
static void mark_head(struct own_text *t, size_t i, size_t func)
{
	for (; i; i--) {
		struct own_line *l = &t->v[i - 1];

		if (!l->key || has_char(l, ';') || strchr("}#*/", *l->at) || !strncmp(l->at, " *", 2))
			return;
		l->func = func;
		l->head = true;
	}
}

/* A brace at the margin: of somebody who indents nothing it may as well end a block. */
static bool ends_function(const struct own_text *t, size_t i, long depth)
{
	const struct own_line *next = i + 1 < t->n ? &t->v[i + 1] : NULL;

	return *t->v[i].at == '}' &&
	       (!depth || !next || !next->key || str_starts(next->at, "EXPORT_SYMBOL"));
}

static void find_functions(struct own_text *t)
{
	size_t func = 0, count = 0;
	long depth = 0;

	for (size_t i = 0; i < t->n; i++) {
		if (!func && opens_function(t, i)) {
			func = ++count;
			depth = 0;
			t->v[i].head = *t->v[i].at != '{';
			mark_head(t, i, func);
		}
		depth = func ? own_depth_behind(&t->v[i], depth) : 0;
		t->v[i].func = t->v[i].func ? t->v[i].func : func;
		if (ends_function(t, i, depth))
			func = 0;
	}
}

/* Where a comment begins in this line that does not end in it; NULL: none does. */
static const char *open_comment(const char *at, const char *end)
{
	while (at < end) {
		const char *behind = skip_quoted(at);

		if (behind > end && str_starts(at, "/*"))
			return at;
		at = behind > at ? behind : at + 1;
	}
	return NULL;
}

static void find_comments(struct own_text *t)
{
	size_t count = 0;
	bool open = false;

	for (size_t i = 0; i < t->n; i++) {
		struct own_line *l = &t->v[i];
		const char *at = l->at, *end = l->at + l->len;

		if (open) {
			l->comment = count;
			at = strstr(at, "*/");
			open = !at || at >= end;
		}
		if (!open && open_comment(at, end)) {
			l->comment = ++count;
			open = true;
		}
	}
}

/* ---- hunks ---- */

/* "12,3" or "12", where the count is 1. Lines from 0: of none, the one before which it is. */
static bool parse_range(const char **at, size_t *first, size_t *n)
{
	const char *end = lines_number(*at, first);

	*n = 1;
	if (end && *end == ',')
		end = lines_number(end + 1, n);
	if (!end)
		return false;
	*at = end;
	if (*n && !*first)
		return false;
	*first -= *n ? 1 : 0;
	return true;
}

/* "@@ -12,3 +14 @@" */
static bool parse_head(const char *at, struct own_hunk *h)
{
	at += strlen("@@ -");
	if (!parse_range(&at, &h->at, &h->removed) || !str_starts(at, " +"))
		return false;
	at += 2;
	return parse_range(&at, &h->first, &h->added);
}

static const char *next_head(const char *diff)
{
	while (*diff && !str_starts(diff, "@@ -")) {
		diff += strcspn(diff, "\n");
		diff += !!*diff;
	}
	return *diff ? diff : NULL;
}

static bool mark_apart(struct own_text *t, size_t first, size_t n)
{
	if (first + n > t->n)
		return false;
	for (size_t i = 0; i < n; i++)
		t->v[first + i].apart = true;
	return true;
}

/* Of a comment before upstream's, diff may say that he put in the first line of upstream's. */
static bool ends_in_comment(const struct own_text *t, const struct own_hunk *h)
{
	size_t behind = h->first + h->added;

	return h->added && behind < t->n && t->v[behind - 1].comment &&
	       t->v[behind].comment == t->v[behind - 1].comment;
}

/* What was put in may as well begin a line earlier, where that line is its last one, too. */
static bool slide_up(const struct own_file *f, struct own_hunk *h)
{
	const struct own_hunk *before = f->n ? &f->v[f->n - 1] : NULL;

	if (h->removed || !h->at || !h->first ||
	    (before && before->first + before->added >= h->first) ||
	    f->after.v[h->first - 1].key != f->after.v[h->first + h->added - 1].key)
		return false;
	h->at--;
	h->first--;
	return true;
}

/* A line that was moved, or copied, tells of nobody's age. */
static void mark_here(struct own_text *t, const struct own_text *other)
{
	struct lines_index x;

	lines_index(buf_str(&other->text), &x);
	for (size_t i = 0; i < t->n; i++)
		t->v[i].here = t->v[i].apart && t->v[i].key && lines_count(&x, t->v[i].key);
	lines_index_free(&x);
}

void own_add_hunk(struct own_file *f, const struct own_hunk *h)
{
	f->v = xrealloc(f->v, f->n + 1, sizeof(*f->v));
	f->v[f->n++] = *h;
}

bool own_read(struct own_file *f, const char *diff)
{
	split(&f->before);
	split(&f->after);
	find_comments(&f->before);
	find_comments(&f->after);
	find_functions(&f->before);
	find_functions(&f->after);
	for (const char *at = diff; (at = next_head(at)); at++) {
		struct own_hunk h;

		if (!parse_head(at, &h) || h.first + h.added > f->after.n)
			return false;
		while (ends_in_comment(&f->after, &h) && slide_up(f, &h))
			;
		if (!mark_apart(&f->before, h.at, h.removed) ||
		    !mark_apart(&f->after, h.first, h.added))
			return false;
		own_add_hunk(f, &h);
	}
	own_part_functions(f);
	mark_here(&f->before, &f->after);
	mark_here(&f->after, &f->before);
	return true;
}

void own_free(struct own_file *f)
{
	free(f->before.v);
	free(f->after.v);
	buf_free(&f->before.text);
	buf_free(&f->after.text);
	free(f->v);
	free(f->path);
	*f = (struct own_file){ 0 };
}

/* ---- who else has a line ---- */

void own_mark_known(struct own_file *f, const struct lines_index *base, bool other)
{
	for (size_t i = 0; i < f->after.n; i++)
		if (f->after.v[i].apart && f->after.v[i].key)
			f->after.v[i].known |= lines_count(base, f->after.v[i].key) > 0;
	for (size_t i = 0; other && i < f->before.n; i++)
		if (f->before.v[i].apart && f->before.v[i].key)
			f->before.v[i].known |= lines_count(base, f->before.v[i].key) > 0;
}

void own_mark_shared(struct own_file *f, const char *diff, const struct lines_index *theirs,
		     const struct lines_index *his)
{
	size_t line = 0;

	f->neighbours++;
	for (const char *at = diff; (at = next_head(at)); at++) {
		struct own_hunk h;

		if (!parse_head(at, &h))
			break;
		for (; line < h.first && line < f->after.n; line++)
			f->after.v[line].shared++;
		line = h.first + h.added;
	}
	for (; line < f->after.n; line++)
		f->after.v[line].shared++;
	for (size_t i = 0; i < f->before.n; i++)
		if (f->before.v[i].apart)
			f->before.v[i].shared += lines_count(theirs, f->before.v[i].key) >
						 lines_count(his, f->before.v[i].key);
}

/* ---- putting together ---- */

static void put_lines(const struct own_text *t, size_t from, size_t to, struct buf *out)
{
	for (size_t i = from; i < to && i < t->n; i++)
		buf_add(out, t->v[i].at, t->v[i].len);
}

void own_put_after(const struct own_file *f, struct buf *out)
{
	size_t line = 0;

	for (size_t i = 0; i < f->n; i++) {
		put_lines(&f->before, line, f->v[i].at, out);
		put_lines(&f->after, f->v[i].first, f->v[i].first + f->v[i].added, out);
		line = f->v[i].at + f->v[i].removed;
	}
	put_lines(&f->before, line, f->before.n, out);
}

static void put_if(const struct own_text *t, size_t first, size_t n, bool own, struct buf *out)
{
	for (size_t i = first; i < first + n; i++)
		if (t->v[i].own == own)
			buf_add(out, t->v[i].at, t->v[i].len);
}

/* What he took away stood where he put his own in; without that, behind what upstream has there. */
static void put_hunk(const struct own_file *f, const struct own_hunk *h, struct buf *out)
{
	size_t own = 0;

	while (own < h->added && !f->after.v[h->first + own].own)
		own++;
	put_if(&f->after, h->first, own, false, out);
	put_if(&f->before, h->at, h->removed, true, out);
	put_if(&f->after, h->first + own, h->added - own, false, out);
}

void own_put_ancestor(const struct own_file *f, struct buf *out)
{
	size_t line = 0;

	for (size_t i = 0; i < f->n; i++) {
		put_lines(&f->before, line, f->v[i].at, out);
		put_hunk(f, &f->v[i], out);
		line = f->v[i].at + f->v[i].removed;
	}
	put_lines(&f->before, line, f->before.n, out);
}

/* ---- code ---- */

static bool is_in_comment(const char *line)
{
	line += strspn(line, " \t");
	return str_starts(line, "//") || str_starts(line, "/*") ||
	       (*line == '*' && strchr(" \t/\n", line[1]));
}

static void blank_between(char *begin, const char *end)
{
	while (begin < end && *begin)
		*begin++ = ' ';
}

char *own_code_of(const struct own_line *l)
{
	char *code = xstrndup(l->at, l->len), *at;

	if (is_in_comment(code) || (l->comment && !strstr(code, "/*")))
		*code = '\0';
	for (at = code; (at = strchr(at, '"'));) {
		const char *end = strchr(at + 1, '"');

		blank_between(at, end ? end + 1 : at + strlen(at));
	}
	for (at = code; (at = strstr(at, "/*"));) {
		const char *end = strstr(at + 2, "*/");

		blank_between(at, end ? end + 2 : at + strlen(at));
	}
	at = strstr(code, "//");
	if (at)
		*at = '\0';
	return code;
}

bool own_is_telling(const struct own_line *l)
{
	static const char *const common[] = { "return", "break", "else", "default", "goto", "case", "int", "NULL",
					      "true", "false", "endif", "out", "ret", "bool", "u32", "u64" };
	_cleanup_free_ char *code = xstrndup(l->at, l->len);
	const char *at = code;
	size_t letters = 0;
	bool says = false;

	for (size_t len; (len = word_next(&at)); at += len) {
		bool is_common = len < OWN_NAME_MIN;

		for (size_t i = 0; i < ARRAY_SIZE(common); i++)
			is_common |= len == strlen(common[i]) && !strncmp(at, common[i], len);
		letters += len;
		says |= !is_common;
	}
	return says && letters >= TELLING_MIN;
}

void own_put_text_code(const char *text, struct buf *out)
{
	while (*text) {
		const char *behind = skip_quoted(text);

		if (behind == text)
			buf_add(out, text++, 1);
		for (; text < behind; text++)
			if (*text == '\n')
				buf_puts(out, "\n");
	}
}

/* ---- braces ---- */

long own_open_braces(const char *text)
{
	long open = 0;

	while (*text) {
		const char *behind = skip_quoted(text);

		if (behind == text)
			open += (*text == '{') - (*text == '}');
		text = behind == text ? text + 1 : behind;
	}
	return open;
}

/* ---- prose, and programs ---- */

#define PRINTS "printf("

#define PROSE_WORDS 4

static bool is_of_c(const char *word, size_t len)
{
	static const char *const words[] = { "auto",   "bool",	 "break",  "case",   "char",	 "const",    "continue", "default",
					     "do",     "double", "else",   "enum",   "extern",	 "float",    "for",	 "goto",
					     "if",     "inline", "int",	   "long",   "register", "restrict", "return",	 "short",
					     "signed", "sizeof", "static", "struct", "switch",	 "typedef",  "union",	 "unsigned",
					     "void",   "volatile", "while" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlen(words[i]) == len && !memcmp(words[i], word, len))
			return true;
	return false;
}

/* A word of a language, by its look: small letters alone. */
static bool is_plain_word(const char *word, size_t len)
{
	return strspn(word, "abcdefghijklmnopqrstuvwxyz") == len && !is_of_c(word, len);
}

static size_t word_len(const char *at)
{
	size_t n = 0;

	while (isalnum((unsigned char)at[n]) || at[n] == '_')
		n++;
	return n;
}

static bool begins_directive(const char *text, const char *at)
{
	return *at == '#' && (at == text || at[-1] == '\n');
}

/* The end of its line, or where a comment begins in it. */
static const char *behind_directive(const char *at)
{
	while (*at && *at != '\n' && !(*at == '/' && (at[1] == '*' || at[1] == '/')))
		at++;
	return at;
}

bool own_is_program(const char *text)
{
	_cleanup_buf_ struct buf code = { 0 };

	own_put_text_code(text, &code);
	for (const char *at = buf_str(&code); (at = strstr(at, PRINTS)); at++)
		if (at == buf_str(&code) || (!isalnum((unsigned char)at[-1]) && at[-1] != '_'))
			return true;
	return strstr(buf_str(&code), "main(");
}

size_t own_prose_line(const char *text)
{
	size_t line = 1, words = 0;

	for (const char *at = text, *behind; *at; at = behind) {
		size_t len = word_len(at);

		behind = skip_quoted(at);
		if (behind == at)
			behind = begins_directive(text, at) ? behind_directive(at) :
							      at + (len ? len : 1);
		if (len)
			words = is_plain_word(at, len) ? words + 1 : 0;
		else if (*at != ' ')
			words = 0;
		if (words == PROSE_WORDS)
			return line;
		for (const char *c = at; c < behind; c++)
			line += *c == '\n';
	}
	return 0;
}

size_t own_inner_ends(const char *text)
{
	bool indented = false;
	size_t n = 0;
	long open = 0;

	for (const char *at = text, *behind; *at; at = behind == at ? at + 1 : behind) {
		behind = skip_quoted(at);
		if (at == text || at[-1] == '\n')
			indented = open && isspace((unsigned char)*at);
		if (behind != at)
			continue;
		open += (*at == '{') - (*at == '}');
		n += *at == '}' && !open && indented;
	}
	return n;
}

/* "int f(void)", and behind it neither its brace nor more of it. */
static bool is_head_alone(const char *line)
{
	size_t len = strcspn(line, "\n");

	return isalpha((unsigned char)*line) && len && line[len - 1] == ')' && line[len] &&
	       isalpha((unsigned char)line[len + 1]);
}

size_t own_heads_alone(const char *text)
{
	size_t n = 0;

	for (const char *at = text; *at; at += strcspn(at, "\n"), at += !!*at)
		n += is_head_alone(at);
	return n;
}

long own_depth_behind(const struct own_line *l, long depth)
{
	_cleanup_free_ char *code = own_code_of(l);

	for (const char *at = code; *at; at++)
		if (*at == '{')
			depth++;
		else if (*at == '}' && depth)
			depth--;
	return depth;
}
