// SPDX-License-Identifier: GPL-2.0-only
#include "replay/record.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/hash.h"
#include "core/outcome.h"
#include "core/paths.h"

#define FORMAT 1
#define SMALL (1 << 20)

/* ---- what parts hash to ---- */

static int add_state_file(struct hash *h, const char *dir, const char *name)
{
	_cleanup_free_ char *path = strf("%s/%s", dir, name);
	struct stat st;

	if (stat(path, &st))
		return fail(OUT_BROKEN, "can't look at %s: %m", path);
	hash_add_number(h, name, (uint64_t)st.st_size);
	return st.st_size < SMALL ? hash_add_file(h, "content", path) : 0;
}

int record_hash_state(const char *dir, char *hex)
{
	_cleanup_strv_ struct strv names = { 0 };
	struct hash *h = hash_new("recorded-state-1");
	int ret = dir_list(dir, NULL, &names) ? fail(OUT_BROKEN, "can't list the state %s", dir) : 0;

	for (size_t i = 0; !ret && i < names.n; i++)
		ret = add_state_file(h, dir, names.v[i]);
	hash_hex(h, hex);
	return ret;
}

static int hash_part(const char *path, char *hex)
{
	return path_is_folder(path) ? record_hash_state(path, hex) : hash_file(path, hex);
}

/* ---- writing ---- */

/* Below the cache, without its path: another machine's lies elsewhere. */
static const char *where(const char *path)
{
	size_t n = strlen(path_cache());

	return str_starts(path, path_cache()) && path[n] == '/' ? path + n + 1 : path;
}

/* Of a disk, gigabytes, the key in its name is enough. */
static int add_part(json_t *parts, const char *as, const char *path, bool hashed)
{
	char hex[HASH_HEX_LEN + 1];
	int ret = hashed && path ? hash_part(path, hex) : 0;

	if (!ret && path)
		json_array_append_new(parts, json_pack("{s:s, s:s, s:s?}", "as", as, "in", where(path), "sha256",
						       hashed ? hex : NULL));
	return ret;
}

static int add_parts(json_t *parts, const struct bochs_spec *spec, const struct record_from *from)
{
	const struct {
		const char *as, *path;
		bool hashed;
	} all[] = {
		{ RECORD_PROGRAM, spec->program, true }, { RECORD_STATE, from->state, true },
		{ spec->medium, from->medium, true },	 { spec->disk, from->disk, false },
		{ spec->second, from->second, false },	 { BOCHS_BIOS, BOCHS_BIOS, true },
		{ BOCHS_VGABIOS, BOCHS_VGABIOS, true },
	};
	int ret = 0;

	for (size_t i = 0; !ret && i < ARRAY_SIZE(all); i++)
		ret = add_part(parts, all[i].as, all[i].path, all[i].hashed);
	return ret;
}

static int write_record(const char *path, const struct bochs_spec *spec,
			const struct record_from *from)
{
	_cleanup_buf_ struct buf rc = { 0 };
	json_t *parts = json_array(), *root;
	int ret = add_parts(parts, spec, from);

	bochsrc_write(spec, &rc);
	root = json_pack("{s:i, s:i, s:b, s:s, s:s, s:o}", "format", FORMAT, "seed", (int)spec->seed, "restored",
			 spec->state != NULL, "console", spec->console, "rc", buf_str(&rc), "parts", parts);
	if (!ret && json_dump_file(root, path, JSON_INDENT(1)))
		ret = fail(OUT_BROKEN, "can't write %s", path);
	json_decref(root);
	return ret;
}

int record_begin(const char *dir, const struct bochs_spec *spec, const struct record_from *from,
		 char **log)
{
	_cleanup_free_ char *folder = strf("%s/" RECORD_FOLDER, dir), *json = NULL;
	unsigned int n = 0;

	*log = NULL;
	if (mkdir_p(folder))
		return fail(OUT_BROKEN, "can't make %s", folder);
	do {
		free(json);
		json = strf("%s/%u.json", folder, ++n);
	} while (path_exists(json));
	*log = strf("%s/%u.log", folder, n);
	return write_record(json, spec, from);
}

static char *beside(const char *log, const char *end)
{
	return strf("%.*s.%s", (int)(strlen(log) - strlen(".log")), log, end);
}

char *record_modules(const char *log)
{
	return beside(log, "modules");
}

void record_drop_one(const char *log)
{
	_cleanup_free_ char *json = beside(log, "json"), *modules = record_modules(log);

	unlink(json);
	unlink(modules);
	unlink(log);
}

