// SPDX-License-Identifier: GPL-2.0-only
/* Tests that look for races under schedules of L1's CPUs: which, and what becomes of it. */
#include "tests/fake_machine.h"

#include "lab/closed.h"

#include <stdlib.h>

#define LAST 9

/* What a schedule does; the others hold. */
static struct {
	uint32_t fails, crashes, hangs, warns; /* seeds */
	int refuses; /* an outcome: there are no schedules */
	uint32_t tried[LAST];
	unsigned int n, ends;
} world;

static int begin(struct lab *lab, struct lab_closed **closed)
{
	*closed = NULL;
	assert_false(level_exists(&lab->levels[L1]));
	return world.refuses ? fail((enum outcome)-world.refuses, "no room") : 0;
}

static void say(const struct lab_try *t, const char *text)
{
	t->exec->on_output(t->exec->ctx, CHANNEL_STDOUT, 1, text, strlen(text));
}

static int start(struct lab_closed *closed, struct lab_try *t)
{
	(void)closed;
	assert_in_range(world.n, 0, LAST - 1);
	world.tried[world.n++] = t->seed;
	t->sum = 0x1000 + t->seed;
	say(t, t->seed == world.fails ? "@nestlab lost u64 3\n" : "@nestlab lost u64 0\n");
	say(t, "@nestlab guest.done u64 1\n");
	t->status.done = t->seed != world.hangs;
	return 0;
}

/* Those with an odd seed take longer than the ones behind them. */
static int step(struct lab_try *t)
{
	static unsigned int n;

	if (t->seed % 2 && ++n % 3)
		return 0;
	if (t->seed == world.warns)
		strv_add(&t->findings, "WARNING: it sleeps");
	if (t->seed != world.crashes)
		return 1;
	strv_add(&t->last_words, "BUG: it is dead");
	return fail(OUT_CRASH, "L1's kernel died");
}

static void end(struct lab_closed *closed)
{
	(void)closed;
	world.ends++;
}

static void forget(struct lab_try *t, bool keep)
{
	(void)keep;
	strv_free(&t->last_words);
	strv_free(&t->findings);
}

static const struct lab_schedules schedules = { begin, start, step, forget, end };

static void judge(const struct evidence *e, struct test_result *t)
{
	if (check_program(e, t))
		check_equal_u64(t, "none is lost", 0, obs_get(&e->obs, "lost", 0)->u64, NULL);
}

static const char *const names[] = { "none is lost", NULL };

/* One that looks for races, one that does not. */
static struct fake *run_with(const char *knob, const char *value)
{
	static struct lab_backend backend;
	struct fake *f = fake_new();
	struct testcase *t = fake_test(f, "races", "echo '@nestlab lost u64 0'; " DONE);

	backend = *f->lab.backend;
	backend.schedules = &schedules;
	f->lab.backend = &backend;
	t->races = true;
	t->judge = judge;
	t->checks = names;
	fake_test(f, "other", DONE);
	world.n = world.ends = 0;
	f->plan.knobs.seeds = 3;
	if (knob)
		assert_int_equal(knobs_set(&f->plan.knobs, knob, value), 0);
	fake_run(f);
	return f;
}

static void told(const struct fake *f, const char *text)
{
	assert_string_equal(result_manifest(f->run.result, "schedules of races"), text);
}

static void test_all_hold(void **state)
{
	struct fake *f = run_with(NULL, NULL);

	(void)state;
	assert_verdict(f, "races", OUT_PASS);
	assert_verdict(f, "other", OUT_PASS);
	told(f, "1 00001001, 2 00001002, 3 00001003");
	assert_int_equal(world.ends, 1);
	fake_free(f);
}

/* The test's own check is what fails, and its text says with what it does so again. */
static void test_one_fails(void **state)
{
	struct fake *f;
	const struct check_result *c;
	_cleanup_free_ char *output = NULL;

	(void)state;
	world.fails = 2;
	f = run_with(NULL, NULL);
	world.fails = 0;
	assert_verdict(f, "races", OUT_FAIL);
	c = result_find_check(fake_result(f, "races"), "none is lost");
	assert_int_equal(c->verdict, OUT_FAIL);
	assert_string_equal(c->observed, "with SEED=2: 3");
	assert_string_equal(c->ref.file, "schedule-races.txt");
	assert_int_equal(fake_result(f, "races")->n_checks, fake_result(f, "other")->n_checks);
	output = fake_file(f, "schedule-races.txt");
	assert_non_null(strstr(output, "lost u64 3"));
	told(f, "1 00001001, 2 00001002");
	fake_free(f);
}

