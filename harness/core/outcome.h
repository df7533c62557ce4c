/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kinds of outcome, kept apart everywhere: on the terminal, in files, in exit codes.
 *
 * A fallible function returns 0, or the negative outcome that fail() gave it. fail() records one
 * sentence: what was tried, on what, why it failed and what to do. The sentence is printed once, by
 * whoever ends the command; a caller with more to say puts it in front with fail_prefix().
 */
#ifndef NESTLAB_CORE_OUTCOME_H
#define NESTLAB_CORE_OUTCOME_H

enum outcome {
	OUT_PASS = 0,
	OUT_FAIL,	 /* the change under test is wrong */
	OUT_USAGE,	 /* bad command line or configuration */
	OUT_BROKEN,	 /* the lab itself failed: never the submitter's fault */
	OUT_BUILD_ERROR, /* the change does not apply or does not build */
	OUT_CRASH,	 /* a kernel under test panicked, oopsed, hung or reset */
	OUT_SKIP,	 /* not judged, with a reason */
	/* what was handed in is no change: empty, text, binary; nothing was judged */
	OUT_UNUSABLE,
	OUT_BUSY,	 /* another nestlab has the place */
	OUT_INTERRUPTED, /* stopped by a signal from outside, before its end */
	OUT_COUNT
};

/*
 * "pass", "fail", "usage", "broken", "build-error", "crash", "skip", "unusable", "busy",
 * "interrupted": as written to results.json.
 */
const char *outcome_name(enum outcome o);

/* The inverse; returns -1 for an unknown name. */
int outcome_from_name(const char *name);

/* The process's exit code for an outcome (0, 1, 2, 3, 4, 5, 77). */
int outcome_exit_code(enum outcome o);

/* What it says of a run, as the guides and the manual have it: "everything asked for passed". */
const char *outcome_meaning(enum outcome o);

/* Record one sentence for this outcome; returns -o. Replaces an earlier record. */
int fail(enum outcome o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Put "fmt: " in front of the recorded sentence; returns the same negative outcome again. */
int fail_prefix(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* What fail() recorded last; the text is "" when nothing was. Valid until the next fail(). */
enum outcome fail_outcome(void);
const char *fail_text(void);
void fail_clear(void);
/* Record again what these told before: what came in between is told elsewhere, or is none. */
void fail_restore(enum outcome o, const char *text);

#endif
