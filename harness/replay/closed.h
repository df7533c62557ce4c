/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A closed run: Bochs goes on from a saved state, and all that its line will ever give it is
 * written down before it begins. Nothing comes from outside then, so the same state, seed and
 * requests give the same run, to the bit; and another seed another schedule of L1's CPUs.
 *
 *	closed_init()
 *	channel_start(c.level.channel, ...)	as often as wanted: nothing waits yet
 *	closed_run()
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
	int fd; /* of the record, or -1 */
	uint64_t at; /* bytes of it that were read */
	uint32_t sum; /* of all entries until then: two runs with the same one did the same */
};

void closed_init(struct closed *c, uint32_t slowdown);
/*
 * Until the program that was started under this status has ended, or for so many seconds (scaled as
 * each deadline). spec: with a state; in path_run(), whose files it uses.
 * log, console_log: files to write; record: another one (record_begin()). 0; -OUT_CRASH where L1's
 * kernel died; -OUT_BROKEN, -OUT_INTERRUPTED.
 */
struct closed_files {
	const char *log, *console_log, *record;
};
int closed_run(struct closed *c, const struct bochs_spec *spec, const struct closed_files *files,
	       const struct channel_status *until, unsigned int deadline_s);
void closed_free(struct closed *c);

#endif
