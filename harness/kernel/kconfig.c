// SPDX-License-Identifier: GPL-2.0-only
#include "kernel/kconfig.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"

#define TELL_AT_MOST 3

static void option_free(struct kconfig_option *o)
{
	free(o->name);
	free(o->value);
	free(o->file);
}

/* ---- lines ---- */

static size_t name_length(const char *s)
{
	size_t n = 0;

	if (!str_starts(s, "CONFIG_"))
		return 0;
	while (isalnum((unsigned char)s[n]) || s[n] == '_')
		n++;
	return n > strlen("CONFIG_") ? n : 0;
}

/*
 * "CONFIG_X=value" or "# CONFIG_X is not set". 1: taken; 0: a comment or empty; -1: neither. The
 * line is changed; o points into it.
 */
static int parse_line(char *line, const char **name, const char **value)
{
	bool comment;
	size_t n;

	line = str_strip(line);
	comment = *line == '#';
	if (comment)
		line = str_strip(line + 1);
	n = name_length(line);
	*name = line;
	if (comment) {
		if (!n || strcmp(line + n, " is not set"))
			return 0;
		*value = "n";
	} else if (!*line) {
		return 0;
	} else if (n && line[n] == '=') {
		*value = line + n + 1;
	} else {
		return -1;
	}
	line[n] = '\0';
	return 1;
}

/* ---- the sorted table ---- */

/* Where name is or belongs. */
static size_t find(const struct kconfig *c, const char *name)
{
	size_t low = 0, high = c->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(c->options[mid].name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct kconfig_option *find_exact(const struct kconfig *c, const char *name)
{
	size_t i = find(c, name);

	return i < c->n && !strcmp(c->options[i].name, name) ? &c->options[i] : NULL;
}

const struct kconfig_option *kconfig_find(const struct kconfig *c, const char *name)
{
	return find_exact(c, name);
}

static struct kconfig_option *insert(struct kconfig *c, const char *name)
{
	size_t i = find(c, name);

	c->options = xrealloc(c->options, c->n + 1, sizeof(*c->options));
	memmove(&c->options[i + 1], &c->options[i], (c->n - i) * sizeof(*c->options));
	c->n++;
	c->options[i] = (struct kconfig_option){ .name = xstrdup(name) };
	return &c->options[i];
}

static int set(struct kconfig *c, const char *name, const char *value, const char *file,
	       unsigned long line, bool required)
{
	struct kconfig_option *o = find_exact(c, name);

	if (o && !strcmp(o->file, file) && strcmp(o->value, value))
		return fail(OUT_USAGE, "%s:%lu: %s=%s, but line %lu says %s=%s", file, line, name,
			    value, o->line, name, o->value);
	o = o ? o : insert(c, name);
	str_set(&o->value, value);
	str_set(&o->file, file);
	o->line = line;
	o->required = required;
	return 0;
}

static int add_line(struct kconfig *c, char *text, const char *file, unsigned long line,
		    bool required)
{
	const char *name, *value;

	switch (parse_line(text, &name, &value)) {
	case 0:
		return 0;
	case 1:
		return set(c, name, value, file, line, required);
	default:
		return fail(OUT_USAGE,
			    "%s:%lu: '%s' is not an option line; want CONFIG_NAME=value or "
			    "# CONFIG_NAME is not set",
			    file, line, str_strip(text));
	}
}

int kconfig_add(struct kconfig *c, const char *path, bool required)
{
	_cleanup_buf_ struct buf b = { 0 };
	int ret = 0, err = file_read(path, &b);
	unsigned long line = 0;
	char *rest = b.data;

	if (err)
		return fail(OUT_USAGE, "can't read the configuration fragment %s: %s", path,
			    strerror(-err));
	while (!ret && rest) {
		char *text = strsep(&rest, "\n");

		ret = add_line(c, text, path, ++line, required);
	}
	return ret;
}

void kconfig_drop(struct kconfig *c, const struct strv *names)
{
	for (size_t i = 0; i < names->n; i++) {
		struct kconfig_option *o = find_exact(c, names->v[i]);

		if (!o)
			continue;
		option_free(o);
		c->n--;
		memmove(o, o + 1, (size_t)(&c->options[c->n] - o) * sizeof(*o));
	}
}

/* ---- out ---- */

void kconfig_print(const struct kconfig *c, struct buf *out)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct kconfig_option *o = &c->options[i];

		if (!strcmp(o->value, "n"))
			buf_printf(out, "# %s is not set\n", o->name);
		else
			buf_printf(out, "%s=%s\n", o->name, o->value);
	}
}

void kconfig_hash(const struct kconfig *c, struct hash *h)
{
	_cleanup_buf_ struct buf text = { 0 };

	kconfig_print(c, &text);
	hash_add(h, "kconfig", buf_str(&text), text.len);
}

/* ---- verify ---- */

static int read_final(struct kconfig *c, const char *path)
{
	int ret = kconfig_add(c, path, false);

	return ret ? fail(OUT_BROKEN, "the kernel's final configuration: %s", fail_text()) : 0;
}

static void tell(struct buf *out, const struct kconfig_option *want, const char *got)
{
	buf_printf(out, "%s%s:%lu: %s=%s was asked for and is %s in the end", out->len ? "; " : "",
		   want->file, want->line, want->name, want->value, got);
}

static size_t find_unmet(const struct kconfig *c, const struct kconfig *final, struct buf *out)
{
	size_t unmet = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct kconfig_option *want = &c->options[i];
		const struct kconfig_option *got = find_exact(final, want->name);
		const char *value = got ? got->value : "n";

		if (!want->required || !strcmp(value, want->value))
			continue;
		if (unmet++ < TELL_AT_MOST)
			tell(out, want, strcmp(value, "n") ? value : "not set");
	}
	return unmet;
}

int kconfig_verify(const struct kconfig *c, const char *dot_config)
{
	struct kconfig final = { 0 };
	_cleanup_buf_ struct buf out = { 0 };
	size_t unmet;
	int ret = read_final(&final, dot_config);

	unmet = ret ? 0 : find_unmet(c, &final, &out);
	kconfig_free(&final);
	if (ret || !unmet)
		return ret;
	if (unmet > TELL_AT_MOST)
		buf_printf(&out, "; and %zu more", unmet - TELL_AT_MOST);
	return fail(OUT_USAGE,
		    "%s (something that it depends on is off, or another option forces it)",
		    buf_str(&out));
}

void kconfig_free(struct kconfig *c)
{
	for (size_t i = 0; i < c->n; i++)
		option_free(&c->options[i]);
	free(c->options);
	*c = (struct kconfig){ 0 };
}
