// SPDX-License-Identifier: GPL-2.0-only
/* Which commit of a real repository is tried next, until the first bad one is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants these before it */
#include <cmocka.h>
#undef fail /* core/outcome.h's is meant */

#include "core/outcome.h"
#include "core/proc.h"
#include "kernel/commits.h"

#define die(...) (print_error(__VA_ARGS__), print_error("\n"), _fail(__FILE__, __LINE__))
#define COMMITS 20

static char dir[] = "/tmp/nestlab-test-commits-XXXXXX";

/* "c1" to "c20" in a row, and one beside them. */
static int make_repository(void **state)
{
	static char sh[] = "sh", option[] = "-c", script[] =
		"cd $0 && git init -q && git config user.name me && git config user.email me@localhost && "
		"for i in $(seq 20); do git commit -q --allow-empty -m \"step $i\" && git tag c$i; done && "
		"git checkout -q -b beside c3 && git commit -q --allow-empty -m beside && git checkout -q -";
	char *argv[] = { sh, option, script, dir, NULL };
	struct proc p = { .argv = argv, .deadline_s = 60 };

	(void)state;
	return mkdtemp(dir) ? proc_run(&p) : -1;
}

static int remove_repository(void **state)
{
	(void)state;
	return rm_rf(dir);
}

/* The n of "... (\"step n\")". */
static unsigned int number_of(const struct commits *c, const char *commit)
{
	_cleanup_free_ char *name = commits_name(c, commit);
	const char *at = strstr(name, "(\"step ");

	assert_non_null(at);
	return (unsigned int)strtoul(at + strlen("(\"step "), NULL, 10);
}

/*
 * All from first_bad on are bad; those of a bit in unjudged can't be judged. Returns how many were
 * asked for.
 */
static unsigned int search(struct commits *c, unsigned int first_bad, unsigned int unjudged)
{
	unsigned int asked = 0;

	assert_int_equal(commits_begin(c, dir, "c1", "c20"), 0);
	for (;;) {
		_cleanup_free_ char *next = NULL;
		unsigned int n;

		assert_int_equal(commits_next(c, &next, NULL), 0);
		if (!next)
			return asked;
		n = number_of(c, next);
		asked++;
		if (unjudged >> n & 1)
			strv_add(&c->skipped, next);
		else if (n >= first_bad)
			str_set(&c->bad, next);
		else
			strv_add(&c->good, next);
		if (asked > COMMITS)
			die("it never ends");
	}
}

static void test_found(void **state)
{
	(void)state;
	for (unsigned int first = 2; first <= COMMITS; first++) {
		_cleanup_strv_ struct strv left = { 0 };
		struct commits c;

		assert_true(search(&c, first, 0) <= 5);
		assert_int_equal(number_of(&c, c.bad), first);
		assert_int_equal(commits_left(&c, &left), 0);
		assert_int_equal(left.n, 1);
		commits_free(&c);
	}
}

/* The first that can be judged and is bad; those before it that can't may be it, too. */
static void test_some_can_not_be_judged(void **state)
{
	_cleanup_strv_ struct strv left = { 0 };
	struct commits c;

	(void)state;
	search(&c, 9, 1u << 8 | 1u << 9 | 1u << 10);
	assert_int_equal(number_of(&c, c.bad), 11);
	assert_int_equal(commits_left(&c, &left), 0);
	assert_int_equal(left.n, 4);
	commits_free(&c);
	search(&c, 9, 1u << 4);
	assert_int_equal(number_of(&c, c.bad), 9);
	commits_free(&c);
}

static void assert_refused(const char *good, const char *bad, const char *why)
{
	struct commits c;

	assert_int_equal(commits_begin(&c, dir, good, bad), -OUT_USAGE);
	if (!strstr(fail_text(), why))
		die("'%s' is not in: %s", why, fail_text());
	commits_free(&c);
}

static void test_refused(void **state)
{
	(void)state;
	assert_refused("c1", "nothing", "nothing: ");
	assert_refused("--all", "c20", "has no such commit");
	assert_refused("c20", "c1", "is no ancestor of c1");
	assert_refused("c4", "beside", "is no ancestor of beside");
	assert_refused("c4", "c4", "there is nothing between them");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_some_can_not_be_judged),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, make_repository, remove_repository);
}
