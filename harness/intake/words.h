/* SPDX-License-Identifier: GPL-2.0-only */
/* The words of a source text: what looks like an identifier or a number. */
#ifndef NESTLAB_INTAKE_WORDS_H
#define NESTLAB_INTAKE_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/util.h"

/* The length of the next word at or behind *at, which moves to it; 0: there is none. */
size_t word_next(const char **at);
/* Is that word in the text? */
bool word_is_in(const char *text, const char *word, size_t len);

/* How many of 100 words of this line the other one has; C's own are left out of account. */
unsigned int words_common(const char *line, const char *other);

/*
 * Is one of these in the text? Seeds are what an assignment's work can't do without: ends of names
 * and parts of numbers ("vcpu_info", "0x4ffffff") in any case of letters; digits alone ("548") are a
 * word.
 */
bool words_have_seed(const char *text, const struct strv *seeds);

/* Is a place in the net named: "https://...", "www.example.org", "example.org/work", "git@..."? */
bool words_have_address(const char *text);

/* Is a source file named: "vmx.c"? */
bool words_have_source(const char *text);

/* A set of words, or of anything else that has a number. */
struct wordset {
	uint64_t *v; /* 0: a free place */
	size_t n, room;
};

uint64_t word_key(const char *word, size_t len); /* never 0 */
void wordset_add(struct wordset *s, uint64_t key);
bool wordset_has(const struct wordset *s, uint64_t key);
void wordset_add_text(struct wordset *s, const char *text);
void wordset_free(struct wordset *s);

#endif
