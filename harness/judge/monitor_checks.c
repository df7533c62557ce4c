// SPDX-License-Identifier: GPL-2.0-only
#include "judge/monitor_checks.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* -- how it ended -- */

char *how_it_ended(const struct seen *s)
{
	if (!strcmp(s->end, "exited"))
		return strf("exit code %" PRId64, s->code);
	if (!strcmp(s->end, "signal"))
		return strf("signal %" PRId64 " (%s)", s->code, strsignal((int)s->code));
	if (!strcmp(s->end, "deadline"))
		return xstrdup("still running at its deadline, killed");
	return xstrdup(
		"killed: too many calls to KVM, exits or processes for a guest of this kind");
}

bool has_ended(const struct seen *s)
{
	return !strcmp(s->end, "exited") || !strcmp(s->end, "signal");
}

void check_ends(const struct runs *r, struct test_result *t)
{
	struct tally y = { .unit = "run" };

	for (size_t i = 0; i < r->n; i++) {
		_cleanup_free_ char *how = how_it_ended(&r->v[i]);

		if (has_ended(&r->v[i]))
			tally_good(&y);
		else
			tally_bad(&y, "%s (%s)", how, r->v[i].twist);
	}
	tally_check(t, "the monitor ends", "by itself", &y, BY_WATCHING);
}

static unsigned int words_of(const struct seen *s, const char *words)
{
	return words ? count_words(&s->out, 0, words) + count_words(&s->err, 0, words) : 0;
}

bool has_noticed(const struct runs *r, const struct seen *s, const char *more)
{
	const struct seen *plain = run_with(r, "none");

	if (!strcmp(s->end, "signal"))
		return s->code == 6; /* SIGABRT */
	return !strcmp(s->end, "exited") &&
	       (s->code || words_of(s, r->wrong) + words_of(s, more) >
				   words_of(plain, r->wrong) + words_of(plain, more));
}

bool has_succeeded(const struct seen *s)
{
	return !strcmp(s->end, "exited") && !s->code;
}

bool was_right(const struct runs *r)
{
	const struct seen *plain = run_with(r, "none");

	return plain && has_succeeded(plain) && plain->has_halt;
}

bool has_printed_stranger(const struct seen *s)
{
	const char stranger = STRANGER;
	size_t from = 0;

	return find_bytes(&s->out, &from, &stranger, 1) || find_bytes(&s->err, &from, &stranger, 1);
}

/* -- what it printed -- */

bool is_serial(const struct runs *r, const struct left *x)
{
	return x->reason == EXIT_IO && x->out && x->size == 1 && x->port == r->serial;
}

void look_printed(const struct runs *r, const struct seen *s, struct tally *y)
{
	struct reader reader = { .s = s };

	for (size_t i = 0; i < s->n_exits; i++) {
		const struct left *x = &s->exits[i];
		_cleanup_free_ char *text = shown_bytes(&x->bytes);

		if (!is_serial(r, x))
			continue;
		if (read_text(&reader, x->bytes.data, x->bytes.len))
			tally_good(y);
		else
			tally_bad(y, "'%s' was sent, and not printed", text);
	}
}

/* -- the variants -- */

/* Many values can come with one exit. */
static char *look_number(const struct runs *r, const struct seen *s, const struct left *x,
			 struct reader *reader)
{
	uint32_t n;

	(void)r;
	(void)s;
	for (size_t i = 0; i + sizeof(n) <= x->bytes.len; i += sizeof(n)) {
		memcpy(&n, x->bytes.data + i, sizeof(n));
		if (!read_number(reader, n))
			return strf("%" PRIu32 " was not printed", n);
	}
	return NULL;
}

static char *look_exits(const struct runs *r, const struct seen *s, const struct left *x,
			struct reader *reader)
{
	(void)r;
	(void)s;
	(void)reader;
	if (exit_value(x) == x->total || exit_value(x) + 1 == x->total)
		return NULL;
	return strf("%" PRIu32 " at exit %" PRIu64, exit_value(x), x->total);
}

/* The exit that asks may be counted already, or not yet. */
static bool counts_ins(const struct left *x, uint64_t n)
{
	return n == x->ins || n + 1 == x->ins;
}

