// SPDX-License-Identifier: GPL-2.0-only
#include "history/diff.h"

#include <stdlib.h>
#include <string.h>

#include "history/diff-internal.h"
#include "report/told.h"

static const struct {
	const char *title, *key;
	bool regression, news;
} changes[CHANGE_COUNT] = {
	[CHANGE_NEWLY_FAILING] = { "newly failing", "newly_failing", true, true },
	[CHANGE_NEWLY_FLAKY] = { "newly flaky", "newly_flaky", true, true },
	[CHANGE_SLOWER] = { "slower, or more of it", "slower", true, true },
	[CHANGE_NOT_JUDGED] = { "not judged", "not_judged", false, true },
	[CHANGE_STILL_FAILING] = { "still failing", "still_failing", false, false },
	[CHANGE_FLAKY] = { "flaky", "flaky", false, true },
	[CHANGE_SKIPPED] = { "skipped now", "skipped", false, true },
	[CHANGE_GONE] = { "gone", "gone", false, true },
	[CHANGE_APPEARED] = { "appeared", "appeared", false, true },
	[CHANGE_FIXED] = { "fixed", "fixed", false, true },
	[CHANGE_FASTER] = { "faster, or less of it", "faster", false, true },
};

const char *change_title(enum diff_change c)
{
	return changes[c].title;
}

const char *change_key(enum diff_change c)
{
	return changes[c].key;
}

bool change_is_regression(enum diff_change c)
{
	return changes[c].regression;
}

void diff_add(const struct pair *p, enum diff_change c, const char *what, const char *from,
	      const char *to, const char *why)
{
	struct diff *d = p->d;
	struct finding *f;

	d->v = xrealloc(d->v, d->n + 1, sizeof(*d->v));
	f = &d->v[d->n++];
	*f = (struct finding){ .change = c, .what = xstrdup(what) };
	str_set(&f->part, p->part);
	str_set(&f->from, from);
	str_set(&f->to, to);
	str_set(&f->why, why);
}

void diff_free(struct diff *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->v[i].part);
		free(d->v[i].what);
		free(d->v[i].from);
		free(d->v[i].to);
		free(d->v[i].why);
	}
	free(d->v);
	free(d->a);
	free(d->b);
	free(d->a_folder);
	free(d->b_folder);
	strv_free(&d->notes);
	*d = (struct diff){ 0 };
}

/* ---- verdicts ---- */

static bool is_bad(enum outcome o)
{
	return o == OUT_FAIL || o == OUT_CRASH || o == OUT_BUILD_ERROR;
}

static bool is_judged(enum outcome o)
{
	return o == OUT_PASS || is_bad(o);
}

/* A run's verdict that none of its tests tells: it did not build, L1 did not come up. */
static bool has_own_verdict(const struct history_entry *e)
{
	for (size_t i = 0; i < e->n_tests; i++)
		if (e->tests[i].verdict == e->verdict)
			return false;
	return e->verdict != OUT_PASS;
}

/* What a run says of a test, or of itself as a whole. */
struct saying {
	bool there;
	enum outcome verdict;
	const struct history_test *test; /* NULL: it is the run that says it */
	const char *reason;
};

static struct saying say(const struct history_entry *e, const char *what)
{
	const struct history_test *t = entry_find_test(e, what);

	if (t)
		return (struct saying){ true, t->verdict, t, t->reason };
	if (strcmp(what, TOLD_RUN_ITEM) != 0)
		return (struct saying){ 0 };
	return (struct saying){ true, has_own_verdict(e) ? e->verdict : OUT_PASS, NULL, e->reason };
}

/* One that was stopped, or broke, has not asked all that it was to ask. */
static bool is_whole(const struct history_entry *e)
{
	return e->finished && e->verdict != OUT_BROKEN && (e->n_tests || !has_own_verdict(e));
}

