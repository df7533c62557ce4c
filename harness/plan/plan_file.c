// SPDX-License-Identifier: GPL-2.0-only
/*
 * plan.json: {"format", "hash", "knobs": {NAME: text}, "change": {"host": [{"file", "sha256"}],
 * "guest": [...]}}.
 */
#include <jansson.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "plan/plan.h"

#define FORMAT 1
#define PLAN "plan.json"

static const struct {
	const char *role, *knob;
} roles[] = { { "host", "PATCH" }, { "guest", "GUEST_PATCH" } };

static const struct change *change_of(const struct plan *p, size_t role)
{
	return role ? &p->guest : &p->host;
}

/* ---- writing ---- */

/*
 * As read: what was judged, even where the file has changed since. Numbered: two folders may have
 * one name twice.
 */
static int save_patch(const char *dir, const char *role, size_t i, const struct patch *patch,
		      json_t *list)
{
	_cleanup_free_ char *file = strf("change/%s/%04zu-%s", role, i + 1, patch_base_name(patch));
	_cleanup_free_ char *path = strf("%s/%s", dir, file);
	int err = file_write(path, buf_str(&patch->text), patch->text.len, 0644);
	char hex[HASH_HEX_LEN + 1];

	hash_bytes(buf_str(&patch->text), patch->text.len, hex);
	json_array_append_new(list, json_pack("{s:s, s:s}", "file", file, "sha256", hex));
	return err ? fail(OUT_BROKEN, "can't write %s: %s", path, strerror(-err)) : 0;
}

static int save_change(const struct plan *p, size_t role, const char *dir, json_t *into)
{
	const struct change *c = change_of(p, role);
	_cleanup_free_ char *folder = strf("%s/change/%s", dir, roles[role].role);
	json_t *list = json_array();
	int ret = 0;

	json_object_set_new(into, roles[role].role, list);
	if (c->patches.n && mkdir_p(folder))
		return fail(OUT_BROKEN, "can't make %s", folder);
	for (size_t i = 0; !ret && i < c->patches.n; i++)
		ret = save_patch(dir, roles[role].role, i, &c->patches.v[i], list);
	return ret;
}

struct saving {
	const struct plan *p;
	json_t *knobs;
};

static void save_knob(void *ctx, const char *name)
{
	struct saving *s = ctx;
	_cleanup_free_ char *text = knobs_text(&s->p->knobs, name);

	/* auto may choose another lane on another machine, or once something is installed here. */
	if (!strcmp(name, "LANE"))
		str_set(&text, s->p->lane.name);
	if (strcmp(name, "PATCH") != 0 && strcmp(name, "GUEST_PATCH") != 0)
		json_object_set_new(s->knobs, name, json_string(text));
}

int plan_save(const struct plan *p, const char *dir)
{
	_cleanup_free_ char *path = strf("%s/" PLAN, dir);
	json_t *change = json_object(), *knobs = json_object();
	json_t *root = json_pack("{s:i, s:s, s:o, s:o}", "format", FORMAT, "hash", p->hash, "knobs", knobs,
				 "change", change);
	struct saving s = { p, knobs };
	int ret = 0;

	knobs_each_asked(save_knob, &s);
	for (size_t i = 0; !ret && i < ARRAY_SIZE(roles); i++)
		ret = save_change(p, i, dir, change);
	if (!ret && json_dump_file(root, path, JSON_INDENT(2)))
		ret = fail(OUT_BROKEN, "can't write %s", path);
	json_decref(root);
	return ret;
}

/* ---- reading ---- */

static int not_ours(const char *path, const char *why)
{
	return fail(OUT_USAGE, "%s: this is no plan that nestlab wrote: %s", path, why);
}

/* The copy beside the plan, which must be what the plan says. */
static int take_patch(const char *plan, const json_t *item, struct buf *list)
{
	const char *file = json_string_value(json_object_get(item, "file"));
	const char *sha256 = json_string_value(json_object_get(item, "sha256"));
	_cleanup_free_ char *copy = xstrdup(plan), *path = NULL;
	char hex[HASH_HEX_LEN + 1];

	if (!file || !sha256 || !str_starts(file, "change/") || strstr(file, ".."))
		return not_ours(plan, "a patch without its file and sha256");
	path = strf("%s/%s", dirname(copy), file);
	if (hash_file(path, hex) || strcmp(hex, sha256) != 0)
		return fail(OUT_USAGE, "%s: its patch %s is not there, or not what it was: nothing is run", plan, path);
	buf_puts(list, list->len ? " " : "");
	knobs_quote(list, path);
	return 0;
}

static int load_change(const char *path, const json_t *root, size_t role, struct knobs *k)
{
	const json_t *list = json_object_get(json_object_get(root, "change"), roles[role].role), *item;
	_cleanup_buf_ struct buf paths = { 0 };
	size_t i;
	int ret = json_is_array(list) ? 0 : not_ours(path, "no list of patches");

	json_array_foreach((json_t *)list, i, item)
		if (!ret)
			ret = take_patch(path, item, &paths);
	return ret ? ret : knobs_set(k, roles[role].knob, buf_str(&paths));
}

struct loading {
	const char *path;
	const json_t *knobs;
	struct knobs *k;
	int ret;
};

/* What the command line says otherwise would make another plan of it. */
static void load_knob(void *ctx, const char *name)
{
	struct loading *l = ctx;
	const char *text = json_string_value(json_object_get(l->knobs, name));

	if (l->ret)
		return;
	if (knobs_source(l->k, name) == KNOB_FROM_COMMAND)
		l->ret = fail(OUT_USAGE, "%s= can't be set beside %s, which says it already", name, l->path);
	else if (text)
		l->ret = knobs_set(l->k, name, text);
}

static int load(const char *path, const json_t *root, struct knobs *k)
{
	struct loading l = { path, json_object_get(root, "knobs"), k, 0 };

	if (json_integer_value(json_object_get(root, "format")) != FORMAT || !json_is_object(l.knobs))
		return not_ours(path, "its format is another");
	knobs_each_asked(load_knob, &l);
	for (size_t i = 0; !l.ret && i < ARRAY_SIZE(roles); i++)
		l.ret = load_change(path, root, i, k);
	return l.ret;
}

int plan_load_knobs(const char *path, struct knobs *k)
{
	_cleanup_free_ char *file = path_is_folder(path) ? strf("%s/" PLAN, path) : xstrdup(path);
	json_error_t e;
	json_t *root = json_load_file(file, JSON_REJECT_DUPLICATES, &e);
	int ret;

	if (!root)
		return fail(OUT_USAGE, "can't read the plan %s: %s", file, e.text);
	ret = load(file, root, k);
	json_decref(root);
	return ret;
}

int plan_load(const char *path, struct plan *p)
{
	struct knobs k;
	int ret = knobs_load(&k);

	*p = (struct plan){ 0 };
	if (!ret)
		ret = plan_load_knobs(path, &k);
	if (!ret)
		ret = plan_make(&k, p);
	knobs_free(&k);
	return ret;
}
