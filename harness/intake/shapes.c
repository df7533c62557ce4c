// SPDX-License-Identifier: GPL-2.0-only
#include "intake/shapes.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "intake/lines.h"
#include "kernel/mail.h"

static bool begins_line(const char *text, const char *words)
{
	_cleanup_free_ char *later = strf("\n%s", words);

	return str_starts(text, words) || strstr(text, later);
}

bool shape_is_unified(const char *text)
{
	return begins_line(text, "diff --git ") || (begins_line(text, "--- ") && begins_line(text, "+++ "));
}

bool shape_is_context(const char *text)
{
	return begins_line(text, "*** ") && begins_line(text, "***************");
}

bool shape_is_diff(const char *text)
{
	if (shape_is_unified(text))
		return begins_line(text, "@@ -");
	return shape_is_context(text) ? begins_line(text, "--- ") : shape_is_normal(text);
}

bool shape_is_document(const char *text)
{
	static const char *const begins[] = { "{\\rtf", "%PDF-", "<!doctype", "<html", "<?xml" };

	text += strspn(text, " \t\n");
	for (size_t i = 0; i < ARRAY_SIZE(begins); i++)
		if (!strncasecmp(text, begins[i], strlen(begins[i])))
			return true;
	return false;
}

/* 60 letters or more, and no blank: no words have so many. */
static bool is_base64_line(const char *line)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
	size_t len = strspn(line, letters);

	return len >= 60 && (!line[len] || line[len] == '\n');
}

bool shape_is_encoded(const char *text)
{
	unsigned int in_a_row = 0;
	int used = 0;

	for (const char *at = text; *at; at += strcspn(at, "\n"), at += !!*at) {
		in_a_row = is_base64_line(at) ? in_a_row + 1 : 0;
		if (in_a_row == 3 || (str_starts(at, "begin ") && !sscanf(at, "begin %*3[0-7] %*1[^\n]%n", &used) && used))
			return true;
	}
	return false;
}

static size_t line_length(const char *at)
{
	size_t len = strcspn(at, "\n");

	return len + (at[len] == '\n');
}

/* ---- context diffs ---- */

/* One side of a hunk: where it begins in its file, and its lines with their marks. */
struct side {
	unsigned long first;
	struct buf lines;
};

static bool is_hunk_line(const char *at)
{
	return *at && (*at == '\n' || *at == '\\' || (strchr(" -+!", *at) && strchr(" \n", at[1])));
}

/* "*** 12,15 ****" or "--- 12 ----", then its lines. */
static bool take_side(const char **at, const char *mark, struct side *s)
{
	if (!str_starts(*at, mark) || sscanf(*at + strlen(mark), "%lu", &s->first) != 1)
		return false;
	for (*at = lines_next(*at); is_hunk_line(*at); *at = lines_next(*at))
		if (**at != '\\')
			buf_add(&s->lines, *at, line_length(*at));
	return true;
}

static bool has_mark(const char *at, const char *marks)
{
	return *at && *at != '\n' && strchr(marks, *at);
}

/* A side in which nothing changed is left out: it is what the other one has around its changes. */
static void fill_side(struct side *s, const struct side *other)
{
	if (s->lines.len)
		return;
	for (const char *at = buf_str(&other->lines); *at; at = lines_next(at))
		if (!has_mark(at, "+-!"))
			buf_add(&s->lines, at, line_length(at));
}

static unsigned long put_marked(struct buf *out, char mark, const char **at, const char *marks)
{
	unsigned long n = 0;

	for (; has_mark(*at, marks); *at = lines_next(*at), n++) {
		buf_add(out, &mark, 1);
		buf_add(out, *at + 2, line_length(*at) - 2);
	}
	return n;
}

static void put_same(struct buf *out, const char *at)
{
	size_t len = line_length(at);

	buf_puts(out, " ");
	if (len > 2)
		buf_add(out, at + 2, len - 2);
	else
		buf_puts(out, "\n");
}

static void put_hunk(const struct side *old, const struct side *new, struct buf *out)
{
	const char *a = buf_str(&old->lines), *b = buf_str(&new->lines);
	_cleanup_buf_ struct buf lines = { 0 };
	unsigned long n_old = 0, n_new = 0;

	while (*a || *b) {
		n_old += put_marked(&lines, '-', &a, "-!");
		n_new += put_marked(&lines, '+', &b, "+!");
		if (!*a && !*b)
			break;
		put_same(&lines, *a ? a : b);
		n_old += *a ? 1 : 0;
		n_new += *b ? 1 : 0;
		a = lines_next(a);
		b = lines_next(b);
	}
	buf_printf(out, "@@ -%lu,%lu +%lu,%lu @@\n", old->first, n_old, new->first, n_new);
	buf_puts(out, buf_str(&lines));
}