/* Each by a port of its own. */
static char *look_direction(const struct runs *r, const struct left *x)
{
	bool ins = x->port == r->exits_in;

	if (ins ? counts_ins(x, exit_value(x)) : exit_value(x) == x->outs)
		return NULL;
	return strf("%" PRIu32 " %s after %" PRIu64 " in and %" PRIu64 " out", exit_value(x),
		    ins ? "in" : "out", x->ins, x->outs);
}

/*
 * The first two numbers of the text: in, out. The exit that asks may be counted already, or not
 * yet.
 */
static char *look_directions(const struct runs *r, const struct seen *s, const struct left *x,
			     struct reader *reader)
{
	const char *p = buf_str(&x->text);
	uint64_t n[2] = { UINT64_MAX, UINT64_MAX };

	(void)s;
	(void)reader;
	if (x->port != r->exits_text)
		return look_direction(r, x);
	for (unsigned int i = 0; i < 2 && *p; i++) {
		p += strcspn(p, "0123456789");
		if (*p)
			n[i] = strtoull(p, (char **)(void *)&p, 10);
	}
	if (counts_ins(x, n[0]) && n[1] == x->outs)
		return NULL;
	if (!x->hva)
		return strf("%#" PRIx32 " is no address of the guest", exit_value(x));
	_cleanup_free_ char *text = shown_bytes(&x->text);

	return strf("'%s' after %" PRIu64 " in and %" PRIu64 " out", text, x->ins, x->outs);
}

static char *look_string(const struct runs *r, const struct seen *s, const struct left *x,
			 struct reader *reader)
{
	_cleanup_free_ char *text = shown_bytes(&x->text);

	if (!x->hva || !x->text.len || read_text(reader, x->text.data, x->text.len))
		return NULL;
	/* One that the memory's end cuts off may be refused. */
	if (x->hva + x->text.len == s->slot_host + s->slot_size && read_word(reader, r->invalid))
		return NULL;
	return strf("'%s' was not printed", text);
}

/* No address of the guest's memory is the answer for one that is nowhere. */
static char *look_no_hva(const struct seen *s, uint32_t asked, uint32_t told)
{
	/* 0 and -1 are what one would answer; by chance they can look like an address, too. */
	if (!told || told == UINT32_MAX || told == asked ||
	    told - (uint32_t)s->slot_host >= s->slot_size)
		return NULL;
	return strf("%#" PRIx32 " is nowhere, the monitor told %#" PRIx32, asked, told);
}

/* Asked by value, the address was given by the exit before it; else it lay in memory. */
static char *look_hva(const struct runs *r, const struct seen *s, const struct left *x,
		      struct reader *reader)
{
	const struct left *before = x > s->exits ? x - 1 : NULL;
	const struct left *from = x->port == r->translate_at ? x : before;
	uint32_t told = x->port == r->translate_at ? (uint32_t)x->answer : exit_value(x);
	uint32_t asked;

	(void)reader;
	if (!from || (from != x && (from->port != r->translate || !from->out)) ||
	    (from == x && !x->has_answer))
		return NULL;
	asked = from == x ? (uint32_t)x->asked : exit_value(from);
	if (!from->hva)
		return look_no_hva(s, asked, told);
	if (told == (uint32_t)from->hva)
		return NULL;
	return strf("%#" PRIx32 " is at %#" PRIx32 " (low half), the monitor told %#" PRIx32, asked,
		    (uint32_t)from->hva, told);
}

/*
 * Nothing tells the end of the monitor's last sentence: what was not matched yet must hold the
 * word.
 */
static char *look_invalid(const struct runs *r, const struct seen *s, const struct left *x,
			  struct reader *reader)
{
	uint32_t gva = x->has_answer ? (uint32_t)x->asked : exit_value(x);

	if (x->hva || read_word(reader, r->invalid))
		return NULL;
	if (!has_ended(s) || (!strcmp(s->end, "signal")))
		return strf("%#" PRIx32 ": a signal ended the monitor", gva);
	return strf("%#" PRIx32 ": no word of '%s' was printed", gva, r->invalid);
}

static bool is_of(const struct variant *v, const struct left *x)
{
	for (size_t i = 0; i < ARRAY_SIZE(v->ports); i++)
		if (v->ports[i].number && x->port == v->ports[i].number &&
		    x->out == v->ports[i].out)
			return true;
	return false;
}

bool is_offered(const struct variant *v)
{
	for (size_t i = 0; i < ARRAY_SIZE(v->ports); i++)
		if (v->ports[i].number)
			return true;
	return false;
}

