// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/mail.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/util.h"

#define FIELD_MAX 200 /* bytes */

/* ---- the header ---- */

static bool is_folded(const char *line)
{
	return *line == ' ' || *line == '\t';
}

/* The field's text, over all of its lines; what is no text becomes a space. */
static char *take_field(const char *at)
{
	_cleanup_buf_ struct buf b = { 0 };

	do {
		size_t n = strcspn(at, "\n");

		for (size_t i = 0; i < n && b.len < FIELD_MAX; i++)
			buf_add(&b, iscntrl((unsigned char)at[i]) ? " " : at + i, 1);
		at += n + !!at[n];
	} while (is_folded(at));
	return xstrdup(b.data ? str_strip(b.data) : "");
}

/* "[PATCH v2 1/7] KVM: x86: ..." */
static char *without_tag(char *subject)
{
	char *end = *subject == '[' ? strchr(subject, ']') : NULL, *rest;

	if (!end)
		return subject;
	rest = xstrdup(str_strip(end + 1));
	free(subject);
	return rest;
}

static bool is_field(const char *line)
{
	size_t n = strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-");

	return n && line[n] == ':';
}

static void set_once(char **field, const char *at)
{
	if (!*field)
		*field = take_field(at);
}

void mail_header(const char *text, char **subject, char **author)
{
	const char *line = text;

	*subject = *author = NULL;
	while (is_field(line) || is_folded(line) || (line == text && str_starts(line, "From "))) {
		if (!strncasecmp(line, "Subject:", 8))
			set_once(subject, line + 8);
		if (!strncasecmp(line, "From:", 5))
			set_once(author, line + 5);
		line += strcspn(line, "\n");
		line += !!*line;
	}
	*subject = *subject ? without_tag(*subject) : xstrdup("");
	*author = *author ? *author : xstrdup("");
}

/* ---- many in one file ---- */

/*
 * "From 0123abcd Mon Sep 17 00:00:00 2001". In a message's text a line may begin with "From ", too,
 * but none ends in a time and a year. In a hunk no line begins with a letter.
 */
static bool is_begin(const char *line, size_t len)
{
	static const char form[] = " 00:00:00 2000";
	size_t n = sizeof(form) - 1;

	if (len < 5 + n || !str_starts(line, "From "))
		return false;
	line += len - n;
	for (size_t i = 0; i < n; i++)
		if (isdigit((unsigned char)form[i]) ? !isdigit((unsigned char)line[i])
						    : line[i] != form[i])
			return false;
	return true;
}

size_t mail_length(const char *text, size_t len)
{
	const char *end = text + len, *line = text;

	while (line < end) {
		const char *nl = memchr(line, '\n', (size_t)(end - line));
		size_t n = (size_t)((nl ? nl : end) - line);

		n -= n && line[n - 1] == '\r';
		if (line > text && n > 5 && is_begin(line, n))
			return (size_t)(line - text);
		line = nl ? nl + 1 : end;
	}
	return len;
}
