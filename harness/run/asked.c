// SPDX-License-Identifier: GPL-2.0-only
#include "core/outcome.h"
#include "run/run.h"

static int make_plan(struct knobs *k, const char *plan_file, struct plan *plan)
{
	int ret = plan_file ? plan_load_knobs(plan_file, k) : 0;

	return ret ? ret : plan_make(k, plan);
}

/* asked: what was wrong before there was a plan, or 0. */
static int plan_and_run(struct knobs *k, int asked, const char *plan_file, struct rundir *dir)
{
	struct plan plan = { 0 };
	int ret = asked ? asked : make_plan(k, plan_file, &plan);

	ret = run_plan(&plan, ret, dir);
	plan_free(&plan);
	return ret;
}

/*
 * The folder first: also what was wrongly asked for is a run of its own, and not the one before it.
 */
int run_as_asked(const char *plan_file)
{
	struct rundir dir;
	struct knobs k;
	int asked = knobs_load(&k), ret;

	ret = rundir_make(&k, &dir);
	if (ret == -OUT_USAGE && !asked)
		asked = ret;
	if (!ret || ret == -OUT_USAGE)
		ret = plan_and_run(&k, asked, plan_file, &dir);
	knobs_free(&k);
	rundir_free(&dir);
	return ret;
}
