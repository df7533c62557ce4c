/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The knobs: all that a user can set. One table (knobs.c) says of each its name, type, range,
 * default and meaning; the parsers of both command lines, the help texts, the check of
 * config/defaults.conf and the Makefile's exports come from it.
 *
 * A value comes from, the later over the earlier: the table, the files of defaults (path_confs()),
 * the environment, the command line (nestlab's or make's). A name that no knob has is refused
 * wherever it is given on purpose, with the nearest one named.
 *
 * A path that the user gives is relative to where he stands, then to the checkout. It is kept
 * absolute.
 */
#ifndef NESTLAB_PLAN_KNOBS_H
#define NESTLAB_PLAN_KNOBS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/util.h"

#define KNOBS_MAX 48
/* SAVE_LAB= */
#define SAVE_LAB_AT_ONCE 1
#define SAVE_LAB_IN_TIME 2 /* a change's lab when it is booted the second time */
/* RACES= */
#define RACES_WHERE_HIDDEN 1 /* where L1's CPUs take turns */
#define RACES_EVERYWHERE 2

enum knob_source { KNOB_FROM_TABLE, KNOB_FROM_FILE, KNOB_FROM_ENVIRONMENT, KNOB_FROM_COMMAND };

/* What each means stands in the table. A string that is not set is NULL, a list empty. */
struct knobs {
	char *lane;
	char *kernel;
	char *kconfig;
	char *against;
	char *kernel_flavor;
	char *guest_flavor;
	char *provision_kernel;
	char *assignment;
	char *monitor;
	char *suite;
	char *kvm_unit_tests;
	char *base_image;
	struct strv patch, guest_patch;
	struct strv submissions;
	char *bases;
	struct strv tests;
	uint32_t l1_cpus, l2_cpus;
	uint32_t l1_memory, l2_memory; /* MiB */
	uint32_t nested_paging;
	uint32_t unpatched;
	uint32_t save_lab; /* 0: never, or SAVE_LAB_... */
	uint32_t effort;
	uint32_t slowdown;
	char *place;
	char *out;
	char *label;
	char *history;
	uint32_t seed; /* the one schedule of L1's CPUs, if they take turns; 0: those of 1 to ... */
	uint32_t seeds; /* ... this one; 0: none */
	uint32_t races; /* 0: in no second build, or RACES_... */
	uint32_t own_emulator; /* 0: the system's */
	uint32_t amplify; /* L1's CPUs are stopped now and then in tests that look for races */
	uint32_t keep; /* the record of a run that passed, too */
	uint32_t keep_days, keep_mb;
	uint32_t runs;
	uint32_t jobs;
	uint32_t cache_mb;
	uint32_t v;

	enum knob_source source[KNOBS_MAX]; /* private: in the table's order */
};

/*
 * Take NAME=VALUE arguments out of argv, up to a "--" or stop arguments, and remember them for
 * knobs_load(); what knobs make gave (NESTLAB_MAKE_GIVEN) is checked, too. Returns what is left of
 * argc. What is wrong with them is told by knobs_check() and knobs_load(): a run that was to judge
 * must have begun before.
 */
int knobs_take(int argc, char **argv, int stop);
int knobs_check(void);

/* V=1, wherever it is given: known before anything can fail. */
bool knobs_verbose(void);

/* 0 or -OUT_USAGE: an unknown name, a value out of its range. Free it in either case. */
int knobs_load(struct knobs *k);
/*
 * For verbs that know the lab's own tests alone: 0, or -OUT_USAGE where SUITE= is set, too.
 */
int knobs_without_suite(const struct knobs *k, const char *verb);
/* Set one as the command line does. */
int knobs_set(struct knobs *k, const char *name, const char *value);
/* The same for one that nobody has set: what this verb takes in place of the table's. */
int knobs_default(struct knobs *k, const char *name, const char *value);
void knobs_copy(struct knobs *to, const struct knobs *from);
void knobs_free(struct knobs *k);

/*
 * A value as the command line would give it; "" when there is none. NULL: no such knob. The caller
 * owns it.
 */
char *knobs_text(const struct knobs *k, const char *name);
/* Where its value comes from. */
enum knob_source knobs_source(const struct knobs *k, const char *name);
/*
 * Each knob that says what is judged (not: where results go, how many at once), in the table's
 * order.
 */
void knobs_each_asked(void (*look)(void *ctx, const char *name), void *ctx);

/*
 * "EFFORT=3 TESTS=vcpu-info": those that came from the environment, so that a forgotten export is
 * seen. NULL: none did.
 */
char *knobs_of_environment(const struct knobs *k);

/* One of them, for who tells about it. */
struct knob_told {
	const char *name, *help;
	const char *unit;     /* "MiB"; "" for none */
	const char *fallback; /* NULL: none */
	const char *folder;   /* FOLDER/NAME.conf, root-relative, are what it can name; NULL */
	uint64_t min, max;    /* of a number */
	bool number, path;
	bool process; /* a variable of the process: not for the file of defaults */
	bool asked;   /* it says what is judged */
};
/* The i-th of the table; false: there are no more. */
bool knobs_nth(size_t i, struct knob_told *to);
/* " [1 to 8, default 2]", or "". The caller owns it. */
char *knobs_range(const struct knob_told *k);

/*
 * Which settings a verb heeds, as a list of words: a name, KNOBS_ASKED for all that say what is
 * judged, "-NAME" for one that is not meant. Those of knobs_everywhere() go without saying.
 */
#define KNOBS_ASKED "*"
#define KNOBS_OF_RESULTS "SEED KEEP SAVE_LAB PLACE OUT LABEL HISTORY KEEP_DAYS KEEP_MB CACHE_MB"
bool knobs_heeds(const char *settings, const struct knob_told *k);
bool knobs_everywhere(const struct knob_told *k);

/*
 * Of a word that is no setting as it is spelt ("--lane", "patch=x"), the setting that may be meant;
 * NULL: none.
 */
const char *knobs_near(const char *word);

/* Add a word as one of a list of paths is written: what would end it has a backslash. */
void knobs_quote(struct buf *b, const char *word);

/*
 * A path as the user gave it: where it lies, absolute; NULL: it is not there. The caller owns it.
 */
char *knobs_path(const char *given);

#endif
