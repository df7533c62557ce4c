// SPDX-License-Identifier: GPL-2.0-only
#include "suite/record.h"

#include <stdlib.h>
#include <string.h>

/*
 * "run", then a line "VERDICT\tNAME\tTEXT" for each of its lines or one "lost\tWHY", then "end": a
 * text that was cut is none.
 */
#define BEGIN "run"
#define END "end"
#define LOST "lost"

const char *const suite_change_names[SUITE_CHANGES] = { "same", "REGRESSED", "FIXED",
							"NEW",	"GONE",	     "unstable" };

/* ---- writing and reading ---- */

static void put_field(struct buf *text, const char *field)
{
	for (; *field; field++)
		buf_add(text, *field == '\t' || *field == '\n' ? " " : field, 1);
}

void suite_record_write(const struct suite_said *said, const char *lost, struct buf *text)
{
	buf_puts(text, BEGIN "\n");
	if (lost) {
		buf_puts(text, LOST "\t");
		put_field(text, lost);
		buf_puts(text, "\n");
	}
	for (size_t i = 0; !lost && i < said->n; i++) {
		buf_printf(text, "%s\t", suite_verdict_names[said->v[i].verdict]);
		put_field(text, said->v[i].name);
		buf_puts(text, "\t");
		put_field(text, said->v[i].text ? said->v[i].text : "");
		buf_puts(text, "\n");
	}
	buf_puts(text, END "\n");
}

static int verdict_of(const char *word, size_t n)
{
	for (int v = 0; v < SUITE_VERDICTS; v++)
		if (strlen(suite_verdict_names[v]) == n &&
		    !strncmp(word, suite_verdict_names[v], n))
			return v;
	return -1;
}

/* As it was named then: masked and numbered already. */
static void add_line(struct suite_said *said, enum suite_verdict v, char *name, const char *text)
{
	said->v = xrealloc(said->v, said->n + 1, sizeof(*said->v));
	said->v[said->n++] = (struct suite_line){ .name = name,
						  .verdict = v,
						  .text = *text ? xstrdup(text) : NULL };
}

static bool take_line(struct suite_record *r, const char *line)
{
	const char *tab = strchr(line, '\t'), *second = tab ? strchr(tab + 1, '\t') : NULL;
	int v = tab ? verdict_of(line, (size_t)(tab - line)) : -1;

	if (str_starts(line, LOST "\t")) {
		str_set(&r->run[r->n].lost, line + strlen(LOST "\t"));
		return true;
	}
	if (v < 0 || !second || second == tab + 1)
		return false;
	add_line(&r->run[r->n].said, (enum suite_verdict)v,
		 xstrndup(tab + 1, (size_t)(second - tab - 1)), second + 1);
	return true;
}

/* A program's end is told always. */
static bool close_run(struct suite_record *r)
{
	bool whole = r->run[r->n].lost || suite_said_find(&r->run[r->n].said, SUITE_PROGRAM);

	r->n++;
	return whole;
}

bool suite_record_read(const char *text, struct suite_record *r)
{
	_cleanup_strv_ struct strv lines = { 0 };
	bool open = false;

	*r = (struct suite_record){ 0 };
	strv_split(&lines, text, "\n");
	for (size_t i = 0; i < lines.n; i++) {
		const char *line = lines.v[i];
		bool begins = !strcmp(line, BEGIN), ends = !strcmp(line, END);

		if (begins == open || (begins && r->n == SUITE_RECORDS))
			return false;
		if (!begins && !(ends ? close_run(r) : take_line(r, line)))
			return false;
		open = !ends;
	}
	return r->n && !open;
}

void suite_record_free(struct suite_record *r)
{
	for (unsigned int i = 0; i < SUITE_RECORDS_MOST; i++) {
		suite_said_free(&r->run[i].said);
		free(r->run[i].lost);
	}
	*r = (struct suite_record){ 0 };
}

bool suite_record_add(struct suite_record *r, const char *text)
{
	struct suite_record one;
	bool ok = suite_record_read(text, &one) && one.n == 1 && r->n < SUITE_RECORDS_MOST;

	if (ok) {
		r->run[r->n].said = one.run[0].said;
		r->run[r->n++].lost = one.run[0].lost;
		one.run[0].said = (struct suite_said){ 0 };
		one.run[0].lost = NULL;
	}
	suite_record_free(&one);
	return ok;
}

