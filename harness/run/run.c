// SPDX-License-Identifier: GPL-2.0-only
#include "run/run.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/ui.h"
#include "judge/checks.h"
#include "kernel/handlers.h"
#include "report/report.h"

static void copy_boot(struct run *r)
{
	const struct boot_record *b = &r->lab->boot;

	for (size_t i = 0; i < b->n; i++)
		result_add_exit_sample(r->result, b->samples[i].seconds, b->samples[i].exits);
	r->result->exits_per_boot = b->exits;
	r->result->boot_seconds = b->seconds;
}

static void check_log(struct test_result *t, const struct level *l)
{
	_cleanup_free_ char *name = strf("%s's kernel log", l->name);
	_cleanup_free_ char *where = strf("l%u-console.log", l->number);
	const struct strv *found = &l->console.findings;
	_cleanup_free_ char *observed =
		found->n ? strf("%zu, the first: %s", found->n, found->v[0]) : xstrdup("none");

	check_that(t, name, !found->n, "no warning while the tests ran", observed, where);
}

/* A change that works but makes a kernel warn is not right. */
static void judge_logs(struct run *r)
{
	bool l1 = !r->lab->kernel.flavor.name; /* or its tests have told */
	struct test_result *t;

	if (!l1 && !lab_has_l2(r->lab))
		return;
	t = result_add_test(r->result, "lab/kernel-logs", "lab");
	if (l1)
		check_log(t, &r->lab->l1);
	if (lab_has_l2(r->lab))
		check_log(t, &r->lab->l2);
	result_judge_test(t);
}

static void skip_test(struct run *r, const struct testcase *t, const char *why)
{
	struct test_result *res =
		result_add_test(r->result, t->name, t->assignment ? t->assignment : "lab");

	res->verdict = OUT_SKIP;
	str_set(&res->reason, why);
}

/* An emulator that lost a level is no verdict on the kernel: from the saved state again, and what was seen is told. */
static int retry_test(struct run *r, const struct testcase *t)
{
	int ret;

	r->retries--;
	ui_note("%s; %s is run once more", fail_text(), t->name);
	result_drop_test(r->result);
	tracer_stop(r);
	ret = lab_up_again(r->lab);
	str_set(&r->monitor_at, NULL);
	r->program_there = NULL;
	if (!ret)
		ret = tracer_start(r);
	if (!ret)
		oracles_begin(r);
	if (ret) {
		skip_test(r, t, "its level was lost, and the lab did not come up again");
		return ret;
	}
	return execute_test(r, t);
}

static int run_test(struct run *r, const struct testcase *t)
{
	int ret = execute_test(r, t);

	if (ret && r->retries && lab_lost_silently(r->lab, ret))
		ret = retry_test(r, t);
	return ret;
}

static int run_tests(struct run *r)
{
	int ret = tracer_start(r);

	if (!ret)
		oracles_begin(r);
	r->retries = r->lab->lane.retries;
	for (size_t i = 0; i < r->n_tests; i++) {
		if (ret)
			skip_test(r, r->tests[i], "not run: the lab was gone by then");
		else
			ret = run_test(r, r->tests[i]);
	}
	/* Kept now: cleaning up after a dead level fails, too, and would tell that in its place. */
	if (ret)
		str_set(&r->why, fail_text());
	tracer_stop(r);
	if (!ret)
		judge_logs(r);
	return ret;
}

static void describe(struct run *r)
{
	_cleanup_buf_ struct buf names = { 0 };

	for (size_t i = 0; i < r->n_assignments; i++)
		buf_printf(&names, "%s%s", i ? "," : "", r->assignments[i]->name);
	str_set(&r->result->lane, r->lab->lane.name);
	str_set(&r->result->lane_reason, r->lab->lane.reason);
	str_set(&r->result->kernel, r->lab->kernel.name);
	str_set(&r->result->kernel_flavor, r->lab->kernel.flavor.name);
	str_set(&r->result->assignment, buf_str(&names));
}

/* Of the module that L1 loads; none when the change has renamed its table. */
static void read_handlers(struct run *r)
{
	const char *vendor = r->lab->lane.intel ? "/kvm-intel.ko" : "/kvm-amd.ko";

	for (size_t i = 0; i < r->lab->host.modules.n; i++)
		if (str_ends(r->lab->host.modules.v[i], vendor))
			handlers_read(r->lab->host.modules.v[i], &r->reasons);
}

