// SPDX-License-Identifier: GPL-2.0-only
#include "proto.h"

#include <string.h>

enum { MARK = 0x7e, MARK_BEGIN = 0x4e, MARK_LITERAL = 0x00 };

/* ---- payloads ---- */

/*
 * One walk over a message's fields serves both ways, so that packing and unpacking cannot disagree.
 * bad is sticky: after the first field that does not fit, nothing is read or written any more.
 */
struct walk {
	const uint8_t *in; /* unpacking */
	uint8_t *out;	   /* packing; NULL: unpacking */
	size_t pos, end;
	bool bad;
};

static bool room(struct walk *w, size_t n)
{
	if (w->end - w->pos < n)
		w->bad = true;
	return !w->bad;
}

static uint64_t number(struct walk *w, uint64_t v, size_t size)
{
	uint64_t got = 0;

	if (!room(w, size))
		return 0;
	for (size_t i = 0; i < size; i++) {
		if (w->out)
			w->out[w->pos + i] = (uint8_t)(v >> (8 * i));
		else
			got |= (uint64_t)w->in[w->pos + i] << (8 * i);
	}
	w->pos += size;
	return w->out ? v : got;
}

/* Packing must not write to *v: the caller's message is const then. */
#define DEFINE_NUMBER(name, type)                                                                  \
	static void name(struct walk *w, type *v)                                                  \
	{                                                                                          \
		if (w->out)                                                                        \
			number(w, *v, sizeof(*v));                                                 \
		else                                                                               \
			*v = (type)number(w, 0, sizeof(*v));                                       \
	}
DEFINE_NUMBER(u8, uint8_t)
DEFINE_NUMBER(u16, uint16_t)
DEFINE_NUMBER(u32, uint32_t)
DEFINE_NUMBER(u64, uint64_t)

static void pack_str(struct walk *w, const char *s)
{
	size_t len = s ? strlen(s) : 0;

	if (len > UINT16_MAX || !room(w, len + 3)) {
		w->bad = true;
		return;
	}
	number(w, len, 2);
	memcpy(w->out + w->pos, s ? s : "", len + 1);
	w->pos += len + 1;
}

/* The NUL must be there and be the only one: a path that reads differently in C is not a path. */
static const char *unpack_str(struct walk *w)
{
	size_t len = number(w, 0, 2);
	const char *s;

	if (!room(w, len + 1))
		return "";
	s = (const char *)w->in + w->pos;
	if (memchr(s, 0, len + 1) != s + len) {
		w->bad = true;
		return "";
	}
	w->pos += len + 1;
	return s;
}

static void str(struct walk *w, const char **s)
{
	if (w->out)
		pack_str(w, *s);
	else
		*s = unpack_str(w);
}

static void rest(struct walk *w, const uint8_t **bytes, size_t *len)
{
	if (!w->out) {
		*len = w->end - w->pos;
		*bytes = w->in + w->pos;
	} else if (room(w, *len) && *len) {
		memcpy(w->out + w->pos, *bytes, *len);
	}
	if (!w->bad)
		w->pos += *len;
}

static void strings(struct walk *w, uint16_t *count, const char **v, unsigned int max)
{
	u16(w, count);
	if (*count > max)
		w->bad = true;
	if (w->bad)
		return;
	for (unsigned int i = 0; i < *count; i++)
		str(w, &v[i]);
	if (!w->out)
		v[*count] = NULL;
}

static void walk_hello(struct walk *w, union proto_msg *m)
{
	u32(w, &m->hello.version);
	if (!w->out && !w->bad)
		w->pos = w->end; /* a newer client may say more */
}

static void walk_ready(struct walk *w, union proto_msg *m)
{
	struct proto_ready *r = &m->ready;

	u32(w, &r->version);
	if (!w->out && r->version != PROTO_VERSION && !w->bad) {
		*r = (struct proto_ready){ .version = r->version };
		r->level = r->kernel = r->boot_id = "";
		w->pos = w->end;
		return;
	}
	u32(w, &r->cpus);
	u64(w, &r->now_ns);
	str(w, &r->level);
	str(w, &r->kernel);
	str(w, &r->boot_id);
}

