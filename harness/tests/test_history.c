// SPDX-License-Identifier: GPL-2.0-only
/* The history: no line is lost, doubled or half, whoever dies when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/outcome.h"
#include "history/history.h"
#include "report/report.h"

#include <cmocka.h>

#include "tests/made_history.h"

static char results[64];

static int make_results(void **state)
{
	(void)state;
	strcpy(results, "/tmp/nestlab-history-XXXXXX");
	return mkdtemp(results) ? 0 : -1;
}

static int remove_results(void **state)
{
	(void)state;
	return rm_rf(results);
}

static char *in_results(const char *name)
{
	return strf("%s/%s", results, name);
}

static struct history read_back(void)
{
	_cleanup_free_ char *path = in_results("history.jsonl");
	struct history h;

	assert_int_equal(history_read(path, &h), 0);
	return h;
}

/* A run of the results' folder that has its results.json. */
static struct run_result *put_run(const char *id, enum outcome verdict)
{
	_cleanup_free_ char *dir = in_results(id), *json = strf("%s/results.json", dir);
	struct run_result *r = result_new(id);
	struct test_result *t = result_add_test(r, "cpuid-exits/exact", "cpuid-exits");

	result_set_manifest(r, MANIFEST_COMMIT, "0123abcd" COMMIT_CHANGED);
	result_set_manifest(r, MANIFEST_PROGRAM, "p1");
	result_set_manifest(r, "kernel host", "k1");
	result_set_subject_what(r, "the reference");
	result_set_subject_hash(r, "1a2b");
	result_add_check(t, "total", verdict, "1", "1", NULL);
	result_add_measure(t, "cycles per exit", "cycles/exit", 4500.5);
	result_add_stage(r, "host kernel", "built", 3.25);
	str_set(&r->started, "2026-11-27T03:19:41Z");
	r->seconds = 9;
	result_finish(r);
	assert_int_equal(mkdir_p(dir), 0);
	assert_int_equal(report_json(r, json), 0);
	return r;
}

static void put_line(const char *id, const char *as, enum outcome verdict)
{
	_cleanup_free_ char *dir = in_results(id);
	struct run_result *r = put_run(id, verdict);
	struct history_mark m;

	history_begin_in(results, r, dir, as, &m);
	assert_int_equal(history_end_in(results, &m), 0);
	result_free(r);
}

static void test_a_line_says_all(void **state)
{
	struct history h;
	const struct history_entry *e;

	(void)state;
	put_line("20261127-031941-77e5", "20261127-020000-0001-night/npt=0", OUT_FAIL);
	h = read_back();
	assert_int_equal(h.n, 1);
	assert_int_equal(h.bad, 0);
	e = &h.v[0];
	assert_string_equal(e->run, "20261127-031941-77e5");
	assert_string_equal(e->folder, "20261127-031941-77e5");
	assert_string_equal(e->set, "20261127-020000-0001-night");
	assert_string_equal(e->name, "npt=0");
	assert_string_equal(e->plan, "1a2b");
	assert_string_equal(e->commit, "0123abcd" COMMIT_CHANGED);
	assert_non_null(e->judged);
	assert_string_equal(e->subject, "the reference");
	assert_int_equal(e->verdict, OUT_FAIL);
	assert_true(e->finished);
	assert_int_equal(e->n_tests, 1);
	assert_int_equal(e->tests[0].failed.n, 1);
	assert_string_equal(e->tests[0].failed.v[0], "total");
	assert_int_equal(e->tests[0].n_measures, 1);
	assert_int_equal(e->n_stages, 1);
	assert_int_equal(e->n_measures, 1); /* the whole run; the stage stands apart */
	history_free(&h);
}

