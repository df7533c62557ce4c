// SPDX-License-Identifier: GPL-2.0-only
#include "machine/channel-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/outcome.h"

struct channel {
	char *name;
	struct channel_transport transport;
	uint32_t session; /* 0: none */
	uint32_t sent_seq, got_seq;
	uint32_t last_id;
	bool ready; /* the agent answered this session's hello */
	bool lost;  /* the transport hung up */
	bool late;  /* a call's deadline passed, and no frame came since */
	bool feeding; /* in channel_feed(): a callback that waited would overwrite its own frame */
	char *broken; /* why the session can't go on */
	struct agent_info info;
	struct channel_op *ops;
	struct proto_decoder decoder;
	union proto_msg message; /* the one that is being handled */
	uint8_t payload[PROTO_PAYLOAD_MAX];
	uint8_t line[PROTO_LINE_MAX(PROTO_PAYLOAD_MAX)];
};

struct channel *channel_new(const char *name, const struct channel_transport *t)
{
	struct channel *c = xcalloc(1, sizeof(*c));

	c->name = xstrdup(name);
	c->transport = *t;
	return c;
}

static void free_ops(struct channel *c)
{
	while (c->ops)
		channel_op_free(c, c->ops);
}

void channel_free(struct channel *c)
{
	if (!c)
		return;
	free_ops(c);
	free(c->broken);
	free(c->name);
	free(c);
}

const char *channel_name(const struct channel *c)
{
	return c->name;
}

/* ---- operations ---- */

struct channel_op *channel_op_new(struct channel *c, const char *what, const char *object)
{
	struct channel_op *op = xcalloc(1, sizeof(*op));

	if (!++c->last_id)
		c->last_id = 1;
	op->id = c->last_id;
	op->what = strf("%s %s", what, object);
	op->next = c->ops;
	c->ops = op;
	return op;
}

struct channel_op *channel_op_find(struct channel *c, uint32_t id)
{
	struct channel_op *op = c->ops;

	while (op && op->id != id)
		op = op->next;
	return op;
}

void channel_op_free(struct channel *c, struct channel_op *op)
{
	struct channel_op **p = &c->ops;

	while (*p && *p != op)
		p = &(*p)->next;
	if (*p)
		*p = op->next;
	buf_free(&op->input.own);
	free(op->what);
	free(op);
}

/* ---- sending ---- */

static int put_on_line(struct channel *c, const struct proto_frame *f)
{
	size_t n = proto_encode(f, c->line, sizeof(c->line));
	int err = c->transport.send(c->transport.ctx, c->line, n);

	if (!err)
		return 0;
	c->lost = true;
	return fail(OUT_BROKEN, "%s: sending failed: %s", c->name, strerror(-err));
}

static int usable(const struct channel *c)
{
	if (c->lost)
		return fail(OUT_BROKEN, "%s: the connection to it was lost", c->name);
	if (c->broken)
		return fail(OUT_BROKEN, "%s: the session broke: %s", c->name, c->broken);
	if (!c->ready)
		return fail(OUT_BROKEN, "%s: there is no session with it", c->name);
	return 0;
}

int channel_send(struct channel *c, uint32_t id, enum proto_type type, const union proto_msg *m)
{
	static const union proto_msg none;
	struct proto_frame f = { .version = PROTO_VERSION, .type = type, .id = id };
	int err = usable(c), n;

	if (err)
		return err;
	n = proto_pack(type, m ? m : &none, c->payload);
	if (n < 0)
		return fail(OUT_BROKEN,
			    "%s: a request (%s) of more than %d bytes can't be sent to it", c->name,
			    proto_type_name(type), PROTO_PAYLOAD_MAX);
	f.session = c->session;
	f.seq = ++c->sent_seq;
	f.payload = c->payload;
	f.len = (size_t)n;
	return put_on_line(c, &f);
}

static size_t next_input(const struct channel_input *in)
{
	uint64_t window = PROTO_WINDOW - (in->sent - in->taken);
	size_t n = in->len - in->at;

	if (n > PROTO_PAYLOAD_MAX)
		n = PROTO_PAYLOAD_MAX;
	return n < window ? n : (size_t)window;
}

/*
 * Copied bytes that were sent need not be kept; moving the rest only now and then keeps it cheap.
 */
static void forget_sent(struct channel_input *in)
{
	if (!in->own.data || in->at < in->own.len / 2)
		return;
	buf_drop(&in->own, in->at);
	in->data = in->own.data;
	in->len = in->own.len;
	in->at = 0;
}