bool suite_record_lost(const struct suite_record *r)
{
	for (unsigned int i = 0; i < r->n; i++)
		if (!r->run[i].lost)
			return false;
	return r->n;
}

/* ---- comparing ---- */

/* What a line was on the unpatched kernel, in all of its runs. */
struct past {
	bool unstable, there;
	bool texts_differ; /* of one verdict, from run to run */
	enum suite_verdict verdict;
	const struct suite_line *line; /* of the first run that has it */
};

/* Fails now as it did then? "The exact same failure", but for its numbers. */
static bool same_text(const struct suite_line *a, const struct suite_line *b)
{
	_cleanup_free_ char *x = suite_masked(a->text ? a->text : ""),
			    *y = suite_masked(b->text ? b->text : "");

	return !strcmp(x, y);
}

static struct past past_of(const struct suite_record *r, const char *name)
{
	struct past p = { 0 };

	for (unsigned int i = 0; i < r->n; i++) {
		const struct suite_line *l = suite_said_find(&r->run[i].said, name);

		if (i && (!l != !p.line || (l && l->verdict != p.verdict)))
			p.unstable = true;
		if (l && p.line && !same_text(l, p.line))
			p.texts_differ = true;
		if (l && !p.line) {
			p.line = l;
			p.verdict = l->verdict;
		}
	}
	p.there = p.line;
	return p;
}

/* Of a program that ended early, what would have come behind that was not reached. */
static bool ended_early(const struct suite_record *r)
{
	struct past p = past_of(r, SUITE_PROGRAM);

	return p.unstable || !p.there || p.verdict == SUITE_FAIL;
}

static enum suite_change change_of(const struct suite_line *now, const struct past *p)
{
	if (p->unstable)
		return SUITE_UNSTABLE;
	if (!now)
		return SUITE_GONE;
	if (!p->there)
		return SUITE_NEW;
	if (now->verdict == p->verdict && now->verdict == SUITE_FAIL && !p->texts_differ)
		return same_text(now, p->line) ? SUITE_SAME : SUITE_REGRESSED;
	if (now->verdict == p->verdict)
		return SUITE_SAME;
	if (p->verdict == SUITE_PASS)
		return SUITE_REGRESSED;
	if (p->verdict == SUITE_SKIP)
		return SUITE_NEW;
	return now->verdict == SUITE_PASS ? SUITE_FIXED : SUITE_GONE;
}

static bool is_wrong(const struct suite_compared *c, const struct past *p, bool early)
{
	switch (c->change) {
	case SUITE_REGRESSED:
		return true;
	case SUITE_GONE:
		return p->verdict == SUITE_PASS;
	case SUITE_NEW:
		return c->now->verdict == SUITE_FAIL && (p->there || !early);
	default:
		return false;
	}
}

bool suite_is_doubtful(const struct suite_compared *c)
{
	return c->wrong ||
	       (c->change == SUITE_UNSTABLE && c->now && c->now->verdict == SUITE_FAIL);
}

void suite_compare(const struct suite_said *now, const struct suite_record *then,
		   void (*told)(void *ctx, const struct suite_compared *c), void *ctx)
{
	bool early = ended_early(then);
	struct past p;

	for (size_t i = 0; i < now->n; i++) {
		struct suite_compared c = { .name = now->v[i].name, .now = &now->v[i] };

		p = past_of(then, c.name);
		c.then = p.line;
		c.change = change_of(c.now, &p);
		c.wrong = is_wrong(&c, &p, early);
		told(ctx, &c);
	}
	/* What only some of the runs have is unstable: it is in the first one, or no matter. */
	for (size_t i = 0; then->n && i < then->run[0].said.n; i++) {
		struct suite_compared c = { .name = then->run[0].said.v[i].name };

		if (suite_said_find(now, c.name))
			continue;
		p = past_of(then, c.name);
		c.then = p.line;
		c.change = change_of(NULL, &p);
		c.wrong = is_wrong(&c, &p, early);
		told(ctx, &c);
	}
}
