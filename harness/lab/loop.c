// SPDX-License-Identifier: GPL-2.0-only
#include "lab/loop.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "core/outcome.h"
#include "core/proc.h"
#include "core/ui.h"
#include "core/util.h"

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

	return since && now_ns() > since + guard.silence_ms * NSEC_PER_MSEC;
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

int loop_step(unsigned int timeout_ms)
{
	if (proc_interrupted())
		return fail(OUT_INTERRUPTED, "interrupted");
	loop_enter();
	ui_tick();
	virEventUpdateTimeout(step_timer, (int)timeout_ms);
	virEventRunDefaultImpl();
	loop_leave();
	return 0;
}

struct worker {
	const struct loop_call *c;
	atomic_bool done;
	int ret;
	char error[512];
};

static void *work(void *arg)
{
	struct worker *w = arg;

	w->ret = w->c->call(w->c->ctx);
	if (w->ret) {
		const char *text = virGetLastErrorMessage();

		snprintf(w->error, sizeof(w->error), "%s", text);
	}
	atomic_store(&w->done, true);
	return NULL;
}

static int wait_for(struct worker *w)
{
	const struct loop_call *c = w->c;
	uint64_t deadline = now_ns() + c->deadline_ms * NSEC_PER_MSEC;
	int ret = 0;

	while (!ret && !atomic_load(&w->done)) {
		if (now_ns() > deadline)
			return fail(OUT_BROKEN, "%s: no answer within %u s", c->what, c->deadline_ms / 1000);
		ret = loop_step(10);
		if (!ret && c->watch)
			ret = c->watch(c->ctx);
	}
	return ret;
}

int loop_call(const struct loop_call *c)
{
	struct worker w = { .c = c };
	pthread_t thread;
	int ret;

	if (pthread_create(&thread, NULL, work, &w))
		return fail(OUT_BROKEN, "%s: can't start a thread", c->what);
	ret = wait_for(&w);
	if (ret && c->unblock)
		c->unblock(c->ctx);
	pthread_join(thread, NULL);
	if (ret)
		return ret;
	return w.ret ? fail(OUT_BROKEN, "%s: %s", c->what, w.error) : 0;
}
