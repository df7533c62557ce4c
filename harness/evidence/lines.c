// SPDX-License-Identifier: GPL-2.0-only
#include "evidence/lines.h"

#include <string.h>

static void take(struct lines *l, const char *data, size_t len)
{
	size_t room = l->max - l->partial.len;

	if (len > room) {
		l->cut = true;
		len = room;
	}
	buf_add(&l->partial, data, len);
}

static void give(struct lines *l)
{
	struct buf *b = &l->partial;

	for (char *p = b->data; (p = memchr(p, '\0', (size_t)(b->data + b->len - p)));)
		*p = '?';
	l->on_line(l->ctx, buf_str(b), b->len, ++l->number, l->cut);
	b->len = 0;
	l->cut = false;
}

void lines_feed(struct lines *l, const void *data, size_t len)
{
	const char *p = data, *end = p + len, *nl;

	while (p < end && (nl = memchr(p, '\n', (size_t)(end - p)))) {
		take(l, p, (size_t)(nl - p));
		give(l);
		p = nl + 1;
	}
	if (p < end)
		take(l, p, (size_t)(end - p));
}

void lines_end(struct lines *l)
{
	if (l->partial.len || l->cut)
		give(l);
}

void lines_free(struct lines *l)
{
	buf_free(&l->partial);
}

char *printable(const char *text, size_t len, size_t max)
{
	struct buf b = { 0 };
	size_t n = len < max ? len : max;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '\t' || (c >= ' ' && c < 0x7f))
			buf_add(&b, &text[i], 1);
		else
			buf_printf(&b, "\\x%02x", c);
	}
	if (n < len)
		buf_puts(&b, "...");
	return b.data ? b.data : xstrdup("");
}
