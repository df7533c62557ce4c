// SPDX-License-Identifier: GPL-2.0-only
#include "core/limits.h"

#include <dirent.h>
#include <fts.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/util.h"

#define FOLDER_TURNS 15 /* looking into a kernel's objects takes some 20 ms */
#define DISK_BLOCK 512

static void set(int what, size_t value)
{
	const struct rlimit limit = { value, value };

	setrlimit((__rlimit_resource_t)what, &limit);
}

void limits_set(const struct limits *l)
{
	set(RLIMIT_AS, l->memory);
	set(RLIMIT_FSIZE, l->disk);
	set(RLIMIT_CORE, 0);
}

/* ---- processes ---- */

struct process {
	pid_t pid, parent;
	size_t pages;
	bool ours;
};

struct processes {
	struct process *v;
	size_t n;
};

/* "42 (a name) S 41 ...": the name may have anything in it. */
static bool parse(const char *stat, struct process *p)
{
	const char *at = strrchr(stat, ')');

	p->ours = false;
	return at && sscanf(stat, "%d", &p->pid) == 1 &&
	       sscanf(at, ") %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %*u %*u %zu", &p->parent,
		      &p->pages) == 2;
}

static void add(struct processes *all, const char *name)
{
	_cleanup_free_ char *path = strf("/proc/%s/stat", name);
	_cleanup_buf_ struct buf text = { 0 };
	struct process p;

	if (file_read(path, &text) || !parse(buf_str(&text), &p))
		return; /* it is gone */
	all->v = xrealloc(all->v, all->n + 1, sizeof(*all->v));
	all->v[all->n++] = p;
}

static void list(struct processes *all)
{
	DIR *dir = opendir("/proc");

	for (struct dirent *e; dir && (e = readdir(dir));)
		if (strspn(e->d_name, "0123456789") == strlen(e->d_name))
			add(all, e->d_name);
	if (dir)
		closedir(dir);
}

static bool is_ours(const struct processes *all, pid_t pid)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].pid == pid)
			return all->v[i].ours;
	return false;
}

/* A process that lost its parent has the sandbox's first one, which is ours, too. */
static void mark(struct processes *all, pid_t root)
{
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = 0; i < all->n; i++) {
			struct process *p = &all->v[i];

			if (p->ours || (p->pid != root && !is_ours(all, p->parent)))
				continue;
			p->ours = more = true;
		}
	}
}

static char *processes_exceed(const struct limits *l, pid_t root)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), memory = 0;
	struct processes all = { 0 };
	unsigned int n = 0;

	list(&all);
	mark(&all, root);
	for (size_t i = 0; i < all.n; i++)
		if (all.v[i].ours) {
			n++;
			memory += all.v[i].pages * page;
		}
	free(all.v);
	if (n > l->processes)
		return strf("it started more than %u processes", l->processes);
	if (memory > l->memory)
		return strf("it took more than %zu MB of memory", l->memory >> 20);
	return NULL;
}

/* ---- files ---- */

static size_t bytes_in(const char *folder)
{
	char *paths[] = { (char *)folder, NULL };
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	size_t sum = 0;

	for (FTSENT *e; fts && (e = fts_read(fts));)
		if (e->fts_info == FTS_F)
			sum += (size_t)e->fts_statp->st_blocks * DISK_BLOCK;
	if (fts)
		fts_close(fts);
	return sum;
}

char *limits_exceeded(const struct limits *l, pid_t root, unsigned int turn)
{
	char *why = processes_exceed(l, root);

	if (!why && turn % FOLDER_TURNS == FOLDER_TURNS - 1 && bytes_in(l->folder) > l->disk)
		why = strf("it wrote more than %zu MB", l->disk >> 20);
	return why;
}
