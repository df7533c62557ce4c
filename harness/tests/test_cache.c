// SPDX-License-Identifier: GPL-2.0-only
/* The cache, by several processes at once, some of which are killed. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/cache.h"
#include "core/lock.h"
#include "core/outcome.h"
#include "core/paths.h"
#include "lab/state.h"
#include "report/text.h"

#include <cmocka.h>

#undef fail /* ours is meant */

#define DEAD_PID "2147483646"

static const struct cache_kind folders = { .folder = "t-folders", .whole = "file", .what = "folders", .keep_entries = 3, .wait_s = 20 };
CACHE_KIND(folders);
static const struct cache_kind files = { .folder = "t-files", .suffix = ".txt", .what = "files", .keep_bytes = 64 << 10 };
CACHE_KIND(files);

/* ---- what is made ---- */

static char top[] = "/tmp/nestlab-cache-XXXXXX";

static int make_top(void **state)
{
	(void)state;
	return mkdtemp(top) ? setenv("NESTLAB_CACHE", top, 1) : -1;
}

static int remove_top(void **state)
{
	(void)state;
	return rm_rf(top);
}

static int empty_top(void **state)
{
	(void)state;
	return rm_rf(top) || mkdir(top, 0700);
}

static void put(const char *path, size_t len)
{
	_cleanup_free_ char *data = xcalloc(len, 1);

	assert_int_equal(file_write(path, data, len, 0644), 0);
}

/* Of a folder kind; ctx: a counter, or NULL. */
static int make_folder(void *ctx, const char *path)
{
	_cleanup_free_ char *file = strf("%s/file", path);

	put(file, 5);
	if (ctx)
		++*(int *)ctx;
	return 0;
}

/* Of a file kind; ctx: its size. */
static int make_file(void *ctx, const char *path)
{
	put(path, *(size_t *)ctx);
	return 0;
}

static int make_badly(void *ctx, const char *path)
{
	make_folder(ctx, path);
	return fail(OUT_BROKEN, "it can't be made");
}

static void get(const char *key)
{
	struct cache_entry *e = NULL;

	assert_int_equal(cache_get(&folders, key, make_folder, NULL, &e), 0);
	cache_release(e);
}

static size_t names_in(const struct cache_kind *k, const char *suffix)
{
	_cleanup_free_ char *folder = path_in_cache("%s", k->folder);
	_cleanup_strv_ struct strv names = { 0 };

	(void)dir_list(folder, suffix, &names);
	return names.n;
}

static void used_at(const struct cache_kind *k, const char *key, time_t when)
{
	const struct timespec t[2] = { { .tv_sec = when }, { .tv_sec = when } };
	_cleanup_free_ char *path = cache_path_of(k, key);

	assert_int_equal(utimensat(AT_FDCWD, path, t, 0), 0);
}

static void make_sized(const char *key, size_t size, time_t used)
{
	assert_int_equal(cache_put(&files, key, make_file, &size, NULL), 0);
	used_at(&files, key, used);
}

static bool have(const char *key)
{
	return cache_exists(&folders, key);
}

static void test_find_and_make(void **state)
{
	struct cache_entry *e, *again;
	_cleanup_free_ char *file = NULL;
	struct stat st;
	int made = 0;

	(void)state;
	assert_null(cache_find(&folders, "one"));
	assert_int_equal(cache_get(&folders, "one", make_folder, &made, &e), 0);
	assert_true(cache_made(e));
	file = strf("%s/file", cache_path(e));
	assert_true(path_exists(file));
	used_at(&folders, "one", 1000);
	assert_int_equal(cache_get(&folders, "one", make_folder, &made, &again), 0);
	assert_false(cache_made(again));
	assert_string_equal(cache_path(again), cache_path(e));
	assert_int_equal(made, 1);
	assert_int_equal(stat(cache_path(e), &st), 0);
	assert_true(st.st_mtime > 1000); /* its use was noted */
	cache_release(e);
	cache_release(again);
	cache_release(NULL);
}

static void test_file_kind(void **state)
{
	size_t size = 7;
	struct cache_entry *e;
	struct stat st;

	(void)state;
	assert_int_equal(cache_get(&files, "one", make_file, &size, &e), 0);
	assert_true(str_ends(cache_path(e), "/t-files/one.txt"));
	assert_int_equal(stat(cache_path(e), &st), 0);
	assert_int_equal(st.st_size, 7);
	assert_int_equal(names_in(&files, NULL), 1);
	cache_release(e);
}