static void test_l1_dies(void **state)
{
	struct fake *f;
	const struct test_result *t;

	(void)state;
	world.crashes = 3;
	f = run_with(NULL, NULL);
	world.crashes = 0;
	t = fake_result(f, "races");
	assert_int_equal(t->verdict, OUT_CRASH);
	assert_string_equal(t->reason, "with SEED=3: L1's kernel died");
	assert_string_equal(f->run.result->console.v[0], "BUG: it is dead");
	fake_free(f);
}

static void test_never_ends(void **state)
{
	struct fake *f;
	const struct check_result *c;

	(void)state;
	world.hangs = 1;
	f = run_with(NULL, NULL);
	world.hangs = 0;
	assert_verdict(f, "races", OUT_FAIL);
	c = result_find_check(fake_result(f, "races"), "the test program's end");
	assert_non_null(strstr(c->observed, "with SEED=1: still running"));
	fake_free(f);
}

static void test_l1_warns(void **state)
{
	struct fake *f;
	const struct check_result *c;

	(void)state;
	world.warns = 2;
	f = run_with(NULL, NULL);
	world.warns = 0;
	assert_verdict(f, "races", OUT_PASS);
	assert_verdict(f, "lab/kernel-logs", OUT_FAIL);
	c = result_find_check(fake_result(f, "lab/kernel-logs"), "L1's kernel log");
	assert_string_equal(c->observed, "with SEED=2, in races: 1, the first: WARNING: it sleeps");
	told(f, "1 00001001, 2 00001002");
	fake_free(f);
}

static void test_one_seed(void **state)
{
	struct fake *f = run_with("SEED", "7");

	(void)state;
	assert_int_equal(world.n, 1);
	assert_int_equal(world.tried[0], 7);
	fake_free(f);
}

static void test_none_wanted(void **state)
{
	struct fake *f = run_with("SEEDS", "0");

	(void)state;
	assert_int_equal(world.n + world.ends, 0);
	assert_verdict(f, "races", OUT_PASS);
	fake_free(f);
}

/* Who asked for them must not read a pass without them; who did not has the test's own. */
static void test_no_schedules(void **state)
{
	struct fake *f;

	(void)state;
	world.refuses = -OUT_BROKEN;
	f = run_with("SEEDS", "1"); /* as a saved plan of one who named none says, too */
	assert_verdict(f, "races", OUT_PASS);
	assert_string_equal(result_manifest(f->run.result, "schedules"), "no room");
	fake_free(f);
	f = run_with("SEEDS", "2");
	assert_verdict(f, "races", OUT_BROKEN);
	assert_verdict(f, "other", OUT_PASS);
	fake_free(f);
	world.refuses = 0;
}

static void test_seed_without_races(void **state)
{
	struct fake *f = fake_new();

	(void)state;
	fake_test(f, "other", DONE);
	assert_int_equal(schedules_check(&f->run), 0);
	f->plan.knobs.seed = 5;
	assert_int_equal(schedules_check(&f->run), -OUT_USAGE);
	assert_non_null(strstr(fail_text(), "SEED=5: none of these tests looks for races"));
	f->cases[0].races = true;
	assert_int_equal(schedules_check(&f->run), 0);
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_hold),     cmocka_unit_test(test_one_fails),
		cmocka_unit_test(test_l1_dies),	     cmocka_unit_test(test_never_ends),
		cmocka_unit_test(test_l1_warns),
		cmocka_unit_test(test_one_seed),     cmocka_unit_test(test_none_wanted),
		cmocka_unit_test(test_no_schedules), cmocka_unit_test(test_seed_without_races),
	};

	return cmocka_run_group_tests(tests, fake_group_setup, fake_group_teardown);
}
