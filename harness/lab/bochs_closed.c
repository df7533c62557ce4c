// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "lab/bochs_lab.h"
#include "lab/state.h"
#include "machine/bochs/bochs_program.h"
#include "replay/closed.h"

#define FOLDER "schedules" /* in the run's: what the L1 that is saved says */

struct lab_closed {
	struct lab alone; /* the lab without all that a micro guest does not need */
	char *dir; /* of the run */
	char *state;
	struct bochs_parts parts;
};

/* ---- the state ---- */

/*
 * The same for each selection of tests: an L2, a monitor or a suite on its medium would make another
 * state of it, and of each seed another schedule.
 */
static void take_alone(const struct lab *lab, struct lab *alone)
{
	*alone = *lab;
	alone->without_l2 = true;
	alone->monitor = NULL;
	alone->suite = (struct lab_suite){ 0 };
	alone->record = alone->l2_initramfs = NULL;
	alone->boot = (struct boot_record){ 0 };
	alone->golden = (struct image){ 0 };
	alone->run_dir = strf("%s/" FOLDER, lab->run_dir);
	for (unsigned int i = 0; i < LAB_LEVELS; i++)
		level_init(&alone->levels[i], i + 1, i ? &alone->levels[i - 1] : NULL, lab->plan->lane.slowdown);
}

static int name_state(struct lab *alone)
{
	struct hash *h = hash_new("bochs-closed-1");
	int ret = bochs_lab_hash(h, alone);

	hash_add_str(h, "host", alone->host.key);
	hash_add_str(h, "initramfs", alone->initramfs.key);
	hash_add_number(h, "nested paging", alone->plan->knobs.nested_paging);
	hash_hex(h, alone->lab_key);
	return ret;
}

static int boot_and_save(struct lab *alone)
{
	int ret = bochs_lab_boot_l1(alone);

	if (ret)
		return ret;
	level_close_channel(&alone->levels[L1]);
	return state_save(alone, alone->lab_key, false);
}

static int make_state(struct lab *alone)
{
	int ret;

	if (!bochs_lab_has_room(alone))
		return fail(OUT_BROKEN, "no room for the state that schedules begin with: %u MiB are not free in %s", alone->plan->l1_memory, path_cache());
	if (mkdir_p(alone->run_dir))
		return fail(OUT_BROKEN, "can't make the folder %s: %m", alone->run_dir);
	ret = boot_and_save(alone);
	lab_levels_down(alone);
	record_drop(alone->run_dir);
	return ret;
}

static int begin(struct lab *lab, struct lab_closed **closed)
{
	struct lab_closed *c = NULL;
	int ret;

	*closed = NULL;
	if (bochs_is_debians(lab->emulator))
		return fail(OUT_SKIP, "Debian's Bochs has no schedules");
	c = *closed = xcalloc(1, sizeof(*c));
	c->dir = lab->run_dir;
	take_alone(lab, &c->alone);
	ret = name_state(&c->alone);
	if (!ret && !state_exists(c->alone.lab_key))
		ret = make_state(&c->alone);
	if (ret)
		return ret;
	c->state = state_hold(c->alone.lab_key);
	if (!c->state)
		return fail(OUT_BROKEN, "the state that schedules begin with is gone from the cache: run it again");
	return bochs_lab_parts(&c->alone, c->state, &c->parts);
}

static void end(struct lab_closed *c)
{
	if (!c)
		return;
	bochs_lab_free_parts(&c->parts);
	free(c->state);
	free(c->alone.record);
	free(c->alone.run_dir);
	free(c);
}

/* ---- one schedule ---- */

static void take_last_words(struct closed *run, struct lab_try *t)
{
	t->last_words = run->level.console.crash_text;
	run->level.console.crash_text = (struct strv){ 0 };
}

/* Past its deadline is the program's own matter, as where somebody would ask L1. */
static int run_closed(const struct lab_closed *c, struct lab_try *t, const struct bochs_spec *spec)
{
	_cleanup_free_ char *log = strf("%s/closed-bochs.log", path_run()), *console = strf("%s/closed-console.log", path_run());
	const struct closed_files files = { .log = log, .console_log = console, .record = t->record };
	struct closed run;
	uint32_t id;
	int ret;

	closed_init(&run, c->alone.plan->lane.slowdown);
	ret = channel_start(run.level.channel, t->exec, &t->status, &id);
	if (!ret)
		ret = closed_run(&run, spec, &files, &t->status, t->deadline_s);
	t->sum = run.sum;
	take_last_words(&run, t);
	closed_free(&run);
	unlink(log);
	unlink(console);
	return ret;
}

static int attempt(struct lab_closed *c, struct lab_try *t)
{
	struct bochs_spec spec = c->parts.spec;
	int ret;

	spec.seed = t->seed;
	ret = record_begin(c->dir, &spec, &c->parts.from, &t->record);
	if (!ret)
		ret = bochs_lab_tell_modules(c->state, t->record);
	return ret ? ret : run_closed(c, t, &spec);
}

static void forget(struct lab_try *t, bool keep)
{
	if (t->record && !keep)
		record_drop_one(t->record);
	free(t->record);
	strv_free(&t->last_words);
}

const struct lab_schedules bochs_schedules = { .begin = begin, .attempt = attempt, .forget = forget, .end = end };
