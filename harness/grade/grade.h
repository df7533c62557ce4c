/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A class: what was handed in by many, what came of each, and the points. It works on recorded
 * results; the runs are somebody else's.
 */
#ifndef NESTLAB_GRADE_GRADE_H
#define NESTLAB_GRADE_GRADE_H

#include <stdbool.h>

#include "grade/rubric.h"
#include "judge/result.h"

struct submission {
	char *name; /* the entry's, as a plain name */
	char *path; /* where it lies */
	char *dir;  /* of its results */
	char *key;  /* of what was judged; NULL: nothing was */
	/* from the intake: */
	char *base;	   /* "6.12"; NULL: none was found */
	char *confidence;  /* "exact", "moved", "moved far", "merged", "without its drift"; NULL */
	bool exact; /* as struct intake has it */
	bool drift; /* it is of another age: only a pass counts */
	bool fastpath; /* so has its own kernel: what handles exits before vmx_handle_exit() */
	/*
	 * The lane that it is judged in, where nobody saw the base's reference pass there: only a
	 * pass counts; NULL: all is well.
	 */
	char *unseen;
	char *elsewhere; /* "it answers CPUID leaf ..., and not ...": only a pass counts; NULL: all is well */
	double days_late;  /* 0: in time, or nobody told */
	struct strv notes;
	char *change; /* the patch that was judged; NULL: there is none */
	/* What came of it; grade_judge() sets these. */
	char *verdict; /* "pass", "fail", "build-error", "crash", "empty", "half", "needs a person", "not judged" */
	char *why;     /* a sentence; NULL: none is needed */
	bool person;   /* a person must look: it has no points */
	double points; /* of GRADE_MAX */
	double if_own; /* points, if the person finds the failure to be its own; below 0: unknown */
	struct run_result *result; /* NULL: not judged */
	/* The same change on the base at the other end of its age (ends.h); NULL: there is none. */
	char *end, *end_unseen;	       /* as base and unseen */
	struct run_result *end_result; /* NULL: not judged there, or not yet */
};

struct class {
	char *name, *dir;
	const struct rubric *rubric; /* borrowed */
	struct submission *v;
	size_t n;
};

/*
 * Points and verdict from s->result (NULL: s->verdict and s->why stand as the intake set them), and
 * from s->end_result where there is one: it may be called again with that. A build error is the
 * submission's own only where its base is certain, or at both ends of its age; what the lab failed
 * at is a person's.
 */
void grade_judge(const struct rubric *r, struct submission *s);

/*
 * Into s->dir: feedback.md (what a student may see now), feedback-all.md, gradescope/results.json,
 * intake.txt. 0 or -OUT_BROKEN.
 */
int grade_write(const struct rubric *r, const struct submission *s);
/* class.csv and class.html in c->dir. 0 or -OUT_BROKEN. */
int grade_write_class(const struct class *c);
/* Nothing failed but that exits of KVM's fastpath are not counted. NULL: not so. */
bool grade_lacks_fastpath_only(const struct run_result *run);
/* "cpuid-exits/answer: edx, eax; ...", up to a few. */
void grade_failed(const struct submission *s, struct buf *out);
/* 0 or -OUT_BROKEN with a sentence. */
int grade_write_file(const char *dir, const char *name, const char *text, size_t len);
void submission_free(struct submission *s);

#endif
