// SPDX-License-Identifier: GPL-2.0-only
/*
 * L1's ftrace, streamed: all of it to trace.txt, whose lines' numbers go on in each life of the
 * lab. The stream is cut for a test by markers: one before it, one behind it, which is waited for.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/proc.h"
#include "run/observer.h"

#define TRACEFS "/sys/kernel/tracing/"
#define CALL_S 5
#define MARK_TRIES 5

struct tracer {
	int fd; /* trace.txt */
	struct trace_stream *stream; /* NULL: no life has begun */
	struct channel_status status; /* of the reader in L1 */
	uint32_t id;
	char *name; /* of the test whose cut is open; NULL: none */
	char nonce[24];
	unsigned int cuts;
	bool in_line; /* the text so far does not end with a line's end */
};

static void take(struct tracer *t, const void *data, size_t len)
{
	if (t->fd >= 0 && write(t->fd, data, len) < 0)
		close_p(&t->fd);
	trace_stream_feed(t->stream, data, len);
	if (len)
		t->in_line = ((const char *)data)[len - 1] != '\n';
}

static void on_output(void *ctx, enum channel_stream s, uint64_t level_ns, const void *data,
		      size_t len)
{
	struct tracer *t = ctx;

	(void)level_ns;
	if (s == CHANNEL_STDOUT)
		take(t, data, len);
}

static int put(struct run *r, const char *file, const char *text)
{
	_cleanup_free_ char *path = strf(TRACEFS "%s", file);
	struct level *l1 = &r->lab->levels[L1];

	return channel_write(l1->channel, path, text, strlen(text), level_ms(l1, CALL_S));
}

/* The same clock as the agent's times, and room for a burst of calls. */
static int set_up(struct run *r)
{
	static const char *const settings[][2] = {
		{ "trace_clock", "mono\n" },
		{ "buffer_size_kb", "4096\n" },
		{ "tracing_on", "1\n" },
	};
	int ret = 0;

	for (size_t i = 0; !ret && i < ARRAY_SIZE(settings); i++)
		ret = put(r, settings[i][0], settings[i][1]);
	return ret ? fail_prefix("setting up L1's ftrace") : 0;
}

static int open_trace(const struct run *r, struct tracer *t)
{
	_cleanup_free_ char *path = strf("%s/trace.txt", r->dir);

	t->stream = trace_stream_new();
	t->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	return t->fd < 0 ? fail(OUT_BROKEN, "can't write %s: %s", path, strerror(errno)) : 0;
}

/* Behind the last words of an L1 that is gone. Its reader went with the channel. */
static int go_on(struct tracer *t)
{
	static const char text[] = "\n# nestlab: the lab was lost, and came up again\n";

	take(t, text + !t->in_line, strlen(text) - !t->in_line);
	t->id = 0;
	return 0;
}

static int begin_life(struct run *r, void *state)
{
	/*
	 * Not cat: busybox's splices, and holds the pipe that the agent reads locked while it waits
	 * for the trace. Again and again: Linux 6.1 ends the file for a reader that waits while a
	 * test switches the tracing off.
	 */
	char *const argv[] = { (char *)"/bin/sh", (char *)"-c",
			       (char *)"while dd if=" TRACEFS "trace_pipe bs=64k; do :; done", NULL };
	struct tracer *t = state;
	int ret = t->stream ? go_on(t) : open_trace(r, t);
	struct channel_exec e = { .argv = argv, .on_output = on_output, .ctx = t };

	if (!ret)
		ret = set_up(r);
	return ret ? ret : channel_start(r->lab->levels[L1].channel, &e, &t->status, &t->id);
}

static void stop(struct run *r, void *state)
{
	struct tracer *t = state;

	if (!t->stream)
		return;
	if (t->id && r->lab->levels[L1].channel) {
		if (!t->status.done)
			channel_kill(r->lab->levels[L1].channel, t->id, SIGKILL);
		channel_forget(r->lab->levels[L1].channel, t->id);
	}
	close_p(&t->fd);
	trace_stream_free(t->stream);
	free(t->name);
}

/*
 * A test may have switched it off, and died; and the ring buffer refuses a write now and then where
 * that was done (EBADF). An L1 that does not answer is not asked again.
 */
static int mark(struct run *r, const struct tracer *t, bool end)
{
	_cleanup_free_ char *text = trace_marker(end, t->name, t->nonce);
	int ret, tries = 0;

	do {
		ret = put(r, "tracing_on", "1\n");
		if (!ret)
			ret = put(r, "trace_marker", text);
	} while (ret && ++tries < MARK_TRIES && !proc_interrupted() &&
		 !channel_is_late(r->lab->levels[L1].channel));
	return ret;
}

static int begin_cut(const struct watch *w, void *state)
{
	const struct assignment *a = w->evidence->assignment;
	struct tracer *t = state;

	str_set(&t->name, w->test->name);
	snprintf(t->nonce, sizeof(t->nonce), "%08x-%u", (uint32_t)(now_ns() >> 10), ++t->cuts);
	trace_cut(t->stream, a ? a->trace : NULL, t->name, t->nonce);
	return mark(w->run, t, false);
}

static int end_cut(const struct watch *w, void *state)
{
	struct level *l1 = &w->run->lab->levels[L1];
	struct tracer *t = state;
	uint64_t deadline = now_ns() + level_ms(l1, CALL_S) * NSEC_PER_MSEC;
	int ret = mark(w->run, t, true);

	while (!ret && trace_cut_state(t->stream) != CUT_COMPLETE && now_ns() < deadline)
		ret = level_step(l1, 20);
	trace_take(t->stream, &w->evidence->trace);
	return ret;
}

static bool is_wanted(const struct run *r, const struct testcase *t)
{
	(void)r;
	return t->wants_trace;
}

static const struct observer tracer = {
	.name = "L1's ftrace",
	.order = 20,
	.state = sizeof(struct tracer),
	.wants = is_wanted,
	.life = begin_life,
	.before = begin_cut,
	.after = end_cut,
	.end = stop,
};
OBSERVER(tracer);
