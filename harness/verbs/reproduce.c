// SPDX-License-Identifier: GPL-2.0-only
/*
 * A run again with all of its parts made anew, in a cache of its own, and compared with what it
 * was: kernels and modules bit for bit, each check's verdict. What comes from elsewhere (sources,
 * packages) and the compiler's objects, which are keyed by all that goes into them, are shared with
 * the cache.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cache.h"
#include "core/outcome.h"
#include "core/paths.h"
#include "core/ui.h"
#include "report/report.h"
#include "reproduce/same.h"
#include "run/pool.h"
#include "run/rundir.h"
#include "verbs/verb.h"

#define DEADLINE_S 14400 /* of the run, with all builds */

static int verb_reproduce(int argc, char **argv);

static const struct verb reproduce = {
	.name = "reproduce",
	.usage = "RUN",
	.summary = "make all parts of a run anew, run it again, and tell what is equal (kernels bit for bit, verdicts) and what differs",
	.order = 12,
	.settings = KNOBS_OF_RESULTS,
	.codes = "0 kernels, modules and verdicts are the same\n1 one of them differs",
	.ends = VERB_ENDS_AS_RUNS,
	.judges = true,
	.labs = true,
	.run = verb_reproduce,
};
VERB(reproduce);

/* ---- a cache of its own ---- */

static const char *const shared[] = { "src", "git", "ccache", "packages", "media", "bochs", "ssh" };

static int share(const char *cache, const char *folder)
{
	_cleanup_free_ char *ours = path_in_cache("%s", folder), *link = strf("%s/%s", cache, folder);

	if (mkdir_p(ours) || symlink(ours, link))
		return fail(OUT_BROKEN, "can't share %s with the cache %s: %m", ours, cache);
	return 0;
}

/* The caller owns *cache, and removes it. */
static int make_cache(char **cache)
{
	_cleanup_free_ char *folder = path_in_cache("reproduce");
	int ret = 0;

	if (mkdir_p(folder))
		return fail(OUT_BROKEN, "can't make the folder %s: %m", folder);
	cache_sweep(folder);
	*cache = cache_temp(folder, "cache");
	if (mkdir_p(*cache))
		return fail(OUT_BROKEN, "can't make the folder %s: %m", *cache);
	for (size_t i = 0; !ret && i < ARRAY_SIZE(shared); i++)
		ret = share(*cache, shared[i]);
	return ret;
}

static void remove_cache(char *cache)
{
	if (cache && rm_rf(cache))
		ui_note("can't remove %s: %m", cache);
	free(cache);
}

/* ---- the run ---- */

static int run_again(const struct knobs *k, const char *dir, const char *own, struct pool *p)
{
	_cleanup_free_ char *json = strf("%s/plan.json", dir);
	char *cache = NULL;
	struct knobs again;
	struct plan plan = { 0 };
	int ret;

	knobs_copy(&again, k);
	ret = plan_load_knobs(json, &again);
	if (!ret)
		ret = plan_make(&again, &plan);
	if (!ret)
		ret = pool_add(p, "again", &plan, own, NULL);
	if (!ret)
		ret = make_cache(&cache);
	p->cache = cache;
	if (!ret)
		ret = pool_run(p, 1);
	p->cache = NULL;
	plan_free(&plan);
	knobs_free(&again);
	remove_cache(cache);
	return ret;
}

/* ---- what is told ---- */

static int tell(const struct run_result *was, const struct run_result *now, struct rundir *d)
{
	_cleanup_buf_ struct buf text = { 0 };
	struct test_result *t = result_add_test(d->result, "reproduce", "reproduce");
	struct same s;
	bool same;

	same_compare(was, now, &s);
	same = same_is_reproduced(&s);
	same_tell(&s, &text);
	fputs(buf_str(&text), stdout);
	result_add_check(t, "the same again", same ? OUT_PASS : OUT_FAIL,
			 "kernels and modules bit for bit, and each verdict", buf_str(&text), NULL);
	same_free(&s);
	return 0;
}

static int compare(struct knobs *k, const char *name, struct pool *p, struct rundir *d,
		   char **unjudged)
{
	_cleanup_free_ char *dir = rundir_find(name), *json = strf("%s/results.json", dir);
	_cleanup_free_ char *own = strf("%s/again", d->dir), *what = strf("%s, made anew", dir);
	struct run_result *was = report_load(json);
	int ret;

	if (!was)
		return -(int)fail_outcome();
	result_set_subject_what(d->result, what);
	ret = was->finished ? run_again(k, dir, own, p)
			    : fail(OUT_USAGE, "%s did not come to its end: there is nothing to compare with", dir);
	if (!ret && !p->jobs[0].result)
		ret = fail(OUT_BROKEN, "the run could not be made again: %s", *unjudged ? *unjudged : "it was not judged");
	if (!ret)
		ret = tell(was, p->jobs[0].result, d);
	result_free(was);
	return ret;
}

static int verb_reproduce(int argc, char **argv)
{
	char *unjudged = NULL;
	struct pool p = { .deadline_s = DEADLINE_S, .done = pool_keep_reason, .ctx = &unjudged };
	uint64_t start = now_ns();
	struct rundir d;
	struct knobs k;
	int ret = knobs_load(&k), err = rundir_make(&k, &d);

	ret = ret ? ret : err;
	if (!ret && argc != 2)
		ret = verb_usage(&reproduce);
	if (!ret)
		ret = compare(&k, argv[1], &p, &d, &unjudged);
	d.result->seconds = (double)(now_ns() - start) / 1e9;
	ret = rundir_end(&d, ret);
	rundir_free(&d);
	knobs_free(&k);
	pool_free(&p);
	free(unjudged);
	return ret;
}
