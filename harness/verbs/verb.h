/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A verb of the command line: `nestlab VERB ...`. Each stands in a file of its own that registers
 * it with VERB(); there is no central list.
 */
#ifndef NESTLAB_VERBS_VERB_H
#define NESTLAB_VERBS_VERB_H

#include <stdbool.h>

struct verb {
	const char *name;    /* "lab-up" */
	const char *usage;   /* what follows the name: "[1|2]"; "" for nothing */
	const char *summary; /* one line for `nestlab help` */
	int order;	     /* place in `nestlab help` */
	/* has a results folder, and tells there what was wrong with the command line */
	bool judges;
	/* what follows it is somebody else's command line: NAME=VALUE behind it is no setting */
	bool passes_on;
	/* argv[0] is the verb's name. Returns an exit code, or a negative outcome after fail(). */
	int (*run)(int argc, char **argv);
};

#define VERB(var)                                                                                  \
	static const struct verb *const var##_entry                                                \
		__attribute__((used, section("nestlab_verbs"))) = &(var)

/* -OUT_USAGE, with the verb's usage line in the sentence. */
int verb_usage(const struct verb *v);

#endif
