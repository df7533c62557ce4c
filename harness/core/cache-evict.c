// SPDX-License-Identifier: GPL-2.0-only
/* What is in the cache, and what goes out of it. */
#include "core/cache-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/lock.h"
#include "core/paths.h"

extern const struct cache_kind *const __start_nestlab_cache_kinds[];
extern const struct cache_kind *const __stop_nestlab_cache_kinds[];

#define LOCK_SUFFIX ".lock"

/* ---- sizes ---- */

/*
 * SHARED: each file's part of it, where it has several names. ALONE: what its removal would free.
 */
enum count { SHARED, ALONE };

static uint64_t entry_bytes(const FTSENT *e, enum count how)
{
	uint64_t bytes = (uint64_t)e->fts_statp->st_blocks * 512;

	switch (e->fts_info) {
	case FTS_D:
	case FTS_SL:
	case FTS_SLNONE:
		return bytes;
	case FTS_F:
	case FTS_DEFAULT:
		if (how == ALONE)
			return e->fts_statp->st_nlink > 1 ? 0 : bytes;
		return bytes / (e->fts_statp->st_nlink ? e->fts_statp->st_nlink : 1);
	default:
		return 0;
	}
}

static uint64_t tree_bytes(const char *path, enum count how)
{
	char *roots[] = { (char *)path, NULL };
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	uint64_t bytes = 0;
	FTSENT *e;

	while (fts && (e = fts_read(fts)))
		bytes += entry_bytes(e, how);
	if (fts)
		fts_close(fts);
	return bytes;
}

/* ---- what is there ---- */

struct listed {
	const struct cache_kind *kind;
	char *key, *path;
	struct timespec used;
	uint64_t bytes; /* where they were asked for */
	bool gone;
};

struct listing {
	struct listed *v;
	size_t n;
	bool dry_run;
	cache_told *told;
	void *ctx;
};

static void free_listing(struct listing *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].key);
		free(l->v[i].path);
	}
	free(l->v);
}
#define _cleanup_listing_ __attribute__((cleanup(free_listing)))

/* The process that a temporary name tells; 0: it is none. */
static pid_t owner_of(const char *name)
{
	const char *dot = strrchr(name, '.');
	uint64_t pid;

	return dot && parse_u64(dot + 1, &pid) && pid <= INT32_MAX ? (pid_t)pid : 0;
}

/* Locks and what is not of the kind's form are not. */
static bool is_entry(const struct cache_kind *k, const char *name, const struct stat *st)
{
	if (owner_of(name) || str_ends(name, LOCK_SUFFIX))
		return false;
	if (!k->suffix)
		return S_ISDIR(st->st_mode);
	return S_ISREG(st->st_mode) && str_ends(name, k->suffix);
}

static void list_one(struct listing *l, const struct cache_kind *k, const char *folder,
		     const char *name, bool sized)
{
	_cleanup_free_ char *path = strf("%s/%s", folder, name);
	struct stat st;

	if (lstat(path, &st) || !is_entry(k, name, &st))
		return;
	l->v = xrealloc(l->v, l->n + 1, sizeof(*l->v));
	l->v[l->n++] = (struct listed){
		.kind = k,
		.key = xstrndup(name, strlen(name) - (k->suffix ? strlen(k->suffix) : 0)),
		.path = xstrdup(path),
		.used = st.st_mtim,
		.bytes = sized ? tree_bytes(path, SHARED) : 0
	};
}

static int by_use(const void *a, const void *b)
{
	const struct timespec *x = &((const struct listed *)a)->used,
			      *y = &((const struct listed *)b)->used;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? -1 : 1;
	return (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

/* Added, and all sorted by use, oldest first. */
static void list_kind(struct listing *l, const struct cache_kind *k, bool sized)
{
	_cleanup_free_ char *folder = cache_folder_path(k);
	_cleanup_strv_ struct strv names = { 0 };

	if (dir_list(folder, NULL, &names))
		return;
	for (size_t i = 0; i < names.n; i++)
		list_one(l, k, folder, names.v[i], sized);
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), by_use);
}

/* ---- what goes ---- */

static void tell(const struct listing *l, const struct cache_kind *k, const char *name,
		 uint64_t bytes)
{
	if (l->told)
		l->told(l->ctx, k, name, bytes);
}

/* An entry and the lock of its key, both nobody else's. -1 where there is no such lock. */
struct hold {
	int lock, entry;
};

static void let_go(struct hold *h)
{
	close_p(&h->entry);
	close_p(&h->lock);
}
#define _cleanup_hold_ __attribute__((cleanup(let_go)))

