// SPDX-License-Identifier: GPL-2.0-only
#include "machine/loop.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/proc.h"
#include "core/ui.h"
#include "core/util.h"

#define STEP_MS 10
#define RETURN_MS 3000 /* for a call to return when it was unblocked */
#define INTERRUPTED_MS 3000

static int step_timer = -1;

static void on_timer(int timer, void *opaque)
{
	(void)opaque;
	virEventUpdateTimeout(timer, -1);
}

/* Errors are told by whoever made the call, in the harness's own words. */
static void be_silent(void *ctx, virErrorPtr err)
{
	(void)ctx;
	(void)err;
}

void loop_init(void)
{
	if (step_timer >= 0)
		return;
	virSetErrorFunc(NULL, be_silent);
	virInitialize();
	virEventRegisterDefaultImpl();
	step_timer = virEventAddTimeout(-1, on_timer, NULL, NULL);
}

/* ---- the guard ---- */

static struct {
	pthread_t thread;
	bool running;
	atomic_bool stop;
	unsigned int depth; /* of libvirt calls in the loop's thread */
	atomic_uint_fast64_t since_ns; /* when the innermost began; 0: there is none */
	unsigned int silence_ms;
	void (*unblock)(void *ctx);
	void *ctx;
} guard;

void loop_enter(void)
{
	guard.depth++;
	atomic_store(&guard.since_ns, now_ns());
}

void loop_leave(void)
{
	guard.depth--;
	atomic_store(&guard.since_ns, guard.depth ? now_ns() : 0);
}

static bool is_stuck(void)
{
	uint64_t since = atomic_load(&guard.since_ns);
	unsigned int limit = guard.silence_ms;

	if (proc_interrupted() && limit > INTERRUPTED_MS)
		limit = INTERRUPTED_MS;
	return since && now_ns() > since + limit * NSEC_PER_MSEC;
}

static void *watch_over(void *arg)
{
	(void)arg;
	while (!atomic_load(&guard.stop)) {
		if (is_stuck()) {
			guard.unblock(guard.ctx);
			return NULL;
		}
		poll(NULL, 0, 100);
	}
	return NULL;
}

void loop_guard(unsigned int silence_ms, void (*unblock)(void *ctx), void *ctx)
{
	loop_unguard();
	guard.silence_ms = silence_ms;
	guard.unblock = unblock;
	guard.ctx = ctx;
	atomic_store(&guard.stop, false);
	guard.running = !pthread_create(&guard.thread, NULL, watch_over, NULL);
}

void loop_unguard(void)
{
	if (!guard.running)
		return;
	atomic_store(&guard.stop, true);
	pthread_join(guard.thread, NULL);
	guard.running = false;
}

/* ---- a turn ---- */

static void turn(unsigned int timeout_ms)
{
	loop_enter();
	ui_tick();
	virEventUpdateTimeout(step_timer, (int)timeout_ms);
	virEventRunDefaultImpl();
	loop_leave();
}

int loop_step(unsigned int timeout_ms)
{
	if (proc_interrupted())
		return fail(OUT_INTERRUPTED, "interrupted");
	turn(timeout_ms);
	return 0;
}

/* ---- looking again and again ---- */

struct watcher {
	void (*look)(void *ctx);
	void *ctx;
};

static void on_watch(int timer, void *opaque)
{
	const struct watcher *w = opaque;

	(void)timer;
	w->look(w->ctx);
}

int loop_every(unsigned int ms, void (*look)(void *ctx), void *ctx)
{
	struct watcher *w = xcalloc(1, sizeof(*w));

	*w = (struct watcher){ look, ctx };
	return virEventAddTimeout((int)ms, on_watch, w, free);
}

void loop_every_end(int handle)
{
	if (handle >= 0)
		virEventRemoveTimeout(handle);
}

/* ---- calls ---- */

void loop_job_drop(struct loop_job *job)
{
	if (!atomic_fetch_sub(&job->users, 1))
		job->free(job);
}

bool loop_job_done(const struct loop_job *job)
{
	return atomic_load(&job->done);
}

static void *work(void *arg)
{
	struct loop_job *job = arg;

	job->ret = job->call(job);
	if (job->ret)
		snprintf(job->error, sizeof(job->error), "%s", virGetLastErrorMessage());
	atomic_store(&job->done, true);
	loop_job_drop(job);
	return NULL;
}

static int step(const struct loop_call *c)
{
	if (proc_interrupted() && !c->to_the_end)
		return fail(OUT_INTERRUPTED, "%s: interrupted", c->what);
	if (c->aside) {
		poll(NULL, 0, STEP_MS);
		return 0;
	}
	turn(STEP_MS);
	return c->watch ? c->watch(c->ctx) : 0;
}

static int wait_for(const struct loop_call *c)
{
	uint64_t deadline = now_ns() + c->deadline_ms * NSEC_PER_MSEC;
	int ret = 0;

	while (!ret && !loop_job_done(c->job)) {
		if (now_ns() > deadline)
			return fail(OUT_BROKEN, "%s: no answer within %u s", c->what, c->deadline_ms / 1000);
		ret = step(c);
	}
	return ret;
}

/* Whatever else there is to say: it may return by itself. */
static bool returns_within(const struct loop_call *c, unsigned int ms)
{
	uint64_t until = now_ns() + ms * NSEC_PER_MSEC;

	while (!loop_job_done(c->job) && now_ns() < until) {
		if (c->aside)
			poll(NULL, 0, STEP_MS);
		else
			turn(STEP_MS);
	}
	return loop_job_done(c->job);
}

/* Has it returned, or can it be made to? */
static bool bring_to_end(const struct loop_call *c, int why)
{
	bool at_once = why == -OUT_BROKEN; /* the deadline: it had its time */

	if (returns_within(c, at_once ? 0 : c->grace_ms))
		return true;
	if (c->unblock)
		c->unblock(c->ctx);
	return returns_within(c, RETURN_MS);
}

int loop_call(const struct loop_call *c)
{
	struct loop_job *job = c->job;
	pthread_t thread;
	int ret;

	if (proc_interrupted() && !c->to_the_end)
		return fail(OUT_INTERRUPTED, "%s: interrupted", c->what);
	atomic_fetch_add(&job->users, 1);
	if (pthread_create(&thread, NULL, work, job)) {
		loop_job_drop(job);
		return fail(OUT_BROKEN, "%s: can't start a thread", c->what);
	}
	ret = wait_for(c);
	if (!ret || bring_to_end(c, ret))
		pthread_join(thread, NULL);
	else
		pthread_detach(thread);
	if (ret)
		return ret;
	return job->ret ? fail(OUT_BROKEN, "%s: %s", c->what, job->error) : 0;
}
