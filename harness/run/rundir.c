// SPDX-License-Identifier: GPL-2.0-only
#include "run/rundir.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "core/ui.h"
#include "report/report.h"
#include "run/identity.h"

#define LABEL_FILE "label"
#define DAY_S 86400
#define YOUNG_S 3600 /* perhaps of a run that is not over */

/* ---- making one ---- */

char *rundir_id(time_t now)
{
	char stamp[32];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &tm);
	return strf("%s-%04x", stamp, (unsigned int)getpid() & 0xffff);
}

static char *iso_time(time_t now)
{
	char stamp[32];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return xstrdup(stamp);
}

/* Results of an earlier run give way; anything else is not ours to write over. */
static int check_out(const char *out)
{
	_cleanup_free_ char *old = strf("%s/results.json", out), *plan = strf("%s/plan.json", out);
	_cleanup_strv_ struct strv names = { 0 };

	if (!path_exists(out) || path_exists(old) || path_exists(plan))
		return 0;
	if (!path_is_folder(out) || dir_list(out, NULL, &names))
		return fail(OUT_USAGE, "OUT=%s is no folder", out);
	return names.n ? fail(OUT_USAGE, "OUT=%s is a folder with something else in it (%s)", out, names.v[0]) : 0;
}

static char *absolute(const char *path)
{
	char here[PATH_MAX];

	return path[0] != '/' && getcwd(here, sizeof(here)) ? strf("%s/%s", here, path) : xstrdup(path);
}

static int choose_dir(const struct knobs *k, const char *id, char **dir)
{
	int ret = k->out ? check_out(k->out) : 0;
	int err;

	*dir = k->out && !ret ? absolute(k->out) : strf("%s/%s", path_results(), id);
	err = mkdir_p(*dir);
	if (err)
		return fail(OUT_BROKEN, "can't make the run's folder %s: %s", *dir, strerror(-err));
	return ret;
}

char *rundir_find(const char *name)
{
	const char *slash = strrchr(name, '/');

	if (path_is_folder(name))
		return xstrdup(name);
	if (path_exists(name))
		return slash ? xstrndup(name, (size_t)(slash - name)) : xstrdup(".");
	return slash ? xstrdup(name) : strf("%s/%s", path_results(), name);
}

void rundir_point(const char *dir, const char *name)
{
	const char *root = path_results();
	_cleanup_free_ char *link_path = strf("%s/%s", root, name);
	_cleanup_free_ char *tmp = strf("%s.%d", link_path, (int)getpid());
	size_t n = strlen(root);
	const char *target = str_starts(dir, root) && dir[n] == '/' ? dir + n + 1 : dir;

	if (mkdir_p(root) || symlink(target, tmp) || rename(tmp, link_path))
		unlink(tmp);
}

void rundir_point_latest(const char *dir)
{
	rundir_point(dir, "latest");
}

/* In another run's folder, or a list's: that one is the latest. */
static bool is_part(const char *dir)
{
	_cleanup_free_ char *whole = strf("%s/../results.json", dir);

	return path_exists(whole);
}

static void write_label(const char *dir, const char *label)
{
	_cleanup_free_ char *path = strf("%s/" LABEL_FILE, dir);

	if (file_write(path, label, strlen(label), 0644))
		ui_note("the label can't be written to %s", path);
}

int rundir_make(const struct knobs *k, struct rundir *d)
{
	time_t now = time(NULL);
	_cleanup_free_ char *id = rundir_id(now), *json = NULL;
	int ret, err;

	*d = (struct rundir){ .result = result_new(id), .mark = { .fd = -1 } };
	ret = choose_dir(k, id, &d->dir);
	if (ret == -OUT_BROKEN)
		return ret;
	d->result->started = iso_time(now);
	/* Until the run has ended by itself: */
	d->result->verdict = OUT_BROKEN;
	str_set(&d->result->reason, "the run did not finish");
	identity_fill(d->result);
	json = strf("%s/results.json", d->dir);
	err = report_json(d->result, json);
	if (err)
		return err;
	if (k->label)
		write_label(d->dir, k->label);
	if (!is_part(d->dir))
		rundir_point_latest(d->dir);
	history_begin(d->result, d->dir, k->history ? k->history : "run", &d->mark);
	return ret;
}

void rundir_free(struct rundir *d)
{
	history_end(&d->mark);
	free(d->dir);
	result_free(d->result);
	*d = (struct rundir){ 0 };
}

/* ---- its end ---- */

