// SPDX-License-Identifier: GPL-2.0-only
/* The folder of a run: what it says before the run has ended, where it is, and which ones go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "report/report.h"
#include "run/rundir.h"

#include <cmocka.h>

#undef fail /* core/outcome.h's is meant */

#define DAY 86400
#define NOW 2000000000

static char *dir_of_test(void)
{
	static char dir[32];

	strcpy(dir, "/tmp/nestlab-rundir-XXXXXX");
	assert_non_null(mkdtemp(dir));
	return dir;
}

/* A folder of a run of that age, with so many KiB in it. */
static void put_run(const char *root, const char *name, int days, size_t kib, const char *more)
{
	_cleanup_free_ char *dir = strf("%s/%s", root, name), *file = strf("%s/trace.txt", dir);
	_cleanup_free_ char *extra = more ? strf("%s/%s", dir, more) : NULL;
	struct timespec t[2] = { { .tv_sec = NOW - (time_t)days * DAY - 7200 } };
	_cleanup_free_ char *bytes = xcalloc(kib, 1024);

	memset(bytes, 'x', kib * 1024);
	assert_int_equal(mkdir_p(dir), 0);
	assert_int_equal(file_write(file, bytes, kib * 1024, 0644), 0);
	if (extra)
		assert_int_equal(file_write(extra, "", 0, 0644), 0);
	t[1] = t[0];
	assert_int_equal(utimensat(AT_FDCWD, dir, t, 0), 0);
}

static bool stays(const char *root, const char *name)
{
	_cleanup_free_ char *dir = strf("%s/%s", root, name);

	return path_exists(dir);
}

static void test_what_goes_by_age(void **state)
{
	const struct knobs k = { .keep_days = 30, .keep_mb = 1000 };
	_cleanup_strv_ struct strv gone = { 0 };
	char *root = dir_of_test();

	(void)state;
	put_run(root, "20330401-000000-aaaa", 40, 4, NULL);
	put_run(root, "20330402-000000-aaab", 40, 4, "label");
	put_run(root, "20330403-000000-aaac-mutants", 35, 4, NULL);
	put_run(root, "20330501-000000-aaad", 10, 4, NULL);
	put_run(root, "my-notes", 400, 4, NULL);
	put_run(root, "20330401-notes", 400, 4, NULL);
	rundir_prune_in(root, &k, NOW, &gone);
	assert_int_equal(gone.n, 2);
	assert_string_equal(gone.v[0], "20330401-000000-aaaa");
	assert_string_equal(gone.v[1], "20330403-000000-aaac-mutants");
	assert_true(stays(root, "20330402-000000-aaab"));
	assert_true(stays(root, "20330501-000000-aaad"));
	assert_true(stays(root, "my-notes"));
	assert_true(stays(root, "20330401-notes"));
	rm_rf(root);
}

static void test_what_goes_by_size(void **state)
{
	const struct knobs k = { .keep_days = 30, .keep_mb = 3 };
	_cleanup_strv_ struct strv gone = { 0 };
	char *root = dir_of_test();

	(void)state;
	put_run(root, "20330501-000000-0001", 9, 1000, "label");
	put_run(root, "20330502-000000-0002", 8, 1400, NULL);
	put_run(root, "20330503-000000-0003", 7, 1400, NULL);
	put_run(root, "20330504-000000-0004", 6, 1400, NULL);
	rundir_prune_in(root, &k, NOW, &gone);
	assert_int_equal(gone.n, 1);
	assert_string_equal(gone.v[0], "20330502-000000-0002");
	rm_rf(root);
}

/*
 * Fifty runs in an hour are no reason to take any away, and one of another place may still go on.
 */
static void test_young_ones_stay(void **state)
{
	const struct knobs k = { .keep_days = 30, .keep_mb = 1 };
	_cleanup_strv_ struct strv gone = { 0 };
	char *root = dir_of_test();

	(void)state;
	put_run(root, "20330518-000000-0001", 0, 4000, NULL);
	rundir_prune_in(root, &k, NOW - 3700, &gone);
	assert_int_equal(gone.n, 0);
	rundir_prune_in(root, &k, NOW, &gone);
	assert_int_equal(gone.n, 1);
	rm_rf(root);
}

static void test_from_its_first_moment(void **state)
{
	char *root = dir_of_test();
	_cleanup_free_ char *out = strf("%s/deep/out", root), *json = strf("%s/results.json", out);
	const struct knobs k = { .out = out };
	_cleanup_free_ char *latest = strf("%s/results/latest", getenv("NESTLAB_ROOT"));
	struct run_result *r;
	struct rundir d;

	(void)state;
	assert_int_equal(rundir_make(&k, &d), 0);
	assert_string_equal(d.dir, out);
	assert_true(path_exists(latest));
	r = report_load(json);
	assert_non_null(r);
	assert_false(r->finished);
	assert_int_equal(r->verdict, OUT_BROKEN);
	result_free(r);
	rundir_free(&d);
	/* Again: an earlier run's results give way. */
	assert_int_equal(rundir_make(&k, &d), 0);
	rundir_free(&d);
	rm_rf(root);
}

