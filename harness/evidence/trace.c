// SPDX-License-Identifier: GPL-2.0-only
#include "evidence/trace.h"

#include <stdlib.h>
#include <string.h>

#include "evidence/lines.h"

#define OPEN_RECORDS 64 /* threads that may be in the middle of a record at a time */
#define HITS_PER_EVENT 128

/*
 * A record that a thread has begun. Register values stay text until it ends: only the whole tells
 * their base.
 */
struct draft {
	bool used;
	int64_t tid;
	size_t record; /* its place in the records */
	int opened_by;
	bool again; /* the opening field came once more, with the same value */
	unsigned int again_line;
	char values[FIELD_COUNT][sizeof(((struct trace_hit *)0)->text)];
};

struct collector {
	const struct trace_contract *contract;
	struct trace_records *out;
	struct draft drafts[OPEN_RECORDS];
	size_t next_victim;
	size_t room;	  /* records that out->v can hold */
	int64_t last_tid; /* of the last event: a line without header goes on with it */
	double last_seconds;
};

static void refuse(struct trace_records *r, unsigned int line, const char *what, const char *text,
		   size_t len)
{
	if (!r->refused++) {
		_cleanup_free_ char *clean = printable(text, len, 120);

		r->refusal = strf("line %u: %s: %s", line, what, clean);
		r->refused_line = line;
	}
}

/* --- ending a record --- */

static void set_registers(const struct collector *c, const struct draft *d,
			  struct trace_record *rec)
{
	bool hex = false;

	for (int r = 0; r < VREG_COUNT; r++)
		hex |= trace_looks_hex(d->values[r]);
	for (int r = 0; r < VREG_COUNT; r++) {
		if (!d->values[r][0])
			continue;
		if (trace_register_value(c->contract, d->values[r], hex, &rec->regs[r]))
			rec->have_regs |= 1U << r;
		else
			refuse(c->out, rec->line, "not a register's value", d->values[r],
			       strlen(d->values[r]));
	}
}

static bool id_field(const struct collector *c, const struct draft *d, int field, int64_t *value)
{
	const char *text = d->values[field];

	if (!text[0])
		return false;
	if (trace_id_value(c->contract, text, value))
		return true;
	refuse(c->out, c->out->v[d->record].line, "not a number of 64 bits", text, strlen(text));
	return false;
}

static void end_record(struct collector *c, struct draft *d)
{
	struct trace_record *rec = &c->out->v[d->record];
	int64_t exits = 0;

	rec->has_vcpu_id = id_field(c, d, FIELD_VCPU_ID, &rec->vcpu_id);
	rec->has_pid = id_field(c, d, FIELD_PID, &rec->pid);
	rec->has_num_exits = id_field(c, d, FIELD_NUM_EXITS, &exits) && exits >= 0;
	rec->num_exits = (uint64_t)exits;
	set_registers(c, d, rec);
	d->used = false;
}

/* --- beginning one --- */

static struct draft *find_draft(struct collector *c, int64_t tid)
{
	for (size_t i = 0; i < OPEN_RECORDS; i++)
		if (c->drafts[i].used && c->drafts[i].tid == tid)
			return &c->drafts[i];
	return NULL;
}

static struct draft *free_draft(struct collector *c)
{
	struct draft *d;

	for (size_t i = 0; i < OPEN_RECORDS; i++)
		if (!c->drafts[i].used)
			return &c->drafts[i];
	d = &c->drafts[c->next_victim];
	c->next_victim = (c->next_victim + 1) % OPEN_RECORDS;
	end_record(c, d);
	return d;
}

static size_t add_record(struct collector *c, const struct trace_record *rec)
{
	struct trace_records *r = c->out;

	if (r->n == c->room) {
		c->room = c->room ? 2 * c->room : 16;
		r->v = xrealloc(r->v, c->room, sizeof(*r->v));
	}
	r->v[r->n] = *rec;
	return r->n++;
}

static struct draft *begin_record(struct collector *c, int64_t tid, int field, unsigned int line)
{
	struct trace_record rec = {
		.tid = tid, .has_tid = tid >= 0, .seconds = c->last_seconds, .line = line
	};
	struct draft *d = free_draft(c);

	*d = (struct draft){
		.used = true, .tid = tid, .opened_by = field, .record = add_record(c, &rec)
	};
	return d;
}

/* --- filling one --- */

static void set_value(struct draft *d, const struct trace_hit *h)
{
	memcpy(d->values[h->field], h->text, sizeof(h->text));
}

/*
 * Does this value belong to the record that the thread has open? The same value twice is usually
 * one record that names itself twice ("vcpu id: 0", "vcpu 0 pid: 12"); when its opening field did
 * that, the next field tells: one that the record has already belongs to a new record.
 */
static bool goes_on(struct draft *d, const struct trace_hit *h, unsigned int line)
{
	bool has = d->values[h->field][0], same = has && !strcmp(d->values[h->field], h->text);

	if (h->field == d->opened_by && same) {
		/* A second repetition: the first one was a record with nothing else in it. */
		if (d->again)
			return false;
		d->again = true;
		d->again_line = line;
		return true;
	}
	return !has || (same && !d->again);
}

static struct draft *next_record(struct collector *c, struct draft *d, const struct trace_hit *h,
				 unsigned int line)
{
	struct trace_hit opening = { .field = d->opened_by };
	bool again = d->again && h->field != d->opened_by;
	unsigned int again_line = d->again_line;
	struct draft *new;

	memcpy(opening.text, d->values[d->opened_by], sizeof(opening.text));
	end_record(c, d);
	new = begin_record(c, d->tid, again ? opening.field : h->field, again ? again_line : line);
	if (again)
		set_value(new, &opening);
	return new;
}

