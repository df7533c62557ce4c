/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Configuration files: INI (read by inih), each described by a table of keys. An unknown section or
 * key, a key given twice and a value of the wrong form are errors that name the file and the line.
 */
#ifndef NESTLAB_CORE_CONF_H
#define NESTLAB_CORE_CONF_H

#include <stddef.h>
#include <stdint.h>

enum conf_type {
	CONF_STR,  /* char *: owned by the struct */
	CONF_U32,  /* uint32_t, with min..max */
	CONF_U64,  /* uint64_t, with min..max (max 0: no bound) */
	CONF_BOOL, /* bool: yes/no/true/false/1/0 */
	/* struct strv: separated by white space; the key may be given again to add more */
	CONF_LIST,
	CONF_LINES /* struct strv: one item a key line, white space kept; may be given again */
};

struct conf_key {
	const char *section;
	/* "*" takes every name of the section: the item becomes "name=value" (LIST, LINES) */
	const char *name;
	enum conf_type type;
	size_t offset; /* of the field in the struct that conf_load() fills */
	uint64_t min, max;
};

/*
 * Fill *into from the file. Fields that it does not name keep what they held. 0, or -OUT_USAGE with
 * "FILE:LINE: ..." (a file that can't be read too).
 */
int conf_load(const char *path, const struct conf_key *keys, size_t n_keys, void *into);

/* Free what the table's STR, LIST and LINES fields own. */
void conf_free(const struct conf_key *keys, size_t n_keys, void *from);

#endif
