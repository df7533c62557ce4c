// SPDX-License-Identifier: GPL-2.0-only
#include "judge/monitor_runs.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/lines.h"

/* -- what was seen -- */

static void add_hex(struct buf *b, const char *hex)
{
	unsigned int byte;

	for (; hex[0] && hex[1]; hex += 2) {
		char c;

		if (sscanf(hex, "%2x", &byte) != 1)
			return;
		c = (char)byte;
		buf_add(b, &c, 1);
	}
}

static void add_call(struct seen *s, const char *name)
{
	s->calls = xrealloc(s->calls, s->n_calls + 1, sizeof(*s->calls));
	s->calls[s->n_calls++] = (struct call){ .name = name };
}

static void add_exit(struct seen *s, uint64_t reason)
{
	s->exits = xrealloc(s->exits, s->n_exits + 1, sizeof(*s->exits));
	s->exits[s->n_exits++] = (struct left){ .reason = reason, .mode = "" };
}

#define SEEN_U64(key, field)                                                                       \
	{                                                                                          \
		key, offsetof(struct seen, field), 0                                               \
	}
#define SEEN_FIRST(key, field, has)                                                                \
	{                                                                                          \
		key, offsetof(struct seen, field), offsetof(struct seen, has)                      \
	}

static const struct seen_key {
	const char *key;
	size_t field, has; /* has 0: none */
} seen_keys[] = {
	SEEN_FIRST("slot.guest", slot_guest, has_slot),
	SEEN_U64("slot.size", slot_size),
	SEEN_U64("slot.host", slot_host),
	SEEN_FIRST("tss", tss, has_tss),
	SEEN_FIRST("map.told", map_told, has_map),
	SEEN_U64("map.size", map_size),
	SEEN_U64("map.shared", map_shared),
	SEEN_FIRST("start.at", start_at, has_start),
	SEEN_U64("start.flags", start_flags),
	SEEN_FIRST("halt.eax", halt_eax, has_halt),
	SEEN_U64("halt.stored", halt_stored),
	SEEN_U64("halt.page", halt_page),
	SEEN_U64("twisted", twisted),
	SEEN_U64("went_on", went_on),
};

static void take_number(struct seen *s, const struct observation *o)
{
	for (size_t i = 0; i < ARRAY_SIZE(seen_keys); i++) {
		const struct seen_key *k = &seen_keys[i];

		if (strcmp(k->key, o->key))
			continue;
		*(uint64_t *)(void *)((char *)s + k->field) = o->u64;
		if (k->has)
			*((bool *)s + k->has) = true;
	}
}

#define LEFT_U64(key, field)                                                                       \
	{                                                                                          \
		key, offsetof(struct left, field)                                                  \
	}

static const struct left_key {
	const char *key;
	size_t field;
} left_keys[] = {
	LEFT_U64("exit.port", port),   LEFT_U64("exit.out", out), LEFT_U64("exit.size", size),
	LEFT_U64("exit.made", made),   LEFT_U64("exit.ins", ins), LEFT_U64("exit.outs", outs),
	LEFT_U64("exit.total", total), LEFT_U64("exit.hva", hva), LEFT_U64("exit.count", count),
	LEFT_U64("exit.asked", asked), LEFT_U64("exit.answer", answer),
};

static void take_exit(struct left *x, const struct observation *o)
{
	for (size_t i = 0; i < ARRAY_SIZE(left_keys); i++)
		if (!strcmp(left_keys[i].key, o->key))
			*(uint64_t *)(void *)((char *)x + left_keys[i].field) = o->u64;
	if (!strcmp(o->key, "exit.hva"))
		x->has_hva = true;
	else if (!strcmp(o->key, "exit.answer"))
		x->has_answer = true;
	else if (!strcmp(o->key, "exit.mode"))
		x->mode = o->str;
	else if (!strcmp(o->key, "exit.bytes"))
		add_hex(&x->bytes, o->str);
	else if (!strcmp(o->key, "exit.text"))
		add_hex(&x->text, o->str);
}

static void take_other(struct other *other, const char *key, const struct observation *o)
{
	if (!strcmp(key, "out"))
		add_hex(&other->out, o->str);
	else if (!strcmp(key, "end"))
		other->end = o->str;
	else if (!strcmp(key, "code"))
		other->code = (int64_t)o->u64;
}

static void take(struct seen *s, const struct observation *o)
{
	if (!strcmp(o->key, "twist"))
		s->twist = o->str;
	else if (!strcmp(o->key, "call"))
		add_call(s, o->str);
	else if (!strcmp(o->key, "call.result") && s->n_calls)
		s->calls[s->n_calls - 1].result = (int64_t)o->u64;
	else if (!strcmp(o->key, "exit.reason"))
		add_exit(s, o->u64);
	else if (str_starts(o->key, "exit.") && s->n_exits)
		take_exit(&s->exits[s->n_exits - 1], o);
	else if (str_starts(o->key, "alone."))
		take_other(&s->alone, o->key + strlen("alone."), o);
	else if (str_starts(o->key, "beside."))
		take_other(&s->beside, o->key + strlen("beside."), o);
	else if (!strcmp(o->key, "halt.mode"))
		s->halt_mode = o->str;
	else if (!strcmp(o->key, "given"))
		s->given = o->str;
	else if (!strcmp(o->key, "out"))
		add_hex(&s->out, o->str);
	else if (!strcmp(o->key, "err"))
		add_hex(&s->err, o->str);
	else if (!strcmp(o->key, "end"))
		s->end = o->str;
	else if (!strcmp(o->key, "end.code"))
		s->code = (int64_t)o->u64;
	else
		take_number(s, o);
}

