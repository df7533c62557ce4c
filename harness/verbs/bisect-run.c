// SPDX-License-Identifier: GPL-2.0-only
/*
 * For `git bisect run`: 0 is good, 1 to 127 bad, but 125 "this commit can't be judged"; anything
 * more ends the bisection (git-bisect(1), "Bisect run").
 */
#include "core/outcome.h"
#include "run/run.h"
#include "verbs/verb.h"

#define CANT_BE_JUDGED 125
#define STOP 255

static int verb_bisect_run(int argc, char **argv);
static int code_for_git(int code);

static const struct verb bisect_run = {
	.name = "bisect-run",
	.usage = "",
	.summary = "test, with exit codes for `git bisect run`: 0 good, 1 bad, 125 can't be judged",
	.order = 12,
	.settings = KNOBS_ASKED " " KNOBS_OF_RESULTS,
	.code = code_for_git,
	.codes = "0 good: everything passed\n1 bad: a check failed, or a kernel under test crashed\n"
		 "125 this commit can't be judged: it does not build, or the lab failed\n"
		 "255 wrongly asked for, in use, or interrupted: git bisect ends",
	.judges = true,
	.labs = true,
	.run = verb_bisect_run,
};
VERB(bisect_run);

static int code_for_git(int code)
{
	if (code == outcome_exit_code(OUT_PASS))
		return 0;
	if (code == outcome_exit_code(OUT_FAIL) || code == outcome_exit_code(OUT_CRASH))
		return 1;
	/* What was wrongly asked for would be so at every commit. */
	if (code == outcome_exit_code(OUT_USAGE) || code == outcome_exit_code(OUT_BUSY) ||
	    code == outcome_exit_code(OUT_INTERRUPTED))
		return STOP;
	return CANT_BE_JUDGED;
}

static int verb_bisect_run(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return run_as_asked(NULL);
}
