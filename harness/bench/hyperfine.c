// SPDX-License-Identifier: GPL-2.0-only
#include "bench/hyperfine.h"

#include <jansson.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/proc.h"

static void add_numbers(const struct timed *t, struct strv *argv)
{
	strv_add(argv, "--parameter-scan");
	strv_add(argv, "n");
	strv_addf(argv, "%u", t->first);
	strv_addf(argv, "%u", t->first + t->values - 1);
}

static void make_argv(const struct timed *t, struct strv *argv)
{
	strv_add(argv, "hyperfine");
	strv_add(argv, "--style=none");
	strv_addf(argv, "--warmup=%u", t->warm);
	strv_addf(argv, "--runs=%u", t->first ? 1 : t->values);
	strv_addf(argv, "--export-json=%s", t->json);
	strv_addf(argv, "--output=%s", t->log);
	if (t->any_end)
		strv_add(argv, "--ignore-failure");
	if (t->first)
		add_numbers(t, argv);
	if (t->prepare)
		strv_addf(argv, "--prepare=%s", t->prepare);
	if (t->cleanup)
		strv_addf(argv, "--cleanup=%s", t->cleanup);
	strv_addf(argv, "%s 2>&1", t->command); /* it keeps standard output alone */
}

static int take_times(const struct timed *t, struct samples *s)
{
	json_error_t e;
	json_t *root = json_load_file(t->json, 0, &e), *result, *value;
	size_t i, k, before = s->n;

	json_array_foreach(json_object_get(root, "results"), i, result)
		json_array_foreach(json_object_get(result, "times"), k, value)
			if (json_is_number(value))
				samples_add(s, json_number_value(value));
	json_decref(root);
	if (s->n - before == t->values)
		return 0;
	return fail(OUT_BROKEN, "timing %s: want %u times of hyperfine, %s has %zu", t->what, t->values, t->json, s->n - before);
}

int hyperfine_run(const struct timed *t, struct samples *s)
{
	_cleanup_strv_ struct strv argv = { 0 };
	_cleanup_free_ char *what = strf("timing %s", t->what);
	_cleanup_free_ char *own = strf("%s.hyperfine", t->log);
	struct proc p = { .what = what, .log_path = own, .deadline_s = t->deadline_s };
	int ret;

	make_argv(t, &argv);
	p.argv = argv.v;
	unlink(t->json);
	unlink(own);
	ret = proc_check(&p);
	if (ret == -OUT_BROKEN)
		return fail_prefix("the command's own words are in %s (hyperfine is in config/packages-bench)", t->log);
	return ret ? ret : take_times(t, s);
}

int hyperfine_bench(struct bench_run *r, const struct bench *b, struct timed *t,
		    unsigned int value_s)
{
	_cleanup_free_ char *json = strf("%s/%s.json", r->dir, b->name);
	_cleanup_free_ char *log = strf("%s/%s.log", r->dir, b->name);
	struct samples s = { 0 };
	int ret;

	t->what = b->name;
	t->json = json;
	t->log = log;
	t->values = bench_values(r, b);
	t->deadline_s = value_s * (t->values + 1);
	ret = hyperfine_run(t, &s);
	if (!ret)
		ret = bench_add_seconds(r, b, &s);
	samples_free(&s);
	return ret;
}
