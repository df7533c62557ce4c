// SPDX-License-Identifier: GPL-2.0-only
/* Tests that lose the lab, in one whose L1 is the real agent. */
#include "tests/fake_machine.h"

#define OOPS "echo '[    9.1] BUG: kernel NULL pointer dereference, address: 0' >>$CONSOLE; "

static const struct test_result *logs_of(const struct fake *f)
{
	return fake_result(f, "lab/kernel-logs");
}

static bool has_line(const struct strv *lines, const char *text)
{
	for (size_t i = 0; i < lines->n; i++)
		if (strstr(lines->v[i], text))
			return true;
	return false;
}

static void test_a_crash_costs_its_test(void **state)
{
	struct fake *f = fake_new();

	(void)state;
	fake_test(f, "first", DONE);
	fake_test(f, "dies", OOPS "sleep 100");
	fake_test(f, "next", DONE);
	assert_int_equal(fake_run(f), 0);
	assert_verdict(f, "first", OUT_PASS);
	assert_verdict(f, "dies", OUT_CRASH);
	assert_verdict(f, "next", OUT_PASS);
	assert_int_equal(f->run.result->verdict, OUT_CRASH);
	assert_non_null(strstr(f->run.result->reason, "dies: L1's kernel died (BUG): "));
	assert_int_equal(f->ups, 2);
	fake_free(f);
}

/* Its kernel is dead all the same: the next test must not be blamed for it. */
static void test_a_crash_at_a_test_s_end(void **state)
{
	struct fake *f = fake_new();

	(void)state;
	fake_test(f, "ends", OOPS DONE);
	fake_test(f, "late", OOPS "sleep 100")->timeout_s = 1;
	fake_test(f, "next", DONE);
	assert_int_equal(fake_run(f), 0);
	assert_verdict(f, "ends", OUT_CRASH);
	assert_verdict(f, "late", OUT_CRASH);
	assert_verdict(f, "next", OUT_PASS);
	fake_free(f);
}

/*
 * What the dead kernel said: in the test, in the run, and in the log of the console, which the next
 * life goes on with.
 */
static void test_last_words_are_kept(void **state)
{
	struct fake *f = fake_new();
	_cleanup_free_ char *log = NULL;
	const char *first, *second;

	(void)state;
	fake_test(f, "dies", OOPS "sleep 100");
	fake_test(f, "again", "echo WARNING: CPU: 0 PID: 1 >>$CONSOLE; " OOPS "sleep 100");
	fake_test(f, "next", "echo lives on >>$CONSOLE; sleep 0.3; " DONE);
	assert_int_equal(fake_run(f), 0);
	assert_true(has_line(&fake_result(f, "dies")->log, "NULL pointer"));
	assert_true(has_line(&fake_result(f, "again")->log, "NULL pointer"));
	assert_int_equal(f->run.result->console.n, 2);
	log = fake_file(f, "l1-console.log");
	first = strstr(log, "NULL pointer");
	assert_true(first && strstr(log, "boot of life 1") < first);
	second = strstr(first + 1, "NULL pointer");
	assert_true(second && strstr(log, "boot of life 2") > first &&
		    strstr(log, "boot of life 2") < second);
	assert_true(strstr(log, "boot of life 3") > second && strstr(log, "lives on") > second);
	fake_free(f);
}

static void test_kernel_logs_of_each_life(void **state)
{
	struct fake *f = fake_new();
	const struct test_result *t;

	(void)state;
	fake_test(f, "dies", "echo WARNING: CPU: 0 PID: 1 >>$CONSOLE; " OOPS "sleep 100");
	fake_test(f, "next", DONE);
	assert_int_equal(fake_run(f), 0);
	t = logs_of(f);
	assert_int_equal(t->n_checks, 3);
	assert_string_equal(t->checks[0].name, "L1's kernel log");
	assert_int_equal(t->checks[0].verdict, OUT_FAIL);
	assert_string_equal(t->checks[0].observed,
			    "1, the first: WARNING: CPU: 0 PID: 1; the lab was lost in dies: BUG");
	assert_string_equal(t->checks[1].name, "L1's kernel log (2)");
	assert_int_equal(t->checks[1].verdict, OUT_PASS);
	assert_string_equal(t->checks[1].observed, "none");
	assert_string_equal(t->checks[2].name, "L2's kernel log");
	assert_int_equal(t->checks[2].verdict, OUT_SKIP);
	fake_free(f);
}

