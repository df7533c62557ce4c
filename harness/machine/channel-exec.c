// SPDX-License-Identifier: GPL-2.0-only
#include "machine/channel-internal.h"

#include <errno.h>
#include <signal.h>

#include "core/outcome.h"

/* How long a killed program may take to be gone. */
#define KILL_PATIENCE_MS 2000
/* What channel_run() collects of one stream: more is a program that has run wild. */
#define RUN_OUTPUT_MAX (64UL << 20)

/* ---- what comes ---- */

static void on_exit_message(struct channel_status *s, const struct proto_exit *e)
{
	s->done = true;
	s->error = (int)e->error;
	s->signal = (int)e->signal;
	s->exit_code = e->error || e->signal ? -1 : (int)e->code;
	s->start_ns = e->start_ns;
	s->end_ns = e->end_ns;
}

static void on_exec_message(struct channel *c, struct channel_op *op, unsigned int type,
			    const union proto_msg *m)
{
	struct channel_status *s = op->status;

	if (type == PROTO_OUTPUT && op->on_output) {
		op->on_output(op->ctx, (enum channel_stream)m->output.stream, m->output.time_ns,
			      m->output.bytes, m->output.len);
	} else if (type == PROTO_STARTED) {
		s->pid = (pid_t)m->started.pid;
		s->start_ns = m->started.start_ns;
	} else if (type == PROTO_EXIT) {
		on_exit_message(s, &m->exit);
		channel_op_free(c, op);
	} else if (type == PROTO_ERROR) {
		s->done = true;
		s->error = (int)m->error.error;
		s->exit_code = -1;
		channel_op_free(c, op);
	}
}

/* ---- start ---- */

static uint16_t fill_strings(const char **to, unsigned int max, char *const *from)
{
	unsigned int n = 0;

	while (from && from[n] && n <= max) {
		to[n] = from[n];
		n++;
	}
	return (uint16_t)n; /* more than max: does not fit, says packing */
}

static void fill_exec(union proto_msg *m, const struct channel_exec *e)
{
	struct proto_exec *x = &m->exec;

	x->flags =
		(uint8_t)((e->tty ? PROTO_EXEC_TTY : 0) | (e->want_input ? PROTO_EXEC_INPUT : 0));
	x->rows = e->rows;
	x->cols = e->cols;
	x->cwd = e->cwd;
	x->argc = fill_strings(x->argv, PROTO_ARGS_MAX, e->argv);
	x->envc = fill_strings(x->env, PROTO_ENV_MAX, e->env);
}

int channel_start(struct channel *c, const struct channel_exec *e, struct channel_status *status,
		  uint32_t *id)
{
	struct channel_op *op = channel_op_new(c, "running", e->argv[0]);
	union proto_msg m;
	int err;

	*status = (struct channel_status){ .exit_code = -1 };
	op->on_message = on_exec_message;
	op->on_output = e->on_output;
	op->ctx = e->ctx;
	op->status = status;
	*id = op->id;
	fill_exec(&m, e);
	err = channel_send(c, op->id, PROTO_EXEC, &m);
	if (err) {
		fail_prefix("%s", op->what);
		channel_op_free(c, op);
	}
	return err;
}

int channel_input(struct channel *c, uint32_t id, const void *data, size_t len)
{
	struct channel_op *op = channel_op_find(c, id);
	struct channel_input *in;

	/* A person types on while the shell ends: not an error. */
	if (!op)
		return 0;
	in = &op->input;
	buf_add(&in->own, data, len);
	in->data = in->own.data;
	in->len = in->own.len;
	in->end |= !len;
	return channel_pump(c, op);
}

int channel_resize(struct channel *c, uint32_t id, uint16_t rows, uint16_t cols)
{
	union proto_msg m = { .resize = { .rows = rows, .cols = cols } };

	return channel_op_find(c, id) ? channel_send(c, id, PROTO_RESIZE, &m) : 0;
}

int channel_kill(struct channel *c, uint32_t id, int signal)
{
	union proto_msg m = { .kill = { .signal = (uint32_t)signal } };

	return channel_op_find(c, id) ? channel_send(c, id, PROTO_KILL, &m) : 0;
}

