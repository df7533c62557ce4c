// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "core/near.h"
#include "core/outcome.h"
#include "core/ui.h"
#include "gdb/session.h"
#include "judge/testcase.h"
#include "run/debugger.h"
#include "run/run.h"
#include "verbs/verb.h"

static int verb_gdb(int argc, char **argv);

static const struct verb gdb = {
	.name = "gdb",
	.usage = "1 [--before TEST] [-- GDB'S ARGUMENT...]",
	.summary = "gdb on L1's kernel, with KVM's lines and variables: in the running lab, or from before a test's program on (lane tcg-svm)",
	.order = 26,
	.settings = KNOBS_ASKED " " KNOBS_OF_RESULTS " -TESTS -SUITE",
	.ends = VERB_ENDS_AS_RUNS,
	.codes = "* gdb's own; with --before the run's",
	.labs = true,
	.run = verb_gdb,
};
VERB(gdb);

#define ANSWER_S 5

/* ---- in a lab that runs ---- */

static int debug(struct lab *lab, const struct plan *plan, char *const *args)
{
	struct level *l1 = &lab->levels[L1];
	struct session s = { .lock = -1 };
	int ret = gdb_session_begin(&s, l1, &plan->lane), end;

	/* One that another gdb has stopped would not answer. */
	if (!ret)
		ret = level_open_channel(l1, ANSWER_S);
	if (!ret)
		ret = gdb_session_prepare(&s, plan);
	level_close_channel(l1);
	if (!ret)
		ret = gdb_session_start(&s, args);
	if (!ret)
		ret = gdb_session_wait(&s);
	gdb_session_end(&s);
	if (ret < 0)
		return ret;
	/* Told here, and not by whatever comes next. */
	end = level_open_channel(l1, ANSWER_S);
	if (!end)
		ui_note("L1 goes on");
	return end ? end : ret;
}

static int in_running_lab(const struct knobs *k, char *const *args)
{
	struct plan plan = { 0 };
	struct lab lab;
	int ret = lab_join(&lab, k->place, false);

	if (!ret)
		ret = lab_kept_plan(&plan);
	if (!ret)
		ret = debug(&lab, &plan, args);
	plan_free(&plan);
	lab_close(&lab, true);
	return ret;
}

/* ---- from before a test on ---- */

static int check_test(const struct knobs *k, const char *test)
{
	_cleanup_strv_ struct strv names = { 0 };
	const struct testcase *const *all;
	size_t n;

	if (k->tests.n)
		return fail(OUT_USAGE, "TESTS= and --before: the test that --before names is run alone; leave TESTS= out");
	if (testcase_find(test))
		return 0;
	all = testcases_all(&n);
	for (size_t i = 0; i < n; i++)
		strv_add(&names, all[i]->name);
	return near_fail("there is no test", test, &names);
}

/* Before minutes are spent on it. */
static int check_lane(const struct knobs *k)
{
	struct plan plan;
	int ret = plan_with(k, NULL, 0, &plan);

	if (!ret)
		ret = gdb_session_check(&plan.lane);
	plan_free(&plan);
	return ret;
}

static int before_test(const struct knobs *k, const char *test, char *const *args)
{
	_cleanup_free_ char *tests = strf("TESTS=%s", test);
	/* How long it took says nothing of anything. */
	char *settings[] = { tests, (char *)"HISTORY=no", NULL };
	int ret = check_test(k, test);

	if (!ret)
		ret = check_lane(k);
	if (ret)
		return ret;
	knobs_take(2, settings, 2);
	debugger_before(test, args);
	return run_as_asked(NULL);
}

static int verb_gdb(int argc, char **argv)
{
	bool before = argc > 3 && !strcmp(argv[2], "--before");
	int at = before ? 4 : 2, ret;
	bool more = argc > at && !strcmp(argv[at], "--");
	struct knobs k;

	if (argc < 2 || strcmp(argv[1], "1") || (argc > at && !more))
		return verb_usage(&gdb);
	ret = knobs_load(&k);
	if (!ret && before)
		ret = before_test(&k, argv[3], argv + at + more);
	else if (!ret)
		ret = in_running_lab(&k, argv + at + more);
	knobs_free(&k);
	return ret;
}