/* The unpatched kernel's run lies in the one that asked for it, and once took its place. */
static void test_a_part_is_not_the_latest(void **state)
{
	char *root = dir_of_test();
	_cleanup_free_ char *whole = strf("%s/whole", root), *part = strf("%s/baseline", whole);
	_cleanup_free_ char *latest = strf("%s/results/latest", getenv("NESTLAB_ROOT"));
	const struct knobs k = { .out = whole }, of_part = { .out = part };
	char target[512] = "";
	struct rundir d;

	(void)state;
	assert_int_equal(rundir_make(&k, &d), 0);
	rundir_free(&d);
	assert_int_equal(rundir_make(&of_part, &d), 0);
	rundir_free(&d);
	assert_true(readlink(latest, target, sizeof(target) - 1) > 0);
	assert_string_equal(target, whole);
	rm_rf(root);
}

/* Of a list of runs: its verdict is theirs, and what ended it early is told. */
static void test_the_end_of_a_list(void **state)
{
	char *root = dir_of_test();
	_cleanup_free_ char *out = strf("%s/list", root), *page = strf("%s/report.html", out);
	const struct knobs k = { .out = out };
	struct test_result *t;
	struct rundir d;

	(void)state;
	assert_int_equal(rundir_make(&k, &d), 0);
	t = result_add_test(d.result, "one", "mutants");
	result_add_check(t, "a check", OUT_FAIL, "1", "2", NULL);
	assert_int_equal(rundir_end(&d, 0), outcome_exit_code(OUT_FAIL));
	assert_true(d.result->finished);
	assert_true(path_exists(page));
	rundir_free(&d);
	assert_int_equal(rundir_make(&k, &d), 0);
	assert_int_equal(rundir_end(&d, fail(OUT_BROKEN, "no room")), outcome_exit_code(OUT_BROKEN));
	assert_string_equal(d.result->reason, "no room");
	rundir_free(&d);
	/* Nothing was judged: that is no pass. */
	assert_int_equal(rundir_make(&k, &d), 0);
	assert_int_equal(rundir_end(&d, 0), outcome_exit_code(OUT_SKIP));
	rundir_free(&d);
	rm_rf(root);
}

/* Wherever its results went; but not where it is to have none. */
static void test_has_its_line(void **state)
{
	char *root = dir_of_test();
	_cleanup_free_ char *out = strf("%s/mine", root), *other = strf("%s/other", root);
	_cleanup_free_ char *as = xstrdup("no"), *path = history_path();
	const struct knobs k = { .out = out }, not_kept = { .out = other, .history = as };
	struct rundir d;
	struct history h;

	(void)state;
	unlink(path);
	assert_int_equal(rundir_make(&not_kept, &d), 0);
	rundir_free(&d);
	assert_int_equal(rundir_make(&k, &d), 0);
	rundir_free(&d);
	assert_int_equal(history_read(path, &h), 0);
	assert_int_equal(h.n, 1);
	assert_string_equal(h.v[0].folder, out);
	assert_int_equal(h.v[0].verdict, OUT_BROKEN); /* it said no other */
	history_free(&h);
	rm_rf(root);
}

static void test_out_of_somebody_else(void **state)
{
	char *root = dir_of_test();
	_cleanup_free_ char *file = strf("%s/thesis.tex", root);
	const struct knobs k = { .out = root };
	struct rundir d;

	(void)state;
	assert_int_equal(file_write(file, "x", 1, 0644), 0);
	assert_int_equal(rundir_make(&k, &d), -OUT_USAGE);
	assert_non_null(strstr(fail_text(), "thesis.tex"));
	assert_string_not_equal(d.dir, root); /* and the refusal has a folder of its own */
	rm_rf(d.dir);
	rundir_free(&d);
	assert_true(path_exists(file));
	rm_rf(root);
}

static void found_as(const char *name, const char *dir)
{
	_cleanup_free_ char *found = rundir_find(name);

	assert_string_equal(found, dir);
}

static void test_how_people_name_a_run(void **state)
{
	_cleanup_free_ char *in_results = strf("%s/20260101-000000-0000", path_results());

	(void)state;
	found_as("harness/tests", "harness/tests");
	found_as("harness/tests/test_rundir.c", "harness/tests");
	found_as("Makefile", ".");
	found_as("20260101-000000-0000", in_results);
	found_as("no/such/folder", "no/such/folder");
}

static void test_a_folder_that_cannot_be_made(void **state)
{
	struct knobs k = { .out = (char *)"/proc/nestlab/out" };
	struct rundir d;

	(void)state;
	assert_int_equal(rundir_make(&k, &d), -OUT_BROKEN);
	rundir_free(&d);
	/* Still told, whatever was tidied up. */
	assert_non_null(strstr(fail_text(), "can't make the run's folder /proc/nestlab/out: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_how_people_name_a_run),
		cmocka_unit_test(test_a_folder_that_cannot_be_made),
		cmocka_unit_test(test_what_goes_by_age),
		cmocka_unit_test(test_what_goes_by_size),
		cmocka_unit_test(test_young_ones_stay),
		cmocka_unit_test(test_from_its_first_moment),
		cmocka_unit_test(test_a_part_is_not_the_latest),
		cmocka_unit_test(test_the_end_of_a_list),
		cmocka_unit_test(test_has_its_line),
		cmocka_unit_test(test_out_of_somebody_else),
	};

	char root[] = "/tmp/nestlab-root-XXXXXX";
	int ret;

	/* results/latest is there, and not in the checkout. */
	if (!mkdtemp(root) || setenv("NESTLAB_ROOT", root, 1))
		return 1;
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	rm_rf(root);
	return ret;
}
