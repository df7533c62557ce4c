/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A submission of another age, judged on the two bases between which its kernel was: what a kernel
 * of its age has is in one of them, and what it lacks is lacked by one. So what fails on both fails
 * in its own kernel, and what fails on one may be that base's.
 */
#ifndef NESTLAB_GRADE_ENDS_H
#define NESTLAB_GRADE_ENDS_H

#include "grade/grade.h"

/* Can a run at the other end settle what came of the first one? */
bool ends_wanted(const struct submission *s);
/* As TESTS= has them, those that are asked there: which failed; "": all. The caller owns it. */
char *ends_tests(const struct submission *s);
/*
 * Did something fail at both ends? Then what failed at the first one alone is not asked any more,
 * in s->result; else nothing is changed.
 */
bool ends_settle(struct submission *s);
/* Does it build at neither end, and by the same words of a compiler? */
bool ends_same_error(const struct submission *s);

#endif
