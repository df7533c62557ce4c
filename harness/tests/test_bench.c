// SPDX-License-Identifier: GPL-2.0-only
/* Figures of a benchmark: their range, their file, two files compared, a guide filled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/compare.h"
#include "bench/figures.h"
#include "bench/table.h"
#include "core/outcome.h"

#include <cmocka.h>

#define FIELDS "\"floor\": \"\", \"max\": 3, \"median\": 2, \"min\": 1, \"more_is_better\": false, \"n\": 3, \"name\": \"a\", \"ratio\": 0, \"unit\": \"s\""
#define HEAD "{\"format\": 1, \"machine\": \"m\", \"commit\": \"c\", \"day\": \"d\", \"figures\": ["

static bool add(struct figures *f, const char *name, const char *unit, const char *floor,
		const double *v, size_t n)
{
	const struct samples s = { .v = (double *)v, .n = n };

	return figures_add(f, name, unit, &s, floor);
}
#define ADD(f, name, unit, floor, ...)                                                             \
	add(f, name, unit, floor, (const double[]){ __VA_ARGS__ },                                 \
	    sizeof((const double[]){ __VA_ARGS__ }) / sizeof(double))

static void describe(struct figures *f)
{
	f->machine = strdup("2 CPUs of a model");
	f->commit = strdup("0123456789abcdef");
	f->day = strdup("2026-11-21");
}

static void test_range(void **state)
{
	struct figures f = { 0 };

	(void)state;
	assert_true(ADD(&f, "odd", "s", NULL, 3, 1, 20));
	assert_true(ADD(&f, "even", "s", NULL, 4, 1, 3, 2));
	assert_true(f.v[0].min == 1 && f.v[0].median == 3 && f.v[0].max == 20 && f.v[0].n == 3);
	assert_true(f.v[1].median == 2.5);
	figures_free(&f);
}

static void test_what_is_no_figure(void **state)
{
	struct figures f = { 0 };
	const struct samples none = { 0 };

	(void)state;
	assert_true(ADD(&f, "a", "s", NULL, 1));
	assert_false(ADD(&f, "a", "s", NULL, 1));
	assert_false(ADD(&f, "b", "s", NULL, 1, -1));
	assert_false(ADD(&f, "c", "s", NULL, 0.0 / 0.0));
	assert_false(figures_add(&f, "d", "s", &none, NULL));
	assert_int_equal(f.n, 1);
	figures_free(&f);
}

static void test_floors(void **state)
{
	struct figures f = { 0 };

	(void)state;
	ADD(&f, "boot", "s", "plain", 6, 6, 6);
	ADD(&f, "other", "s", "not measured", 6, 6, 6);
	ADD(&f, "plain", "s", NULL, 2, 2, 2);
	figures_finish(&f);
	assert_true(f.v[0].ratio == 3);
	assert_null(f.v[1].floor);
	assert_true(f.v[1].ratio == 0);
	figures_free(&f);
}

static char *temp_file(const char *text)
{
	char path[] = "/tmp/nestlab-bench-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	return strdup(path);
}

static void test_written_and_read(void **state)
{
	_cleanup_free_ char *path = temp_file("");
	struct figures f = { 0 }, back;

	(void)state;
	describe(&f);
	ADD(&f, "one test", "s", "plain", 1.25, 3, 2);
	ADD(&f, "submissions", "/hour", NULL, 97);
	ADD(&f, "plain", "s", NULL, 0.5);
	figures_finish(&f);
	assert_int_equal(figures_write(&f, path), 0);
	assert_int_equal(figures_read(path, &back), 0);
	assert_int_equal(back.n, 3);
	assert_string_equal(back.machine, f.machine);
	assert_string_equal(back.commit, f.commit);
	assert_string_equal(back.day, f.day);
	for (size_t i = 0; i < f.n; i++) {
		const struct figure *a = &f.v[i], *b = &back.v[i];

		assert_string_equal(a->name, b->name);
		assert_string_equal(a->unit, b->unit);
		assert_int_equal(a->n, b->n);
		assert_true(a->min == b->min && a->median == b->median && a->max == b->max);
		assert_true(a->ratio == b->ratio && a->more_is_better == b->more_is_better);
		assert_true(!a->floor == !b->floor);
	}
	assert_true(back.v[1].more_is_better && !back.v[0].more_is_better);
	unlink(path);
	figures_free(&f);
	figures_free(&back);
}

/* Each has one thing wrong, and the first has none. */
static void test_fields(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} files[] = {
		{ HEAD "{" FIELDS "}]}", true },
		{ "", false },
		{ "[]", false },
		{ HEAD "{" FIELDS "}], \"more\": 1}", false },
		{ HEAD "{" FIELDS ", \"more\": 1}]}", false },
		{ HEAD "{" FIELDS ", \"unit\": \"ms\"}]}", false },
		{ HEAD "{" FIELDS "}, {" FIELDS "}]}", false },
		{ HEAD "{\"name\": \"a\"}]}", false },
		{ "{\"format\": 1, \"machine\": \"m\", \"day\": \"d\", \"figures\": []}", false },
		{ "{\"format\": 2, \"machine\": \"m\", \"commit\": \"c\", \"day\": \"d\", \"figures\": []}", false },
		{ "{\"format\": 1, \"machine\": \"m\", \"commit\": \"c\", \"day\": \"d\", \"figures\": {}}", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *path = temp_file(files[i].text);
		struct figures f;
		int ret = figures_read(path, &f);

		if ((ret == 0) != files[i].good)
			print_error("file %zu: %d: %s\n", i, ret, fail_text());
		assert_int_equal(ret, files[i].good ? 0 : -OUT_USAGE);
		unlink(path);
		figures_free(&f);
	}
}

