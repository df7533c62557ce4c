// SPDX-License-Identifier: GPL-2.0-only
#include "run/run.h"
#include "verbs/verb.h"

static int verb_test(int argc, char **argv);

static const struct verb test = {
	.name = "test",
	.usage = "",
	.summary = "build, boot, judge, show the verdict",
	.order = 10,
	.judges = true,
	.run = verb_test,
};
VERB(test);

static int verb_test(int argc, char **argv)
{
	(void)argv;
	return argc == 1 ? run_as_asked(NULL) : verb_usage(&test);
}
