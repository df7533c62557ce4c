// SPDX-License-Identifier: GPL-2.0-only
#include "kvmcheck/kvmcheck.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "core/near.h"
#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "core/ui.h"
#include "run/run.h"

#define CONF "config/kvm-check.conf"

/* ---- the table ---- */

/* "3 REGRESSED, 312 same" */
static void add_lines(const struct test_result *t, struct buf *b)
{
	for (size_t i = 0; i < t->n_measures; i++)
		if (str_starts(t->measures[i].name, LINES_MEASURE))
			buf_printf(b, "%s%.0f %s", b->len ? ", " : "", t->measures[i].value,
				   t->measures[i].name + strlen(LINES_MEASURE));
}

static void add_first_failure(const struct test_result *t, struct buf *b)
{
	for (size_t i = 0; i < t->n_checks; i++)
		if (t->checks[i].verdict == OUT_FAIL) {
			buf_printf(b, "%s%s: %s", b->len ? "; " : "", t->checks[i].name,
				   t->checks[i].observed);
			return;
		}
}

/* One line: a compiler's words may have several. */
static void print_cut(const char *text)
{
	printf("%.*s\n", (int)strcspn(text, "\n"), text);
	fflush(stdout);
}

void kvm_check_row(const struct run_result *r, const char *part)
{
	const struct test_result *t = result_find_test(r, part);
	_cleanup_buf_ struct buf what = { 0 };

	add_lines(t, &what);
	add_first_failure(t, &what);
	if (!what.len && t->reason)
		buf_puts(&what, t->reason);
	if (!what.len)
		buf_printf(&what, "%zu checked", t->n_checks);
	printf("%-44s %-11s %8.1f s  ", part, outcome_name(t->verdict), t->seconds);
	print_cut(buf_str(&what));
}

static void print_head(const struct kvm_check *c)
{
	_cleanup_free_ char *subject = plan_subject(&c->plan);

	printf("%s: %zu patch%s on %s\n\n%-44s %-11s %10s  %s\n", subject, c->plan.host.patches.n,
	       c->plan.host.patches.n == 1 ? "" : "es", c->plan.kernel.name, "part", "verdict", "time",
	       "what was seen");
	fflush(stdout);
}

/* ---- which parts ---- */

static bool matches(const struct strv *wanted, const char *name)
{
	_cleanup_free_ char *line = xstrndup(name, strcspn(name, " "));

	for (size_t i = 0; i < wanted->n; i++)
		if (!fnmatch(wanted->v[i], name, 0) || !fnmatch(wanted->v[i], line, 0))
			return true;
	return !wanted->n;
}

static bool is_own(const char *word)
{
	return !strcmp(word, PART_CHECKPATCH) || !strcmp(word, PART_BUILDS) ||
	       !strcmp(word, PART_DOCS);
}

/* One that names nothing is misspelt. */
static int check_wanted(const struct kvm_check *c)
{
	for (size_t i = 0; i < c->wanted.n; i++) {
		const struct strv one = { &c->wanted.v[i], 1 };
		_cleanup_strv_ struct strv names = { 0 };
		bool found = is_own(c->wanted.v[i]);

		for (size_t k = 0; k < c->items.n; k++) {
			found |= matches(&one, c->items.v[k].name);
			strv_add(&names, c->items.v[k].name);
		}
		strv_add(&names, PART_CHECKPATCH);
		strv_add(&names, PART_BUILDS);
		if (!found)
			return near_fail("kvm-check has no part", c->wanted.v[i], &names);
	}
	return 0;
}

/* What the line sets, or NULL. */
static const char *value_of(const struct night_item *it, const char *knob)
{
	for (size_t i = 0; i < it->knobs.n; i++)
		if (!strcmp(it->knobs.v[i], knob))
			return it->values.v[i];
	return NULL;
}

/* "SUITE/TEST" or a pattern of it; what names no suite may be of any. */
static bool is_of_another(const char *test, const char *suite)
{
	size_t n = strcspn(test, "/");
	_cleanup_free_ char *named = xstrndup(test, n);

	return test[n] && (!suite || fnmatch(named, suite, 0));
}

/* What no line's suite has is misspelt, and must not leave all parts out. */
static int check_tests(const struct kvm_check *c)
{
	for (size_t i = 0; i < c->knobs.tests.n; i++) {
		const char *test = c->knobs.tests.v[i];
		_cleanup_strv_ struct strv names = { 0 };
		bool found = false;

		for (size_t k = 0; k < c->items.n; k++) {
			const char *suite = value_of(&c->items.v[k], "SUITE");
			_cleanup_free_ char *name = strf("%s%s", suite ? suite : "", test + strcspn(test, "/"));

			found |= !is_of_another(test, suite);
			if (suite && !strv_has(&names, name))
				strv_add(&names, name);
		}
		if (!found)
			return near_fail("TESTS= names no test of a suite that kvm-check runs:", test, &names);
	}
	return 0;
}

