/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs of a virtual machine monitor as the test program tells them (testcases/kvm-api/lib/watch.h
 * explains each observation), put into structs for the judges of assignment kvm-api. Names and
 * modes point into the observations.
 */
#ifndef NESTLAB_JUDGE_MONITOR_RUNS_H
#define NESTLAB_JUDGE_MONITOR_RUNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/util.h"
#include "judge/testcase.h"

struct call {
	const char *name;
	int64_t result;
};

struct left { /* the guest: an exit, or single bytes in a row that are one */
	uint64_t reason, port, out, size, count, made, total, ins, outs, hva;
	uint64_t asked, answer; /* of a question that was asked by its address */
	bool has_hva, has_answer;
	const char *mode;
	struct buf bytes, text;
};

struct other { /* a second monitor: before this one, or in the middle of it */
	const char *end; /* NULL: there was none */
	int64_t code;
	struct buf out;
};

struct seen {
	const char *mode, *twist, *end, *given;
	int64_t code;
	struct call *calls;
	size_t n_calls;
	struct left *exits;
	size_t n_exits;
	struct buf out, err;
	struct other alone, beside;
	uint64_t slot_guest, slot_size, slot_host, tss, map_told, map_size, map_shared;
	uint64_t start_at, start_flags, halt_eax, halt_stored, halt_page, twisted, went_on;
	bool has_slot, has_tss, has_map, has_start, has_halt;
	const char *halt_mode;
};

struct runs {
	const struct evidence *e;
	const char *wrong, *invalid; /* words, with blanks between them */
	/* Words, too: what it serves beyond the assignment's text. The guest's text, or "none". */
	const char *promises, *text;
	uint64_t memory, serial, print32, exits, exits_text, string, translate, hva;
	uint64_t exits_in, exits_out, translate_at;
	struct seen *v;
	size_t n;
};

/* Read r->e's observations; frees what it made. */
void runs_collect(struct runs *r);
void runs_free(struct runs *r);
/* The run in which the world was twisted like this ("none": not at all), or NULL. */
const struct seen *run_with(const struct runs *r, const char *twist);

/* How far the output was matched: texts come in the order in which the guest sent them. */
struct reader {
	const struct seen *s;
	size_t out, err;
};

/*
 * These look behind what was matched before, on standard output and then on standard error, and go
 * on behind what they find.
 */
bool read_text(struct reader *r, const void *what, size_t len);
bool read_number(struct reader *r, uint32_t n); /* in decimal or hex */
/* Is one of these words in what was not matched yet? Does not go on. */
bool read_word(struct reader *r, const char *words);

bool has_promised(const struct runs *r, const char *what);

/* How often one of the words is in it behind from, in any case of letters. */
unsigned int count_words(const struct buf *b, size_t from, const char *words);
bool find_bytes(const struct buf *b, size_t *from, const void *what, size_t len);

char *shown_bytes(const struct buf *b);	   /* its first 60, printable; the caller owns it */
uint32_t exit_value(const struct left *x); /* its 32 bits; 0 when it has fewer */

#endif