static void test_what_fails_leaves_nothing(void **state)
{
	struct cache_entry *e = NULL;

	(void)state;
	assert_int_equal(cache_get(&folders, "one", make_badly, NULL, &e), -OUT_BROKEN);
	assert_null(e);
	assert_string_equal(fail_text(), "it can't be made");
	assert_int_equal(names_in(&folders, NULL), 0);
	get("one");
	fail_clear();
}

/* ---- several processes ---- */

/* One that waits inside of make, until it is told to go on. */
struct slow {
	int in, out; /* a byte comes out when it has begun, and one goes in */
	int ret;
	bool killed;
};

static int make_slowly(void *ctx, const char *path)
{
	struct slow *s = ctx;
	char c = 'x';

	assert_int_equal(write(s->out, &c, 1), 1);
	assert_int_equal(read(s->in, &c, 1), 1);
	make_folder(NULL, path);
	if (s->killed)
		raise(SIGKILL);
	return s->ret;
}

struct child {
	pid_t pid;
	int to, from;
};

/* A child that makes folders/one; returns when it has begun. */
static struct child start(struct slow s)
{
	struct cache_entry *e = NULL;
	int to[2], from[2];
	struct child c;
	char x;

	assert_int_equal(pipe2(to, O_CLOEXEC) | pipe2(from, O_CLOEXEC), 0);
	c = (struct child){ .pid = fork(), .to = to[1], .from = from[0] };
	s.in = to[0];
	s.out = from[1];
	if (!c.pid)
		_exit(cache_get(&folders, "one", make_slowly, &s, &e) ? 1 : 0);
	assert_int_equal(read(c.from, &x, 1), 1);
	return c;
}

static void let(struct child *c)
{
	assert_int_equal(write(c->to, "x", 1), 1);
}

static int end(struct child *c)
{
	int status;

	assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
	close(c->to);
	close(c->from);
	return status;
}

/* It goes on when we are waiting: nothing but a little time tells that. */
static pid_t let_later(struct child *c)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	usleep(300000);
	let(c);
	_exit(0);
}

static void make_beside(struct slow s, bool made_by_us)
{
	_cleanup_free_ char *folder = path_in_cache("t-folders");
	struct child c = start(s);
	pid_t helper = let_later(&c);
	struct cache_entry *e;
	int made = 0;

	assert_int_equal(cache_get(&folders, "one", make_folder, &made, &e), 0);
	assert_int_equal(made, made_by_us);
	assert_int_equal(cache_made(e), made_by_us);
	cache_release(e);
	assert_int_equal(waitpid(helper, NULL, 0), helper);
	end(&c);
	cache_sweep(folder); /* a zombie was none of the dead yet */
	assert_int_equal(names_in(&folders, NULL), 1); /* nothing half, and no lock */
}

static void test_two_makers(void **state)
{
	(void)state;
	make_beside((struct slow){ .ret = 0 }, false);
}

static void test_failed_maker(void **state)
{
	(void)state;
	make_beside((struct slow){ .ret = -OUT_BROKEN }, true);
}

static void test_killed_maker(void **state)
{
	(void)state;
	make_beside((struct slow){ .killed = true }, true);
}

static void test_put_waits_for_nobody(void **state)
{
	struct child c = start((struct slow){ .ret = 0 });
	struct cache_entry *e;
	int made = 0;

	(void)state;
	assert_int_equal(cache_put(&folders, "one", make_folder, &made, &e), 0);
	assert_true(made && cache_made(e));
	let(&c);
	assert_int_equal(end(&c), 0);
	cache_release(e);
	assert_int_equal(names_in(&folders, NULL), 1);
}

/* Who was slower has the other's, and removes its own. */
static void test_put_beside_another(void **state)
{
	struct cache_entry *first, *e;
	struct stat was, is;

	(void)state;
	assert_int_equal(cache_get(&folders, "one", make_folder, NULL, &first), 0);
	assert_int_equal(stat(cache_path(first), &was), 0);
	assert_int_equal(cache_put(&folders, "one", make_folder, NULL, &e), 0);
	assert_false(cache_made(e));
	assert_int_equal(stat(cache_path(e), &is), 0);
	assert_int_equal(is.st_ino, was.st_ino);
	cache_release(first);
	cache_release(e);
	assert_int_equal(names_in(&folders, NULL), 1);
}