static void test_the_trace_goes_on(void **state)
{
	struct fake *f = fake_new();
	_cleanup_free_ char *trace = NULL;
	const char *first;

	(void)state;
	fake_test(f, "dies",
		  "printf 'a line that is cut' >/sys/kernel/tracing/trace_pipe; sleep 0.2; " OOPS
		  "sleep 100");
	fake_test(f, "next",
		  "echo 'another life' >/sys/kernel/tracing/trace_pipe; sleep 0.2; " DONE);
	assert_int_equal(fake_run(f), 0);
	trace = fake_file(f, "trace.txt");
	first = strstr(trace, "a line that is cut\n# nestlab: the lab was lost");
	assert_true(first && strstr(first, "\nanother life\n"));
	fake_free(f);
}

/* A kernel that dies in everything. */
static void test_five_losses_are_enough(void **state)
{
	static const char *const names[] = { "t1", "t2", "t3", "t4", "t5", "t6", "t7" };
	struct fake *f = fake_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		fake_test(f, names[i], OOPS "sleep 100");
	assert_int_equal(fake_run(f), 0);
	assert_verdict(f, "t5", OUT_CRASH);
	assert_verdict(f, "t6", OUT_SKIP);
	assert_verdict(f, "t7", OUT_SKIP);
	assert_string_equal(fake_result(f, "t7")->reason,
			    "not run: 5 tests had lost the lab by then");
	assert_int_equal(f->run.result->verdict, OUT_CRASH);
	assert_int_equal(f->ups, 5);
	assert_int_equal(logs_of(f)->n_checks, 5 + 1); /* L2's is skipped */
	fake_free(f);
}

static void test_a_lab_that_comes_up_at_the_second_try(void **state)
{
	struct fake *f = fake_new();

	(void)state;
	f->refusals = 1;
	fake_test(f, "dies", OOPS "sleep 100");
	fake_test(f, "next", DONE);
	assert_int_equal(fake_run(f), 0);
	assert_verdict(f, "next", OUT_PASS);
	assert_int_equal(f->ups, 3);
	fake_free(f);
}

static void test_a_lab_that_does_not_come_up_again(void **state)
{
	struct fake *f = fake_new();

	(void)state;
	f->refusals = 9;
	fake_test(f, "dies", OOPS "sleep 100");
	fake_test(f, "next", DONE);
	fake_test(f, "last", DONE);
	assert_int_equal(fake_run(f), 0);
	assert_verdict(f, "dies", OUT_CRASH);
	assert_verdict(f, "next", OUT_SKIP);
	assert_verdict(f, "last", OUT_SKIP);
	assert_string_equal(fake_result(f, "last")->reason,
			    "not run: the lab did not come up again: L1's kernel died at its boot");
	assert_int_equal(f->run.result->verdict, OUT_CRASH);
	assert_int_equal(f->ups, 3);
	fake_free(f);
}

/* Nothing comes after it: nobody waits for a lab. */
static void test_a_crash_at_the_end_restores_nothing(void **state)
{
	struct fake *f = fake_new();

	(void)state;
	fake_test(f, "dies", OOPS "sleep 100");
	assert_int_equal(fake_run(f), 0);
	assert_verdict(f, "dies", OUT_CRASH);
	assert_int_equal(f->ups, 1);
	fake_free(f);
}

static void test_an_agent_that_dies(void **state)
{
	struct fake *f = fake_new();

	(void)state;
	fake_test(f, "kills it", "echo before; sleep 0.3; kill -KILL $PPID; sleep 100");
	fake_test(f, "next", DONE);
	assert_int_equal(fake_run(f), 0);
	assert_verdict(f, "kills it", OUT_CRASH);
	assert_non_null(strstr(fake_result(f, "kills it")->reason,
			       "L1 hangs: its agent does not answer any more"));
	assert_true(has_line(&fake_result(f, "kills it")->log, "before"));
	assert_verdict(f, "next", OUT_PASS);
	fake_free(f);
}

/* Only the first time, as an emulator does. */
static void test_a_level_that_is_lost_without_a_word(void **state)
{
	struct fake *f = fake_new();

	(void)state;
	f->plan.lane.retries = 1;
	fake_test(f, "unlucky",
		  "test -e $KEPT/once && " DONE
		  " && exit; touch $KEPT/once; kill -KILL $PPID; sleep 100");
	fake_test(f, "next", DONE);
	assert_int_equal(fake_run(f), 0);
	assert_verdict(f, "unlucky", OUT_PASS);
	assert_verdict(f, "next", OUT_PASS);
	assert_int_equal(f->run.result->verdict, OUT_PASS);
	assert_int_equal(f->run.result->n_tests, 3);
	assert_non_null(fake_result(f, "unlucky")->retried);
	assert_null(fake_result(f, "next")->retried);
	assert_int_equal(f->ups, 2);
	fake_free(f);
}

