/* SPDX-License-Identifier: GPL-2.0-only */
/* For tests whose program tells how an instruction ends (testcases/ends.h). Pure. */
#ifndef NESTLAB_JUDGE_ENDS_CHECKS_H
#define NESTLAB_JUDGE_ENDS_CHECKS_H

#include "judge/testcase.h"

/* The name, for the test's list. */
#define ENDS_CHECK "the instruction's end"

/* The new question's instruction ends as one that was always answered, run and stepped. */
void check_instruction_end(const struct evidence *e, struct test_result *t);

#endif
