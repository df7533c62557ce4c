// SPDX-License-Identifier: GPL-2.0-only
/* When L1's emulator is asked to stop L1's CPUs, and what is told of it. */
#include "tests/fake_machine.h"

#include <math.h>

#include "run/observer.h"

/* L1's QEMU, as a program begins: 7 stops, of 2 s together, where they are asked for. */
static struct counters qemu;
static bool restarted; /* it is another QEMU then */

static int begin(const struct watch *w, void *state)
{
	(void)w;
	(void)state;
	if (!qemu.stops.wanted)
		return 0;
	qemu.stops.made += 7;
	qemu.stops.ns += 2000000000;
	qemu.generation += restarted;
	return 0;
}

static const struct observer emulator = { .name = "QEMU", .order = 81, .before = begin };
OBSERVER(emulator);

static struct fake *run_with(uint32_t amplify)
{
	struct fake *f = fake_new();

	qemu = (struct counters){ .generation = 1, .stops.made = 100 };
	f->lab.plugin = (struct plugin){ .option = (char *)"file=x", .map = &qemu };
	f->plan.knobs.amplify = amplify;
	fake_test(f, "races", DONE)->races = true;
	fake_test(f, "other", DONE);
	fake_test(f, "races-too", DONE)->races = true;
	fake_run(f);
	assert_verdict(f, "races", OUT_PASS);
	assert_verdict(f, "races-too", OUT_PASS);
	return f;
}

/* NAN: the test has no such measure. */
static double measured(const struct fake *f, const char *test, const char *name)
{
	const struct test_result *t = fake_result(f, test);

	for (size_t i = 0; i < t->n_measures; i++)
		if (!strcmp(t->measures[i].name, name))
			return t->measures[i].value;
	return (double)NAN;
}

static void test_while_a_test_looks_for_races(void **state)
{
	struct fake *f = run_with(1);

	(void)state;
	assert_float_equal(measured(f, "races", STOPS_MEASURE), 7, 0);
	assert_float_equal(measured(f, "races-too", STOPS_MEASURE), 7, 0);
	assert_float_equal(measured(f, "races", "time of these stops"), 2, 0);
	assert_true(isnan(measured(f, "other", STOPS_MEASURE)));
	assert_int_equal(qemu.stops.made, 114);
	assert_int_equal(qemu.stops.wanted, 0);
	fake_free(f);
}

static void test_not_where_not_wanted(void **state)
{
	struct fake *f = run_with(0);

	(void)state;
	assert_true(isnan(measured(f, "races", STOPS_MEASURE)));
	assert_int_equal(qemu.stops.made, 100);
	fake_free(f);
}

/* What one QEMU had made is nothing to the next one's. */
static void test_another_qemu(void **state)
{
	struct fake *f;

	(void)state;
	restarted = true;
	f = run_with(1);
	assert_true(isnan(measured(f, "races", STOPS_MEASURE)));
	assert_int_equal(qemu.stops.wanted, 0);
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_while_a_test_looks_for_races),
		cmocka_unit_test(test_not_where_not_wanted),
		cmocka_unit_test(test_another_qemu),
	};

	return cmocka_run_group_tests(tests, fake_group_setup, fake_group_teardown);
}