/* One plan, but another kernel or another judge, is another question. */
static void test_what_was_judged(void **state)
{
	struct run_result *r = put_run("20261127-031941-77e5", OUT_PASS);
	struct history_entry first, other;

	(void)state;
	entry_make(r, "x", NULL, NULL, &first);
	result_set_manifest(r, "kernel host", "k2");
	entry_make(r, "x", NULL, NULL, &other);
	assert_string_not_equal(first.judged, other.judged);
	entry_free(&other);
	result_set_manifest(r, "kernel host", "k1");
	result_set_manifest(r, MANIFEST_PROGRAM, "p2");
	entry_make(r, "x", NULL, NULL, &other);
	assert_string_not_equal(first.judged, other.judged);
	entry_free(&other);
	result_set_subject_hash(r, NULL);
	entry_make(r, "x", NULL, NULL, &other);
	assert_null(other.judged);
	entry_free(&other);
	entry_free(&first);
	result_free(r);
}

static void test_kept_or_not(void **state)
{
	struct history h;

	(void)state;
	put_line("20261127-031941-0001", "no", OUT_PASS);
	put_line("20261127-031941-0002", "run", OUT_PASS);
	put_line("20261127-031941-0003", "mine", OUT_PASS);
	h = read_back();
	assert_int_equal(h.n, 2);
	assert_null(h.v[0].set);
	assert_string_equal(h.v[1].set, "mine");
	assert_null(h.v[1].name);
	history_free(&h);
}

/* Half a line costs itself, and not the one behind it. */
static void test_torn(void **state)
{
	_cleanup_free_ char *path = in_results("history.jsonl"), *told = NULL;
	_cleanup_buf_ struct buf b = { 0 };
	struct history h;
	size_t whole;

	(void)state;
	put_line("20261127-031941-0001", "run", OUT_PASS);
	assert_int_equal(file_read(path, &b), 0);
	whole = b.len;
	for (size_t cut = 1; cut < whole; cut += whole / 7) {
		assert_int_equal(file_write(path, b.data, whole, 0644), 0);
		assert_int_equal(truncate(path, (off_t)(whole - cut)), 0);
		put_line("20261127-031941-0002", "run", OUT_FAIL);
		h = read_back();
		assert_int_equal(h.n, cut == 1 ? 2 : 1); /* only its newline was missing */
		assert_int_equal(h.bad, cut != 1);
		assert_string_equal(h.v[h.n - 1].run, "20261127-031941-0002");
		history_free(&h);
	}
	h = read_back();
	told = history_told(&h, "history.jsonl");
	assert_non_null(strstr(told, "line 1 of history.jsonl is not whole"));
	history_free(&h);
}

/* What a power cut left of a block, a line of a later nestlab, one that somebody made. */
static void test_strange_lines(void **state)
{
	static const char *const lines[] = { "{}", "[]", "{\"format\":2,\"run\":\"x\"}", "\x01\xff",
					     "{\"format\":1," };
	_cleanup_free_ char *path = in_results("history.jsonl");
	_cleanup_buf_ struct buf b = { 0 };
	char zeros[512] = "";
	struct history h;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		buf_printf(&b, "%s\n", lines[i]);
	buf_add(&b, zeros, sizeof(zeros));
	assert_int_equal(file_write(path, b.data, b.len, 0644), 0);
	put_line("20261127-031941-0002", "run", OUT_PASS);
	h = read_back();
	assert_int_equal(h.n, 1);
	assert_int_equal(h.bad, ARRAY_SIZE(lines) + 1);
	assert_int_equal(h.first_bad, 1);
	history_free(&h);
}

