/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For tests whose program tells, in texts, what things do beside what was asked for: each text must
 * be as the unpatched kernel's, where the same program ran. Pure.
 */
#ifndef NESTLAB_JUDGE_EFFECTS_H
#define NESTLAB_JUDGE_EFFECTS_H

#include "judge/testcase.h"

struct effect {
	const char *key; /* what the keys of its texts begin with: "kick." */
	const char *check, *expected;
};

/* A check each. One of which neither kernel has a text is skipped. */
void check_effects(const struct evidence *e, struct test_result *t, const struct effect *effects,
		   size_t n);

#endif
