// SPDX-License-Identifier: GPL-2.0-only
#include "replay/again.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "machine/bochs/bochs.h"

#define LOOK_MS 100
#define STILL_S 60 /* with no entry more, before slowdown; one that runs writes some each second */

/* Names in path_run(). */
#define INPUT "replay-input"
#define OUTPUT "replay-output"
#define BOCHS_LOG "replay-bochs.log"
#define CONSOLE_LOG "replay-console.log"

/*
 * Bochs refuses a disk that is not as old as when its state was saved; the lab's has this time. Of
 * all else in the cache the time says when it was used, and what was not for longest goes.
 */
static void keep_time(const char *disk)
{
	const struct timespec same[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = 1000000000 } };

	utimensat(AT_FDCWD, disk, same, 0);
}

static char *here(const char *name)
{
	return strf("%s/%s", path_run(), name);
}

/* Under the name that Bochs knows it by. */
static int lay_out(const struct record *r, const struct record_part *p, const char *folder)
{
	_cleanup_free_ char *path = NULL, *link = here(p->as);
	int ret = record_find(r, p->as, folder, &path);

	/* Bochs looks for its BIOS where it is installed. */
	if (ret || p->as[0] == '/')
		return ret;
	if (!strcmp(p->as, RECORD_DISK))
		keep_time(path);
	return symlink(path, link) ? fail(OUT_BROKEN, "can't make the link %s: %m", link) : 0;
}

static void take_away(const struct record *r)
{
	static const char *const own[] = { INPUT, OUTPUT, BOCHS_LOG, CONSOLE_LOG };

	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		_cleanup_free_ char *path = here(own[i]);

		unlink(path);
	}
	for (size_t i = 0; i < r->n_parts; i++) {
		_cleanup_free_ char *link = here(r->parts[i].as);

		if (r->parts[i].as[0] != '/')
			unlink(link);
	}
}

static int lay_out_all(const struct record *r, const struct log *was, const char *folder)
{
	_cleanup_free_ char *input = here(INPUT);
	int ret = 0;

	for (size_t i = 0; !ret && i < r->n_parts; i++)
		ret = lay_out(r, &r->parts[i], folder);
	if (!ret && file_write(input, was->bytes.data, was->n * sizeof(struct log_entry), 0600))
		ret = fail(OUT_BROKEN, "can't write %s", input);
	return ret;
}

/* ---- comparing ---- */

struct comparing {
	struct level level;
	const struct log *was;
	struct log now;
	struct again *again;
	char *output;
	const struct again_visitor *visitor; /* until it has left, or NULL */
	bool came;
};

/* What there is by now. True: it is decided. */
static bool compare(struct comparing *c)
{
	struct again *a = c->again;

	if (a->difference)
		return true;
	log_free(&c->now);
	if (log_read(c->output, &c->now))
		return false;
	a->same = log_first_difference(c->was, &c->now, a->same);
	if (a->same < c->was->n && a->same < c->now.n)
		a->difference =
			log_tell_difference(log_at(c->was, a->same), log_at(&c->now, a->same));
	return a->difference || a->same == c->was->n;
}

/* It ended by itself: as it did then, or too early. */
static int end(struct comparing *c, int ret)
{
	struct again *a = c->again;

	if (ret == -OUT_INTERRUPTED || compare(c))
		return ret == -OUT_INTERRUPTED ? ret : 0;
	if (!a->same)
		return fail(OUT_BROKEN, "the replay did not begin: %s", c->level.end_text ? c->level.end_text : fail_text());
	a->difference = strf("the replay ended behind tick %" PRIu64 ", the run went on", log_tick(log_at(c->was, a->same - 1)));
	return 0;
}

static int look_for_visitor(struct comparing *c)
{
	const struct again_visitor *v = c->visitor;
	_cleanup_free_ char *socket = v ? here(v->socket) : NULL;

	/* It may have gone back, and what was the same once was written anew. */
	if (v && c->came && v->has_left(v->ctx)) {
		c->visitor = NULL;
		c->again->same = 0;
	}
	if (!v || c->came || !path_exists(socket))
		return 0;
	c->came = true;
	return v->come(v->ctx);
}

/* A kernel that dies did so then, too: the record goes on as long as that Bochs did. */
static int step(struct comparing *c)
{
	int ret = level_step(&c->level, LOOK_MS);

	if (ret != -OUT_CRASH || c->level.stopped)
		return ret;
	fail_clear();
	return 0;
}

/* gdb may stop it for as long as it likes. */
static int follow(struct comparing *c)
{
	uint64_t moved = now_ns();
	size_t n = 0;
	int ret = 0, seen;

	while (!ret && (!compare(c) || c->visitor)) {
		if (c->now.n > n || c->visitor)
			moved = now_ns();
		n = c->now.n;
		if (now_ns() - moved > level_ms(&c->level, STILL_S) * NSEC_PER_MSEC)
			return fail(OUT_BROKEN, "the replay stands still behind entry %zu of %zu", n, c->was->n);
		seen = look_for_visitor(c);
		if (seen)
			return seen;
		ret = step(c);
	}
	return ret ? end(c, ret) : 0;
}

/* ---- the machine ---- */

static int start(const struct record *r, const char *program, struct comparing *c)
{
	const struct again_visitor *v = c->visitor;
	_cleanup_free_ char *input = here(INPUT), *log = here(BOCHS_LOG);
	_cleanup_free_ char *console = here(CONSOLE_LOG), *state = here(RECORD_STATE);
	const struct bochs_wires wires = {
		.log = log, .console_log = console, .record = c->output, .replay = input,
		.gdb = v ? v->socket : NULL, .gdb_tick = v ? v->tick : NULL
	};
	const struct bochs_spec spec = { .program = program,
					 .rc = r->rc,
					 .state = r->restored ? state : NULL,
					 .console = r->console,
					 .seed = r->seed };

	return bochs_start(&c->level, &spec, &wires);
}

static int run(const struct record *r, const char *program, uint32_t slowdown,
	       struct comparing *c)
{
	uint64_t begin = now_ns();
	int ret;

	level_init(&c->level, 1, NULL, slowdown);
	ret = start(r, program, c);
	if (!ret)
		ret = follow(c);
	c->again->seconds = (double)(now_ns() - begin) / 1e9;
	level_power_off(&c->level);
	level_detach(&c->level);
	return ret;
}

int again_run(const struct record *r, const struct log *was, const char *folder, uint32_t slowdown,
	      const struct again_visitor *v, struct again *a)
{
	_cleanup_free_ char *program = NULL;
	struct comparing c = { .was = was, .again = a, .output = here(OUTPUT), .visitor = v };
	int ret = mkdir_p(path_run()) ? fail(OUT_BROKEN, "can't make %s", path_run()) : 0;

	*a = (struct again){ 0 };
	if (!ret)
		ret = record_find(r, RECORD_PROGRAM, NULL, &program);
	take_away(r);
	if (!ret)
		ret = lay_out_all(r, was, folder);
	if (!ret)
		ret = run(r, program, slowdown, &c);
	log_free(&c.now);
	free(c.output);
	take_away(r);
	return ret;
}
