// SPDX-License-Identifier: GPL-2.0-only
/* Two runs or nights compared: one thing changed at a time, and a week of nights. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "history/diff.h"

#include <cmocka.h>

#include "tests/made_history.h"

/* A history of n runs that are all alike but for some noise; the last one is to be changed. */
static struct history_entry *put_runs(struct history *h, int n)
{
	static const double noise[] = { 0, 0.3, -0.2, 0.1, -0.4, 0.2 };
	struct history_entry *e = NULL;

	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *run = strf("20261120-0000%02d-000%d", i, i),
				    *day = strf("2026-11-2%dT00:00:00Z", i);
		double x = noise[(size_t)i % ARRAY_SIZE(noise)];

		e = made_run(h, run, day);
		made_test(e, "cpuid-exits/exact", OUT_PASS)->seconds = 2 + x;
		made_test(e, "vcpu-info/pairs", OUT_PASS)->seconds = 1;
		made_stage(e, "host kernel", "built, 12 steps", 30 + x);
		made_stage(e, "L1", "restored", 0.7);
		made_measure(e, "exits per boot", "exits", 9890 + 10 * x);
	}
	return e;
}

static struct history_entry *at(struct history *h, size_t i)
{
	return &h->v[i];
}

static void compare(const struct history *h, const char *a, const char *b, struct diff *d)
{
	struct history_entry loaded[2] = { 0 };
	struct side x = { 0 }, y = { 0 };

	assert_int_equal(side_find(h, b, NULL, &loaded[0], &y), 0);
	assert_int_equal(side_find(h, a, &y, &loaded[1], &x), 0);
	diff_make(h, &x, &y, DIFF_LAST, d);
	side_free(&x);
	side_free(&y);
}

/* The one finding, and nothing else, in all its renderings. */
static void assert_one(const struct diff *d, enum diff_change c, const char *what)
{
	_cleanup_buf_ struct buf text = { 0 }, md = { 0 };
	_cleanup_free_ char *json = diff_json(d);
	struct diff back;

	diff_text(d, &text);
	if (d->n != 1)
		print_message("%s", buf_str(&text));
	assert_int_equal(d->n, 1);
	assert_int_equal(d->v[0].change, c);
	assert_string_equal(d->v[0].what, what);
	assert_non_null(strstr(buf_str(&text), what));
	assert_non_null(strstr(buf_str(&text), change_title(c)));
	diff_markdown(d, &md);
	assert_non_null(strstr(buf_str(&md), change_title(c)));
	assert_int_equal(diff_load(json, strlen(json), &back), 0);
	assert_int_equal(back.n, 1);
	assert_int_equal(back.v[0].change, c);
	assert_int_equal(diff_outcome(&back), diff_outcome(d));
	diff_free(&back);
}

static void test_nothing_changed(void **state)
{
	struct history h = { 0 };
	struct diff d;
	_cleanup_free_ char *summary = NULL;

	(void)state;
	put_runs(&h, 6);
	compare(&h, LAST_GOOD, "latest", &d);
	summary = diff_summary(&d);
	assert_string_equal(summary, "nothing changed");
	assert_int_equal(diff_outcome(&d), OUT_PASS);
	assert_false(diff_has_news(&d));
	assert_int_equal(d.notes.n, 0);
	diff_free(&d);
	history_free(&h);
}

static void set(struct history_entry *e, const char *judged, enum outcome run, size_t test,
		enum outcome o)
{
	str_set(&e->judged, judged);
	e->verdict = run;
	e->tests[test].verdict = o;
	if (o != OUT_PASS && o != OUT_FAIL)
		str_set(&e->tests[test].reason, "why it is so");
	if (o == OUT_FAIL)
		strv_add(&e->tests[test].failed, "total");
}

