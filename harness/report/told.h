/* SPDX-License-Identifier: GPL-2.0-only */
/* What several reports say in the same words about a result tree. */
#ifndef NESTLAB_REPORT_TOLD_H
#define NESTLAB_REPORT_TOLD_H

#include <stdbool.h>

#include "judge/result.h"

/*
 * True when the run's verdict follows from its tests. Otherwise a report that counts tests only
 * would read as a pass (a crash while nothing was tested, a run that was killed): it needs an item
 * for the run.
 */
bool told_by_tests(const struct run_result *r);
/* The name of that item. */
#define TOLD_RUN_ITEM "the run as a whole"

/* Why the run ended as it did, a sentence for the caller to free; NULL when there is nothing to
 * say. */
char *told_run_reason(const struct run_result *r);
/* Why a test is neither passed nor failed: never empty. */
const char *told_test_reason(const struct test_result *t);

/*
 * "this is its second try; the first one: ...": a pass is a flaky one then. The caller frees it; NULL: there
 * was one try.
 */
char *told_retried(const struct test_result *t);

/*
 * What a check believes and where it can be seen: "oracle: ...; trace.txt lines 12 to 80". The
 * caller frees it; NULL: there is nothing to say.
 */
char *told_evidence(const struct check_result *c);
/* "trace.txt line 17", "l1-console.log"; the caller frees it. */
char *told_reference(const struct evidence_ref *ref);

/* A measure that the list of stages tells as well. */
bool told_by_stage(const struct measure *m);
/* "reused, 0.01 s"; the caller frees it. */
char *told_of_stage(const struct stage *s);

/*
 * What was judged, a line for each patch (of many the first ones, and how many more), raw text:
 *	the reference (kernel 6.12)
 *	caller-pid.patch: "KVM: tell the caller's pid" by A <a@b>, 1 file, +3 -2, sha256 1a2b3c4d
 * False, and the one line TOLD_NOTHING: nothing was judged. The caller frees the lines.
 */
#define TOLD_NOTHING "nothing was judged"
bool told_subject(const struct run_result *r, struct strv *lines);

/*
 * "14 passed, 1 failed, 2 skipped", and ", 1 broken" when there is one; the caller frees it. NULL:
 * no check was made.
 */
char *told_summary(const struct run_result *r);

#endif