/*
 * What another process makes is no leftover, though its process can't be seen (another
 * container's).
 */
static void test_sweep(void **state)
{
	_cleanup_free_ char *folder = path_in_cache("t-folders"), *mine = cache_temp(folder, "x");
	_cleanup_free_ char *dead = strf("%s/x.0." DEAD_PID, folder), *locked = strf("%s/y.0." DEAD_PID, folder);
	_cleanup_free_ char *link = strf("%s/z." DEAD_PID, folder), *named = strf("%s/named", folder);
	int fd;

	(void)state;
	assert_int_equal(mkdir_p(mine) | mkdir_p(dead) | mkdir_p(locked) | mkdir_p(named) |
				 symlink(named, link),
			 0);
	fd = open(locked, O_RDONLY);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	cache_sweep(folder);
	assert_true(path_exists(mine) && path_exists(locked) && path_exists(named));
	assert_false(path_exists(dead) || path_exists(link));
	close(fd);
	cache_sweep(folder);
	assert_false(path_exists(locked));
}

static void test_next_maker_sweeps(void **state)
{
	_cleanup_free_ char *dead = path_in_cache("t-folders/x.0." DEAD_PID), *half = strf("%s/half", dead);

	(void)state;
	assert_int_equal(mkdir_p(half), 0);
	get("one");
	assert_false(path_exists(dead));
}

/* ---- bounds and pins ---- */

static void test_bounds(void **state)
{
	(void)state;
	get("a");
	get("b");
	get("c");
	used_at(&folders, "a", 300);
	used_at(&folders, "b", 100);
	used_at(&folders, "c", 200);
	get("d");
	assert_true(have("a") && have("c") && have("d"));
	assert_false(have("b"));
	cache_release(cache_find(&folders, "c")); /* used now */
	get("e");
	assert_true(have("c") && have("d") && have("e"));
	assert_false(have("a"));
}

static void pinned_stays(struct cache_entry *e)
{
	_cleanup_free_ char *file = strf("%s/file", cache_path(e));

	used_at(&folders, "a", 100);
	for (char key[] = "b"; *key < 'g'; ++*key)
		get(key);
	assert_true(path_exists(file));
	assert_int_equal(cache_collect(1, false, NULL, NULL) > 0, 1);
	assert_true(path_exists(file));
	assert_false(have("f"));
}

static void test_pinned(void **state)
{
	struct cache_entry *e;

	(void)state;
	assert_int_equal(cache_get(&folders, "a", make_folder, NULL, &e), 0);
	pinned_stays(e);
	cache_release(e);
	e = cache_find(&folders, "a");
	pinned_stays(e);
	cache_release(e);
	cache_collect(1, false, NULL, NULL);
	assert_false(have("a"));
}

static void test_held(void **state)
{
	_cleanup_free_ char *file = cache_path_of(&folders, "a");

	(void)state;
	get("a");
	cache_hold(cache_find(&folders, "a"));
	cache_hold(cache_find(&folders, "a"));
	cache_collect(1, false, NULL, NULL);
	assert_true(path_exists(file));
	cache_drop(&folders, "a");
}

static void test_locked(void **state)
{
	int fd = cache_lock(&folders, "a", "a test's folder");

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(cache_put(&folders, "a", make_folder, NULL, NULL), 0);
	cache_collect(1, false, NULL, NULL);
	assert_true(have("a"));
	close(fd);
	cache_collect(1, false, NULL, NULL);
	assert_false(have("a"));
	assert_int_equal(names_in(&folders, NULL), 0);
}

/*
 * The entry is open and waited for when it is renamed: what was waited for is not there any more.
 */
