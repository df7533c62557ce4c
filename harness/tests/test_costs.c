// SPDX-License-Identifier: GPL-2.0-only
/* What is cheap among the costs of many kinds, also where the machine is busy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants these before it */
#include <cmocka.h>

#include "judge/costs.h"

static void add(struct costs *c, size_t times, uint64_t cycles)
{
	while (times--)
		costs_add(c, cycles);
}

/* Two of three bouts were disturbed: what a kind cost in quiet is still a usual cost. */
static void test_disturbed(void **state)
{
	struct costs c = { 0 };

	(void)state;
	add(&c, 26, 45220);
	add(&c, 12, 3100);
	add(&c, 1, 1664);
	assert_int_equal(costs_low(&c), 3100);
}

static void test_few_and_many(void **state)
{
	struct costs c = { 0 };

	(void)state;
	assert_int_equal(costs_low(&c), 0);
	add(&c, 1, 7);
	assert_int_equal(costs_low(&c), 7);
	add(&c, COSTS_MAX + 1, 9);
	assert_int_equal(c.n, COSTS_MAX);
	assert_int_equal(costs_low(&c), 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_disturbed),
		cmocka_unit_test(test_few_and_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
