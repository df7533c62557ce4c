// SPDX-License-Identifier: GPL-2.0-only
#include "evidence/kreport.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* "[   12.345678] " and, with CONFIG_PRINTK_CALLER, "[   T123] ". */
const char *kreport_message(const char *line)
{
	for (;;) {
		const char *s = line;

		while (*s == ' ')
			s++;
		if (*s != '[')
			return s;
		for (s++; *s && *s != ']'; s++)
			if (!isalnum((unsigned char)*s) && *s != ' ' && *s != '.')
				return line;
		if (!*s)
			return line;
		line = s + 1;
	}
}

static bool in_symbol(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '$';
}

static bool take(char *to, size_t size, const char *from, size_t n)
{
	if (!n || n >= size)
		return false;
	memcpy(to, from, n);
	to[n] = '\0';
	return true;
}

/* "0x1a" up to the character `end`, which may be any blank or the text's end for ' '. */
static const char *take_hex(const char *s, uint64_t *v)
{
	size_t n;

	if (!str_starts(s, "0x"))
		return NULL;
	n = strspn(s + 2, "0123456789abcdef");
	if (!n || n > 16)
		return NULL;
	*v = strtoull(s, NULL, 16);
	return s + 2 + n;
}

static void take_module(const char *s, struct kframe *f)
{
	size_t n;

	f->module[0] = '\0';
	if (!str_starts(s, " [") || !strchr(s, ']'))
		return;
	n = strcspn(s + 2, "] ");
	if (!take(f->module, sizeof(f->module), s + 2, n))
		f->module[0] = '\0';
}

/* plus: the '+' behind the symbol. */
static bool parse_at(const char *line, const char *plus, struct kframe *f)
{
	const char *start = plus, *s;

	while (start > line && in_symbol(start[-1]))
		start--;
	if (isdigit((unsigned char)*start) ||
	    !take(f->symbol, sizeof(f->symbol), start, (size_t)(plus - start)))
		return false;
	s = take_hex(plus + 1, &f->offset);
	if (!s || *s != '/')
		return false;
	s = take_hex(s + 1, &f->size);
	if (!s || f->offset > f->size)
		return false;
	take_module(s, f);
	f->guess = start - line >= 2 && start[-2] == '?';
	return true;
}

bool kframe_parse(const char *line, struct kframe *f)
{
	for (const char *plus = strchr(line, '+'); plus; plus = strchr(plus + 1, '+'))
		if (parse_at(line, plus, f))
			return true;
	return false;
}

/* The first frame from line `from` on, before a line that holds `until` (NULL: to the end). */
static bool find_frame(const struct strv *text, size_t from, bool module, const char *until,
		       struct kframe *f)
{
	for (size_t i = from; i < text->n; i++) {
		if (until && i > from && strstr(text->v[i], until))
			return false;
		if (kframe_parse(text->v[i], f) && !f->guess && (!module || f->module[0]))
			return true;
	}
	return false;
}

static bool find_place(const struct strv *text, size_t from, const char *until, struct kframe *f)
{
	return find_frame(text, from, true, until, f) || find_frame(text, from, false, until, f);
}

/* The n-th line (from 0) that holds this, or text->n. */
static size_t find_line(const struct strv *text, const char *what, unsigned int n)
{
	for (size_t i = 0; i < text->n; i++)
		if (strstr(text->v[i], what) && !n--)
			return i;
	return text->n;
}

/*
 * "write to 0xffff... of 8 bytes by task 71 on cpu 1:", for each of the two
 * (kernel/kcsan/report.c).
 */
#define ACCESS " bytes by "

size_t kreport_places(const struct strv *text, struct kframe places[KREPORT_PLACES])
{
	size_t trace = find_line(text, "Call Trace:", 0), n = 0;
	size_t first = find_line(text, ACCESS, 0), second = find_line(text, ACCESS, 1);

	if (second < text->n) {
		n += find_place(text, first, ACCESS, &places[n]);
		n += find_place(text, second, NULL, &places[n]);
		return n;
	}
	if (trace < text->n && find_place(text, trace, NULL, &places[0]))
		return 1;
	return find_place(text, 0, NULL, &places[0]);
}

/* "write to", "read-write (marked) to"; behind the time stamp. */
static bool is_written(const char *line)
{
	const char *to = strstr(line, " to 0x"), *write = strstr(line, "write");

	return to && write && write < to;
}

bool kreport_loses_update(const struct strv *text)
{
	size_t first = find_line(text, ACCESS, 0), second = find_line(text, ACCESS, 1);
	struct kframe f[KREPORT_PLACES];
	unsigned int written;

	if (second == text->n)
		return false;
	written = is_written(text->v[first]) + is_written(text->v[second]);
	return written == 2 || (written && kreport_places(text, f) == KREPORT_PLACES &&
				!strcmp(f[0].symbol, f[1].symbol));
}

bool kreport_crash(const struct strv *words, struct kframe *place)
{
	static const char kernel_rip[] = "RIP: 0010:"; /* show_ip(), arch/x86/kernel/dumpstack.c; __KERNEL_CS */
	struct kframe frames[KREPORT_PLACES];

	for (size_t i = 0; i < words->n; i++) {
		const char *rip = strstr(words->v[i], kernel_rip);

		if (rip && kframe_parse(rip + strlen(kernel_rip), place) && *place->module)
			return true;
	}
	if (!kreport_places(words, frames))
		return false;
	*place = frames[0];
	return true;
}