void rundir_finish(struct rundir *d, int ret)
{
	bool stopped = ret && proc_interrupted();

	result_finish(d->result);
	if (!stopped)
		return;
	d->result->verdict = OUT_INTERRUPTED;
	d->result->finished = false;
	str_set(&d->result->reason, "stopped by a signal from outside");
}

int rundir_tell(const struct rundir *d)
{
	enum outcome v = result_verdict(d->result);

	printf("nestlab: verdict=%s exit=%d results=%s\n", outcome_name(v), outcome_exit_code(v), d->dir);
	fflush(stdout);
	return outcome_exit_code(v);
}

int rundir_end(struct rundir *d, int ret)
{
	d->result->verdict = ret ? (enum outcome)-ret : OUT_PASS;
	str_set(&d->result->reason, ret ? fail_text() : NULL);
	if (ret)
		fprintf(stderr, "nestlab: %s\n", fail_text());
	rundir_finish(d, ret);
	ret = report_all(d->result, d->dir);
	return ret ? ret : rundir_tell(d);
}

/* ---- what goes ---- */

struct old_run {
	char *path;
	time_t made;
	uint64_t bytes;
	bool stays;
};

/* nftw() has no argument for it. */
static _Thread_local uint64_t counted;

static int count(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)path;
	(void)type;
	(void)at;
	counted += (uint64_t)st->st_blocks * 512;
	return 0;
}

static uint64_t size_of(const char *path)
{
	counted = 0;
	nftw(path, count, 16, FTW_PHYS | FTW_MOUNT);
	return counted;
}

static bool has_file(const char *dir, const char *name)
{
	_cleanup_free_ char *path = strf("%s/%s", dir, name);

	return path_exists(path);
}

/*
 * By its name: "20261121-034219-7f3a", perhaps with more behind it. Anything else in results/ is
 * not a run's.
 */
static bool is_run_id(const char *name)
{
	static const char shape[] = "dddddddd-dddddd-xxxx";

	for (size_t i = 0; shape[i]; i++) {
		const char *set = shape[i] == 'd' ? "0123456789" : shape[i] == 'x' ? "0123456789abcdef" : "-";

		if (!name[i] || !strchr(set, name[i]))
			return false;
	}
	return !name[20] || name[20] == '-';
}

static void look_at(struct old_run *r, const char *root, const char *name, time_t now)
{
	struct stat st;

	r->path = strf("%s/%s", root, name);
	r->stays = lstat(r->path, &st) || !S_ISDIR(st.st_mode) || !is_run_id(name) ||
		   has_file(r->path, LABEL_FILE) || st.st_mtime + YOUNG_S > now;
	r->made = st.st_mtime;
	r->bytes = r->stays ? 0 : size_of(r->path);
}

static void remove_run(struct old_run *r, struct strv *gone)
{
	if (rm_rf(r->path))
		return; /* not ours to remove, perhaps; the next run tries again */
	strv_add(gone, strrchr(r->path, '/') + 1);
	r->stays = true;
}

void rundir_prune_in(const char *root, const struct knobs *k, time_t now, struct strv *gone)
{
	_cleanup_strv_ struct strv names = { 0 };
	_cleanup_free_ struct old_run *runs = NULL;
	uint64_t all = 0, most = (uint64_t)k->keep_mb << 20;

	if (dir_list(root, NULL, &names) || !names.n)
		return;
	runs = xcalloc(names.n, sizeof(*runs));
	for (size_t i = 0; i < names.n; i++) {
		look_at(&runs[i], root, names.v[i], now);
		all += runs[i].bytes;
	}
	/* Names sort by time: the oldest come first. */
	for (size_t i = 0; i < names.n; i++) {
		bool old = runs[i].made + (time_t)k->keep_days * DAY_S < now;

		if (!runs[i].stays && (old || all > most)) {
			all -= runs[i].bytes;
			remove_run(&runs[i], gone);
		}
		free(runs[i].path);
	}
}

void rundir_prune(const struct knobs *k)
{
	const char *root = path_results();
	_cleanup_strv_ struct strv gone = { 0 };

	rundir_prune_in(root, k, time(NULL), &gone);
	if (gone.n == 1)
		ui_note("results/%s is gone (KEEP_DAYS=%u, KEEP_MB=%u; LABEL= keeps a run)", gone.v[0], k->keep_days, k->keep_mb);
	else if (gone.n)
		ui_note("%zu runs from results/%s to %s are gone (KEEP_DAYS=%u, KEEP_MB=%u; LABEL= keeps a run)", gone.n,
			gone.v[0], gone.v[gone.n - 1], k->keep_days, k->keep_mb);
}
