// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a suite's tests say on the unpatched kernel: plans of their own, UNPATCHED=1, several times,
 * as what differs from run to run is no change's doing. Kept by the lab, the suite and the test.
 */
#include <stdlib.h>
#include <string.h>

#include "core/cache.h"
#include "core/outcome.h"
#include "core/ui.h"
#include "run/pool.h"
#include "run/suite.h"

#define DEADLINE_S 7200 /* of a run, with the kernel's build */

static const struct cache_kind records = {
	.folder = "suite-records",
	.suffix = ".txt",
	.what = "what suites say on the unpatched kernel",
	.keep_entries = 4000,
};
CACHE_KIND(records);

char *suite_record_path(const char *dir, const struct testcase *t)
{
	_cleanup_free_ char *name = testcase_file("lines", t->name);

	return strf("%s/%s", dir, name);
}

/* ---- the cache ---- */

typedef char key_text[HASH_HEX_LEN + 1];

static void make_key(const struct run *r, const char *lab_key, const struct testcase *t,
		     key_text key)
{
	struct hash *h = hash_new("suite-record-1");

	hash_add_str(h, "lab", lab_key);
	hash_add_str(h, "suite", r->suite->programs.key);
	hash_add_str(h, "test", t->name);
	hash_add_str(h, "command", t->program);
	hash_add_number(h, "reader", SUITE_READER);
	hash_add_number(h, "time", (uint64_t)t->timeout_s * r->plan->knobs.effort);
	hash_hex(h, key);
}

static bool take_text(struct run *r, const struct testcase *t, const struct buf *text)
{
	struct suite_record *rec = &r->suite->then[t - r->suite->cases];

	if (suite_record_read(buf_str(text), rec) && rec->n == SUITE_RECORDS)
		return true;
	suite_record_free(rec);
	return false;
}

static bool recall(struct run *r, const struct testcase *t, const char *key)
{
	struct cache_entry *e = cache_find(&records, key);
	_cleanup_buf_ struct buf text = { 0 };
	bool there = e && !file_read(cache_path(e), &text) && take_text(r, t, &text);

	cache_release(e);
	if (e && !there)
		cache_drop(&records, key);
	return there;
}

static int write_text(void *ctx, const char *path)
{
	const struct buf *text = ctx;

	return file_write(path, buf_str(text), text->len, 0666)
		       ? fail(OUT_BROKEN, "can't write %s", path)
		       : 0;
}

/* ---- what the runs have left ---- */

/* Why one of them has no word of it. */
static const char *why_none(const struct pool *p, const struct testcase *t)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct test_result *res =
			p->jobs[i].result ? result_find_test(p->jobs[i].result, t->name) : NULL;

		if (res && res->verdict == OUT_SKIP && res->reason)
			return res->reason;
	}
	return "it was not asked there";
}

static int take_one(struct run *r, const struct pool *p, const struct testcase *t, const char *key)
{
	_cleanup_buf_ struct buf text = { 0 };

	for (size_t i = 0; i < p->n; i++) {
		_cleanup_free_ char *path = suite_record_path(p->jobs[i].dir, t);

		(void)file_read(path, &text); /* what is missing is seen below */
	}
	if (take_text(r, t, &text))
		return cache_put(&records, key, write_text, &text, NULL);
	r->suite->unasked[t - r->suite->cases] =
		strf("the unpatched kernel has no answer to compare with: %s", why_none(p, t));
	return 0;
}

/* ---- asking ---- */

struct missing {
	const struct testcase **v;
	key_text *keys;
	size_t n;
};

static void find_missing(struct run *r, const char *lab_key, struct missing *m)
{
	m->v = xcalloc(r->n_tests, sizeof(*m->v));
	m->keys = xcalloc(r->n_tests, sizeof(*m->keys));
	for (size_t i = 0; i < r->n_tests; i++) {
		make_key(r, lab_key, r->tests[i], m->keys[m->n]);
		if (!r->tests[i]->without && !recall(r, r->tests[i], m->keys[m->n]))
			m->v[m->n++] = r->tests[i];
	}
}

static int make_plan(const struct run *r, const char *tests, struct plan *plan)
{
	const struct knobs *k = &r->plan->knobs;
	const struct setting s[] = { { "UNPATCHED", "1" },
				     { "KERNEL", k->against ? k->against : k->kernel },
				     { "PATCH", NULL },
				     { "LANE", r->plan->lane.name },
				     { "TESTS", tests } };

	return plan_with(k, s, ARRAY_SIZE(s), plan);
}

