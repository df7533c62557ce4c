/* SPDX-License-Identifier: GPL-2.0-only */
/* Texts as lines without white space: how far two are from each other, whether one has a line. */
#ifndef NESTLAB_INTAKE_LINES_H
#define NESTLAB_INTAKE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lines_apart {
	size_t lost;   /* lines of the first that the second does not have, blank ones left out */
	size_t gained; /* the other way round */
	size_t of;     /* lines of the first */
};

/* A text's lines, sorted by what stands for them; blank ones are left out. */
struct lines_index {
	uint64_t *v;
	size_t n;
};

/* Behind the line at text. */
const char *lines_next(const char *text);
/* What stands for the line at text without its white space; 0: it is blank. */
uint64_t lines_key(const char *text);
/*
 * What stands behind up to nine digits; NULL: there are none. (sscanf() looks for the end of all
 * that follows, at each line.)
 */
const char *lines_number(const char *at, size_t *n);
/* The caller frees it. */
void lines_index(const char *text, struct lines_index *x);
size_t lines_count(const struct lines_index *x, uint64_t key); /* how often it is in there */
void lines_index_free(struct lines_index *x);

/* The order of lines does not count: it is for choosing what to compare, not for comparing. */
void lines_compare_indexes(const struct lines_index *first, const struct lines_index *second,
			   struct lines_apart *a);
void lines_compare(const char *first, const char *second, struct lines_apart *a);

#endif