void runs_collect(struct runs *r)
{
	const struct observations *o = &r->e->obs;

	for (size_t i = 0; i < o->n; i++) {
		if (!strcmp(o->v[i].key, "run")) {
			r->v = xrealloc(r->v, r->n + 1, sizeof(*r->v));
			r->v[r->n++] = (struct seen){
				.mode = o->v[i].str, .twist = "", .end = "", .halt_mode = ""
			};
		} else if (r->n) {
			take(&r->v[r->n - 1], &o->v[i]);
		}
	}
}

void runs_free(struct runs *r)
{
	for (size_t i = 0; i < r->n; i++) {
		struct seen *s = &r->v[i];

		for (size_t k = 0; k < s->n_exits; k++) {
			buf_free(&s->exits[k].bytes);
			buf_free(&s->exits[k].text);
		}
		free(s->calls);
		free(s->exits);
		buf_free(&s->out);
		buf_free(&s->err);
		buf_free(&s->alone.out);
		buf_free(&s->beside.out);
	}
	free(r->v);
}

const struct seen *run_with(const struct runs *r, const char *twist)
{
	for (size_t i = 0; i < r->n; i++)
		if (!strcmp(r->v[i].twist, twist))
			return &r->v[i];
	return NULL;
}

/* -- what it printed -- */

bool find_bytes(const struct buf *b, size_t *from, const void *what, size_t len)
{
	const char *at =
		b->len > *from && len ? memmem(b->data + *from, b->len - *from, what, len) : NULL;

	if (at)
		*from = (size_t)(at - b->data) + len;
	return at;
}

bool read_text(struct reader *r, const void *what, size_t len)
{
	return find_bytes(&r->s->out, &r->out, what, len) ||
	       find_bytes(&r->s->err, &r->err, what, len);
}

/* Not in the middle of a longer number: 11 is not printed by "0x5112a000". Zeros in front are none. */
static bool is_whole_number(const struct buf *b, size_t at, size_t len)
{
	size_t end = at + len;

	if (end < b->len && (isxdigit((unsigned char)b->data[end]) || strchr("xX", b->data[end])))
		return false;
	while (at && b->data[at - 1] == '0')
		at--;
	return !at || !isxdigit((unsigned char)b->data[at - 1]);
}

/* Where behind from the first whole one of this text ends; 0: there is none. */
static size_t find_whole(const struct buf *b, size_t from, const char *text)
{
	size_t len = strlen(text);

	while (find_bytes(b, &from, text, len)) {
		if (is_whole_number(b, from - len, len))
			return from;
		from -= len - 1;
	}
	return 0;
}

typedef char number_text[16];
#define NUMBER_FORMS 3

static bool read_whole(const struct buf *b, size_t *from, number_text *forms)
{
	size_t first = 0;

	for (size_t i = 0; i < NUMBER_FORMS; i++) {
		size_t end = find_whole(b, *from, forms[i]);

		if (end && (!first || end < first))
			first = end;
	}
	if (first)
		*from = first;
	return first;
}

/* One that stands against letters or digits ("n11b") is the last that is looked for. */
bool read_number(struct reader *r, uint32_t n)
{
	number_text forms[NUMBER_FORMS];

	snprintf(forms[0], sizeof(forms[0]), "%" PRIu32, n);
	snprintf(forms[1], sizeof(forms[1]), "%" PRIx32, n);
	snprintf(forms[2], sizeof(forms[2]), "%" PRIX32, n);
	if (read_whole(&r->s->out, &r->out, forms) || read_whole(&r->s->err, &r->err, forms))
		return true;
	for (size_t i = 0; i < NUMBER_FORMS; i++)
		if (read_text(r, forms[i], strlen(forms[i])))
			return true;
	return false;
}

/* How often one of these words is in it, in any case of letters. */
unsigned int count_words(const struct buf *b, size_t from, const char *words)
{
	_cleanup_strv_ struct strv list = { 0 };
	unsigned int n = 0;

	strv_split(&list, words, " ");
	for (size_t i = 0; i < list.n; i++)
		for (const char *p = buf_str(b) + (from < b->len ? from : b->len);
		     (p = strcasestr(p, list.v[i])); p++)
			n++;
	return n;
}

bool has_promised(const struct runs *r, const char *what)
{
	_cleanup_strv_ struct strv list = { 0 };

	strv_split(&list, r->promises, " ");
	return strv_has(&list, what);
}

bool read_word(struct reader *r, const char *words)
{
	return count_words(&r->s->out, r->out, words) || count_words(&r->s->err, r->err, words);
}

char *shown_bytes(const struct buf *b)
{
	return printable(buf_str(b), b->len, 60);
}

uint32_t exit_value(const struct left *x)
{
	uint32_t v = 0;

	if (x->bytes.len >= sizeof(v))
		memcpy(&v, x->bytes.data, sizeof(v));
	return v;
}
