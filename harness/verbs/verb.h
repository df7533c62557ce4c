/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A verb of the command line: `nestlab VERB ...`. Each stands in a file of its own that registers
 * it with VERB(); there is no central list.
 */
#ifndef NESTLAB_VERBS_VERB_H
#define NESTLAB_VERBS_VERB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "core/outcome.h"
#include "plan/knobs.h"

struct verb {
	const char *name;    /* "lab-up" */
	const char *usage;   /* what follows the name: "[1|2]"; "" for nothing */
	const char *summary; /* one line for `nestlab help` */
	int order;	     /* place in `nestlab help` */
	/* settings that it heeds (plan/knobs.h); NULL: none but every verb's */
	const char *settings;
	/* how it can end, beside pass, usage, broken and interrupted: VERB_ENDS() of outcomes */
	unsigned int ends;
	/* exit codes that it alone has, or that mean something else with it: "1 found\n2 ..." */
	const char *codes;
	/* its exit code in place of the usual one, wherever that came from; NULL: the same */
	int (*code)(int usual);
	/* has a results folder, and tells there what was wrong with the command line */
	bool judges;
	/* brings labs up: lanes_provide() first */
	bool labs;
	/* what follows it is somebody else's command line: NAME=VALUE behind it is no setting */
	bool passes_on;
	/* argv[0] is the verb's name. Returns an exit code, or a negative outcome after fail(). */
	int (*run)(int argc, char **argv);
};

#define VERB(var)                                                                                  \
	static const struct verb *const var##_entry                                                \
		__attribute__((used, section("nestlab_verbs"))) = &(var)

#define VERB_ENDS(outcome) (1U << (outcome))
#define VERB_ENDS_AS_RUNS (VERB_ENDS(OUT_COUNT) - 1)

/* The i-th in the order of the help; NULL: there are no more. */
const struct verb *verb_nth(size_t i);
const struct verb *verb_find(const char *name); /* NULL: there is none */
/* -OUT_USAGE, with the nearest one's name in the sentence. */
int verb_unknown(const char *name);
/* Whether it can end so. */
bool verb_ends(const struct verb *v, enum outcome o);

/* -OUT_USAGE, with the verb's usage line in the sentence. */
int verb_usage(const struct verb *v);
/* The same for a word that it does not take; what may be meant by it is told. */
int verb_takes_none(const struct verb *v, const char *word);

/* What `nestlab help` shows of all, and of one. */
void help_all(FILE *f);
void help_of(const struct verb *v, FILE *f);
/* "CODE MEANING" of each way in which it can end, by number. */
void help_codes(const struct verb *v, struct strv *rows);

#endif
