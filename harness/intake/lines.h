/* SPDX-License-Identifier: GPL-2.0-only */
/* How far two texts are from each other, by their lines without white space. */
#ifndef NESTLAB_INTAKE_LINES_H
#define NESTLAB_INTAKE_LINES_H

#include <stddef.h>

struct lines_apart {
	size_t lost;   /* lines of the first that the second does not have, blank ones left out */
	size_t gained; /* the other way round */
	size_t of;     /* lines of the first */
};

/* The order of lines does not count: it is for choosing what to compare, not for comparing. */
void lines_compare(const char *first, const char *second, struct lines_apart *a);

#endif