/* What was found or made, once; not what was looked for in vain. */
static void test_used(void **state)
{
	_cleanup_strv_ struct strv names = { 0 };
	struct cache_entry *e;
	int made = 0;

	(void)state;
	make_sized("asked-twice", 1, 100);
	cache_release(cache_find(&files, "asked-twice"));
	cache_release(cache_find(&files, "asked-twice"));
	assert_null(cache_find(&files, "not-there"));
	assert_int_equal(cache_get(&folders, "made-now", make_folder, &made, &e), 0);
	cache_release(e);
	cache_used(&names);
	assert_true(strv_has(&names, "t-files/asked-twice.txt"));
	assert_true(strv_has(&names, "t-folders/made-now"));
	assert_false(strv_has(&names, "t-files/not-there.txt"));
	for (size_t i = 0; i < names.n; i++)
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(names.v[i], names.v[k]);
}

static void test_found_too_late(void **state)
{
	_cleanup_free_ char *path = cache_path_of(&files, "a"), *away = path_in_cache("t-files/away");
	int fd, status;
	pid_t pid;

	(void)state;
	make_sized("a", 1, 100);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	pid = fork();
	if (!pid)
		_exit(close(fd) || cache_find(&files, "a"));
	usleep(200000);
	assert_int_equal(rename(path, away), 0);
	close(fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/*
 * Whoever had the lock removed its file, and another has a new one: two must never have the same
 * key.
 */
static void test_locked_too_late(void **state)
{
	_cleanup_free_ char *path = path_in_cache("lock");
	int old = lock_take(path, "a lock", 1), new, status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (!pid)
		_exit(close(old) || lock_take(path, "a lock", 1) != -OUT_BROKEN);
	usleep(100000);
	assert_int_equal(unlink(path), 0);
	new = lock_take(path, "a lock", 1);
	assert_true(new >= 0);
	close(old);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(new);
}

/* Found whole and pinned, or not found, however many evict it. */
static void use_until(uint64_t deadline)
{
	while (now_ns() < deadline) {
		struct cache_entry *e = NULL;
		_cleanup_free_ char *file = NULL;

		if (cache_get(&folders, "a", make_folder, NULL, &e))
			_exit(1);
		file = strf("%s/file", cache_path(e));
		for (int i = 0; i < 20; i++)
			if (!path_exists(file))
				_exit(2);
		cache_release(e);
		usleep(3000);
	}
	_exit(0);
}

static void test_use_while_evicted(void **state)
{
	uint64_t deadline = now_ns() + NSEC_PER_SEC;
	pid_t users[3];
	size_t gone = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
		users[i] = fork();
		if (!users[i])
			use_until(deadline);
	}
	while (now_ns() < deadline) {
		gone += cache_collect(1, false, NULL, NULL) > 0;
		usleep(500);
	}
	for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
		int status;

		assert_int_equal(waitpid(users[i], &status, 0), users[i]);
		assert_int_equal(status, 0);
	}
	assert_true(gone > 1);
}

/* ---- damage ---- */

static void test_damaged(void **state)
{
	_cleanup_free_ char *file = NULL;
	struct cache_entry *e;
	int made = 0;

	(void)state;
	get("one");
	file = path_in_cache("t-folders/one/file");
	assert_int_equal(unlink(file), 0);
	assert_null(cache_find(&folders, "one"));
	assert_false(have("one"));
	assert_int_equal(cache_get(&folders, "one", make_folder, &made, &e), 0);
	assert_int_equal(made, 1);
	cache_release(e);
}

static void test_dropped_under_another(void **state)
{
	_cleanup_free_ char *file = NULL, *folder = path_in_cache("t-folders");
	struct cache_entry *e;
	int fd;

	(void)state;
	assert_int_equal(cache_get(&folders, "one", make_folder, NULL, &e), 0);
	file = strf("%s/file", cache_path(e));
	fd = open(file, O_RDONLY);
	cache_drop(&folders, "one");
	cache_drop(&folders, "one"); /* there is none */
	assert_false(have("one") || path_exists(file));
	assert_int_equal(names_in(&folders, NULL), 1); /* aside */
	get("one");
	cache_release(e);
	close(fd);
	assert_true(have("one"));
}

/* ---- sizes ---- */

static void test_bound_by_size(void **state)
{
	(void)state;
	make_sized("a", 24 << 10, 100);
	make_sized("b", 24 << 10, 200);
	make_sized("c", 8 << 10, 300);
	assert_int_equal(names_in(&files, NULL), 3);
	make_sized("d", 30 << 10, 400);
	assert_false(cache_exists(&files, "a"));
	assert_int_equal(names_in(&files, NULL), 3);
}

