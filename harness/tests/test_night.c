// SPDX-License-Identifier: GPL-2.0-only
/*
 * A night from its plans to its exit code. This program is also the nestlab that the pool starts:
 * it judges nothing, and says of each plan what a file of the test wants.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "core/ui.h"
#include "history/diff.h"
#include "history/history.h"
#include "night/night.h"
#include "report/report.h"
#include "run/rundir.h"

#include <cmocka.h>

static const char *root;

static char *in_root(const char *name)
{
	return strf("%s/%s", root, name);
}

static void put(const char *name, const char *text)
{
	_cleanup_free_ char *path = in_root(name);

	assert_int_equal(file_write(path, text, strlen(text), 0644), 0);
}

static void append(const char *name, const char *text)
{
	_cleanup_free_ char *path = in_root(name);
	FILE *f = fopen(path, "a");

	fputs(text, f);
	fclose(f);
}

/* Is it a line of the file? */
static bool says(const char *name, const char *line)
{
	_cleanup_free_ char *path = in_root(name);
	_cleanup_strv_ struct strv lines = { 0 };
	_cleanup_buf_ struct buf b = { 0 };

	if (!file_read(path, &b))
		strv_split(&lines, buf_str(&b), "\n");
	return strv_has(&lines, line);
}

static size_t n_lines(const char *name)
{
	_cleanup_free_ char *path = in_root(name);
	_cleanup_strv_ struct strv lines = { 0 };
	_cleanup_buf_ struct buf b = { 0 };

	if (!file_read(path, &b))
		strv_split(&lines, buf_str(&b), "\n");
	return lines.n;
}

/* ---- the nestlab of the pool: "run DIR OUT=DIR ..." ---- */

static void judge(struct run_result *r, const struct plan *plan, const char *name)
{
	struct test_result *t = result_add_test(r, "cpuid-exits/exact", "cpuid-exits");

	str_set(&r->reason, NULL);
	r->verdict = OUT_PASS;
	result_set_subject_what(r, "the reference");
	result_set_subject_hash(r, plan->hash);
	str_set(&r->lane, plan->lane.name);
	result_set_manifest(r, "kernel host", says("fails", name) ? "a wrong one" : "a right one");
	result_add_check(t, "total", says("fails", name) ? OUT_FAIL : OUT_PASS, "1", "1", NULL);
	t->seconds = 0.1;
	if (says("breaks", name)) {
		result_drop_test(r);
		r->verdict = OUT_BROKEN;
		str_set(&r->reason, "the disk is full");
	}
	result_finish(r);
}

static int be_nestlab(int argc, char **argv)
{
	_cleanup_free_ char *json = strf("%s/results.json", argv[2]),
			    *line = strf("%s\n", path_last(argv[2]));
	const char *name = path_last(argv[2]);
	struct plan plan = { 0 };
	struct rundir d;
	struct knobs k;
	int code;

	root = getenv("NESTLAB_ROOT");
	append("ran", line);
	if (says("kills", name))
		kill(getppid(), SIGKILL);
	knobs_take(argc, argv, argc);
	if (knobs_load(&k) || rundir_make(&k, &d) || plan_load_knobs(argv[2], &k) ||
	    plan_make(&k, &plan))
		return 99;
	judge(d.result, &plan, name);
	report_json(d.result, json);
	code = outcome_exit_code(result_verdict(d.result));
	rundir_free(&d);
	plan_free(&plan);
	knobs_free(&k);
	return code;
}

/* ---- the night ---- */

#define CONF                                                                                       \
	"[night]\nbudget_minutes = 60\non_change = cat >$NESTLAB_ROOT/told\n[plans]\nplain =\n"    \
	"cpus = L2_CPUS=1|4 TESTS=cpuid-exits\n"

static int make_root(void **state)
{
	static const char *const linked[] = { "config", "kernel-patches", "testcases", "build" };
	static char path[64];
	char here[512];

	(void)state;
	strcpy(path, "/tmp/nestlab-night-XXXXXX");
	if (!mkdtemp(path) || !getcwd(here, sizeof(here)))
		return -1;
	root = path;
	for (size_t i = 0; i < ARRAY_SIZE(linked); i++) {
		_cleanup_free_ char *from = strf("%s/%s", here, linked[i]),
				    *to = in_root(linked[i]);

		if (symlink(from, to))
			return -1;
	}
	setenv("NESTLAB_ROOT", path, 1);
	setenv("LANE", "tcg-svm", 1);
	put("night.conf", CONF);
	return 0;
}

