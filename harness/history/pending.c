// SPDX-License-Identifier: GPL-2.0-only
/*
 * results/.pending: runs whose lines are to be written. Two lines a file: the folder, and as what.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/lock.h"
#include "core/paths.h"
#include "core/ui.h"
#include "history/history.h"
#include "report/report.h"

#define FOLDER ".pending"
#define ALONE "run"
#define NOT_KEPT "no"

static char *history_in(const char *results)
{
	return strf("%s/history.jsonl", results);
}

/* ---- begin ---- */

/* Locked before it has its name, or another would take it for one that nobody holds. */
static int make_mark(const char *path, const char *tmp, const char *dir, const char *as)
{
	_cleanup_free_ char *text = strf("%s\n%s\n", dir, as);
	int fd = open(tmp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	size_t len = strlen(text);

	if (fd < 0)
		return -1;
	if (!flock(fd, LOCK_EX | LOCK_NB) && write(fd, text, len) == (ssize_t)len &&
	    !rename(tmp, path))
		return fd;
	unlink(tmp);
	close(fd);
	return -1;
}

void history_begin_in(const char *results, const struct run_result *r, const char *dir,
		      const char *as, struct history_mark *m)
{
	_cleanup_free_ char *folder = strf("%s/" FOLDER, results);
	_cleanup_free_ char *tmp = strf("%s/.%s.%d", folder, r->run_id, (int)getpid());

	*m = (struct history_mark){ .fd = -1 };
	if (!strcmp(as, NOT_KEPT))
		return;
	m->path = strf("%s/%s", folder, r->run_id);
	m->dir = xstrdup(dir);
	m->as = xstrdup(as);
	if (!mkdir_p(folder))
		m->fd = make_mark(m->path, tmp, dir, as);
}

void history_begin(const struct run_result *r, const char *dir, const char *as,
		   struct history_mark *m)
{
	const char *results = path_results();

	history_begin_in(results, r, dir, as, m);
}

/* ---- end ---- */

/* "20261127-021500-77e5-night/npt=0" */
static void split(const char *as, char **set, char **name)
{
	size_t n = strcspn(as, "/");

	if (!strcmp(as, ALONE))
		return;
	*set = xstrndup(as, n);
	if (as[n])
		*name = xstrdup(as + n + 1);
}

static const char *below(const char *results, const char *dir)
{
	size_t n = strlen(results);

	return str_starts(dir, results) && dir[n] == '/' ? dir + n + 1 : dir;
}

/* One whose results are gone, or were never written, has nothing to tell. */
static int add_of(const char *results, const char *dir, const char *as)
{
	_cleanup_free_ char *json = strf("%s/results.json", dir), *path = history_in(results);
	_cleanup_free_ char *set = NULL, *name = NULL;
	struct run_result *r = report_load(json);
	struct history_entry e;
	int ret;

	if (!r) {
		fail_clear();
		return 0;
	}
	split(as, &set, &name);
	entry_make(r, below(results, dir), set, name, &e);
	ret = history_append(path, &e);
	entry_free(&e);
	result_free(r);
	return ret;
}

/* The caller holds it. */
static int settle(const char *results, const char *mark)
{
	_cleanup_strv_ struct strv lines = { 0 };
	_cleanup_buf_ struct buf b = { 0 };
	int ret = 0;

	if (!file_read(mark, &b))
		strv_split(&lines, buf_str(&b), "\n");
	if (lines.n == 2)
		ret = add_of(results, lines.v[0], lines.v[1]);
	if (!ret)
		unlink(mark);
	return ret;
}

/* Of runs that ended without it. */
static int settle_left(const char *results)
{
	_cleanup_free_ char *folder = strf("%s/" FOLDER, results);
	_cleanup_strv_ struct strv names = { 0 };
	int ret = 0;

	if (dir_list(folder, NULL, &names))
		return 0;
	for (size_t i = 0; !ret && i < names.n; i++) {
		_cleanup_free_ char *path = strf("%s/%s", folder, names.v[i]);
		_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

		if (fd >= 0 && lock_at_once(fd, path))
			ret = settle(results, path);
	}
	return ret;
}

int history_end_in(const char *results, struct history_mark *m)
{
	int ret = m->path ? settle_left(results) : 0;

	if (m->path && !ret)
		ret = add_of(results, m->dir, m->as);
	if (m->path && !ret)
		unlink(m->path);
	close_p(&m->fd);
	free(m->path);
	free(m->dir);
	free(m->as);
	*m = (struct history_mark){ .fd = -1 };
	return ret;
}

void history_end(struct history_mark *m)
{
	_cleanup_free_ char *before = xstrdup(fail_text());
	enum outcome o = fail_outcome();

	if (history_end_in(path_results(), m))
		ui_note("%s; the next run adds this one's", fail_text());
	fail_restore(o, before);
}