static bool have_alone(struct hold *h, const char *lock, const char *path)
{
	h->lock = open(lock, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (h->lock >= 0 && !lock_at_once(h->lock, lock))
		return false;
	h->entry = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return h->entry >= 0 && lock_at_once(h->entry, path);
}

/* Out of sight first: whoever comes now finds none, not one half of which is gone. */
static bool take_out(const struct listed *e, const char *lock, char **temp)
{
	_cleanup_free_ char *folder = cache_folder_path(e->kind);
	_cleanup_hold_ struct hold h = { -1, -1 };

	if (!have_alone(&h, lock, e->path))
		return false;
	if (!temp)
		return true;
	*temp = cache_temp(folder, e->key);
	if (rename(e->path, *temp))
		return false;
	if (h.lock >= 0)
		(void)unlink(lock);
	return true;
}

/* Returns the room that it made; nothing when it is pinned. */
static uint64_t evict(struct listing *l, struct listed *e)
{
	_cleanup_free_ char *lock = cache_lock_path(e->kind, e->key), *temp = NULL;
	uint64_t bytes = e->bytes;

	if (!take_out(e, lock, l->dry_run ? NULL : &temp))
		return 0;
	e->gone = true;
	if (temp) {
		bytes = l->told ? tree_bytes(temp, ALONE) : 0;
		(void)rm_rf(temp); /* what can't be removed now is swept */
	}
	tell(l, e->kind, e->key, bytes);
	return bytes;
}

static bool too_much(const struct cache_kind *k, size_t n, uint64_t bytes)
{
	return (k->keep_entries && n > k->keep_entries) || (k->keep_bytes && bytes > k->keep_bytes);
}

static uint64_t hold_to_bounds(struct listing *l, const struct cache_kind *k)
{
	uint64_t bytes = 0, room = 0;
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].kind == k) {
			n++;
			bytes += l->v[i].bytes;
		}
	for (size_t i = 0; i < l->n && too_much(k, n, bytes); i++) {
		if (l->v[i].kind != k)
			continue;
		room += evict(l, &l->v[i]);
		if (l->v[i].gone) {
			n--;
			bytes -= l->v[i].bytes;
		}
	}
	return room;
}

void cache_limit(const struct cache_kind *k)
{
	_cleanup_listing_ struct listing l = { 0 };

	list_kind(&l, k, k->keep_bytes);
	hold_to_bounds(&l, k);
}

/* ---- what the killed left ---- */

/* A process that we can't see (it is in another container) has what it makes locked. */
static bool is_leftover(const char *path, const char *name)
{
	_cleanup_close_ int fd = -1;
	pid_t owner = owner_of(name);

	if (!owner || !kill(owner, 0) || errno != ESRCH)
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	return fd < 0 || lock_at_once(fd, path);
}

static uint64_t sweep(const struct listing *l, const struct cache_kind *k, const char *folder)
{
	_cleanup_strv_ struct strv names = { 0 };
	uint64_t room = 0;

	(void)dir_list(folder, NULL, &names);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *path = strf("%s/%s", folder, names.v[i]);
		uint64_t bytes;

		if (!is_leftover(path, names.v[i]))
			continue;
		bytes = l->told ? tree_bytes(path, ALONE) : 0;
		room += bytes;
		tell(l, k, names.v[i], bytes);
		if (!l->dry_run)
			(void)rm_rf(path); /* what can't be removed now can be next time */
	}
	return room;
}

void cache_sweep(const char *folder)
{
	const struct listing quiet = { .dry_run = false };

	sweep(&quiet, NULL, folder);
}

/* Of entries that are not there any more. */
static void remove_locks(const struct cache_kind *k)
{
	_cleanup_free_ char *folder = cache_folder_path(k);
	_cleanup_strv_ struct strv names = { 0 };

	(void)dir_list(folder, LOCK_SUFFIX, &names);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *key =
			xstrndup(names.v[i], strlen(names.v[i]) - strlen(LOCK_SUFFIX));
		_cleanup_free_ char *lock = cache_lock_path(k, key);
		_cleanup_close_ int fd =
			cache_exists(k, key) ? -1 : open(lock, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

		if (fd >= 0 && lock_at_once(fd, lock) && !cache_exists(k, key))
			(void)unlink(lock);
	}
}

/* ---- all kinds ---- */

static size_t n_kinds(void)
{
	return (size_t)(__stop_nestlab_cache_kinds - __start_nestlab_cache_kinds);
}

