// SPDX-License-Identifier: GPL-2.0-only
#include "machine/libvirt/plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/cache.h"
#include "core/hash.h"
#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "core/util.h"
#include "machine/libvirt/daemon.h"
#include "machine/libvirt/qemu_program.h"

#define TRY_S 20

static char *object_path(const struct lane *lane)
{
	_cleanup_free_ char *relative = strf("build/tcg-plugin/%s.so", lane->plugin);

	return path_in_root(relative);
}

/* "-plugin" takes a list of options: a comma in a path is written twice. */
static void add_value(struct buf *b, const char *key, const char *value)
{
	buf_puts(b, key);
	for (const char *p = value; *p; p++) {
		if (*p == ',')
			buf_add(b, p, 1);
		buf_add(b, p, 1);
	}
}

static char *make_option(const char *object, const char *path)
{
	_cleanup_buf_ struct buf b = { 0 };

	add_value(&b, "file=", object);
	add_value(&b, ",counters=", path);
	return xstrdup(buf_str(&b));
}

/* -- the file -- */

static int write_head(int fd)
{
	const struct counters head = { .magic = COUNTERS_MAGIC, .version = COUNTERS_VERSION };

	return write(fd, &head, offsetof(struct counters, cpu)) < 0 || ftruncate(fd, sizeof(head));
}

/* Never an old one, which an earlier QEMU may still have open; nor one that somebody put there. */
static struct counters *make_counters(const char *path)
{
	struct counters *map;
	int fd;

	unlink(path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || write_head(fd)) {
		fail(OUT_BROKEN, "can't make the emulator's file of counters %s: %s", path,
		     strerror(errno));
		close_p(&fd);
		return NULL;
	}
	map = mmap(NULL, sizeof(*map), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close_p(&fd);
	if (map != MAP_FAILED)
		return map;
	fail(OUT_BROKEN, "can't map the emulator's file of counters %s: %s", path, strerror(errno));
	return NULL;
}

static void unmap(struct plugin *p)
{
	if (p->map)
		munmap(p->map, sizeof(*p->map));
	p->map = NULL;
}

int plugin_renew(struct plugin *p)
{
	unmap(p);
	if (!p->option)
		return 0;
	p->map = make_counters(p->path);
	return p->map ? 0 : -OUT_BROKEN;
}

const struct counters *plugin_counters(const struct plugin *p)
{
	if (!p->map || !__atomic_load_n(&p->map->generation, __ATOMIC_ACQUIRE))
		return NULL;
	return p->map;
}

void plugin_stop_cpus(struct plugin *p, uint64_t from, uint64_t to)
{
	struct counters_stops *s = p->map ? &p->map->stops : NULL;
	bool wanted = from < to;

	if (!s)
		return;
	if (wanted) {
		__atomic_store_n(&s->from, from, __ATOMIC_RELAXED);
		__atomic_store_n(&s->to, to, __ATOMIC_RELAXED);
		p->asked++;
	}
	__atomic_store_n(&s->wanted, wanted ? p->asked : 0, __ATOMIC_RELEASE);
}

/* -- does QEMU take it? -- */

static const char *last_line(struct buf *b)
{
	char *text = b->len ? str_strip(b->data) : NULL, *line = text ? strrchr(text, '\n') : NULL;

	return !text ? "it said nothing" : line ? line + 1 : text;
}

/* A machine of nothing, which is told to quit at once. */
static int run_qemu(const char *program, const char *option, struct buf *said)
{
	char *const argv[] = { (char *)"sh",
			       (char *)"-c",
			       (char *)"exec \"$0\" \"$@\" 2>&1",
			       (char *)program,
			       (char *)"-machine",
			       (char *)"none",
			       (char *)"-accel",
			       (char *)"tcg",
			       (char *)"-nodefaults",
			       (char *)"-display",
			       (char *)"none",
			       (char *)"-S",
			       (char *)"-monitor",
			       (char *)"stdio",
			       (char *)"-plugin",
			       (char *)option,
			       NULL };
	struct proc p = { .what = "trying QEMU's plugin",
			  .argv = argv,
			  .input = "quit\n",
			  .out = said,
			  .deadline_s = TRY_S };

	return proc_run(&p);
}

static bool try_it(const char *program, const char *object, char **why)
{
	_cleanup_free_ char *path = strf("%s/try-%d.counters", path_run(), (int)getpid());
	_cleanup_free_ char *option = make_option(object, path);
	_cleanup_buf_ struct buf said = { 0 };
	struct plugin p = { .option = option, .path = path };
	bool ok;

	if (mkdir_p(path_run()) || plugin_renew(&p)) {
		*why = strf("no counters can be made in %s", path_run());
		return false;
	}
	ok = !run_qemu(program, option, &said) && plugin_counters(&p);
	*why = ok ? xstrdup("QEMU takes it") : strf("QEMU does not take it: %s", last_line(&said));
	unmap(&p);
	unlink(path);
	return ok;
}

bool plugin_usable(const struct lane *lane, char **why)
{
	_cleanup_free_ char *object = NULL;

	if (!lane->plugin) {
		*why = strf("lane %s has no emulator that could count", lane->name);
		return false;
	}
	object = object_path(lane);
	if (!path_exists(object)) {
		*why = strf("%s is not there (make build)", object);
		return false;
	}
	return try_it(qemu_program(lane), object, why);
}

/* -- remembered: trying costs a start of QEMU -- */

static const struct cache_kind usable = {
	.folder = "plugins", .suffix = "", .what = "plugins that QEMU takes", .keep_entries = 200, .local = true,
};
CACHE_KIND(usable);

static bool memory_key(const struct lane *lane, char *hex)
{
	_cleanup_free_ char *object = object_path(lane);
	struct hash *h = hash_new("plugin-1");
	bool bad = hash_add_file(h, "qemu", qemu_program(lane)) || hash_add_file(h, "plugin", object);

	hash_hex(h, hex);
	if (bad)
		fail_clear();
	return !bad;
}

static bool usable_by_memory(const struct lane *lane, char **why)
{
	_cleanup_buf_ struct buf nothing = { 0 };
	char key[HASH_HEX_LEN + 1];
	bool known = lane->plugin && memory_key(lane, key);

	if (known && cache_recall(&usable, key, &nothing))
		return true;
	if (!plugin_usable(lane, why)) {
		fail_clear();
		return false;
	}
	if (known)
		cache_remember(&usable, key, "", 0);
	return true;
}

void plugin_open(struct plugin *p, const struct lane *lane)
{
	_cleanup_free_ char *object = NULL, *why = NULL;

	*p = (struct plugin){ 0 };
	/* Its confinement and its user's rights are not ours to know: L1 might not start at all. */
	if (lane->plugin && !daemon_is_private()) {
		p->missing = xstrdup("the emulator's counters are missing: LIBVIRT_DEFAULT_URI is "
				     "set, and that libvirt's QEMU may not be allowed to load a "
				     "plugin");
		return;
	}
	if (!usable_by_memory(lane, &why)) {
		p->missing = strf("the emulator's counters are missing: %s", why);
		return;
	}
	object = object_path(lane);
	p->path = strf("%s/l1.counters", path_run());
	p->option = make_option(object, p->path);
}

void plugin_close(struct plugin *p)
{
	unmap(p);
	free(p->option);
	free(p->path);
	free(p->missing);
	*p = (struct plugin){ 0 };
}
