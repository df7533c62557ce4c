/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The event loop: libvirt's default one, turned by whoever waits. It must be registered before any
 * connection is opened, or libvirt's streams and events stay silent.
 */
#ifndef NESTLAB_MACHINE_LOOP_H
#define NESTLAB_MACHINE_LOOP_H

#include <stdatomic.h>
#include <stdbool.h>

void loop_init(void);

/* Turn once, for at most this time. 0, or -OUT_INTERRUPTED when the user interrupts. */
int loop_step(unsigned int timeout_ms);

/*
 * Look again and again while anybody turns the loop, without turning it. The handle, for
 * loop_every_end().
 */
int loop_every(unsigned int ms, void (*look)(void *ctx), void *ctx);
void loop_every_end(int handle);

/*
 * What a blocking call works on. On the heap and shared with the thread that makes the call: one
 * that never returns is left alone, and what it may still write to stays until it does. Stands
 * first in a struct of the caller's, who owns one reference.
 */
struct loop_job {
	int (*call)(struct loop_job *job);  /* in the thread: 0, or -1 with libvirt's error */
	void (*free)(struct loop_job *job); /* by whoever is the last to drop it */
	/* The loop's own. */
	atomic_uint users; /* 0: the caller alone */
	atomic_bool done;
	int ret;
	char error[512];
};
void loop_job_drop(struct loop_job *job);
/* Has the call returned? Only then may its results be looked at. */
bool loop_job_done(const struct loop_job *job);

/*
 * Run a blocking libvirt call in a thread while the loop goes on turning (so that consoles are read
 * and a crash is seen), until it ends, the deadline passes, the user interrupts or watch() says
 * stop. libvirt's error becomes the sentence "WHAT: error" and -OUT_BROKEN.
 *
 * It always ends: after unblock() a call has some seconds left to return, then its thread is
 * abandoned.
 */
struct loop_call {
	const char *what;
	struct loop_job *job;
	/* looked at every turn; a negative outcome ends the waiting; may be NULL */
	int (*watch)(void *ctx);
	/* makes a stuck call return; tells nothing by fail(); may be NULL */
	void (*unblock)(void *ctx);
	void *ctx;
	unsigned int deadline_ms;
	/*
	 * from an interruption, or watch()'s word, to unblock(): a call that is answered ends by
	 * itself
	 */
	unsigned int grace_ms;
	bool to_the_end; /* ^C does not end it: cleaning up */
	/*
	 * the caller is not the loop's thread, or can't have it turn: it stands still; watch() is
	 * not asked
	 */
	bool aside;
};
int loop_call(const struct loop_call *c);

/*
 * A guard against libvirt calls that can't be given a deadline (sending on a stream blocks when a
 * level's libvirtd has stopped reading): when one has lasted for this long, or for some seconds
 * after ^C, unblock() is called from another thread, once. loop_unguard() ends it. One is a turn of
 * the loop, and what stands between loop_enter() and loop_leave(). Whatever else the loop's thread
 * does takes as long as it takes: virt-install ran for longer than the guard's 6 s in lane kvm, and
 * a healthy L1 was ended for it.
 */
void loop_guard(unsigned int silence_ms, void (*unblock)(void *ctx), void *ctx);
void loop_unguard(void);
void loop_enter(void);
void loop_leave(void);

#endif
