// SPDX-License-Identifier: GPL-2.0-only
/*
 * {"format": 1, "from": TITLE, "to": TITLE, "regression": bool, "summary": TEXT, "newly_failing":
 * [{"part", "what", "from", "to", "why"}], ..., "notes": [...]}: each kind of change has its list,
 * which may be empty.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "history/diff.h"
#include "report/shape.h"

#define FORMAT 1

static const struct field finding_fields[] = {
	FIELD(struct finding, FIELD_STRING0, part), FIELD(struct finding, FIELD_STRING, what),
	FIELD(struct finding, FIELD_STRING0, from), FIELD(struct finding, FIELD_STRING0, to),
	FIELD(struct finding, FIELD_STRING0, why),
};
static const struct shape finding_shape = { SHAPE(struct finding, finding_fields) };

static json_t *or_null(const char *text)
{
	return text ? shape_string(text) : json_null();
}

static json_t *list_of(const struct diff *d, enum diff_change c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].change == c)
			json_array_append_new(list, shape_save(&finding_shape, &d->v[i]));
	return list;
}

char *diff_json(const struct diff *d)
{
	json_t *j = json_object(), *notes = json_array();
	_cleanup_free_ char *summary = diff_summary(d);
	char *text;

	json_object_set_new(j, "format", json_integer(FORMAT));
	json_object_set_new(j, "from", shape_string(d->a));
	json_object_set_new(j, "to", shape_string(d->b));
	json_object_set_new(j, "from_folder", or_null(d->a_folder));
	json_object_set_new(j, "to_folder", or_null(d->b_folder));
	json_object_set_new(j, "regression", json_boolean(diff_outcome(d) == OUT_FAIL));
	json_object_set_new(j, "summary", shape_string(summary));
	for (int c = 0; c < CHANGE_COUNT; c++)
		json_object_set_new(j, change_key((enum diff_change)c),
				    list_of(d, (enum diff_change)c));
	for (size_t i = 0; i < d->notes.n; i++)
		json_array_append_new(notes, shape_string(d->notes.v[i]));
	json_object_set_new(j, "notes", notes);
	text = json_dumps(j, JSON_INDENT(2));
	json_decref(j);
	return text;
}

/* ---- read back ---- */

static int load_list(struct diff *d, enum diff_change c, const json_t *list, const struct where *up)
{
	const struct where w = { .up = up, .key = change_key(c) };
	int ret = json_is_array(list) ? 0 : where_fail(&w, "expected an array");

	for (size_t i = 0; !ret && i < json_array_size(list); i++) {
		const struct where at = { .up = &w, .index = i };

		d->v = xrealloc(d->v, d->n + 1, sizeof(*d->v));
		d->v[d->n] = (struct finding){ .change = c };
		ret = shape_load(&finding_shape, &d->v[d->n++], json_array_get(list, i), &at);
	}
	return ret;
}

static int load(struct diff *d, const json_t *j, const struct where *w)
{
	const json_t *notes = json_object_get(j, "notes");
	int ret = 0;

	str_set(&d->a, json_string_value(json_object_get(j, "from")));
	str_set(&d->b, json_string_value(json_object_get(j, "to")));
	str_set(&d->a_folder, json_string_value(json_object_get(j, "from_folder")));
	str_set(&d->b_folder, json_string_value(json_object_get(j, "to_folder")));
	if (json_integer_value(json_object_get(j, "format")) != FORMAT || !d->a || !d->b)
		return where_fail(w, "it is no difference that nestlab wrote");
	for (int c = 0; !ret && c < CHANGE_COUNT; c++)
		ret = load_list(d, (enum diff_change)c,
				json_object_get(j, change_key((enum diff_change)c)), w);
	for (size_t i = 0; i < json_array_size(notes); i++)
		if (json_is_string(json_array_get(notes, i)))
			strv_add(&d->notes, json_string_value(json_array_get(notes, i)));
	return ret;
}

int diff_load(const char *text, size_t len, struct diff *d)
{
	const struct where w = { .key = "the difference" };
	json_error_t e;
	json_t *j = json_loadb(text, len, JSON_REJECT_DUPLICATES, &e);
	int ret;

	*d = (struct diff){ 0 };
	if (!j)
		return fail(OUT_USAGE, "the difference is no JSON: %s", e.text);
	ret = load(d, j, &w);
	json_decref(j);
	return ret;
}
