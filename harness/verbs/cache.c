// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "core/paths.h"
#include "verbs/verb.h"

static int verb_cache(int argc, char **argv);

static const struct verb cache = {
	.name = "cache",
	.usage = "[run]",
	.summary = "where kernels, images and states are kept (run: where the running lab's sockets are)",
	.order = 41,
	.run = verb_cache,
};
VERB(cache);

static int verb_cache(int argc, char **argv)
{
	if (argc > 2 || (argc == 2 && strcmp(argv[1], "run")))
		return verb_usage(&cache);
	puts(argc == 2 ? path_run() : path_cache());
	return 0;
}