static int prepare_monitor(struct run *r)
{
	for (size_t i = 0; i < r->n_tests; i++) {
		const struct testcase *t = r->tests[i];

		if (t->wants_monitor)
			return monitor_prepare(r->lab->set.monitor,
					       run_assignment(r, t->assignment), &r->monitor);
	}
	return 0;
}

static int go(struct run *r)
{
	struct lab *lab = r->lab;
	int ret = select_tests(r, &lab->set.tests, lab->set.assignment,
			       lab->kernel.flavor.name ? 1 : 0);

	if (ret)
		return ret;
	lab->without_l2 = !select_needs_l2(r);
	describe(r);
	ret = prepare_monitor(r);
	lab->monitor = r->monitor.path;
	if (!ret)
		ret = lab_prepare(lab);
	if (!ret)
		ret = baseline_prepare(r);
	if (!ret)
		ret = lab_up(lab, r->dir, false);
	if (ret)
		return ret;
	copy_boot(r);
	read_handlers(r);
	return run_tests(r);
}

static void add_crash_lines(struct run *r, const struct level *l)
{
	for (size_t i = 0; i < l->console.crash_text.n; i++)
		strv_add(&r->result->console, l->console.crash_text.v[i]);
}

/* What ended the run early, in the result's words. */
static void take_failure(struct run *r, int ret)
{
	struct run_result *res = r->result;

	res->verdict = (enum outcome)-ret;
	str_set(&res->reason, r->why ? r->why : fail_text());
	add_crash_lines(r, &r->lab->l1);
	add_crash_lines(r, &r->lab->l2);
}

static void add_stages(struct run *r)
{
	unsigned int n;
	const struct ui_stage *s = ui_stages(&n);

	for (unsigned int i = 0; i < n; i++) {
		_cleanup_free_ char *what = strf("%s, %.1f s", s[i].word, s[i].seconds);

		result_add_stage(r->result, s[i].name, what);
	}
}

static int write_reports(struct run *r, uint32_t keep_runs)
{
	struct terminal_opts o = { .color = isatty(STDOUT_FILENO), .verbose = ui_verbose() };
	int ret = report_all(r->result, r->dir);

	rundir_publish(r, keep_runs);
	report_terminal(r->result, &o, stdout);
	fflush(stdout);
	return ret;
}

static void free_run(struct run *r)
{
	for (size_t i = 0; i < r->n_assignments; i++)
		assignment_free(r->assignments[i]);
	free(r->assignments);
	monitor_free(&r->monitor);
	free(r->monitor_at);
	free(r->tests);
	free(r->why);
	free(r->debugfs_pids);
	free(r->dir);
	if (r->result)
		result_free(r->result);
}

/* The result says how it went; only a usage error has none. */
static int conclude(struct run *r, int ret, uint64_t start)
{
	uint32_t keep_runs = r->lab->set.keep_runs;
	int err;

	if (ret == -OUT_USAGE)
		return ret;
	r->result->verdict = OUT_PASS;
	str_set(&r->result->reason, NULL);
	if (ret)
		take_failure(r, ret);
	manifest_fill(r);
	add_stages(r);
	r->result->seconds = (double)(now_ns() - start) / 1e9;
	result_finish(r->result);
	/* Not merely wrong. */
	if (r->lab->blind && !r->result->reason && r->result->verdict == OUT_FAIL)
		str_set(&r->result->reason, r->lab->blind);
	ret = outcome_exit_code(r->result->verdict);
	lab_close(r->lab, r->lab->was_kept && r->lab->l1.dom);
	err = write_reports(r, keep_runs);
	return err ? err : ret;
}

int run_all(void)
{
	struct lab lab;
	struct run r = { .lab = &lab };
	uint64_t start = now_ns();
	int ret = lab_open(&lab, "test", LAB_EXCLUSIVE);

	if (!ret)
		ret = rundir_make(&r);
	if (!ret)
		ret = conclude(&r, go(&r), start);
	if (ret < 0 && r.dir && fail_outcome() == OUT_USAGE)
		rm_rf(r.dir); /* nothing was run: no result */
	lab_close(&lab, false);
	free_run(&r);
	return ret;
}