static const struct cache_use *use_of(const struct cache_use *all, size_t n,
				      const struct cache_kind *k)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(all[i].kind->folder, k->folder))
			return &all[i];
	assert_string_equal(k->folder, "a kind that is listed");
	return NULL;
}

static uint64_t bytes_of(const struct cache_kind *k, size_t entries)
{
	_cleanup_free_ struct cache_use *all = NULL;
	const struct cache_use *u;
	size_t n;

	cache_uses(&all, &n);
	u = use_of(all, n, k);
	assert_int_equal(u->entries, entries);
	return u->bytes;
}

static void test_sizes(void **state)
{
	_cleanup_free_ char *other = path_in_cache("elsewhere"), *from = cache_path_of(&files, "a");
	_cleanup_free_ char *to = path_in_cache("elsewhere/link");

	(void)state;
	assert_int_equal(bytes_of(&files, 0), 0);
	make_sized("a", 8192, 100);
	make_sized("b", 8192, 100);
	assert_int_equal(bytes_of(&files, 2), 16384);
	assert_int_equal(cache_other_bytes(), 0);
	/* as work trees share their sources */
	assert_int_equal(mkdir(other, 0755) | link(from, to), 0);
	assert_int_equal(bytes_of(&files, 2), 8192 + 4096);
	assert_true(cache_other_bytes() >= 4096);
}

struct told {
	struct strv names;
	uint64_t bytes;
};

static void tell(void *ctx, const struct cache_kind *k, const char *name, uint64_t bytes)
{
	struct told *t = ctx;

	strv_addf(&t->names, "%s/%s", k->folder, name);
	t->bytes += bytes;
}

static void forget(struct told *t)
{
	strv_free(&t->names);
	t->bytes = 0;
}

static void test_collect(void **state)
{
	_cleanup_free_ char *dead = path_in_cache("t-files/x.tmp." DEAD_PID), *lock = path_in_cache("t-files/z.lock");
	struct told t = { 0 };

	(void)state;
	make_sized("new", 8192, 3000);
	assert_true(cache_has_made());
	make_sized("old", 8192, 1000);
	get("one");
	used_at(&folders, "one", 2000);
	put(dead, 4096);
	put(lock, 0);
	for (int dry = 1; dry >= 0; dry--) {
		uint64_t room = cache_collect(9000, dry, tell, &t);

		assert_int_equal(room, t.bytes);
		assert_true(t.bytes >= 4096 + 8192 + 4096);
		assert_int_equal(t.names.n, 3);
		assert_string_equal(t.names.v[0], "t-files/x.tmp." DEAD_PID);
		assert_string_equal(t.names.v[1], "t-files/old");
		assert_string_equal(t.names.v[2], "t-folders/one");
		forget(&t);
		assert_int_equal(path_exists(dead) && path_exists(lock) && have("one"), dry);
	}
	assert_true(cache_exists(&files, "new"));
	assert_false(cache_exists(&files, "old"));
	assert_false(path_exists(dead) || path_exists(lock));
	assert_int_equal(cache_collect(9000, false, tell, &t), 0);
	assert_int_equal(t.names.n, 0);
}

/* A link that stays elsewhere: its removal makes no room. */
static void test_room_made(void **state)
{
	_cleanup_free_ char *from = cache_path_of(&files, "a"), *to = path_in_cache("kept");

	(void)state;
	make_sized("a", 8192, 100);
	assert_int_equal(link(from, to), 0);
	assert_int_equal(cache_collect(1, false, NULL, NULL), 0);
	assert_false(path_exists(from));
}

static void test_size_texts(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{ 0, "0 bytes" },	     { 1023, "1023 bytes" },
		{ 1024, "1.0 KiB" },	     { 10 << 10, "10 KiB" },
		{ (1 << 20) - 1, "1.0 MiB" }, { 1288490189, "1.2 GiB" },
		{ 1ULL << 50, "1024 TiB" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = text_bytes(cases[i].bytes);

		assert_string_equal(text, cases[i].text);
	}
}

/* ---- small answers ---- */

