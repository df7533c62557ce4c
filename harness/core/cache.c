// SPDX-License-Identifier: GPL-2.0-only
#include "core/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/cache-internal.h"
#include "core/lock.h"
#include "core/outcome.h"
#include "core/paths.h"

#define WAIT_S 600
#define FULL_DISK_BYTES (64ULL << 20)

const struct cache_kind cache_logs = {
	.folder = "logs", .suffix = ".log", .what = "logs of builds", .keep_entries = 400, .keep_bytes = 256ULL << 20, .local = true,
};
CACHE_KIND(cache_logs);

const struct cache_kind cache_stage = {
	.folder = "stage", .what = "work in progress", .keep_entries = 100, .local = true,
};
CACHE_KIND(cache_stage);

/* ---- names ---- */

char *cache_folder_path(const struct cache_kind *k)
{
	return path_in_cache("%s", k->folder);
}

char *cache_path_of(const struct cache_kind *k, const char *key)
{
	return path_in_cache("%s/%s%s", k->folder, key, k->suffix ? k->suffix : "");
}

char *cache_lock_path(const struct cache_kind *k, const char *key)
{
	return path_in_cache("%s/%s.lock", k->folder, key);
}

char *cache_temp(const char *folder, const char *prefix)
{
	static unsigned int count;

	return strf("%s/%s.%u.%d", folder, prefix, count++, (int)getpid());
}

static int make_folder(const struct cache_kind *k, char **folder)
{
	int err;

	*folder = cache_folder_path(k);
	err = mkdir_p(*folder);
	return err ? fail(OUT_BROKEN, "can't make the cache folder %s: %s", *folder, strerror(-err)) : 0;
}

/* ---- pins ---- */

struct cache_entry {
	struct cache_entry *next; /* of those held until the end */
	char *path;
	int fd;
	bool made;
};

const char *cache_path(const struct cache_entry *e)
{
	return e->path;
}

/* Set by any thread, never taken back. */
static atomic_bool has_made;

static struct {
	pthread_mutex_t lock;
	struct strv names;
} used = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void note_use(const char *path)
{
	const char *name = path + strlen(path_cache()) + 1;

	pthread_mutex_lock(&used.lock);
	if (!strv_has(&used.names, name))
		strv_add(&used.names, name);
	pthread_mutex_unlock(&used.lock);
}

void cache_used(struct strv *names)
{
	pthread_mutex_lock(&used.lock);
	for (size_t i = 0; i < used.names.n; i++)
		strv_add(names, used.names.v[i]);
	pthread_mutex_unlock(&used.lock);
}

bool cache_has_made(void)
{
	return has_made;
}

bool cache_made(const struct cache_entry *e)
{
	return e->made;
}

void cache_release(struct cache_entry *e)
{
	if (!e)
		return;
	close_p(&e->fd);
	free(e->path);
	free(e);
}

void cache_hold(struct cache_entry *e)
{
	static struct cache_entry *held;

	for (struct cache_entry *h = held; h; h = h->next)
		if (lock_is_of(h->fd, e->path)) {
			cache_release(e);
			return;
		}
	e->next = held;
	held = e;
}

static struct cache_entry *new_entry(const char *path, int fd)
{
	struct cache_entry *e = xcalloc(1, sizeof(*e));

	e->path = xstrdup(path);
	e->fd = fd;
	return e;
}

static void share(int fd)
{
	/*
	 * A file system without locks (then there is nothing to wait for) is no reason not to use
	 * the entry.
	 */
	while (flock(fd, LOCK_SH) && errno == EINTR)
		;
}

/*
 * Whoever evicts it has it locked, for as long as it takes to rename it: afterwards it is another
 * entry, or none.
 */
static struct cache_entry *pin(const char *path)
{
	int fd;

	while ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) >= 0) {
		share(fd);
		if (lock_is_of(fd, path))
			return new_entry(path, fd);
		close(fd);
	}
	return NULL;
}

/* ---- finding ---- */

bool cache_exists(const struct cache_kind *k, const char *key)
{
	_cleanup_free_ char *path = cache_path_of(k, key);

	return path_exists(path);
}

void cache_drop(const struct cache_kind *k, const char *key)
{
	_cleanup_free_ char *path = cache_path_of(k, key), *folder = cache_folder_path(k);
	_cleanup_free_ char *temp = cache_temp(folder, key);
	_cleanup_close_ int fd = -1;

	/* A folder of an overlay's lower layer, as of a container's image, can't be renamed. */
	if (rename(path, temp)) {
		if (errno == EXDEV)
			(void)rm_rf(path);
		return;
	}
	fd = open(temp, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || lock_at_once(fd, temp))
		(void)rm_rf(temp); /* else its last user's end lets it be swept */
}

struct cache_entry *cache_find(const struct cache_kind *k, const char *key)
{
	_cleanup_free_ char *path = cache_path_of(k, key), *whole = k->whole ? strf("%s/%s", path, k->whole) : NULL;
	struct cache_entry *e = pin(path);

	if (e && whole && !path_exists(whole)) {
		cache_release(e);
		cache_drop(k, key);
		return NULL;
	}
	if (!e)
		return NULL;
	utimensat(AT_FDCWD, path, NULL, 0);
	note_use(path);
	return e;
}

