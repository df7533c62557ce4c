/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Recorded evidence: data/checks/PROGRAM/ holds what the lab saw when the program ran on the
 * reference, for the unit tests of the judges, and small tools to put a fault into it. Included by
 * these tests alone, after <cmocka.h>.
 */
#ifndef NESTLAB_TESTS_RECORDED_H
#define NESTLAB_TESTS_RECORDED_H

#include <stdlib.h>
#include <string.h>

#include "evidence/observation.h"
#include "evidence/oracle.h"
#include "evidence/trace.h"
#include "lab/lab.h"
#include "plan/assignment.h"
#include "tests/fixed_list.h"

#define RECORDED static __attribute__((unused))
#define DATA "harness/tests/data/checks/"

/* --- recorded evidence --- */

struct recorded {
	const struct testcase *testcase;
	struct assignment *assignment;
	struct evidence e;
};

RECORDED void read_data(const char *program, const char *name, struct buf *b)
{
	_cleanup_free_ char *path = strf(DATA "%s/%s", program, name);

	assert_int_equal(file_read(path, b), 0);
}

RECORDED bool has_data(const char *program, const char *name)
{
	_cleanup_free_ char *path = strf(DATA "%s/%s", program, name);

	return path_exists(path);
}

RECORDED const struct testcase *testcase_of(const char *program)
{
	const struct testcase *const *all;
	size_t n;

	all = testcases_all(&n);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(strchr(program, '/') ? all[i]->name : all[i]->program, program))
			return all[i];
	fail_msg("no testcase has the program %s", program);
	return NULL;
}

RECORDED struct observations read_output(const char *program, const char *name)
{
	_cleanup_buf_ struct buf b = { 0 };
	struct observations obs;
	struct output o;

	read_data(program, name, &b);
	output_init(&o);
	output_feed(&o, 1, b.data, b.len);
	output_end(&o);
	obs = o.obs;
	o.obs = (struct observations){ 0 };
	output_free(&o);
	return obs;
}

RECORDED void read_oracle(const char *program, const char *name, struct oracle *o)
{
	_cleanup_buf_ struct buf cpus = { 0 }, stats = { 0 };

	read_data(program, "cpus.json", &cpus);
	read_data(program, name, &stats);
	assert_int_equal(oracle_parse(buf_str(&cpus), buf_str(&stats), o), 0);
}

RECORDED void read_trace(struct recorded *r, const char *program)
{
	_cleanup_buf_ struct buf b = { 0 };
	struct trace_stream *s = trace_stream_new();

	read_data(program, "trace.txt", &b);
	trace_cut(s, r->assignment->trace, program, "n1");
	trace_stream_feed(s, b.data, b.len);
	trace_take(s, &r->e.trace);
	trace_stream_free(s);
}

/* handled.txt: how many entries the table has, and which are not NULL. */
RECORDED void read_handled(const char *program, struct reason_table *t)
{
	_cleanup_strv_ struct strv lines = { 0 };
	_cleanup_buf_ struct buf b = { 0 };

	read_data(program, "handled.txt", &b);
	strv_split(&lines, buf_str(&b), "\n");
	t->n = strtoul(lines.v[0], NULL, 10);
	for (size_t i = 1; i < lines.n; i++) {
		unsigned long reason = strtoul(lines.v[i], NULL, 10);

		t->handled[reason / 8] |= (uint8_t)(1u << reason % 8);
	}
}

RECORDED void load(struct recorded *r, const char *program)
{
	_cleanup_free_ char *conf = NULL;

	*r = (struct recorded){ .testcase = testcase_of(program), .e = { .l2_cpus = 2 } };
	if (r->testcase->host >= HOST_SCRIPTED)
		r->e.l2_cpus = SCRIPTED_CPUS;
	r->e.l2_busy = r->testcase->quiet || r->testcase->host == HOST_UNUSED ? 0 : r->e.l2_cpus;
	conf = strf("config/assignments/%s.conf", r->testcase->assignment);
	assert_int_equal(assignment_load(conf, &r->assignment), 0);
	r->e.assignment = r->assignment;
	r->e.obs = read_output(program, "output.txt");
	if (has_data(program, "cpus.json")) {
		read_oracle(program, "before.json", &r->e.before);
		read_oracle(program, "after.json", &r->e.after);
	}
	if (has_data(program, "trace.txt"))
		read_trace(r, program);
	if (has_data(program, "handled.txt"))
		read_handled(program, &r->e.reasons);
	if (r->testcase->wants_baseline)
		r->e.baseline = read_output(program, "baseline.txt");
}