static void walk_exec(struct walk *w, union proto_msg *m)
{
	struct proto_exec *e = &m->exec;

	u8(w, &e->flags);
	u16(w, &e->rows);
	u16(w, &e->cols);
	str(w, &e->cwd);
	strings(w, &e->argc, e->argv, PROTO_ARGS_MAX);
	strings(w, &e->envc, e->env, PROTO_ENV_MAX);
	if (!e->argc)
		w->bad = true;
}

static void walk_started(struct walk *w, union proto_msg *m)
{
	u32(w, &m->started.pid);
	u64(w, &m->started.start_ns);
}

static void walk_output(struct walk *w, union proto_msg *m)
{
	u8(w, &m->output.stream);
	u64(w, &m->output.time_ns);
	rest(w, &m->output.bytes, &m->output.len);
}

static void walk_exit(struct walk *w, union proto_msg *m)
{
	u32(w, &m->exit.error);
	u32(w, &m->exit.code);
	u32(w, &m->exit.signal);
	u64(w, &m->exit.start_ns);
	u64(w, &m->exit.end_ns);
}

static void walk_input(struct walk *w, union proto_msg *m)
{
	rest(w, &m->input.bytes, &m->input.len);
}

static void walk_window_is(struct walk *w, union proto_msg *m)
{
	u64(w, &m->window_is.taken);
}

static void walk_resize(struct walk *w, union proto_msg *m)
{
	u16(w, &m->resize.rows);
	u16(w, &m->resize.cols);
}

static void walk_kill(struct walk *w, union proto_msg *m)
{
	u32(w, &m->kill.signal);
}

static void walk_nothing(struct walk *w, union proto_msg *m)
{
	(void)w;
	(void)m;
}

static void walk_put(struct walk *w, union proto_msg *m)
{
	u32(w, &m->put.mode);
	u64(w, &m->put.size);
	str(w, &m->put.path);
}

static void walk_write(struct walk *w, union proto_msg *m)
{
	str(w, &m->write.path);
	rest(w, &m->write.bytes, &m->write.len);
}

static void walk_get(struct walk *w, union proto_msg *m)
{
	str(w, &m->get.path);
}

static void walk_connect(struct walk *w, union proto_msg *m)
{
	str(w, &m->connect.path);
}

static void walk_watch(struct walk *w, union proto_msg *m)
{
	u32(w, &m->watch.interval_ms);
	str(w, &m->watch.pattern);
}

static void walk_sample(struct walk *w, union proto_msg *m)
{
	u64(w, &m->sample.time_ns);
	str(w, &m->sample.path);
	rest(w, &m->sample.bytes, &m->sample.len);
}

static void walk_clock(struct walk *w, union proto_msg *m)
{
	u64(w, &m->clock.monotonic_ns);
	u64(w, &m->clock.realtime_ns);
}

static void walk_done(struct walk *w, union proto_msg *m)
{
	u64(w, &m->done.value);
}

static void walk_error(struct walk *w, union proto_msg *m)
{
	u32(w, &m->error.error);
	str(w, &m->error.text);
}

static const struct {
	const char *name;
	void (*walk)(struct walk *w, union proto_msg *m);
} types[] = {
	[PROTO_HELLO] = { "HELLO", walk_hello },
	[PROTO_READY] = { "READY", walk_ready },
	[PROTO_EXEC] = { "EXEC", walk_exec },
	[PROTO_STARTED] = { "STARTED", walk_started },
	[PROTO_OUTPUT] = { "OUTPUT", walk_output },
	[PROTO_EXIT] = { "EXIT", walk_exit },
	[PROTO_INPUT] = { "INPUT", walk_input },
	[PROTO_WINDOW_IS] = { "WINDOW", walk_window_is },
	[PROTO_RESIZE] = { "RESIZE", walk_resize },
	[PROTO_KILL] = { "KILL", walk_kill },
	[PROTO_CANCEL] = { "CANCEL", walk_nothing },
	[PROTO_PUT] = { "PUT", walk_put },
	[PROTO_WRITE] = { "WRITE", walk_write },
	[PROTO_GET] = { "GET", walk_get },
	[PROTO_WATCH] = { "WATCH", walk_watch },
	[PROTO_SAMPLE] = { "SAMPLE", walk_sample },
	[PROTO_TIME] = { "TIME", walk_nothing },
	[PROTO_CLOCK] = { "CLOCK", walk_clock },
	[PROTO_DONE] = { "DONE", walk_done },
	[PROTO_ERROR] = { "ERROR", walk_error },
	[PROTO_CONNECT] = { "CONNECT", walk_connect },
};
_Static_assert(sizeof(types) / sizeof(types[0]) == PROTO_TYPE_COUNT, "a type without its walk");

