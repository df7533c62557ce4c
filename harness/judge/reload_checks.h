/* SPDX-License-Identifier: GPL-2.0-only */
/* For tests whose program unloads KVM and loads it again (testcases/reload.h). Pure. */
#ifndef NESTLAB_JUDGE_RELOAD_CHECKS_H
#define NESTLAB_JUDGE_RELOAD_CHECKS_H

#include <stdbool.h>

#include "judge/testcase.h"

/* The names, for the test's list. */
#define RELOAD_CHECKS "KVM can be unloaded", "KVM can be loaded again"

/* Adds both. Returns whether KVM was loaded again: else there is nothing more to judge. */
bool check_reload(const struct evidence *e, struct test_result *t);

#endif
