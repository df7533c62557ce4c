// SPDX-License-Identifier: GPL-2.0-only
#include "run/suite.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "core/near.h"
#include "core/outcome.h"
#include "core/ui.h"
#include "judge/checks.h"
#include "judge/suite_checks.h"

/* ---- its tests ---- */

static const char *name_of(const struct run *r, const struct testcase *t)
{
	return t->name + strlen(r->plan->suite->name) + 1;
}

static void make_case(const struct run *r, const struct suite_test *from, struct testcase *t)
{
	const struct suite *s = r->plan->suite;
	const char *lane = r->plan->lane.name;

	*t = (struct testcase){
		.name = strf("%s/%s", s->name, from->name),
		.summary = s->title ? s->title : s->name,
		.program = from->command,
		.level = 1,
		.timeout_s = suite_timeout(s, from->name, lane),
		.suite = s->name,
		.without = suite_says(&s->without, from->name, lane),
	};
}

static void make_cases(struct run *r)
{
	struct run_suite *s = r->suite;

	s->cases = xcalloc(s->programs.n, sizeof(*s->cases));
	s->then = xcalloc(s->programs.n, sizeof(*s->then));
	s->now = xcalloc(s->programs.n, sizeof(*s->now));
	s->unasked = xcalloc(s->programs.n, sizeof(*s->unasked));
	for (size_t i = 0; i < s->programs.n; i++)
		make_case(r, &s->programs.v[i], &s->cases[i]);
}

static void take(struct run *r, const struct testcase *t)
{
	for (size_t i = 0; i < r->n_tests; i++)
		if (r->tests[i] == t)
			return;
	r->tests = xrealloc(r->tests, r->n_tests + 1, sizeof(*r->tests));
	r->tests[r->n_tests++] = t;
}

static int take_matching(struct run *r, const char *pattern)
{
	const struct run_suite *s = r->suite;
	/* It may be written with the suite's name or without. */
	const char *slash = strchr(pattern, '/'), *word = slash ? slash + 1 : pattern;
	_cleanup_strv_ struct strv names = { 0 };
	size_t found = 0;

	for (size_t i = 0; i < s->programs.n; i++) {
		const struct testcase *t = &s->cases[i];

		strv_add(&names, name_of(r, t));
		if (fnmatch(pattern, t->name, 0) && fnmatch(pattern, name_of(r, t), 0) &&
		    strcmp(pattern, t->suite) != 0)
			continue;
		found++;
		take(r, t);
	}
	return found ? 0 : near_fail("TESTS= names no test of the suite by", word, &names);
}

/* Its own source may be a tree that the user names. */
static char *local_tree(const struct plan *p)
{
	char *tree = p->suite->knob ? knobs_text(&p->knobs, p->suite->knob) : NULL;

	if (tree && *tree)
		return tree;
	free(tree);
	return NULL;
}

int suite_select(struct run *r)
{
	const struct strv *tests = &r->plan->knobs.tests;
	_cleanup_free_ char *tree = local_tree(r->plan);
	int ret;

	r->suite = xcalloc(1, sizeof(*r->suite));
	ret = suite_programs_prepare(r->plan->suite, &r->plan->kernel, tree, &r->suite->programs);
	if (ret)
		return ret;
	make_cases(r);
	for (size_t i = 0; !ret && i < tests->n; i++)
		ret = take_matching(r, tests->v[i]);
	if (!ret && !tests->n)
		ret = take_matching(r, "*");
	return ret;
}

void suite_for_lab(const struct run *r, struct lab_suite *s)
{
	*s = (struct lab_suite){ .disk = r->suite->programs.disk,
				 .key = r->suite->programs.key,
				 .wants_root = r->plan->suite->wants_root };
}

/* The first file of the change that the suite is built from; NULL: none. */
static const char *own_file(const struct run *r)
{
	const struct patches *p = &r->plan->host.patches;

	for (size_t i = 0; i < p->n; i++)
		for (size_t j = 0; j < p->v[i].n_files; j++) {
			const struct patch_file *f = &p->v[i].files[j];
			const char *path = f->new_path ? f->new_path : f->old_path;

			if (path && suite_is_of(r->plan->suite, path))
				return path;
		}
	return NULL;
}

/* A suite that is built without the change has none of the tests that it brings along. */
static void tell_own(struct run *r)
{
	const char *path = own_file(r);
	_cleanup_free_ char *name = strf("%s/of-the-change", r->plan->suite->name), *why = NULL;
	struct test_result *res;

	if (!path)
		return;
	why = strf("the change has %s, and the suite is built from the source without it: what it adds there is not run", path);
	ui_note("%s", why);
	res = result_add_test(r->result, name, r->plan->suite->name);
	res->verdict = OUT_SKIP;
	str_set(&res->reason, why);
}

int suite_prepare(struct run *r)
{
	tell_own(r);
	return r->plan->knobs.unpatched ? 0 : suite_baseline(r);
}

/* ---- judging ---- */

static const struct suite_record *then_of(const struct run *r, const struct testcase *t)
{
	return &r->suite->then[t - r->suite->cases];
}

/*
 * What runs L1, with its version: known failures are often its doing. The lab's own QEMU has
 * fewer.
 */
static const char *emulator_of(struct run *r)
{
	struct run_suite *s = r->suite;
	unsigned long qemu, libvirt;

	if (s->emulator)
		return s->emulator;
	if (level_versions(&r->lab->levels[L1], &qemu, &libvirt))
		s->emulator =
			strf("qemu-%lu.%lu.%lu%s", qemu / 1000000, qemu / 1000 % 1000, qemu % 1000,
			     r->plan->lane.emulator ? "-nestlab" : "");
	else
		s->emulator = xstrdup(r->lab->emulator ? path_last(r->lab->emulator) : "none");
	return s->emulator;
}

