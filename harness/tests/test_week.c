// SPDX-License-Identifier: GPL-2.0-only
/*
 * A week of nights: in the fourth a mutant is judged as if it were the reference, in the sixth the
 * host's kernel takes long to build. The difference of each two nights, the mail and the page say
 * just that.
 *
 * With WEEK= in the environment, a folder, the page and the history stay there for a look.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "history/diff.h"
#include "history/page.h"

#include <cmocka.h>

#include "tests/made_history.h"

#define NIGHTS 7
#define MUTANT 3
#define SLOW 5
#define PARTS 3

static const char *const parts[PARTS] = { "tcg-svm", "npt=0", "L2_CPUS=4" };
static const char *const tests[] = { "cpuid-exits/counters", "cpuid-exits/exact",
				     "cpuid-exits/kinds",    "vcpu-info/pairs",
				     "vcpu-info/registers",  "lab/kernel-logs" };

/* What two runs on a shared machine differ by. */
static double noise(size_t night, size_t part)
{
	static const double x[] = { 0.01, -0.03, 0.02, 0.04, -0.02, 0.03, -0.01 };

	return 1 + x[(night + 3 * part) % ARRAY_SIZE(x)];
}

static void put_tests(struct history_entry *e, size_t night, size_t part)
{
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
		bool bad = night == MUTANT && !strcmp(tests[i], "vcpu-info/pairs");
		struct history_test *t = made_test(e, tests[i], bad ? OUT_FAIL : OUT_PASS);

		t->seconds = (0.4 + 0.3 * (double)i) * noise(night, part);
		if (bad)
			strv_add(&t->failed, "registers of the target");
	}
}

static void put_part(struct history *h, const char *set, size_t night, size_t part, const char *day)
{
	_cleanup_free_ char *run = strf("%s-%zu", set, part),
			    *commit = strf("c%zu00000000000", night == MUTANT  ? 1
							      : night > MUTANT ? (size_t)2
									       : 0);
	struct history_entry *e = made_run(h, run, day);
	double x = noise(night, part);

	str_set(&e->set, set);
	str_set(&e->name, parts[part]);
	str_set(&e->plan, parts[part]);
	str_set(&e->commit, commit);
	free(e->judged);
	e->judged = strf("%s of kernel %d", parts[part], night == MUTANT);
	e->verdict = night == MUTANT ? OUT_FAIL : OUT_PASS;
	put_tests(e, night, part);
	made_stage(e, "host kernel", "built, 12 steps", (night == SLOW && !part ? 58 : 31) * x);
	made_stage(e, "L1", "booted", 4.3 * x);
	made_stage(e, "L2", "booted", 5.4 * x);
	made_measure(e, "exits per boot", "exits",
		     (part == 1 ? 151200 : 9890) * (1 + (x - 1) / 10));
	made_measure(e, "the whole run", "s", (night == SLOW && !part ? 86 : 59) * x);
	made_measure(e, "power-on to ready", "s", 5.4 * x);
	e->tests[0].measures = xcalloc(1, sizeof(struct measure));
	e->tests[0].measures[e->tests[0].n_measures++] =
		(struct measure){ xstrdup("cycles per exit"), xstrdup("cycles/exit"), 81000 * x };
}

static void put_head(struct history *h, const char *set, size_t night, const char *day)
{
	struct history_entry *e = made_run(h, set, day);

	str_set(&e->plan, "the night");
	str_set(&e->subject, "nightly.conf");
	str_set(&e->judged, NULL);
	e->verdict = night == MUTANT ? OUT_FAIL : OUT_PASS;
	for (size_t i = 0; i < PARTS; i++)
		made_test(e, parts[i], e->verdict);
	made_test(e, "mutants", OUT_PASS);
}

static void make_week(struct history *h)
{
	*h = (struct history){ 0 };
	for (size_t night = 0; night < NIGHTS; night++) {
		_cleanup_free_ char *set = strf("2026112%zu-020000-000%zu-night", night, night);
		_cleanup_free_ char *day = strf("2026-11-2%zuT02:00:00Z", night);

		for (size_t i = 0; i < PARTS; i++)
			put_part(h, set, night, i, day);
		put_head(h, set, night, day);
	}
}

static void compare(const struct history *h, size_t from, struct diff *d)
{
	_cleanup_free_ char *a = strf("2026-11-2%zu", from), *b = strf("2026-11-2%zu", from + 1);
	struct side x = { 0 }, y = { 0 };
	struct history_entry loaded;

	assert_int_equal(side_find(h, a, NULL, &loaded, &x), 0);
	assert_int_equal(side_find(h, b, NULL, &loaded, &y), 0);
	diff_make(h, &x, &y, DIFF_LAST, d);
	side_free(&x);
	side_free(&y);
}

