// SPDX-License-Identifier: GPL-2.0-only
/* WATCH: what counter files hold, at an interval. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent-op.h"

struct watch {
	struct op op;
	char *pattern;
	uint64_t interval_ns, next_ns;
};

static int watch_start(struct op *o, const union proto_msg *m)
{
	struct watch *w = (struct watch *)o;

	w->interval_ns = (m->watch.interval_ms ? m->watch.interval_ms : 1) * MSEC;
	w->pattern = strdup(m->watch.pattern);
	return w->pattern ? 0 : ENOMEM;
}

static void sample(struct op *o, const char *path)
{
	static uint8_t bytes[PROTO_SAMPLE_MAX];
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));
	union proto_msg m = { .sample = { .time_ns = mono_ns(), .path = path, .bytes = bytes } };

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return; /* gone since the pattern was looked up, a folder: nothing to count */
	m.sample.len = (size_t)n;
	op_send(o, PROTO_SAMPLE, &m);
}

/* The pattern is looked up each time: a VM's counters appear and vanish with the VM. */
static void watch_prepare(struct op *o, struct loop *l)
{
	struct watch *w = (struct watch *)o;
	uint64_t now = mono_ns();
	glob_t g;

	if (now >= w->next_ns) {
		w->next_ns = w->next_ns + w->interval_ns > now ? w->next_ns + w->interval_ns
							       : now + w->interval_ns;
		if (!glob(w->pattern, 0, NULL, &g)) {
			for (size_t i = 0; i < g.gl_pathc && op_room(o); i++)
				sample(o, g.gl_pathv[i]);
			globfree(&g);
		}
	}
	loop_due(l, w->next_ns);
}

static void watch_end(struct op *o)
{
	free(((struct watch *)o)->pattern);
}

static const struct op_type watch_op = {
	.request = PROTO_WATCH,
	.size = sizeof(struct watch),
	.start = watch_start,
	.prepare = watch_prepare,
	.end = watch_end,
};
OP_TYPE(watch_op);
