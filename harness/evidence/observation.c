// SPDX-License-Identifier: GPL-2.0-only
#include "evidence/observation.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 4096
#define TEXT_LINES_MAX 10000

static const char key_chars[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";

static int malformed(char *why, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int malformed(char *why, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, size, fmt, ap);
	va_end(ap);
	return -1;
}

/* The text between the quotes, unescaped; NULL when it is not well formed. */
static char *unquote(const char *s)
{
	static const char escaped[] = "\"\\nt", plain[] = "\"\\\n\t";
	_cleanup_buf_ struct buf b = { 0 };
	const char *e;

	if (*s++ != '"')
		return NULL;
	for (; *s != '"'; s++) {
		if (*s < ' ' || *s > '~')
			return NULL;
		if (*s != '\\') {
			buf_add(&b, s, 1);
			continue;
		}
		s++;
		e = *s ? strchr(escaped, *s) : NULL;
		if (!e)
			return NULL;
		buf_add(&b, &plain[e - escaped], 1);
	}
	return s[1] ? NULL : xstrdup(buf_str(&b));
}

static bool value_u64(struct observation *o, const char *value)
{
	o->str = xstrdup(value);
	return parse_u64(value, &o->u64);
}

static bool value_i64(struct observation *o, const char *value)
{
	int64_t n = 0;
	bool ok = parse_i64(value, &n);

	o->str = xstrdup(value);
	o->u64 = (uint64_t)n;
	return ok;
}

static bool value_str(struct observation *o, const char *value)
{
	o->str = unquote(value);
	return o->str;
}

static const struct {
	const char *name;
	int type;
	bool (*parse)(struct observation *o, const char *value);
	const char *want;
} types[] = {
	{ "u64", OBS_U64, value_u64, "a whole number of 64 bits" },
	{ "i64", OBS_I64, value_i64, "a signed whole number of 64 bits" },
	{ "str", OBS_STR, value_str, "printable text in double quotes" },
};

static int parse_value(struct observation *o, const char *type, size_t type_len, const char *value,
		       char *why, size_t why_size)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (strlen(types[i].name) != type_len || memcmp(types[i].name, type, type_len) != 0)
			continue;
		o->type = types[i].type;
		if (types[i].parse(o, value))
			return 1;
		return malformed(why, why_size, "the value of '%s' is not %s", o->key,
				 types[i].want);
	}
	return malformed(why, why_size, "'%s' has an unknown type (u64, i64 and str are known)",
			 o->key);
}

static int parse_parts(const char *s, struct observation *o, char *why, size_t why_size)
{
	size_t key_len = strspn(s, key_chars), type_len;
	const char *type;

	if (!key_len || s[key_len] != ' ')
		return malformed(why, why_size, "no key of a-z 0-9 . _ - after " OBSERVATION_MARK);
	if (key_len > OBSERVATION_KEY_MAX)
		return malformed(why, why_size, "the key is longer than %d", OBSERVATION_KEY_MAX);
	o->key = xstrndup(s, key_len);
	type = s + key_len + 1;
	type_len = strcspn(type, " ");
	if (!type[type_len])
		return malformed(why, why_size, "'%s' has no value", o->key);
	return parse_value(o, type, type_len, type + type_len + 1, why, why_size);
}

int observation_parse(const char *line, size_t len, struct observation *o, char *why,
		      size_t why_size)
{
	_cleanup_free_ char *copy = NULL;
	int ret;

	*o = (struct observation){ 0 };
	if (!str_starts(line, OBSERVATION_MARK))
		return 0;
	/* A pseudo terminal between the program and us ends lines with a carriage return too. */
	copy = xstrndup(line, line[len - 1] == '\r' ? len - 1 : len);
	if (copy[strlen(OBSERVATION_MARK)] != ' ')
		return malformed(why, why_size, "no blank after " OBSERVATION_MARK);
	ret = parse_parts(copy + strlen(OBSERVATION_MARK) + 1, o, why, why_size);
	if (ret < 0)
		observation_clear(o);
	return ret;
}

void observation_clear(struct observation *o)
{
	free(o->key);
	free(o->str);
	*o = (struct observation){ 0 };
}

static void add_fault(struct observations *o, unsigned int number, const char *why,
		      const char *text, size_t len)
{
	struct observation_fault *f;

	if (o->n_bad++ >= OBSERVATION_FAULTS_KEPT)
		return;
	o->bad = xrealloc(o->bad, o->n_bad, sizeof(*o->bad));
	f = &o->bad[o->n_bad - 1];
	f->line = number;
	f->why = xstrdup(why);
	f->text = printable(text, len, 120);
}

static void add_observation(struct output *o, const struct observation *new)
{
	struct observations *all = &o->obs;

	/* Doubling: one growth a line would be quadratic in a program that floods us. */
	if (!(all->n & (all->n - 1)))
		all->v = xrealloc(all->v, all->n ? 2 * all->n : 1, sizeof(*all->v));
	all->v[all->n] = *new;
	all->v[all->n++].level_ns = o->level_ns;
}

static void add_text(struct output *o, const char *text, size_t len)
{
	_cleanup_free_ char *clean = NULL;

	if (o->text.n >= TEXT_LINES_MAX)
		return;
	clean = printable(text, len && text[len - 1] == '\r' ? len - 1 : len, LINE_MAX_BYTES);
	strv_add(&o->text, clean);
}

static void on_line(void *ctx, const char *text, size_t len, unsigned int number, bool cut)
{
	struct output *o = ctx;
	struct observation new;
	char why[160];
	int ret = observation_parse(text, len, &new, why, sizeof(why));

	if (ret == 1 && (cut || o->obs.n >= OBSERVATIONS_MAX)) {
		observation_clear(&new);
		ret = malformed(why, sizeof(why),
				cut ? "the line is too long" : "there are too many observations");
	}
	if (ret == 1)
		add_observation(o, &new);
	else if (ret < 0)
		add_fault(&o->obs, number, why, text, len);
	else
		add_text(o, text, len);
}

void output_init(struct output *o)
{
	*o = (struct output){ .lines = { .max = LINE_MAX_BYTES, .on_line = on_line, .ctx = o } };
}

void output_feed(struct output *o, uint64_t level_ns, const void *data, size_t len)
{
	o->level_ns = level_ns;
	lines_feed(&o->lines, data, len);
}

void output_end(struct output *o)
{
	lines_end(&o->lines);
}

void observations_free(struct observations *o)
{
	size_t kept = o->n_bad < OBSERVATION_FAULTS_KEPT ? o->n_bad : OBSERVATION_FAULTS_KEPT;

	for (size_t i = 0; i < o->n; i++)
		observation_clear(&o->v[i]);
	for (size_t i = 0; i < kept; i++) {
		free(o->bad[i].why);
		free(o->bad[i].text);
	}
	free(o->v);
	free(o->bad);
	*o = (struct observations){ 0 };
}

void output_free(struct output *o)
{
	observations_free(&o->obs);
	strv_free(&o->text);
	lines_free(&o->lines);
}

const struct observation *obs_get(const struct observations *o, const char *key, size_t i)
{
	for (size_t k = 0; k < o->n; k++)
		if (!strcmp(o->v[k].key, key) && i-- == 0)
			return &o->v[k];
	return NULL;
}

size_t obs_count(const struct observations *o, const char *key)
{
	size_t n = 0;

	for (size_t k = 0; k < o->n; k++)
		n += !strcmp(o->v[k].key, key);
	return n;
}
