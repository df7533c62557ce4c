// SPDX-License-Identifier: GPL-2.0-only
/*
 * The unpatched kernel's answers, taken in a lab whose L1 is the real agent: what goes wrong there
 * is the lab's fault, and is never kept.
 */
#include "tests/fake_machine.h"

#define OOPS "echo '[    9.1] BUG: kernel NULL pointer dereference, address: 0' >>$CONSOLE; "
#define PREFIX "the unpatched kernel's baseline: "

/* The run's lab, which is not up, and the unpatched kernel's. */
struct pair {
	struct fake *run, *variant;
	struct testcase *t;
};

static struct pair pair_new(const char *script)
{
	struct pair p = { .run = fake_new(), .variant = fake_new() };

	p.t = fake_test(p.run, "asks", script);
	p.t->wants_baseline = true;
	snprintf(p.variant->lab.lab_key, sizeof(p.variant->lab.lab_key), "%p", (void *)p.variant);
	return p;
}

static int take(struct pair *p)
{
	return baseline_take(&p->run->run, &p->variant->lab);
}

static size_t n_cached(void)
{
	_cleanup_free_ char *dir = path_in_cache("baselines");
	_cleanup_strv_ struct strv names = { 0 };

	return dir_list(dir, ".txt", &names) ? 0 : names.n;
}

static void pair_free(struct pair *p)
{
	_cleanup_free_ char *dir = path_in_cache("baselines");

	fake_free(p->run);
	fake_free(p->variant);
	rm_rf(dir);
}

static void test_taken_once(void **state)
{
	struct pair p = pair_new("echo '@nestlab answer u64 42'; " DONE);
	struct observations o = { 0 };

	(void)state;
	assert_int_equal(take(&p), 0);
	assert_int_equal(take(&p), 0);
	assert_int_equal(p.variant->ups, 1);
	assert_int_equal(baseline_read(&p.run->run, p.t, &o), 0);
	assert_int_equal(obs_get(&o, "answer", 0)->u64, 42);
	observations_free(&o);
	pair_free(&p);
}

static void test_consoles_apart(void **state)
{
	struct pair p = pair_new("echo said by the unpatched one >>$CONSOLE; sleep 0.3; " DONE);
	_cleanup_free_ char *log = NULL, *of_the_run = NULL;

	(void)state;
	assert_int_equal(take(&p), 0);
	log = fake_file(p.run, "baseline-l1-console.log");
	assert_non_null(strstr(log, "said by the unpatched one"));
	of_the_run = fake_file(p.run, "l1-console.log");
	assert_string_equal(of_the_run, "");
	pair_free(&p);
}

/* As the kernel under test is asked. */
static void test_asked_the_same_way(void **state)
{
	static const char *const args[] = { "7", NULL };
	struct pair p = pair_new(
		"echo \"@nestlab arg u64 $1\"; echo \"@nestlab effort u64 $NESTLAB_EFFORT\"; "
		"echo \"@nestlab slowdown u64 $NESTLAB_SLOWDOWN\"; " DONE);
	struct observations o = { 0 };

	(void)state;
	p.t->args = args;
	p.run->plan.knobs.effort = 3;
	assert_int_equal(take(&p), 0);
	assert_int_equal(baseline_read(&p.run->run, p.t, &o), 0);
	assert_int_equal(obs_get(&o, "arg", 0)->u64, 7);
	assert_int_equal(obs_get(&o, "effort", 0)->u64, 3);
	assert_int_equal(obs_get(&o, "slowdown", 0)->u64, 1);
	observations_free(&o);
	/* Another effort is another question. */
	p.run->plan.knobs.effort = 1;
	assert_int_equal(take(&p), 0);
	assert_int_equal(p.variant->ups, 2);
	pair_free(&p);
}

