// SPDX-License-Identifier: GPL-2.0-only
#include "run/program.h"

#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "lab/bringup.h"

/*
 * A program that runs for longer: does its level still answer, within the same time? A level that
 * hangs would cost the whole deadline of its test, and where it is retried twice that.
 */
#define LIVES_S 5

void placed_forget(struct placed *p)
{
	free(p->monitor);
	*p = (struct placed){ 0 };
}

struct level *program_level(struct lab *lab, const struct testcase *t)
{
	return &lab->levels[t->level - 1];
}

char *program_path(const struct testcase *t)
{
	_cleanup_free_ char *relative = strf("build/guest/%s", t->program);

	return path_in_root(relative);
}

static void make_argv(const struct level *l, const struct testcase *t, struct strv *argv)
{
	if (t->suite) {
		strv_add(argv, "/bin/sh");
		strv_add(argv, "-c");
		strv_addf(argv, "cd " SUITE_DIR " && %s", t->program);
		return;
	}
	strv_addf(argv, "%s/%s", l->medium ? l->medium : "/tmp", t->program);
	for (const char *const *a = t->args; a && *a; a++)
		strv_add(argv, *a);
}

/* The same file in the other level is another one. */
static bool is_there(const struct placed *p, const struct testcase *t)
{
	return p->program && !strcmp(p->program, t->program) && p->level == t->level;
}

/* Several tests of one program follow one another: it is there already. */
static int push(const struct program *p, struct level *l, const char *remote)
{
	const struct testcase *t = p->test;
	_cleanup_free_ char *local = program_path(t);
	int ret;

	/* On a medium it has been there since the boot. */
	if (t->suite || l->medium || is_there(&p->run->placed, t))
		return 0;
	ret = channel_put_file(l->channel, local, remote, 0755, level_ms(l, 10));
	p->run->placed.program = ret ? NULL : t->program;
	p->run->placed.level = t->level;
	return ret;
}

/* Once a lab: a restored one has none. */
static int place_monitor(const struct program *p, struct level *l)
{
	struct run *r = p->run;

	if (!p->test->wants_monitor || r->placed.monitor)
		return 0;
	return level_place(l, r->monitor.path, MONITOR_IN_LEVEL, 0755, &r->placed.monitor);
}

void program_env(const struct run *r, const struct testcase *t, const char *monitor_at,
		 struct strv *env)
{
	assignment_env(run_assignment(r, t), env);
	strv_addf(env, "NESTLAB_EFFORT=%u", r->lab->plan->knobs.effort);
	strv_addf(env, "NESTLAB_SLOWDOWN=%u", r->lab->plan->lane.slowdown);
	/* What one lane's emulator can't be asked is a suite's own business. */
	if (t->suite)
		strv_addf(env, "NESTLAB_LANE=%s", r->lab->plan->lane.name);
	if (t->wants_monitor)
		monitor_env(&r->monitor, monitor_at, env);
}

static void tell_modules(const struct run *r, struct strv *env)
{
	_cleanup_free_ char *modules = bringup_kvm_modules(r->lab);

	strv_addf(env, "NESTLAB_KVM_MODULES=%s", modules);
}

static int start(const struct program *p, struct level *l, struct channel_status *status,
		 uint32_t *id)
{
	_cleanup_strv_ struct strv argv = { 0 }, env = { 0 };
	struct channel_exec e = { .on_output = p->on_output, .ctx = p->ctx };
	int ret;

	make_argv(l, p->test, &argv);
	ret = push(p, l, argv.v[0]);
	if (!ret)
		ret = place_monitor(p, l);
	if (ret)
		return ret;
	program_env(p->run, p->test, p->run->placed.monitor, &env);
	if (p->test->host == HOST_UNUSED)
		tell_modules(p->run, &env);
	e.argv = argv.v;
	e.env = env.v;
	return channel_start(l->channel, &e, status, id);
}

/* Past its deadline in a level that still answers it is the program's own matter. */
static int judge_wait(struct level *l, struct channel_status *status, int ret)
{
	_cleanup_free_ char *why = NULL;

	if (ret != -OUT_BROKEN || proc_interrupted())
		return ret;
	why = xstrdup(fail_text());
	status->done = false; /* by itself it was not: the kill may have been told by now */
	return level_answers(l) ? 0 : fail(OUT_BROKEN, "%s", why);
}

static bool lives(void *level)
{
	return level_answers_within(level, LIVES_S);
}

int program_run(const struct program *p, struct channel_status *status)
{
	const struct testcase *t = p->test;
	struct level *l = program_level(p->run->lab, t);
	const struct channel_watch w = {
		.every_ms = level_ms(l, LIVES_S), .lives = lives, .ctx = l
	};
	uint32_t id;
	int ret = start(p, l, status, &id);

	if (ret)
		return ret;
	ret = channel_wait_watched(l->channel, id, status, &w,
			   level_ms(l, t->timeout_s * p->run->plan->knobs.effort));
	channel_forget(l->channel, id);
	ret = judge_wait(l, status, ret);
	if (!ret && status->error)
		return fail(OUT_BROKEN, "can't run %s in %s: %s", t->program, l->name,
			    strerror(status->error));
	return ret;
}

int program_settle(struct lab *lab)
{
	struct level *l2 = &lab->levels[L2];
	int ret = level_step(l2, 0);

	return !ret && (l2->console.crash || l2->carrier->console.crash) ? level_look_for_end(l2)
									 : ret;
}

int program_explain(struct level *l, int ret)
{
	_cleanup_free_ char *first = xstrdup(fail_text());
	const struct level *silent;
	int end;

	if (ret != -OUT_BROKEN || proc_interrupted())
		return ret;
	end = level_diagnose(l, l, &silent);
	if (end)
		return end;
	if (!silent)
		return fail(OUT_BROKEN, "%s", first);
	return fail(OUT_CRASH, "%s hangs: its agent does not answer any more (%s)", silent->name,
		    first);
}
