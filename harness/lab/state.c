// SPDX-License-Identifier: GPL-2.0-only
#include "lab/state.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/cache.h"
#include "core/outcome.h"
#include "core/paths.h"

#define KEY_DIGITS 16

/* What each file of a state was when it was saved. */
#define SUMS "sums"

/* Some 200 MB each. */
static const struct cache_kind states = {
	.folder = "states", .whole = SUMS, .what = "saved labs", .keep_entries = 8,
};
CACHE_KIND(states);

/* Their keys, of labs that were not saved when they were first booted. */
static const struct cache_kind booted = {
	.folder = "booted", .suffix = "", .what = "labs of changes that came once", .keep_entries = 4000, .local = true,
};
CACHE_KIND(booted);

static const char *const consoles[] = { "l1-console.log", "l2-console.log" };

bool state_exists(const char *key)
{
	_cleanup_free_ char *name = xstrndup(key, KEY_DIGITS);

	return cache_exists(&states, name);
}

void state_drop(const char *key)
{
	_cleanup_free_ char *name = xstrndup(key, KEY_DIGITS);

	cache_drop(&states, name);
}

static bool has_change(const struct plan *p)
{
	for (enum kernel_role r = 0; r < KERNEL_ROLES; r++) {
		const struct patches *change = kernel_conf_of(&p->kernel, r)->role[r].change;

		if (change && change->n)
			return true;
	}
	return false;
}

static bool was_booted(const char *key)
{
	_cleanup_free_ char *name = xstrndup(key, KEY_DIGITS);
	_cleanup_buf_ struct buf b = { 0 };

	if (cache_recall(&booted, name, &b))
		return true;
	cache_remember(&booted, name, "", 0);
	return false;
}

bool state_is_wanted(const struct lab *lab, const char *key)
{
	return lab->plan->knobs.save_lab == SAVE_LAB_AT_ONCE || !has_change(lab->plan) ||
	       was_booted(key);
}

static int write_boot(const struct boot_record *b, const char *dir)
{
	_cleanup_free_ char *path = strf("%s/boot.json", dir);
	json_t *samples = json_array(), *root;
	int err;

	for (size_t i = 0; i < b->n; i++)
		json_array_append_new(samples, json_pack("[f, I]", b->samples[i].seconds,
							 (json_int_t)b->samples[i].exits));
	root = json_pack("{s:I, s:f, s:s?, s:o}", "exits", (json_int_t)b->exits, "seconds", b->seconds, "reasons",
			 b->reasons, "samples", samples);
	err = json_dump_file(root, path, JSON_INDENT(1));
	json_decref(root);
	return err ? fail(OUT_BROKEN, "can't write %s", path) : 0;
}

static void read_samples(struct boot_record *b, const json_t *samples)
{
	size_t n = json_array_size(samples);

	b->samples = xcalloc(n, sizeof(*b->samples));
	for (b->n = 0; b->n < n; b->n++) {
		const json_t *pair = json_array_get(samples, b->n);

		b->samples[b->n].seconds = json_number_value(json_array_get(pair, 0));
		b->samples[b->n].exits = (uint64_t)json_integer_value(json_array_get(pair, 1));
	}
}

/* A state of L1 alone has none. */
static void read_boot(struct boot_record *b, const char *dir)
{
	_cleanup_free_ char *path = strf("%s/boot.json", dir);
	json_t *root = json_load_file(path, 0, NULL);

	if (!root)
		return;
	b->exits = (uint64_t)json_integer_value(json_object_get(root, "exits"));
	b->seconds = json_number_value(json_object_get(root, "seconds"));
	str_set(&b->reasons, json_string_value(json_object_get(root, "reasons")));
	free(b->samples);
	read_samples(b, json_object_get(root, "samples"));
	json_decref(root);
}

static int copy_consoles(const char *from, const char *to)
{
	for (size_t i = 0; i < ARRAY_SIZE(consoles); i++) {
		_cleanup_free_ char *a = strf("%s/%s", from, consoles[i]);
		_cleanup_free_ char *b = strf("%s/%s", to, consoles[i]);
		int err = path_exists(a) ? file_copy(a, b, 0644) : 0;

		if (err)
			return fail(OUT_BROKEN, "can't copy %s to %s: %s", a, b, strerror(-err));
	}
	return 0;
}

/* ---- is it what was saved? ---- */