/* From a verdict to another one. */
static void test_verdicts(void **state)
{
	static const struct {
		enum outcome from, to;
		int change; /* CHANGE_COUNT: none */
		enum outcome outcome;
	} cases[] = {
		{ OUT_PASS, OUT_FAIL, CHANGE_NEWLY_FAILING, OUT_FAIL },
		{ OUT_PASS, OUT_CRASH, CHANGE_NEWLY_FAILING, OUT_FAIL },
		{ OUT_SKIP, OUT_FAIL, CHANGE_NEWLY_FAILING, OUT_FAIL },
		{ OUT_BROKEN, OUT_FAIL, CHANGE_NEWLY_FAILING, OUT_FAIL },
		{ OUT_FAIL, OUT_CRASH, CHANGE_STILL_FAILING, OUT_PASS },
		{ OUT_FAIL, OUT_PASS, CHANGE_FIXED, OUT_PASS },
		{ OUT_BROKEN, OUT_PASS, CHANGE_FIXED, OUT_PASS },
		{ OUT_SKIP, OUT_PASS, CHANGE_APPEARED, OUT_PASS },
		{ OUT_PASS, OUT_SKIP, CHANGE_SKIPPED, OUT_PASS },
		{ OUT_PASS, OUT_BROKEN, CHANGE_NOT_JUDGED, OUT_BROKEN },
		{ OUT_FAIL, OUT_BROKEN, CHANGE_NOT_JUDGED, OUT_BROKEN },
		{ OUT_SKIP, OUT_SKIP, CHANGE_COUNT, OUT_PASS },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct history h = { 0 };
		struct diff d;

		put_runs(&h, 6);
		set(at(&h, 4), "old", cases[i].from == OUT_SKIP ? OUT_PASS : cases[i].from, 1,
		    cases[i].from);
		set(at(&h, 5), "new", cases[i].to == OUT_SKIP ? OUT_PASS : cases[i].to, 1,
		    cases[i].to);
		compare(&h, "20261120-000004-0004", "latest", &d);
		if (cases[i].change == CHANGE_COUNT)
			assert_int_equal(d.n, 0);
		else
			assert_one(&d, (enum diff_change)cases[i].change, "vcpu-info/pairs");
		assert_int_equal(diff_outcome(&d), cases[i].outcome);
		diff_free(&d);
		history_free(&h);
	}
}

static void test_gone_and_appeared(void **state)
{
	struct history h = { 0 };
	struct history_entry *e = put_runs(&h, 6);
	struct diff d;

	(void)state;
	made_test(at(&h, 4), "old/one", OUT_PASS);
	compare(&h, "20261120-000004-0004", "latest", &d);
	assert_one(&d, CHANGE_GONE, "old/one");
	assert_int_equal(diff_outcome(&d), OUT_PASS);
	diff_free(&d);
	compare(&h, "latest", "20261120-000004-0004", &d);
	assert_one(&d, CHANGE_APPEARED, "old/one");
	diff_free(&d);
	/* Of a run that was stopped it is not gone. */
	e->finished = false;
	e->verdict = OUT_INTERRUPTED;
	str_set(&e->reason, "stopped by a signal from outside");
	compare(&h, "20261120-000004-0004", "latest", &d);
	assert_int_equal(diff_count(&d, CHANGE_GONE), 0);
	assert_int_equal(diff_outcome(&d), OUT_BROKEN);
	assert_int_equal(d.notes.n, 1);
	diff_free(&d);
	history_free(&h);
}

/* No test was run: the run itself tells, and no test is gone. */
static void test_of_the_whole_run(void **state)
{
	static const struct {
		enum outcome verdict;
		enum diff_change change;
		enum outcome outcome;
	} cases[] = {
		{ OUT_BUILD_ERROR, CHANGE_NEWLY_FAILING, OUT_FAIL },
		{ OUT_CRASH, CHANGE_NEWLY_FAILING, OUT_FAIL },
		{ OUT_BROKEN, CHANGE_NOT_JUDGED, OUT_BROKEN },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct history h = { 0 };
		struct history_entry *e;
		struct diff d;

		put_runs(&h, 5);
		e = made_run(&h, "20261127-000000-ffff", "2026-11-27T00:00:00Z");
		str_set(&e->judged, "new");
		e->verdict = cases[i].verdict;
		e->reason = xstrdup("as it is");
		compare(&h, LAST_GOOD, "latest", &d);
		assert_one(&d, cases[i].change, "the run as a whole");
		assert_int_equal(diff_outcome(&d), cases[i].outcome);
		diff_free(&d);
		history_free(&h);
	}
}

/* With nothing changed in between it is no regression; it would have been told as one. */
static void test_flaky(void **state)
{
	struct history h = { 0 };
	struct history_entry *e = put_runs(&h, 6);
	struct diff d;

	(void)state;
	set(e, "j", OUT_FAIL, 0, OUT_FAIL);
	compare(&h, LAST_GOOD, "latest", &d);
	assert_one(&d, CHANGE_FLAKY, "cpuid-exits/exact");
	assert_int_equal(diff_outcome(&d), OUT_PASS);
	assert_true(diff_has_news(&d));
	diff_free(&d);
	/* A change that made it so is one. */
	str_set(&e->judged, "new");
	str_set(&at(&h, 4)->judged, "new");
	compare(&h, "20261120-000003-0003", "latest", &d);
	assert_one(&d, CHANGE_NEWLY_FLAKY, "cpuid-exits/exact");
	assert_int_equal(diff_outcome(&d), OUT_FAIL);
	diff_free(&d);
	history_free(&h);
}