/* A number of a good file is replaced by one that can't be. */
static void test_values_in_no_order(void **state)
{
	static const char *const bad[][2] = {
		{ "\"min\": 1", "\"min\": 2.5" },     { "\"max\": 3", "\"max\": 1.5" },
		{ "\"n\": 3", "\"n\": 0" },	      { "\"n\": 3", "\"n\": -1" },
		{ "\"min\": 1", "\"min\": -1" },      { "\"ratio\": 0", "\"ratio\": 2" },
		{ "\"min\": 1", "\"min\": \"1\"" },   { "\"floor\": \"\"", "\"floor\": \"b\"" },
	};
	static const char good[] = HEAD "{" FIELDS "}]}";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const char *at = strstr(good, bad[i][0]);
		_cleanup_free_ char *text = strf("%.*s%s%s", (int)(at - good), good, bad[i][1], at + strlen(bad[i][0]));
		_cleanup_free_ char *path = temp_file(text);
		struct figures f;

		assert_int_equal(figures_read(path, &f), -OUT_USAGE);
		unlink(path);
		figures_free(&f);
	}
}

static struct figure range(const char *unit, size_t n, double min, double median, double max)
{
	return (struct figure){ .name = (char *)"a", .unit = (char *)unit, .n = n, .min = min,
				.median = median, .max = max,
				.more_is_better = !strcmp(unit, "/hour") };
}

