/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From whatever was handed in to a change on a base. A submission is a file or a folder: diffs,
 * whole source files wherever they lie, a tree, an archive. All of it is a stranger's: no link is
 * followed, names are data, sizes and counts are bounded.
 */
#ifndef NESTLAB_INTAKE_INTAKE_H
#define NESTLAB_INTAKE_INTAKE_H

#include <stdbool.h>

#include "intake/bases.h"
#include "intake/peers.h"

enum intake_outcome {
	INTAKE_TAKEN,
	INTAKE_EMPTY,	   /* nothing in it changes anything */
	INTAKE_HALF,	   /* a file that its others need is missing */
	INTAKE_INCOMPLETE, /* cut short */
	INTAKE_PERSON,	   /* a change is in it, and a person must say which */
	INTAKE_OUTCOMES
};
const char *intake_name(enum intake_outcome o); /* "taken", "empty", ..., "needs a person" */

/* A note: what handles some exits before vmx_handle_exit() is in the kernel of its age, too. */
#define INTAKE_FASTPATH "its own kernel has KVM's fastpath, too"

struct intake {
	enum intake_outcome outcome;
	char *why;		 /* a sentence; NULL when taken */
	const struct base *base; /* borrowed; NULL when not taken */
	/*
	 * The change was made on this very base, as it seems: all of it was taken as it is. Then a
	 * compiler's error is the change's own.
	 */
	bool exact;
	/* Its files are of another age of the kernel: the change was taken out of them. */
	bool merged;
	/* What was taken for the change may not be all of it: only a pass says something. */
	bool drift;
	bool far;	   /* a diff, applied far from its places: drift, too */
	bool other_work;   /* not taken: nothing in it has the assignment's names or numbers */
	bool guest;	   /* it changes the guest's kernel, too */
	struct buf patch;  /* a unified diff, names with a/ and b/ */
	/*
	 * The same on the base at the other end of its age: what fails at both ends fails in its
	 * own kernel, too. Only of a change of which nothing is missing in the functions that it
	 * touches. NULL: there is none.
	 */
	const struct base *end; /* borrowed */
	struct buf end_patch;
	struct strv notes; /* what was taken, passed over, left out, and why */
};

struct intake_how {
	struct bases *bases; /* one of a clone may be added */
	/* Parts of names and numbers of the assignment, which tell work from drift (words.h). */
	const struct strv *seeds;
	/* The assignment's leaves as they are written: "0x4fffffff"; NULL: it has none. */
	const struct strv *leaves;
	const struct peers *peers; /* of its class; NULL: it stands alone */
	size_t who;		   /* of them it is */
};

/*
 * path: file or folder. scratch: an empty folder for what is unpacked. 0 with any outcome, or a
 * negative outcome when it can't be read or written (-OUT_USAGE, -OUT_BROKEN). Free it in either
 * case.
 */
int intake_take(const char *path, const struct intake_how *how, const char *scratch,
		struct intake *in);
/* Put its whole files in with those of its class; how->peers is not looked at. As intake_take(). */
int intake_show(const char *path, const struct intake_how *how, const char *scratch,
		struct peers *peers);
/*
 * The same in a process of its own, with limits of time, memory and disk: what is exceeded, or ends
 * that process, makes "needs a person" (of intake_show(): nothing is put in).
 */
int intake_take_confined(const char *path, const struct intake_how *how, const char *scratch,
			 struct intake *in);
int intake_show_confined(const char *path, const struct intake_how *how, const char *scratch,
			 struct peers *peers);
void intake_free(struct intake *in);

#endif
