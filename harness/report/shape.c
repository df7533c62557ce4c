// SPDX-License-Identifier: GPL-2.0-only
#include "report/shape.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/util.h"
#include "report/text.h"

/* Readers in other languages hold numbers in doubles. */
#define MAX_EXACT ((1ULL << 53) - 1)

static void put_where(struct buf *b, const struct where *w)
{
	if (w->up)
		put_where(b, w->up);
	if (!w->up)
		buf_printf(b, "%s: ", w->key);
	else if (w->key)
		buf_printf(b, "%s%s", w->up->up ? "." : "", w->key);
	else
		buf_printf(b, "[%zu]", w->index);
}

int where_fail(const struct where *w, const char *fmt, ...)
{
	_cleanup_buf_ struct buf where = { 0 };
	_cleanup_free_ char *clean = NULL;
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put_where(&where, w);
	clean = text_form(TEXT_LINE, text);
	return fail(OUT_USAGE, "%s%s%s; was it written by another version, or changed by hand?",
		    buf_str(&where), w->up ? ": " : "", clean);
}

static const char *type_name(const json_t *v)
{
	static const char *const names[] = {
		[JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array",	 [JSON_STRING] = "a string",
		[JSON_INTEGER] = "a number", [JSON_REAL] = "a fraction", [JSON_TRUE] = "true",
		[JSON_FALSE] = "false",	     [JSON_NULL] = "null",
	};

	return names[json_typeof(v)];
}

static int want(const struct where *w, const char *what, const json_t *found)
{
	return where_fail(w, "expected %s, found %s", what, type_name(found));
}

/* Writing */

json_t *shape_string(const char *text)
{
	_cleanup_free_ char *clean = text_form(TEXT_UTF8, text);

	return json_string(clean);
}

json_t *shape_hex(uint64_t value)
{
	return json_sprintf("0x%" PRIx64, value);
}

static json_t *save_u64(uint64_t value)
{
	return value <= MAX_EXACT ? json_integer((json_int_t)value) : shape_hex(value);
}

static json_t *save_seconds(double s)
{
	return json_real(isfinite(s) && s > 0 ? round(s * 1e6) / 1e6 : 0);
}

static json_t *save_number(double value)
{
	return json_real(isfinite(value) ? value : 0);
}

static json_t *save_lines(const struct strv *lines)
{
	json_t *a = json_array();

	for (size_t i = 0; i < lines->n; i++)
		json_array_append_new(a, shape_string(lines->v[i]));
	return a;
}

static json_t *save_array(const struct shape *item, const char *first, size_t n)
{
	json_t *a = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(a, shape_save(item, first + i * item->size));
	return a;
}

static json_t *save_string0(const char *text)
{
	return text ? shape_string(text) : json_null();
}

static json_t *save_field(const struct field *f, const char *owner)
{
	const void *at = owner + f->offset;

	switch (f->type) {
	case FIELD_STRING:
		return shape_string(*(char *const *)at);
	case FIELD_STRING0:
		return save_string0(*(char *const *)at);
	case FIELD_BOOL:
		return json_boolean(*(const bool *)at);
	case FIELD_U32:
		return json_integer(*(const unsigned int *)at);
	case FIELD_U64:
		return save_u64(*(const uint64_t *)at);
	case FIELD_SECONDS:
		return save_seconds(*(const double *)at);
	case FIELD_NUMBER:
		return save_number(*(const double *)at);
	case FIELD_OUTCOME:
		return json_string(outcome_name(*(const enum outcome *)at));
	case FIELD_LINES:
		return save_lines(at);
	case FIELD_OBJECT:
		return shape_save(f->item, at);
	case FIELD_ARRAY:
		return save_array(f->item, *(char *const *)at,
				  *(const size_t *)(const void *)(owner + f->count_offset));
	case FIELD_HOOK:
		return f->save(owner);
	}
	return NULL;
}

json_t *shape_save(const struct shape *s, const void *owner)
{
	json_t *o = json_object();

	for (size_t i = 0; i < s->n_fields; i++) {
		const struct field *f = &s->fields[i];

		if (!f->absent || !f->absent(owner))
			json_object_set_new(o, f->key, save_field(f, owner));
	}
	return o;
}

/* Reading */

int shape_load_string(char **into, const json_t *value, const struct where *w)
{
	if (!json_is_string(value))
		return want(w, "a string", value);
	str_set(into, json_string_value(value));
	return 0;
}

static int load_string0(char **into, const json_t *value, const struct where *w)
{
	if (json_is_null(value))
		return 0;
	if (!json_is_string(value))
		return want(w, "a string or null", value);
	return shape_load_string(into, value, w);
}

static int load_bool(bool *into, const json_t *value, const struct where *w)
{
	if (!json_is_boolean(value))
		return want(w, "true or false", value);
	*into = json_is_true(value);
	return 0;
}

int shape_load_hex(uint64_t *into, const json_t *value, const struct where *w)
{
	const char *text = json_string_value(value);

	if (!text || !str_starts(text, "0x") || strlen(text) > 18 || !parse_u64(text, into))
		return where_fail(w, "expected a string \"0x...\" of at most 64 bits");
	return 0;
}

static int load_integer(uint64_t *into, uint64_t max, const json_t *value, const struct where *w)
{
	if (!json_is_integer(value))
		return want(w, "a whole number", value);
	if (json_integer_value(value) < 0 || (uint64_t)json_integer_value(value) > max)
		return where_fail(w, "expected 0 to %" PRIu64 ", found %" JSON_INTEGER_FORMAT, max,
				  json_integer_value(value));
	*into = (uint64_t)json_integer_value(value);
	return 0;
}

static int load_u64(uint64_t *into, const json_t *value, const struct where *w)
{
	if (json_is_string(value))
		return shape_load_hex(into, value, w);
	return load_integer(into, MAX_EXACT, value, w);
}

static int load_u32(unsigned int *into, const json_t *value, const struct where *w)
{
	uint64_t n = 0;
	int err = load_integer(&n, UINT_MAX, value, w);

	*into = (unsigned int)n;
	return err;
}

static int load_seconds(double *into, const json_t *value, const struct where *w)
{
	if (!json_is_number(value))
		return want(w, "a number of seconds", value);
	*into = json_number_value(value);
	return *into >= 0 ? 0 : where_fail(w, "expected 0 or more seconds, found %g", *into);
}

static int load_number(double *into, const json_t *value, const struct where *w)
{
	if (!json_is_number(value))
		return want(w, "a number", value);
	*into = json_number_value(value);
	return 0;
}

static int outcome_not_allowed(unsigned int allowed, const char *found, const struct where *w)
{
	_cleanup_buf_ struct buf names = { 0 };

	for (unsigned int o = 0; o < OUT_COUNT; o++)
		if (allowed & OUTCOME_BIT(o))
			buf_printf(&names, "%s%s", names.len ? ", " : "",
				   outcome_name((enum outcome)o));
	return where_fail(w, "expected one of %s; found \"%s\"", buf_str(&names), found);
}

static int load_outcome(enum outcome *into, unsigned int allowed, const json_t *value,
			const struct where *w)
{
	int o;

	if (!json_is_string(value))
		return want(w, "a verdict", value);
	o = outcome_from_name(json_string_value(value));
	if (o < 0 || !(allowed & OUTCOME_BIT((unsigned int)o)))
		return outcome_not_allowed(allowed, json_string_value(value), w);
	*into = (enum outcome)o;
	return 0;
}

static int load_lines(struct strv *into, const json_t *value, const struct where *w)
{
	if (!json_is_array(value))
		return want(w, "an array of strings", value);
	for (size_t i = 0; i < json_array_size(value); i++) {
		const struct where at = { .up = w, .index = i };
		const json_t *line = json_array_get(value, i);

		if (!json_is_string(line))
			return want(&at, "a string", line);
		strv_add(into, json_string_value(line));
	}
	return 0;
}

static int load_array(const struct field *f, char *owner, const json_t *value,
		      const struct where *w)
{
	size_t n = json_array_size(value);
	int err = 0;
	char *first;

	if (!json_is_array(value))
		return want(w, "an array", value);
	if (!n)
		return 0;
	/* In the owner's hands before it is filled: an error must not leak what was read. */
	first = xcalloc(n, f->item->size);
	*(char **)(void *)(owner + f->offset) = first;
	*(size_t *)(void *)(owner + f->count_offset) = n;
	for (size_t i = 0; i < n && !err; i++) {
		const struct where at = { .up = w, .index = i };

		err = shape_load(f->item, first + i * f->item->size, json_array_get(value, i), &at);
	}
	return err;
}

static int load_field(const struct field *f, char *owner, const json_t *value,
		      const struct where *w)
{
	void *at = owner + f->offset;

	switch (f->type) {
	case FIELD_STRING:
		return shape_load_string(at, value, w);
	case FIELD_STRING0:
		return load_string0(at, value, w);
	case FIELD_BOOL:
		return load_bool(at, value, w);
	case FIELD_U32:
		return load_u32(at, value, w);
	case FIELD_U64:
		return load_u64(at, value, w);
	case FIELD_SECONDS:
		return load_seconds(at, value, w);
	case FIELD_NUMBER:
		return load_number(at, value, w);
	case FIELD_OUTCOME:
		return load_outcome(at, f->allowed, value, w);
	case FIELD_LINES:
		return load_lines(at, value, w);
	case FIELD_OBJECT:
		return shape_load(f->item, at, value, w);
	case FIELD_ARRAY:
		return load_array(f, owner, value, w);
	case FIELD_HOOK:
		return f->load(owner, value, w);
	}
	return where_fail(w, "unknown type of field");
}

static const struct field *find_field(const struct shape *s, const char *key)
{
	for (size_t i = 0; i < s->n_fields; i++)
		if (!strcmp(s->fields[i].key, key))
			return &s->fields[i];
	return NULL;
}

static int refuse_unknown(const struct shape *s, const json_t *object, const struct where *w)
{
	const char *key;
	json_t *value;

	json_object_foreach(
		(json_t *)object, key,
		value) if (!find_field(s, key)) return where_fail(w, "unknown field \"%s\"", key);
	return 0;
}

int shape_load(const struct shape *s, void *owner, const json_t *object, const struct where *w)
{
	int err;

	if (!json_is_object(object))
		return want(w, "an object", object);
	err = refuse_unknown(s, object, w);
	for (size_t i = 0; i < s->n_fields && !err; i++) {
		const struct where at = { .up = w, .key = s->fields[i].key };
		const json_t *value = json_object_get(object, s->fields[i].key);

		if (!value && s->fields[i].absent)
			continue;
		if (!value)
			return where_fail(w, "field \"%s\" is missing", s->fields[i].key);
		err = load_field(&s->fields[i], owner, value, &at);
	}
	return err || !s->check ? err : s->check(owner, w);
}
