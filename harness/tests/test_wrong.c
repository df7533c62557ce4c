// SPDX-License-Identifier: GPL-2.0-only
/* Known wrong readings get their name, right ones and unknown ones none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants these before it */
#include <cmocka.h>

#include "core/util.h"
#include "judge/wrong.h"

static const struct {
	uint64_t least, most, told;
	const char *name;
} known[] = {
	{ 70123, 70125, 70124, "" }, /* right */
	{ 70123, 70125, 99999, "" }, /* of no known kind */
	{ 70123, 70125, 4588, " (that is its low 16 bits only)" },
	{ 70123, 70125, 140248, " (that is twice the right one)" },
	{ 70123, 70125, 35061, " (that is half of the right one)" },
	{ 70123, 70125, 812, " (that is the caller's own)" },
	{ 600, 600, 88, " (that is its low 8 bits only)" },
	{ 3, 3, 6, "" }, /* too small to tell */
	{ 0x123456789, 0x123456789, 0x23456789, " (that is its low 32 bits only)" },
	{ 0x1f3456789, 0x1f3456789, 0xfffffffff3456789, " (that is its low 32 bits, sign-extended)" },
	{ 0x700000009, 0x700000009, 0x900000007, " (that is its halves swapped)" },
	{ 0x7123456789, 0x7123456789, 0x71, " (that is its high 32 bits only)" },
	{ 65534, 65538, 1, "" }, /* a cut tears the range: left open */
};

static void names(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		struct wrong w = { .least = known[i].least, .most = known[i].most };

		wrong_add(&w, "the caller's own", 812);
		assert_string_equal(wrong_name(&w, known[i].told), known[i].name);
	}
}

/* What is right cannot be told as something else; and a full table takes no more. */
static void only_wrong_ones(void **state)
{
	struct wrong w = { .least = 100, .most = 200 };

	(void)state;
	wrong_add(&w, "the sum of all vCPUs", 150);
	wrong_add_range(&w, "another machine's", 190, 300);
	assert_int_equal(w.n, 0);
	for (uint64_t i = 0; i < WRONG_READINGS + 2; i++)
		wrong_add(&w, "vCPU 0's", 1000 + i);
	assert_int_equal(w.n, WRONG_READINGS);
	assert_string_equal(wrong_name(&w, 1000), " (that is vCPU 0's)");
	assert_string_equal(wrong_name(&w, 1000 + WRONG_READINGS), "");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(only_wrong_ones),
	};

	return cmocka_run_group_tests_name("wrong", tests, NULL, NULL);
}
