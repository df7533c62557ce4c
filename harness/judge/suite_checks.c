// SPDX-License-Identifier: GPL-2.0-only
#include "judge/suite_checks.h"

#include <stdlib.h>
#include <string.h>

#include "judge/checks.h"

#define BY_BASELINE "the same test on the unpatched kernel, in the same lane"
#define KNOWN_CHECK "its known failure"

struct judging {
	const struct suite_judging *j;
	struct test_result *t;
	unsigned int *counts;
};

static const char *text_of(const struct suite_line *l, const char *none)
{
	return l->text && *l->text ? l->text : none;
}

/* "fail (not ok 3 x)", "skip (no nested SVM)", "it is not there". */
static char *tell_line(const struct suite_line *l)
{
	if (!l)
		return xstrdup("it is not there");
	if (!l->text || !*l->text)
		return xstrdup(suite_verdict_names[l->verdict]);
	return strf("%s (%s)", suite_verdict_names[l->verdict], l->text);
}

static void refer(const struct suite_judging *j, const struct suite_line *l, struct check_result *c)
{
	if (l && l->verdict != SUITE_SKIP)
		result_set_ref(c, j->file, l->at, l->at);
}

/* " (known: ...)" or "". The caller owns it. */
static char *known_text(const struct suite_judging *j, const char *name)
{
	const char *why = suite_known_why(j->known, j->test, name);

	return why ? strf(" (known: %s)", why) : xstrdup("");
}

/* ---- beside the unpatched kernel ---- */

static void check_wrong(const struct judging *g, const struct suite_compared *c)
{
	_cleanup_free_ char *now = tell_line(c->now), *then = tell_line(c->then);
	_cleanup_free_ char *known = known_text(g->j, c->name);
	_cleanup_free_ char *expected = strf("as on the unpatched kernel: %s", then);
	_cleanup_free_ char *observed = strf("%s: %s%s", suite_change_names[c->change], now, known);

	refer(g->j, c->now, check_that(g->t, c->name, false, expected, observed, BY_BASELINE));
}

static void check_passed(const struct judging *g, const struct suite_compared *c)
{
	_cleanup_free_ char *then = tell_line(c->then);
	_cleanup_free_ char *observed = c->change == SUITE_SAME
						? xstrdup("pass")
						: strf("pass (%s; on the unpatched kernel: %s)",
						       suite_change_names[c->change], then);

	refer(g->j, c->now, check_that(g->t, c->name, true, "it passes", observed, BY_BASELINE));
}

static void skip_unjudged(const struct judging *g, const struct suite_compared *c)
{
	_cleanup_free_ char *now = tell_line(c->now), *then = tell_line(c->then);
	_cleanup_free_ char *known = known_text(g->j, c->name), *why = NULL;

	if (c->change == SUITE_SAME && c->now->verdict == SUITE_SKIP)
		why = xstrdup(text_of(c->now, "it said that it is skipped"));
	else if (c->change == SUITE_SAME)
		why = strf("fails on the unpatched kernel in the same way%s: %s", known,
			   text_of(c->now, "no reason told"));
	else
		why = strf("%s: %s; on the unpatched kernel: %s%s", suite_change_names[c->change],
			   now, then, known);
	check_skip(g->t, c->name, why);
}

static void on_compared(void *ctx, const struct suite_compared *c)
{
	const struct judging *g = ctx;

	g->counts[c->change]++;
	if (c->wrong)
		check_wrong(g, c);
	else if (c->now && c->now->verdict == SUITE_PASS)
		check_passed(g, c);
	else
		skip_unjudged(g, c);
}

/* ---- alone ---- */

static void check_failed(const struct suite_judging *j, const struct suite_line *l,
			 struct test_result *t)
{
	const char *why = suite_known_why(j->known, j->test, l->name);
	_cleanup_free_ char *known =
		why ? strf("known: %s (%s)", why, text_of(l, "no reason told")) : NULL;

	if (known)
		check_skip(t, l->name, known);
	else
		refer(j, l, check_that(t, l->name, false, "it passes", text_of(l, "fail"), NULL));
}

static void check_alone(const struct suite_judging *j, struct test_result *t)
{
	for (size_t i = 0; i < j->now->n; i++) {
		const struct suite_line *l = &j->now->v[i];

		if (l->verdict == SUITE_PASS)
			refer(j, l, check_that(t, l->name, true, "it passes", "pass", NULL));
		else if (l->verdict == SUITE_SKIP)
			check_skip(t, l->name, text_of(l, "it said that it is skipped"));
		else
			check_failed(j, l, t);
	}
}

