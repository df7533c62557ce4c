/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A closed run: Bochs goes on from a saved state, and all that its line will ever give it is
 * written down before it begins. Nothing comes from outside then, so the same state, seed and
 * requests give the same run, to the bit; and another seed another schedule of L1's CPUs.
 *
 *	closed_init()
 *	channel_start(c.level.channel, ...)	as often as wanted: nothing waits yet
 *	closed_start(), closed_step() again and again; several of them side by side
 *	closed_free()
 */
#ifndef NESTLAB_REPLAY_CLOSED_H
#define NESTLAB_REPLAY_CLOSED_H

#include <stdint.h>

#include "machine/bochs/bochsrc.h"
#include "machine/level.h"

struct closed {
	struct level level;
	struct buf asked; /* what the line gives, as a replay's input (log.h) */
	const char *record; /* what Bochs writes */
	const struct channel_status *until;
	uint64_t deadline;
	int fd; /* of the record, or -1 */
	uint64_t at; /* bytes of it that were read */
	uint32_t sum; /* of all entries until then: two runs with the same one did the same */
};

void closed_init(struct closed *c, uint32_t slowdown);
/*
 * spec: with a state, and a folder of its own. It goes on until the program that was started under
 * this status has ended, or for so many seconds (scaled as each deadline). What is named lives as
 * long. 0 or -OUT_BROKEN.
 */
struct closed_files {
	const char *log, *console_log; /* to write */
	const char *record;	       /* the same (record_begin()) */
};
int closed_start(struct closed *c, const struct bochs_spec *spec, const struct closed_files *files,
		 const struct channel_status *until, unsigned int deadline_s);
/*
 * Some milliseconds. 0: it goes on; 1: it is over, by either; -OUT_CRASH: L1's kernel died;
 * -OUT_BROKEN, -OUT_INTERRUPTED. Not again, where it is not 0.
 */
int closed_step(struct closed *c);
void closed_free(struct closed *c);

#endif
