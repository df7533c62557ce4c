// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "judge/testcase.h"
#include "verbs/verb.h"

static int verb_tests(int argc, char **argv);

static const struct verb tests = {
	.name = "tests",
	.usage = "",
	.summary = "list the tests that TESTS= can name",
	.order = 31,
	.run = verb_tests,
};
VERB(tests);

static int verb_tests(int argc, char **argv)
{
	size_t n;
	const struct testcase *const *all = testcases_all(&n);

	(void)argv;
	if (argc != 1)
		return verb_usage(&tests);
	for (size_t i = 0; i < n; i++)
		printf("%-28s %s%s\n", all[i]->name, all[i]->summary,
		       all[i]->on_request ? " (only when named)" : "");
	return 0;
}
