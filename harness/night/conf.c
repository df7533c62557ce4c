// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "core/conf.h"
#include "core/near.h"
#include "core/outcome.h"
#include "night/night.h"

#define ITEMS_MOST 500

static const struct conf_key keys[] = {
	{ "night", "budget_minutes", CONF_U32, offsetof(struct night_conf, budget_minutes), 1,
	  10080 },
	{ "night", "deadline_minutes", CONF_U32, offsetof(struct night_conf, deadline_minutes), 1,
	  10080 },
	{ "night", "jobs", CONF_U32, offsetof(struct night_conf, jobs), 1, 64 },
	{ "night", "mutants", CONF_U32, offsetof(struct night_conf, mutants), 0, 10000 },
	{ "night", "needs", CONF_STR, offsetof(struct night_conf, needs), 0, 0 },
	{ "night", "on_change", CONF_STR, offsetof(struct night_conf, on_change), 0, 0 },
	{ "plans", "*", CONF_LINES, offsetof(struct night_conf, plans), 0, 0 },
};

int night_conf_load(const char *path, struct night_conf *c)
{
	int ret;

	*c = (struct night_conf){ .budget_minutes = 480, .deadline_minutes = 120 };
	ret = conf_load(path, keys, ARRAY_SIZE(keys), c);
	if (!ret && !c->plans.n && !c->mutants)
		ret = fail(OUT_USAGE,
			   "%s: no plan in [plans], and no mutants: nothing would be judged", path);
	return ret;
}

void night_conf_free(struct night_conf *c)
{
	conf_free(keys, ARRAY_SIZE(keys), c);
}

/* ---- lines with alternatives ---- */

static void add_name(void *ctx, const char *name)
{
	strv_add(ctx, name);
}

/* Where results go, and how many at once, is not a plan's to say. */
static int check_knob(const char *line, const char *name)
{
	_cleanup_strv_ struct strv all = { 0 };
	int ret = 0;

	knobs_each_asked(add_name, &all);
	if (!strv_has(&all, name)) {
		ret = near_fail("no plan has a setting", name, &all);
		fail_prefix("plan '%s'", line);
	}
	return ret;
}

static void set_item(struct night_item *to, const char *knob, const char *value, bool named)
{
	strv_add(&to->knobs, knob);
	strv_add(&to->values, value);
	if (named) {
		char *name = strf("%s %s=%s", to->name, knob, value);

		free(to->name);
		to->name = name;
	}
}

static void copy_item(const struct night_item *from, struct night_item *to)
{
	*to = (struct night_item){ .name = xstrdup(from->name) };
	for (size_t i = 0; i < from->knobs.n; i++) {
		strv_add(&to->knobs, from->knobs.v[i]);
		strv_add(&to->values, from->values.v[i]);
	}
}

static void free_item(struct night_item *it)
{
	free(it->name);
	strv_free(&it->knobs);
	strv_free(&it->values);
}

void night_items_free(struct night_items *items)
{
	for (size_t i = 0; i < items->n; i++)
		free_item(&items->v[i]);
	free(items->v);
	*items = (struct night_items){ 0 };
}

/* "L2_CPUS=1|4": each of those so far with each value. A value that is empty takes away. */
static int multiply(struct night_items *so_far, const char *knob, const char *values)
{
	struct night_items next = { 0 };
	bool named = strchr(values, '|');
	const char *p = values;

	do {
		size_t len = strcspn(p, "|");
		_cleanup_free_ char *value = xstrndup(p, len);

		for (size_t i = 0; i < so_far->n && next.n < ITEMS_MOST; i++) {
			next.v = xrealloc(next.v, next.n + 1, sizeof(*next.v));
			copy_item(&so_far->v[i], &next.v[next.n]);
			set_item(&next.v[next.n++], knob, value, named);
		}
		p += len;
	} while (*p++ == '|');
	night_items_free(so_far);
	*so_far = next;
	return next.n < ITEMS_MOST ? 0
				   : fail(OUT_USAGE, "%s=%s makes more than %d plans of one line",
					  knob, values, ITEMS_MOST);
}

static int take_setting(struct night_items *of, const char *line, char *word)
{
	char *equals = strchr(word, '=');
	int ret;

	if (!equals)
		return fail(OUT_USAGE, "plan '%s': '%s' is no SETTING=VALUE", line, word);
	*equals = '\0';
	ret = check_knob(line, word);
	return ret ? ret : multiply(of, word, equals + 1);
}

static bool has_name(const struct night_items *items, const char *name)
{
	for (size_t i = 0; i < items->n; i++)
		if (!strcmp(items->v[i].name, name))
			return true;
	return false;
}

static int take_line(struct night_items *items, const char *line)
{
	size_t n = strcspn(line, "=");
	_cleanup_free_ char *name = xstrndup(line, n);
	_cleanup_strv_ struct strv words = { 0 };
	struct night_items of = { xcalloc(1, sizeof(*of.v)), 1 };
	int ret = 0;

	of.v[0].name = xstrdup(name);
	strv_split(&words, line + n + 1, " \t");
	for (size_t i = 0; !ret && i < words.n; i++)
		ret = take_setting(&of, name, words.v[i]);
	for (size_t i = 0; !ret && i < of.n; i++) {
		if (has_name(items, of.v[i].name) || !strcmp(of.v[i].name, "mutants"))
			ret = fail(OUT_USAGE, "plan '%s': its name is given twice, or is 'mutants'",
				   of.v[i].name);
		items->v = xrealloc(items->v, items->n + 1, sizeof(*items->v));
		copy_item(&of.v[i], &items->v[items->n++]);
	}
	night_items_free(&of);
	return ret;
}

int night_items_make(const struct night_conf *c, struct night_items *items)
{
	int ret = 0;

	*items = (struct night_items){ 0 };
	for (size_t i = 0; !ret && i < c->plans.n; i++)
		ret = take_line(items, c->plans.v[i]);
	return ret;
}
