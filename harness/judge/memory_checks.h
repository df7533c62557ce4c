/* SPDX-License-Identifier: GPL-2.0-only */
/* For tests whose program asks the host thousands of times (testcases/memory.h). Pure. */
#ifndef NESTLAB_JUDGE_MEMORY_CHECKS_H
#define NESTLAB_JUDGE_MEMORY_CHECKS_H

#include "judge/testcase.h"

/* The name, for the test's list. */
#define MEMORY_CHECK "the kernel's memory"

/* No object of L1's kernel is left for each question. */
void check_memory(const struct evidence *e, struct test_result *t);

#endif
