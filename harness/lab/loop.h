/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The event loop: libvirt's default one, turned by whoever waits. It must be registered before any
 * connection is opened, or libvirt's streams and events stay silent.
 */
#ifndef NESTLAB_LAB_LOOP_H
#define NESTLAB_LAB_LOOP_H

#include <stdbool.h>

void loop_init(void);

/* Turn once, for at most this time. 0, or -OUT_BROKEN when the user interrupts. */
int loop_step(unsigned int timeout_ms);

/*
 * Run a blocking libvirt call in a thread while the loop goes on turning (so that consoles are read and a crash is seen),
 * until it ends, the deadline passes or watch() says stop. call() returns 0 or -1 with libvirt's error, which becomes the
 * sentence "WHAT: error" and -OUT_BROKEN.
 *
 * watch (may be NULL): looked at every turn; a negative outcome ends the waiting. unblock (may be NULL): what makes a stuck
 * call return (it must: the thread is joined after it).
 */
struct loop_call {
	const char *what;
	int (*call)(void *ctx);
	int (*watch)(void *ctx);
	void (*unblock)(void *ctx);
	void *ctx;
	unsigned int deadline_ms;
};
int loop_call(const struct loop_call *c);

/*
 * A guard against libvirt calls that can't be given a deadline (sending on a stream blocks when a level's libvirtd has stopped
 * reading): when one has lasted for this long, unblock() is called from another thread, once.
 * loop_unguard() ends it. One is a turn of the loop, and what stands between loop_enter() and loop_leave(). Whatever else the loop's thread
 * does takes as long as it takes: virt-install ran for longer than the guard's 6 s in lane kvm, and a healthy L1 was ended for it.
 */
void loop_guard(unsigned int silence_ms, void (*unblock)(void *ctx), void *ctx);
void loop_unguard(void);
void loop_enter(void);
void loop_leave(void);

#endif
