/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A suite's test, judged: each line that it said is a check. Beside what it said on the unpatched
 * kernel a line is the change's fault where it passed there and does not now, or fails as nothing
 * did there. What fails there, too, is told as skipped: it says nothing of the change. Where there
 * is nothing to compare with (the unpatched kernel itself) each line speaks for itself, and only
 * known failures are skipped. Pure.
 */
#ifndef NESTLAB_JUDGE_SUITE_CHECKS_H
#define NESTLAB_JUDGE_SUITE_CHECKS_H

#include "judge/result.h"
#include "suite/known.h"
#include "suite/record.h"

struct suite_judging {
	const char *test; /* "state_test" */
	const struct suite_said *now;
	const struct suite_record *then; /* n 0: nothing to compare with */
	const struct suite_known *known;
	const char *file; /* of its output, in the run's folder */
};

/* counts: of lines by their change, added to; only where there is something to compare with. */
void suite_checks(const struct suite_judging *j, struct test_result *t,
		  unsigned int counts[SUITE_CHANGES]);

/* Is a line of it worth to be asked again: wrong, or unstable and failing? */
bool suite_checks_doubt(const struct suite_said *now, const struct suite_record *then);
/*
 * The same test was run again, alone, here (again) and, where then has one more run, on the
 * unpatched kernel. A line that was wrong and is not wrong again is no regression but unstable: its
 * check is skipped. The test is judged anew, and the counts follow.
 */
void suite_checks_again(const struct suite_judging *j, const struct suite_said *again,
			struct test_result *t, unsigned int counts[SUITE_CHANGES]);

/*
 * The lab was lost in it. Where the unpatched kernel's lab was, too, each time, it is skipped with
 * that reason; and where there is nothing to compare with, if that is known (why; NULL: it is not).
 * Else its verdict stays.
 */
void suite_checks_lost(const struct suite_record *then, const char *why, struct test_result *t);

#endif
