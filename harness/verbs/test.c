// SPDX-License-Identifier: GPL-2.0-only
#include "run/run.h"
#include "verbs/verb.h"

static int verb_test(int argc, char **argv);

static const struct verb test = {
	.name = "test",
	.usage = "",
	.summary = "build, boot, judge, show the verdict",
	.order = 10,
	.settings = KNOBS_ASKED " " KNOBS_OF_RESULTS,
	.ends = VERB_ENDS_AS_RUNS,
	.judges = true,
	.labs = true,
	.run = verb_test,
};
VERB(test);

static int verb_test(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return run_as_asked(NULL);
}