RECORDED void unload(struct recorded *r)
{
	observations_free(&r->e.obs);
	observations_free(&r->e.baseline);
	trace_records_free(&r->e.trace);
	assignment_free(r->assignment);
}

RECORDED struct run_result *judge(const struct recorded *r)
{
	struct run_result *run = result_new("unit");
	struct test_result *t = result_add_test(run, r->testcase->name, r->testcase->assignment);

	judge_fixed(r->testcase, &r->e, t);
	result_judge_test(t);
	return run;
}

RECORDED enum outcome verdict_of(const struct run_result *run, const char *check)
{
	const struct test_result *t = &run->tests[0];

	for (size_t i = 0; i < t->n_checks; i++)
		if (!strcmp(t->checks[i].name, check))
			return t->checks[i].verdict;
	fail_msg("%s has no check '%s'", t->name, check);
	return OUT_BROKEN;
}

RECORDED struct observation *obs(struct evidence *e, const char *key, size_t i)
{
	struct observation *o = (struct observation *)obs_get(&e->obs, key, i);

	assert_non_null(o);
	return o;
}

RECORDED void set_all(struct evidence *e, const char *key, uint64_t value)
{
	for (size_t i = 0; i < e->obs.n; i++)
		if (!strcmp(e->obs.v[i].key, key))
			e->obs.v[i].u64 = value;
}

RECORDED void add_to_all(struct evidence *e, const char *key, uint64_t value, uint64_t mask)
{
	for (size_t i = 0; i < e->obs.n; i++)
		if (!strcmp(e->obs.v[i].key, key))
			e->obs.v[i].u64 = (e->obs.v[i].u64 + value) & mask;
}

RECORDED void forget(struct evidence *e, const char *key)
{
	for (size_t i = 0; i < e->obs.n; i++)
		if (!strcmp(e->obs.v[i].key, key))
			e->obs.v[i].key[0] = '_';
}

/* A fault, put into what a program's run left; the check that must tell it, and how. */
struct fault {
	const char *program, *name;
	void (*put)(struct evidence *e);
	const char *check;
	enum outcome verdict;
};

RECORDED void find_fault(const struct fault *f)
{
	struct run_result *run;
	struct recorded r;

	load(&r, f->program);
	f->put(&r.e);
	run = judge(&r);
	if (verdict_of(run, f->check) != f->verdict)
		fail_msg("fault '%s' in %s: check '%s' says %s", f->name, f->program, f->check,
			 outcome_name(verdict_of(run, f->check)));
	assert_true(run->tests[0].verdict != OUT_PASS);
	result_free(run);
	unload(&r);
}

/* What a check of the evidence with this fault tells has these words in it. */
RECORDED void assert_told(const char *program, void (*put)(struct evidence *e), const char *check,
			  const char *words)
{
	struct run_result *run;
	struct recorded r;

	load(&r, program);
	put(&r.e);
	run = judge(&r);
	assert_non_null(strstr(result_find_check(&run->tests[0], check)->observed, words));
	result_free(run);
	unload(&r);
}

/*
 * What must pass: the evidence as it is, all of it; or (put) in another form that is right, in
 * which a check may be skipped.
 */
RECORDED void pass_right(const char *program, const char *form, void (*put)(struct evidence *e))
{
	struct run_result *run;
	struct recorded r;

	load(&r, program);
	if (put)
		put(&r.e);
	run = judge(&r);
	for (size_t i = 0; i < run->tests[0].n_checks; i++) {
		const struct check_result *c = &run->tests[0].checks[i];

		if (c->verdict != OUT_PASS && !is_unasked(c) && !(put && c->verdict == OUT_SKIP))
			fail_msg("%s, %s: check '%s': expected %s, observed %s", program, form, c->name, c->expected,
				 c->observed);
	}
	assert_int_equal(run->tests[0].verdict, OUT_PASS);
	result_free(run);
	unload(&r);
}

#endif
