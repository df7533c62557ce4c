// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "kernel/source.h"
#include "verbs/verb.h"

static int run(int argc, char **argv);

static const struct verb verb = {
	.name = "source",
	.usage = "NAME",
	.summary = "unpack a kernel's source without any patch, fetch it where it is not installed, and say where it is",
	.order = 31,
	.run = run,
};
VERB(verb);

static int run(int argc, char **argv)
{
	struct kernel_conf k;
	struct source s = { 0 };
	int ret;

	if (argc != 2)
		return verb_usage(&verb);
	ret = kernel_conf_load(argv[1], &k);
	if (ret)
		return ret;
	ret = source_resolve(&k, &s);
	if (!ret)
		printf("%s\n", s.dir);
	source_free(&s);
	kernel_conf_free(&k);
	return ret;
}