/* ---- the whole ---- */

/* An entry that outlives its failure would hide the next one's beginning. */
static void tell_known(const struct suite_judging *j, struct test_result *t)
{
	const char *why = suite_known_why(j->known, j->test, NULL);
	_cleanup_free_ char *text = NULL;

	for (size_t i = 0; why && i < j->now->n; i++)
		if (j->now->v[i].verdict != SUITE_PASS &&
		    suite_known_why(j->known, j->test, j->now->v[i].name))
			return;
	if (!why)
		return;
	text = strf("the suite's .known expects one (%s), and there is none: its line can go", why);
	check_skip(t, KNOWN_CHECK, text)->preparatory = true;
}

void suite_checks(const struct suite_judging *j, struct test_result *t,
		  unsigned int counts[SUITE_CHANGES])
{
	struct judging g = { j, t, counts };

	if (j->then->n)
		suite_compare(j->now, j->then, on_compared, &g);
	else
		check_alone(j, t);
	tell_known(j, t);
}

/* ---- again, alone ---- */

static void note_doubt(void *ctx, const struct suite_compared *c)
{
	*(bool *)ctx |= suite_is_doubtful(c);
}

bool suite_checks_doubt(const struct suite_said *now, const struct suite_record *then)
{
	bool doubt = false;

	suite_compare(now, then, note_doubt, &doubt);
	return doubt;
}

struct asking {
	const struct suite_judging *j;
	const struct suite_said *again;
	const struct suite_record *first; /* the unpatched kernel, before it was asked again */
	struct test_result *t;
	unsigned int *counts;
};

struct wanted {
	const char *name;
	bool wrong;
};

static void note_wrong(void *ctx, const struct suite_compared *c)
{
	struct wanted *w = ctx;

	w->wrong |= c->wrong && !strcmp(c->name, w->name);
}

static bool wrong_again(const struct asking *a, const char *name)
{
	struct wanted w = { .name = name };

	suite_compare(a->again, a->j->then, note_wrong, &w);
	return w.wrong;
}

/* "; run again alone: pass, and on the unpatched kernel: fail (...)" */
static char *tell_again(const struct asking *a, const char *name)
{
	const struct suite_record *then = a->j->then;
	_cleanup_free_ char *here = tell_line(suite_said_find(a->again, name)), *there = NULL;

	if (then->n == a->first->n || then->run[then->n - 1].lost)
		return strf("; run again alone: %s", here);
	there = tell_line(suite_said_find(&then->run[then->n - 1].said, name));
	return strf("; run again alone: %s, and on the unpatched kernel: %s", here, there);
}

static void on_asked(void *ctx, const struct suite_compared *line)
{
	const struct asking *a = ctx;
	struct check_result *c =
		suite_is_doubtful(line) ? result_find_check(a->t, line->name) : NULL;
	_cleanup_free_ char *more = NULL, *told = NULL;

	if (!c)
		return;
	more = tell_again(a, line->name);
	told = strf("%s%s", c->observed, more);
	str_set(&c->observed, told);
	if (!line->wrong || wrong_again(a, line->name))
		return;
	c->verdict = OUT_SKIP;
	str_set(&c->observed, NULL);
	c->observed = strf("%s: %s", suite_change_names[SUITE_UNSTABLE], told);
	a->counts[line->change]--;
	a->counts[SUITE_UNSTABLE]++;
}

void suite_checks_again(const struct suite_judging *j, const struct suite_said *again,
			struct test_result *t, unsigned int counts[SUITE_CHANGES])
{
	struct suite_record first = *j->then; /* borrows all that it points to */
	struct asking a = { j, again, &first, t, counts };

	if (first.n > SUITE_RECORDS)
		first.n = SUITE_RECORDS;
	suite_compare(j->now, &first, on_asked, &a);
	t->verdict = OUT_SKIP;
	str_set(&t->reason, NULL);
	result_judge_test(t);
}

void suite_checks_lost(const struct suite_record *then, const char *why, struct test_result *t)
{
	_cleanup_free_ char *text = NULL;

	if (suite_record_lost(then))
		text = strf("the lab is lost in it on the unpatched kernel, too: %s", then->run[0].lost);
	else if (!then->n && why)
		text = strf("the lab is lost in it: %s (known: %s)", t->reason ? t->reason : "no reason told", why);
	if (!text)
		return;
	t->verdict = OUT_SKIP;
	str_set(&t->reason, text);
}
