/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * L1 as a Bochs process: a child that dies with us, in a network namespace of its own. Its console
 * is a file, its agent's port a socket inside that namespace, its power the process. Other
 * processes join it by a socket at which one at a time is its channel.
 */
#ifndef NESTLAB_MACHINE_BOCHS_BOCHS_H
#define NESTLAB_MACHINE_BOCHS_BOCHS_H

#include "machine/bochs/bochsrc.h"
#include "machine/level.h"

#define BOCHS_CONSOLE "l1-console" /* in its folder */

/* What the machine's outside is joined to. */
struct bochs_wires {
	const char *log; /* what Bochs says */
	const char *console_log;
	/* a unix socket here, and the one in L1 that it leads to (forward.h); NULL: none */
	const char *local, *remote;
	const char *door; /* where others come for the level's channel, with `local` alone */
	/*
	 * what the agent's line takes and gives, and when (replay/log.h): a file to write; NULL:
	 * none
	 */
	const char *record;
	/* such a file: its input comes, at its time, in place of the line's; or NULL */
	const char *replay;
	/*
	 * where it waits for a gdb, a name in path_run(), and at which tick; NULL: it waits for
	 * none, and before its first instruction
	 */
	const char *gdb, *gdb_tick;
};

/*
 * Power on. Works in the spec's folder, where its files are. Returns when the agent's port is
 * connected, or at once where it is replayed. 0, -OUT_BROKEN, or what ended the waiting.
 */
int bochs_start(struct level *l, const struct bochs_spec *spec, const struct bochs_wires *wires);

/*
 * The state of a Bochs of ours, into a folder, which a spec can name to go on from; it runs on.
 * Nobody may have the channel or a connection open. 0, -OUT_BROKEN, or what ended the waiting.
 */
int bochs_save(struct level *l, const char *dir);

/* Its channel is closed and will not be opened by us again: others may have it. */
void bochs_leave_channel(struct level *l);
/*
 * One that another process has started in this folder, with that door, as a level whose power is
 * not ours.
 */
void bochs_join(struct level *l, const char *folder, const char *door);

/*
 * How it ended, from its log's last words and its wait status; for the unit tests. The caller owns
 * *why.
 */
enum outcome bochs_end(const char *log_text, int status, char **why);
/*
 * What to say of one that does nothing; state: its process's, as in proc_pid_stat(5). The caller
 * owns it.
 */
char *bochs_wedged(const char *log_text, char state, unsigned int seconds);

#endif
