// SPDX-License-Identifier: GPL-2.0-only
#include "gdb/session.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/ui.h"
#include "gdb/loaded.h"
#include "machine/libvirt/stub.h"
#include "machine/loop.h"

#define TURN_MS 50
#define GRACE_MS 3000 /* for a word with the stub */

/* ---- what runs in L1, and is it what we have? ---- */

/* The checkout may have changed since the lab was brought up. */
static int check_id(const struct running_module *m, const char *stored)
{
	char id[MODELF_ID_HEX];

	if (modelf_id(stored, id) && !strcmp(id, m->id))
		return 0;
	return fail(OUT_BROKEN, "L1 runs another %s (build id %.12s) than this checkout builds now for its plan: bring the lab up again, with `nestlab lab-down` and `lab-up`",
		    m->name, m->id);
}

static int ask(void *ctx, const char *stored, struct running_module *m)
{
	int ret = running_ask(ctx, stored, m);

	return ret ? ret : check_id(m, stored);
}

/* Without its names one can still debug the modules. */
static const char *image_of(struct level *l1, const struct debuginfo *d)
{
	char runs[MODELF_ID_HEX], ours[MODELF_ID_HEX];

	if (d->image && !running_kernel(l1, runs) && modelf_id(d->image, ours) &&
	    !strcmp(runs, ours))
		return d->image;
	ui_note("the kernel's own functions have no names in gdb: no image of this very kernel is left");
	fail_clear();
	return NULL;
}

int gdb_session_prepare(struct session *s, const struct plan *plan)
{
	_cleanup_free_ char *stub = stub_path();
	struct kernel_build b = { 0 };
	struct loaded l = { 0 };
	int ret = kernel_build(&plan->kernel, KERNEL_HOST, &b);

	if (!ret)
		ret = loaded_take(plan, &b, ask, s->level, &l);
	if (!ret)
		ret = debuginfo_get(&plan->kernel, &b, &l.paths, &s->info);
	if (!ret)
		ret = loaded_script(&l, &s->info, image_of(s->level, &s->info), stub, &s->script);
	loaded_free(&l);
	kernel_build_free(&b);
	return ret;
}

int gdb_session_check(const struct lane *l)
{
	if (l->machine || !lane_emulates(l))
		return fail(OUT_USAGE, "lane %s has no gdb while it runs: QEMU's stub stops an L1 whose CPU QEMU emulates (LANE=tcg-svm); a run of lane bochs-vmx is looked at in its replay (`nestlab replay RUN --gdb`)", l->name);
	return gdb_program_check();
}

int gdb_session_begin(struct session *s, struct level *l1, const struct lane *lane)
{
	int ret = gdb_session_check(lane);

	*s = (struct session){ .level = l1, .lock = -1 };
	if (ret)
		return ret;
	s->lock = stub_lock();
	return s->lock < 0 ? s->lock : 0;
}

/* ---- gdb itself ---- */

/* Whoever waits for something in L1 would do so in vain, where gdb left it stopped. */
bool gdb_session_ended(struct session *s)
{
	_cleanup_free_ char *stub = stub_path();

	if (s->gdb.pid && gdb_program_ended(&s->gdb))
		(void)stub_let_go(stub, GRACE_MS); /* stub_close() tells */
	return !s->gdb.pid;
}

void gdb_session_interrupt(const struct session *s)
{
	gdb_program_interrupt(&s->gdb);
}

int gdb_session_start(struct session *s, char *const *args)
{
	int ret = stub_open(s->level);

	return ret ? ret : gdb_program_start(&s->gdb, s->script, args);
}

static void stop(struct session *s)
{
	_cleanup_free_ char *stub = stub_path();

	gdb_program_stop(&s->gdb);
	(void)stub_let_go(stub, GRACE_MS);
}

static int let_go(struct level *l)
{
	if (l->stopped)
		return fail(OUT_BROKEN, "%s ended while gdb was at it (its `kill` does that, and so does a panic): `nestlab lab-down` takes away what is left", l->name);
	return stub_close(l);
}

int gdb_session_wait(struct session *s)
{
	int ret = 0, end;

	while (!ret && !gdb_session_ended(s))
		ret = loop_step(TURN_MS);
	if (ret)
		stop(s);
	end = let_go(s->level);
	if (ret || end)
		return ret ? ret : end;
	return gdb_program_code(&s->gdb);
}

void gdb_session_end(struct session *s)
{
	if (s->script)
		(void)unlink(s->script);
	free(s->script);
	debuginfo_free(&s->info);
	close_p(&s->lock);
	*s = (struct session){ .lock = -1 };
}
