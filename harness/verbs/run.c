// SPDX-License-Identifier: GPL-2.0-only
#include "core/util.h"
#include "run/run.h"
#include "run/rundir.h"
#include "verbs/verb.h"

static int verb_run(int argc, char **argv);

static const struct verb run = {
	.name = "run",
	.usage = "PLAN",
	.summary = "run a plan again: a results folder, its name, or the plan.json in it",
	.order = 11,
	.settings = KNOBS_OF_RESULTS,
	.ends = VERB_ENDS_AS_RUNS,
	.judges = true,
	.labs = true,
	.run = verb_run,
};
VERB(run);

static int verb_run(int argc, char **argv)
{
	_cleanup_free_ char *dir = NULL;

	if (argc != 2)
		return verb_usage(&run);
	dir = rundir_find(argv[1]);
	return run_as_asked(path_exists(argv[1]) ? argv[1] : dir);
}