/* ---- making ---- */

/* A folder for what is made, locked so that it is nobody's leftover. */
static int open_temp(const struct cache_kind *k, const char *key, char **temp)
{
	_cleanup_free_ char *folder = NULL;
	int fd, ret = make_folder(k, &folder);

	*temp = ret ? NULL : cache_temp(folder, key);
	if (ret)
		return ret;
	cache_sweep(folder);
	fd = mkdir(*temp, 0777) ? -1 : open(*temp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(OUT_BROKEN, "can't make the folder %s: %s", *temp, strerror(errno));
	(void)flock(fd, LOCK_EX | LOCK_NB);
	return fd;
}

/* To its place, pinned before anybody can find it there. One that is there already stays. */
static int move_pinned(const char *part, const char *path, int fd, struct cache_entry **e)
{
	*e = path_exists(path) ? pin(path) : NULL;
	if (*e)
		return 0;
	if (rename(part, path))
		return fail(OUT_BROKEN, "can't rename %s to %s: %s", part, path, strerror(errno));
	*e = new_entry(path, fcntl(fd, F_DUPFD_CLOEXEC, 0));
	(*e)->made = true;
	has_made = true;
	note_use(path);
	return 0;
}

static int move(const struct cache_kind *k, const char *part, const char *key,
		struct cache_entry **e)
{
	_cleanup_free_ char *path = cache_path_of(k, key);
	_cleanup_close_ int fd = open(part, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return fail(OUT_BROKEN, "can't read %s: %s", part, strerror(errno));
	share(fd);
	return move_pinned(part, path, fd, e);
}

static int make_entry(const struct cache_kind *k, const char *key, cache_make *make, void *ctx,
		      struct cache_entry **e)
{
	_cleanup_free_ char *temp = NULL, *part = NULL;
	_cleanup_close_ int fd = open_temp(k, key, &temp);
	int ret;

	if (fd < 0)
		return fd;
	part = k->suffix ? strf("%s/%s%s", temp, key, k->suffix) : xstrdup(temp);
	ret = make(ctx, part);
	if (!k->suffix)
		(void)flock(fd, LOCK_UN); /* the folder itself is going to be the entry */
	if (!ret)
		ret = move(k, part, key, e);
	(void)rm_rf(temp);
	return ret;
}

int cache_put(const struct cache_kind *k, const char *key, cache_make *make, void *ctx,
	      struct cache_entry **e)
{
	struct cache_entry *made = NULL;
	int ret = make_entry(k, key, make, ctx, &made);

	cache_limit(k);
	if (e)
		*e = made;
	else
		cache_release(made);
	return ret;
}

int cache_get(const struct cache_kind *k, const char *key, cache_make *make, void *ctx,
	      struct cache_entry **e)
{
	_cleanup_free_ char *lock = cache_lock_path(k, key);
	_cleanup_close_ int fd = -1;
	int ret = 0;

	*e = cache_find(k, key);
	if (*e)
		return 0;
	fd = cache_lock(k, key, k->what);
	if (fd < 0)
		return fd;
	*e = cache_find(k, key); /* made while we waited */
	if (!*e)
		ret = cache_put(k, key, make, ctx, e);
	(void)unlink(lock);
	return ret;
}

typedef int take_lock(const char *path, const char *what, unsigned int deadline_s);

static int lock(const struct cache_kind *k, const char *key, const char *who, take_lock *take)
{
	_cleanup_free_ char *folder = NULL, *file = cache_lock_path(k, key),
			    *path = cache_path_of(k, key);
	int fd, ret = make_folder(k, &folder);

	if (ret)
		return ret;
	fd = take(file, who, k->wait_s ? k->wait_s : WAIT_S);
	if (fd >= 0)
		utimensat(AT_FDCWD, path, NULL, 0);
	return fd;
}

int cache_lock(const struct cache_kind *k, const char *key, const char *who)
{
	return lock(k, key, who, lock_take);
}

int cache_share(const struct cache_kind *k, const char *key, const char *who)
{
	return lock(k, key, who, lock_share);
}

/* ---- small answers ---- */

bool cache_recall(const struct cache_kind *k, const char *key, struct buf *answer)
{
	_cleanup_free_ char *path = cache_path_of(k, key);

	if (file_read(path, answer))
		return false;
	utimensat(AT_FDCWD, path, NULL, 0);
	return true;
}

void cache_remember(const struct cache_kind *k, const char *key, const void *answer, size_t len)
{
	_cleanup_free_ char *folder = cache_folder_path(k), *path = cache_path_of(k, key);

	if (!mkdir_p(folder) && !file_write(path, answer, len, 0666))
		cache_limit(k);
}

/* ---- folders ---- */

int cache_folder(const struct cache_kind *k, char **path)
{
	_cleanup_free_ char *folder = NULL;
	int ret = make_folder(k, &folder);

	if (ret)
		return ret;
	cache_sweep(folder);
	cache_limit(k);
	if (path) {
		*path = folder;
		folder = NULL;
	}
	return 0;
}

bool cache_disk_is_full(void)
{
	struct statvfs v;

	return !statvfs(path_cache(), &v) && (uint64_t)v.f_bavail * v.f_frsize < FULL_DISK_BYTES;
}