static const struct {
	const char *summary, *part, *what;
	size_t n;
	enum outcome outcome;
} expected[NIGHTS - 1] = {
	{ "nothing changed", NULL, NULL, 0, OUT_PASS },
	{ "nothing changed", NULL, NULL, 0, OUT_PASS },
	{ "3 newly failing", NULL, "vcpu-info/pairs", 3, OUT_FAIL },
	{ "3 fixed", NULL, "vcpu-info/pairs", 3, OUT_PASS },
	{ "2 slower, or more of it", "tcg-svm", "host kernel (built)", 2, OUT_FAIL },
	{ "2 faster, or less of it", "tcg-svm", "host kernel (built)", 2, OUT_PASS },
};

static void test_each_night_with_the_one_before(void **state)
{
	struct history h;

	(void)state;
	make_week(&h);
	for (size_t i = 0; i + 1 < NIGHTS; i++) {
		_cleanup_free_ char *summary = NULL;
		_cleanup_buf_ struct buf text = { 0 };
		struct diff d;

		compare(&h, i, &d);
		diff_text(&d, &text);
		summary = diff_summary(&d);
		if (strcmp(summary, expected[i].summary))
			print_message("%s", buf_str(&text));
		assert_string_equal(summary, expected[i].summary);
		assert_int_equal(d.n, expected[i].n);
		assert_int_equal(diff_outcome(&d), expected[i].outcome);
		assert_int_equal(diff_has_news(&d), expected[i].n > 0);
		if (d.n)
			assert_string_equal(d.v[0].what, expected[i].what);
		if (d.n && expected[i].part)
			assert_string_equal(d.v[0].part, expected[i].part);
		diff_free(&d);
	}
	history_free(&h);
}

static void test_the_mail(void **state)
{
	_cleanup_buf_ struct buf mail = { 0 };
	struct history h;
	struct diff d;

	(void)state;
	make_week(&h);
	compare(&h, MUTANT - 1, &d);
	diff_mail(&d, "lab@example.org", &mail);
	assert_non_null(strstr(buf_str(&mail), "Subject: nestlab: 3 newly failing\n"));
	assert_non_null(
		strstr(buf_str(&mail),
		       "npt=0: vcpu-info/pairs: pass -> fail\n      registers of the target\n"));
	assert_null(strstr(buf_str(&mail), "host kernel"));
	diff_free(&d);
	buf_free(&mail);
	compare(&h, SLOW - 1, &d);
	diff_mail(&d, "lab@example.org", &mail);
	assert_non_null(strstr(buf_str(&mail), "Subject: nestlab: 2 slower, or more of it\n"));
	assert_non_null(strstr(buf_str(&mail), "tcg-svm: host kernel (built): "));
	assert_null(strstr(buf_str(&mail), "vcpu-info"));
	diff_free(&d);
	history_free(&h);
}

/* A killed night has the parts that it came to. */
static void test_last_night_was_killed(void **state)
{
	struct history h;
	struct diff d;
	struct side x = { 0 }, y = { 0 };
	struct history_entry loaded;

	(void)state;
	make_week(&h);
	entry_free(&h.v[--h.n]);
	entry_free(&h.v[--h.n]);
	assert_int_equal(side_find(&h, "2026-11-25", NULL, &loaded, &x), 0);
	assert_int_equal(side_find(&h, "20261126-020000-0006-night", NULL, &loaded, &y), 0);
	assert_int_equal(y.n, PARTS - 1);
	diff_make(&h, &x, &y, DIFF_LAST, &d);
	assert_int_equal(diff_count(&d, CHANGE_NOT_JUDGED), 1);
	assert_int_equal(diff_outcome(&d), OUT_BROKEN);
	assert_string_equal(d.v[0].part, "L2_CPUS=4");
	diff_free(&d);
	side_free(&x);
	side_free(&y);
	history_free(&h);
}

static size_t count(const char *text, const char *word)
{
	size_t n = 0;

	for (const char *p = text; (p = strstr(p, word)); p++)
		n++;
	return n;
}

