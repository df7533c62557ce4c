/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A test judged whole: its own checks, those of the oracles that it believes, and a skip for each
 * that could not be asked. Pure, as the judges are.
 */
#ifndef NESTLAB_JUDGE_JUDGE_H
#define NESTLAB_JUDGE_JUDGE_H

#include "judge/testcase.h"

/*
 * Adds the test's checks to *t, all that judge_check_names() tells. The verdict is left to
 * result_judge_test(): a run may have more to say.
 */
void judge_test(const struct testcase *tc, const struct evidence *e, struct test_result *t);

/* Which checks every run of this test has, by name; the caller owns the list. */
void judge_check_names(const struct testcase *tc, struct strv *names);

#endif