static void take_hit(struct collector *c, const struct trace_hit *h, int64_t tid, unsigned int line)
{
	struct draft *d = find_draft(c, tid);

	if (!h->text[0]) {
		refuse(c->out, line, "a number too long to be one", "", 0);
		return;
	}
	if (d && goes_on(d, h, line)) {
		set_value(d, h);
		return;
	}
	if (c->out->n >= TRACE_RECORDS_MAX) {
		refuse(c->out, line, "too many records", "", 0);
		return;
	}
	d = d ? next_record(c, d, h, line) : begin_record(c, tid, h->field, line);
	set_value(d, h);
}

static void take_event(struct collector *c, const struct trace_line *l, unsigned int number)
{
	struct trace_hit hits[HITS_PER_EVENT];
	bool gave_up;
	size_t n;

	if (l->kind == TRACE_EVENT) {
		c->last_tid = l->tid;
		c->last_seconds = l->seconds;
	}
	n = trace_contract_match(c->contract, l, hits, HITS_PER_EVENT, &gave_up);
	if (gave_up)
		refuse(c->out, number, "a pattern gave up", l->message, l->message_len);
	for (size_t i = 0; i < n; i++)
		take_hit(c, &hits[i], c->last_tid, number);
}

static void collector_init(struct collector *c, const struct trace_contract *contract,
			   struct trace_records *out)
{
	*c = (struct collector){ .contract = contract, .out = out, .last_tid = -1 };
}

static void collector_end(struct collector *c)
{
	for (size_t i = 0; i < OPEN_RECORDS; i++)
		if (c->drafts[i].used)
			end_record(c, &c->drafts[i]);
}

/* One piece of a line: an event, or a loss. */
static void collect(struct collector *c, const struct trace_line *l, unsigned int number)
{
	if (l->kind == TRACE_LOST)
		c->out->lost += l->lost;
	else if (l->kind != TRACE_COMMENT && c->contract)
		take_event(c, l, number);
}

void trace_records_free(struct trace_records *r)
{
	free(r->v);
	free(r->refusal);
	*r = (struct trace_records){ 0 };
}

/* --- the stream --- */

struct trace_stream {
	struct lines lines;
	enum trace_cut_state state;
	char *begin, *end; /* the markers looked for */
	struct collector collector;
	struct trace_records records;
};

char *trace_marker(bool end, const char *name, const char *nonce)
{
	return strf("nestlab: %s %s %s", end ? "end" : "begin", name, nonce);
}

/*
 * Whichever function wrote it: newer kernels renamed the one behind trace_marker. The nonce is
 * proof enough.
 */
static bool is_marker(const struct trace_line *l, const char *marker)
{
	return l->kind == TRACE_EVENT && l->message_len == strlen(marker) &&
	       !memcmp(l->message, marker, l->message_len);
}

static void take_piece(struct trace_stream *s, const struct trace_line *l, unsigned int number)
{
	if (s->state == CUT_AWAITED && is_marker(l, s->begin)) {
		s->state = CUT_OPEN;
		s->records.first_line = number;
	} else if (s->state == CUT_OPEN && is_marker(l, s->end)) {
		s->state = CUT_COMPLETE;
		s->records.last_line = number;
		s->records.complete = true;
	} else if (s->state == CUT_OPEN) {
		collect(&s->collector, l, number);
	}
}

static void on_stream_line(void *ctx, const char *text, size_t len, unsigned int number, bool cut)
{
	struct trace_stream *s = ctx;
	struct trace_line l;

	if (cut && s->state == CUT_OPEN)
		refuse(&s->records, number, "the line is too long", text, len);
	for (size_t done = 0; done < len;) {
		done += trace_parse_line(text + done, len - done, &l);
		take_piece(s, &l, number);
	}
}

struct trace_stream *trace_stream_new(void)
{
	struct trace_stream *s = xcalloc(1, sizeof(*s));

	s->lines = (struct lines){ .max = TRACE_LINE_MAX, .on_line = on_stream_line, .ctx = s };
	return s;
}

void trace_stream_feed(struct trace_stream *s, const void *data, size_t len)
{
	lines_feed(&s->lines, data, len);
}

void trace_take(struct trace_stream *s, struct trace_records *records)
{
	if (s->state != CUT_NONE)
		collector_end(&s->collector);
	*records = s->records;
	s->records = (struct trace_records){ 0 };
	s->state = CUT_NONE;
}

void trace_cut(struct trace_stream *s, const struct trace_contract *c, const char *name,
	       const char *nonce)
{
	struct trace_records earlier;

	trace_take(s, &earlier);
	trace_records_free(&earlier);
	free(s->begin);
	free(s->end);
	s->begin = trace_marker(false, name, nonce);
	s->end = trace_marker(true, name, nonce);
	collector_init(&s->collector, c, &s->records);
	s->state = CUT_AWAITED;
}

enum trace_cut_state trace_cut_state(const struct trace_stream *s)
{
	return s->state;
}

void trace_stream_free(struct trace_stream *s)
{
	struct trace_records left;

	if (!s)
		return;
	trace_take(s, &left);
	trace_records_free(&left);
	lines_free(&s->lines);
	free(s->begin);
	free(s->end);
	free(s);
}