int channel_pump(struct channel *c, struct channel_op *op)
{
	struct channel_input *in = &op->input;
	union proto_msg m;
	size_t n;
	int err;

	while ((n = next_input(in))) {
		m.input.bytes = (const uint8_t *)in->data + in->at;
		m.input.len = n;
		err = channel_send(c, op->id, PROTO_INPUT, &m);
		if (err)
			return err;
		in->at += n;
		in->sent += n;
	}
	forget_sent(in);
	if (in->at < in->len || !in->end || in->end_sent)
		return 0;
	in->end_sent = true;
	m.input.bytes = NULL;
	m.input.len = 0;
	return channel_send(c, op->id, PROTO_INPUT, &m);
}

/* ---- receiving ---- */

static void break_off(struct channel *c, const char *why)
{
	if (!c->broken)
		c->broken = xstrdup(why);
}

static void copy_text(char *to, size_t size, const char *from)
{
	size_t n = strnlen(from, size - 1);

	memcpy(to, from, n);
	to[n] = '\0';
}

static void on_ready(struct channel *c, const struct proto_ready *r)
{
	struct agent_info *i = &c->info;

	if (c->ready)
		return; /* the answer to a hello that crossed the first answer */
	*i = (struct agent_info){ .version = r->version,
				  .cpus = r->cpus,
				  .monotonic_ns = r->now_ns };
	copy_text(i->level, sizeof(i->level), r->level);
	copy_text(i->kernel, sizeof(i->kernel), r->kernel);
	copy_text(i->boot_id, sizeof(i->boot_id), r->boot_id);
	c->ready = true;
}

static void on_window(struct channel *c, struct channel_op *op, const struct proto_window_is *w)
{
	if (w->taken < op->input.taken || w->taken > op->input.sent) {
		break_off(c, "it claims to have taken input that was not sent");
		return;
	}
	op->input.taken = w->taken;
	/* What goes wrong here has made the channel lost, which the waiting call will see. */
	channel_pump(c, op);
}

static void on_answer(struct channel_op *op, unsigned int type, const union proto_msg *m)
{
	op->done = true;
	if (type == PROTO_DONE)
		op->value = m->done.value;
	if (type != PROTO_ERROR)
		return;
	op->error = (int)m->error.error;
	copy_text(op->error_text, sizeof(op->error_text), m->error.text);
}

static void on_message(struct channel *c, uint32_t id, unsigned int type, const union proto_msg *m)
{
	struct channel_op *op = channel_op_find(c, id);

	if (!id && type == PROTO_ERROR)
		break_off(c, m->error.text);
	if (!op)
		return; /* forgotten meanwhile */
	if (type == PROTO_WINDOW_IS)
		on_window(c, op, &m->window_is);
	else if (op->on_message)
		op->on_message(c, op, type, m);
	else if (type == PROTO_DONE || type == PROTO_ERROR)
		on_answer(op, type, m);
}

static void on_frame(struct channel *c, const struct proto_frame *f)
{
	union proto_msg *m = &c->message;
	bool readable;

	if (c->ready && !f->session && f->type == PROTO_READY)
		break_off(c, "it was started again: it died, or its level was reset");
	if (!c->session || f->session != c->session || c->broken)
		return; /* written before a reconnect or before the snapshot */
	c->late = false;
	readable = proto_unpack(f, m);
	if (readable && f->type == PROTO_READY)
		on_ready(c, &m->ready);
	else if (!readable)
		break_off(c, "it sent a frame that can't be read");
	else if (f->seq && f->seq != c->got_seq + 1)
		break_off(c, "frames were lost on the way from it");
	else
		on_message(c, f->id, f->type, m);
	if (f->seq)
		c->got_seq++;
}

void channel_feed(struct channel *c, const void *data, size_t len)
{
	const uint8_t *p = data;

	c->feeding = true;
	while (len) {
		struct proto_frame f;
		bool got;
		size_t n = proto_decode(&c->decoder, p, len, &f, &got);

		p += n;
		len -= n;
		if (got)
			on_frame(c, &f);
	}
	c->feeding = false;
}

void channel_lost(struct channel *c)
{
	c->lost = true;
}

bool channel_is_late(const struct channel *c)
{
	return c->late;
}

/* ---- waiting ---- */

uint64_t channel_deadline(unsigned int ms)
{
	return now_ns() + ms * NSEC_PER_MSEC;
}

