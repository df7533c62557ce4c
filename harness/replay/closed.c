// SPDX-License-Identifier: GPL-2.0-only
#include "replay/closed.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "core/outcome.h"
#include "machine/bochs/bochs.h"
#include "replay/log.h"

#define INPUT "closed-input" /* in its folder */
#define SESSION 0x5eed0000 /* even: of the first seat, which is the harness's */
#define LOOK_MS 10

/* ---- the line: all that is asked before the run begins is its input ---- */

static int ask(void *ctx, const void *data, size_t len)
{
	struct closed *c = ctx;
	const uint8_t *bytes = data;

	/* What is sent later (a program past its deadline is killed) has no one to hear it. */
	for (size_t i = 0; !c->record && i < len; i++)
		log_add_input(&c->asked, bytes[i]);
	return 0;
}

/* Exactly until the program's end: what comes then is not the same each time. */
static void take_entry(struct closed *c, const struct log_entry *e)
{
	const uint8_t byte = (uint8_t)e->what;

	c->sum = e->sum;
	c->at += sizeof(*e);
	if (log_kind(e) == LOG_OUT)
		channel_feed(c->level.channel, &byte, 1);
}

static void take_output(struct closed *c)
{
	struct log_entry e[256];
	ssize_t n;

	if (c->fd < 0)
		c->fd = open(c->record, O_RDONLY | O_CLOEXEC);
	while (c->fd >= 0 && !c->until->done) {
		size_t i = 0, whole;

		n = pread(c->fd, e, sizeof(e), (off_t)c->at);
		whole = n > 0 ? (size_t)n / sizeof(*e) : 0;

		while (i < whole && !c->until->done && log_follows(&e[i], c->sum))
			take_entry(c, &e[i++]);
		if (i < ARRAY_SIZE(e))
			return;
	}
}

static int step(void *ctx, unsigned int timeout_ms)
{
	struct closed *c = ctx;
	int ret = level_step(&c->level, timeout_ms < LOOK_MS ? timeout_ms : LOOK_MS);

	take_output(c);
	return ret;
}

void closed_init(struct closed *c, uint32_t slowdown)
{
	const struct channel_transport t = { .send = ask, .step = step, .ctx = c };

	*c = (struct closed){ .fd = -1, .sum = LOG_NOTHING_SUM };
	level_init(&c->level, 1, NULL, slowdown);
	c->level.channel = channel_new("L1's agent", &t);
	channel_begin(c->level.channel, SESSION);
}

/* ---- the run ---- */

int closed_start(struct closed *c, const struct bochs_spec *spec, const struct closed_files *files,
		 const struct channel_status *until, unsigned int deadline_s)
{
	_cleanup_free_ char *input = strf("%s/" INPUT, spec->folder);
	const struct bochs_wires wires = { .log = files->log, .console_log = files->console_log,
					   .record = files->record, .replay = input };

	if (file_write(input, c->asked.data, c->asked.len, 0600))
		return fail(OUT_BROKEN, "can't write %s", input);
	c->record = files->record;
	c->until = until;
	c->deadline = now_ns() + level_ms(&c->level, deadline_s) * NSEC_PER_MSEC;
	return bochs_start(&c->level, spec, &wires);
}

int closed_step(struct closed *c)
{
	int ret = step(c, LOOK_MS);

	if (c->until->done || (!ret && now_ns() > c->deadline))
		ret = 1;
	if (!ret)
		return 0;
	level_step(&c->level, 0); /* what its console said meanwhile */
	level_power_off(&c->level);
	return ret;
}

void closed_free(struct closed *c)
{
	level_detach(&c->level);
	buf_free(&c->asked);
	close_p(&c->fd);
}
