// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the unpatched kernel answers. Nobody's change runs there, so whatever goes wrong is the
 * lab's fault: never a crash or a failure of what was handed in. Only the output of a program that
 * ended by itself and said that it is done is kept: a cut one was compared with, for ever.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/ui.h"
#include "run/program.h"

#define CONSOLES "baseline-" /* in front of the names of this lab's logs, in the run's folder */

static void parse(const struct buf *text, struct observations *o)
{
	struct output out;

	output_init(&out);
	output_feed(&out, 0, buf_str(text), text->len);
	output_end(&out);
	*o = out.obs;
	out.obs = (struct observations){ 0 };
	output_free(&out);
}

/* ---- the cache ---- */

/* Where the output on this variant's lab is kept. All that the program is given is in the name. */
static int cached_path(const struct run *r, const struct lab *variant, const struct testcase *t,
		       char **path)
{
	_cleanup_free_ char *relative = strf("build/guest/%s", t->program);
	_cleanup_free_ char *local = path_in_root(relative);
	_cleanup_strv_ struct strv env = { 0 };
	struct hash *h = hash_new("baseline-2");
	char hex[HASH_HEX_LEN + 1];
	int ret;

	program_env(r, t, MONITOR_IN_LEVEL, &env);
	hash_add_str(h, "lab", variant->lab_key);
	ret = hash_add_file(h, "program", local);
	for (const char *const *a = t->args; a && *a; a++)
		hash_add_str(h, "argument", *a);
	for (size_t i = 0; i < env.n; i++)
		hash_add_str(h, "environment", env.v[i]);
	if (!ret && t->wants_monitor)
		ret = hash_add_file(h, "monitor", r->monitor.path);
	hash_hex(h, hex);
	*path = path_in_cache("baselines/%s.txt", hex);
	return ret;
}

/* The program's last word is its mark: what has none was cut, or is another program's. */
static bool is_whole(const struct observations *o)
{
	return obs_get(o, "guest.done", 0);
}

static bool file_is_whole(const char *path)
{
	_cleanup_buf_ struct buf text = { 0 };
	struct observations o;
	bool whole;

	if (file_read(path, &text))
		return false;
	parse(&text, &o);
	whole = is_whole(&o);
	observations_free(&o);
	return whole;
}

static bool is_cached(const struct run *r, const struct lab *variant, const struct testcase *t)
{
	_cleanup_free_ char *path = NULL;

	return !cached_path(r, variant, t, &path) && file_is_whole(path);
}

/* ---- one program ---- */

struct recording {
	struct buf text;
	bool too_long;
};

static void on_output(void *ctx, enum channel_stream s, uint64_t level_ns, const void *data,
		      size_t len)
{
	struct recording *k = ctx;

	(void)level_ns;
	if (s != CHANNEL_STDOUT)
		return;
	k->too_long |= k->text.len + len > PROGRAM_OUTPUT_MAX;
	if (!k->too_long)
		buf_add(&k->text, data, len);
}

static const char *own_words(const struct observations *o)
{
	static const char *const keys[] = { "guest.broken", "guest.fault", "guest.skip" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (obs_get(o, keys[i], 0))
			return obs_get(o, keys[i], 0)->str;
	return "it gave no reason";
}

/* 0, or what keeps its output from being a baseline. */
static int judge_end(const struct testcase *t, const struct recording *k,
		     const struct channel_status *st)
{
	struct observations o;
	int ret = 0;

	parse(&k->text, &o);
	if (!st->done)
		ret = fail(OUT_BROKEN, "%s: still running at its deadline, killed", t->program);
	else if (st->signal)
		ret = fail(OUT_BROKEN, "%s: ended by signal %d (%s)", t->program, st->signal,
			   strsignal(st->signal));
	else if (st->exit_code)
		ret = fail(OUT_BROKEN, "%s: ended with status %d: %s", t->program, st->exit_code,
			   own_words(&o));
	else if (k->too_long)
		ret = fail(OUT_BROKEN, "%s: it printed more than %u MiB", t->program,
			   PROGRAM_OUTPUT_MAX >> 20);
	else if (!is_whole(&o))
		ret = fail(OUT_BROKEN, "%s: ended without saying that it is done", t->program);
	observations_free(&o);
	return ret;
}

static int record(const struct run *r, struct lab *variant, struct placed *placed,
		  const struct testcase *t)
{
	struct recording k = { 0 };
	struct channel_status st = { 0 };
	const struct program p = { .run = r,
				   .lab = variant,
				   .placed = placed,
				   .test = t,
				   .on_output = on_output,
				   .ctx = &k };
	_cleanup_free_ char *path = NULL;
	int ret = cached_path(r, variant, t, &path);

	if (!ret)
		ret = program_run(&p, &st);
	if (!ret)
		ret = program_settle(variant);
	if (ret)
		ret = program_explain(program_level(variant, t), ret);
	if (!ret)
		ret = judge_end(t, &k, &st);
	if (!ret && file_write(path, buf_str(&k.text), k.text.len, 0666))
		ret = fail(OUT_BROKEN, "can't write %s", path);
	buf_free(&k.text);
	return ret;
}

/* ---- all that are missing ---- */

static int record_missing(const struct run *r, struct lab *variant)
{
	struct placed placed = { 0 };
	int ret = 0;

	for (size_t i = 0; !ret && i < r->n_tests; i++)
		if (r->tests[i]->wants_baseline && !is_cached(r, variant, r->tests[i]))
			ret = record(r, variant, &placed, r->tests[i]);
	placed_forget(&placed);
	return ret;
}

/* An emulator may lose this lab, too. */
static int record_again(const struct run *r, struct lab *variant)
{
	int ret;

	ui_stage_abort();
	ui_note("%s; once more", fail_text());
	ret = lab_up_again(variant);
	return ret ? ret : record_missing(r, variant);
}

static int record_in(const struct run *r, struct lab *variant, const char *dir)
{
	int ret = lab_up(variant, dir, false);

	if (!ret)
		ret = record_missing(r, variant);
	if (ret && variant->plan->lane.retries && level_exists(&variant->levels[L1]) &&
	    lab_lost_silently(variant, ret))
		ret = record_again(r, variant);
	return ret;
}

/* Each lab writes the same names: the subject's l1-console.log once began with this one's boot. */
static void keep_logs(const struct run *r, const char *dir)
{
	_cleanup_strv_ struct strv names = { 0 };

	if (dir_list(dir, ".log", &names))
		return;
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *from = strf("%s/%s", dir, names.v[i]);
		_cleanup_free_ char *to = strf("%s/" CONSOLES "%s", r->dir, names.v[i]);

		if (rename(from, to))
			ui_debug("can't rename %s to %s: %s", from, to, strerror(errno));
	}
	rm_rf(dir);
}

