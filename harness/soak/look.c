// SPDX-License-Identifier: GPL-2.0-only
/* What is in a soak's world, by /proc and by its folders: nothing of it is asked of nestlab. */
#include <ctype.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "soak/world.h"

/* ---- processes ---- */

/* Words that end in a null byte each. */
static bool has_word(const struct buf *b, const char *word)
{
	return b->len && memmem(b->data, b->len, word, strlen(word));
}

static bool proc_file_has(pid_t pid, const char *file, const char *word)
{
	_cleanup_free_ char *path = strf("/proc/%d/%s", (int)pid, file);
	_cleanup_buf_ struct buf b = { 0 };

	return !file_read(path, &b) && has_word(&b, word);
}

static bool is_called(pid_t pid, const char *comm)
{
	_cleanup_free_ char *path = strf("/proc/%d/comm", (int)pid);
	_cleanup_buf_ struct buf b = { 0 };

	return !file_read(path, &b) && b.len && !strcmp(str_strip(b.data), comm);
}

static bool is_of(const struct world *w, pid_t pid)
{
	return pid != getpid() &&
	       (proc_file_has(pid, "cmdline", w->run) || proc_file_has(pid, "environ", w->run));
}

void world_processes(const struct world *w, const char *comm, struct pids *pids)
{
	_cleanup_strv_ struct strv names = { 0 };

	*pids = (struct pids){ 0 };
	if (dir_list("/proc", NULL, &names))
		return;
	for (size_t i = 0; i < names.n; i++) {
		pid_t pid = isdigit((unsigned char)names.v[i][0]) ? atoi(names.v[i]) : 0;

		if (pid <= 0 || (comm && !is_called(pid, comm)) || !is_of(w, pid))
			continue;
		pids->v = xrealloc(pids->v, pids->n + 1, sizeof(*pids->v));
		pids->v[pids->n++] = pid;
	}
}

static void add_process(pid_t pid, struct strv *seen)
{
	_cleanup_free_ char *path = strf("/proc/%d/cmdline", (int)pid);
	_cleanup_buf_ struct buf b = { 0 };

	if (file_read(path, &b))
		return;
	for (size_t i = 0; i + 1 < b.len; i++)
		if (!b.data[i])
			b.data[i] = ' ';
	strv_addf(seen, "process %d: %.200s", (int)pid, buf_str(&b));
}

/* ---- mounts ---- */

static void add_mounts(const struct world *w, struct strv *seen)
{
	_cleanup_strv_ struct strv lines = { 0 };
	_cleanup_buf_ struct buf b = { 0 };

	if (file_read("/proc/self/mounts", &b))
		return;
	strv_split(&lines, buf_str(&b), "\n");
	for (size_t i = 0; i < lines.n; i++)
		if (strstr(lines.v[i], w->dir) || strstr(lines.v[i], w->run))
			strv_addf(seen, "mount %s", lines.v[i]);
}

/* ---- files ---- */

/* nftw() has no argument for it. */
static _Thread_local struct strv *found;

static int add_file(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	strv_addf(found, "file %s", path);
	return 0;
}

/* A run's folder and the links to it are what it should leave. */
static void add_results(const struct world *w, struct strv *seen)
{
	_cleanup_strv_ struct strv names = { 0 };

	if (dir_list(w->results, NULL, &names))
		return;
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *path = strf("%s/%s", w->results, names.v[i]);

		if (!path_is_folder(path))
			strv_addf(seen, "file %s", path);
	}
}

void world_look(const struct world *w, struct strv *seen)
{
	struct pids pids;

	world_processes(w, NULL, &pids);
	for (size_t i = 0; i < pids.n; i++)
		add_process(pids.v[i], seen);
	free(pids.v);
	add_mounts(w, seen);
	found = seen;
	nftw(w->run, add_file, 16, FTW_PHYS);
	add_results(w, seen);
}