void channel_forget(struct channel *c, uint32_t id)
{
	struct channel_op *op = channel_op_find(c, id);

	if (op)
		channel_op_free(c, op);
}

/* ---- wait ---- */

static int kill_late(struct channel *c, uint32_t id, const struct channel_status *status,
		     unsigned int deadline_ms)
{
	struct channel_op *op = channel_op_find(c, id);
	_cleanup_free_ char *what = xstrdup(op ? op->what : "a program");
	int err;

	channel_kill(c, id, SIGKILL);
	err = channel_until(c, &status->done, channel_deadline(KILL_PATIENCE_MS));
	channel_forget(c, id);
	if (err < 0)
		return fail_prefix("%s took longer than %.1f s", what, deadline_ms / 1000.0);
	return fail(OUT_BROKEN, "%s: %s took longer than %.1f s, %s", channel_name(c), what,
		    deadline_ms / 1000.0, err ? "and SIGKILL does not end it" : "it was killed");
}

/* How waiting for a program ended: err is as channel_until()'s. */
static int end_wait(struct channel *c, uint32_t id, struct channel_status *status,
		    unsigned int deadline_ms, int err)
{
	struct channel_op *op;

	if (!err)
		return 0;
	if (err > 0)
		return kill_late(c, id, status, deadline_ms);
	op = channel_op_find(c, id);
	return op ? fail_prefix("%s", op->what) : err;
}

int channel_wait(struct channel *c, uint32_t id, struct channel_status *status,
		 unsigned int deadline_ms)
{
	int err = channel_until(c, &status->done, channel_deadline(deadline_ms));

	return end_wait(c, id, status, deadline_ms, err);
}

/* As channel_until(); -OUT_BROKEN where the level turns out to be dead. */
static int until_watched(struct channel *c, const struct channel_status *status,
			 const struct channel_watch *w, uint64_t deadline)
{
	uint64_t start = now_ns(), look = 0;
	int err = 1;

	while (err > 0 && look < deadline) {
		look = channel_deadline(w->every_ms);
		err = channel_until(c, &status->done, look < deadline ? look : deadline);
		if (err > 0 && look < deadline && !w->lives(w->ctx) && !status->done)
			return fail(OUT_BROKEN, "%s: its agent was silent when it had run for %.1f s",
				    channel_name(c), (double)(now_ns() - start) / 1e9);
	}
	return err;
}

int channel_wait_watched(struct channel *c, uint32_t id, struct channel_status *status,
			 const struct channel_watch *w, unsigned int deadline_ms)
{
	int err = until_watched(c, status, w, channel_deadline(deadline_ms));

	return end_wait(c, id, status, deadline_ms, err);
}

struct collector {
	struct channel *c;
	uint32_t id;
	struct buf *to[2];
	size_t got;
	bool wild;
};

static void collect(void *ctx, enum channel_stream s, uint64_t level_ns, const void *data,
		    size_t len)
{
	struct collector *k = ctx;
	struct buf *to = k->to[s == CHANNEL_STDERR];

	(void)level_ns;
	if (k->wild)
		return;
	k->got += len;
	k->wild = k->got > RUN_OUTPUT_MAX;
	if (k->wild)
		channel_kill(k->c, k->id, SIGKILL);
	else if (to)
		buf_add(to, data, len);
}

int channel_run(struct channel *c, char *const *argv, struct buf *out, struct buf *err,
		struct channel_status *status, unsigned int deadline_ms)
{
	struct collector k = { .c = c, .to = { out, err } };
	struct channel_exec e = { .argv = argv, .on_output = collect, .ctx = &k };
	int bad = channel_start(c, &e, status, &k.id);

	if (bad)
		return bad;
	bad = channel_wait(c, k.id, status, deadline_ms);
	/* *status and k are the caller's and ours no longer than this call. */
	channel_forget(c, k.id);
	if (k.wild)
		return fail(OUT_BROKEN, "%s: running %s wrote more than %lu MiB, it was killed",
			    channel_name(c), argv[0], RUN_OUTPUT_MAX >> 20);
	return bad;
}
