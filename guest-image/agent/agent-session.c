// SPDX-License-Identifier: GPL-2.0-only
#include "agent-session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent-level.h"
#include "agent-op.h"

/*
 * How long READY waits for what the earlier session left: a thread stuck in the kernel never
 * ends.
 */
#define READY_PATIENCE (500 * MSEC)

extern const struct op_type *const __start_agent_ops[];
extern const struct op_type *const __stop_agent_ops[];

/* ---- to the client ---- */

static void send_frame(struct session *s, struct proto_frame *f, const union proto_msg *m)
{
	static uint8_t payload[PROTO_PAYLOAD_MAX];
	static const union proto_msg none;
	int n = proto_pack(f->type, m ? m : &none, payload);

	f->version = PROTO_VERSION;
	f->payload = payload;
	f->len = n > 0 ? (size_t)n : 0;
	/* The queue is sized so that this can't be; if it is, the gap in seq tells the client. */
	if (n < 0 || !link_send(s->link, f))
		say("dropped a %s frame", proto_type_name(f->type));
}

static void session_send(struct session *s, uint32_t id, enum proto_type type, const union proto_msg *m)
{
	struct proto_frame f = { .type = type, .session = s->number, .id = id };

	f.seq = ++s->sent_seq;
	send_frame(s, &f, m);
}

static void session_error(struct session *s, uint32_t id, int err, const char *text)
{
	union proto_msg m = { .error = { .error = (uint32_t)err, .text = text } };

	session_send(s, id, PROTO_ERROR, &m);
}

static void session_done(struct session *s, uint32_t id, uint64_t value)
{
	union proto_msg m = { .done = { .value = value } };

	session_send(s, id, PROTO_DONE, &m);
}

void op_send(struct op *o, enum proto_type type, const union proto_msg *m)
{
	if (!o->silent)
		session_send(o->s, o->id, type, m);
}

static void op_cancel(struct op *o)
{
	o->silent = true;
	if (o->type->cancel)
		o->type->cancel(o);
	else
		o->gone = true;
}

void op_error(struct op *o, int err, const char *text)
{
	if (!o->silent)
		session_error(o->s, o->id, err, text);
	op_cancel(o);
}

void op_done(struct op *o, uint64_t value)
{
	if (!o->silent)
		session_done(o->s, o->id, value);
	o->gone = true;
}

bool op_room(struct op *o)
{
	return link_room(o->s->link);
}

void op_taken(struct op *o, uint64_t taken, uint64_t *told)
{
	union proto_msg m = { .window_is = { .taken = taken } };

	if (taken - *told < PROTO_WINDOW / 4)
		return;
	*told = taken;
	op_send(o, PROTO_WINDOW_IS, &m);
}

/* ---- sessions ---- */

static void sweep(struct session *s)
{
	struct op **p = &s->ops;

	while (*p) {
		struct op *o = *p;

		if (!o->gone) {
			p = &o->next;
			continue;
		}
		*p = o->next;
		if (o->type->end)
			o->type->end(o);
		free(o);
	}
}

void session_end(struct session *s)
{
	for (struct op *o = s->ops; o; o = o->next)
		if (!o->silent)
			op_cancel(o);
	if (s->number)
		link_drop_session(s->link, s->number);
	s->number = 0;
	s->ready_by_ns = 0;
}

/* seq 0: of no session in particular. */
static void send_outside(struct session *s, uint32_t number, enum proto_type type,
			 const union proto_msg *m)
{
	struct proto_frame f = { .type = type, .session = number };

	send_frame(s, &f, m);
}

static void send_ready(struct session *s, uint32_t number)
{
	union proto_msg m = { .ready = { .version = PROTO_VERSION, .now_ns = mono_ns() } };

	level_describe(&m.ready);
	m.ready.level = s->level;
	send_outside(s, number, PROTO_READY, &m);
}

static void hello(struct session *s, const struct proto_frame *f)
{
	if (!f->session)
		return;
	if (f->session == s->number) {
		/* Owed at once, but only once: hundreds may have waited for the agent to start. */
		if (!s->ready_by_ns)
			s->ready_by_ns = mono_ns();
		return;
	}
	session_end(s);
	s->number = f->session;
	s->got_seq = s->sent_seq = 0;
	s->ready_by_ns = mono_ns() + READY_PATIENCE;
}

