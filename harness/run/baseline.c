// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the unpatched kernel answers: a plan of its own, UNPATCHED=1, whose run leaves each
 * program's output. Nobody's change runs there, so whatever goes wrong is the lab's fault: never a
 * crash or a failure of what was handed in. Only the output of a program that ended by itself and
 * said that it is done is kept: a cut one was compared with, for ever.
 */
#include <stdlib.h>
#include <string.h>

#include "core/cache.h"
#include "core/outcome.h"
#include "core/ui.h"
#include "run/pool.h"
#include "run/program.h"

#define DEADLINE_S 7200 /* of its run, with the kernel's build */

static const struct cache_kind baselines = { .folder = "baselines",
					     .suffix = ".txt",
					     .what = "the unpatched kernel's answers",
					     .keep_entries = 2000 };
CACHE_KIND(baselines);

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

/* ---- the cache ---- */

/* Of the answers in that lab. All that the program is given is in it. */
static int cache_key(const struct run *r, const char *lab_key, const struct testcase *t,
		     char key[HASH_HEX_LEN + 1])
{
	_cleanup_free_ char *program = program_path(t);
	_cleanup_strv_ struct strv env = { 0 };
	struct hash *h = hash_new("baseline-3");
	int ret = hash_add_file(h, "program", program);

	program_env(r, t, MONITOR_IN_LEVEL, &env);
	hash_add_str(h, "lab", lab_key);
	for (const char *const *a = t->args; a && *a; a++)
		hash_add_str(h, "argument", *a);
	for (size_t i = 0; i < env.n; i++)
		hash_add_str(h, "environment", env.v[i]);
	hash_hex(h, key);
	return ret;
}

/* Of one program there may be several tests. */
static char *saved_path(const struct run *r, const struct testcase *t)
{
	_cleanup_free_ char *name = testcase_file("baseline", t->name);

	return strf("%s/%s", r->dir, name);
}

/*
 * Beside the run's results: the comparison can be repeated from there. False: it is not cached, or
 * not whole.
 */
static bool recall(const struct run *r, const struct testcase *t, const char *key)
{
	_cleanup_free_ char *to = saved_path(r, t);
	struct cache_entry *e = cache_find(&baselines, key);
	bool there = e && !file_copy(cache_path(e), to, 0666) && file_is_whole(to);

	cache_release(e);
	if (e && !there)
		cache_drop(&baselines, key);
	return there;
}

static int copy_answers(void *ctx, const char *path)
{
	const char *from = ctx;

	return file_copy(from, path, 0666) ? fail(OUT_BROKEN, "can't copy %s to %s", from, path)
					   : 0;
}

/* ---- what its run has left ---- */

/* Its counters may be missing: that is no matter here. */
static bool is_wrong(const struct check_result *c)
{
	return c->preparatory && (c->verdict == OUT_FAIL || c->verdict == OUT_BROKEN);
}

/* What keeps its output from being an answer; NULL: nothing. */
static const char *why_not(const struct test_result *t)
{
	if (t->verdict == OUT_CRASH || t->verdict == OUT_BROKEN)
		return t->reason ? t->reason : outcome_name(t->verdict);
	for (size_t i = 0; i < t->n_checks; i++)
		if (is_wrong(&t->checks[i]))
			return t->checks[i].observed ? t->checks[i].observed : t->checks[i].name;
	return NULL;
}

static int take_one(const struct testcase *t, const struct pool_job *job, const char *key)
{
	_cleanup_free_ char *name = testcase_file("output", t->name);
	_cleanup_free_ char *path = strf("%s/%s", job->dir, name);
	const struct test_result *res = result_find_test(job->result, t->name);
	const char *why = res ? why_not(res) : "it was not run";

	if (why)
		return fail(OUT_BROKEN, "%s: %s", t->name, why);
	if (!file_is_whole(path))
		return fail(OUT_BROKEN, "%s: %s", t->name,
			    res->reason ? res->reason : "it ended without saying that it is done");
	return cache_put(&baselines, key, copy_answers, path, NULL);
}

/* ---- all that are missing ---- */