static bool take_hunk(const char **at, struct buf *out)
{
	struct side old = { 0 }, new = { 0 };
	bool good;

	*at = lines_next(*at);
	good = take_side(at, "*** ", &old) && take_side(at, "--- ", &new);
	if (good) {
		fill_side(&old, &new);
		fill_side(&new, &old);
		put_hunk(&old, &new, out);
	}
	buf_free(&old.lines);
	buf_free(&new.lines);
	return good;
}

static void put_name(struct buf *out, const char *mark, const char *line)
{
	buf_puts(out, mark);
	buf_add(out, line + 4, line_length(line) - 4);
}

bool shape_from_context(const char *text, struct buf *out)
{
	const char *at = text;

	while (*at) {
		const char *next = lines_next(at);

		if (str_starts(at, "***************")) {
			if (!take_hunk(&at, out))
				return false;
			continue;
		}
		if (str_starts(at, "*** ") && str_starts(next, "--- ")) {
			put_name(out, "--- ", at);
			put_name(out, "+++ ", next);
			next = lines_next(next);
		}
		at = next;
	}
	return true;
}

/* ---- within a text ---- */

/* What stands before "diff --git " or the two names, if this is such a line; its length, 0: it is none. */
static size_t margin_of(const char *line)
{
	size_t n = strspn(line, " \t>|");
	const char *next = lines_next(line);

	if (str_starts(line + n, "diff --git "))
		return n;
	return str_starts(line + n, "--- ") && !strncmp(line, next, n) && str_starts(next + n, "+++ ") ? n : 0;
}

/* A blank line may have lost the end of what stands before it. */
static void put_without(const char *line, const char *margin, size_t n, struct buf *out)
{
	size_t len = line_length(line), common = 0;

	while (common < n && common < len && line[common] == margin[common])
		common++;
	buf_add(out, line + common, len - common);
}

bool shape_without_margin(const char *text, struct buf *out)
{
	const char *margin = text;
	size_t n = 0;

	while (*margin && !(n = margin_of(margin)))
		margin = lines_next(margin);
	for (const char *at = text; n && *at; at = lines_next(at))
		put_without(at, margin, n, out);
	return n;
}

static void drop_line_end(struct buf *out)
{
	if (out->len && out->data[out->len - 1] == '\n')
		out->data[--out->len] = '\0';
}

static unsigned long lines_promised(const char *range)
{
	size_t digits = strspn(range, "0123456789");

	return range[digits] == ',' ? strtoul(range + digits + 1, NULL, 10) : 1;
}

void shape_unwrap(const char *text, struct buf *out)
{
	unsigned long old = 0, new = 0;

	for (const char *at = text; *at; at = lines_next(at)) {
		const char *plus = strchr(at, '+');

		if (str_starts(at, "@@ -") && plus) {
			old = lines_promised(at + strlen("@@ -"));
			new = lines_promised(plus + 1);
		} else if ((old || new) && !strchr(" +-\\\n", *at)) {
			drop_line_end(out);
			buf_puts(out, out->len && out->data[out->len - 1] == ' ' ? "" : " ");
		} else if (*at != '\\') {
			old -= old && *at != '+';
			new -= new && *at != '-';
		}
		buf_add(out, at, line_length(at));
	}
}

/* ---- the other way round ---- */

static void put_reversed_head(const char *at, struct buf *out)
{
	size_t len = line_length(at);
	_cleanup_free_ char *line = xstrndup(at, len);
	char old[40], new[40];
	int used = 0;

	if (sscanf(line, "@@ -%39[0-9,] +%39[0-9,] @@%n", old, new, &used) != 2 || !used)
		buf_puts(out, line);
	else
		buf_printf(out, "@@ -%s +%s @@%s", new, old, line + used);
}

void shape_reverse(const char *text, struct buf *out)
{
	for (const char *at = text, *next; *at; at = next) {
		next = lines_next(at);
		if (str_starts(at, "--- ") && str_starts(next, "+++ ")) {
			put_name(out, "--- ", next);
			put_name(out, "+++ ", at);
			next = lines_next(next);
		} else if (str_starts(at, "@@ -")) {
			put_reversed_head(at, out);
		} else if (*at == '+' || *at == '-') {
			buf_puts(out, *at == '+' ? "-" : "+");
			buf_add(out, at + 1, line_length(at) - 1);
		} else {
			buf_add(out, at, line_length(at));
		}
	}
}

/* ---- mails ---- */