/* What is already there stays, to the byte, and the line comes with the next run. */
static void test_full_disk(void **state)
{
	_cleanup_free_ char *path = in_results("history.jsonl"),
			    *dir = in_results("20261127-031941-0002");
	struct rlimit was, small;
	struct history_mark m;
	struct run_result *r;
	struct history h;
	struct stat st;

	(void)state;
	put_line("20261127-031941-0001", "run", OUT_PASS);
	assert_int_equal(stat(path, &st), 0);
	r = put_run("20261127-031941-0002", OUT_PASS);
	history_begin_in(results, r, dir, "run", &m);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	small = was;
	small.rlim_cur = (rlim_t)st.st_size + 20;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(history_end_in(results, &m), -OUT_BROKEN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(stat(path, &st), 0);
	h = read_back();
	assert_int_equal(h.n, 1);
	assert_int_equal(h.bad, 0);
	history_free(&h);
	put_line("20261127-031941-0003", "run", OUT_PASS);
	h = read_back();
	assert_int_equal(h.n, 3);
	assert_string_equal(h.v[1].run, "20261127-031941-0002");
	history_free(&h);
	result_free(r);
}

/* Killed in the middle of its run: told as not finished, by the next one; once. */
static void test_killed(void **state)
{
	_cleanup_free_ char *dir = in_results("20261127-031941-0001"),
			    *json = strf("%s/results.json", dir);
	struct run_result *r = put_run("20261127-031941-0001", OUT_PASS);
	struct history h;
	int status;
	pid_t pid;

	(void)state;
	r->finished = false;
	assert_int_equal(report_json(r, json), 0);
	pid = fork();
	if (!pid) {
		struct history_mark m;

		history_begin_in(results, r, dir, "run", &m);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	put_line("20261127-031941-0002", "run", OUT_PASS);
	put_line("20261127-031941-0003", "run", OUT_PASS);
	h = read_back();
	assert_int_equal(h.n, 3);
	assert_string_equal(h.v[0].run, "20261127-031941-0001");
	assert_false(h.v[0].finished);
	assert_int_equal(h.v[0].verdict, OUT_BROKEN);
	history_free(&h);
	result_free(r);
}

/* A run that goes on is none that was left. */
static void test_beside_another(void **state)
{
	_cleanup_free_ char *dir = in_results("20261127-031941-0001");
	struct run_result *r = put_run("20261127-031941-0001", OUT_PASS);
	struct history_mark m;
	struct history h;

	(void)state;
	history_begin_in(results, r, dir, "run", &m);
	put_line("20261127-031941-0002", "run", OUT_PASS);
	h = read_back();
	assert_int_equal(h.n, 1);
	history_free(&h);
	assert_int_equal(history_end_in(results, &m), 0);
	h = read_back();
	assert_int_equal(h.n, 2);
	history_free(&h);
	result_free(r);
}

/* Killed between its line and its mark's end: the line comes twice, and is read once. */
static void test_once(void **state)
{
	_cleanup_free_ char *pending = in_results(".pending/20261127-031941-0001");
	_cleanup_free_ char *dir = in_results("20261127-031941-0001"),
			    *text = strf("%s\nrun\n", dir);
	struct history h;

	(void)state;
	put_line("20261127-031941-0001", "run", OUT_PASS);
	assert_int_equal(file_write(pending, text, strlen(text), 0644), 0);
	put_line("20261127-031941-0002", "run", OUT_PASS);
	assert_false(path_exists(pending));
	h = read_back();
	assert_int_equal(h.n, 2);
	history_free(&h);
}

#define WRITERS 8
#define EACH 12

static void test_many_at_once(void **state)
{
	struct history h;

	(void)state;
	for (int w = 0; w < WRITERS; w++)
		if (!fork()) {
			for (int i = 0; i < EACH; i++) {
				_cleanup_free_ char *id = strf("20261127-0319%02d-%04x", i, w);

				put_line(id, "run", OUT_PASS);
			}
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
	h = read_back();
	assert_int_equal(h.n, WRITERS * EACH);
	assert_int_equal(h.bad, 0);
	history_free(&h);
}

static void test_where_results_are_gone(void **state)
{
	_cleanup_free_ char *dir = in_results("20261127-031941-0001");
	struct run_result *r = put_run("20261127-031941-0001", OUT_PASS);
	struct history_mark m;
	struct history h;

	(void)state;
	history_begin_in(results, r, dir, "run", &m);
	rm_rf(dir);
	assert_int_equal(history_end_in(results, &m), 0);
	h = read_back();
	assert_int_equal(h.n, 0);
	history_free(&h);
	result_free(r);
}

#define T(name) cmocka_unit_test_setup_teardown(name, make_results, remove_results)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_a_line_says_all),
		T(test_what_was_judged),
		T(test_kept_or_not),
		T(test_torn),
		T(test_strange_lines),
		T(test_full_disk),
		T(test_killed),
		T(test_beside_another),
		T(test_once),
		T(test_many_at_once),
		T(test_where_results_are_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
