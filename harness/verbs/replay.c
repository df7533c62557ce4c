// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/ui.h"
#include "gdb/replayed.h"
#include "lab/place.h"
#include "machine/loop.h"
#include "plan/lane.h"
#include "plan/knobs.h"
#include "replay/again.h"
#include "replay/pack.h"
#include "report/report.h"
#include "run/rundir.h"
#include "verbs/verb.h"

#define LANE "bochs-vmx"

static int verb_replay(int argc, char **argv);

static const struct verb replay = {
	.name = "replay",
	.usage = "RUN [--export FILE.tar | --gdb [--tick N] [-- GDB'S ARGUMENT...]] | FILE.tar",
	.summary = "run a recorded run of lane " LANE " again, without its answers, and compare each byte and its time; gdb may look at L1 meanwhile",
	.order = 12,
	.settings = "SLOWDOWN PLACE",
	.codes = "0 each byte was the same\n1 a byte or its time differed",
	.run = verb_replay,
};
VERB(replay);

struct asked {
	bool gdb;
	const char *tick;  /* where gdb comes; NULL: at the beginning */
	char *const *args; /* gdb's own, NULL-terminated, or NULL */
	const struct again_visitor *visitor; /* gdb, or NULL */
	const char *parts; /* where they were unpacked, or NULL */
	uint32_t slowdown;
};

/* ---- what there is no record of ---- */

static int why_not(const char *dir)
{
	_cleanup_free_ char *json = strf("%s/results.json", dir);
	struct run_result *r = path_exists(json) ? report_load(json) : NULL;
	bool other = r && r->lane && strcmp(r->lane, LANE) != 0;
	int ret;

	fail_clear();
	if (!r)
		ret = fail(OUT_USAGE, "%s is no run's folder", dir);
	else if (other)
		ret = fail(OUT_USAGE, "%s ran in lane %s, where no run is the same twice: nothing replays but lane " LANE, dir, r->lane);
	else
		ret = fail(OUT_USAGE, "%s has no record: a run that passed keeps one with KEEP=1, and Debian's Bochs writes none (`make bochs`)", dir);
	if (r)
		result_free(r);
	return ret;
}

/* ---- one Bochs ---- */

static int tell(const struct log *was, const struct again *a)
{
	if (a->difference) {
		printf("different: %s; the %zu entries before it are the same\n", a->difference, a->same);
		return OUT_FAIL;
	}
	printf("identical: %zu bytes in, %zu out, %zu times all registers, in %.1f s\n", log_count(was, LOG_IN),
	       log_count(was, LOG_OUT), log_count(was, LOG_CHECK), a->seconds);
	return OUT_PASS;
}

/* What was written is what is given: a changed one would prove something else. */
static int check_log(const char *path, const struct log *was)
{
	size_t changed = log_first_changed(was);

	if (!was->n)
		return fail(OUT_USAGE, "%s is empty: that Bochs ended before it used its line", path);
	if (changed == was->n)
		return OUT_PASS;
	printf("different: the record itself was changed at tick %" PRIu64 " (%s, entry %zu)\n", log_tick(log_at(was, changed)), path,
	       changed);
	return OUT_FAIL;
}

static int run_again(const struct record *r, const struct log *was, const struct asked *q)
{
	struct again a;
	int ret = again_run(r, was, q->parts, q->slowdown, q->visitor, &a);

	if (!ret)
		ret = tell(was, &a);
	free(a.difference);
	return ret;
}

static int check_tick(const struct log *was, const struct again_visitor *v)
{
	uint64_t tick = 0, last = log_tick(log_at(was, was->n - 1));

	if (!v || !v->tick || (parse_u64(v->tick, &tick) && tick <= last))
		return 0;
	return fail(OUT_USAGE, "--tick %s: the record has the ticks up to %" PRIu64, v->tick, last);
}

/* Returns OUT_PASS, OUT_FAIL, or a negative outcome. */
static int replay_one(const char *json, const char *path, const struct asked *q)
{
	struct record r;
	struct log was = { 0 };
	int ret = record_load(json, &r);

	if (!ret && log_read(path, &was))
		ret = fail(OUT_USAGE, "can't read the log %s", path);
	if (!ret)
		ret = check_log(path, &was);
	if (!ret)
		ret = check_tick(&was, q->visitor);
	if (!ret)
		ret = run_again(&r, &was, q);
	record_free(&r);
	log_free(&was);
	return ret;
}

/* ---- with gdb ---- */

static const char *was(const void *run, const char *key)
{
	return result_manifest(run, key);
}