void look_variant(const struct runs *r, const struct seen *s, const struct variant *v,
		     struct tally *y)
{
	struct reader reader = { .s = s };

	for (size_t i = 0; i < s->n_exits; i++) {
		const struct left *x = &s->exits[i];
		_cleanup_free_ char *wrong = NULL;

		if (x->reason != EXIT_IO || x->size != 4 || !is_of(v, x))
			continue;
		wrong = v->look(r, s, x, &reader);
		if (wrong)
			tally_bad(y, "%s", wrong);
		else
			tally_good(y);
	}
}

static bool is_nowhere(const struct runs *r, const struct left *x, bool strings)
{
	return x->reason == EXIT_IO && x->size == 4 && x->out && x->has_hva && !x->hva &&
	       (x->port == r->translate || x->port == r->translate_at ||
		(strings && x->port == r->string));
}

/*
 * Each of them: a word for one is none for the others. (A monitor that told the first one only
 * passed.) Which word was for which, nothing tells: those for translations come first, and a
 * monitor that looks there and not at strings has too few only for both.
 */
void look_told(const struct runs *r, const struct seen *s, bool strings, struct tally *y)
{
	unsigned int asked = 0, told = count_words(&s->out, 0, r->invalid) +
				       count_words(&s->err, 0, r->invalid);

	for (size_t i = 0; i < s->n_exits; i++)
		asked += is_nowhere(r, &s->exits[i], strings);
	if (asked && told < asked)
		tally_bad(y, "%u addresses were nowhere, and %u times a word of '%s' was printed",
			  asked, told, r->invalid);
}

void variants_of(const struct runs *r, struct variant v[VARIANTS])
{
	const uint64_t hva = r->translate ? r->hva : 0;
	const struct variant all[VARIANTS] = {
		{ "32-bit values", "each is printed", { { r->print32, true } }, look_number },
		{ "the number of exits", "as many as KVM_RUN came back", { { r->exits, false } },
		  look_exits },
		{ "the exits by direction", "in, then out, as they were",
		  { { r->exits_text, false }, { r->exits_in, false }, { r->exits_out, false } },
		  look_directions },
		{ "a string with one exit", "printed whole", { { r->string, true } }, look_string },
		{ "guest to host addresses", "by the guest's page tables and the memory slot",
		  { { hva, false }, { r->translate_at, true } }, look_hva },
		{ "an invalid guest address", "told, where there is no memory",
		  { { r->translate, true }, { r->translate_at, true } }, look_invalid },
		{ "a string at an invalid address", "told, where there is no memory",
		  { { r->string, true } }, look_invalid },
	};

	memcpy(v, all, sizeof(all));
}

/* -- */

bool runs_begin(const struct evidence *e, struct test_result *t, struct runs *r)
{
	const struct observation *wrong = obs_get(&e->obs, "words.wrong", 0);
	const struct observation *invalid = obs_get(&e->obs, "words.invalid", 0);
	const struct observation *promises = obs_get(&e->obs, "promises", 0);
	const struct observation *text = obs_get(&e->obs, "text", 0);

	*r = (struct runs){ .e = e,
			    .wrong = wrong ? wrong->str : "",
			    .invalid = invalid ? invalid->str : "",
			    .promises = promises ? promises->str : "",
			    .text = text ? text->str : "" };
	if (!check_program(e, t) || !want_u64(e, t, "memory", &r->memory) ||
	    !want_u64(e, t, "port.serial", &r->serial) ||
	    !want_u64(e, t, "port.print32", &r->print32) ||
	    !want_u64(e, t, "port.exits", &r->exits) ||
	    !want_u64(e, t, "port.exits_text", &r->exits_text) ||
	    !want_u64(e, t, "port.string", &r->string) ||
	    !want_u64(e, t, "port.translate", &r->translate) ||
	    !want_u64(e, t, "port.hva", &r->hva) ||
	    !want_u64(e, t, "port.exits_in", &r->exits_in) ||
	    !want_u64(e, t, "port.exits_out", &r->exits_out) ||
	    !want_u64(e, t, "port.translate_at", &r->translate_at))
		return false;
	runs_collect(r);
	if (!run_with(r, "none"))
		check_broken(t, "the runs", "one in which all is right", "there is none");
	return run_with(r, "none");
}
