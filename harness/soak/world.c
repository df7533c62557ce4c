// SPDX-License-Identifier: GPL-2.0-only
#include "soak/world.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/cache.h"
#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"

/* Room for L1's overlay, for reports, for a lane's saved states. */
#define RUN_SIZE "size=128m,mode=0700"
#define RESULTS_SIZE "size=64m,mode=0755"
#define STATES_SIZE "size=1g,mode=0755"
/* Read alone, and too many to be copied. */
#define SOURCES "src"
#define KERNELS "kernels"
/* What is killed has 5 s to be gone. */
#define END_TRIES 50
#define END_STEP_US 100000
/* Of no kind: what a kernel that is built again comes from, the key that L1's image goes by. */
static const char *const others[] = { "ccache", "ssh" };

/* ---- the cache ---- */

static int copy(const struct world *w, const char *how, const struct strv *names)
{
	_cleanup_strv_ struct strv argv = { 0 };
	struct proc p = { .what = "copying a part of the cache", .cwd = path_cache(), .deadline_s = 600 };

	strv_add(&argv, "cp");
	strv_add(&argv, how);
	strv_add(&argv, "--parents");
	for (size_t i = 0; i < names->n; i++)
		strv_add(&argv, names->v[i]);
	strv_add(&argv, w->cache);
	p.argv = argv.v;
	return names->n ? proc_check(&p) : 0;
}

/* What is going to be damaged is copied, the rest are hard links. */
static int copy_entries(const struct world *w, const struct strv *names)
{
	_cleanup_strv_ struct strv copies = { 0 }, links = { 0 };
	int ret;

	for (size_t i = 0; i < names->n; i++)
		if (!str_starts(names->v[i], SOURCES "/"))
			strv_add(str_starts(names->v[i], KERNELS "/") ? &copies : &links, names->v[i]);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		_cleanup_free_ char *path = path_in_cache("%s", others[i]);

		if (path_exists(path))
			strv_add(&links, others[i]);
	}
	ret = copy(w, "-a", &copies);
	return ret ? ret : copy(w, "-al", &links);
}

static int link_sources(const struct world *w)
{
	_cleanup_free_ char *from = path_in_cache(SOURCES), *to = strf("%s/" SOURCES, w->cache);

	return symlink(from, to) ? fail(OUT_BROKEN, "can't make the link %s: %m", to) : 0;
}

/* ---- small disks ---- */

static int mount_one(const char *path, const char *size)
{
	if (mkdir_p(path) || mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, size))
		return fail(OUT_BROKEN, "can't mount a small disk on %s: %m", path);
	return 0;
}

static int mount_disks(struct world *w)
{
	int ret;

	if (geteuid())
		return 0;
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return fail(OUT_BROKEN, "can't have a name space of mounts: %m");
	w->small_disks = true;
	ret = mount_one(w->run, RUN_SIZE);
	if (!ret)
		ret = mount_one(w->results, RESULTS_SIZE);
	return ret ? ret : mount_one(w->states, STATES_SIZE);
}

static void unmount_disks(struct world *w)
{
	const char *const paths[] = { w->run, w->results, w->states };

	for (size_t i = 0; w->small_disks && i < ARRAY_SIZE(paths); i++)
		umount2(paths[i], MNT_DETACH);
	w->small_disks = false;
}

/* ---- its keeper ---- */

/* Nobody else would: the lab's pid files are on a disk that goes with the soak. */
static void end_processes(const struct world *w)
{
	struct pids pids = { .n = 1 };

	for (unsigned int i = 0; pids.n && i < END_TRIES; i++) {
		world_processes(w, NULL, &pids);
		for (size_t k = 0; k < pids.n; k++)
			kill(pids.v[k], SIGKILL);
		free(pids.v);
		if (pids.n)
			usleep(END_STEP_US);
	}
}

static _Noreturn void keep(struct world *w, int end)
{
	char byte;

	setsid();
	while (read(end, &byte, 1) < 0 && errno == EINTR)
		;
	end_processes(w);
	unmount_disks(w);
	rm_rf(w->dir);
	rm_rf(w->run);
	_exit(0);
}

static int start_keeper(struct world *w)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return fail(OUT_BROKEN, "can't make a pipe: %m");
	w->keeper = fork();
	if (!w->keeper) {
		close(ends[1]);
		keep(w, ends[0]);
	}
	close(ends[0]);
	w->kept = ends[1];
	return w->keeper < 0 ? fail(OUT_BROKEN, "can't start a soak's keeper: %m") : 0;
}

static void end_keeper(struct world *w)
{
	if (w->keeper <= 0)
		return;
	close(w->kept);
	while (waitpid(w->keeper, NULL, 0) < 0 && errno == EINTR)
		;
}

/* ---- all of it ---- */

/* In the cache: hard links don't leave a file system. */
static int name_folders(struct world *w)
{
	_cleanup_free_ char *stage = NULL, *place = strf("soak%d", (int)getpid());
	int ret = cache_folder(&cache_stage, &stage);

	if (ret)
		return ret;
	w->dir = cache_temp(stage, "soak");
	w->cache = strf("%s/cache", w->dir);
	w->results = strf("%s/results", w->dir);
	w->states = strf("%s/states", w->cache);
	w->run = path_run_of(place);
	strv_addf(&w->env, "NESTLAB_CACHE=%s", w->cache);
	strv_addf(&w->env, "NESTLAB_RESULTS=%s", w->results);
	strv_addf(&w->env, "NESTLAB_RUN=%s", w->run);
	return 0;
}

static int make_folders(const struct world *w)
{
	const char *const paths[] = { w->cache, w->results, w->states, w->run };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (mkdir_p(paths[i]))
			return fail(OUT_BROKEN, "can't make the folder %s: %m", paths[i]);
	return 0;
}

int world_make(struct world *w, const struct strv *names)
{
	int ret;

	*w = (struct world){ 0 };
	ret = name_folders(w);
	if (!ret)
		ret = mount_disks(w);
	if (!ret)
		ret = start_keeper(w);
	if (!ret)
		ret = make_folders(w);
	if (!ret)
		ret = copy_entries(w, names);
	return ret ? ret : link_sources(w);
}

void world_free(struct world *w)
{
	end_keeper(w);
	free(w->dir);
	free(w->cache);
	free(w->results);
	free(w->run);
	free(w->states);
	strv_free(&w->env);
	*w = (struct world){ 0 };
}
