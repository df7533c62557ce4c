// SPDX-License-Identifier: GPL-2.0-only
#include "gdb/replayed.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/hash.h"
#include "core/outcome.h"
#include "core/paths.h"
#include "core/ui.h"
#include "gdb/loaded.h"
#include "replay/record.h"

#define SOCKET "replay-gdb" /* in path_run() */

/* ---- what ran there, and is it what we have? ---- */

struct told {
	struct buf sections;
	const struct replayed_run *run;
};

/* As the run's manifest has it, whatever the checkout is now. */
static int check_same(const struct replayed_run *run, const char *kind, const char *path)
{
	_cleanup_free_ char *key = strf("%s %s", kind, path_last(path));
	const char *then = run->was(run->ctx, key);
	char now[HASH_HEX_LEN + 1];

	if (then && !hash_file(path, now) && !strcmp(now, then))
		return 0;
	return fail(OUT_BROKEN, "%s is not the one that ran then: its kernel is built otherwise by now", path);
}

static int ask(void *ctx, const char *stored, struct running_module *m)
{
	const struct told *t = ctx;
	int ret = running_told(buf_str(&t->sections), stored, m);

	return ret ? ret : check_same(t->run, "module", stored);
}

static int read_told(const char *log, struct told *t)
{
	_cleanup_free_ char *path = record_modules(log);

	if (!file_read(path, &t->sections))
		return 0;
	return fail(OUT_USAGE, "there is no %s: L1 ended before it had told where its modules lie, or an older nestlab recorded it", path);
}

/* Without its names one can still debug the modules. */
static const char *image_of(const struct replayed_run *run, const struct kernel_build *b,
			    const struct debuginfo *d)
{
	const char *then = run->was(run->ctx, "bzImage host");

	if (d->image && then && !strcmp(then, b->bzimage_sha256))
		return d->image;
	ui_note("the kernel's own functions have no names in gdb: no image of this very kernel is left");
	return NULL;
}

static int make_script(struct replayed *g, const struct plan *plan, struct told *t)
{
	_cleanup_free_ char *stub = strf("%s/" SOCKET, path_run());
	struct kernel_build b = { 0 };
	struct loaded l = { .backwards = true };
	int ret = kernel_build(&plan->kernel, KERNEL_HOST, &b);

	if (!ret)
		ret = loaded_take(plan, &b, ask, t, &l);
	if (!ret)
		ret = debuginfo_get(&plan->kernel, &b, &l.paths, &g->info);
	if (!ret)
		ret = loaded_script(&l, &g->info, image_of(t->run, &b, &g->info), stub, &g->script);
	loaded_free(&l);
	kernel_build_free(&b);
	return ret;
}

static int prepare(struct replayed *g, const struct replayed_run *run)
{
	struct told t = { .run = run };
	struct plan plan = { 0 };
	int ret = read_told(run->log, &t);

	if (!ret) /* with the change as it was then: its patches lie beside it */
		ret = plan_load(run->dir, &plan);
	if (!ret)
		ret = make_script(g, &plan, &t);
	plan_free(&plan);
	buf_free(&t.sections);
	return ret;
}

/* ---- its visit ---- */

static int come(void *ctx)
{
	struct replayed *g = ctx;

	return gdb_program_start(&g->gdb, g->script, g->args);
}

static bool has_left(void *ctx)
{
	struct replayed *g = ctx;

	return gdb_program_ended(&g->gdb);
}

int gdb_replayed_begin(struct replayed *g, const struct replayed_run *run, const char *tick,
		       char *const *args)
{
	int ret = gdb_program_check();

	*g = (struct replayed){ .args = args };
	g->visitor = (struct again_visitor){ .socket = SOCKET, .tick = tick, .come = come,
					     .has_left = has_left, .ctx = g };
	return ret ? ret : prepare(g, run);
}

int gdb_replayed_end(struct replayed *g)
{
	gdb_program_stop(&g->gdb);
	if (g->script)
		(void)unlink(g->script);
	free(g->script);
	debuginfo_free(&g->info);
	return gdb_program_code(&g->gdb);
}