static bool known(unsigned int type)
{
	return type < PROTO_TYPE_COUNT && types[type].walk;
}

const char *proto_type_name(unsigned int type)
{
	return known(type) ? types[type].name : NULL;
}

int proto_pack(enum proto_type type, const union proto_msg *m, uint8_t *out)
{
	struct walk w = { .out = out, .end = PROTO_PAYLOAD_MAX };

	if (!known(type))
		return -1;
	/* A walk that packs only reads the message. */
	types[type].walk(&w, (union proto_msg *)(uintptr_t)m);
	return w.bad ? -1 : (int)w.pos;
}

bool proto_unpack(const struct proto_frame *f, union proto_msg *m)
{
	struct walk w = { .in = f->payload, .end = f->len };

	if (!known(f->type))
		return false;
	if (f->version != PROTO_VERSION && f->type != PROTO_HELLO && f->type != PROTO_READY)
		return false;
	types[f->type].walk(&w, m);
	return !w.bad && w.pos == w.end;
}

/* ---- CRC ---- */

/*
 * Four bytes at a time: in L2 under emulation every instruction counts several times, and each
 * byte of a program or module that is sent passes here.
 */
static uint32_t crc_table[4][256];

/* Before main(): the harness's threads share it. */
__attribute__((constructor)) static void crc_init(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int k = 0; k < 8; k++)
			c = c & 1 ? 0xedb88320U ^ (c >> 1) : c >> 1;
		crc_table[0][i] = c;
	}
	for (int t = 1; t < 4; t++)
		for (uint32_t i = 0; i < 256; i++)
			crc_table[t][i] = crc_table[0][crc_table[t - 1][i] & 0xff] ^
					  (crc_table[t - 1][i] >> 8);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t proto_crc32(uint32_t crc, const void *data, size_t len)
{
	const uint8_t *p = data;

	crc = ~crc;
	for (; len >= 4; len -= 4, p += 4) {
		crc ^= get32(p);
		crc = crc_table[3][crc & 0xff] ^ crc_table[2][(crc >> 8) & 0xff] ^
		      crc_table[1][(crc >> 16) & 0xff] ^ crc_table[0][crc >> 24];
	}
	for (; len; len--, p++)
		crc = crc_table[0][(crc ^ *p) & 0xff] ^ (crc >> 8);
	return ~crc;
}

/* ---- frames ---- */

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, (uint16_t)v);
	put16(p + 2, (uint16_t)(v >> 16));
}

/* Copy, writing each 0x7e double; returns the bytes written. */
static size_t escape(uint8_t *out, const uint8_t *in, size_t len)
{
	uint8_t *o = out;

	while (len) {
		const uint8_t *m = memchr(in, MARK, len);
		size_t run = m ? (size_t)(m - in) + 1 : len;

		memcpy(o, in, run);
		o += run;
		if (m)
			*o++ = MARK_LITERAL;
		in += run;
		len -= run;
	}
	return (size_t)(o - out);
}

size_t proto_encode(const struct proto_frame *f, uint8_t *out, size_t cap)
{
	uint8_t header[PROTO_HEADER_SIZE], tail[PROTO_CRC_SIZE];
	size_t n = 2;

	if (f->len > PROTO_PAYLOAD_MAX || cap < PROTO_LINE_MAX(f->len))
		return 0;
	header[0] = f->version;
	header[1] = f->type;
	put16(header + 2, (uint16_t)f->len);
	put32(header + 4, f->session);
	put32(header + 8, f->seq);
	put32(header + 12, f->id);
	put32(tail, proto_crc32(proto_crc32(0, header, sizeof(header)), f->payload, f->len));

	out[0] = MARK;
	out[1] = MARK_BEGIN;
	n += escape(out + n, header, sizeof(header));
	n += escape(out + n, f->payload, f->len);
	n += escape(out + n, tail, sizeof(tail));
	return n;
}

