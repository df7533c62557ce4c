// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/ui.h"
#include "run/run.h"

static int program_hash(const struct testcase *t, char *hex)
{
	_cleanup_free_ char *relative = strf("build/guest/%s", t->program);
	_cleanup_free_ char *path = path_in_root(relative);

	return hash_file(path, hex);
}

/* Where the output on this variant's lab is kept. */
static int cached_path(const struct lab *variant, const struct testcase *t, char **path)
{
	struct hash *h = hash_new("baseline-1");
	char hex[HASH_HEX_LEN + 1], program[HASH_HEX_LEN + 1] = "";
	int ret = program_hash(t, program);

	hash_add_str(h, "lab", variant->lab_key);
	hash_add_str(h, "program", program);
	for (const char *const *a = t->args; a && *a; a++)
		hash_add_str(h, "argument", *a);
	hash_hex(h, hex);
	*path = path_in_cache("baselines/%s.txt", hex);
	return ret;
}

static char *saved_path(const struct run *r, const struct testcase *t)
{
	return strf("%s/baseline-%s.txt", r->dir, t->program);
}

static void on_output(void *ctx, enum channel_stream s, uint64_t level_ns, const void *data,
		      size_t len)
{
	(void)level_ns;
	if (s == CHANNEL_STDOUT)
		buf_add(ctx, data, len);
}

/* Its raw output, for the cache. */
static int record(struct run *r, struct lab *variant, const struct testcase *t, const char *path)
{
	_cleanup_strv_ struct strv env = { 0 };
	_cleanup_free_ char *relative = strf("build/guest/%s", t->program);
	_cleanup_free_ char *local = path_in_root(relative);
	_cleanup_free_ char *remote = strf("/tmp/%s", t->program);
	_cleanup_buf_ struct buf out = { 0 };
	struct level *l = t->level == 1 ? &variant->l1 : &variant->l2;
	char *argv[2] = { remote, NULL };
	struct channel_exec e = { .argv = argv, .on_output = on_output, .ctx = &out };
	struct channel_status st = { 0 };
	uint32_t id;
	int ret;

	assignment_env(run_assignment(r, t->assignment), &env);
	e.env = env.v;
	ret = channel_put_file(l->channel, local, remote, 0755, level_ms(l, 10));
	if (!ret)
		ret = channel_start(l->channel, &e, &st, &id);
	if (!ret)
		ret = channel_wait(l->channel, id, &st, level_ms(l, t->timeout_s));
	if (!ret && file_write(path, buf_str(&out), out.len, 0666))
		ret = fail(OUT_BROKEN, "can't write %s", path);
	return ret;
}

static bool all_cached(struct run *r, const struct lab *variant)
{
	for (size_t i = 0; i < r->n_tests; i++) {
		_cleanup_free_ char *path = NULL;

		if (r->tests[i]->wants_baseline && (cached_path(variant, r->tests[i], &path) || !path_exists(path)))
			return false;
	}
	return true;
}

static int record_all(struct run *r, struct lab *variant)
{
	_cleanup_free_ char *dir = path_in_cache("baselines");
	int ret = mkdir_p(dir) ? fail(OUT_BROKEN, "can't make %s", dir) : 0;

	ui_note("the unpatched kernel first, for comparison:");
	if (!ret)
		ret = lab_up(variant, r->dir, false);
	for (size_t i = 0; !ret && i < r->n_tests; i++) {
		_cleanup_free_ char *path = NULL;

		if (!r->tests[i]->wants_baseline)
			continue;
		ret = cached_path(variant, r->tests[i], &path);
		if (!ret)
			ret = record(r, variant, r->tests[i], path);
	}
	lab_levels_down(variant);
	return ret;
}

/* Beside the run's results: the comparison can be repeated from there. */
static int keep_with_run(struct run *r, const struct lab *variant)
{
	for (size_t i = 0; i < r->n_tests; i++) {
		_cleanup_free_ char *from = NULL, *to = saved_path(r, r->tests[i]);
		int ret;

		if (!r->tests[i]->wants_baseline)
			continue;
		ret = cached_path(variant, r->tests[i], &from);
		if (ret)
			return ret;
		if (file_copy(from, to, 0666))
			return fail(OUT_BROKEN, "can't copy %s to %s", from, to);
	}
	return 0;
}

static bool wanted(const struct run *r)
{
	for (size_t i = 0; i < r->n_tests; i++)
		if (r->tests[i]->wants_baseline)
			return true;
	return false;
}

int baseline_prepare(struct run *r)
{
	struct lab variant;
	int ret;

	if (!wanted(r))
		return 0;
	ret = lab_prepare_variant(r->lab, &variant);
	if (!ret && !all_cached(r, &variant))
		ret = record_all(r, &variant);
	if (!ret)
		ret = keep_with_run(r, &variant);
	lab_close_variant(&variant);
	return ret ? fail_prefix("the unpatched kernel's baseline") : 0;
}

int baseline_read(struct run *r, const struct testcase *t, struct observations *o)
{
	_cleanup_free_ char *path = saved_path(r, t);
	_cleanup_buf_ struct buf b = { 0 };
	struct output out;

	if (!t->wants_baseline)
		return 0;
	if (file_read(path, &b))
		return fail(OUT_BROKEN, "can't read the baseline %s", path);
	output_init(&out);
	output_feed(&out, 0, buf_str(&b), b.len);
	output_end(&out);
	*o = out.obs;
	out.obs = (struct observations){ 0 };
	output_free(&out);
	return 0;
}
