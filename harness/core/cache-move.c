// SPDX-License-Identifier: GPL-2.0-only
/* The cache's entries to an archive, and from one: by tar, which keeps links, holes and times. */
#include "core/cache-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "core/ui.h"

#define COMPRESS "--use-compress-program=lz4"
#define DEADLINE_S 7200
#define DAY_S 86400
/* Of no kind: for ssh into L1. Its images are made with it, and go by its name. */
#define KEY_PAIR "ssh"
#define PUBLIC_KEY "id_ed25519.pub"
#define TAR_DIFFERS 1 /* its status where files changed while it read them */

/*
 * What tar says where another process makes one more link to a file, as a clone of a source tree
 * does: the bytes are the same. Nothing else may be in the log.
 */
static bool only_links_changed(const char *log)
{
	_cleanup_strv_ struct strv lines = { 0 };
	_cleanup_buf_ struct buf b = { 0 };
	size_t n = 0;

	if (file_read(log, &b))
		return false;
	strv_split(&lines, buf_str(&b), "\n");
	for (size_t i = 0; i < lines.n; i++)
		n += str_ends(lines.v[i], ": file changed as we read it");
	return n && n == lines.n;
}

static int run_tar(const char *what, const struct strv *argv)
{
	_cleanup_free_ char *log = path_in_cache("logs/archive.log");
	struct proc p = {
		.what = what, .argv = argv->v, .log_path = log, .deadline_s = DEADLINE_S
	};
	int ret = cache_folder(&cache_logs, NULL);

	unlink(log);
	if (!ret)
		ret = proc_run(&p);
	if (ret <= 0 || (ret == TAR_DIFFERS && only_links_changed(log)))
		return ret < 0 ? ret : 0;
	return fail(OUT_BROKEN, "%s: tar ended with status %d; %s says why", what, ret, log);
}

/* How an archive is written and read: COMPRESSed, holes kept; a colon in its name is no machine. */
static void add_tar(struct strv *argv, const char *mode, const char *archive, const char *folder)
{
	strv_add(argv, "tar");
	strv_add(argv, mode);
	strv_add(argv, "--sparse");
	strv_add(argv, "--force-local");
	strv_add(argv, COMPRESS);
	strv_addf(argv, "--file=%s", archive);
	strv_addf(argv, "--directory=%s", folder);
}

/* ---- the key pair ---- */

static char *key_pair_of(const char *cache)
{
	return strf("%s/" KEY_PAIR, cache);
}

static bool same_keys(const char *a, const char *b)
{
	_cleanup_free_ char *x = strf("%s/" PUBLIC_KEY, a), *y = strf("%s/" PUBLIC_KEY, b);
	_cleanup_buf_ struct buf p = { 0 }, q = { 0 };

	return !file_read(x, &p) && !file_read(y, &q) && !strcmp(buf_str(&p), buf_str(&q));
}

/* Whoever has one keeps it: his own images were made with it. */
static int take_key_pair(const char *from)
{
	_cleanup_free_ char *theirs = key_pair_of(from), *ours = key_pair_of(path_cache());

	if (!path_exists(theirs) || same_keys(theirs, ours))
		return 0;
	if (path_exists(ours)) {
		ui_note("this cache has a key pair of its own in %s, so L1's images of the archive will not be used", ours);
		return 0;
	}
	return rename(theirs, ours) ? fail(OUT_BROKEN, "can't rename %s to %s: %m", theirs, ours) : 0;
}

/* ---- out ---- */

/* What goes out is pinned, and locked where others write to it, until tar has read it. */
struct going_out {
	time_t since;
	struct cache_moved *moved;
	struct buf names; /* "kernels/1234", a line each */
	struct cache_entry **pins;
	int *locks;
	size_t n;
	int ret;
};

static int lock_entry(const struct cache_kind *k, const char *key)
{
	return k->changes ? cache_lock(k, key, k->what) : -1;
}

static void take_out(void *ctx, const struct cache_kind *k, const char *key, time_t used)
{
	struct going_out *g = ctx;
	int lock = -1;
	struct cache_entry *e = NULL;

	if (g->ret || k->local || used < g->since)
		return;
	lock = lock_entry(k, key);
	if (lock < -1)
		g->ret = lock;
	else
		e = cache_find(k, key);
	if (!e) { /* evicted meanwhile */
		close_p(&lock);
		return;
	}
	g->pins = xrealloc(g->pins, g->n + 1, sizeof(*g->pins));
	g->locks = xrealloc(g->locks, g->n + 1, sizeof(*g->locks));
	g->pins[g->n] = e;
	g->locks[g->n++] = lock;
	g->moved->entries++;
	buf_printf(&g->names, "%s/%s%s\n", k->folder, key, k->suffix ? k->suffix : "");
}

static void let_go(struct going_out *g)
{
	for (size_t i = 0; i < g->n; i++) {
		cache_release(g->pins[i]);
		close_p(&g->locks[i]);
	}
	free(g->pins);
	free(g->locks);
	buf_free(&g->names);
}

