/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a Bochs of ours writes while it runs (config/bochs/0003): each byte that the agent's line
 * took or gave, and now and then what all registers of all CPUs, and all accesses to ports so far,
 * hash to, with the tick of each. A tick is an instruction's time. Each entry sums up all before
 * it, so none can be changed unseen. Pure, but for reading the file.
 */
#ifndef NESTLAB_REPLAY_LOG_H
#define NESTLAB_REPLAY_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/util.h"

#define LOG_NOTHING_SUM 2166136261u /* the sum of no entries */

/* As Bochs writes it, in this machine's order of bytes: all zeros behind the last one. */
struct log_entry {
	uint64_t what; /* tick << 16 | kind << 8 | byte */
	uint32_t value; /* of LOG_CHECK: what registers and accesses to ports hash to */
	uint32_t sum;
};

enum { LOG_IN = 'i', LOG_OUT = 'o', LOG_CHECK = 'c' };

struct log {
	struct buf bytes;
	size_t n; /* whole entries */
};

/* A file that is still being written will do. 0, or a negative errno. Free it in either case. */
int log_read(const char *path, struct log *l);
/* The same of bytes in memory, which are taken over. */
void log_take(struct buf *bytes, struct log *l);
void log_free(struct log *l);

const struct log_entry *log_at(const struct log *l, size_t i);
uint64_t log_tick(const struct log_entry *e);
unsigned int log_kind(const struct log_entry *e);
size_t log_count(const struct log *l, unsigned int kind);

/* An entry for the input of a replay: due at once. */
void log_add_input(struct buf *bytes, uint8_t byte);

/*
 * Is it written whole, and does it follow the entries that sum up to this? A reader beside a Bochs
 * that runs sees halves.
 */
bool log_follows(const struct log_entry *e, uint32_t sum);

/* The first entry that is not as it was written, or l->n. */
size_t log_first_changed(const struct log *l);

/*
 * The first entry in which they differ; the length of the shorter one: none does. from: those
 * before are known to be the same.
 */
size_t log_first_difference(const struct log *a, const struct log *b, size_t from);

/* "at tick N: the run gave byte 0x41, the replay gave byte 0x42"; the caller owns it. */
char *log_tell_difference(const struct log_entry *run, const struct log_entry *replay);

#endif
