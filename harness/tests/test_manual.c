// SPDX-License-Identifier: GPL-2.0-only
/* What the help and the manual are written from: the tables fit each other, and the guides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "verbs/verb.h"

#include <cmocka.h>

static bool is_setting(const char *name)
{
	struct knob_told k;

	for (size_t i = 0; knobs_nth(i, &k); i++)
		if (!strcmp(k.name, name))
			return true;
	return false;
}

static void test_settings_of_verbs(void **state)
{
	const struct verb *v;

	(void)state;
	for (size_t i = 0; (v = verb_nth(i)); i++) {
		_cleanup_strv_ struct strv words = { 0 };

		strv_split(&words, v->settings ? v->settings : "", " ");
		for (size_t w = 0; w < words.n; w++) {
			const char *name = words.v[w] + (words.v[w][0] == '-');

			if (strcmp(name, KNOBS_ASKED) && !is_setting(name))
				fail_msg("%s heeds %s, which is no setting", v->name, name);
		}
	}
}

static void test_names_of_verbs(void **state)
{
	const struct verb *v;

	(void)state;
	for (size_t i = 0; (v = verb_nth(i)); i++)
		assert_ptr_equal(verb_find(v->name), v); /* no two are called alike */
	assert_null(verb_find("tset"));
	assert_int_equal(verb_unknown("tset"), -OUT_USAGE);
	assert_non_null(strstr(fail_text(), "did you mean test?"));
}

static void test_which_are_heeded(void **state)
{
	struct knob_told k;

	(void)state;
	for (size_t i = 0; knobs_nth(i, &k); i++) {
		assert_int_equal(knobs_heeds(KNOBS_ASKED, &k), k.asked);
		assert_int_equal(knobs_heeds(KNOBS_ASKED " JOBS -LANE", &k),
				 (k.asked && strcmp(k.name, "LANE")) || !strcmp(k.name, "JOBS"));
		assert_false(knobs_heeds("", &k));
	}
}

static void test_every_setting_is_somebodys(void **state)
{
	struct knob_told k;

	(void)state;
	for (size_t i = 0; knobs_nth(i, &k); i++) {
		bool heeded = knobs_everywhere(&k);
		const struct verb *v;

		for (size_t n = 0; !heeded && (v = verb_nth(n)); n++)
			heeded = v->settings && knobs_heeds(v->settings, &k);
		if (!heeded)
			fail_msg("no verb heeds %s", k.name);
	}
}

static const char *near_or_none(const char *word)
{
	const char *near = knobs_near(word);

	return near ? near : "none";
}

static void test_words_that_are_meant_as_settings(void **state)
{
	(void)state;
	assert_string_equal(near_or_none("--patch=my.patch"), "PATCH");
	assert_string_equal(near_or_none("--kernel-flavor"), "KERNEL_FLAVOR");
	assert_string_equal(near_or_none("lane=tcg-svm"), "LANE");
	assert_string_equal(near_or_none("-v"), "none"); /* near to any of one letter */
	assert_string_equal(near_or_none("whatever-else"), "none");
}

static bool has_code(const struct strv *rows, const char *row)
{
	for (size_t i = 0; i < rows->n; i++)
		if (str_starts(rows->v[i], row))
			return true;
	return false;
}

static void test_codes(void **state)
{
	_cleanup_strv_ struct strv test = { 0 }, bisect = { 0 }, diff = { 0 };

	(void)state;
	help_codes(verb_find("test"), &test);
	assert_int_equal(test.n, OUT_COUNT);
	assert_string_equal(test.v[0], "0 everything asked for passed");
	help_codes(verb_find("bisect-run"), &bisect);
	assert_int_equal(bisect.n, 4);
	assert_true(has_code(&bisect, "125 "));
	help_codes(verb_find("diff"), &diff);
	assert_true(has_code(&diff, "1 something got worse"));
	assert_false(has_code(&diff, "5 "));
}

/* The guide's table is for people who do not run anything yet. */
static void test_the_guide_tells_the_same(void **state)
{
	_cleanup_free_ char *path = path_in_root("config/guides/judging.md");
	_cleanup_buf_ struct buf guide = { 0 };

	(void)state;
	assert_int_equal(file_read(path, &guide), 0);
	for (enum outcome o = 0; o < OUT_COUNT; o++) {
		_cleanup_free_ char *row = strf("\n| %d | %s | %s |\n", outcome_exit_code(o), outcome_name(o), outcome_meaning(o));

		if (!strstr(buf_str(&guide), row))
			fail_msg("config/guides/judging.md has no row%s", row);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_settings_of_verbs),
		cmocka_unit_test(test_names_of_verbs),
		cmocka_unit_test(test_which_are_heeded),
		cmocka_unit_test(test_every_setting_is_somebodys),
		cmocka_unit_test(test_words_that_are_meant_as_settings),
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_the_guide_tells_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