/* Nobody wants a mail each night of what is as it was. */
static void test_what_is_no_news(void **state)
{
	struct history h = { 0 };
	struct diff d;

	(void)state;
	put_runs(&h, 6);
	set(at(&h, 2), "j", OUT_FAIL, 0, OUT_FAIL);
	compare(&h, "20261120-000004-0004", "latest", &d);
	assert_one(&d, CHANGE_FLAKY, "cpuid-exits/exact");
	assert_false(diff_has_news(&d));
	diff_free(&d);
	history_free(&h);
	h = (struct history){ 0 };
	put_runs(&h, 6);
	set(at(&h, 4), "j", OUT_BROKEN, 1, OUT_BROKEN);
	set(at(&h, 5), "j", OUT_BROKEN, 1, OUT_BROKEN);
	compare(&h, "20261120-000004-0004", "latest", &d);
	assert_one(&d, CHANGE_NOT_JUDGED, "vcpu-info/pairs");
	assert_int_equal(diff_outcome(&d), OUT_BROKEN);
	assert_false(diff_has_news(&d));
	diff_free(&d);
	history_free(&h);
}

static void test_tried_twice(void **state)
{
	struct history h = { 0 };
	struct history_entry *e = put_runs(&h, 6);
	struct diff d;

	(void)state;
	e->tests[0].retried = xstrdup("L2 was lost without a word");
	compare(&h, LAST_GOOD, "latest", &d);
	assert_one(&d, CHANGE_FLAKY, "cpuid-exits/exact");
	assert_non_null(strstr(d.v[0].why, "L2 was lost without a word"));
	diff_free(&d);
	history_free(&h);
}

/* ---- measures ---- */

static void test_slower_build(void **state)
{
	struct history h = { 0 };
	struct history_entry *e = put_runs(&h, 7);
	struct diff d;

	(void)state;
	e->stages[0].seconds = 45;
	compare(&h, LAST_GOOD, "latest", &d);
	assert_one(&d, CHANGE_SLOWER, "host kernel (built)");
	assert_int_equal(diff_outcome(&d), OUT_FAIL);
	diff_free(&d);
	compare(&h, "latest", "20261120-000005-0005", &d);
	assert_one(&d, CHANGE_FASTER, "host kernel (built)");
	assert_int_equal(diff_outcome(&d), OUT_PASS);
	diff_free(&d);
	/* What was there and is built now is no slower build. */
	str_set(&e->stages[0].what, "reused");
	compare(&h, LAST_GOOD, "latest", &d);
	assert_int_equal(d.n, 0);
	diff_free(&d);
	history_free(&h);
}

static void test_more_exits(void **state)
{
	struct history h = { 0 };
	struct history_entry *e = put_runs(&h, 7);
	struct diff d;

	(void)state;
	e->measures[0].value = 9950; /* as they differ anyhow */
	compare(&h, LAST_GOOD, "latest", &d);
	assert_int_equal(d.n, 0);
	diff_free(&d);
	e->measures[0].value = 14890;
	compare(&h, LAST_GOOD, "latest", &d);
	assert_one(&d, CHANGE_SLOWER, "exits per boot");
	assert_non_null(strstr(d.v[0].to, "14,890"));
	diff_free(&d);
	history_free(&h);
}

/*
 * A machine on which builds take 20 to 40 s anyhow: 45 s is no news; one slow night hides no other.
 */
static void test_noise(void **state)
{
	static const double wild[] = { 20, 38, 25, 40, 22, 36 };
	struct history h = { 0 };
	struct history_entry *e = put_runs(&h, 7);
	struct diff d;

	(void)state;
	e->stages[0].seconds = 45;
	for (size_t i = 0; i < 6; i++)
		at(&h, i)->stages[0].seconds = wild[i];
	compare(&h, LAST_GOOD, "latest", &d);
	assert_int_equal(d.n, 0);
	diff_free(&d);
	for (size_t i = 0; i < 6; i++)
		at(&h, i)->stages[0].seconds = i == 2 ? 90 : 30;
	compare(&h, LAST_GOOD, "latest", &d);
	assert_one(&d, CHANGE_SLOWER, "host kernel (built)");
	diff_free(&d);
	history_free(&h);
}

static void test_too_few_to_know(void **state)
{
	struct history h = { 0 };
	struct history_entry *e = put_runs(&h, 3);
	struct diff d;

	(void)state;
	e->stages[0].seconds = 4500;
	compare(&h, LAST_GOOD, "latest", &d);
	assert_int_equal(d.n, 0);
	assert_int_equal(d.notes.n, 1);
	assert_non_null(strstr(d.notes.v[0], "of 2 runs before it"));
	diff_free(&d);
	history_free(&h);
}

static void test_another_question(void **state)
{
	struct history h = { 0 };
	struct history_entry *e = put_runs(&h, 6);
	struct diff d;

	(void)state;
	str_set(&e->plan, "q");
	str_set(&e->judged, "q");
	str_set(&e->lane, "bochs-vmx");
	compare(&h, "20261120-000004-0004", "latest", &d);
	assert_int_equal(d.notes.n, 1);
	assert_non_null(strstr(d.notes.v[0], "lane tcg-svm and bochs-vmx"));
	diff_free(&d);
	history_free(&h);
}

