// SPDX-License-Identifier: GPL-2.0-only
#include "lab/place.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/ui.h"

#define NAME_MAX_LEN 12 /* a unix socket's path has 107 bytes */
#define NAME_CHARS "abcdefghijklmnopqrstuvwxyz0123456789"
#define AUTO_PLACES 16
#define LOOK_MS 50 /* between two tries for a place's lock, */
#define LOOKS 200  /* and how many: a dead lab is ended meanwhile */

static char *in_place(const char *name)
{
	return strf("%s/%s", path_run(), name);
}

static int enter(const char *name, struct place *p)
{
	size_t n = strlen(name);

	*p = (struct place){ .lock = -1 };
	if (!n || n > NAME_MAX_LEN || strspn(name, NAME_CHARS) != n)
		return fail(OUT_USAGE, "PLACE=%s: want a name of 1 to %d of a-z and 0-9", name, NAME_MAX_LEN);
	str_set(&p->name, name);
	path_use_place(name);
	return 0;
}

/* ---- kept ---- */

bool place_is_kept(void)
{
	_cleanup_free_ char *kept = in_place("kept");

	return path_exists(kept);
}

char *place_note(void)
{
	_cleanup_free_ char *kept = in_place("kept");
	_cleanup_buf_ struct buf b = { 0 };

	return file_read(kept, &b) ? NULL : xstrdup(buf_str(&b));
}

int place_keep(const char *note)
{
	_cleanup_free_ char *kept = in_place("kept");
	int err = file_write(kept, note, strlen(note), 0600);

	return err ? fail(OUT_BROKEN, "can't write %s: %s", kept, strerror(-err)) : 0;
}

void place_unkeep(void)
{
	_cleanup_free_ char *kept = in_place("kept");

	unlink(kept);
}

/* ---- the lock; its file tells others who has it ---- */

static int busy(const struct place *p, const char *lock)
{
	_cleanup_buf_ struct buf holder = { 0 };

	file_read(lock, &holder);
	return fail(OUT_BUSY, "this checkout's lab is in use by %s; wait for its end, or PLACE=NAME runs another lab beside it (this is place %s)",
		    str_strip(holder.data ? holder.data : (char *)"another nestlab"), p->name);
}

static bool is_held_by_a_lab(const char *lock)
{
	_cleanup_buf_ struct buf holder = { 0 };
	int pid = 0;

	return !file_read(lock, &holder) && sscanf(buf_str(&holder), "pid %d", &pid) == 1 && !kill(pid, 0);
}

/*
 * Somebody who only looks whether a killed run left something there has it for a moment, and does
 * not write who it is: the file tells of one that is gone, or of nobody.
 */
static int wait_for_lock(int fd, const char *path, int how)
{
	for (unsigned int looks = LOOKS;; looks--) {
		if (!flock(fd, how | LOCK_NB))
			return 0;
		if (!looks || is_held_by_a_lab(path))
			return -1;
		usleep(LOOK_MS * 1000);
	}
}

/* who: NULL: one who only looks. */
static int lock_place(struct place *p, const char *who, bool shared)
{
	_cleanup_free_ char *path = in_place("lock");
	_cleanup_free_ char *text = strf("pid %d (nestlab %s)\n", (int)getpid(), who ? who : "");
	int how = shared ? LOCK_SH : LOCK_EX;

	if (mkdir_p(path_run()))
		return fail(OUT_BROKEN, "can't make the lab's folder %s: %s", path_run(), strerror(errno));
	p->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (p->lock < 0)
		return fail(OUT_BROKEN, "can't open the lock %s: %s", path, strerror(errno));
	if (who ? wait_for_lock(p->lock, path, how) : flock(p->lock, how | LOCK_NB)) {
		close_p(&p->lock);
		p->lock = -1;
		return busy(p, path);
	}
	p->shared = shared;
	if (who && !shared && (ftruncate(p->lock, 0) || write(p->lock, text, strlen(text)) < 0))
		ui_debug("the lock %s can't be written", path);
	return 0;
}

