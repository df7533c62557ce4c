// SPDX-License-Identifier: GPL-2.0-only
#include "run/run.h"
#include "verbs/verb.h"

static int verb_run(int argc, char **argv);

static const struct verb run = {
	.name = "run",
	.usage = "PLAN",
	.summary = "run a plan again: a results folder, or the plan.json in it",
	.order = 11,
	.settings = KNOBS_OF_RESULTS,
	.ends = VERB_ENDS_AS_RUNS,
	.judges = true,
	.run = verb_run,
};
VERB(run);

static int verb_run(int argc, char **argv)
{
	return argc == 2 ? run_as_asked(argv[1]) : verb_usage(&run);
}
