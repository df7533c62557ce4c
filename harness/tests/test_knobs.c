// SPDX-License-Identifier: GPL-2.0-only
/* The knobs: where a value comes from, what is refused, and how a path is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/near.h"
#include "core/outcome.h"
#include "core/paths.h"
#include "plan/knobs.h"

#include <cmocka.h>

/* What a command line leads to, in a process of its own: what was given once stays given. */
struct try_ {
	const char *env[3]; /* NAME=VALUE */
	const char *of_make; /* names */
	const char *args[4];
	void (*look)(const struct knobs *k, int ret);
};

static void try_out(const struct try_ *t)
{
	char *argv[6] = { (char *)"nestlab", (char *)"test" };
	int argc = 2, status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid) {
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(t->env) && t->env[i]; i++)
		putenv((char *)t->env[i]);
	if (t->of_make)
		setenv("NESTLAB_MAKE_GIVEN", t->of_make, 1);
	for (size_t i = 0; i < ARRAY_SIZE(t->args) && t->args[i]; i++)
		argv[argc++] = (char *)t->args[i];
	argc = knobs_take(argc, argv, argc);
	struct knobs k;
	int ret = knobs_load(&k);

	t->look(&k, ret);
	knobs_free(&k);
	_exit(argc == 2 ? 0 : 3);
}

/* In the child a failed assertion would return to the parent's harness. */
static void must(bool ok, int line)
{
	if (!ok) {
		fprintf(stderr, "test_knobs.c:%d: not so; the last failure: %s\n", line, fail_text());
		_exit(1);
	}
}
#define MUST(cond) must(cond, __LINE__)

static void look_defaults(const struct knobs *k, int ret)
{
	_cleanup_free_ char *env = knobs_of_environment(k);

	MUST(!ret && k->l2_cpus == 2 && !strcmp(k->lane, "auto") && !k->tests.n && !k->monitor);
	MUST(!strcmp(k->kernel, "6.12") && !strcmp(k->place, "auto") && k->nested_paging == 1);
	MUST(!env);
}

static void look_environment(const struct knobs *k, int ret)
{
	_cleanup_free_ char *env = knobs_of_environment(k);

	MUST(!ret && k->l2_cpus == 4 && k->tests.n == 2 && !strcmp(k->tests.v[1], "c"));
	MUST(!strcmp(k->lane, "auto")); /* empty: as if not set, as make exports it */
	MUST(env && !strcmp(env, "TESTS=a/b c L2_CPUS=4"));
}

static void look_command(const struct knobs *k, int ret)
{
	_cleanup_free_ char *env = knobs_of_environment(k);

	MUST(!ret && k->l2_cpus == 3 && k->effort == 7);
	MUST(!env);
	MUST(knobs_source(k, "L2_CPUS") == KNOB_FROM_COMMAND);
}

static void look_emptied(const struct knobs *k, int ret)
{
	MUST(!ret && !k->tests.n && k->l2_cpus == 2);
}

static void look_typo(const struct knobs *k, int ret)
{
	(void)k;
	MUST(ret == -OUT_USAGE && strstr(fail_text(), "PATHC") && strstr(fail_text(), "did you mean PATCH?"));
}

static void look_nothing_near(const struct knobs *k, int ret)
{
	(void)k;
	MUST(ret == -OUT_USAGE && strstr(fail_text(), "WHATEVER=1: there is no such setting"));
	MUST(!strstr(fail_text(), "did you mean"));
}

static void look_range(const struct knobs *k, int ret)
{
	(void)k;
	MUST(ret == -OUT_USAGE && strstr(fail_text(), "L2_CPUS=9: want a whole number from 1 to 8"));
}

static const struct try_ tries[] = {
	{ .look = look_defaults },
	{ .env = { "L2_CPUS=4", "TESTS=a/b, c", "LANE=" }, .look = look_environment },
	{ .env = { "L2_CPUS=4" }, .args = { "L2_CPUS=3", "EFFORT=7" }, .look = look_command },
	{ .env = { "L2_CPUS=3", "EFFORT=7" }, .of_make = "L2_CPUS EFFORT", .look = look_command },
	{ .env = { "TESTS=a" }, .args = { "TESTS=", "L2_CPUS=" }, .look = look_emptied },
	{ .env = { "TESTS=" }, .of_make = "TESTS", .look = look_emptied },
	{ .args = { "PATHC=x.patch" }, .look = look_typo },
	{ .env = { "PATHC=x.patch" }, .of_make = "PATHC", .look = look_typo },
	{ .args = { "WHATEVER=1" }, .look = look_nothing_near },
	{ .args = { "L2_CPUS=9" }, .look = look_range },
	{ .env = { "L2_CPUS=9" }, .look = look_range },
	/* Somebody's own variable of another name is none of our business. */
	{ .env = { "PATHC=x.patch" }, .look = look_defaults },
};

static void test_where_values_come_from(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(tries); i++)
		try_out(&tries[i]);
}

