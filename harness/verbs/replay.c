// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
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
	.usage = "RUN [--export FILE.tar] | FILE.tar",
	.summary = "run a recorded run of lane " LANE " again, without its answers, and compare each byte and its time",
	.order = 12,
	.settings = "SLOWDOWN PLACE",
	.codes = "0 each byte was the same\n1 a byte or its time differed",
	.run = verb_replay,
};
VERB(replay);

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

static int run_again(const struct record *r, const struct log *was, const char *parts,
		     uint32_t slowdown)
{
	struct again a;
	int ret = again_run(r, was, parts, slowdown, &a);

	if (!ret)
		ret = tell(was, &a);
	free(a.difference);
	return ret;
}

/* Returns OUT_PASS, OUT_FAIL, or a negative outcome. */
static int replay_one(const char *json, const char *path, const char *parts, uint32_t slowdown)
{
	struct record r;
	struct log was = { 0 };
	int ret = record_load(json, &r);

	if (!ret && log_read(path, &was))
		ret = fail(OUT_USAGE, "can't read the log %s", path);
	if (!ret)
		ret = check_log(path, &was);
	if (!ret)
		ret = run_again(&r, &was, parts, slowdown);
	record_free(&r);
	log_free(&was);
	return ret;
}

/* ---- all of a run's ---- */

static int replay_all(const char *dir, const char *parts, uint32_t slowdown)
{
	int worst = record_exists(dir) ? 0 : why_not(dir);

	for (unsigned int n = 1; worst >= 0; n++) {
		_cleanup_free_ char *json = strf("%s/" RECORD_FOLDER "/%u.json", dir, n);
		_cleanup_free_ char *log = strf("%s/" RECORD_FOLDER "/%u.log", dir, n);
		int ret;

		if (!path_exists(json))
			break;
		ret = replay_one(json, log, parts, slowdown);
		worst = ret ? ret : worst;
	}
	return worst;
}

/* parts: where they were unpacked, or NULL. */
static int in_place(const char *dir, const char *parts, const struct knobs *k)
{
	struct place place = { .lock = -1 };
	struct lane lane = { 0 };
	_cleanup_free_ char *why = NULL;
	int ret = lane_load(LANE, &lane);

	if (!ret)
		ret = place_take(k->place, "replay", &place);
	if (!ret && !lane_usable(&lane, &why))
		ret = fail(OUT_BROKEN, "lane " LANE " does not work here: %s", why);
	if (!ret)
		ret = replay_all(dir, parts, lane.slowdown * k->slowdown);
	place_release(&place);
	lane_free(&lane);
	return ret;
}

static int replay_packed(const char *tar, const struct knobs *k)
{
	_cleanup_free_ char *dir = NULL, *parts = NULL;
	int ret = pack_open(tar, &dir, &parts);

	if (!ret)
		ret = in_place(dir, parts, k);
	if (dir)
		pack_remove(dir);
	return ret;
}

static int replay_any(const char *what, const struct knobs *k)
{
	_cleanup_free_ char *dir = rundir_find(what);

	if (path_exists(what) && !path_is_folder(what))
		return replay_packed(what, k);
	return in_place(dir, NULL, k);
}

static int export(const char *what, const char *tar)
{
	_cleanup_free_ char *dir = rundir_find(what);
	int ret = record_exists(dir) ? pack_export(dir, tar) : why_not(dir);

	if (!ret)
		printf("%s: `build/nestlab replay %s` on another machine runs it again\n", tar, tar);
	return ret;
}

static int verb_replay(int argc, char **argv)
{
	bool exports = argc == 4 && !strcmp(argv[2], "--export");
	struct knobs k;
	int ret;

	if (argc != 2 && !exports)
		return verb_usage(&replay);
	loop_init();
	ret = knobs_load(&k);
	if (!ret)
		ret = exports ? export(argv[1], argv[3]) : replay_any(argv[1], &k);
	knobs_free(&k);
	return ret;
}
