// SPDX-License-Identifier: GPL-2.0-only
/* Tests on another host than the one under test: one lab after the other, each the real agent. */
#include "tests/fake_machine.h"

#define OOPS "echo '[    9.1] BUG: kernel NULL pointer dereference, address: 0' >>$CONSOLE; "

#define WARNING "echo '[    9.1] WARNING: CPU: 0 PID: 1 at kernel/x.c:1' >>$CONSOLE; sleep 0.2; "

/* A run in the first lab, with the second one for tests on the scripted host. */
static struct fake *with_other(struct fake *other)
{
	struct fake *f = fake_new();

	f->run.hosts[HOST_UNDER_TEST] = &f->lab;
	f->run.hosts[HOST_SCRIPTED] = &other->lab;
	return f;
}

static void on_scripted(struct fake *f, const char *name, const char *script)
{
	fake_test(f, name, script)->host = HOST_SCRIPTED;
}

/* Each lab is up once, and the tests of one host come after those of the other. */
static void test_one_host_after_the_other(void **state)
{
	struct fake *other = fake_new(), *f = with_other(other);
	const struct test_result *logs;
	_cleanup_free_ char *log = NULL;

	(void)state;
	on_scripted(f, "there", "echo there >>$CONSOLE; " DONE);
	fake_test(f, "here", DONE);
	on_scripted(f, "there-too", DONE);
	assert_int_equal(fake_run(f), 0);
	assert_verdict(f, "here", OUT_PASS);
	assert_verdict(f, "there", OUT_PASS);
	assert_verdict(f, "there-too", OUT_PASS);
	assert_string_equal(f->run.result->tests[0].name, "here");
	assert_int_equal(f->ups, 1);
	assert_int_equal(other->ups, 1);
	assert_ptr_equal(f->run.lab, &f->lab);
	logs = fake_result(f, "lab/kernel-logs");
	assert_non_null(result_find_check(logs, "L1's kernel log"));
	assert_non_null(result_find_check(logs, "L1's kernel log on the scripted host"));
	log = fake_file(f, "scripted/l1-console.log");
	assert_non_null(strstr(log, "there"));
	fake_free(f);
	fake_free(other);
}

/* A kernel that dies there costs its test there. */
static void test_a_crash_there(void **state)
{
	struct fake *other = fake_new(), *f = with_other(other);

	(void)state;
	fake_test(f, "here", DONE);
	on_scripted(f, "dies", OOPS "sleep 100");
	on_scripted(f, "next", DONE);
	assert_int_equal(fake_run(f), 0);
	assert_verdict(f, "here", OUT_PASS);
	assert_verdict(f, "dies", OUT_CRASH);
	assert_verdict(f, "next", OUT_PASS);
	assert_int_equal(f->ups, 1);
	assert_int_equal(other->ups, 2);
	fake_free(f);
	fake_free(other);
}

/* What the first one died of does not keep the other from being asked. */
static void test_one_lost_host_is_not_all(void **state)
{
	struct fake *other = fake_new(), *f = with_other(other);

	(void)state;
	f->refusals = 10;
	fake_test(f, "dies", OOPS "sleep 100");
	fake_test(f, "not-run", DONE);
	on_scripted(f, "there", DONE);
	assert_int_equal(fake_run(f), 0);
	assert_verdict(f, "dies", OUT_CRASH);
	assert_verdict(f, "not-run", OUT_SKIP);
	assert_verdict(f, "there", OUT_PASS);
	fake_free(f);
	fake_free(other);
}

/* A guest that dies at its boot there: its first test says so, as if it had died in it. */
static void test_one_that_does_not_come_up(void **state)
{
	struct fake *other = fake_new(), *f = with_other(other);

	(void)state;
	other->ups = 1;
	other->refusals = 10;
	fake_test(f, "here", DONE);
	on_scripted(f, "first", DONE);
	on_scripted(f, "second", DONE);
	assert_int_equal(fake_run(f), 0);
	assert_verdict(f, "here", OUT_PASS);
	assert_verdict(f, "first", OUT_CRASH);
	assert_verdict(f, "second", OUT_SKIP);
	assert_int_equal(f->run.result->verdict, OUT_CRASH);
	fake_free(f);
	fake_free(other);
}

/* The same L1: its second life tells only what was said in it, and it is up once. */
static void test_an_unused_host(void **state)
{
	struct fake *f = fake_new();
	const struct test_result *logs;

	(void)state;
	f->run.hosts[HOST_UNDER_TEST] = &f->lab;
	fake_test(f, "unloads", DONE)->host = HOST_UNUSED;
	fake_test(f, "warns", WARNING DONE);
	assert_int_equal(fake_run(f), 0);
	assert_string_equal(f->run.result->tests[0].name, "warns");
	assert_verdict(f, "unloads", OUT_PASS);
	assert_int_equal(f->ups, 1);
	logs = fake_result(f, "lab/kernel-logs");
	assert_int_equal(result_find_check(logs, "L1's kernel log")->verdict, OUT_FAIL);
	assert_int_equal(result_find_check(logs, "L1's kernel log without an L2")->verdict, OUT_PASS);
	fake_free(f);
}

/* One that was lost is brought up again for it, and one that it loses for the next of its kind. */
static void test_an_unused_host_that_is_lost(void **state)
{
	struct fake *f = fake_new();

	(void)state;
	f->run.hosts[HOST_UNDER_TEST] = &f->lab;
	fake_test(f, "dies", OOPS "sleep 100");
	fake_test(f, "unloads", OOPS "sleep 100")->host = HOST_UNUSED;
	fake_test(f, "unloads-too", DONE)->host = HOST_UNUSED;
	assert_int_equal(fake_run(f), 0);
	assert_verdict(f, "dies", OUT_CRASH);
	assert_verdict(f, "unloads", OUT_CRASH);
	assert_verdict(f, "unloads-too", OUT_PASS);
	assert_int_equal(f->ups, 3);
	assert_int_equal(f->run.host, HOST_UNUSED);
	fake_free(f);
}

/* A base without such a host. */
static void test_none_of_this_base(void **state)
{
	struct fake *f = fake_new();

	(void)state;
	f->run.hosts[HOST_UNDER_TEST] = &f->lab;
	f->run.no_host = xstrdup("kernel x names no `scripted` patches");
	on_scripted(f, "there", DONE);
	fake_test(f, "here", DONE);
	assert_int_equal(fake_run(f), 0);
	assert_verdict(f, "here", OUT_PASS);
	assert_verdict(f, "there", OUT_SKIP);
	assert_string_equal(fake_result(f, "there")->reason, f->run.no_host);
	assert_int_equal(f->ups, 1);
	free(f->run.no_host);
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_host_after_the_other),
		cmocka_unit_test(test_a_crash_there),
		cmocka_unit_test(test_one_lost_host_is_not_all),
		cmocka_unit_test(test_one_that_does_not_come_up),
		cmocka_unit_test(test_none_of_this_base),
		cmocka_unit_test(test_an_unused_host),
		cmocka_unit_test(test_an_unused_host_that_is_lost),
	};

	return cmocka_run_group_tests(tests, fake_group_setup, fake_group_teardown);
}
