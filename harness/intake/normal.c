// SPDX-License-Identifier: GPL-2.0-only
/* What `diff` prints without -u or -c: "12,14c13", "< was", "---", "> is". */
#include <stdio.h>
#include <string.h>

#include "intake/lines.h"
#include "intake/shapes.h"

struct command {
	size_t first[2], last[2]; /* of the file before and of the one behind */
	char what;			 /* 'a', 'c' or 'd' */
};

/* "12" or "12,14"; what stands behind it, or NULL. */
static const char *take_range(const char *at, size_t *first, size_t *last)
{
	at = lines_number(at, first);
	*last = *first;
	if (!at || *at != ',')
		return at;
	at = lines_number(at + 1, last);
	return at && *last >= *first ? at : NULL;
}

static bool take_command(const char *at, struct command *c)
{
	at = take_range(at, &c->first[0], &c->last[0]);
	if (!at || !*at || !strchr("acd", *at))
		return false;
	c->what = *at;
	at = take_range(at + 1, &c->first[1], &c->last[1]);
	return at && (*at == '\n' || !*at);
}

static unsigned long count(const struct command *c, int side)
{
	return c->what == (side ? 'd' : 'a') ? 0 : c->last[side] - c->first[side] + 1;
}

bool shape_is_normal(const char *text)
{
	struct command c;

	for (const char *at = text; *at; at = lines_next(at)) {
		const char *next = lines_next(at);

		if (take_command(at, &c) && str_starts(next, c.what == 'a' ? ">" : "<"))
			return true;
	}
	return false;
}

/* n lines that begin with `was`, which becomes `mark`. False: they are fewer. */
static bool take_lines(const char **at, char was, char mark, unsigned long n, struct buf *out)
{
	for (; n && **at == was; n--) {
		const char *line = *at + 1 + ((*at)[1] == ' ');

		buf_add(out, &mark, 1);
		buf_add(out, line, strcspn(line, "\n"));
		buf_puts(out, "\n");
		*at = lines_next(*at);
	}
	if (!n && **at == '\\') {
		buf_puts(out, "\\ No newline at end of file\n");
		*at = lines_next(*at);
	}
	return !n;
}

static bool take_hunk(const char **at, const struct command *c, struct buf *out)
{
	buf_printf(out, "@@ -%lu,%lu +%lu,%lu @@\n", c->first[0], count(c, 0), c->first[1], count(c, 1));
	*at = lines_next(*at);
	if (!take_lines(at, '<', '-', count(c, 0), out))
		return false;
	if (c->what == 'c' && str_starts(*at, "---"))
		*at = lines_next(*at);
	return take_lines(at, '>', '+', count(c, 1), out);
}

/* "diff -r linux/a.c mine/a.c": the last two words of the line. */
static bool put_names(const char *at, struct buf *out)
{
	_cleanup_free_ char *line = xstrndup(at, strcspn(at, "\n"));
	char *new = str_starts(line, "diff ") ? strrchr(line, ' ') : NULL, *old;

	if (!new || new - line <= (long)strlen("diff"))
		return false;
	*new++ = '\0';
	old = strrchr(line, ' ');
	if (!old)
		return false;
	buf_printf(out, "--- %s\n+++ %s\n", old + 1, new);
	return true;
}

bool shape_from_normal(const char *text, const char *name, struct buf *out)
{
	bool named = false;
	struct command c;

	for (const char *at = text; *at;) {
		if (!take_command(at, &c)) {
			named |= put_names(at, out);
			at = lines_next(at);
			continue;
		}
		if (!named)
			buf_printf(out, "--- %s\n+++ %s\n", name, name);
		named = true;
		if (!take_hunk(&at, &c, out))
			return false;
	}
	return named;
}
