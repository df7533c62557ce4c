// SPDX-License-Identifier: GPL-2.0-only
#include "machine/channel-internal.h"

#include <string.h>

#include "core/outcome.h"

/* The largest file that channel_get() takes: what it reads has to fit into memory, and some of the
 * kernel's files have no end. */
#define GET_MAX (256UL << 20)

/* ---- to the level ---- */

int channel_put(struct channel *c, const char *path, mode_t mode, const void *data, size_t len,
		unsigned int deadline_ms)
{
	struct channel_op *op = channel_op_new(c, "putting", path);
	union proto_msg m = { .put = { .mode = mode & 07777, .size = len, .path = path } };
	int err = channel_send(c, op->id, PROTO_PUT, &m);

	op->input.data = data;
	op->input.len = len;
	op->input.end = true;
	if (!err)
		err = channel_pump(c, op);
	if (!err)
		err = channel_finish(c, op, deadline_ms);
	channel_op_free(c, op);
	return err;
}

int channel_put_file(struct channel *c, const char *local, const char *remote, mode_t mode,
		     unsigned int deadline_ms)
{
	_cleanup_buf_ struct buf b = { 0 };
	int err = file_read(local, &b);

	if (err)
		return fail(OUT_BROKEN, "can't read %s, to be sent to %s: %s", local,
			    channel_name(c), strerror(-err));
	return channel_put(c, remote, mode, b.data, b.len, deadline_ms);
}

int channel_write(struct channel *c, const char *path, const void *data, size_t len,
		  unsigned int deadline_ms)
{
	struct channel_op *op = channel_op_new(c, "writing to", path);
	union proto_msg m = { .write = { .path = path, .bytes = data, .len = len } };
	int err = channel_send(c, op->id, PROTO_WRITE, &m);

	if (!err)
		err = channel_finish(c, op, deadline_ms);
	if (!err && op->value != len)
		err = fail(OUT_BROKEN, "%s: %s: %llu of %zu bytes were taken", channel_name(c),
			   op->what, (unsigned long long)op->value, len);
	channel_op_free(c, op);
	return err;
}

/* ---- from the level ---- */

static void on_get_message(struct channel *c, struct channel_op *op, unsigned int type,
			   const union proto_msg *m)
{
	struct buf *out = op->ctx;

	(void)c;
	if (type == PROTO_OUTPUT && out->len + m->output.len <= GET_MAX)
		buf_add(out, m->output.bytes, m->output.len);
	else if (type == PROTO_OUTPUT)
		op->done = true; /* with value 0, which is not what was got */
	if (type == PROTO_DONE)
		op->value = m->done.value;
	if (type == PROTO_ERROR) {
		op->error = (int)m->error.error;
		snprintf(op->error_text, sizeof(op->error_text), "%s", m->error.text);
	}
	op->done |= type == PROTO_DONE || type == PROTO_ERROR;
}

int channel_get(struct channel *c, const char *path, struct buf *out, unsigned int deadline_ms)
{
	struct channel_op *op = channel_op_new(c, "reading", path);
	union proto_msg m = { .get = { .path = path } };
	_cleanup_buf_ struct buf got = { 0 };
	int err;

	op->on_message = on_get_message;
	op->ctx = &got;
	err = channel_send(c, op->id, PROTO_GET, &m);
	if (!err)
		err = channel_finish(c, op, deadline_ms);
	if (!err && op->value != got.len) {
		channel_send(c, op->id, PROTO_CANCEL, NULL);
		err = fail(OUT_BROKEN, "%s: %s: it has more than %lu MiB, or no end",
			   channel_name(c), op->what, GET_MAX >> 20);
	}
	if (!err)
		buf_add(out, buf_str(&got), got.len);
	channel_op_free(c, op);
	return err;
}

static void on_connection_message(struct channel *c, struct channel_op *op, unsigned int type,
				  const union proto_msg *m)
{
	struct channel_status *s = op->status;

	if (type == PROTO_OUTPUT) {
		op->on_data(op->ctx, m->output.time_ns, m->output.bytes, m->output.len);
	} else if (type == PROTO_DONE || type == PROTO_ERROR) {
		s->error = type == PROTO_ERROR ? (int)m->error.error : 0;
		s->done = true;
		channel_op_free(c, op);
	}
}

int channel_connect(struct channel *c, const char *path,
		    void (*on_data)(void *ctx, uint64_t level_ns, const void *data, size_t len),
		    void *ctx, struct channel_status *status, uint32_t *id)
{
	struct channel_op *op = channel_op_new(c, "connecting to", path);
	union proto_msg m = { .connect = { .path = path } };
	int err;

	*status = (struct channel_status){ .exit_code = -1 };
	op->on_message = on_connection_message;
	op->on_data = on_data;
	op->ctx = ctx;
	op->status = status;
	*id = op->id;
	err = channel_send(c, op->id, PROTO_CONNECT, &m);
	if (err)
		channel_op_free(c, op);
	return err;
}

static void on_watch_message(struct channel *c, struct channel_op *op, unsigned int type,
			     const union proto_msg *m)
{
	_cleanup_buf_ struct buf text = { 0 };

	if (type == PROTO_ERROR)
		channel_op_free(c, op);
	if (type != PROTO_SAMPLE)
		return;
	buf_add(&text, m->sample.bytes, m->sample.len);
	op->on_sample(op->ctx, m->sample.path, m->sample.time_ns, buf_str(&text));
}

int channel_watch(struct channel *c, const char *pattern, unsigned int interval_ms,
		  void (*on_sample)(void *ctx, const char *path, uint64_t level_ns,
				    const char *text),
		  void *ctx, uint32_t *id)
{
	struct channel_op *op = channel_op_new(c, "watching", pattern);
	union proto_msg m = { .watch = { .interval_ms = interval_ms, .pattern = pattern } };
	int err;

	op->on_message = on_watch_message;
	op->on_sample = on_sample;
	op->ctx = ctx;
	*id = op->id;
	err = channel_send(c, op->id, PROTO_WATCH, &m);
	if (err)
		channel_op_free(c, op);
	return err;
}

int channel_unwatch(struct channel *c, uint32_t id)
{
	struct channel_op *op = channel_op_find(c, id);

	if (!op)
		return 0;
	channel_op_free(c, op);
	return channel_send(c, id, PROTO_CANCEL, NULL);
}

/* ---- clock ---- */

static void on_clock_message(struct channel *c, struct channel_op *op, unsigned int type,
			     const union proto_msg *m)
{
	(void)c;
	if (type == PROTO_CLOCK)
		op->value = m->clock.monotonic_ns;
	op->done = type == PROTO_CLOCK;
}

int channel_time(struct channel *c, uint64_t *level_ns, unsigned int deadline_ms)
{
	struct channel_op *op = channel_op_new(c, "reading", "its clock");
	int err = channel_send(c, op->id, PROTO_TIME, NULL);

	op->on_message = on_clock_message;
	if (!err)
		err = channel_finish(c, op, deadline_ms);
	if (!err)
		*level_ns = op->value;
	channel_op_free(c, op);
	return err;
}
