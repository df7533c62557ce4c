// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "judge/testcase.h"
#include "suite/suite.h"
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

/* Which tests they have is known when they are built. */
static int list_suites(void)
{
	_cleanup_strv_ struct strv names = { 0 };
	int ret = suite_names(&names);

	for (size_t i = 0; !ret && i < names.n; i++) {
		_cleanup_free_ char *word = strf("SUITE=%s", names.v[i]);
		struct suite s;

		ret = suite_load(names.v[i], &s);
		if (ret)
			return ret;
		printf("%-28s %s\n", word, s.title ? s.title : s.name);
		suite_free(&s);
	}
	return ret;
}

static int verb_tests(int argc, char **argv)
{
	size_t n;
	const struct testcase *const *all = testcases_all(&n);

	(void)argc;
	(void)argv;
	for (size_t i = 0; i < n; i++)
		printf("%-28s %s%s\n", all[i]->name, all[i]->summary,
		       all[i]->on_request ? " (only when named)" : "");
	return list_suites();
}
