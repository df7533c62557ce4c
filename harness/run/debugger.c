// SPDX-License-Identifier: GPL-2.0-only
#include "run/debugger.h"

#include <string.h>

#include "core/outcome.h"
#include "core/ui.h"
#include "gdb/session.h"
#include "machine/loop.h"
#include "run/observer.h"

#define TURN_MS 50
#define PATIENCE 1000 /* times as long as usual everything may take while somebody looks */

static struct {
	const char *test; /* NULL: none */
	char *const *args;
} asked;

void debugger_before(const char *test, char *const *args)
{
	asked.test = test;
	asked.args = args;
}

struct debugger {
	struct session session;
	bool on;
	int watch; /* loop_every()'s */
	uint32_t slowdown[LAB_LEVELS];
};

static bool is_wanted(const struct run *r, const struct testcase *t)
{
	(void)r;
	return asked.test && !strcmp(asked.test, t->name);
}

static void be_patient(struct run *r, struct debugger *d)
{
	for (size_t i = 0; i < LAB_LEVELS; i++) {
		d->slowdown[i] = r->lab->levels[i].slowdown;
		r->lab->levels[i].slowdown *= PATIENCE;
	}
}

static void be_as_usual(struct run *r, const struct debugger *d)
{
	for (size_t i = 0; i < LAB_LEVELS; i++)
		r->lab->levels[i].slowdown = d->slowdown[i];
}

/* Its `continue` lets L1 run; so does its end. */
static int wait_for_continue(struct debugger *d)
{
	bool runs = false;
	int ret = 0;

	while (!ret && !runs && !gdb_session_ended(&d->session)) {
		ret = loop_step(TURN_MS);
		if (!ret)
			ret = level_runs(d->session.level, &runs);
	}
	return ret;
}

/* One that ends while the program runs. */
static void look(void *ctx)
{
	(void)gdb_session_ended(ctx);
}

/* Until gdb has ended, and whatever it told. */
static int leave(struct run *r, struct debugger *d)
{
	int ret;

	loop_every_end(d->watch);
	ret = gdb_session_wait(&d->session);
	gdb_session_end(&d->session);
	be_as_usual(r, d);
	d->on = false;
	if (ret > 0)
		ui_note("gdb ended with status %d", ret);
	return ret < 0 ? ret : 0;
}

/* Without a debugger it runs, whatever is wrong. */
static int give_back(struct level *l1, int ret)
{
	_cleanup_free_ char *why = xstrdup(fail_text());

	(void)level_resume(l1);
	return fail((enum outcome)-ret, "%s", why);
}

static int begin(struct run *r, struct debugger *d)
{
	struct level *l1 = &r->lab->levels[L1];
	int ret = gdb_session_begin(&d->session, l1, &r->lab->plan->lane);

	if (!ret)
		ret = gdb_session_prepare(&d->session, r->lab->plan);
	/* So that it runs again at gdb's word, and not before gdb has come. */
	if (!ret)
		ret = level_suspend(l1);
	if (!ret)
		ret = gdb_session_start(&d->session, asked.args);
	if (!ret)
		return 0;
	gdb_session_end(&d->session);
	return give_back(l1, ret);
}

static int before(const struct watch *w, void *state)
{
	struct debugger *d = state;
	int ret = begin(w->run, d);

	if (ret)
		return ret;
	d->on = true;
	d->watch = loop_every(TURN_MS, look, &d->session);
	be_patient(w->run, d);
	ui_stage_begin("gdb");
	ui_stage_end("attached before %s", w->test->name);
	ui_note("`continue` in gdb starts %s", w->test->name);
	ret = wait_for_continue(d);
	if (!ret && gdb_session_ended(&d->session))
		ret = leave(w->run, d);
	return ret;
}

static int after(const struct watch *w, void *state)
{
	struct debugger *d = state;

	if (!d->on)
		return 0;
	ui_note("the program of %s has ended; quit gdb to have it judged", w->test->name);
	gdb_session_interrupt(&d->session);
	return leave(w->run, d);
}

static void end(struct run *r, void *state)
{
	struct debugger *d = state;

	if (d->on)
		(void)leave(r, d);
}

static const struct observer debugger = {
	.name = "gdb",
	.order = 90,
	.state = sizeof(struct debugger),
	.detached = true,
	.wants = is_wanted,
	.before = before,
	.after = after,
	.end = end,
};
OBSERVER(debugger);
