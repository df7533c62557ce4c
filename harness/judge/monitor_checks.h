/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the judges of assignment kvm-api have in common: looks at a run of a monitor
 * (monitor_runs.h). Each look counts what it sees in a tally.
 */
#ifndef NESTLAB_JUDGE_MONITOR_CHECKS_H
#define NESTLAB_JUDGE_MONITOR_CHECKS_H

#include "judge/checks.h"
#include "judge/monitor_runs.h"

#define BY_WATCHING "oracle: the monitor's calls to KVM and its memory, by ptrace in L1"

/* <linux/kvm.h> */
enum { EXIT_IO = 2, EXIT_HLT = 5 };
/* A byte that no text has: what the monitor printed it can only have from the wrong place. */
enum { STRANGER = 1 };

/* "exit code 1", "signal 11 (Segmentation fault)"; the caller owns it. */
char *how_it_ended(const struct seen *s);
bool has_ended(const struct seen *s);	 /* by itself */
bool has_succeeded(const struct seen *s); /* with exit code 0 */
/*
 * By its exit code, by an assertion, or in words (r->wrong, and more of them; NULL: none) that it
 * did not use when all was right.
 */
bool has_noticed(const struct runs *r, const struct seen *s, const char *more);
/*
 * In the run in which nothing was twisted its guest came to a hlt, and it told success: one that
 * refuses all has noticed nothing.
 */
bool was_right(const struct runs *r);
bool has_printed_stranger(const struct seen *s);

/* In every run, whatever is wrong in it: check "the monitor ends". */
void check_ends(const struct runs *r, struct test_result *t);

bool is_serial(const struct runs *r, const struct left *x);
void look_printed(const struct runs *r, const struct seen *s, struct tally *y);

/* What a port offers: the guest's own exits and those that were made up. */
enum { VARIANT_NUMBER, VARIANT_EXITS, VARIANT_DIRECTIONS, VARIANT_STRING, VARIANT_HVA,
       VARIANT_NOWHERE, VARIANT_STRING_NOWHERE, VARIANTS };

struct variant {
	const char *name, *expected;
	struct {
		uint64_t number; /* 0: the monitor does not offer it */
		bool out;
	} ports[3];
	/* Look at one exit; a sentence when it is wrong (the caller owns it), else NULL. */
	char *(*look)(const struct runs *r, const struct seen *s, const struct left *x,
		      struct reader *reader);
};

bool is_offered(const struct variant *v);
void variants_of(const struct runs *r, struct variant v[VARIANTS]);
void look_variant(const struct runs *r, const struct seen *s, const struct variant *v,
		  struct tally *y);
/* Is each address that is nowhere told of? strings: those of strings, too. */
void look_told(const struct runs *r, const struct seen *s, bool strings, struct tally *y);

/*
 * Checks the program, and takes its runs. False: there is nothing to judge; what was taken is to be
 * freed in any case.
 */
bool runs_begin(const struct evidence *e, struct test_result *t, struct runs *r);

#endif
