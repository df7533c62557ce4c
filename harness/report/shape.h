/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * C structs as JSON objects, described once by a table of fields: the same table writes and reads,
 * so that nothing can be written that is not read back. Reading is strict, the file is untrusted: a
 * field that is missing, unknown, given twice or of the wrong type is an error that names it
 * ("tests[1].checks[0].name").
 */
#ifndef NESTLAB_REPORT_SHAPE_H
#define NESTLAB_REPORT_SHAPE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/outcome.h"

/* Where the reader is, for messages: a chain from the item up to the file. */
struct where {
	const struct where *up; /* NULL: this is the file */
	const char *key;	/* NULL: an item of an array; of the file: its path */
	size_t index;
};

/* fail(OUT_USAGE, ...) with the file and the field in front. */
int where_fail(const struct where *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

enum field_type {
	FIELD_STRING,  /* char *, never null */
	FIELD_STRING0, /* char *, may be NULL: null */
	FIELD_BOOL,    /* bool */
	FIELD_U32,     /* unsigned int */
	FIELD_U64,     /* uint64_t: a number up to 2^53 - 1, above it a string "0x..." */
	FIELD_SECONDS, /* double, 0 or more, in microseconds' steps */
	FIELD_NUMBER,  /* double, finite */
	FIELD_OUTCOME, /* enum outcome: its name; one of `allowed` */
	FIELD_LINES,   /* struct strv */
	FIELD_OBJECT,  /* a struct inside this one: `item` */
	FIELD_ARRAY,   /* pointer to structs of shape `item`, their number at count_offset */
	FIELD_HOOK     /* save() and load() */
};

#define OUTCOME_BIT(o) (1U << (o))

struct field {
	const char *key;
	enum field_type type;
	size_t offset;		  /* in the struct; not for a HOOK, which gets the whole one */
	size_t count_offset;	  /* ARRAY */
	unsigned int allowed;	  /* OUTCOME: OUTCOME_BIT() of each */
	const struct shape *item; /* OBJECT, ARRAY */
	json_t *(*save)(const void *owner); /* HOOK: a new reference */
	int (*load)(void *owner, const json_t *value, const struct where *w);
	/*
	 * Of a field that most owners do without: is there nothing to write? Then it is left out,
	 * and reading takes what is left out for zero. NULL: always there.
	 */
	bool (*absent)(const void *owner);
};

struct shape {
	size_t size;
	const struct field *fields;
	size_t n_fields;
	int (*check)(void *owner, const struct where *w); /* after reading; may be NULL */
};

/* Rows of such a table, and what a shape says of it. */
#define FIELD(struct_, type_, name_)                                                               \
	{                                                                                          \
		.key = #name_, .type = type_, .offset = offsetof(struct_, name_)                   \
	}
#define FIELD_VERDICT(struct_, name_, allowed_)                                                    \
	{                                                                                          \
		.key = #name_, .type = FIELD_OUTCOME, .offset = offsetof(struct_, name_),          \
		.allowed = (allowed_)                                                              \
	}
#define FIELD_ITEMS(struct_, name_, item_)                                                         \
	{                                                                                          \
		.key = #name_, .type = FIELD_ARRAY, .offset = offsetof(struct_, name_),            \
		.count_offset = offsetof(struct_, n_##name_), .item = (item_)                      \
	}
#define SHAPE(struct_, fields_)                                                                    \
	.size = sizeof(struct_), .fields = (fields_), .n_fields = ARRAY_SIZE(fields_)

json_t *shape_save(const struct shape *s, const void *owner);
/*
 * Into a zeroed struct. After an error it holds what was read so far, each part of it valid or
 * zero, so that the caller can free it as usual.
 */
int shape_load(const struct shape *s, void *owner, const json_t *object, const struct where *w);

/* Shapes that results.json shares with other files of ours (json.c). */
extern const struct shape report_measure_shape, report_stage_shape;

/* For hooks: numbers and strings in this file's spelling. Text comes from hostile places: it is
 * cleaned. */
json_t *shape_string(const char *text);
json_t *shape_hex(uint64_t value);
int shape_load_hex(uint64_t *into, const json_t *value, const struct where *w);
int shape_load_string(char **into, const json_t *value, const struct where *w);

#endif