static void keep_record(const struct run *r, const struct testcase *t,
			const struct suite_said *said, const char *lost)
{
	_cleanup_free_ char *path = suite_record_path(r->dir, t);
	_cleanup_buf_ struct buf text = { 0 };
	int err;

	suite_record_write(said, lost, &text);
	err = file_write(path, buf_str(&text), text.len, 0666);
	if (err)
		ui_note("can't write %s: %s", path, strerror(-err));
}

/* Without its answer on the unpatched kernel a line says nothing of a change. */
static void skip_all(const struct suite_said *said, const char *why, struct test_result *res)
{
	for (size_t i = 0; i < said->n; i++)
		check_skip(res, said->v[i].name, why);
}

static void add_checks(struct run *r, const struct testcase *t, struct test_result *res)
{
	_cleanup_free_ char *file = testcase_file("output", t->name);
	const struct suite_said *said = &r->suite->now[t - r->suite->cases];
	struct suite_known known = { 0 };
	const struct suite_judging j = { .test = name_of(r, t),
					 .now = said,
					 .then = then_of(r, t),
					 .known = &known,
					 .file = file };

	if (suite_known_load(t->suite, r->plan->lane.name, emulator_of(r), &known)) {
		res->verdict = fail_outcome();
		str_set(&res->reason, fail_text());
	} else if (r->suite->unasked[t - r->suite->cases]) {
		skip_all(said, r->suite->unasked[t - r->suite->cases], res);
	} else {
		suite_checks(&j, res, r->suite->counts);
	}
	suite_known_free(&known);
}

static bool is_alone(const struct run *r, const struct testcase *t)
{
	return t == &r->suite->alone;
}

void suite_judge(struct run *r, const struct testcase *t, const struct strv *text,
		 const struct evidence *e, struct test_result *res)
{
	const struct suite_end end = { .exit_code = e->signal ? -1 : e->exit_code,
				       .signal = e->signal,
				       .killed = e->killed,
				       .deadline_s = t->timeout_s };
	struct suite_said said;

	suite_read(r->plan->suite->format, text, &end, &said);
	keep_record(r, t, &said, NULL);
	result_add_measure(res, "its program's time", "s", e->seconds);
	if (is_alone(r, t)) {
		r->suite->again = said;
		return;
	}
	r->suite->now[t - r->suite->cases] = said;
	add_checks(r, t, res);
}

/* ---- again ---- */

bool suite_asks_again(const struct run *r, const struct testcase *t)
{
	size_t i = (size_t)(t - r->suite->cases);

	return r->suite->then[i].n && r->suite->now[i].n &&
	       suite_checks_doubt(&r->suite->now[i], &r->suite->then[i]);
}

static void judge_again(struct run *r, const struct testcase *t)
{
	struct suite_known none = { 0 };
	struct run_suite *s = r->suite;
	const struct suite_judging j = { .test = name_of(r, t),
					 .now = &s->now[t - s->cases],
					 .then = then_of(r, t),
					 .known = &none };

	suite_checks_again(&j, &s->again, result_find_test(r->result, t->name), s->counts);
}

int suite_again(struct run *r, const struct testcase *t)
{
	struct run_suite *s = r->suite;
	_cleanup_free_ char *name = strf("%s/alone", t->name);
	int ret;

	if (suite_baseline_again(r, t))
		ui_note("%s", fail_text());
	s->alone = *t;
	s->alone.name = name;
	ret = execute_test(r, &s->alone);
	result_drop_test(r->result);
	s->alone.name = NULL;
	if (!ret)
		judge_again(r, t);
	suite_said_free(&s->again);
	return ret;
}

void suite_lost(struct run *r, const struct testcase *t, struct test_result *res)
{
	const struct suite_said none = { 0 };
	struct suite_known known = { 0 };
	const char *why = NULL;

	keep_record(r, t, &none, res->reason ? res->reason : outcome_name(res->verdict));
	if (is_alone(r, t))
		return;
	if (res->verdict != OUT_CRASH && res->verdict != OUT_BROKEN)
		return;
	if (r->plan->knobs.unpatched &&
	    !suite_known_load(t->suite, r->plan->lane.name, emulator_of(r), &known))
		why = suite_known_why(&known, name_of(r, t), SUITE_PROGRAM);
	suite_checks_lost(then_of(r, t), why, res);
	suite_known_free(&known);
}

void suite_tell(struct run *r)
{
	_cleanup_buf_ struct buf b = { 0 };

	for (unsigned int i = 0; i < SUITE_CHANGES; i++) {
		_cleanup_free_ char *name = strf("lines: %s", suite_change_names[i]);

		if (!r->suite->counts[i])
			continue;
		buf_printf(&b, "%s%u %s", b.len ? ", " : "", r->suite->counts[i], suite_change_names[i]);
		result_add_run_measure(r->result, name, "lines", r->suite->counts[i]);
	}
	if (b.len)
		ui_note("lines beside the unpatched kernel: %s", buf_str(&b));
}

void suite_close(struct run *r)
{
	struct run_suite *s = r->suite;

	for (size_t i = 0; s && s->cases && i < s->programs.n; i++) {
		free((char *)s->cases[i].name);
		suite_record_free(&s->then[i]);
		suite_said_free(&s->now[i]);
		free(s->unasked[i]);
	}
	if (!s)
		return;
	free(s->cases);
	free(s->then);
	free(s->now);
	free(s->emulator);
	free(s->unasked);
	suite_programs_free(&s->programs);
	free(s);
	r->suite = NULL;
}
