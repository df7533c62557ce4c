/* SPDX-License-Identifier: GPL-2.0-only */
/* What a second build, which reports data races, says of a test (races.c). Pure. */
#ifndef NESTLAB_RUN_RACES_H
#define NESTLAB_RUN_RACES_H

#include "judge/result.h"
#include "judge/testcase.h"

/*
 * Add the check "lost updates" to `told`, the first build's result, from `second`, the other one's
 * (NULL: there is none; why: for what reason). What keeps the program from its end there is no
 * fault of the change: then it is skipped. Returns the check of `second` that is told as a fault,
 * whose file is in that run's folder; NULL: none.
 */
const struct check_result *races_tell(const struct testcase *tc, struct test_result *told,
				      const struct test_result *second, const char *why);

#endif
