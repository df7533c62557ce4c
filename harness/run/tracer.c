// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/proc.h"
#include "run/run.h"

#define TRACEFS "/sys/kernel/tracing/"
#define CALL_S 5
#define MARK_TRIES 5

struct tracer {
	int fd; /* trace.txt */
	struct trace_stream *stream;
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
	struct level *l1 = &r->lab->l1;

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

static int open_trace(struct run *r)
{
	_cleanup_free_ char *path = strf("%s/trace.txt", r->dir);
	struct tracer *t = xcalloc(1, sizeof(*t));

	r->tracer = t;
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

int tracer_start(struct run *r)
{
	/*
	 * Not cat: busybox's splices, and holds the pipe that the agent reads locked while it waits
	 * for the trace.
	 */
	char *const argv[] = { (char *)"/bin/dd", (char *)"if=" TRACEFS "trace_pipe",
			       (char *)"bs=64k", NULL };
	int ret = r->tracer ? go_on(r->tracer) : open_trace(r);
	struct tracer *t = r->tracer;
	struct channel_exec e = { .argv = argv, .on_output = on_output, .ctx = t };

	if (!ret)
		ret = set_up(r);
	return ret ? ret : channel_start(r->lab->l1.channel, &e, &t->status, &t->id);
}

void tracer_stop(struct run *r)
{
	struct tracer *t = r->tracer;

	if (!t)
		return;
	if (t->id && r->lab->l1.channel) {
		if (!t->status.done)
			channel_kill(r->lab->l1.channel, t->id, SIGKILL);
		channel_forget(r->lab->l1.channel, t->id);
	}
	close_p(&t->fd);
	trace_stream_free(t->stream);
	free(t->name);
	free(t);
	r->tracer = NULL;
}

/*
 * A test may have switched it off, and died; and the ring buffer refuses a write now and then where
 * that was done (EBADF). An L1 that does not answer is not asked again.
 */
static int mark(struct run *r, bool end)
{
	struct tracer *t = r->tracer;
	_cleanup_free_ char *text = trace_marker(end, t->name, t->nonce);
	int ret, tries = 0;

	do {
		ret = put(r, "tracing_on", "1\n");
		if (!ret)
			ret = put(r, "trace_marker", text);
	} while (ret && ++tries < MARK_TRIES && !proc_interrupted() &&
		 !channel_is_late(r->lab->l1.channel));
	return ret;
}

int tracer_begin(struct run *r, const struct testcase *tc, const struct assignment *a)
{
	struct tracer *t = r->tracer;

	str_set(&t->name, tc->name);
	snprintf(t->nonce, sizeof(t->nonce), "%08x-%u", (uint32_t)(now_ns() >> 10), ++t->cuts);
	trace_cut(t->stream, a ? a->trace : NULL, t->name, t->nonce);
	return mark(r, false);
}

int tracer_end(struct run *r, struct trace_records *records)
{
	struct tracer *t = r->tracer;
	struct level *l1 = &r->lab->l1;
	uint64_t deadline = now_ns() + level_ms(l1, CALL_S) * NSEC_PER_MSEC;
	int ret = mark(r, true);

	while (!ret && trace_cut_state(t->stream) != CUT_COMPLETE && now_ns() < deadline)
		ret = level_step(l1, 20);
	trace_take(t->stream, records);
	return ret;
}
