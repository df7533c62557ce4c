// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/util.h"
#include "night/night.h"
#include "verbs/verb.h"

#define CONF "config/nightly.conf"

static int verb_nightly(int argc, char **argv);

static const struct verb nightly = {
	.name = "nightly",
	.usage = "[--new | --resume] [PLANS.conf]",
	.summary = "all plans and some mutants of " CONF
		   ", to one page and one exit code; goes on where it was killed",
	.order = 35,
	.settings = "LANE JOBS KEEP_DAYS KEEP_MB SAVE_LAB",
	.ends = VERB_ENDS_AS_RUNS,
	.labs = true,
	.run = verb_nightly,
};
VERB(nightly);

static int verb_nightly(int argc, char **argv)
{
	const char *given = NULL;
	_cleanup_free_ char *path = NULL;
	enum night_start how = NIGHT_AS_NEEDED;

	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--new"))
			how = NIGHT_NEW;
		else if (!strcmp(argv[i], "--resume"))
			how = NIGHT_GO_ON;
		else if (given || argv[i][0] == '-')
			return verb_usage(&nightly);
		else
			given = argv[i];
	path = given ? knobs_path(given) : path_in_root(CONF);
	return path ? night_run(path, how) : fail(OUT_USAGE, "there is no %s", given);
}