static int add_run(const struct run *r, const struct plan *plan, const char *dir, struct pool *p)
{
	int ret = pool_add(p, "the unpatched kernel", plan, dir, NULL);

	if (ret)
		return ret;
	p->jobs[p->n - 1].may_skip = true;
	p->jobs[p->n - 1].may_break = true;
	p->jobs[p->n - 1].save_lab = r->plan->knobs.save_lab;
	return 0;
}

static int run_all(const struct run *r, const struct plan *plan, struct pool *p)
{
	int ret = 0;

	for (unsigned int i = 0; !ret && i < SUITE_RECORDS; i++) {
		_cleanup_free_ char *dir = strf("%s/baseline-%u", r->dir, i + 1);

		ret = add_run(r, plan, dir, p);
	}
	return ret ? ret : pool_run(p, 1);
}

static int ask(struct run *r, const struct missing *m)
{
	_cleanup_buf_ struct buf tests = { 0 };
	_cleanup_free_ char *why = NULL;
	struct pool p = { .deadline_s = DEADLINE_S, .done = pool_keep_reason, .ctx = &why };
	struct plan plan = { 0 };
	int ret;

	for (size_t i = 0; i < m->n; i++)
		buf_printf(&tests, "%s ", m->v[i]->name);
	ui_stage_begin("the unpatched kernel's answers");
	ret = make_plan(r, buf_str(&tests), &plan);
	if (!ret)
		ret = run_all(r, &plan, &p);
	if (!ret && why)
		ret = fail(OUT_BROKEN, "%s", why);
	for (size_t i = 0; !ret && i < m->n; i++)
		ret = take_one(r, &p, m->v[i], m->keys[i]);
	ui_stage_end(ret ? "none" : "told");
	plan_free(&plan);
	pool_free(&p);
	return ret;
}

/* What is wrong there is never a change's fault. */
static int as_broken(int ret)
{
	if (!ret || ret == -OUT_INTERRUPTED)
		return ret;
	return fail(OUT_BROKEN, "the unpatched kernel's baseline: %s", fail_text());
}

static int name_lab(const struct run *r, key_text lab_key)
{
	struct plan plan = { 0 };
	int ret = make_plan(r, "", &plan);

	if (!ret)
		ret = lab_key_of(r->lab, &plan, lab_key);
	plan_free(&plan);
	return ret;
}

int suite_baseline(struct run *r)
{
	struct missing m = { 0 };
	key_text lab_key;
	int ret = name_lab(r, lab_key);

	if (!ret)
		find_missing(r, lab_key, &m);
	if (!ret && m.n)
		ret = ask(r, &m);
	free(m.v);
	free(m.keys);
	return as_broken(ret);
}

/* ---- once more ---- */

static int take_more(struct run *r, const char *dir, const struct testcase *t)
{
	_cleanup_free_ char *path = suite_record_path(dir, t);
	_cleanup_buf_ struct buf text = { 0 };

	if (!file_read(path, &text) &&
	    suite_record_add(&r->suite->then[t - r->suite->cases], buf_str(&text)))
		return 0;
	return fail(OUT_BROKEN, "the unpatched kernel was asked about %s again, and has no answer: see %s",
		    t->name, dir);
}

int suite_baseline_again(struct run *r, const struct testcase *t)
{
	_cleanup_free_ char *name = testcase_file("again", t->name), *why = NULL;
	_cleanup_free_ char *dir = strf("%s/%.*s", r->dir, (int)(strlen(name) - strlen(".txt")), name);
	struct pool p = { .deadline_s = DEADLINE_S, .done = pool_keep_reason, .ctx = &why };
	struct plan plan = { 0 };
	int ret = make_plan(r, t->name, &plan);

	ui_stage_begin("the unpatched kernel, %s alone", t->name);
	if (!ret)
		ret = add_run(r, &plan, dir, &p);
	if (!ret)
		ret = pool_run(&p, 1);
	if (!ret)
		ret = take_more(r, dir, t);
	ui_stage_end(ret ? "none" : "told");
	plan_free(&plan);
	pool_free(&p);
	return ret;
}