static int with_gdb(const char *json, const char *log, const struct replayed_run *run,
		    const struct asked *q)
{
	struct asked own = *q;
	struct replayed g;
	int ret = gdb_replayed_begin(&g, run, q->tick, q->args), code;

	own.visitor = &g.visitor;
	if (!ret)
		ret = replay_one(json, log, &own);
	code = gdb_replayed_end(&g);
	if (code)
		ui_note("gdb ended with status %d", code);
	return ret;
}

static int debug_one(const char *dir, const char *json, const char *log, const struct asked *q)
{
	_cleanup_free_ char *results = strf("%s/results.json", dir);
	struct run_result *r = report_load(results);
	const struct replayed_run run = { .dir = dir, .log = log, .was = was, .ctx = r };
	int ret = r ? with_gdb(json, log, &run, q) : fail(OUT_USAGE, "%s can't be read", results);

	if (r)
		result_free(r);
	return ret;
}

/* ---- all of a run's ---- */

static char *part_of(const char *dir, unsigned int n, const char *end)
{
	return strf("%s/" RECORD_FOLDER "/%u.%s", dir, n, end);
}

static unsigned int count_records(const char *dir)
{
	for (unsigned int n = 0;; n++) {
		_cleanup_free_ char *next = part_of(dir, n + 1, "json");

		if (!path_exists(next))
			return n;
	}
}

/* gdb comes to the last one: there it ended. */
static int replay_all(const char *dir, const struct asked *q)
{
	unsigned int n = count_records(dir);
	int worst = n ? 0 : why_not(dir);

	for (unsigned int i = q->gdb ? n : 1; worst >= 0 && i && i <= n; i++) {
		_cleanup_free_ char *json = part_of(dir, i, "json"), *log = part_of(dir, i, "log");
		int ret = q->gdb ? debug_one(dir, json, log, q) : replay_one(json, log, q);

		worst = ret ? ret : worst;
	}
	return worst;
}

static int in_place(const char *dir, struct asked *q, const struct knobs *k)
{
	struct place place = { .lock = -1 };
	struct lane lane = { 0 };
	_cleanup_free_ char *why = NULL;
	int ret = lane_load(LANE, &lane);

	if (!ret)
		ret = place_take(k->place, "replay", &place);
	if (!ret && !lane_usable(&lane, &why))
		ret = fail(OUT_BROKEN, "lane " LANE " does not work here: %s", why);
	q->slowdown = lane.slowdown * k->slowdown;
	if (!ret)
		ret = replay_all(dir, q);
	place_release(&place);
	lane_free(&lane);
	return ret;
}

static int replay_packed(const char *tar, struct asked *q, const struct knobs *k)
{
	_cleanup_free_ char *dir = NULL, *parts = NULL;
	int ret = q->gdb ? fail(OUT_USAGE, "--gdb wants the run's folder: %s does not hold the plan that its kernel was built by", tar) :
			   pack_open(tar, &dir, &parts);

	q->parts = parts;
	if (!ret)
		ret = in_place(dir, q, k);
	if (dir)
		pack_remove(dir);
	return ret;
}

static int replay_any(const char *what, struct asked *q, const struct knobs *k)
{
	_cleanup_free_ char *dir = rundir_find(what);

	if (path_exists(what) && !path_is_folder(what))
		return replay_packed(what, q, k);
	return in_place(dir, q, k);
}

static int export(const char *what, const char *tar)
{
	_cleanup_free_ char *dir = rundir_find(what);
	int ret = record_exists(dir) ? pack_export(dir, tar) : why_not(dir);

	if (!ret)
		printf("%s: `build/nestlab replay %s` on another machine runs it again\n", tar, tar);
	return ret;
}

/* What stands behind RUN. */
static bool take_words(int argc, char **argv, struct asked *q)
{
	int at = 3;

	if (argc == 2)
		return true;
	q->gdb = !strcmp(argv[2], "--gdb");
	if (argc > at + 1 && !strcmp(argv[at], "--tick")) {
		q->tick = argv[at + 1];
		at += 2;
	}
	if (argc > at && !strcmp(argv[at], "--"))
		q->args = argv + at + 1;
	return q->gdb && (argc == at || q->args);
}

static int verb_replay(int argc, char **argv)
{
	bool exports = argc == 4 && !strcmp(argv[2], "--export");
	struct asked q = { 0 };
	struct knobs k;
	int ret;

	if (argc < 2 || (!exports && !take_words(argc, argv, &q)))
		return verb_usage(&replay);
	loop_init();
	ret = knobs_load(&k);
	if (!ret)
		ret = exports ? export(argv[1], argv[3]) : replay_any(argv[1], &q, &k);
	knobs_free(&k);
	return ret;
}