/* A line for each file of it. */
static int sum_files(const char *dir, struct buf *sums)
{
	_cleanup_strv_ struct strv names = { 0 };
	char hex[HASH_HEX_LEN + 1];
	int ret = dir_list(dir, NULL, &names) ? fail(OUT_BROKEN, "can't list %s", dir) : 0;

	for (size_t i = 0; !ret && i < names.n; i++) {
		_cleanup_free_ char *path = strf("%s/%s", dir, names.v[i]);

		if (!strcmp(names.v[i], SUMS))
			continue;
		ret = hash_pages(path, hex);
		if (!ret)
			buf_printf(sums, "%s  %s\n", hex, names.v[i]);
	}
	return ret;
}

static int write_sums(const char *dir)
{
	_cleanup_free_ char *path = strf("%s/" SUMS, dir);
	_cleanup_buf_ struct buf sums = { 0 };
	int ret = sum_files(dir, &sums);

	if (!ret && file_write(path, buf_str(&sums), sums.len, 0644))
		ret = fail(OUT_BROKEN, "can't write %s: %m", path);
	return ret;
}

/* L1 goes on with whatever its memory is said to be: what came of that would be the change's. */
static int check_sums(const char *dir)
{
	_cleanup_free_ char *path = strf("%s/" SUMS, dir);
	_cleanup_buf_ struct buf saved = { 0 }, sums = { 0 };
	int ret = sum_files(dir, &sums);

	if (!ret && (file_read(path, &saved) || strcmp(buf_str(&saved), buf_str(&sums)) != 0))
		ret = fail(OUT_BROKEN, "the saved state %s is damaged: its files are not those that were saved", dir);
	return ret;
}

struct saving {
	struct lab *lab;
	bool with_boot;
};

static int save(void *ctx, const char *dir)
{
	const struct saving *s = ctx;
	int ret = s->lab->backend->save(s->lab, dir);

	if (!ret)
		ret = copy_consoles(s->lab->run_dir, dir);
	if (!ret && s->with_boot)
		ret = write_boot(&s->lab->boot, dir);
	return ret ? ret : write_sums(dir);
}

/*
 * Not cache_get(): L1 runs, and its guard would end it while we waited for another lab that saves
 * the same.
 */
int state_save(struct lab *lab, const char *key, bool with_boot)
{
	_cleanup_free_ char *name = xstrndup(key, KEY_DIGITS);
	struct saving s = { .lab = lab, .with_boot = with_boot };

	return cache_put(&states, name, save, &s, NULL);
}

int state_restore(struct lab *lab, const char *key)
{
	_cleanup_free_ char *name = xstrndup(key, KEY_DIGITS);
	struct cache_entry *e = cache_find(&states, name);
	int ret;

	if (!e)
		return fail(OUT_BROKEN, "the saved state %s/%s is gone", states.folder, name);
	ret = check_sums(cache_path(e));
	if (!ret)
		ret = copy_consoles(cache_path(e), lab->run_dir);
	if (!ret)
		ret = lab->backend->restore(lab, cache_path(e));
	if (!ret)
		read_boot(&lab->boot, cache_path(e));
	cache_release(e);
	return ret;
}

int state_check(const char *key)
{
	_cleanup_free_ char *name = xstrndup(key, KEY_DIGITS);
	struct cache_entry *e = *key ? cache_find(&states, name) : NULL;
	int ret = e ? check_sums(cache_path(e)) : 0;

	cache_release(e);
	return ret;
}

/* ---- names ---- */

int state_hash_config(struct hash *h, const char *relative)
{
	_cleanup_free_ char *path = path_in_root(relative);

	return hash_add_file(h, relative, path);
}

int state_hash_l2(struct hash *h, const struct lab *lab)
{
	hash_add_str(h, "host", lab->host.key);
	hash_add_str(h, "guest", lab->guest.key);
	hash_add_str(h, "initramfs", lab->initramfs.key);
	hash_add_number(h, "cpus", lab->plan->knobs.l2_cpus);
	hash_add_number(h, "nested paging", lab->plan->knobs.nested_paging);
	hash_add_number(h, "memory", lab->plan->l2_memory);
	if (lab->plan->l2_has_holes)
		hash_add_number(h, "holes", 1);
	if (lab->plan->l2_hides_kvm)
		hash_add_number(h, "hides KVM", 1);
	return state_hash_config(h, "config/domains/l2.args");
}