static int change_to_bad(const struct saying *a)
{
	if (!a->there)
		return CHANGE_APPEARED;
	return is_bad(a->verdict) ? CHANGE_STILL_FAILING : CHANGE_NEWLY_FAILING;
}

static int change_to_pass(const struct saying *a)
{
	if (!a->there || a->verdict == OUT_SKIP)
		return CHANGE_APPEARED;
	return a->verdict == OUT_PASS ? CHANGE_COUNT : CHANGE_FIXED;
}

/* CHANGE_COUNT: none. */
static int change_of(const struct pair *p, const struct saying *a, const struct saying *b)
{
	if (!b->there)
		return is_whole(p->b) ? CHANGE_GONE : CHANGE_NOT_JUDGED;
	if (is_bad(b->verdict))
		return change_to_bad(a);
	if (b->verdict == OUT_PASS)
		return change_to_pass(a);
	if (b->verdict != OUT_SKIP)
		return CHANGE_NOT_JUDGED;
	if (!a->there)
		return CHANGE_APPEARED;
	return a->verdict == OUT_SKIP ? CHANGE_COUNT : CHANGE_SKIPPED;
}

/* ---- flaky: both verdicts of the same question ---- */

/* So many runs of one question are looked at, the newest ones. */
#define FLAKY_LAST 100

struct both {
	bool passed, failed;
};

static void take_sample(struct both *s, const struct history_entry *e, const char *what)
{
	struct saying it = say(e, what);

	s->passed |= it.there && it.verdict == OUT_PASS;
	s->failed |= it.there && is_bad(it.verdict);
}

static struct both both_of(const struct pair *p, const struct history_entry *e, const char *what)
{
	struct both s = { 0 };

	take_sample(&s, e, what);
	for (size_t i = p->h->n, n = 0; e->judged && i > 0 && n < FLAKY_LAST; i--)
		if (p->h->v[i - 1].judged && !strcmp(p->h->v[i - 1].judged, e->judged)) {
			take_sample(&s, &p->h->v[i - 1], what);
			n++;
		}
	return s;
}

static bool same_question(const struct pair *p)
{
	return p->a->judged && p->b->judged && !strcmp(p->a->judged, p->b->judged);
}

static int flaky_of(const struct pair *p, const char *what, const struct saying *b)
{
	struct both before = both_of(p, p->a, what), now = both_of(p, p->b, what);

	if (!b->there || !is_judged(b->verdict) || !now.passed || !now.failed)
		return CHANGE_COUNT;
	return same_question(p) || before.failed || !before.passed ? CHANGE_FLAKY
								   : CHANGE_NEWLY_FLAKY;
}

/* ---- one test of both ---- */

/* Names of the checks that failed, or the reason. */
static char *why_of(const struct saying *b)
{
	_cleanup_buf_ struct buf names = { 0 };

	for (size_t i = 0; b->test && i < b->test->failed.n; i++)
		buf_printf(&names, "%s%s", names.len ? "; " : "", b->test->failed.v[i]);
	if (names.len)
		return xstrdup(buf_str(&names));
	return b->there && b->verdict != OUT_PASS && b->reason ? xstrdup(b->reason) : NULL;
}

static const char *word(const struct saying *s)
{
	return s->there ? outcome_name(s->verdict) : NULL;
}

static void compare_test(const struct pair *p, const char *what)
{
	struct saying a = say(p->a, what), b = say(p->b, what);
	int flaky = flaky_of(p, what, &b), c = flaky < CHANGE_COUNT ? flaky : change_of(p, &a, &b);
	_cleanup_free_ char *why = why_of(&b), *tries = NULL;

	if (b.test && b.test->retried)
		tries = strf("at the second try; the first one: %s", b.test->retried);
	if (flaky < CHANGE_COUNT && !why)
		why = xstrdup("it has failed, too, of the same plan, kernel and judge");
	if (!b.there && c == CHANGE_NOT_JUDGED && p->b->reason)
		why = xstrdup(p->b->reason);
	if (c < CHANGE_COUNT) {
		diff_add(p, (enum diff_change)c, what, word(&a), word(&b), why);
		p->d->v[p->d->n - 1].known =
			a.there && b.there && a.verdict == b.verdict && !changes[c].regression;
	}
	if (tries && flaky == CHANGE_COUNT)
		diff_add(p, CHANGE_FLAKY, what, word(&a), word(&b), tries);
}

