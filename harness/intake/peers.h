/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The whole files of a class, side by side: those of one age of the kernel share upstream's lines,
 * not their own.
 */
#ifndef NESTLAB_INTAKE_PEERS_H
#define NESTLAB_INTAKE_PEERS_H

#include "intake/lines.h"

struct own_file;

#define PEERS_NEAR 9 /* that are asked */
#define PEERS_ENOUGH 3 /* and what they say is believed */

struct peer_file {
	size_t who;  /* whose it is */
	char *path;  /* in the source tree */
	char *text;
	struct lines_index lines;
};

struct peers {
	struct peer_file *v;
	size_t n;
};

void peers_add(struct peers *p, size_t who, const char *path, const char *text);
/*
 * Mark in f, of which `who` is the owner, what his near neighbours have: those whose file is nearer
 * to his than the base's is. scratch: a folder for files. 0 or a negative outcome.
 */
int peers_mark(const struct peers *p, size_t who, struct own_file *f, const char *scratch);
void peers_free(struct peers *p);

#endif
