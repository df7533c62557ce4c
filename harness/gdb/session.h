/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gdb on a level that QEMU runs: L1's kernel, with the modules that are loaded there by name, line
 * and variable.
 *
 * While L1 stands still nobody waits for it: nothing else is asked of it until gdb has ended, and
 * then it runs on, without a breakpoint.
 */
#ifndef NESTLAB_GDB_SESSION_H
#define NESTLAB_GDB_SESSION_H

#include "gdb/program.h"
#include "kernel/debuginfo.h"
#include "lab/lab.h"

struct session {
	struct level *level; /* L1 */
	struct debuginfo info;
	char *script; /* of gdb's first commands, a file */
	int lock;
	struct gdb_program gdb;
};

/* Is there a stub in this lane, and gdb on this machine? 0; -OUT_USAGE, -OUT_BROKEN. */
int gdb_session_check(const struct lane *l);
/*
 * That, and nobody else is at it: -OUT_BUSY. gdb_session_end() it in either case.
 */
int gdb_session_begin(struct session *s, struct level *l1, const struct lane *lane);
/*
 * All that gdb needs, for L1 whose channel is open; plan: what runs there. Nothing is stopped yet.
 * 0 or -OUT_BROKEN: what runs there is not what the plan's kernel is built of now.
 */
int gdb_session_prepare(struct session *s, const struct plan *plan);
/* gdb, with these arguments behind ours: from now on ^C is its own. 0 or -OUT_BROKEN. */
int gdb_session_start(struct session *s, char *const *args);
/* Has it ended? Then ^C is ours again, and L1 runs. Turns no loop. */
bool gdb_session_ended(struct session *s);
/* Let it stop L1, as ^C does. */
void gdb_session_interrupt(const struct session *s);
/*
 * To its end, libvirt's events taken meanwhile; then L1 runs on. Its exit code, 128 + a signal, or
 * negative.
 */
int gdb_session_wait(struct session *s);
void gdb_session_end(struct session *s);

#endif
