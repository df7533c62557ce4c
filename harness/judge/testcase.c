// SPDX-License-Identifier: GPL-2.0-only
#include "judge/testcase.h"

#include <stdlib.h>
#include <string.h>

#include "core/util.h"

/* The linker makes them from the section's name. Weak: a program without any testcase links too. */
extern const struct testcase *const __start_nestlab_testcases[] __attribute__((weak));
extern const struct testcase *const __stop_nestlab_testcases[] __attribute__((weak));

static int by_name(const void *a, const void *b)
{
	const struct testcase *ta = *(const struct testcase *const *)a;
	const struct testcase *tb = *(const struct testcase *const *)b;

	return strcmp(ta->name, tb->name);
}

const struct testcase *const *testcases_all(size_t *n)
{
	static const struct testcase **sorted;

	*n = 0;
	if (__start_nestlab_testcases)
		/* cppcheck-suppress comparePointers ; both are the ends of one section */
		*n = (size_t)(__stop_nestlab_testcases - __start_nestlab_testcases);
	if (!sorted) {
		sorted = xcalloc(*n, sizeof(*sorted));
		if (*n) {
			memcpy(sorted, __start_nestlab_testcases, *n * sizeof(*sorted));
			qsort(sorted, *n, sizeof(*sorted), by_name);
		}
	}
	return sorted;
}

const struct testcase *testcase_find(const char *name)
{
	const struct testcase *const *all;
	size_t n;

	all = testcases_all(&n);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(all[i]->name, name))
			return all[i];
	return NULL;
}

const char *testcase_group(const struct testcase *t)
{
	if (t->suite)
		return t->suite;
	return t->assignment ? t->assignment : "lab";
}

bool testcase_has_check(const struct testcase *t, const char *check)
{
	for (const char *const *c = t->checks; c && *c; c++)
		if (!strcmp(*c, check))
			return true;
	return false;
}

char *testcase_file(const char *kind, const char *test)
{
	char *name = strf("%s-%s.txt", kind, test);

	for (char *p = name; *p; p++)
		if (*p == '/')
			*p = '-';
	return name;
}
