/* SPDX-License-Identifier: GPL-2.0-only */
/* What a leaf's answer may do from one question to the next. */
#ifndef NESTLAB_TESTCASES_ANSWER_RULES_H
#define NESTLAB_TESTCASES_ANSWER_RULES_H

#include <stdbool.h>

#include "guest.h"

enum answer_rule { GROWS, GROWS_WITH_CYCLES, STAYS, EAX_STAYS };
#define MOST_GROWTH 0x10000000u /* more is a fall */

static inline bool answer_grows(struct cpuid a, struct cpuid b)
{
	return b.eax - a.eax < MOST_GROWTH;
}

/* An edx that was left as it was all the time has a check of its own, and is no other's answer. */
static inline bool answer_grows_with_cycles(struct cpuid a, struct cpuid b)
{
	uint64_t before = (uint64_t)a.ebx << 32 | a.ecx, now = (uint64_t)b.ebx << 32 | b.ecx;

	return answer_grows(a, b) && now >= before && (!b.edx || a.edx);
}

static inline bool answer_is_same(struct cpuid a, struct cpuid b)
{
	return a.eax == b.eax && a.ebx == b.ebx && a.ecx == b.ecx && a.edx == b.edx;
}

static inline bool answer_fits(enum answer_rule rule, struct cpuid a, struct cpuid b)
{
	switch (rule) {
	case GROWS:
		return answer_grows(a, b);
	case GROWS_WITH_CYCLES:
		return answer_grows_with_cycles(a, b);
	case EAX_STAYS:
		return a.eax == b.eax;
	case STAYS:
		return answer_is_same(a, b);
	}
	return false;
}

#endif