bool proto_is_mark(const uint8_t *data, size_t len)
{
	return len >= 2 && data[0] == MARK && data[1] == MARK_BEGIN;
}

enum state {
	HUNTING = 0, /* outside a frame */
	MARK_SEEN,   /* outside a frame, 0x7e was the last byte */
	IN_BODY,
	BODY_MARK, /* in a frame, 0x7e was the last byte */
};

static void begin_body(struct proto_decoder *d)
{
	d->state = IN_BODY;
	d->have = 0;
	d->need = PROTO_HEADER_SIZE;
}

static void abandon(struct proto_decoder *d, enum state next)
{
	d->bad++;
	d->skipped += d->have;
	d->state = next;
}

static size_t take_hunting(struct proto_decoder *d, const uint8_t *data, size_t len)
{
	const uint8_t *m = memchr(data, MARK, len);
	size_t n = m ? (size_t)(m - data) : len;

	d->skipped += n;
	if (m)
		d->state = MARK_SEEN;
	return m ? n + 1 : n;
}

static void take_after_mark(struct proto_decoder *d, uint8_t c)
{
	if (c == MARK_BEGIN) {
		begin_body(d);
	} else if (c == MARK) {
		d->skipped++;
	} else {
		d->skipped += 2;
		d->state = HUNTING;
	}
}

static void take_body_mark(struct proto_decoder *d, uint8_t c)
{
	if (c == MARK_LITERAL) {
		d->body[d->have++] = MARK;
		d->state = IN_BODY;
	} else if (c == MARK_BEGIN) {
		abandon(d, HUNTING);
		begin_body(d);
	} else {
		abandon(d, c == MARK ? MARK_SEEN : HUNTING);
	}
}

static size_t take_body(struct proto_decoder *d, const uint8_t *data, size_t len)
{
	size_t want = d->need - d->have;
	size_t most = len < want ? len : want;
	const uint8_t *m = memchr(data, MARK, most);
	size_t n = m ? (size_t)(m - data) : most;

	memcpy(d->body + d->have, data, n);
	d->have += n;
	if (m)
		d->state = BODY_MARK;
	return m ? n + 1 : n;
}

/* The header is there: how long is the whole? */
static void read_header(struct proto_decoder *d)
{
	size_t len = (size_t)d->body[2] | (size_t)d->body[3] << 8;

	if (len > PROTO_PAYLOAD_MAX)
		abandon(d, HUNTING);
	else
		d->need = PROTO_HEADER_SIZE + len + PROTO_CRC_SIZE;
}

static bool finish(struct proto_decoder *d, struct proto_frame *f)
{
	const uint8_t *b = d->body;
	size_t len = d->need - PROTO_HEADER_SIZE - PROTO_CRC_SIZE;

	if (proto_crc32(0, b, d->need - PROTO_CRC_SIZE) != get32(b + d->need - PROTO_CRC_SIZE)) {
		abandon(d, HUNTING);
		return false;
	}
	*f = (struct proto_frame){
		.version = b[0],
		.type = b[1],
		.session = get32(b + 4),
		.seq = get32(b + 8),
		.id = get32(b + 12),
		.payload = b + PROTO_HEADER_SIZE,
		.len = len,
	};
	d->state = HUNTING;
	return true;
}

size_t proto_decode(struct proto_decoder *d, const uint8_t *data, size_t len, struct proto_frame *f,
		    bool *got)
{
	size_t used = 0;

	*got = false;
	while (used < len && !*got) {
		if (d->state == HUNTING)
			used += take_hunting(d, data + used, len - used);
		else if (d->state == MARK_SEEN)
			take_after_mark(d, data[used++]);
		else if (d->state == BODY_MARK)
			take_body_mark(d, data[used++]);
		else
			used += take_body(d, data + used, len - used);

		if (d->state != IN_BODY || d->have < d->need)
			continue;
		if (d->need == PROTO_HEADER_SIZE)
			read_header(d);
		else
			*got = finish(d, f);
	}
	return used;
}