static void test_somebody_elses_command_line(void **state)
{
	char *argv[] = { (char *)"nestlab", (char *)"V=1", (char *)"shell", (char *)"1", (char *)"A=b", NULL };
	int argc = knobs_take(5, argv, 2);

	(void)state;
	assert_int_equal(argc, 4);
	assert_string_equal(argv[3], "A=b");
	assert_true(knobs_verbose());
	assert_int_equal(knobs_check(), 0);
}

struct paths {
	char dir[32];
	char *with_blank;
	struct knobs k;
};

static void put(const char *path)
{
	assert_int_equal(file_write(path, "x", 1, 0644), 0);
}

static void make_paths(struct paths *p)
{
	_cleanup_free_ char *a = NULL, *b = NULL, *folder = NULL;

	*p = (struct paths){ .dir = "/tmp/nestlab-knobs-XXXXXX" };
	assert_non_null(mkdtemp(p->dir));
	folder = strf("%s/my patches", p->dir);
	p->with_blank = strf("%s/one two.patch", folder);
	assert_int_equal(mkdir_p(folder), 0);
	a = strf("%s/a.patch", p->dir);
	b = strf("%s/b.patch", p->dir);
	put(p->with_blank);
	put(a);
	put(b);
	assert_int_equal(chdir(p->dir), 0);
}

static void set_patches(struct paths *p, const char *value, const char *const *expected)
{
	size_t n = 0;

	assert_int_equal(knobs_set(&p->k, "PATCH", value), 0);
	for (; expected[n]; n++) {
		bool literal = expected[n][0] == '/' || str_starts(expected[n], "no-such");
		_cleanup_free_ char *path = literal ? xstrdup(expected[n]) : strf("%s/%s", p->dir, expected[n]);

		assert_true(n < p->k.patch.n);
		assert_string_equal(p->k.patch.v[n], path);
	}
	assert_int_equal(p->k.patch.n, n);
}
#define PATCHES(p, value, ...) set_patches(p, value, (const char *const[]){ __VA_ARGS__, NULL })

static void test_paths(void **state)
{
	_cleanup_free_ char *text = NULL, *readme = path_in_root("README.md");
	char here[256];
	struct paths p;

	(void)state;
	assert_non_null(getcwd(here, sizeof(here)));
	make_paths(&p);
	PATCHES(&p, "a.patch", "a.patch");
	PATCHES(&p, "a.patch b.patch", "a.patch", "b.patch");
	PATCHES(&p, "./a.patch", "a.patch");
	PATCHES(&p, "my patches/one two.patch", "my patches/one two.patch");
	PATCHES(&p, "my patches", "my patches");
	PATCHES(&p, "'my patches/one two.patch' a.patch", "my patches/one two.patch", "a.patch");
	PATCHES(&p, "my\\ patches/one\\ two.patch b.patch", "my patches/one two.patch", "b.patch");
	PATCHES(&p, "README.md", readme); /* where the user stands there is none, but in the checkout */
	PATCHES(&p, "no-such-file", "no-such-file");

	/* Written down and read again it is the same. */
	PATCHES(&p, "'my patches/one two.patch' a.patch", "my patches/one two.patch", "a.patch");
	text = knobs_text(&p.k, "PATCH");
	PATCHES(&p, text, "my patches/one two.patch", "a.patch");
	knobs_free(&p.k);
	free(p.with_blank);
	assert_int_equal(chdir(here), 0);
	rm_rf(p.dir);
}

static void test_near(void **state)
{
	static const char *const names[] = { "vcpu-info/pairs", "vcpu-info/syscall", "tcg-svm" };

	(void)state;
	assert_int_equal(near_distance("PATHC", "PATCH"), 1); /* swapped */
	assert_int_equal(near_distance("LANES", "LANE"), 1);
	assert_int_equal(near_distance("", "abc"), 3);
	assert_int_equal(near_distance("kitten", "sitting"), 3);
	assert_string_equal(near_name("vcpu-info/pair", names, 3), "vcpu-info/pairs");
	assert_string_equal(near_name("TCG_SVM", names, 3), "tcg-svm");
	assert_null(near_name("cpuid-exits", names, 3));
	/* A part of just one of them; of several it says nothing. */
	assert_string_equal(near_name("svm", names, 3), "tcg-svm");
	assert_string_equal(near_name("pairs", names, 3), "vcpu-info/pairs");
	assert_null(near_name("info", names, 3));
	assert_null(near_name("sys", names, 3));
	assert_null(near_name("", names, 3));
}

static void test_swapped_is_nearer_than_left_out(void **state)
{
	static const char *const names[] = { "6.1", "6.12", "7.2" };

	(void)state;
	assert_string_equal(near_name("6.21", names, 3), "6.12");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_where_values_come_from),
		cmocka_unit_test(test_somebody_elses_command_line),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_near),
		cmocka_unit_test(test_swapped_is_nearer_than_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
