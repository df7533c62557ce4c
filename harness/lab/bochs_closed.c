// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cache.h"
#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "lab/bochs_lab.h"
#include "machine/bochs/bochs_program.h"
#include "replay/closed.h"

#define KEY_DIGITS 16
#define FOLDER "schedules" /* in the run's: what the L1 that is saved says */

/* 72 MB each. Not among the saved labs: each change has one, and would push them out. */
static const struct cache_kind closed_states = {
	.folder = "closed", .what = "states that schedules begin with", .keep_entries = 4,
};
CACHE_KIND(closed_states);

struct lab_closed {
	struct lab alone; /* the lab without all that a micro guest does not need */
	char *dir; /* of the run */
	struct cache_entry *state;
	struct bochs_parts parts;
};

/* ---- the state ---- */

/*
 * The same for each selection of tests: an L2, a monitor or a suite on its medium would make
 * another state of it, and of each seed another schedule.
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
		level_init(&alone->levels[i], i + 1, i ? &alone->levels[i - 1] : NULL,
			   lab->plan->lane.slowdown);
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

static int boot_and_save(struct lab *alone, const char *dir)
{
	int ret = bochs_lab_boot_l1(alone);

	if (ret)
		return ret;
	level_close_channel(&alone->levels[L1]);
	return bochs_lab_save(alone, dir);
}

static int make_state(void *ctx, const char *dir)
{
	struct lab *alone = ctx;
	int ret;

	if (!bochs_lab_has_room(alone))
		return fail(OUT_BROKEN, "no room for the state that schedules begin with: %u MiB are not free in %s",
			    alone->plan->l1_memory, path_cache());
	if (mkdir_p(alone->run_dir))
		return fail(OUT_BROKEN, "can't make the folder %s: %m", alone->run_dir);
	ret = boot_and_save(alone, dir);
	lab_levels_down(alone);
	record_drop(alone->run_dir);
	return ret;
}

static int begin(struct lab *lab, struct lab_closed **closed)
{
	struct lab_closed *c = NULL;
	_cleanup_free_ char *key = NULL;
	int ret;

	*closed = NULL;
	if (bochs_is_debians(lab->emulator))
		return fail(OUT_SKIP, "Debian's Bochs has no schedules");
	c = *closed = xcalloc(1, sizeof(*c));
	c->dir = lab->run_dir;
	take_alone(lab, &c->alone);
	ret = name_state(&c->alone);
	key = xstrndup(c->alone.lab_key, KEY_DIGITS);
	if (!ret)
		ret = cache_get(&closed_states, key, make_state, &c->alone, &c->state);
	return ret ? ret : bochs_lab_parts(&c->alone, cache_path(c->state), &c->parts);
}

static void end(struct lab_closed *c)
{
	if (!c)
		return;
	bochs_lab_free_parts(&c->parts);
	cache_release(c->state);
	free(c->alone.record);
	free(c->alone.run_dir);
	free(c);
}

/* ---- one schedule ---- */

struct lab_try_run {
	struct closed closed;
	char *folder, *log, *console;
};

static int make_folder(const struct lab_closed *c, struct lab_try_run *run, uint32_t seed)
{
	static unsigned int n;
	_cleanup_free_ char *link = NULL;

	run->folder = strf("%s/" LAB_CLOSED "%u-%u", path_run(), ++n, seed);
	run->log = strf("%s/log", run->folder);
	run->console = strf("%s/console", run->folder);
	link = strf("%s/%s", run->folder, c->parts.spec.medium);
	if (!mkdir_p(run->folder) && !symlink(c->parts.medium, link))
		return 0;
	return fail(OUT_BROKEN, "can't make %s: %m", run->folder);
}

static int start_closed(const struct lab_closed *c, struct lab_try *t,
			const struct bochs_spec *spec)
{
	struct lab_try_run *run = t->under_way;
	const struct closed_files files = { .log = run->log, .console_log = run->console,
					    .record = t->record };
	uint32_t id;
	int ret;

	closed_init(&run->closed, c->alone.plan->lane.slowdown);
	ret = channel_start(run->closed.level.channel, t->exec, &t->status, &id);
	return ret ? ret : closed_start(&run->closed, spec, &files, &t->status, t->deadline_s);
}

static int start(struct lab_closed *c, struct lab_try *t)
{
	struct lab_try_run *run = t->under_way = xcalloc(1, sizeof(*run));
	struct bochs_spec spec = c->parts.spec;
	int ret = make_folder(c, run, t->seed);

	spec.seed = t->seed;
	spec.folder = run->folder;
	if (!ret)
		ret = record_begin(c->dir, &spec, &c->parts.from, &t->record);
	if (!ret)
		ret = bochs_lab_tell_modules(cache_path(c->state), t->record);
	return ret ? ret : start_closed(c, t, &spec);
}

static int step(struct lab_try *t)
{
	struct closed *c = &t->under_way->closed;
	int ret = closed_step(c);

	if (!ret)
		return 0;
	t->sum = c->sum;
	t->last_words = c->level.console.crash_text;
	t->findings = c->level.console.findings;
	c->level.console.crash_text = c->level.console.findings = (struct strv){ 0 };
	return ret;
}

static void forget(struct lab_try *t, bool keep)
{
	struct lab_try_run *run = t->under_way;

	if (run->closed.level.channel)
		closed_free(&run->closed);
	rm_rf(run->folder);
	free(run->folder);
	free(run->log);
	free(run->console);
	free(run);
	if (t->record && !keep)
		record_drop_one(t->record);
	free(t->record);
	strv_free(&t->last_words);
	strv_free(&t->findings);
}

const struct lab_schedules bochs_schedules = {
	.begin = begin, .start = start, .step = step, .forget = forget, .end = end
};