/* The archive is there before tar is, and nobody else's to read: it has a secret key. */
static int write_list(const struct going_out *g, const char *list, const char *part)
{
	_cleanup_close_ int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || fchmod(fd, 0600))
		return fail(OUT_BROKEN, "can't write %s: %m", part);
	if (file_write(list, g->names.data, g->names.len, 0600))
		return fail(OUT_BROKEN, "can't write %s: %m", list);
	return 0;
}

/* Beside its place first: a file of that name is whole. */
static int write_archive(const struct going_out *g, const char *path)
{
	_cleanup_free_ char *part = strf("%s.part", path), *list = strf("%s.list", path);
	_cleanup_strv_ struct strv argv = { 0 };
	int ret;

	add_tar(&argv, "--create", part, path_cache());
	strv_add(&argv, "--verbatim-files-from");
	strv_addf(&argv, "--files-from=%s", list);
	ret = write_list(g, list, part);
	if (ret)
		return ret;
	ret = run_tar("writing the cache's entries to an archive", &argv);
	if (!ret && rename(part, path))
		ret = fail(OUT_BROKEN, "can't rename %s to %s: %m", part, path);
	unlink(part);
	unlink(list);
	return ret;
}

int cache_export(const char *path, unsigned int days, struct cache_moved *moved)
{
	_cleanup_free_ char *keys = key_pair_of(path_cache());
	struct going_out g = { .moved = moved };
	int ret;

	*moved = (struct cache_moved){ 0 };
	g.since = days ? time(NULL) - (time_t)days * DAY_S : 0;
	cache_each(take_out, &g);
	if (path_exists(keys))
		buf_puts(&g.names, KEY_PAIR "\n");
	ret = g.ret;
	if (!ret && !g.n)
		ret = fail(OUT_USAGE, "nothing of the cache %s was used within %u days: there is nothing to export", path_cache(), days);
	if (!ret)
		ret = write_archive(&g, path);
	let_go(&g);
	return ret;
}

/* ---- in ---- */

struct coming_in {
	const char *from; /* where it was unpacked */
	struct cache_moved *moved;
};

static int move_in(void *ctx, const char *path)
{
	const char *from = ctx;

	return rename(from, path) ? fail(OUT_BROKEN, "can't rename %s to %s: %m", from, path) : 0;
}

static bool is_whole(const struct cache_kind *k, const char *path)
{
	_cleanup_free_ char *file = k->whole ? strf("%s/%s", path, k->whole) : NULL;

	return !file || path_exists(file);
}

/* What is there already stays as it is. */
static int take_in(struct coming_in *c, const struct cache_kind *k, const char *key)
{
	_cleanup_free_ char *path = strf("%s/%s/%s%s", c->from, k->folder, key, k->suffix ? k->suffix : "");
	_cleanup_free_ char *lock_path = cache_lock_path(k, key);
	_cleanup_close_ int lock = -1;
	int ret;

	if (cache_exists(k, key) || !is_whole(k, path)) {
		c->moved->passed++;
		return 0;
	}
	lock = cache_lock(k, key, k->what);
	if (lock < 0)
		return lock;
	ret = cache_put(k, key, move_in, path, NULL);
	if (!k->changes)
		(void)unlink(lock_path);
	c->moved->entries += !ret;
	return ret;
}

static int take_kind(void *ctx, const struct cache_kind *k)
{
	struct coming_in *c = ctx;
	_cleanup_free_ char *folder = strf("%s/%s", c->from, k->folder);
	_cleanup_strv_ struct strv keys = { 0 };
	int ret = 0;

	if (k->local)
		return 0;
	cache_keys_in(k, folder, &keys);
	for (size_t i = 0; !ret && i < keys.n; i++)
		ret = take_in(c, k, keys.v[i]);
	return ret;
}

static int unpack(const char *path, const char *to)
{
	_cleanup_strv_ struct strv argv = { 0 };

	add_tar(&argv, "--extract", path, to);
	return run_tar("unpacking an archive of a cache", &argv);
}

int cache_import(const char *path, struct cache_moved *moved)
{
	_cleanup_free_ char *folder = NULL, *temp = NULL;
	struct coming_in c = { .moved = moved };
	int ret = cache_folder(&cache_stage, &folder);

	*moved = (struct cache_moved){ 0 };
	if (ret)
		return ret;
	c.from = temp = cache_temp(folder, "import");
	if (mkdir_p(temp))
		return fail(OUT_BROKEN, "can't make the folder %s: %m", temp);
	ret = unpack(path, temp);
	if (!ret)
		ret = take_key_pair(temp);
	if (!ret)
		ret = cache_each_kind(take_kind, &c);
	rm_rf(temp);
	if (!ret && !moved->entries && !moved->passed)
		ret = fail(OUT_USAGE, "%s has no entries of a cache in it: `nestlab cache export FILE` writes such an archive", path);
	return ret;
}
