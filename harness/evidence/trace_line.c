// SPDX-License-Identifier: GPL-2.0-only
#include "evidence/trace.h"

#include <ctype.h>
#include <string.h>

#define COMM_WIDTH 16 /* ftrace prints "%16s-%-7d" */

struct cursor {
	const char *p, *end;
};

static bool skip_char(struct cursor *c, char want)
{
	if (c->p == c->end || *c->p != want)
		return false;
	c->p++;
	return true;
}

static void skip_blanks(struct cursor *c)
{
	while (skip_char(c, ' '))
		;
}

/* At most 18 digits: no pid, CPU or time has more, and it can't overflow. */
static bool take_digits(struct cursor *c, uint64_t *n)
{
	const char *start = c->p;

	for (*n = 0; c->p < c->end && c->p - start < 18 && isdigit((unsigned char)*c->p); c->p++)
		*n = *n * 10 + (uint64_t)(*c->p - '0');
	return c->p > start;
}

/* "(   1234) " or "(-------) ", with the record-tgid option. */
static void skip_tgid(struct cursor *c)
{
	struct cursor t = *c;

	if (!skip_char(&t, '('))
		return;
	while (t.p < t.end && (isdigit((unsigned char)*t.p) || *t.p == ' ' || *t.p == '-'))
		t.p++;
	if (!skip_char(&t, ')'))
		return;
	skip_blanks(&t);
	*c = t;
}

/* The 4 to 6 characters of the irq-info option; a time with a point is not taken for them. */
static void skip_flags(struct cursor *c)
{
	struct cursor t = *c;
	bool flags = false;

	for (; t.p < t.end && *t.p != ' ' && t.p - c->p < 9; t.p++)
		flags |= !isdigit((unsigned char)*t.p);
	if (!flags || t.p[-1] == ':' || !skip_char(&t, ' '))
		return;
	skip_blanks(&t);
	*c = t;
}

/* "12.345678: ", or "12345: " with a clock that counts. */
static bool take_time(struct cursor *c, double *seconds)
{
	uint64_t whole, part = 0;
	double scale = 1;
	const char *start;

	if (!take_digits(c, &whole))
		return false;
	if (skip_char(c, '.')) {
		start = c->p;
		if (!take_digits(c, &part))
			return false;
		for (const char *p = start; p < c->p; p++)
			scale *= 10;
	}
	*seconds = (double)whole + (double)part / scale;
	return skip_char(c, ':') && skip_char(c, ' ');
}

/* What follows the dash: "1234    [001] ...1.    12.345678: ". */
static bool take_after_dash(struct cursor *c, struct trace_line *l)
{
	uint64_t tid, cpu;

	if (!take_digits(c, &tid) || !skip_char(c, ' '))
		return false;
	skip_blanks(c);
	skip_tgid(c);
	if (!skip_char(c, '[') || !take_digits(c, &cpu) || !skip_char(c, ']'))
		return false;
	skip_blanks(c);
	skip_flags(c);
	if (!take_time(c, &l->seconds))
		return false;
	l->tid = (int64_t)tid;
	l->cpu = (unsigned int)cpu;
	return true;
}

static bool header_at(const char *text, const char *end, size_t dash, struct trace_line *l,
		      struct cursor *after)
{
	size_t skip = 0;

	if (dash >= (size_t)(end - text) || text[dash] != '-')
		return false;
	*after = (struct cursor){ text + dash + 1, end };
	if (!take_after_dash(after, l))
		return false;
	while (skip < dash && text[skip] == ' ')
		skip++;
	snprintf(l->comm, sizeof(l->comm), "%.*s", (int)(dash - skip), text + skip);
	return true;
}

/*
 * The name is up to its thread ("CPU 0/KVM", "a-1 [000] 1.0:"), but it is printed 16 wide: the
 * dash in that column is the right one. Others are tried for text that lost its leading blanks.
 */
static bool take_header(const char *text, const char *end, struct trace_line *l,
			struct cursor *after)
{
	if (header_at(text, end, COMM_WIDTH, l, after))
		return true;
	for (size_t dash = 0; dash < COMM_WIDTH; dash++)
		if (header_at(text, end, dash, l, after))
			return true;
	return false;
}

/* "CPU:0 [LOST 123 EVENTS]", "CPU:0 [LOST EVENTS]". */
static bool take_lost(const char *text, const char *end, struct trace_line *l)
{
	struct cursor c = { text, end };
	uint64_t cpu, lost;

	if ((size_t)(end - text) < 4 || memcmp(text, "CPU:", 4) != 0)
		return false;
	c.p += 4;
	if (!take_digits(&c, &cpu) || (size_t)(end - c.p) < 7 || memcmp(c.p, " [LOST ", 7) != 0)
		return false;
	c.p += 7;
	l->kind = TRACE_LOST;
	l->cpu = (unsigned int)cpu;
	l->lost = take_digits(&c, &lost) && lost ? lost : 1;
	return true;
}

/* The next event's header inside a message that had no newline; end when there is none. */
static const char *next_header(const char *message, const char *end)
{
	struct trace_line ignored;
	struct cursor after;
	const char *dash = message;

	while (dash < end && (dash = memchr(dash, '-', (size_t)(end - dash)))) {
		after = (struct cursor){ dash + 1, end };
		if (dash - message >= COMM_WIDTH && take_after_dash(&after, &ignored))
			return dash - COMM_WIDTH;
		dash++;
	}
	return end;
}

static const char *next_event(const char *message, const char *end)
{
	const char *stop = next_header(message, end), *p = message;
	struct trace_line ignored;

	while (p < stop && (p = memmem(p, (size_t)(stop - p), "CPU:", 4))) {
		if (p > message && take_lost(p, end, &ignored))
			return p;
		p++;
	}
	return stop;
}

static void split_function(struct trace_line *l, const char *text, const char *end)
{
	const char *colon = memmem(text, (size_t)(end - text), ": ", 2);

	l->function = text;
	l->function_len = colon ? (size_t)(colon - text) : 0;
	l->message = colon ? colon + 2 : text;
	l->message_len = (size_t)(end - l->message);
}

size_t trace_parse_line(const char *text, size_t len, struct trace_line *l)
{
	const char *end = text + len, *stop;
	struct cursor after;

	*l = (struct trace_line){ .function = text, .message = text, .message_len = len };
	if (take_lost(text, end, l))
		return len;
	if (take_header(text, end, l, &after)) {
		stop = next_event(after.p, end);
		l->kind = TRACE_EVENT;
		split_function(l, after.p, stop);
		return (size_t)(stop - text);
	}
	if (len && *text == '#') {
		l->kind = TRACE_COMMENT;
		return len;
	}
	stop = next_event(text, end);
	l->kind = TRACE_CONTINUED;
	l->message_len = (size_t)(stop - text);
	return l->message_len;
}
