// SPDX-License-Identifier: GPL-2.0-only
/*
 * The unpatched kernel's answers, taken by a run of their own: this program is also the nestlab
 * that the pool starts, whose lab's L1 is the real agent. What goes wrong there is the lab's fault,
 * and is never kept.
 */
#include "report/report.h"
#include "tests/fake_machine.h"

#define OOPS "echo '[    9.1] BUG: kernel NULL pointer dereference, address: 0' >>$CONSOLE; "

#define PREFIX "the unpatched kernel's baseline: "

/* ---- the nestlab of the pool: "run DIR OUT=DIR ..." ---- */

/* What its plan says. Each run is noted in a file, for counting. */
static void take_knobs(struct fake *f, const char *dir)
{
	_cleanup_free_ char *path = strf("%s/plan.json", dir), *runs = strf("%s/runs", fake_root);
	_cleanup_buf_ struct buf seen = { 0 };
	struct knobs k;

	assert_int_equal(knobs_load(&k), 0);
	assert_int_equal(plan_load_knobs(path, &k), 0);
	assert_int_equal(k.unpatched, 1);
	assert_int_equal(k.tests.n, 1);
	assert_string_equal(k.tests.v[0], "asks");
	f->plan.knobs.effort = k.effort;
	knobs_free(&k);
	file_read(runs, &seen);
	buf_puts(&seen, "x");
	assert_int_equal(file_write(runs, buf_str(&seen), seen.len, 0600), 0);
}

static int be_nestlab(const char *dir)
{
	static const char *const args[] = { "7", NULL };
	struct testcase *t;
	struct fake *f;
	int code;

	fake_root = xstrdup(getenv("NESTLAB_ROOT"));
	ui_init(false);
	loop_init();
	f = fake_new();
	take_knobs(f, dir);
	free(f->run.dir);
	f->run.dir = xstrdup(dir);
	f->plan.lane.retries = getenv("RETRIES") ? 1 : 0;
	t = fake_add(f, "asks");
	t->args = args;
	t->timeout_s = getenv("SHORT") ? 1 : 20;
	fake_run(f);
	report_all(f->run.result, dir);
	code = outcome_exit_code(result_verdict(f->run.result));
	fake_free(f);
	free(fake_root);
	return code;
}

/* ---- the run that wants them ---- */

struct asking {
	struct fake *run; /* not up */
	struct plan plan; /* of the unpatched kernel */
	struct testcase *t;
};

static struct asking asking_new(const char *script)
{
	struct asking a = { .run = fake_new() };

	assert_int_equal(knobs_load(&a.plan.knobs), 0);
	assert_int_equal(knobs_set(&a.plan.knobs, "UNPATCHED", "1"), 0);
	assert_int_equal(knobs_set(&a.plan.knobs, "TESTS", "asks"), 0);
	a.t = fake_test(a.run, "asks", script);
	a.t->wants_baseline = true;
	return a;
}

static int take(struct asking *a)
{
	int ret = baseline_take(&a->run->run, &a->plan, "the lab's key");

	if (ret)
		print_message("%s\n", fail_text());
	return ret;
}

static size_t n_runs(void)
{
	_cleanup_free_ char *runs = strf("%s/runs", fake_root);
	_cleanup_buf_ struct buf seen = { 0 };

	file_read(runs, &seen);
	return seen.len;
}

static size_t n_cached(void)
{
	_cleanup_free_ char *dir = path_in_cache("baselines");
	_cleanup_strv_ struct strv names = { 0 };

	return dir_list(dir, ".txt", &names) ? 0 : names.n;
}

static uint64_t answer(struct asking *a, const char *key)
{
	struct observations o = { 0 };
	uint64_t value;

	assert_int_equal(baseline_read(&a->run->run, a->t, &o), 0);
	assert_non_null(obs_get(&o, key, 0));
	value = obs_get(&o, key, 0)->u64;
	observations_free(&o);
	return value;
}

static void asking_free(struct asking *a)
{
	_cleanup_free_ char *dir = path_in_cache("baselines"), *runs = strf("%s/runs", fake_root);

	knobs_free(&a->plan.knobs);
	fake_free(a->run);
	rm_rf(dir);
	unlink(runs);
}

static void test_taken_once(void **state)
{
	struct asking a = asking_new("echo '@nestlab answer u64 42'; " DONE);

	(void)state;
	assert_int_equal(take(&a), 0);
	assert_int_equal(take(&a), 0);
	assert_int_equal(n_runs(), 1);
	assert_int_equal(answer(&a, "answer"), 42);
	asking_free(&a);
}

static void test_consoles_apart(void **state)
{
	struct asking a =
		asking_new("echo said by the unpatched one >>$CONSOLE; sleep 0.3; " DONE);
	_cleanup_free_ char *log = NULL, *of_the_run = NULL;

	(void)state;
	assert_int_equal(take(&a), 0);
	log = fake_file(a.run, "baseline/l1-console.log");
	assert_non_null(strstr(log, "said by the unpatched one"));
	of_the_run = fake_file(a.run, "l1-console.log");
	assert_string_equal(of_the_run, "");
	asking_free(&a);
}