/* A lane that was needed is gone: nothing of it is a part, and no plan is merely gone. */
static void test_last_night_broke(void **state)
{
	_cleanup_buf_ struct buf page = { 0 };
	struct history h;
	struct history_entry *e;
	struct diff d;

	(void)state;
	make_week(&h);
	for (int i = 0; i <= PARTS; i++)
		entry_free(&h.v[--h.n]);
	e = made_run(&h, "20261126-020000-0006-night", "2026-11-26T02:00:00Z");
	str_set(&e->plan, "the night");
	e->verdict = OUT_BROKEN;
	e->reason = xstrdup("needs = kvm: it can't run");
	compare(&h, 5, &d);
	assert_int_equal(diff_count(&d, CHANGE_GONE), 0);
	assert_int_equal(diff_count(&d, CHANGE_NOT_JUDGED), PARTS + 1); /* and the mutants */
	assert_int_equal(diff_outcome(&d), OUT_BROKEN);
	assert_string_equal(d.v[0].why, "needs = kvm: it can't run");
	assert_true(diff_has_news(&d));
	diff_free(&d);
	page_make(&h, "/nowhere", NULL, &page); /* it is a column, too */
	assert_int_equal(count(buf_str(&page), "<th scope=\"col\"><span title="), NIGHTS);
	assert_non_null(strstr(buf_str(&page), "broken: needs = kvm: it can&#39;t run"));
	history_free(&h);
}

static void keep(const struct history *h, const char *page)
{
	const char *dir = getenv("WEEK");
	_cleanup_free_ char *html = strf("%s/index.html", dir),
			    *lines = strf("%s/history.jsonl", dir);

	assert_int_equal(mkdir_p(dir), 0);
	assert_int_equal(file_write(html, page, strlen(page), 0644), 0);
	unlink(lines);
	for (size_t i = 0; i < h->n; i++)
		assert_int_equal(history_append(lines, &h->v[i]), 0);
}

static void test_the_page(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };
	const char *page;
	struct history h;

	(void)state;
	make_week(&h);
	page_make(&h, "/nowhere", NULL, &b);
	page = buf_str(&b);
	assert_int_equal(count(page, "<th scope=\"col\"><span title="), NIGHTS);
	/* vcpu-info/pairs, the three plans, and the verdict: in one column */
	assert_int_equal(count(page, ">FAIL<"), 1 + PARTS + 1);
	assert_non_null(strstr(page, "fail: registers of the target"));
	assert_non_null(strstr(page, "host kernel (built)"));
	assert_non_null(strstr(page, "exits per boot"));
	assert_non_null(strstr(page, "cycles per exit"));
	assert_non_null(strstr(page, "Content-Security-Policy"));
	assert_null(strstr(page, "<script"));
	assert_null(strstr(page, "<a href")); /* no run's page is there */
	if (getenv("WEEK"))
		keep(&h, page);
	history_free(&h);
}

/* A name is a stranger's: a kernel's, a student's file's. */
static void test_hostile_names(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };
	struct history h;

	(void)state;
	make_week(&h);
	str_set(&h.v[h.n - 1].subject, "\"><script>alert(1)</script>");
	str_set(&h.v[h.n - 1].tests[0].name, "<img src=x onerror=alert(1)>");
	str_set(&h.v[h.n - 1].folder, "/tmp/\"><script>");
	strv_add(&h.v[h.n - 2].tests[0].failed, "\" onmouseover=\"alert(1)");
	page_make(&h, "/nowhere", NULL, &b);
	assert_null(strstr(buf_str(&b), "<script"));
	assert_null(strstr(buf_str(&b), "<img"));
	assert_null(strstr(buf_str(&b), "\" onmouseover"));
	history_free(&h);
}

static void test_links(void **state)
{
	char dir[] = "/tmp/nestlab-page-XXXXXX";
	_cleanup_free_ char *run = NULL, *page = NULL;
	_cleanup_buf_ struct buf b = { 0 };
	struct history h = { 0 };

	(void)state;
	assert_non_null(mkdtemp(dir));
	run = strf("%s/a run#1%%", dir);
	page = strf("%s/report.html", run);
	assert_int_equal(mkdir_p(run), 0);
	assert_int_equal(file_write(page, "x", 1, 0644), 0);
	made_test(made_run(&h, "a run#1%", "2026-11-20T00:00:00Z"), "one", OUT_PASS);
	page_make(&h, dir, "line 17 is not whole", &b);
	assert_non_null(strstr(buf_str(&b), "<a href=\"a%20run%231%25/report.html\""));
	assert_non_null(strstr(buf_str(&b), "line 17 is not whole"));
	history_free(&h);
	rm_rf(dir);
}

static void test_empty(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };
	const struct history h = { 0 };

	(void)state;
	page_make(&h, "/nowhere", NULL, &b);
	assert_non_null(strstr(buf_str(&b), "no run yet"));
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(test_each_night_with_the_one_before),
		cmocka_unit_test(test_the_mail),
		cmocka_unit_test(test_last_night_was_killed),
		cmocka_unit_test(test_last_night_broke),
		cmocka_unit_test(test_the_page),
		cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests(all, NULL, NULL);
}
