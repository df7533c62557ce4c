/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mutants: deliberate faults, as patches on the reference, that the checks must find. Each is a mail-format patch whose message ends
 * with one or more trailers
 *
 *	Found-by: vcpu-info/pairs: registers of the target
 *
 * that name a test and a check of it which must fail. A check that fails on the unchanged reference is a false alarm. One that only a
 * kernel with sanitizers can find names it:
 *
 *	Flavor: kcsan
 */
#ifndef NESTLAB_MUTANTS_MUTANTS_H
#define NESTLAB_MUTANTS_MUTANTS_H

#include <stdbool.h>

#include "core/util.h"
#include "judge/result.h"

struct mutant {
	char *name;	     /* the file's, without .patch */
	char *patch;	     /* the file, relative to the project's root */
	char *flavor;	     /* of the host kernel; NULL: the plain one */
	struct strv tests;   /* to be run: those that the trailers name, once each */
	struct strv test_of; /* per trailer: the test, */
	struct strv checks;  /* and its check */
};

/* Read the trailers of one patch. 0 or -OUT_USAGE, which tells the file: unreadable, or it has none. */
int mutant_load(const char *patch, struct mutant *m);
void mutant_free(struct mutant *m);

/* Did every check that the mutant names fail in this run? by: "TEST: CHECK; ..." of all that failed; missed: of those that should have. */
bool mutant_found(const struct mutant *m, const struct run_result *r, struct buf *by,
		  struct buf *missed);

/* All that failed in a run, as by above; an empty buffer when nothing did. */
void mutant_failures(const struct run_result *r, struct buf *by);

#endif