/* The same question to the base's KVM as upstream has it, in the same lane. */
static int make_plan(const struct run *r, struct plan *plan)
{
	_cleanup_buf_ struct buf tests = { 0 };

	for (size_t i = 0; i < r->n_tests; i++)
		if (r->tests[i]->wants_baseline)
			buf_printf(&tests, "%s ", r->tests[i]->name);
	const struct setting s[] = { { "UNPATCHED", "1" },
				     { "PATCH", NULL },
				     { "GUEST_PATCH", NULL },
				     { "LANE", r->plan->lane.name },
				     { "TESTS", buf_str(&tests) } };

	return plan_with(&r->plan->knobs, s, ARRAY_SIZE(s), plan);
}

/*
 * Its folder stays in the run's, with its consoles. (Each lab writes the same names: the subject's
 * l1-console.log once began with this one's boot.)
 */
static int ask(const struct run *r, const struct plan *plan, struct pool *p)
{
	_cleanup_free_ char *dir = strf("%s/baseline", r->dir);
	int ret = pool_add(p, "the unpatched kernel", plan, dir, NULL);

	if (ret)
		return ret;
	p->jobs[0].may_skip = true; /* what is compared with itself */
	p->jobs[0].save_lab = r->plan->knobs.save_lab;
	ui_stage_begin("the unpatched kernel's answers");
	ret = pool_run(p, 1);
	ui_stage_end(ret || !p->jobs[0].result ? "none" : "told");
	return ret;
}

static int record_all(struct run *r, const struct plan *plan, char (*keys)[HASH_HEX_LEN + 1])
{
	_cleanup_free_ char *why = NULL;
	struct pool p = { .deadline_s = DEADLINE_S, .done = pool_keep_reason, .ctx = &why };
	int ret = ask(r, plan, &p);

	if (!ret && !p.jobs[0].result)
		ret = fail(OUT_BROKEN, "%s", why);
	for (size_t i = 0; !ret && i < r->n_tests; i++)
		if (r->tests[i]->wants_baseline)
			ret = take_one(r->tests[i], &p.jobs[0], keys[i]);
	pool_free(&p);
	return ret;
}

static bool recall_all(const struct run *r, char (*keys)[HASH_HEX_LEN + 1])
{
	for (size_t i = 0; i < r->n_tests; i++)
		if (r->tests[i]->wants_baseline && !recall(r, r->tests[i], keys[i]))
			return false;
	return true;
}

/* ---- for the run ---- */

static int find_keys(const struct run *r, const char *lab_key, char (*keys)[HASH_HEX_LEN + 1])
{
	int ret = 0;

	for (size_t i = 0; !ret && i < r->n_tests; i++)
		if (r->tests[i]->wants_baseline)
			ret = cache_key(r, lab_key, r->tests[i], keys[i]);
	return ret;
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

int baseline_take(struct run *r, const struct plan *plan, const char *lab_key)
{
	char(*keys)[HASH_HEX_LEN + 1] = xcalloc(r->n_tests, sizeof(*keys));
	int ret = find_keys(r, lab_key, keys);

	if (!ret && !recall_all(r, keys)) {
		ret = record_all(r, plan, keys);
		if (!ret && !recall_all(r, keys))
			ret = fail(OUT_BROKEN, "they were kept, and can't be read back: is the disk full?");
	}
	free(keys);
	return as_fault_of_the_lab(ret);
}

static bool wanted(const struct run *r)
{
	for (size_t i = 0; i < r->n_tests; i++)
		if (r->tests[i]->wants_baseline)
			return true;
	return false;
}

/* With itself the unpatched kernel is not compared. */
int baseline_prepare(struct run *r)
{
	char lab_key[HASH_HEX_LEN + 1];
	struct plan plan = { 0 };
	int ret;

	if (r->plan->knobs.unpatched || !wanted(r))
		return 0;
	ret = make_plan(r, &plan);
	if (!ret)
		ret = lab_key_of(r->lab, &plan, lab_key);
	ret = ret ? as_fault_of_the_lab(ret) : baseline_take(r, &plan, lab_key);
	plan_free(&plan);
	return ret;
}

int baseline_read(struct run *r, const struct testcase *t, struct observations *o)
{
	_cleanup_free_ char *path = saved_path(r, t);
	_cleanup_buf_ struct buf b = { 0 };

	if (!t->wants_baseline || r->plan->knobs.unpatched)
		return 0;
	if (file_read(path, &b))
		return fail(OUT_BROKEN, "can't read the baseline %s", path);
	parse(&b, o);
	return is_whole(o) ? 0 : fail(OUT_BROKEN, "the baseline %s is not whole", path);
}