static void refuse(struct session *s, uint32_t number, int err, const char *text)
{
	union proto_msg m = { .error = { .error = (uint32_t)err, .text = text } };

	send_outside(s, number, PROTO_ERROR, &m);
}

/* The session can't go on: its client is told why, and has to say hello again. */
static void break_off(struct session *s, const char *why)
{
	uint32_t number = s->number;

	session_end(s);
	refuse(s, number, EBADMSG, why);
}

static void tell_clock(struct session *s, uint32_t id)
{
	union proto_msg m = { .clock = { .monotonic_ns = mono_ns() } };
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	m.clock.realtime_ns = (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
	session_send(s, id, PROTO_CLOCK, &m);
}

/* ---- operations ---- */

static struct op *find(struct session *s, uint32_t id)
{
	for (struct op *o = s->ops; o; o = o->next)
		if (o->id == id && !o->silent && !o->gone)
			return o;
	return NULL;
}

static unsigned int count_ops(const struct session *s)
{
	unsigned int n = 0;

	for (struct op *o = s->ops; o; o = o->next)
		n++;
	return n;
}

static void start(struct session *s, uint32_t id, const struct op_type *type,
		  const union proto_msg *m)
{
	struct op *o;
	int err;

	if (find(s, id) || count_ops(s) >= SESSION_OPS_MAX) {
		session_error(s, id, EBUSY, "the id is in use, or too many operations are running");
		return;
	}
	o = calloc(1, type->size);
	if (!o) {
		session_error(s, id, ENOMEM, strerror(ENOMEM));
		return;
	}
	o->type = type;
	o->s = s;
	o->id = id;
	o->next = s->ops;
	s->ops = o;
	err = type->start(o, m);
	if (err) {
		session_error(s, id, err, strerror(err));
		o->gone = true;
	}
}

static void for_op(struct op *o, unsigned int type, const union proto_msg *m)
{
	/* An operation that just ended, or failed, while the client was still writing to it. */
	if (!o)
		return;
	if (type == PROTO_CANCEL)
		op_cancel(o);
	else if (type == PROTO_INPUT && o->type->input)
		o->type->input(o, &m->input);
	else if (type == PROTO_RESIZE && o->type->resize)
		o->type->resize(o, &m->resize);
	else if (type == PROTO_KILL && o->type->kill)
		o->type->kill(o, &m->kill);
}

static const struct op_type *started_by(unsigned int request)
{
	for (const struct op_type *const *t = __start_agent_ops; t < __stop_agent_ops; t++)
		if ((*t)->request == request)
			return *t;
	return NULL;
}

static void obey(struct session *s, const struct proto_frame *f, const union proto_msg *m)
{
	const struct op_type *op = started_by(f->type);

	if (op)
		start(s, f->id, op, m);
	else if (f->type == PROTO_TIME)
		tell_clock(s, f->id);
	else
		for_op(find(s, f->id), f->type, m);
}

void session_frame(struct session *s, const struct proto_frame *f)
{
	static union proto_msg m;

	if (f->type == PROTO_HELLO) {
		hello(s, f);
	} else if (!s->number || f->session != s->number) {
		refuse(s, f->session, ESTALE,
		       "no such session: it was ended, or the agent was started again");
	} else if (f->seq != s->got_seq + 1) {
		break_off(s, "frames were lost on the way to the agent");
	} else if (!proto_unpack(f, &m) || !f->id) {
		break_off(s, "the agent can't read a frame of the client");
	} else {
		s->got_seq++;
		obey(s, f, &m);
	}
}

/* ---- the loop's side ---- */

void session_child(struct session *s)
{
	for (struct op *o = s->ops; o; o = o->next)
		if (o->type->child && !o->gone)
			o->type->child(o);
}

static void owe_ready(struct session *s, struct loop *l)
{
	bool left = false;

	for (struct op *o = s->ops; o; o = o->next)
		left |= o->silent;
	if (left && mono_ns() < s->ready_by_ns) {
		loop_due(l, s->ready_by_ns);
		return;
	}
	send_ready(s, s->number);
	s->ready_by_ns = 0;
}

void session_announce(struct session *s)
{
	send_ready(s, 0);
}

void session_prepare(struct session *s, struct loop *l)
{
	sweep(s);
	for (struct op *o = s->ops; o; o = o->next)
		if (!o->gone && o->type->prepare)
			o->type->prepare(o, l);
	sweep(s);
	if (s->ready_by_ns)
		owe_ready(s, l);
}
