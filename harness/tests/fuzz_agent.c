// SPDX-License-Identifier: GPL-2.0-only
/*
 * The agent's session, link and port are the real ones, here in one file; its operations are
 * replaced by ones that only look at what they are given: a fuzzer must not start programs and
 * write files.
 */
#include "tests/fuzz.h"

#include "agent-loop.c"
#include "agent-link.c"
#include "agent-port.c"
#include "agent-session.c"

struct fake_op {
	struct op op;
	uint64_t taken, told;
	bool ends_late;
};

static int fake_start(struct op *o, const union proto_msg *m)
{
	/* The message's own memory is looked at to its ends, for the sanitizer. */
	static volatile size_t sum;
	struct fake_op *f = (struct fake_op *)o;

	if (o->type == &exec_op) {
		for (unsigned int i = 0; i < m->exec.argc; i++)
			sum += strlen(m->exec.argv[i]);
		for (unsigned int i = 0; i < m->exec.envc; i++)
			sum += strlen(m->exec.env[i]);
		f->ends_late = m->exec.rows % 2;
		return 0;
	}
	sum += strlen(o->type == &put_op     ? m->put.path
		      : o->type == &watch_op ? m->watch.pattern
					     : m->get.path);
	return o->id % 5 ? 0 : ENOENT;
}

static void fake_prepare(struct op *o, struct loop *l)
{
	loop_due(l, mono_ns());
	if (op_room(o) && o->id % 7 == 6)
		op_done(o, 1);
}

static void fake_input(struct op *o, const struct proto_input *m)
{
	struct fake_op *f = (struct fake_op *)o;

	f->taken += m->len;
	if (m->len)
		op_taken(o, f->taken, &f->told);
	else
		op_done(o, f->taken);
}

static void fake_kill(struct op *o, const struct proto_kill *m)
{
	if (m->signal == 9)
		op_error(o, EIO, "killed");
}

static void fake_child(struct op *o)
{
	if (o->silent)
		o->gone = true;
}

static void fake_cancel(struct op *o)
{
	o->gone = !((struct fake_op *)o)->ends_late;
}

static void fake_end(struct op *o)
{
	((struct fake_op *)o)->taken = 0;
}

#define FAKE                                                                                       \
	{                                                                                          \
		.size = sizeof(struct fake_op), .start = fake_start, .prepare = fake_prepare,      \
		.input = fake_input, .kill = fake_kill, .child = fake_child,                       \
		.cancel = fake_cancel, .end = fake_end,                                            \
	}
const struct op_type exec_op = FAKE, put_op = FAKE, get_op = FAKE, watch_op = FAKE;

void file_write_once(struct session *s, uint32_t id, const struct proto_write *m)
{
	session_done(s, id, strlen(m->path) + m->len);
}

void level_describe(struct proto_ready *r)
{
	r->kernel = "kernel";
	r->boot_id = "boot id";
	r->cpus = 1;
}

/* One frame, as the link would give it; spoilt ones are of another session or out of sequence. */
static void one_frame(struct session *s, struct fuzz_input *in, uint32_t *number, uint32_t *seq)
{
	struct proto_frame f = { 0 };
	bool good = fuzz_frame(in, &f);

	if (f.type == PROTO_HELLO && f.id % 2) {
		++*number;
		*seq = 0;
	}
	f.session = good ? *number : *number + f.id % 3;
	f.seq = f.type == PROTO_HELLO ? 0 : ++*seq;
	f.seq += !good;
	s->link.frame(s, &f);
}

void fuzz_agent(struct fuzz_input *in)
{
	static struct session s;
	uint32_t number = 1, seq = 0;
	struct loop *l = loop_get();

	memset(&s, 0, sizeof(s));
	port_init(&s.link.port, PORT_FD, "", open("/dev/null", O_RDWR | O_CLOEXEC));
	s.level = "L2";
	s.may_power = true;
	session_init(&s);
	while (in->left) {
		one_frame(&s, in, &number, &seq);
		if (in->left % 4)
			continue;
		loop_begin(l);
		if (in->left % 8)
			session_child(&s);
		session_prepare(&s, l);
	}
	session_end(&s);
	session_child(&s);
	loop_begin(l);
	session_prepare(&s, l);
	close(s.link.port.fd);
}