/* Two of one run: the second one was a crash of a right kernel. */
static void test_levels_that_are_lost_without_a_word(void **state)
{
	static const char *const names[] = { "unlucky", "unlucky, too", "once too often" };
	struct fake *f = fake_new();

	(void)state;
	f->plan.lane.retries = 2;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *script =
			strf("test -e $KEPT/%zu && " DONE " && exit; touch $KEPT/%zu; kill -KILL $PPID; sleep 100", i, i);

		fake_test(f, names[i], script);
	}
	assert_int_equal(fake_run(f), 0);
	assert_verdict(f, "unlucky", OUT_PASS);
	assert_verdict(f, "unlucky, too", OUT_PASS);
	assert_non_null(fake_result(f, "unlucky, too")->retried);
	assert_verdict(f, "once too often", OUT_CRASH);
	fake_free(f);
}

/* Its first result stands. */
static void test_one_that_is_lost_and_stays_lost(void **state)
{
	struct fake *f = fake_new();

	(void)state;
	f->plan.lane.retries = 1;
	f->refusals = 9;
	fake_test(f, "unlucky", "kill -KILL $PPID; sleep 100");
	fake_test(f, "next", DONE);
	assert_int_equal(fake_run(f), 0);
	assert_verdict(f, "unlucky", OUT_CRASH);
	assert_verdict(f, "next", OUT_SKIP);
	assert_int_equal(f->run.result->verdict, OUT_CRASH);
	fake_free(f);
}

/* ---- modules: the change under test ---- */

/* insmod is found in the folder that outlives a life of the lab. */
static int load_modules_by(struct fake *f, const char *script)
{
	static char *kvm = (char *)"kvm";
	char *module = (char *)"/none/kvm.ko";
	_cleanup_free_ char *insmod = strf("%s/kept/insmod", f->dir), *old = xstrdup(getenv("PATH"));
	_cleanup_free_ char *text = strf("#!/bin/sh\n%s\n", script), *path = strf("/sys/kernel/kept:%s", old);
	int ret;

	assert_int_equal(file_write(insmod, text, strlen(text), 0755), 0);
	f->plan.lane.modules = (struct strv){ &kvm, 1 };
	f->plan.knobs.nested_paging = 1;
	f->lab.host.modules = (struct strv){ &module, 1 };
	f->lab.levels[L1].medium = "/none";
	setenv("PATH", path, 1);
	ret = lab_up(&f->lab, f->run.dir, false);
	assert_int_equal(ret, 0);
	ret = bringup_kvm(&f->lab);
	setenv("PATH", old, 1);
	return ret;
}

static void test_a_module_that_is_refused(void **state)
{
	struct fake *f = fake_new();

	(void)state;
	assert_int_equal(load_modules_by(f, "echo Unknown symbol; exit 1"), -OUT_FAIL);
	assert_non_null(strstr(fail_text(), "Unknown symbol"));
	fake_free(f);
}

/* It was a change that is wrong, even where it was libvirtd that had ended. */
static void test_a_level_that_is_lost_while_a_module_loads(void **state)
{
	struct fake *f = fake_new();

	(void)state;
	assert_int_equal(load_modules_by(f, "kill -KILL $PPID; sleep 100"), -OUT_CRASH);
	assert_non_null(strstr(fail_text(), "L1 hangs: its agent does not answer any more"));
	fake_free(f);
}

/* ---- hangs: what each costs ---- */

static void expect_a_hang(unsigned int timeout_s, const char *how, double seconds)
{
	struct fake *f = fake_new();
	const struct test_result *res;

	fake_test(f, "hangs", "kill -STOP $PPID; sleep 100")->timeout_s = timeout_s;
	fake_test(f, "next", DONE);
	assert_int_equal(fake_run(f), 0);
	assert_verdict(f, "hangs", OUT_CRASH);
	res = fake_result(f, "hangs");
	assert_non_null(strstr(res->reason, "L1 hangs: its agent does not answer any more"));
	assert_non_null(strstr(res->reason, how));
	assert_true(res->seconds < seconds);
	assert_verdict(f, "next", OUT_PASS);
	assert_int_equal(f->ups, 2);
	fake_free(f);
}