static int step_until(struct channel *c, uint64_t when_ns)
{
	uint64_t now = now_ns();
	uint64_t ms = when_ns > now ? (when_ns - now + NSEC_PER_MSEC - 1) / NSEC_PER_MSEC : 0;

	/* In slices: a transport whose loop can't be woken by its peer's end is looked at again. */
	return c->transport.step(c->transport.ctx, ms < 1000 ? (unsigned int)ms : 1000);
}

int channel_until(struct channel *c, const bool *flag, uint64_t deadline_ns)
{
	if (c->feeding)
		return fail(OUT_BROKEN, "%s: a callback called a function that waits", c->name);
	while (!*flag) {
		int err = usable(c);

		if (!err && now_ns() >= deadline_ns) {
			c->late = true;
			return 1;
		}
		if (!err)
			err = step_until(c, deadline_ns);
		if (err && !*flag)
			return err;
	}
	return 0;
}

int channel_finish(struct channel *c, struct channel_op *op, unsigned int deadline_ms)
{
	int err = channel_until(c, &op->done, channel_deadline(deadline_ms));

	if (err < 0)
		return fail_prefix("%s", op->what);
	if (err) {
		channel_send(c, op->id, PROTO_CANCEL, NULL);
		return fail(OUT_BROKEN, "%s: %s took longer than %.1f s", c->name, op->what,
			    deadline_ms / 1000.0);
	}
	if (op->error)
		return fail(OUT_BROKEN, "%s: %s: %s", c->name, op->what, op->error_text);
	return 0;
}

/* ---- hello ---- */

static uint32_t new_session(uint32_t old, unsigned int seat)
{
	uint32_t n = 0;

	while (!n || n == old) {
		if (getrandom(&n, sizeof(n), 0) != (ssize_t)sizeof(n))
			n = (uint32_t)now_ns();
		n += seat - n % PROTO_SEATS;
	}
	return n;
}

static void begin_session(struct channel *c, uint32_t session)
{
	free_ops(c);
	free(c->broken);
	c->broken = NULL;
	c->session = session;
	c->sent_seq = c->got_seq = 0;
	c->ready = c->lost = c->late = false;
	memset(&c->decoder, 0, sizeof(c->decoder));
}

#define FIRST_PAUSE_NS (PROTO_HELLO_MS * NSEC_PER_MSEC)
#define HELLO_PART 8 /* of the time that went by, then */

static int send_hello(struct channel *c)
{
	union proto_msg m = { .hello = { .version = PROTO_VERSION } };
	struct proto_frame f = {
		.version = PROTO_VERSION,
		.type = PROTO_HELLO,
		.session = c->session,
		.payload = c->payload,
	};

	f.len = (size_t)proto_pack(PROTO_HELLO, &m, c->payload);
	return put_on_line(c, &f);
}

/*
 * One hello, and the time until the next one is due: 0 also when no answer came. Behind some 70
 * that nobody reads libvirtd reads no more either, and can't be asked why: the later, the fewer.
 */
static int try_hello(struct channel *c, uint64_t begun_ns, uint64_t deadline_ns)
{
	uint64_t at = now_ns(), pause = (at - begun_ns) / HELLO_PART;
	uint64_t next = at + (pause > FIRST_PAUSE_NS ? pause : FIRST_PAUSE_NS);
	int err = send_hello(c);

	if (next > deadline_ns)
		next = deadline_ns;
	while (!err && !c->ready && now_ns() < next) {
		err = step_until(c, next);
		if (!err && c->lost)
			err = usable(c);
	}
	return err;
}

int channel_begin(struct channel *c, uint32_t session)
{
	begin_session(c, session);
	c->ready = true;
	return send_hello(c);
}

int channel_hello(struct channel *c, struct agent_info *info, unsigned int deadline_ms)
{
	uint64_t deadline = channel_deadline(deadline_ms), begun = now_ns();
	int err = 0;

	begin_session(c, new_session(c->session, c->transport.seat));
	do
		err = try_hello(c, begun, deadline);
	while (!err && !c->ready && now_ns() < deadline);
	if (err)
		return err;
	if (!c->ready)
		return fail(OUT_BROKEN, "%s did not answer within %.1f s", c->name,
			    deadline_ms / 1000.0);
	if (c->info.version != PROTO_VERSION) {
		c->ready = false;
		return fail(OUT_BROKEN,
			    "%s speaks version %u of the protocol, this nestlab version %d: the "
			    "level's image is of another build, make it anew",
			    c->name, c->info.version, PROTO_VERSION);
	}
	if (info)
		*info = c->info;
	return 0;
}