/* A run that never came to its tests says why, once. */
static bool compare_whole(const struct pair *p)
{
	if (has_own_verdict(p->a) || has_own_verdict(p->b))
		compare_test(p, TOLD_RUN_ITEM);
	return p->a->n_tests && p->b->n_tests;
}

static void compare_tests(const struct pair *p)
{
	if (!compare_whole(p))
		return;
	for (size_t i = 0; i < p->a->n_tests; i++)
		compare_test(p, p->a->tests[i].name);
	for (size_t i = 0; i < p->b->n_tests; i++)
		if (!entry_find_test(p->a, p->b->tests[i].name))
			compare_test(p, p->b->tests[i].name);
}

/* ---- what was asked ---- */

static void note_field(struct buf *b, const char *name, const char *x, const char *y)
{
	if (strcmp(x ? x : "", y ? y : "") != 0)
		buf_printf(b, "%s%s %s and %s", b->len ? ", " : "", name, x ? x : "none",
			   y ? y : "none");
}

/* Whoever compares two questions must know that they are two. */
static void note_question(const struct pair *p)
{
	const struct history_entry *a = p->a, *b = p->b;
	_cleanup_buf_ struct buf fields = { 0 };

	if (!a->plan || !b->plan || !strcmp(a->plan, b->plan))
		return;
	note_field(&fields, "subject", a->subject, b->subject);
	note_field(&fields, "lane", a->lane, b->lane);
	note_field(&fields, "kernel", a->kernel, b->kernel);
	note_field(&fields, "flavor", a->flavor, b->flavor);
	note_field(&fields, "assignment", a->assignment, b->assignment);
	strv_addf(&p->d->notes, "%s%sthe two were not asked the same: %s", p->part ? p->part : "",
		  p->part ? ": " : "", fields.len ? buf_str(&fields) : "other settings");
}

static void note_end(const struct pair *p, const struct history_entry *e, const char *which)
{
	if (!e->finished)
		strv_addf(&p->d->notes, "%s%s%s was not finished%s%s", p->part ? p->part : "",
			  p->part ? ": " : "", which, e->reason ? ": " : "",
			  e->reason ? e->reason : "");
}

static void compare_runs(const struct pair *p)
{
	note_question(p);
	note_end(p, p->a, "the first one");
	note_end(p, p->b, "the second one");
	compare_tests(p);
	diff_measures(p);
}

/* ---- sides ---- */

void side_free(struct side *s)
{
	free(s->title);
	free(s->v);
	*s = (struct side){ 0 };
}

/* The last one of that name: it was run again, perhaps. */
static const struct history_entry *part_of(const struct side *s, const char *name)
{
	for (size_t i = s->n; i > 0; i--)
		if (s->v[i - 1]->name && !strcmp(s->v[i - 1]->name, name))
			return s->v[i - 1];
	return NULL;
}

/* One that was killed, or broke before its first plan, left plans out; another has fewer. */
static enum diff_change change_of_missing(const struct side *b)
{
	return b->head && b->head->finished && b->head->n_tests ? CHANGE_GONE : CHANGE_NOT_JUDGED;
}

static enum diff_change change_of_told(const struct history_test *t)
{
	if (t->verdict == OUT_SKIP)
		return CHANGE_SKIPPED;
	return is_bad(t->verdict) ? CHANGE_NEWLY_FAILING : CHANGE_NOT_JUDGED;
}