void record_drop(const char *dir)
{
	_cleanup_free_ char *folder = strf("%s/" RECORD_FOLDER, dir);

	rm_rf(folder);
}

bool record_exists(const char *dir)
{
	_cleanup_free_ char *first = strf("%s/" RECORD_FOLDER "/1.json", dir);

	return path_exists(first);
}

/* ---- reading ---- */

static char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? xstrdup(s) : NULL;
}

static void take_parts(struct record *r, const json_t *parts)
{
	r->parts = xcalloc(json_array_size(parts) + 1, sizeof(*r->parts));
	for (size_t i = 0; i < json_array_size(parts); i++) {
		const json_t *p = json_array_get(parts, i);
		struct record_part part = { text_of(p, "as"), text_of(p, "in"), text_of(p, "sha256") };

		r->parts[r->n_parts++] = part;
	}
}

/* A plain name becomes a link in the place's folder. */
static bool is_name(const char *as)
{
	return as && as[0] && as[0] != '.' && (as[0] == '/' || !strchr(as, '/'));
}

static bool is_whole(const struct record *r, const json_t *root)
{
	bool whole = json_integer_value(json_object_get(root, "format")) == FORMAT && r->rc && r->console;

	for (size_t i = 0; i < r->n_parts; i++)
		whole = whole && is_name(r->parts[i].as) && r->parts[i].in;
	return whole && record_names(r, RECORD_PROGRAM);
}

int record_load(const char *json, struct record *r)
{
	json_error_t e;
	json_t *root = json_load_file(json, 0, &e);
	bool whole;

	*r = (struct record){ 0 };
	if (!root)
		return fail(OUT_USAGE, "%s is no record of a run: %s", json, e.text);
	r->rc = text_of(root, "rc");
	r->console = text_of(root, "console");
	r->seed = (unsigned int)json_integer_value(json_object_get(root, "seed"));
	r->restored = json_is_true(json_object_get(root, "restored"));
	take_parts(r, json_object_get(root, "parts"));
	whole = is_whole(r, root);
	json_decref(root);
	return whole ? 0 : fail(OUT_USAGE, "%s is no record that this program reads (format %d)", json, FORMAT);
}

void record_free(struct record *r)
{
	for (size_t i = 0; i < r->n_parts; i++) {
		free(r->parts[i].as);
		free(r->parts[i].in);
		free(r->parts[i].sha256);
	}
	free(r->parts);
	free(r->rc);
	free(r->console);
	*r = (struct record){ 0 };
}

/* ---- finding ---- */

static const struct record_part *part_of(const struct record *r, const char *as)
{
	for (size_t i = 0; i < r->n_parts; i++)
		if (!strcmp(r->parts[i].as, as))
			return &r->parts[i];
	return NULL;
}

bool record_names(const struct record *r, const char *as)
{
	return part_of(r, as) != NULL;
}

static const char *remedy(const char *as)
{
	if (!strcmp(as, RECORD_PROGRAM))
		return "`make bochs` in the checkout that it was recorded with builds that Bochs";
	if (as[0] == '/')
		return "install the version of Debian's package bochsbios that it was recorded with";
	return "`nestlab run` judges the same again, and records it anew; `nestlab replay --export` keeps all that a record needs";
}

static char *place_of(const struct record_part *p, const char *folder)
{
	_cleanup_free_ char *unpacked = folder && p->in[0] != '/' ? strf("%s/%s", folder, p->in) : NULL;

	if (unpacked && path_exists(unpacked))
		return xstrdup(unpacked);
	return p->in[0] == '/' ? xstrdup(p->in) : path_in_cache("%s", p->in);
}

int record_find(const struct record *r, const char *as, const char *folder, char **path)
{
	const struct record_part *p = part_of(r, as);
	char hex[HASH_HEX_LEN + 1];
	int ret = 0;

	*path = p ? place_of(p, folder) : NULL;
	if (!p)
		return fail(OUT_USAGE, "the record names no %s", as);
	if (!path_exists(*path))
		return fail(OUT_BROKEN, "%s, which the record needs as %s, is gone: %s", *path, as, remedy(as));
	if (p->sha256)
		ret = hash_part(*path, hex);
	if (!ret && p->sha256 && strcmp(hex, p->sha256) != 0)
		ret = fail(OUT_BROKEN, "%s, which the record needs as %s, is another one now: %s", *path, as, remedy(as));
	return ret;
}