/* What stands behind "NAME:" in the header, continued lines too; the caller owns it. */
static char *header_field(const char *mail, const char *name)
{
	_cleanup_buf_ struct buf value = { 0 };
	size_t len = strlen(name);
	bool inside = false;

	for (const char *at = mail; *at && *at != '\n'; at = lines_next(at)) {
		bool more = *at == ' ' || *at == '\t';

		inside = more ? inside : !strncasecmp(at, name, len) && at[len] == ':';
		if (inside)
			buf_add(&value, at + (more ? 0 : len + 1),
				line_length(at) - (more ? 1 : len + 2));
	}
	return value.len ? xstrdup(buf_str(&value)) : NULL;
}

static const char *body_of(const char *mail)
{
	const char *end = *mail == '\n' ? mail - 1 : strstr(mail, "\n\n");

	return end ? end + 2 : mail + strlen(mail);
}

static int hex_of(const char *at)
{
	unsigned int v;

	return isxdigit((unsigned char)at[0]) && isxdigit((unsigned char)at[1]) && sscanf(at, "%2x", &v) == 1 ? (int)v : -1;
}

static void put_quoted_printable(const char *at, const char *end, struct buf *out)
{
	for (; at < end; at++) {
		int c = *at == '=' && end - at > 2 ? hex_of(at + 1) : -1;
		char byte = (char)c;

		if (*at == '=' && at[1] == '\n') {
			at++;
		} else if (c > 0) {
			buf_add(out, &byte, 1);
			at += 2;
		} else {
			buf_add(out, at, 1);
		}
	}
}

static void put_base64(const char *at, const char *end, struct buf *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned int bits = 0, n = 0;

	for (; at < end && *at != '='; at++) {
		const char *digit = *at ? strchr(digits, *at) : NULL;

		if (!digit)
			continue;
		bits = bits << 6 | (unsigned int)(digit - digits);
		n += 6;
		if (n >= 8) {
			char byte = (char)(bits >> (n -= 8));

			if (byte && byte != '\r')
				buf_add(out, &byte, 1);
		}
	}
}

static bool mentions(const char *text, const char *word)
{
	return text && strcasestr(text, word);
}

static void put_body(const char *coding, const char *at, const char *end, struct buf *out)
{
	if (mentions(coding, "quoted-printable"))
		put_quoted_printable(at, end, out);
	else if (mentions(coding, "base64"))
		put_base64(at, end, out);
	else
		buf_add(out, at, (size_t)(end - at));
	buf_puts(out, "\n");
}

/* The text parts, one behind the other. */
static void put_parts(const char *boundary, const char *at, struct buf *out)
{
	_cleanup_free_ char *mark = strf("\n--%s", boundary);

	for (at = strstr(at, mark); at && !str_starts(at + strlen(mark), "--");) {
		const char *part = lines_next(at + 1), *end = strstr(part, mark);
		_cleanup_free_ char *type = header_field(part, "Content-Type");
		_cleanup_free_ char *coding = header_field(part, "Content-Transfer-Encoding");

		if (end && !mentions(type, "html"))
			put_body(coding, body_of(part), end, out);
		at = end;
	}
}

/* boundary="..." or boundary=...; the caller owns it. */
static char *boundary_of(const char *type)
{
	const char *at = mentions(type, "multipart/") ? strcasestr(type, "boundary=") : NULL;

	if (!at)
		return NULL;
	at += strlen("boundary=");
	return *at == '"' ? xstrndup(at + 1, strcspn(at + 1, "\"")) : xstrndup(at, strcspn(at, "; \t\n"));
}

static bool put_mail(const char *mail, struct buf *out)
{
	_cleanup_free_ char *type = header_field(mail, "Content-Type");
	_cleanup_free_ char *coding = header_field(mail, "Content-Transfer-Encoding");
	_cleanup_free_ char *subject = header_field(mail, "Subject"), *from = header_field(mail, "From");
	_cleanup_free_ char *boundary = boundary_of(type);
	const char *body = body_of(mail);

	if (!boundary && !mentions(coding, "quoted-printable") && !mentions(coding, "base64")) {
		buf_puts(out, mail);
		return false;
	}
	buf_printf(out, "From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001\nFrom:%s\nSubject:%s\n\n",
		   from ? from : " unknown", subject ? subject : " none");
	if (boundary)
		put_parts(boundary, body - 1, out);
	else
		put_body(coding, body, mail + strlen(mail), out);
	return true;
}

bool shape_from_mail(const char *text, struct buf *out)
{
	size_t len = strlen(text);
	bool changed = false;

	for (size_t at = 0, n; at < len; at += n) {
		_cleanup_free_ char *mail = NULL;

		n = mail_length(text + at, len - at);
		mail = xstrndup(text + at, n);
		changed |= put_mail(mail, out);
	}
	return changed;
}
