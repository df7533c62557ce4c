// SPDX-License-Identifier: GPL-2.0-only
#include "lab/state.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/recent.h"

#define KEEP_STATES 8 /* some 200 MB each */

static const char *const consoles[] = { "l1-console.log", "l2-console.log" };

static char *state_dir(const char *key)
{
	return path_in_cache("states/%.16s", key);
}

bool state_exists(const char *key)
{
	_cleanup_free_ char *dir = state_dir(key);

	return path_exists(dir);
}

void state_drop(const char *key)
{
	_cleanup_free_ char *dir = state_dir(key);

	rm_rf(dir);
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

static int fill(struct lab *lab, const char *dir, bool with_boot)
{
	int ret = lab->backend->save(lab, dir);

	if (!ret)
		ret = copy_consoles(lab->run_dir, dir);
	if (!ret && with_boot)
		ret = write_boot(&lab->boot, dir);
	return ret;
}

int state_save(struct lab *lab, const char *key, bool with_boot)
{
	_cleanup_free_ char *dir = state_dir(key), *root = path_in_cache("states");
	_cleanup_free_ char *tmp = strf("%s.tmp.%d", dir, (int)getpid());
	int ret;

	rm_rf(tmp);
	if (mkdir_p(tmp))
		return fail(OUT_BROKEN, "can't make %s", tmp);
	ret = fill(lab, tmp, with_boot);
	if (!ret) {
		rm_rf(dir);
		if (rename(tmp, dir))
			ret = fail(OUT_BROKEN, "can't rename %s to %s: %m", tmp, dir);
	}
	if (ret)
		rm_rf(tmp);
	recent_keep(root, KEEP_STATES);
	return ret;
}

int state_restore(struct lab *lab, const char *key)
{
	_cleanup_free_ char *dir = state_dir(key);
	int ret = copy_consoles(dir, lab->run_dir);

	if (!ret)
		ret = lab->backend->restore(lab, dir);
	if (ret)
		return ret;
	read_boot(&lab->boot, dir);
	recent_use(dir);
	return 0;
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
	hash_add_number(h, "memory", lab->plan->knobs.l2_memory);
	return state_hash_config(h, "config/domains/l2.args");
}
