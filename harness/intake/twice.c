// SPDX-License-Identifier: GPL-2.0-only
/*
 * A function that stands twice in what was merged: as the base has it, and as he made it, where his
 * nearest base had it elsewhere, or not at all. His is the one that is meant.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "intake/lines.h"
#include "intake/rules.h"

struct definition {
	const char *at;
	size_t len;
	char *name;
	bool of_base;
};

struct definitions {
	struct definition *v;
	size_t n;
};

/* Behind the "}" of the function whose head begins at; NULL: no function's does. */
static const char *end_of(const char *at)
{
	if (!isalpha((unsigned char)*at) && *at != '_')
		return NULL;
	if (!memchr(at, '(', strcspn(at, "\n")))
		return NULL;
	for (; *at != '{'; at = lines_next(at))
		if (!*at || strchr("}#\n", *at) || memchr(at, ';', strcspn(at, "\n")))
			return NULL;
	at = strstr(at, "\n}\n");
	return at ? at + strlen("\n}\n") : NULL;
}

/* The last word before the first "("; the caller owns it. */
static char *name_of(const char *head)
{
	const char *end = head + strcspn(head, "("), *at = end;

	while (at > head && (isalnum((unsigned char)at[-1]) || at[-1] == '_'))
		at--;
	return xstrndup(at, (size_t)(end - at));
}

static void find_definitions(const char *text, const char *base, struct definitions *d)
{
	for (const char *at = text, *end; *at; at = end ? end : lines_next(at)) {
		_cleanup_free_ char *whole = NULL;

		end = end_of(at);
		if (!end)
			continue;
		whole = xstrndup(at, (size_t)(end - at));
		d->v = xrealloc(d->v, d->n + 1, sizeof(*d->v));
		d->v[d->n++] = (struct definition){ at, (size_t)(end - at), name_of(at),
						    strstr(base, whole) };
	}
}

/* SYSCALL_DEFINE0(mine), __attribute__((cold)) are no names. */
static bool is_name(const char *name)
{
	bool small = false;

	for (const char *c = name; *c; c++)
		small |= islower((unsigned char)*c) != 0;
	return small && !str_starts(name, "__attribute");
}

static size_t count_named(const struct definitions *d, const char *name, bool of_base)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++)
		n += d->v[i].of_base == of_base && !strcmp(d->v[i].name, name);
	return n;
}

static void free_definitions(struct definitions *d)
{
	for (size_t i = 0; i < d->n; i++)
		free(d->v[i].name);
	free(d->v);
}

static size_t count_all(const struct definitions *d, const char *name)
{
	return count_named(d, name, true) + count_named(d, name, false);
}

void rules_drop_twice(const char *base, const char *his, struct buf *text, struct strv *told)
{
	struct definitions d = { 0 }, handed = { 0 };
	struct buf out = { 0 };
	const char *at = buf_str(text);

	find_definitions(at, base, &d);
	find_definitions(his, base, &handed);
	for (size_t i = 0; i < d.n; i++) {
		const struct definition *f = &d.v[i];

		/* In his own file, too: then that is his doing. */
		if (!f->of_base || !is_name(f->name) || count_named(&d, f->name, true) != 1 ||
		    !count_named(&d, f->name, false) || count_all(&handed, f->name) > 1)
			continue;
		buf_add(&out, at, (size_t)(f->at - at));
		at = f->at + f->len;
		strv_addf(told, "he has a %s() of his own", f->name);
	}
	buf_puts(&out, at);
	free_definitions(&d);
	free_definitions(&handed);
	buf_free(text);
	*text = out;
}