/* LANE= leaves out what is of another one. */
static bool in_lane(const struct kvm_check *c, const struct night_item *it)
{
	const char *lane = value_of(it, "LANE");

	return !lane || !strcmp(c->knobs.lane, "auto") || !strcmp(c->knobs.lane, lane);
}

/* ---- the plans ---- */

void kvm_check_tests(const struct strv *tests, const char *suite, struct buf *b)
{
	for (size_t i = 0; i < tests->n; i++)
		if (!is_of_another(tests->v[i], suite))
			buf_printf(b, "%s%s", b->len ? " " : "", tests->v[i]);
}

/* The user's TESTS= for this line, that has none of its own. */
static void add_tests(const struct kvm_check *c, const struct night_item *it, struct buf *b)
{
	if (!value_of(it, "TESTS"))
		kvm_check_tests(&c->knobs.tests, value_of(it, "SUITE"), b);
}

/* The user's settings, with the line's over them. */
static int plan_item(const struct kvm_check *c, const struct night_item *it, struct plan *plan)
{
	_cleanup_free_ struct setting *s = xcalloc(it->knobs.n + 2, sizeof(*s));
	_cleanup_buf_ struct buf tests = { 0 };
	size_t n = it->knobs.n;

	add_tests(c, it, &tests);
	if (!tests.len && c->knobs.tests.n && !value_of(it, "TESTS"))
		return fail(OUT_SKIP, "TESTS= names none of its tests");
	for (size_t i = 0; i < n; i++)
		s[i] = (struct setting){ it->knobs.v[i], it->values.v[i] };
	if (tests.len)
		s[n++] = (struct setting){ "TESTS", buf_str(&tests) };
	return plan_with(&c->knobs, s, n, plan);
}

/* A suite's run tells how many lines are the same: so does its part. */
static void copy_measures(const struct run_result *from, struct test_result *to)
{
	for (size_t i = 0; i < from->n_measures; i++)
		if (str_starts(from->measures[i].name, LINES_MEASURE))
			result_add_measure(to, from->measures[i].name, from->measures[i].unit,
					   from->measures[i].value);
}

/* What runs L1 decides what it can show. */
static void note_emulator(struct kvm_check *c, const struct night_part *p)
{
	const char *version = result_manifest(p->result, "version QEMU");
	_cleanup_free_ char *key = strf(PART_SETTINGS "%s", p->name), *all = NULL;

	if (!version)
		return;
	all = strf("%s " PART_QEMU "=%s", result_manifest(c->run.result, key), version);
	result_set_manifest(c->run.result, key, all);
}

static void tell_part(struct kvm_check *c, const struct night_part *p)
{
	struct run_result *r = c->run.result;

	night_part_tell(p, r);
	if (p->result) {
		copy_measures(p->result, &r->tests[r->n_tests - 1]);
		note_emulator(c, p);
	}
	kvm_check_row(r, p->name);
}

static void end_job(struct pool_job *job, void *ctx)
{
	struct night_part *p = job->ctx;

	p->result = job->result;
	job->result = NULL;
	p->verdict = p->result ? result_verdict(p->result) : OUT_BROKEN;
	if (!p->result)
		p->reason = xstrdup(fail_text());
	tell_part(ctx, p);
}

static char *dir_of(const struct kvm_check *c, const char *name)
{
	char *dir = strf("%s/%s", c->run.dir, name);

	for (char *p = dir + strlen(c->run.dir) + 1; *p; p++)
		if (strchr(" =/|,", *p))
			*p = '-';
	return dir;
}

/* What this machine can't be asked is told; the rest is run. */
static int take_unmakeable(struct kvm_check *c, struct night_part *p, int ret)
{
	if (ret != -OUT_BROKEN && ret != -OUT_SKIP)
		return fail_prefix("part '%s'", p->name);
	p->verdict = OUT_SKIP;
	p->reason = xstrdup(fail_text());
	fail_clear();
	tell_part(c, p);
	return 0;
}

static int add_job(struct kvm_check *c, struct night_part *p, const struct plan *plan)
{
	int ret = pool_add(&c->pool, p->name, plan, p->dir, p);

	if (ret)
		return ret;
	c->pool.jobs[c->pool.n - 1].may_skip = true;
	c->pool.jobs[c->pool.n - 1].may_break = true;
	return 0;
}

static void note_settings(struct kvm_check *c, const struct night_item *it)
{
	_cleanup_free_ char *key = strf(PART_SETTINGS "%s", it->name);
	_cleanup_buf_ struct buf b = { 0 }, tests = { 0 };

	for (size_t i = 0; i < it->knobs.n; i++)
		buf_printf(&b, "%s%s=%s", i ? " " : "", it->knobs.v[i], it->values.v[i]);
	add_tests(c, it, &tests);
	for (size_t i = 0; i < tests.len; i++)
		if (tests.data[i] == ' ')
			tests.data[i] = ',';
	if (tests.len)
		buf_printf(&b, " TESTS=%s", buf_str(&tests));
	result_set_manifest(c->run.result, key, buf_str(&b));
}

