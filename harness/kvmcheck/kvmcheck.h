/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What KVM's maintainers ask of a series (Documentation/process/maintainer-kvm-x86.rst), in one
 * command: checkpatch, each patch built by itself, and the plans of config/kvm-check.conf, run by
 * the pool. To one page, one table and one exit code, and a paragraph for the cover letter.
 */
#ifndef NESTLAB_KVMCHECK_KVMCHECK_H
#define NESTLAB_KVMCHECK_KVMCHECK_H

#include "judge/result.h"
#include "night/night.h"
#include "plan/plan.h"
#include "run/pool.h"
#include "run/rundir.h"

/* In the place of an assignment, in the results of such a run. */
#define KVM_CHECK "kvm-check"

/* Its own parts; the others are the names of plans. */
#define PART_CHECKPATCH "checkpatch"
#define PART_BUILDS "builds"
#define PART_DOCS "htmldocs"

/* In the manifest: of each plan, its settings: "SUITE=selftests LANE=tcg-svm". */
#define PART_SETTINGS "part "
#define PART_QEMU "QEMU" /* among them, of one that was run: its version */
/* Measures of a suite's run, and of its part: how many lines are the same, and how many are not. */
#define LINES_MEASURE "lines: "

struct kvm_check {
	struct knobs knobs;
	struct rundir run;
	struct plan plan; /* the series on its base */
	struct night_conf conf;
	struct night_items items;
	struct strv wanted; /* parts, by name or pattern; none: all */
	struct pool pool;
	struct night_part *parts; /* of the plans */
	size_t n_parts;
};

/* ---- kvmcheck.c ---- */

/*
 * parts: names of parts, of lines of the .conf, or patterns of plans' names ("selftests*tcg-svm*");
 * none: all. Returns an exit code or a negative outcome.
 */
int kvm_check_run(const struct strv *parts);
/*
 * For tests: of the words of TESTS= those that a line with that suite (NULL: none) is asked for.
 * "SUITE/TEST" is for that one alone.
 */
void kvm_check_tests(const struct strv *tests, const char *suite, struct buf *b);
/* A row of the table: of a part that is over, which is in the result. */
void kvm_check_row(const struct run_result *r, const char *part);

/* ---- builds.c, checkpatch.c, docs.c: parts of its own, a test of the result each ---- */

/* Each patch on those before it, with KVM_WERROR. 0 or -OUT_INTERRUPTED, as the two others. */
int kvm_check_builds(struct kvm_check *c);
/* What the base's own checkpatch says of each: an error is a failure, a warning is told. */
int kvm_check_checkpatch(struct kvm_check *c);
/*
 * For tests: "1 error, 2 warnings: FIRST", and whether it is a failure. status: its exit code; of a
 * patch that it likes it prints nothing. NULL: it did not come to its end. The caller owns it.
 */
char *checkpatch_read(const char *output, int status, bool *wrong);

/* ---- cover.c ---- */

/* A paragraph of what was tested how, and of what was not. 0 or -OUT_USAGE: no run of this kind. */
int kvm_check_cover(const struct run_result *r, struct buf *b);

#endif