/* A part that has no line may still have been told by the night itself. */
static void compare_missing(const struct pair *p, const char *name, const struct side *b)
{
	const struct history_test *t = b->head ? entry_find_test(b->head, name) : NULL;
	struct pair of = *p;

	of.part = name;
	if (!t)
		diff_add(&of, change_of_missing(b), TOLD_RUN_ITEM, "there", NULL,
			 b->head ? b->head->reason : NULL);
	else if (t->verdict != OUT_PASS)
		diff_add(&of, change_of_told(t), TOLD_RUN_ITEM, "there", outcome_name(t->verdict),
			 t->reason);
}

static void compare_part_of_a(const struct pair *p, const struct history_entry *e,
			      const struct side *a, const struct side *b)
{
	struct pair of = *p;

	if (!e->name || part_of(a, e->name) != e)
		return;
	of.part = e->name;
	of.a = e;
	of.b = part_of(b, e->name);
	if (of.b)
		compare_runs(&of);
	else
		compare_missing(p, e->name, b);
}

static void tell_appeared(const struct pair *p, const struct history_entry *e, const struct side *a,
			  const struct side *b)
{
	struct pair of = *p;

	if (!e->name || part_of(b, e->name) != e || part_of(a, e->name))
		return;
	of.part = e->name;
	diff_add(&of, CHANGE_APPEARED, TOLD_RUN_ITEM, NULL, outcome_name(e->verdict), e->reason);
}

/* The night's own tests that are no parts: its mutants. */
static void compare_heads(const struct pair *p, const struct side *a, const struct side *b)
{
	if (!p->a || !p->b)
		return;
	note_question(p);
	note_end(p, p->a, "the first one");
	note_end(p, p->b, "the second one");
	for (size_t i = 0; i < p->b->n_tests; i++)
		if (!part_of(a, p->b->tests[i].name) && !part_of(b, p->b->tests[i].name))
			compare_test(p, p->b->tests[i].name);
	for (size_t i = 0; i < p->a->n_tests; i++)
		if (!entry_find_test(p->b, p->a->tests[i].name) && !part_of(a, p->a->tests[i].name))
			compare_test(p, p->a->tests[i].name);
}

static void compare_sets(const struct pair *p, const struct side *a, const struct side *b)
{
	for (size_t i = 0; i < a->n; i++)
		compare_part_of_a(p, a->v[i], a, b);
	for (size_t i = 0; i < b->n; i++)
		tell_appeared(p, b->v[i], a, b);
	compare_heads(p, a, b);
}

static int by_change(const void *x, const void *y)
{
	const struct finding *a = x, *b = y;

	if (a->change != b->change)
		return (int)a->change - (int)b->change;
	return strcmp(a->what, b->what);
}

bool side_is_night(const struct side *s)
{
	return s->n != 1 || s->v[0] != s->head || entry_is_night(s->head);
}

void diff_make(const struct history *h, const struct side *a, const struct side *b,
	       unsigned int last, struct diff *d)
{
	struct pair p = { .h = h, .a = a->head, .b = b->head, .last = last, .d = d };

	*d = (struct diff){ .a = xstrdup(a->title), .b = xstrdup(b->title) };
	str_set(&d->a_folder, a->head ? a->head->folder : NULL);
	str_set(&d->b_folder, b->head ? b->head->folder : NULL);
	if (!side_is_night(a) && !side_is_night(b))
		compare_runs(&p);
	else
		compare_sets(&p, a, b);
	if (d->n)
		qsort(d->v, d->n, sizeof(*d->v), by_change);
}

/* ---- what it comes to ---- */

size_t diff_count(const struct diff *d, enum diff_change c)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++)
		n += d->v[i].change == c;
	return n;
}

bool diff_has_news(const struct diff *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (changes[d->v[i].change].news && !d->v[i].known)
			return true;
	return false;
}

enum outcome diff_outcome(const struct diff *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (changes[d->v[i].change].regression)
			return OUT_FAIL;
	return diff_count(d, CHANGE_NOT_JUDGED) ? OUT_BROKEN : OUT_PASS;
}