/* ---- names ---- */

static void assert_name(const struct history *h, const char *name, const char *run)
{
	struct history_entry loaded = { 0 };
	struct side s = { 0 };
	int ret = side_find(h, name, NULL, &loaded, &s);

	assert_int_equal(ret, run ? 0 : -OUT_USAGE);
	if (run)
		assert_string_equal(s.head->run, run);
	side_free(&s);
	entry_free(&loaded);
}

static void test_names(void **state)
{
	struct history h = { 0 };
	struct history_entry *e = put_runs(&h, 6);

	(void)state;
	str_set(&at(&h, 1)->commit, "dead0000beef");
	str_set(&at(&h, 2)->commit, "dead0000beef" COMMIT_CHANGED);
	str_set(&at(&h, 3)->commit, "feed0001beef" COMMIT_CHANGED);
	e->verdict = OUT_FAIL;
	e = made_run(&h, "20261126-111111-0009", "2026-11-26T00:00:00Z");
	e->verdict = OUT_USAGE; /* nothing was judged */
	assert_name(&h, "latest", "20261120-000005-0005");
	assert_name(&h, LAST_GOOD, "20261120-000004-0004");
	assert_name(&h, "last good", "20261120-000004-0004");
	assert_name(&h, "20261120-000002", "20261120-000002-0002");
	assert_name(&h, "20261120-00000", NULL); /* of several */
	assert_name(&h, "20261126-111111-0009", "20261126-111111-0009");
	assert_name(&h, "2026-11-22", "20261120-000002-0002");
	assert_name(&h, "2026-11-29", NULL);
	assert_name(&h, "2026-11-26", NULL);
	assert_name(&h, "dead0000", "20261120-000001-0001");
	assert_name(&h, "feed0001", NULL); /* only with changes on top of it */
	assert_name(&h, "nothing-such", NULL);
	history_free(&h);
}

/* The last good one is before it, and of the same plan. */
static void test_last_good_of(void **state)
{
	struct history h = { 0 };
	struct history_entry loaded = { 0 };
	struct side b = { 0 }, a = { 0 };

	(void)state;
	put_runs(&h, 4);
	str_set(&at(&h, 1)->plan, "q");
	at(&h, 2)->verdict = OUT_FAIL;
	assert_int_equal(side_find(&h, "20261120-000002-0002", NULL, &loaded, &b), 0);
	assert_int_equal(side_find(&h, LAST_GOOD, &b, &loaded, &a), 0);
	assert_string_equal(a.head->run, "20261120-000000-0000");
	side_free(&a);
	side_free(&b);
	assert_int_equal(side_find(&h, "20261120-000000-0000", NULL, &loaded, &b), 0);
	assert_int_equal(side_find(&h, LAST_GOOD, &b, &loaded, &a), -OUT_USAGE);
	side_free(&b);
	history_free(&h);
}

/* ---- hostile names, in all that is read elsewhere ---- */

static void test_no_line_of_a_header(void **state)
{
	struct history h = { 0 };
	struct history_entry *e = put_runs(&h, 6);
	_cleanup_buf_ struct buf mail = { 0 }, md = { 0 };
	struct diff d;

	(void)state;
	set(e, "new", OUT_FAIL, 0, OUT_FAIL);
	strv_add(&e->tests[0].failed, "x\nBcc: all@example.org | <b>@team");
	compare(&h, LAST_GOOD, "latest", &d);
	diff_mail(&d, "me@example.org\nBcc: you@example.org", &mail);
	assert_null(strstr(buf_str(&mail), "\nBcc:"));
	diff_markdown(&d, &md);
	assert_null(strstr(buf_str(&md), "\nBcc"));
	assert_non_null(strstr(buf_str(&md), "\\| &lt;b>\\@team"));
	diff_free(&d);
	history_free(&h);
}

static void test_not_ours(void **state)
{
	static const char *const texts[] = { "", "{}", "[]", "{\"format\":1}",
					     "{\"format\":1,\"from\":\"a\",\"to\":\"b\"}" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct diff d;

		assert_int_equal(diff_load(texts[i], strlen(texts[i]), &d), -OUT_USAGE);
		diff_free(&d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_changed),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_gone_and_appeared),
		cmocka_unit_test(test_of_the_whole_run),
		cmocka_unit_test(test_flaky),
		cmocka_unit_test(test_tried_twice),
		cmocka_unit_test(test_what_is_no_news),
		cmocka_unit_test(test_slower_build),
		cmocka_unit_test(test_more_exits),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_too_few_to_know),
		cmocka_unit_test(test_another_question),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_last_good_of),
		cmocka_unit_test(test_no_line_of_a_header),
		cmocka_unit_test(test_not_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
