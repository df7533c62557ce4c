/* SPDX-License-Identifier: GPL-2.0-only */
/* night.json in a night's folder: by it a night that was killed is known, and goes on. */
#ifndef NESTLAB_NIGHT_STATE_H
#define NESTLAB_NIGHT_STATE_H

#include <stdbool.h>

struct night_state {
	char *hash;  /* of the night's plans */
	char *judge; /* of the checkout and its program: another one's results are not this one's */
	char *started; /* ISO 8601, UTC */
	char *seed;    /* the date of its start: which mutants are drawn */
	double used_s; /* of its budget */
	bool done;
};

/* Of now. */
void night_state_begin(struct night_state *s, const char *hash);
void night_state_free(struct night_state *s);
/* 0 or -OUT_BROKEN. */
int night_state_save(const struct night_state *s, const char *dir);
/*
 * The newest night of results/, where it is of this hash and this judge, was not done, and began
 * less than a day ago: yesterday's is not today's. The caller owns *dir.
 */
bool night_state_find(const char *results, const char *hash, struct night_state *s, char **dir);

#endif