static int add_item(struct kvm_check *c, const struct night_item *it)
{
	struct night_part *p = &c->parts[c->n_parts++];
	struct plan plan = { 0 };
	int ret = plan_item(c, it, &plan);

	*p = (struct night_part){ .name = xstrdup(it->name), .dir = dir_of(c, it->name) };
	note_settings(c, it);
	ret = ret ? take_unmakeable(c, p, ret) : add_job(c, p, &plan);
	plan_free(&plan);
	return ret;
}

static int run_plans(struct kvm_check *c)
{
	int ret = 0;

	c->parts = xcalloc(c->items.n + 1, sizeof(*c->parts));
	for (size_t i = 0; !ret && i < c->items.n; i++)
		if (matches(&c->wanted, c->items.v[i].name) && in_lane(c, &c->items.v[i]))
			ret = add_item(c, &c->items.v[i]);
	if (!ret && !c->run.result->n_tests && !c->pool.n)
		ret = fail(OUT_USAGE, "LANE=%s leaves none of the parts that were asked for",
			   c->knobs.lane);
	return ret || !c->pool.n ? ret : pool_run(&c->pool, c->knobs.jobs);
}

/* ---- documentation ---- */

static const char *touched_text(const struct patches *ps)
{
	for (size_t i = 0; i < ps->n; i++)
		for (size_t k = 0; k < ps->v[i].n_files; k++) {
			const char *path = ps->v[i].files[k].new_path;

			if (path && str_ends(path, ".rst"))
				return path;
		}
	return NULL;
}

/* It wants Sphinx and a quarter of an hour; who changes no text is not asked for it. */
static void tell_docs(struct kvm_check *c)
{
	const char *path = touched_text(&c->plan.host.patches);
	struct test_result *t;

	if (!path)
		return;
	t = result_add_test(c->run.result, PART_DOCS, KVM_CHECK);
	t->reason = strf("the series changes %s: `make htmldocs` must build without a new warning, and is not run here", path);
	kvm_check_row(c->run.result, PART_DOCS);
}

/* ---- the whole ---- */

/* A series is sent for upstream's KVM, and not for our reference's. */
static int settle_base(struct kvm_check *c)
{
	_cleanup_free_ char *name = plan_upstream(&c->knobs);

	return knobs_set(&c->knobs, "KERNEL", name);
}

static int read_conf(struct kvm_check *c)
{
	_cleanup_free_ char *path = path_in_root(CONF);
	int ret = night_conf_load(path, &c->conf);

	if (!ret)
		ret = night_items_make(&c->conf, &c->items);
	c->pool.deadline_s = c->conf.deadline_minutes * 60;
	if (!ret)
		ret = check_wanted(c);
	return ret ? ret : check_tests(c);
}

static void describe(struct kvm_check *c)
{
	struct run_result *r = c->run.result;

	str_set(&r->kernel, c->plan.kernel.name);
	str_set(&r->assignment, KVM_CHECK);
	run_describe_subject(r, &c->plan);
}

/* The folder first, as a run does it. */
static int begin(struct kvm_check *c)
{
	int ret = knobs_load(&c->knobs), err = rundir_make(&c->knobs, &c->run);

	if (!ret)
		ret = err;
	if (!ret)
		ret = knobs_without_suite(&c->knobs, KVM_CHECK);
	if (!ret)
		ret = read_conf(c);
	if (!ret && !c->knobs.patch.n)
		ret = fail(OUT_USAGE, "kvm-check judges a series: PATCH=FOLDER, or its patches");
	if (!ret)
		ret = settle_base(c);
	return ret ? ret : plan_with(&c->knobs, NULL, 0, &c->plan);
}

static int go(struct kvm_check *c)
{
	int ret = begin(c);

	if (ret)
		return ret;
	describe(c);
	print_head(c);
	if (matches(&c->wanted, PART_CHECKPATCH))
		ret = kvm_check_checkpatch(c);
	if (!ret && matches(&c->wanted, PART_BUILDS))
		ret = kvm_check_builds(c);
	if (!ret && matches(&c->wanted, PART_DOCS))
		tell_docs(c);
	return ret ? ret : run_plans(c);
}

static void free_check(struct kvm_check *c)
{
	pool_free(&c->pool);
	for (size_t i = 0; i < c->n_parts; i++) {
		free(c->parts[i].name);
		free(c->parts[i].dir);
		free(c->parts[i].reason);
		result_free(c->parts[i].result);
	}
	free(c->parts);
	night_items_free(&c->items);
	night_conf_free(&c->conf);
	plan_free(&c->plan);
	knobs_free(&c->knobs);
	rundir_free(&c->run);
}

int kvm_check_run(const struct strv *parts)
{
	struct kvm_check c = { .pool = { .done = end_job, .ctx = &c }, .wanted = *parts };
	uint64_t start = now_ns();
	int ret = go(&c);

	c.run.result->seconds = (double)(now_ns() - start) / 1e9;
	ret = rundir_end(&c.run, ret);
	free_check(&c);
	return ret;
}