static void test_differences(void **state)
{
	static const struct {
		const char *unit;
		double a[3], b[3];
		enum difference d;
	} pairs[] = {
		{ "s", { 1, 2, 3 }, { 1, 2, 3 }, DIFF_SAME },
		{ "s", { 1, 2, 3 }, { 1.5, 3, 4 }, DIFF_SAME },
		{ "s", { 1, 2, 3 }, { 1.5, 3.1, 4 }, DIFF_SLOWER },
		{ "s", { 1, 2, 10 }, { 3, 4, 5 }, DIFF_SLOWER },
		{ "s", { 1.5, 3.1, 4 }, { 1, 2, 3 }, DIFF_FASTER },
		{ "/hour", { 1, 2, 3 }, { 4, 5, 6 }, DIFF_FASTER },
		{ "/hour", { 4, 5, 6 }, { 1, 2, 3 }, DIFF_SLOWER },
	};
	struct figure a = range("s", 2, 1, 2, 3), b = range("s", 5, 7, 8, 9);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		const double *m = pairs[i].a, *n = pairs[i].b;
		struct figure x = range(pairs[i].unit, 3, m[0], m[1], m[2]);
		struct figure y = range(pairs[i].unit, 3, n[0], n[1], n[2]);

		assert_int_equal(compare_figures(&x, &y), pairs[i].d);
	}
	assert_int_equal(compare_figures(&a, &b), DIFF_FEW);
	assert_int_equal(compare_figures(&a, NULL), DIFF_ALONE);
	b.unit = (char *)"ms";
	assert_int_equal(compare_figures(&a, &b), DIFF_ALONE);
}

static void test_files_compared(void **state)
{
	_cleanup_buf_ struct buf out = { 0 };
	struct figures a = { 0 }, b = { 0 }, c = { 0 };

	(void)state;
	describe(&a);
	describe(&b);
	describe(&c);
	ADD(&a, "worse", "s", NULL, 1, 1, 1);
	ADD(&b, "worse", "s", NULL, 2, 2, 2);
	ADD(&a, "gone", "s", NULL, 1, 1, 1);
	ADD(&b, "better", "s", NULL, 2, 2, 2);
	assert_int_equal(compare_files(&a, &b, &out), 1);
	assert_non_null(strstr(buf_str(&out), "slower      worse"));
	assert_non_null(strstr(buf_str(&out), "2.00 times"));
	assert_non_null(strstr(buf_str(&out), "not in both gone"));
	assert_non_null(strstr(buf_str(&out), "not in both better"));
	assert_int_equal(compare_files(&a, &c, &out), -OUT_USAGE);
	str_set(&b.machine, "another");
	assert_int_equal(compare_files(&a, &b, &out), -OUT_USAGE);
	figures_free(&a);
	figures_free(&b);
	figures_free(&c);
}

static void test_guide(void **state)
{
	static const char guide[] = "# Speed\n\n" TABLE_BEGIN "\nold 12 s\n" TABLE_END "\nbehind\n";
	static const char *const bad[] = {
		"# Speed\n", "x\n" TABLE_BEGIN "\n", TABLE_END "\n" TABLE_BEGIN "\n",
		TABLE_BEGIN "\n" TABLE_END "\n" TABLE_BEGIN "\n" TABLE_END "\n",
	};
	_cleanup_buf_ struct buf out = { 0 }, again = { 0 };
	struct figures f = { 0 };

	(void)state;
	describe(&f);
	ADD(&f, "all tests", "s", NULL, 1257, 1257, 1300);
	assert_int_equal(table_fill(guide, &f, &out), 0);
	assert_true(str_starts(buf_str(&out), "# Speed\n\n" TABLE_BEGIN "\n"));
	assert_true(str_ends(buf_str(&out), TABLE_END "\nbehind\n"));
	assert_null(strstr(buf_str(&out), "old 12"));
	assert_non_null(strstr(buf_str(&out), "| all tests | s | 3 | 1,257 | 1,257 | 1,300 | |"));
	assert_non_null(strstr(buf_str(&out), "2 CPUs of a model"));
	assert_int_equal(table_fill(buf_str(&out), &f, &again), 0);
	assert_string_equal(buf_str(&out), buf_str(&again));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(table_fill(bad[i], &f, &out), -OUT_USAGE);
	figures_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_range),
		cmocka_unit_test(test_what_is_no_figure),
		cmocka_unit_test(test_floors),
		cmocka_unit_test(test_written_and_read),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_values_in_no_order),
		cmocka_unit_test(test_differences),
		cmocka_unit_test(test_files_compared),
		cmocka_unit_test(test_guide),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
