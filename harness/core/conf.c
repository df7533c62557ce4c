// SPDX-License-Identifier: GPL-2.0-only
#include "core/conf.h"

#include <ini.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/util.h"

struct load {
	const struct conf_key *keys;
	size_t n_keys;
	bool *seen; /* per key */
	void *into;
	char why[512]; /* of the first error; its line comes from inih */
};

static bool parse_number(struct load *l, const struct conf_key *k, const char *value, uint64_t *n)
{
	uint64_t max = k->max ? k->max : UINT64_MAX;

	if (k->type == CONF_U32 && max > UINT32_MAX)
		max = UINT32_MAX;
	if (parse_u64(value, n) && *n >= k->min && *n <= max)
		return true;
	snprintf(l->why, sizeof(l->why),
		 "%s = %s: want a whole number from %" PRIu64 " to %" PRIu64, k->name, value,
		 k->min, max);
	return false;
}

static bool parse_bool(struct load *l, const struct conf_key *k, const char *value, bool *b)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = { { "yes", true }, { "true", true }, { "1", true },
		      { "no", false }, { "false", false }, { "0", false } };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(value, words[i].word)) {
			*b = words[i].value;
			return true;
		}
	snprintf(l->why, sizeof(l->why), "%s = %s: want yes or no", k->name, value);
	return false;
}

static void add_items(struct strv *list, const struct conf_key *k, const char *name,
		      const char *value)
{
	if (!strcmp(k->name, "*"))
		strv_addf(list, "%s=%s", name, value);
	else if (k->type == CONF_LIST)
		strv_split(list, value, " \t\n");
	else
		strv_add(list, value);
}

static bool set_field(struct load *l, const struct conf_key *k, const char *name, const char *value)
{
	void *field = (char *)l->into + k->offset;
	uint64_t n;

	switch (k->type) {
	case CONF_STR:
		str_set(field, value);
		return true;
	case CONF_U32:
		if (!parse_number(l, k, value, &n))
			return false;
		*(uint32_t *)field = (uint32_t)n;
		return true;
	case CONF_U64:
		return parse_number(l, k, value, field);
	case CONF_BOOL:
		return parse_bool(l, k, value, field);
	case CONF_LIST:
	case CONF_LINES:
		add_items(field, k, name, value);
		return true;
	}
	return false;
}

static const struct conf_key *find_key(const struct load *l, const char *section, const char *name)
{
	for (size_t i = 0; i < l->n_keys; i++)
		if (!strcmp(l->keys[i].section, section) &&
		    (!strcmp(l->keys[i].name, name) || !strcmp(l->keys[i].name, "*")))
			return &l->keys[i];
	return NULL;
}

static bool take(struct load *l, const char *section, const char *name, const char *value)
{
	const struct conf_key *k = find_key(l, section, name);
	bool list;

	if (!k) {
		snprintf(l->why, sizeof(l->why), "unknown key '%s' in [%s]", name, section);
		return false;
	}
	list = k->type == CONF_LIST || k->type == CONF_LINES;
	if (l->seen[k - l->keys] && !list) {
		snprintf(l->why, sizeof(l->why), "'%s' is given twice", name);
		return false;
	}
	l->seen[k - l->keys] = true;
	return set_field(l, k, name, value);
}

/*
 * inih's convention: non-zero is good. Only the first error is kept: its line is what inih returns.
 */
static int on_pair(void *ctx, const char *section, const char *name, const char *value)
{
	struct load *l = ctx;

	if (l->why[0])
		return 0;
	return take(l, section, name, value);
}

int conf_load(const char *path, const struct conf_key *keys, size_t n_keys, void *into)
{
	struct load l = { .keys = keys, .n_keys = n_keys, .into = into };
	int line;

	if (path_is_folder(path))
		return fail(OUT_USAGE, "can't read the configuration file %s: it is a folder", path);
	l.seen = xcalloc(n_keys, sizeof(*l.seen));
	line = ini_parse(path, on_pair, &l);
	free(l.seen);
	if (line == -1)
		return fail(OUT_USAGE, "can't read the configuration file %s: %m", path);
	if (line)
		return fail(OUT_USAGE, "%s:%d: %s", path, line,
			    l.why[0] ? l.why : "not a 'name = value' line or [section], or over 199 characters long");
	return 0;
}

void conf_free(const struct conf_key *keys, size_t n_keys, void *from)
{
	for (size_t i = 0; i < n_keys; i++) {
		void *field = (char *)from + keys[i].offset;

		if (keys[i].type == CONF_STR)
			str_set(field, NULL);
		else if (keys[i].type == CONF_LIST || keys[i].type == CONF_LINES)
			strv_free(field);
	}
}