void place_release(struct place *p)
{
	/* Nobody is told any more. */
	if (p->lock >= 0 && !p->shared && ftruncate(p->lock, 0))
		ui_debug("the lock of place %s can't be emptied", p->name);
	close_p(&p->lock);
	p->lock = -1;
	str_set(&p->name, NULL);
}

/* ---- taking one ---- */

static int take_named(const char *name, const char *who, struct place *p)
{
	int ret = enter(name, p);

	if (!ret && place_is_kept())
		ret = fail(OUT_BUSY, "a lab was left running in place %s; `nestlab lab-down PLACE=%s` ends it", name, name);
	return ret ? ret : lock_place(p, who, false);
}

int place_take(const char *name, const char *who, struct place *p)
{
	if (strcmp(name, PLACE_AUTO) != 0)
		return take_named(name, who, p);
	for (unsigned int i = 1; i <= AUTO_PLACES; i++) {
		_cleanup_free_ char *number = strf("%u", i);
		int ret = enter(number, p);

		if (ret || !place_is_kept())
			return ret ? ret : lock_place(p, who, false);
		place_release(p);
	}
	return fail(OUT_BUSY, "labs were left running in all %d places; `nestlab lab-down` ends them", AUTO_PLACES);
}

static int none_runs(void)
{
	return fail(OUT_USAGE, "no lab is running; start one with `nestlab lab-up`");
}

static int find_kept(struct place *p)
{
	_cleanup_strv_ struct strv names = { 0 };
	int ret = place_list(&names);

	for (size_t i = 0; !ret && i < names.n; i++) {
		ret = enter(names.v[i], p);
		if (ret || place_is_kept())
			return ret;
		place_release(p);
	}
	return ret ? ret : none_runs();
}

int place_join(const char *name, struct place *p)
{
	int ret = strcmp(name, PLACE_AUTO) ? enter(name, p) : find_kept(p);

	if (!ret && !place_is_kept())
		ret = none_runs();
	return ret ? ret : lock_place(p, "", true);
}

int place_clear(const char *name, struct place *p)
{
	int ret = enter(name, p);

	return ret ? ret : lock_place(p, "lab-down", false);
}

/* ---- which there are ---- */

int place_list(struct strv *names)
{
	_cleanup_free_ char *first = path_run_of(PATH_FIRST_PLACE), *parent = xstrdup(first);
	_cleanup_strv_ struct strv entries = { 0 };
	char *slash = strrchr(parent, '/');
	const char *base = slash ? strrchr(first, '/') + 1 : first;
	int err;

	if (slash)
		slash[slash == parent] = '\0';
	err = dir_list(slash ? parent : ".", NULL, &entries);
	if (err)
		return fail(OUT_BROKEN, "can't list %s: %s", parent, strerror(-err));
	for (size_t i = 0; i < entries.n; i++) {
		const char *rest =
			str_starts(entries.v[i], base) ? entries.v[i] + strlen(base) : NULL;

		if (rest && !*rest)
			strv_add(names, PATH_FIRST_PLACE);
		else if (rest && *rest == '-')
			strv_add(names, rest + 1);
	}
	return 0;
}

static void look_if_dead(const char *name, void (*look)(void *ctx), void *ctx)
{
	struct place p;

	if (!enter(name, &p) && !place_is_kept() && !lock_place(&p, NULL, false))
		look(ctx);
	place_release(&p);
}

void place_each_dead(const struct place *ours, void (*look)(void *ctx), void *ctx)
{
	_cleanup_strv_ struct strv names = { 0 };

	if (!place_list(&names))
		for (size_t i = 0; i < names.n; i++)
			if (strcmp(names.v[i], ours->name) != 0)
				look_if_dead(names.v[i], look, ctx);
	path_use_place(ours->name);
	fail_clear();
}
