// SPDX-License-Identifier: GPL-2.0-only
#include "intake/parts.h"

#include <stdlib.h>
#include <string.h>

struct splitting {
	struct parts *parts;
	unsigned long old_lines, new_lines; /* that its hunk still has */
	bool behind; /* its header: a hunk was read, or that it is binary */
};

static size_t line_length(const char *at)
{
	size_t len = strcspn(at, "\n");

	return len + (at[len] == '\n');
}

static struct part *last(const struct splitting *s)
{
	return s->parts->n ? &s->parts->v[s->parts->n - 1] : NULL;
}

static void begin(struct splitting *s, const char *at, const char *path)
{
	struct parts *p = s->parts;

	p->v = xrealloc(p->v, p->n + 1, sizeof(*p->v));
	p->v[p->n++] = (struct part){ .at = at, .path = path ? xstrdup(path) : NULL };
	s->behind = false;
}

/* ---- names ---- */

/* "x.c  2022-11-20 10:11:12": the name's length, where what stands behind it is a time. */
static size_t name_length(const char *name)
{
	size_t len = strcspn(name, "\t\n");

	for (size_t i = 1; i + 5 < len; i++)
		if (name[i] == ' ' && strspn(name + i + 1, "0123456789") == 4 && name[i + 5] == '-')
			len = i;
	while (len && name[len - 1] == ' ')
		len--;
	return len;
}

static void set_path(struct part *p, const char *name)
{
	_cleanup_free_ char *plain = xstrndup(name, name_length(name));

	if (strcmp(plain, "/dev/null"))
		str_set(&p->path, str_starts(plain, "a/") || str_starts(plain, "b/") ? plain + 2 : plain);
}

/* "diff --git a/x b/x": its second name, until a "+++" line has a better one. */
static void set_header_path(struct part *p, const char *line)
{
	_cleanup_free_ char *plain = xstrndup(line, strcspn(line, "\n"));
	const char *blank = strrchr(plain, ' ');

	set_path(p, blank + 1);
}

static bool is_names(const char *line)
{
	return str_starts(line, "--- ") && str_starts(line + line_length(line), "+++ ");
}

static bool is_header(const char *line)
{
	return str_starts(line, "diff -") || str_starts(line, "Index: ");
}

/* ---- lines ---- */

static unsigned long count_of(const char *range)
{
	size_t digits = strspn(range, "0123456789");

	return range[digits] == ',' ? strtoul(range + digits + 1, NULL, 10) : 1;
}

static void take_hunk(struct splitting *s, const char *line)
{
	const char *plus = strchr(line, '+');

	s->behind = true;
	s->old_lines = count_of(line + strlen("@@ -"));
	s->new_lines = plus ? count_of(plus + 1) : 0;
}

/* False: the hunk ends before, and is damaged. */
static bool take_hunk_line(struct splitting *s, const char *line)
{
	if (!strchr(" +-\\\n", *line)) {
		s->old_lines = s->new_lines = 0;
		return false;
	}
	s->old_lines -= s->old_lines && *line != '+' && *line != '\\';
	s->new_lines -= s->new_lines && *line != '-' && *line != '\\';
	return true;
}

static bool is_binary(const char *line)
{
	return str_starts(line, "Binary files ") || str_starts(line, "GIT binary patch");
}

static void take_names(struct splitting *s, const char *line)
{
	struct part *p = last(s);

	if (!p || !p->path || s->behind || p->named) {
		begin(s, line, "");
		p = last(s);
	}
	p->named = true;
	set_path(p, line + 4);
	set_path(p, line + line_length(line) + 4);
}

static void take_line(struct splitting *s, const char *line)
{
	struct part *p = last(s);
	bool inside = p && p->path;

	if ((s->old_lines || s->new_lines) && take_hunk_line(s, line))
		return;
	if (is_header(line)) {
		begin(s, line, "");
		set_header_path(last(s), line);
	} else if (is_names(line)) {
		take_names(s, line);
	} else if (inside && str_starts(line, "@@ -")) {
		take_hunk(s, line);
	} else if (inside && is_binary(line)) {
		p->binary = s->behind = true;
	} else if (!p || (inside && s->behind && !p->binary && *line != '\\')) {
		begin(s, line, NULL);
	}
}

void parts_split(const char *text, struct parts *p)
{
	struct splitting s = { .parts = p };

	*p = (struct parts){ 0 };
	for (const char *at = text; *at; at += line_length(at))
		take_line(&s, at);
	for (size_t i = 0; i < p->n; i++) {
		const char *end = i + 1 < p->n ? p->v[i + 1].at : text + strlen(text);

		p->v[i].len = (size_t)(end - p->v[i].at);
	}
}

void parts_free(struct parts *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->v[i].path);
	free(p->v);
	*p = (struct parts){ 0 };
}

void part_lines(const struct part *p, char mark, struct buf *out)
{
	bool inside = false;

	for (const char *at = p->at; at < p->at + p->len; at += line_length(at)) {
		inside |= str_starts(at, "@@ -");
		if (inside && *at == mark)
			buf_add(out, at + 1, line_length(at) - 1);
	}
}

static size_t put_name(const char *line, struct buf *out)
{
	size_t len = strlen("--- ") + name_length(line + strlen("--- "));

	buf_add(out, line, len);
	buf_puts(out, "\n");
	return line_length(line);
}

void part_put(const struct part *p, struct buf *out)
{
	const char *at = p->at, *end = p->at + p->len;

	while (p->path && at < end && !str_starts(at, "@@ -"))
		if (is_names(at)) {
			at += put_name(at, out);
			at += put_name(at, out);
		} else {
			buf_add(out, at, line_length(at));
			at += line_length(at);
		}
	buf_add(out, at, (size_t)(end - at));
}