/* What the program is given is in the question's name. */
static void test_another_question(void **state)
{
	struct asking a = asking_new("echo \"@nestlab effort u64 $NESTLAB_EFFORT\"; "
				     "echo \"@nestlab arg u64 $1\"; " DONE);
	static const char *const args[] = { "8", NULL };

	(void)state;
	assert_int_equal(knobs_set(&a.plan.knobs, "EFFORT", "3"), 0);
	a.run->plan.knobs.effort = 3;
	assert_int_equal(take(&a), 0);
	assert_int_equal(answer(&a, "effort"), 3);
	assert_int_equal(answer(&a, "arg"), 7);
	a.run->plan.knobs.effort = 1;
	assert_int_equal(take(&a), 0);
	assert_int_equal(n_runs(), 2);
	a.t->args = args;
	assert_int_equal(take(&a), 0);
	assert_int_equal(n_runs(), 3);
	fake_program("asks", "echo other; " DONE);
	assert_int_equal(take(&a), 0);
	assert_int_equal(n_runs(), 4);
	asking_free(&a);
}

/* Each with what the sentence must hold. Cached was whatever had come. */
static void test_programs_that_fail(void **state)
{
	static const struct {
		const char *script, *says;
	} faults[] = {
		{ "echo '@nestlab guest.broken str \"no /dev/kvm\"'; exit 3", "asks: the test program's end: no /dev/kvm" },
		{ "exit 1", "asks: it ended with exit code 1" },
		{ "kill -SEGV $$", "asks: signal 11" },
		{ "echo '@nestlab answer u64 42'", "asks: it ended with exit code 0 before" },
		{ "echo '@nestlab guest.skip str \"no vCPU\"'; exit 77", "asks: the test program's end: no vCPU" },
		{ DONE "; echo @nestlab cut", "asks: 1 malformed" },
		{ "sleep 100", "asks: " },
	};

	(void)state;
	setenv("SHORT", "1", 1);
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		struct asking a = asking_new(faults[i].script);

		assert_int_equal(take(&a), -OUT_BROKEN);
		assert_true(str_starts(fail_text(), PREFIX));
		assert_non_null(strstr(fail_text(), faults[i].says));
		assert_int_equal(n_cached(), 0);
		asking_free(&a);
	}
	unsetenv("SHORT");
}

/* Nobody's change runs here. */
static void test_a_crash_is_nobody_s(void **state)
{
	static const char *const scripts[] = { OOPS "sleep 100", OOPS DONE };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		struct asking a = asking_new(scripts[i]);
		_cleanup_free_ char *log = NULL;

		assert_int_equal(take(&a), -OUT_BROKEN);
		assert_true(str_starts(fail_text(), PREFIX "asks: "));
		assert_non_null(strstr(fail_text(), "L1's kernel died (BUG)"));
		assert_int_equal(n_cached(), 0);
		log = fake_file(a.run, "baseline/l1-console.log");
		assert_non_null(strstr(log, "NULL pointer"));
		asking_free(&a);
	}
}

static void test_an_agent_that_dies(void **state)
{
	struct asking a = asking_new("kill -KILL $PPID; sleep 100");

	(void)state;
	assert_int_equal(take(&a), -OUT_BROKEN);
	assert_non_null(strstr(fail_text(), "L1 hangs: its agent does not answer any more"));
	assert_int_equal(n_cached(), 0);
	asking_free(&a);
}

/* By an emulator: once more, as a test is. */
static void test_a_level_that_is_lost_without_a_word(void **state)
{
	struct asking a = asking_new("test -e $KEPT/once && " DONE
				     " && exit; touch $KEPT/once; kill -KILL $PPID; sleep 100");

	(void)state;
	setenv("RETRIES", "1", 1);
	assert_int_equal(take(&a), 0);
	unsetenv("RETRIES");
	assert_int_equal(n_cached(), 1);
	asking_free(&a);
}

/* As those of earlier versions may be. */
static void test_a_cut_one_is_made_anew(void **state)
{
	struct asking a = asking_new("echo '@nestlab answer u64 42'; " DONE);
	_cleanup_free_ char *dir = path_in_cache("baselines"), *path = NULL;
	_cleanup_strv_ struct strv names = { 0 };

	(void)state;
	assert_int_equal(take(&a), 0);
	assert_int_equal(dir_list(dir, ".txt", &names), 0);
	path = strf("%s/%s", dir, names.v[0]);
	assert_int_equal(file_write(path, "@nestlab answer u64 4", 21, 0600), 0);
	assert_int_equal(take(&a), 0);
	assert_int_equal(n_runs(), 2);
	assert_int_equal(answer(&a, "answer"), 42);
	asking_free(&a);
}

/* Knobs want their file. */
static int set_up(void **state)
{
	_cleanup_free_ char *dir = NULL, *path = NULL;

	fake_group_setup(state);
	dir = strf("%s/config", fake_root);
	path = strf("%s/defaults.conf", dir);
	return mkdir_p(dir) || file_write(path, "[lab]\n", 6, 0600);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken_once),
		cmocka_unit_test(test_consoles_apart),
		cmocka_unit_test(test_another_question),
		cmocka_unit_test(test_programs_that_fail),
		cmocka_unit_test(test_a_crash_is_nobody_s),
		cmocka_unit_test(test_an_agent_that_dies),
		cmocka_unit_test(test_a_level_that_is_lost_without_a_word),
		cmocka_unit_test(test_a_cut_one_is_made_anew),
	};

	if (argc > 2 && !strcmp(argv[1], "run"))
		return be_nestlab(argv[2]);
	return cmocka_run_group_tests(tests, set_up, fake_group_teardown);
}
