// SPDX-License-Identifier: GPL-2.0-only
#include "grade/unask.h"

#include <stdlib.h>

void unask_check(struct check_result *c, const char *why)
{
	_cleanup_free_ char *was = c->observed;

	c->verdict = OUT_SKIP;
	c->observed = strf("%s (%s)", why, was ? was : "");
}

void unask_end(struct run_result *r)
{
	for (size_t i = 0; i < r->n_tests; i++)
		if (r->tests[i].verdict == OUT_FAIL) {
			r->tests[i].verdict = OUT_SKIP;
			result_judge_test(&r->tests[i]);
		}
	r->summary = result_count(r);
	if (r->verdict == OUT_FAIL)
		r->verdict = result_tests_verdict(r);
}