static void test_remember(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };

	(void)state;
	assert_false(cache_recall(&files, "q", &b));
	cache_remember(&files, "q", "yes", 3);
	assert_true(cache_recall(&files, "q", &b));
	assert_string_equal(buf_str(&b), "yes");
	cache_remember(&files, "q", "", 0);
	buf_free(&b);
	assert_true(cache_recall(&files, "q", &b));
	assert_int_equal(b.len, 0);
}

/* ---- the lab's ---- */

static void test_the_labs_bounds(void **state)
{
	static const struct {
		const char *folder;
		unsigned int keep;
	} bounds[] = { { "kernels", 400 }, { "golden", 4 }, { "disks", 4 }, { "states", 8 } };
	_cleanup_free_ struct cache_use *all = NULL;
	size_t n;

	(void)state;
	cache_uses(&all, &n);
	for (size_t i = 0; i < ARRAY_SIZE(bounds); i++) {
		const struct cache_kind k = { .folder = bounds[i].folder };

		assert_int_equal(use_of(all, n, &k)->kind->keep_entries, bounds[i].keep);
	}
	for (size_t i = 0; i < n; i++) /* none grows for ever */
		assert_true(all[i].kind->keep_entries || all[i].kind->keep_bytes);
}

static int save_nothing(struct lab *lab, const char *dir)
{
	_cleanup_free_ char *memory = strf("%s/memory", dir);

	(void)lab;
	put(memory, 1);
	return 0;
}

static void save_another(struct lab *lab, unsigned int i)
{
	_cleanup_free_ char *key = strf("%064u", i), *name = strf("%.4u-of-another-lab", i);

	memcpy(key, name, strlen(name));
	assert_int_equal(state_save(lab, key, false), 0);
}

/* While it goes on, another lab saves more states than are kept. */
static int restore_slowly(struct lab *lab, const char *dir)
{
	_cleanup_free_ char *memory = strf("%s/memory", dir);

	for (unsigned int i = 0; i < 10; i++)
		save_another(lab, i);
	return path_exists(memory) ? 0 : fail(OUT_BROKEN, "the state is gone while it is restored");
}

static void test_state_in_use(void **state)
{
	static const struct lab_backend backend = { .save = save_nothing,
						    .restore = restore_slowly };
	struct lab lab = { .backend = &backend, .run_dir = top };
	static const char key[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	const struct cache_kind states = { .folder = "states" };

	(void)state;
	assert_int_equal(state_save(&lab, key, false), 0);
	used_at(&states, "0123456789abcdef", 100);
	assert_true(state_exists(key));
	assert_int_equal(state_restore(&lab, key), 0);
	assert_int_equal(names_in(&states, NULL), 8);
	state_drop(key);
	assert_false(state_exists(key));
	assert_int_equal(state_restore(&lab, key), -OUT_BROKEN);
	fail_clear();
}

static int restore_nothing(struct lab *lab, const char *dir)
{
	(void)lab;
	(void)dir;
	return 0;
}

static int mount_over(const char *lower)
{
	_cleanup_free_ char *layers = strf("%s/layers", top), *up = strf("%s/up", layers);
	_cleanup_free_ char *work = strf("%s/work", layers);
	_cleanup_free_ char *how = strf("lowerdir=%s,upperdir=%s,workdir=%s", lower, up, work);

	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mkdir_p(layers) || mount("none", layers, "tmpfs", 0, NULL) || mkdir_p(up) || mkdir_p(work))
		return -1;
	return mount("overlay", lower, "overlay", 0, how);
}

/*
 * In a process of its own, whose mounts end with it: 0: it is gone; 1: it is there; 2: no overlays
 * here.
 */
