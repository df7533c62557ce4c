// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "report/report.h"
#include "run/run.h"

/* "20261121-034219-7f3a": sorts by time; the pid keeps two runs of one second apart. */
static char *make_run_id(time_t now)
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

int rundir_make(struct run *r)
{
	time_t now = time(NULL);
	_cleanup_free_ char *id = make_run_id(now), *json = NULL;
	_cleanup_free_ char *relative = strf("results/%s", id);
	int err;

	r->dir = path_in_root(relative);
	err = mkdir_p(r->dir);
	if (err)
		return fail(OUT_BROKEN, "can't make the run's folder %s: %s", r->dir, strerror(-err));
	r->result = result_new(id);
	r->result->started = iso_time(now);
	/* Until the run has ended by itself: */
	r->result->verdict = OUT_BROKEN;
	str_set(&r->result->reason, "the run did not finish");
	json = strf("%s/results.json", r->dir);
	return report_json(r->result, json);
}

static bool is_run_id(const char *name)
{
	return strlen(name) == 20 && name[8] == '-' && name[15] == '-' &&
	       strspn(name, "0123456789abcdef-") == 20;
}

static void prune(const char *root, uint32_t keep)
{
	_cleanup_strv_ struct strv names = { 0 };
	size_t runs = 0;

	if (dir_list(root, NULL, &names))
		return;
	for (size_t i = 0; i < names.n; i++)
		runs += is_run_id(names.v[i]);
	for (size_t i = 0; i < names.n && runs > keep; i++) {
		_cleanup_free_ char *path = strf("%s/%s", root, names.v[i]);

		if (!is_run_id(names.v[i]))
			continue;
		rm_rf(path);
		runs--;
	}
}

void rundir_publish(const struct run *r, uint32_t keep)
{
	_cleanup_free_ char *root = path_in_root("results");
	_cleanup_free_ char *latest = strf("%s/latest", root);
	_cleanup_free_ char *tmp = strf("%s.%d", latest, (int)getpid());

	if (symlink(r->result->run_id, tmp) || rename(tmp, latest))
		unlink(tmp);
	prune(root, keep);
}