/* Each with what the sentence must hold. Cached was whatever had come. */
static void test_programs_that_fail(void **state)
{
	static const struct {
		const char *script, *says;
	} faults[] = {
		{ "echo '@nestlab guest.broken str \"no /dev/kvm\"'; exit 3",
		  "asks: ended with status 3: no /dev/kvm" },
		{ DONE "; exit 1", "asks: ended with status 1" },
		{ DONE "; kill -SEGV $$", "asks: ended by signal 11" },
		{ "echo '@nestlab answer u64 42'", "asks: ended without saying that it is done" },
		{ DONE "; sleep 100", "asks: still running at its deadline" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		struct pair p = pair_new(faults[i].script);

		p.t->timeout_s = 1;
		assert_int_equal(take(&p), -OUT_BROKEN);
		assert_true(str_starts(fail_text(), PREFIX));
		if (!strstr(fail_text(), faults[i].says))
			print_error("%s: %s\n", faults[i].script, fail_text());
		assert_non_null(strstr(fail_text(), faults[i].says));
		assert_int_equal(n_cached(), 0);
		pair_free(&p);
	}
}

/* Nobody's change runs here. */
static void test_a_crash_is_nobody_s(void **state)
{
	static const char *const scripts[] = { OOPS "sleep 100", OOPS DONE };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		struct pair p = pair_new(scripts[i]);
		_cleanup_free_ char *log = NULL;

		assert_int_equal(take(&p), -OUT_BROKEN);
		assert_true(str_starts(fail_text(), PREFIX));
		assert_non_null(strstr(fail_text(), "L1's kernel died (BUG)"));
		assert_int_equal(n_cached(), 0);
		log = fake_file(p.run, "baseline-l1-console.log");
		assert_non_null(strstr(log, "NULL pointer"));
		pair_free(&p);
	}
}

static void test_an_agent_that_dies(void **state)
{
	struct pair p = pair_new("kill -KILL $PPID; sleep 100");

	(void)state;
	assert_int_equal(take(&p), -OUT_BROKEN);
	assert_non_null(strstr(fail_text(), PREFIX "L1 hangs: its agent does not answer any more"));
	assert_int_equal(n_cached(), 0);
	pair_free(&p);
}

/* By an emulator: once more, as a test is. */
static void test_a_level_that_is_lost_without_a_word(void **state)
{
	struct pair p = pair_new("test -e $KEPT/once && " DONE
				 " && exit; touch $KEPT/once; kill -KILL $PPID; sleep 100");

	(void)state;
	p.variant->plan.lane.retries = 1;
	assert_int_equal(take(&p), 0);
	assert_int_equal(p.variant->ups, 2);
	assert_int_equal(n_cached(), 1);
	pair_free(&p);
}

/* As those of earlier versions may be. */
static void test_a_cut_one_is_made_anew(void **state)
{
	struct pair p = pair_new("echo '@nestlab answer u64 42'; " DONE);
	_cleanup_free_ char *dir = path_in_cache("baselines"), *path = NULL;
	_cleanup_strv_ struct strv names = { 0 };
	struct observations o = { 0 };

	(void)state;
	assert_int_equal(take(&p), 0);
	assert_int_equal(dir_list(dir, ".txt", &names), 0);
	path = strf("%s/%s", dir, names.v[0]);
	assert_int_equal(file_write(path, "@nestlab answer u64 4", 21, 0600), 0);
	assert_int_equal(take(&p), 0);
	assert_int_equal(p.variant->ups, 2);
	assert_int_equal(baseline_read(&p.run->run, p.t, &o), 0);
	assert_int_equal(obs_get(&o, "answer", 0)->u64, 42);
	observations_free(&o);
	pair_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken_once),
		cmocka_unit_test(test_consoles_apart),
		cmocka_unit_test(test_asked_the_same_way),
		cmocka_unit_test(test_programs_that_fail),
		cmocka_unit_test(test_a_crash_is_nobody_s),
		cmocka_unit_test(test_an_agent_that_dies),
		cmocka_unit_test(test_a_level_that_is_lost_without_a_word),
		cmocka_unit_test(test_a_cut_one_is_made_anew),
	};

	return cmocka_run_group_tests(tests, fake_group_setup, fake_group_teardown);
}