static int drop_in_overlay(const char *folder, const char *key)
{
	pid_t pid = fork();
	int status = 0;

	if (!pid) {
		if (mount_over(folder))
			_exit(2);
		cache_drop(&folders, key);
		_exit(cache_exists(&folders, key));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

/* It stayed, half of one, and what was made in its place was not found for it. */
static void test_dropped_from_a_lower_layer(void **state)
{
	_cleanup_free_ char *folder = strf("%s/t-folders", top), *entry = strf("%s/one", folder);
	_cleanup_free_ char *file = strf("%s/file", entry);
	int ret;

	(void)state;
	assert_int_equal(mkdir_p(entry), 0);
	put(file, 1);
	ret = drop_in_overlay(folder, "one");
	if (ret == 2)
		skip();
	assert_int_equal(ret, 0);
	assert_true(path_exists(file)); /* the layer itself stays */
}

/* L1 went on with it, and died of it. Its size and time are as they were. */
static void test_state_that_is_damaged(void **state)
{
	static const struct lab_backend backend = { .save = save_nothing,
						    .restore = restore_nothing };
	struct lab lab = { .backend = &backend, .run_dir = top };
	static const char key[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	_cleanup_free_ char *memory = strf("%s/states/0123456789abcdef/memory", top);

	(void)state;
	assert_int_equal(state_save(&lab, key, false), 0);
	assert_int_equal(state_restore(&lab, key), 0);
	assert_int_equal(file_write(memory, "x", 1, 0600), 0);
	assert_int_equal(state_restore(&lab, key), -OUT_BROKEN);
	assert_non_null(strstr(fail_text(), "is damaged"));
	fail_clear();
}

#define FRESH(t) cmocka_unit_test_setup(t, empty_top)

/* A change's lab is saved when it is booted the second time; the reference's at once. */
static void test_saved_when_it_comes_again(void **state)
{
	static const char key[] = "0123456789abcdef0", other[] = "1123456789abcdef0";
	struct patches change = { .n = 1 }, none = { 0 };
	struct plan plan = { .knobs.save_lab = SAVE_LAB_IN_TIME };
	const struct lab lab = { .plan = &plan };

	(void)state;
	plan.kernel.role[KERNEL_HOST].change = &none;
	assert_true(state_is_wanted(&lab, key));
	plan.kernel.role[KERNEL_GUEST].change = &change;
	assert_false(state_is_wanted(&lab, key));
	assert_false(state_is_wanted(&lab, other));
	assert_true(state_is_wanted(&lab, key));
	assert_true(state_is_wanted(&lab, other));
	empty_top(NULL);
	assert_false(state_is_wanted(&lab, key));
	plan.knobs.save_lab = SAVE_LAB_AT_ONCE;
	assert_true(state_is_wanted(&lab, other));
}

/* ---- to another machine ---- */

static const struct cache_kind own = { .folder = "t-own", .suffix = "", .what = "of this machine", .keep_entries = 10, .local = true };
CACHE_KIND(own);

static char *in_top_of(const char *name)
{
	return strf("%s-%s", top, name);
}

/* Two kinds, a key that is half of an entry, and what means nothing elsewhere. */
static void fill_cache(void)
{
	size_t len = 100;
	struct cache_entry *e = NULL;
	_cleanup_free_ char *half = NULL, *key = path_in_cache("ssh/id_ed25519.pub"), *dir = path_in_cache("ssh");

	assert_int_equal(mkdir(dir, 0700), 0);
	put(key, 7);
	get("one");
	get("two");
	assert_int_equal(cache_put(&files, "text", make_file, &len, &e), 0);
	cache_release(e);
	cache_remember(&own, "here", "1", 1);
	half = cache_path_of(&folders, "half");
	assert_int_equal(mkdir(half, 0700), 0);
}

static void export_all(const char *archive)
{
	struct cache_moved moved;
	struct stat st;

	assert_int_equal(cache_export(archive, 0, &moved), 0);
	assert_int_equal(moved.entries, 3);
	assert_int_equal(names_in(&folders, ".lock"), 0);
	assert_int_equal(stat(archive, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_moved(void **state)
{
	_cleanup_free_ char *archive = in_top_of("a:b.tar.lz4"), *key = path_in_cache("ssh/id_ed25519.pub");
	struct cache_moved moved;

	(void)state;
	fill_cache();
	export_all(archive);
	empty_top(NULL);
	get("one"); /* made here: it stays */
	used_at(&folders, "one", 1000);
	assert_int_equal(cache_import(archive, &moved), 0);
	assert_int_equal(moved.entries, 2);
	assert_int_equal(moved.passed, 1);
	assert_true(path_exists(key));
	assert_true(cache_exists(&folders, "two") && cache_exists(&files, "text"));
	assert_false(cache_exists(&folders, "half") || cache_exists(&own, "here"));
	assert_int_equal(names_in(&cache_stage, NULL), 0);
	assert_int_equal(cache_import(archive, &moved), 0);
	assert_int_equal(moved.entries, 0);
	unlink(archive);
}

static void test_only_what_was_used(void **state)
{
	_cleanup_free_ char *archive = in_top_of("new.tar.lz4");
	struct cache_moved moved;

	(void)state;
	get("one");
	get("two");
	used_at(&folders, "one", time(NULL) - 3 * 86400);
	assert_int_equal(cache_export(archive, 2, &moved), 0);
	assert_int_equal(moved.entries, 1);
	used_at(&folders, "two", time(NULL) - 3 * 86400);
	assert_int_equal(cache_export(archive, 2, &moved), -OUT_USAGE);
	unlink(archive);
}

/* A file of something else, one that is cut off, and one that climbs. */
static void test_no_archive(void **state)
{
	_cleanup_free_ char *path = in_top_of("bad"), *cut = strf("head -c 60 %s >%s.cut && mv %s.cut %s", path, path, path, path);
	_cleanup_free_ char *other = strf("tar -C / -c --use-compress-program=lz4 -f %s etc/hostname", path);
	_cleanup_free_ char *climbs = strf("cd %s && tar -c -P --use-compress-program=lz4 -f %s ../../etc/hostname", top, path);
	struct cache_moved moved;

	(void)state;
	put(path, 100);
	assert_int_equal(cache_import(path, &moved), -OUT_BROKEN);
	assert_int_equal(system(other), 0);
	assert_int_equal(cache_import(path, &moved), -OUT_USAGE);
	assert_int_equal(system(cut), 0);
	assert_int_equal(cache_import(path, &moved), -OUT_BROKEN);
	assert_int_equal(system(climbs), 0);
	assert_true(cache_import(path, &moved) < 0);
	assert_int_equal(names_in(&cache_stage, NULL), 0);
	unlink(path);
	assert_int_equal(cache_import(path, &moved), -OUT_BROKEN);
}

/* As somebody who is not root, where we are. */
static int remove_as_user(const char *dir)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid)
		_exit((!geteuid() && setresuid(65534, 65534, 65534)) || rm_rf(dir));
	waitpid(pid, &status, 0);
	return status;
}

/* Overlayfs leaves a closed folder in another; a stranger's makefile, what it likes. */
static void test_closed_folders(void **state)
{
	_cleanup_free_ char *dir = in_top_of("closed");
	_cleanup_free_ char *make = strf("cd %s && mkdir -p %s/a/b %s/c && touch %s/c/file && chmod 0 %s/a/b %s/a && chmod 500 %s/c && if test `id -u` = 0; then chown -R 65534 %s; chmod 777 .; fi", top, dir, dir, dir, dir, dir, dir, dir);

	(void)state;
	assert_int_equal(system(make), 0);
	assert_int_equal(remove_as_user(dir), 0);
	assert_false(path_exists(dir));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FRESH(test_find_and_make),
		FRESH(test_used),
		FRESH(test_file_kind),
		FRESH(test_what_fails_leaves_nothing),
		FRESH(test_two_makers),
		FRESH(test_failed_maker),
		FRESH(test_killed_maker),
		FRESH(test_put_waits_for_nobody),
		FRESH(test_put_beside_another),
		FRESH(test_saved_when_it_comes_again),
		FRESH(test_moved),
		FRESH(test_only_what_was_used),
		FRESH(test_no_archive),
		FRESH(test_sweep),
		FRESH(test_next_maker_sweeps),
		FRESH(test_bounds),
		FRESH(test_pinned),
		FRESH(test_held),
		FRESH(test_locked),
		FRESH(test_found_too_late),
		FRESH(test_locked_too_late),
		FRESH(test_use_while_evicted),
		FRESH(test_damaged),
		FRESH(test_dropped_under_another),
		FRESH(test_bound_by_size),
		FRESH(test_sizes),
		FRESH(test_collect),
		FRESH(test_room_made),
		FRESH(test_size_texts),
		FRESH(test_remember),
		FRESH(test_the_labs_bounds),
		FRESH(test_state_in_use),
		FRESH(test_state_that_is_damaged),
		FRESH(test_dropped_from_a_lower_layer),
		FRESH(test_closed_folders),
	};

	return cmocka_run_group_tests(tests, make_top, remove_top);
}