static int by_folder(const void *a, const void *b)
{
	return strcmp(((const struct cache_use *)a)->kind->folder,
		      ((const struct cache_use *)b)->kind->folder);
}

static void count_use(struct cache_use *u)
{
	_cleanup_listing_ struct listing l = { 0 };

	list_kind(&l, u->kind, true);
	u->entries = l.n;
	for (size_t i = 0; i < l.n; i++)
		u->bytes += l.v[i].bytes;
}

void cache_uses(struct cache_use **all, size_t *n)
{
	struct cache_use *u = xcalloc(n_kinds(), sizeof(*u));

	for (size_t i = 0; i < n_kinds(); i++) {
		u[i].kind = __start_nestlab_cache_kinds[i];
		count_use(&u[i]);
	}
	qsort(u, n_kinds(), sizeof(*u), by_folder);
	*all = u;
	*n = n_kinds();
}

static bool is_of_a_kind(const char *folder)
{
	for (size_t i = 0; i < n_kinds(); i++)
		if (!strcmp(__start_nestlab_cache_kinds[i]->folder, folder))
			return true;
	return false;
}

uint64_t cache_other_bytes(void)
{
	_cleanup_strv_ struct strv names = { 0 };
	uint64_t bytes = 0;

	(void)dir_list(path_cache(), NULL, &names);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *path = path_in_cache("%s", names.v[i]);

		if (!is_of_a_kind(names.v[i]))
			bytes += tree_bytes(path, SHARED);
	}
	return bytes;
}

static uint64_t sweep_all(const struct listing *l)
{
	uint64_t room = 0;

	for (size_t i = 0; i < n_kinds(); i++) {
		const struct cache_kind *k = __start_nestlab_cache_kinds[i];
		_cleanup_free_ char *folder = cache_folder_path(k);

		room += sweep(l, k, folder);
		if (!l->dry_run)
			remove_locks(k);
	}
	return room;
}

static uint64_t hold_to(struct listing *l, uint64_t max_bytes)
{
	uint64_t room = 0, bytes = 0;

	for (size_t i = 0; i < l->n; i++)
		bytes += l->v[i].gone ? 0 : l->v[i].bytes;
	for (size_t i = 0; i < l->n && bytes > max_bytes; i++) {
		uint64_t freed = l->v[i].gone ? 0 : evict(l, &l->v[i]);

		room += freed;
		bytes -= freed < bytes ? freed : bytes;
	}
	return room;
}

static void tell_nobody(void *ctx, const struct cache_kind *k, const char *name, uint64_t bytes)
{
	(void)ctx;
	(void)k;
	(void)name;
	(void)bytes;
}

uint64_t cache_collect(uint64_t max_bytes, bool dry_run, cache_told *told, void *ctx)
{
	_cleanup_listing_ struct listing l = { .dry_run = dry_run,
					       .told = told ? told : tell_nobody,
					       .ctx = ctx };
	uint64_t room = sweep_all(&l);

	for (size_t i = 0; i < n_kinds(); i++)
		list_kind(&l, __start_nestlab_cache_kinds[i], true);
	for (size_t i = 0; i < n_kinds(); i++)
		room += hold_to_bounds(&l, __start_nestlab_cache_kinds[i]);
	return max_bytes ? room + hold_to(&l, max_bytes) : room;
}

/* ---- for those who look at all of it ---- */

int cache_each_kind(int (*look)(void *ctx, const struct cache_kind *k), void *ctx)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < n_kinds(); i++)
		ret = look(ctx, __start_nestlab_cache_kinds[i]);
	return ret;
}

void cache_each(void (*look)(void *ctx, const struct cache_kind *k, const char *key, time_t used),
		void *ctx)
{
	_cleanup_listing_ struct listing l = { 0 };

	for (size_t i = 0; i < n_kinds(); i++)
		list_kind(&l, __start_nestlab_cache_kinds[i], false);
	for (size_t i = 0; i < l.n; i++)
		look(ctx, l.v[i].kind, l.v[i].key, l.v[i].used.tv_sec);
}

void cache_keys_in(const struct cache_kind *k, const char *folder, struct strv *keys)
{
	_cleanup_listing_ struct listing l = { 0 };
	_cleanup_strv_ struct strv names = { 0 };

	(void)dir_list(folder, NULL, &names);
	for (size_t i = 0; i < names.n; i++)
		list_one(&l, k, folder, names.v[i], false);
	for (size_t i = 0; i < l.n; i++)
		strv_add(keys, l.v[i].key);
}
