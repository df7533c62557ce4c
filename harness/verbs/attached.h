/* SPDX-License-Identifier: GPL-2.0-only */
/* A level of the running lab for one command of the user's, and a program in it at his terminal. */
#ifndef NESTLAB_VERBS_ATTACHED_H
#define NESTLAB_VERBS_ATTACHED_H

#include <stdbool.h>

#include "lab/lab.h"

/* "1" or "2". */
bool attached_is_level(const char *word);

/* "1:/etc/passwd": a file of a level, by its whole path. False: it is none. */
struct attached_path {
	char level[2];
	const char *path; /* into the word */
};
bool attached_path(const char *word, struct attached_path *p);

/*
 * The level of the lab in PLACE= that this word names, with its agent's channel open; then
 * lab_close(lab, true). Or a negative outcome, with nothing to be closed: there is no lab.
 */
int attached_open(struct lab *lab, const char *word, struct level **l);

/* For channel_exec's on_output: what comes from a program goes to ours, whatever stream it is. */
void attached_output(void *ctx, enum channel_stream s, uint64_t level_ns, const void *data,
		     size_t len);

/*
 * Run it with this process's input and output: on a terminal of its own if tty. Returns its exit
 * code, 128 and its number where a signal ended it, or a negative outcome.
 */
int attached_run(struct level *l, char *const *argv, bool tty);

#endif