static int remove_root(void **state)
{
	(void)state;
	return rm_rf(root);
}

/* Each in a process of its own, as a command is. Returns its exit code; 137: it was killed. */
static int night_by(enum night_start how)
{
	_cleanup_free_ char *conf = in_root("night.conf"), *log = in_root("log");
	int status, ret;
	pid_t pid = fork();

	if (!pid) {
		if (!freopen(log, "a", stdout) || !freopen(log, "a", stderr))
			_exit(98);
		ui_init(false);
		proc_catch_signals();
		ret = night_run(conf, how);
		if (ret < 0)
			fprintf(stderr, "%s\n", fail_text());
		fflush(NULL);
		_exit(ret < 0 ? outcome_exit_code((enum outcome) - ret) : ret);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int night(void)
{
	return night_by(NIGHT_AS_NEEDED);
}

static bool logged(const char *words)
{
	_cleanup_free_ char *log = in_root("log");
	_cleanup_buf_ struct buf b = { 0 };

	file_read(log, &b);
	return strstr(buf_str(&b), words);
}

static struct history read_lines(void)
{
	_cleanup_free_ char *path = in_root("results/history.jsonl");
	struct history h;

	assert_int_equal(history_read(path, &h), 0);
	assert_int_equal(h.bad, 0);
	return h;
}

static struct run_result *result_of(const struct history *h)
{
	_cleanup_free_ char *json = strf("%s/results/%s/results.json", root, h->v[h->n - 1].folder);
	struct run_result *r = report_load(json);

	assert_non_null(r);
	return r;
}

static void test_all_well(void **state)
{
	_cleanup_free_ char *page = in_root("results/index.html"), *told = in_root("told");
	struct run_result *r;
	struct history h;

	(void)state;
	assert_int_equal(night(), 0);
	h = read_lines();
	assert_int_equal(h.n, 4);
	assert_string_equal(h.v[1].name, "cpus L2_CPUS=1");
	assert_string_equal(h.v[1].set, h.v[3].run);
	assert_null(h.v[3].name);
	assert_string_equal(h.v[0].lane, "tcg-svm");
	assert_true(path_exists(page));
	assert_false(path_exists(told)); /* there is none before it */
	r = result_of(&h);
	assert_int_equal(r->n_tests, 3);
	assert_int_equal(r->tests[2].n_checks, 1);
	assert_string_equal(r->tests[2].checks[0].name, "cpuid-exits/exact");
	result_free(r);
	history_free(&h);
}

/* The second night is as the first one; in the third a plan fails; in the fourth no more. */
static void test_who_is_told_of_what(void **state)
{
	_cleanup_free_ char *told = in_root("told");
	_cleanup_buf_ struct buf b = { 0 };
	struct diff d;

	(void)state;
	assert_int_equal(night(), 0);
	assert_int_equal(night(), 0);
	assert_false(path_exists(told));
	put("fails", "cpus-L2_CPUS-4\n");
	assert_int_equal(night(), 1);
	assert_int_equal(file_read(told, &b), 0);
	assert_int_equal(diff_load(buf_str(&b), b.len, &d), 0);
	assert_int_equal(d.n, 1);
	assert_int_equal(d.v[0].change, CHANGE_NEWLY_FAILING);
	assert_string_equal(d.v[0].part, "cpus L2_CPUS=4");
	assert_string_equal(d.v[0].what, "cpuid-exits/exact");
	assert_string_equal(d.v[0].why, "total");
	diff_free(&d);
	unlink(told);
	assert_int_equal(night(), 1); /* still: nobody wants a mail each night */
	assert_false(path_exists(told));
	put("fails", "");
	assert_int_equal(night(), 0);
	assert_true(path_exists(told));
}

static void test_two_at_once(void **state)
{
	struct run_result *r;
	struct history h;

	(void)state;
	put("night.conf", "[night]\njobs = 2\n[plans]\nmany = L2_CPUS=1|2|3|4 EFFORT=1|2\n");
	put("fails", "many-L2_CPUS-3-EFFORT-2\n");
	assert_int_equal(night(), 1);
	h = read_lines();
	assert_int_equal(h.n, 9);
	r = result_of(&h);
	assert_int_equal(r->n_tests, 8);
	for (size_t i = 0; i < r->n_tests; i++)
		assert_int_equal(r->tests[i].verdict,
				 strcmp(r->tests[i].name, "many L2_CPUS=3 EFFORT=2") ? OUT_PASS
										     : OUT_FAIL);
	result_free(r);
	history_free(&h);
}

/* What was judged stands; one line for the night, whatever others wrote in between. */
static void test_goes_on(void **state)
{
	_cleanup_free_ char *first = NULL;
	struct history h;

	(void)state;
	put("kills", "cpus-L2_CPUS-1\n");
	assert_int_equal(night(), 137);
	assert_int_equal(n_lines("ran"), 2);
	h = read_lines();
	assert_int_equal(h.n, 1);
	first = xstrdup(h.v[0].set);
	history_free(&h);
	put("kills", "");
	assert_int_equal(night(), 0);
	assert_int_equal(n_lines("ran"), 4);
	assert_true(logged("going on with the night"));
	h = read_lines();
	assert_string_equal(h.v[h.n - 1].run, first);
	assert_true(h.v[h.n - 1].finished);
	assert_int_equal(h.v[h.n - 1].n_tests, 3);
	for (size_t i = 0; i + 1 < h.n; i++)
		assert_string_not_equal(h.v[i].run, first);
	history_free(&h);
	assert_int_equal(night_by(NIGHT_GO_ON), 0); /* that was over, and a boot begins none */
	assert_int_equal(n_lines("ran"), 4);
	assert_int_equal(night(), 0);
	assert_int_equal(n_lines("ran"), 7);
}

/* As in its folder's night.json. */
static void set_state(const char *what, const char *value)
{
	_cleanup_free_ char *command =
		strf("sed -i 's/\"%s\": [^,]*/\"%s\": %s/' %s/results/*-night/night.json", what,
		     what, value, root);

	assert_int_equal(system(command), 0);
}

/* Yesterday's is not gone on with: today's mutants are others. */
static void test_of_yesterday(void **state)
{
	(void)state;
	put("kills", "cpus-L2_CPUS-1\n");
	assert_int_equal(night(), 137);
	put("kills", "");
	set_state("started", "\"2026-01-01T02:00:00Z\"");
	assert_int_equal(night_by(NIGHT_GO_ON), 0);
	assert_int_equal(n_lines("ran"), 2);
	assert_int_equal(night(), 0);
	assert_false(logged("going on with the night"));
	assert_int_equal(n_lines("ran"), 5);
}

/* Of other plans it is another night. */
static void test_of_other_plans(void **state)
{
	(void)state;
	put("kills", "cpus-L2_CPUS-1\n");
	assert_int_equal(night(), 137);
	put("kills", "");
	put("night.conf", "[plans]\nplain = L2_CPUS=3\n");
	assert_int_equal(night(), 0);
	assert_false(logged("going on with the night"));
}

/* The time is that of all of it, killed or not. What was not judged is told, and is no pass. */
static void test_out_of_time(void **state)
{
	struct run_result *r;
	struct history h;

	(void)state;
	put("kills", "cpus-L2_CPUS-4\n");
	assert_int_equal(night(), 137);
	set_state("used_s", "3590.5");
	put("kills", "");
	assert_int_equal(night(), 3);
	assert_int_equal(n_lines("ran"), 3);
	h = read_lines();
	r = result_of(&h);
	assert_int_equal(r->n_tests, 3);
	assert_int_equal(r->tests[0].verdict, OUT_PASS);
	assert_int_equal(r->tests[2].verdict, OUT_BROKEN);
	assert_non_null(strstr(r->tests[2].reason, "the night's time (60 min) was over"));
	assert_int_equal(h.v[h.n - 1].verdict, OUT_BROKEN);
	result_free(r);
	history_free(&h);
}

/* The lab's fault is nobody's failure, and no pass. */
static void test_one_is_broken(void **state)
{
	struct run_result *r;
	struct history h;

	(void)state;
	put("breaks", "plain\n");
	assert_int_equal(night(), 3);
	h = read_lines();
	r = result_of(&h);
	assert_int_equal(r->tests[0].verdict, OUT_BROKEN);
	assert_non_null(strstr(r->tests[0].reason, "the disk is full"));
	assert_int_equal(r->tests[1].verdict, OUT_PASS);
	result_free(r);
	history_free(&h);
	put("fails", "cpus-L2_CPUS-1\n");
	assert_int_equal(night(), 1); /* a failure weighs more */
}

static void test_needs(void **state)
{
	(void)state;
	put("night.conf", "[night]\nneeds = kvm\n[plans]\nplain =\n");
	if (access("/sys/module/kvm_amd/parameters/nested", F_OK) &&
	    access("/sys/module/kvm_intel/parameters/nested", F_OK)) {
		assert_int_equal(night(), 3);
		assert_true(logged("needs = kvm: lane kvm can't run on this machine"));
		assert_int_equal(n_lines("ran"), 0);
	}
	put("night.conf", "[night]\nneeds = tcg-svm\n[plans]\nplain =\n");
	unsetenv("LANE");
	assert_int_equal(night(), 0);
	assert_int_equal(n_lines("ran"), 1);
}

/* ---- the plans ---- */

static void assert_wrong(const char *conf, const char *words)
{
	struct night_items items = { 0 };
	struct night_conf c;
	_cleanup_free_ char *path = in_root("night.conf");
	int ret;

	put("night.conf", conf);
	ret = night_conf_load(path, &c);
	if (!ret)
		ret = night_items_make(&c, &items);
	assert_int_equal(ret, -OUT_USAGE);
	if (!strstr(fail_text(), words))
		print_message("%s\n", fail_text());
	assert_non_null(strstr(fail_text(), words));
	night_items_free(&items);
	night_conf_free(&c);
}

static void test_wrong_plans(void **state)
{
	(void)state;
	assert_wrong("[night]\nbudget_minutes = 60\n", "nothing would be judged");
	assert_wrong("[plans]\na = PLACE=2\n", "no plan has a setting 'PLACE'");
	assert_wrong("[plans]\na = L2_CPU=2\n", "did you mean L2_CPUS?");
	assert_wrong("[plans]\na = fast\n", "'fast' is no SETTING=VALUE");
	assert_wrong("[plans]\na =\na = L2_CPUS=2\n", "given twice");
	assert_wrong("[plans]\nmutants =\n", "is 'mutants'");
	assert_wrong("[night]\nbudget = 3\n", "night.conf:2: unknown key 'budget'");
	assert_wrong("[plans]\na = L2_CPUS=1|2|3|4|5|6|7|8 EFFORT=1|2|3|4|5|6|7|8 "
		     "SLOWDOWN=1|2|3|4|5|6|7|8\n",
		     "more than 500");
}

static void test_alternatives(void **state)
{
	struct night_items items;
	struct night_conf c;
	_cleanup_free_ char *path = in_root("night.conf");

	(void)state;
	put("night.conf", "[plans]\nall = LANE=tcg-svm L2_CPUS=1|4 NESTED_PAGING=0|1\n");
	assert_int_equal(night_conf_load(path, &c), 0);
	assert_int_equal(night_items_make(&c, &items), 0);
	assert_int_equal(items.n, 4);
	assert_string_equal(items.v[0].name, "all L2_CPUS=1 NESTED_PAGING=0");
	assert_string_equal(items.v[3].name, "all L2_CPUS=4 NESTED_PAGING=1");
	assert_int_equal(items.v[3].knobs.n, 3);
	night_items_free(&items);
	night_conf_free(&c);
}

/* The one that the project brings can be read. */
static void test_own_conf(void **state)
{
	struct night_items items;
	struct night_conf c;

	(void)state;
	assert_int_equal(night_conf_load("config/nightly.conf", &c), 0);
	assert_int_equal(night_items_make(&c, &items), 0);
	assert_true(items.n > 5);
	night_items_free(&items);
	night_conf_free(&c);
}

static void test_drawn_by_the_date(void **state)
{
	_cleanup_strv_ struct strv all = { 0 }, a = { 0 }, again = { 0 }, b = { 0 };
	size_t same = 0;

	(void)state;
	for (int i = 0; i < 200; i++)
		strv_addf(&all, "mutant-%d", i);
	mutants_pick(&all, "20261127", 6, &a);
	mutants_pick(&all, "20261127", 6, &again);
	mutants_pick(&all, "20261128", 6, &b);
	assert_int_equal(a.n, 6);
	for (size_t i = 0; i < a.n; i++) {
		assert_string_equal(a.v[i], again.v[i]);
		same += strv_has(&b, a.v[i]);
	}
	assert_true(same < 3);
}

#define T(name) cmocka_unit_test_setup_teardown(name, make_root, remove_root)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(test_all_well),	   T(test_who_is_told_of_what), T(test_goes_on),
		T(test_two_at_once),	   T(test_of_other_plans),	T(test_of_yesterday),
		T(test_out_of_time),	   T(test_one_is_broken),	T(test_needs),
		T(test_wrong_plans),	   T(test_alternatives),	T(test_own_conf),
		T(test_drawn_by_the_date),
	};

	if (argc > 1 && !strcmp(argv[1], "run"))
		return be_nestlab(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