/*
 * The test's deadline, the kill's 2 s, one question's 3 s, and twice the 4 s that a death may take
 * to be told.
 */
static void test_an_agent_that_never_answers(void **state)
{
	(void)state;
	expect_a_hang(1, "took longer than 1.0 s", 1 + 2 + 3 + 4 + 4 + 1.5);
}

/* A long deadline is no reason to wait for a level that hangs: 5 s, and as much for an answer. */
static void test_a_hang_costs_no_long_deadline(void **state)
{
	(void)state;
	expect_a_hang(60, "was silent when it had run for", 5 + 5 + 4 + 4 + 1.5);
}

/* A long program in a level that answers is waited for; what it says meanwhile stays. */
static void test_a_long_program_is_waited_for(void **state)
{
	struct fake *f = fake_new();

	(void)state;
	fake_test(f, "long", "sleep 5.2; echo meanwhile; sleep 1; " DONE)->timeout_s = 60;
	assert_int_equal(fake_run(f), 0);
	assert_verdict(f, "long", OUT_PASS);
	assert_int_equal(f->ups, 1);
	fake_free(f);
}

static void judge_slowly(const struct evidence *e, struct test_result *t)
{
	judge_end(e, t);
	usleep(800000);
}

/* It is seen by a call with 5 s, which would be made five times. */
static void test_a_hang_between_tests(void **state)
{
	struct fake *f = fake_new();

	(void)state;
	fake_test(f, "leaves",
		  "agent=$PPID; (setsid sh -c \"sleep 0.4; kill -STOP $agent\" &) >/dev/null 2>&1; "
		  "sleep 0.2; " DONE)
		->judge = judge_slowly;
	fake_test(f, "traced", DONE)->wants_trace = true;
	fake_test(f, "next", DONE)->wants_trace = true;
	assert_int_equal(fake_run(f), 0);
	assert_verdict(f, "leaves", OUT_PASS);
	assert_verdict(f, "traced", OUT_CRASH);
	assert_true(fake_result(f, "traced")->seconds < 5 + 3 + 4 + 4 + 1.5);
	assert_verdict(f, "next", OUT_PASS);
	fake_free(f);
}

/*
 * Stopped for longer than the test's deadline, but it lives: the program's matter, and the lab goes
 * on.
 */
static void test_an_agent_that_answers_late(void **state)
{
	struct fake *f = fake_new();

	(void)state;
	fake_test(f, "late", "(sleep 4.5; kill -CONT $PPID) & kill -STOP $PPID; sleep 100")
		->timeout_s = 1;
	fake_test(f, "next", DONE);
	assert_int_equal(fake_run(f), 0);
	assert_verdict(f, "late", OUT_FAIL);
	assert_verdict(f, "next", OUT_PASS);
	assert_int_equal(f->ups, 1);
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_crash_costs_its_test),
		cmocka_unit_test(test_a_crash_at_a_test_s_end),
		cmocka_unit_test(test_last_words_are_kept),
		cmocka_unit_test(test_kernel_logs_of_each_life),
		cmocka_unit_test(test_the_trace_goes_on),
		cmocka_unit_test(test_five_losses_are_enough),
		cmocka_unit_test(test_a_lab_that_comes_up_at_the_second_try),
		cmocka_unit_test(test_a_lab_that_does_not_come_up_again),
		cmocka_unit_test(test_a_crash_at_the_end_restores_nothing),
		cmocka_unit_test(test_an_agent_that_dies),
		cmocka_unit_test(test_a_module_that_is_refused),
		cmocka_unit_test(test_a_level_that_is_lost_while_a_module_loads),
		cmocka_unit_test(test_a_level_that_is_lost_without_a_word),
		cmocka_unit_test(test_levels_that_are_lost_without_a_word),
		cmocka_unit_test(test_one_that_is_lost_and_stays_lost),
		cmocka_unit_test(test_an_agent_that_never_answers),
		cmocka_unit_test(test_a_hang_costs_no_long_deadline),
		cmocka_unit_test(test_a_long_program_is_waited_for),
		cmocka_unit_test(test_a_hang_between_tests),
		cmocka_unit_test(test_an_agent_that_answers_late),
	};

	return cmocka_run_group_tests(tests, fake_group_setup, fake_group_teardown);
}
