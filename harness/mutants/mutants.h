/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mutants: deliberate faults, as patches on the reference, that the checks must find. Each is a
 * mail-format patch whose message ends with one or more trailers
 *
 *	Found-by: vcpu-info/pairs: registers of the target
 *
 * that name a test and a check of it which must fail. "TEST: crash" is one that a kernel must die
 * in, "the build" alone a mutant that must not build. "TEST: CHECK | CHECK": which of them fails is
 * chance, and one must. With a line "Kernel: guest" the patch is one
 * on the guest's kernel. One that only a kernel of a flavour can find names it in a line "Flavor:
 * debug", one that shows by chance how many times longer to look: "Effort: 10". "Map: b" is one on
 * the reference with that map of leaves, judged by its numbers.
 *
 * Lanes differ in what they can show. "Found-by (bochs-vmx): TEST: CHECK" lines take the place of
 * the others in that lane, and "Hidden (bochs-vmx): WHY" says that the fault can't be seen in it.
 *
 * A revert is a mutant, too: a patch that takes back a fix that KVM once had, which a suite found.
 * "Suite: selftests" is what judges it, "Lane: tcg-svm" where; it is put on upstream's KVM. It is found when each line of the
 * suite that it names has REGRESSED beside the unpatched kernel, and nothing else fails.
 *
 * A check that fails on the unchanged reference is a false alarm.
 */
#ifndef NESTLAB_MUTANTS_MUTANTS_H
#define NESTLAB_MUTANTS_MUTANTS_H

#include <stdbool.h>

#include "core/util.h"
#include "judge/result.h"
#include "plan/plan.h"

struct mutant {
	char *name;	     /* the file's, without .patch */
	char *patch;	     /* the file, relative to the project's root */
	bool guest;	     /* a patch on the guest's kernel, not the host's */
	bool build;	     /* the build must fail */
	char *flavor;	     /* of the kernel that it patches; NULL: the plain one */
	char *map;	     /* of the leaves of its kernel; NULL: the reference's */
	unsigned int effort; /* EFFORT= of its run */
	unsigned int seeds; /* SEEDS= of its run; 0: as it is set */
	char *suite;	     /* whose tests find it; NULL: the lab's own do */
	char *lane;	     /* that it shows in; NULL: in any */
	char *hidden;	     /* why this lane can't show it; NULL: it can */
	struct strv tests;   /* to be run: those that the trailers name, once each */
	struct strv test_of; /* per trailer: the test, */
	struct strv checks;  /* and its check */
};

/*
 * Those in this folder are faults of the reference monitor (assignment kvm-api), and not of the
 * host kernel: what is built and judged then is a copy of it with the patch, given by MONITOR=.
 */
#define MUTANTS_OF_MONITOR "testcases/mutants/kvm-api"
bool mutant_is_of_monitor(const struct mutant *m);
/* Make that copy in a folder of its own (made new). 0 or a negative outcome. */
int mutant_make_monitor(const struct mutant *m, const char *folder);

#define MUTANTS "testcases/mutants"
#define REVERTS "testcases/reverts"
/* All patches of a folder, as mutant_load() takes them, are added. 0 or -OUT_USAGE. */
int mutants_in(const char *folder, struct strv *patches);

/* n of them (names), by the seed: the same ones for the same seed. */
void mutants_pick(const struct strv *all, const char *seed, size_t n, struct strv *picked);

/*
 * Read the trailers of one patch, for a lane (NULL: for any). 0 or -OUT_USAGE, which tells the
 * file: unreadable, or it has none.
 */
int mutant_load(const char *patch, const char *lane, struct mutant *m);
void mutant_free(struct mutant *m);

/*
 * What judges it: these knobs with its patch, tests, effort and flavour, its suite and its lane. A
 * monitor's copy is made in dir/NAME/monitor. As plan_make().
 */
int mutant_plan(const struct mutant *m, const struct knobs *k, const char *dir, struct plan *plan);
/* That names its flavour: "GUEST_FLAVOR" of one of the guest's kernel. */
const char *mutant_flavor_knob(const struct mutant *m);
/*
 * Why a fault never shows in this plan's lane: its own line says so, or it is in the other vendor's
 * half of KVM. NULL: it shows.
 */
const char *mutant_why_hidden(const struct mutant *m, const struct plan *p);

/*
 * Alternatives are right, only different: patches on the reference that no check may fail. A line
 * "Tests: TEST TEST" in the message names those that look at what differs. And monitors of other
 * shapes than the reference's, a folder each.
 */
#define ALTERNATIVES "testcases/alternatives"
#define MONITOR_ALTERNATIVES ALTERNATIVES "/monitors"
/*
 * Their names, as in TESTS=; the caller owns them. NULL and a reason: unreadable, no such line.
 * *guest: it is a patch on the guest's kernel ("Kernel: guest").
 */
char *alternative_tests(const char *patch, bool *guest);

/*
 * Did every check that the mutant names fail in this run; and of a suite's lines no other one? by:
 * "TEST: CHECK; ..." of all that failed; missed: of those that should have, or should not.
 */
bool mutant_found(const struct mutant *m, const struct run_result *r, struct buf *by,
		  struct buf *missed);

/*
 * The same as checks of a test, one for each that the mutant names: it passes when that one failed.
 * Not yet judged (result_judge_test()).
 */
void mutant_to_result(const struct mutant *m, const struct run_result *r, struct test_result *t);

/* All that failed in a run, as by above; an empty buffer when nothing did. */
void mutant_failures(const struct run_result *r, struct buf *by);

#endif
