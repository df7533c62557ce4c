/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stops: for some tests, each CPU of L1 stands still now and then for a moment behind one of its
 * accesses to memory, where it executes KVM's code. Between a read and the write that follows it,
 * and in the middle of a copy, other CPUs have time then for what they seldom come to otherwise.
 * To what runs in L1 it is a CPU that was slow.
 */
#ifndef NESTLAB_TCG_PLUGIN_STOPS_H
#define NESTLAB_TCG_PLUGIN_STOPS_H

#include "counters.h"
#include "qemu-api.h"

/* Once, before all else; *s stays the caller's. */
void stops_open(struct counters_stops *s);

/*
 * Is what is translated now not what is asked for? Then it must be forgotten (qemu_plugin_reset()),
 * and stops_turn() is called before any of it is translated again.
 */
bool stops_differ(void);
void stops_turn(void);

/* They get fewer with time: from now on they are as many as at first again. */
void stops_renew(void);

/* An instruction that is translated: stopped at where they are asked for, and else as it was. */
void stops_watch(struct qemu_plugin_insn *insn);

#endif
