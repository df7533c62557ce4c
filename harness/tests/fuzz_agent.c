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

/* The message's own memory is looked at to its ends, for the sanitizer. */
static void read_whole(const char *text)
{
	static volatile size_t sum;

	sum += strlen(text);
}

static int exec_start(struct op *o, const union proto_msg *m)
{
	for (unsigned int i = 0; i < m->exec.argc; i++)
		read_whole(m->exec.argv[i]);
	for (unsigned int i = 0; i < m->exec.envc; i++)
		read_whole(m->exec.env[i]);
	((struct fake_op *)o)->ends_late = m->exec.rows % 2;
	return 0;
}

static int put_start(struct op *o, const union proto_msg *m)
{
	read_whole(m->put.path);
	return o->id % 5 ? 0 : ENOENT;
}

static int get_start(struct op *o, const union proto_msg *m)
{
	read_whole(m->get.path);
	return o->id % 5 ? 0 : ENOENT;
}

static int watch_start(struct op *o, const union proto_msg *m)
{
	read_whole(m->watch.pattern);
	return o->id % 5 ? 0 : ENOENT;
}

static int connect_start(struct op *o, const union proto_msg *m)
{
	read_whole(m->connect.path);
	return o->id % 5 ? 0 : ENOENT;
}

static int write_start(struct op *o, const union proto_msg *m)
{
	read_whole(m->write.path);
	op_done(o, m->write.len);
	return 0;
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

#define FAKE(name, frame)                                                                          \
	static const struct op_type name##_op = {                                                  \
		.request = frame, .size = sizeof(struct fake_op), .start = name##_start,           \
		.prepare = fake_prepare, .input = fake_input, .kill = fake_kill,                   \
		.child = fake_child, .cancel = fake_cancel, .end = fake_end,                       \
	};                                                                                         \
	OP_TYPE(name##_op)
FAKE(exec, PROTO_EXEC);
FAKE(put, PROTO_PUT);
FAKE(get, PROTO_GET);
FAKE(watch, PROTO_WATCH);
FAKE(connect, PROTO_CONNECT);
FAKE(write, PROTO_WRITE);

void level_describe(struct proto_ready *r)
{
	r->kernel = "kernel";
	r->boot_id = "boot id";
	r->cpus = 1;
}

/* One frame, as the link would give it; spoilt ones are of another session or out of sequence. */
static void one_frame(struct session *seats, struct fuzz_input *in, uint32_t *number, uint32_t *seq)
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
	session_frame(&seats[f.session % PROTO_SEATS], &f);
}

static void for_seats(struct session *seats, void (*call)(struct session *s))
{
	for (unsigned int i = 0; i < PROTO_SEATS; i++)
		call(&seats[i]);
}

static void prepare(struct session *seats, struct link *k, struct loop *l)
{
	loop_begin(l);
	for (unsigned int i = 0; i < PROTO_SEATS; i++)
		session_prepare(&seats[i], l);
	link_prepare(k, l);
}

static void hung_up(void *ctx)
{
	for_seats(ctx, session_end);
}

void fuzz_agent(struct fuzz_input *in)
{
	static struct session seats[PROTO_SEATS];
	static struct link k;
	uint32_t number = 1, seq = 0;
	struct loop *l = loop_get();

	memset(&k, 0, sizeof(k));
	k.hung_up = hung_up;
	k.ctx = seats;
	port_init(&k.port, PORT_FD, "", open("/dev/null", O_RDWR | O_CLOEXEC));
	for (unsigned int i = 0; i < PROTO_SEATS; i++)
		seats[i] = (struct session){ .link = &k, .level = "L2" };
	while (in->left) {
		one_frame(seats, in, &number, &seq);
		if (in->left % 4)
			continue;
		if (in->left % 8)
			for_seats(seats, session_child);
		prepare(seats, &k, l);
	}
	for_seats(seats, session_end);
	for_seats(seats, session_child);
	prepare(seats, &k, l);
	close(k.port.fd);
}