static int record_all(const struct run *r, struct lab *variant)
{
	_cleanup_free_ char *cache = path_in_cache("baselines"), *dir = strf("%s/baseline", r->dir),
			    *why = NULL;
	int ret;

	if (mkdir_p(cache) || mkdir_p(dir))
		return fail(OUT_BROKEN, "can't make %s and %s", cache, dir);
	ui_note("the unpatched kernel first, for comparison:");
	ret = record_in(r, variant, dir);
	/* Cleaning up after a dead level fails, too, and would tell that. */
	why = xstrdup(fail_text());
	lab_levels_down(variant);
	keep_logs(r, dir);
	return ret ? fail((enum outcome)-ret, "%s", why) : 0;
}

/* ---- for the run ---- */

/* Of one program there may be several tests. */
static char *saved_path(const struct run *r, const struct testcase *t)
{
	char *path = strf("%s/baseline-%s.txt", r->dir, t->name);

	for (char *p = path + strlen(r->dir) + 1; *p; p++)
		if (*p == '/')
			*p = '-';
	return path;
}

/* Beside the run's results: the comparison can be repeated from there. */
static int keep_with_run(const struct run *r, const struct lab *variant)
{
	for (size_t i = 0; i < r->n_tests; i++) {
		_cleanup_free_ char *from = NULL, *to = saved_path(r, r->tests[i]);
		int ret;

		if (!r->tests[i]->wants_baseline)
			continue;
		ret = cached_path(r, variant, r->tests[i], &from);
		if (ret)
			return ret;
		if (file_copy(from, to, 0666))
			return fail(OUT_BROKEN, "can't copy %s to %s", from, to);
	}
	return 0;
}

static bool all_cached(const struct run *r, const struct lab *variant)
{
	for (size_t i = 0; i < r->n_tests; i++)
		if (r->tests[i]->wants_baseline && !is_cached(r, variant, r->tests[i]))
			return false;
	return true;
}

/* A kernel that dies here is not the one under test. */
static int as_fault_of_the_lab(int ret)
{
	static const enum outcome judgements[] = { OUT_FAIL, OUT_BUILD_ERROR, OUT_CRASH, OUT_SKIP };
	enum outcome o = (enum outcome)-ret;

	if (!ret)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(judgements); i++)
		if ((enum outcome)-ret == judgements[i])
			o = OUT_BROKEN;
	return fail(o, "the unpatched kernel's baseline: %s", fail_text());
}

int baseline_take(struct run *r, struct lab *variant)
{
	int ret = all_cached(r, variant) ? 0 : record_all(r, variant);

	return as_fault_of_the_lab(ret ? ret : keep_with_run(r, variant));
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
	ret = ret ? as_fault_of_the_lab(ret) : baseline_take(r, &variant);
	lab_close_variant(&variant);
	return ret;
}

int baseline_read(struct run *r, const struct testcase *t, struct observations *o)
{
	_cleanup_free_ char *path = saved_path(r, t);
	_cleanup_buf_ struct buf b = { 0 };

	if (!t->wants_baseline)
		return 0;
	if (file_read(path, &b))
		return fail(OUT_BROKEN, "can't read the baseline %s", path);
	parse(&b, o);
	return is_whole(o) ? 0 : fail(OUT_BROKEN, "the baseline %s is not whole", path);
}
