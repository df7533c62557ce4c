// SPDX-License-Identifier: GPL-2.0-only
/* The assignments' files: what they hold, and what is refused with file and line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "plan/assignment.h"
#include "judge/testcase.h"

#include <cmocka.h>

static void loads_vcpu_info(void **state)
{
	struct assignment *a = NULL;

	(void)state;
	assert_int_equal(assignment_load("config/assignments/vcpu-info.conf", &a), 0);
	assert_string_equal(a->name, "vcpu-info");
	assert_int_equal(a->syscall, 548);
	/* Upstream has taken 1 to 12. */
	assert_true(a->hypercall > 12);
	assert_int_equal(a->leaf[LEAF_TOTAL_EXITS], 0);
	assert_non_null(a->trace);
	assert_string_equal(a->tests[0].name, "vcpu-info/syscall");
	assignment_free(a);
}

static void loads_cpuid_exits(void **state)
{
	struct assignment *a = NULL;

	(void)state;
	assert_int_equal(assignment_load("config/assignments/cpuid-exits.conf", &a), 0);
	assert_int_equal(a->leaf[LEAF_TOTAL_EXITS], 0x4fffffff);
	assert_int_equal(a->leaf[LEAF_TOTAL_CYCLES], 0x4fffffff);
	assert_int_equal(a->leaf[LEAF_TYPE_EXITS], 0);
	assert_null(a->trace);
	assignment_free(a);
}

/*
 * By name from the checkout; each names tests that exist, with weights of 100 in all.
 */
static void lists_whole_assignments(void **state)
{
	_cleanup_strv_ struct strv names = { 0 };

	(void)state;
	setenv("NESTLAB_ROOT", ".", 0);
	assert_int_equal(dir_list("config/assignments", ".conf", &names), 0);
	assert_true(names.n >= 2);
	for (size_t i = 0; i < names.n; i++) {
		struct assignment *a = NULL;
		uint64_t weights = 0;

		names.v[i][strlen(names.v[i]) - strlen(".conf")] = '\0';
		assert_int_equal(assignment_load(names.v[i], &a), 0);
		assert_true(a->title && a->summary);
		for (size_t k = 0; k < a->n_tests; k++) {
			const struct testcase *t = testcase_find(a->tests[k].name);

			assert_non_null(t);
			assert_non_null(t->assignment);
			weights += a->tests[k].weight;
		}
		assert_int_equal(weights, 100);
		assignment_free(a);
	}
}

static int load_variant(const char *of, const char *tests, struct assignment **a)
{
	static const char path[] = "/tmp/nestlab-test-variant.conf";
	_cleanup_free_ char *text = strf("[assignment]\ntitle = x\nsummary = y\nvariant_of = %s\n[cpuid]\ntotal_exits = 0x4ffffff0\n%s", of, tests);
	int ret;

	assert_int_equal(file_write(path, text, strlen(text), 0644), 0);
	ret = assignment_load(path, a);
	unlink(path);
	return ret;
}

static void a_variant_has_its_originals_tests(void **state)
{
	struct assignment *a = NULL, *original = NULL;

	(void)state;
	assert_int_equal(assignment_load("cpuid-exits", &original), 0);
	assert_int_equal(load_variant("cpuid-exits", "", &a), 0);
	assert_int_equal(a->n_tests, original->n_tests);
	assert_string_equal(a->tests[0].name, original->tests[0].name);
	assert_int_equal(a->tests[0].weight, original->tests[0].weight);
	assert_int_equal(a->leaf[LEAF_TOTAL_CYCLES], 0);
	assignment_free(a);
	assignment_free(original);
	assert_int_equal(load_variant("cpuid-exits", "[tests]\ncpuid-exits/answer = 100\n", &a), 0);
	assert_int_equal(a->n_tests, 1);
	assignment_free(a);
	assert_true(load_variant("cpuid-exit", "", &a) < 0);
}

static bool has(const struct strv *env, const char *item)
{
	for (size_t i = 0; i < env->n; i++)
		if (!strcmp(env->v[i], item))
			return true;
	return false;
}

static void tells_programs_the_numbers(void **state)
{
	_cleanup_strv_ struct strv env = { 0 };
	struct assignment a = { .syscall = 332, .leaf = { [LEAF_TOTAL_EXITS] = 0x4ffffffc } };

	(void)state;
	assignment_env(&a, &env);
	assert_int_equal(env.n, 3);
	assert_true(has(&env, "NESTLAB=1"));
	assert_true(has(&env, "NESTLAB_SYSCALL=0x14c"));
	assert_true(has(&env, "NESTLAB_LEAF_TOTAL_EXITS=0x4ffffffc"));
	strv_free(&env);
	assignment_env(NULL, &env);
	assert_int_equal(env.n, 1);
}

static void tells_programs_of_eax_alone(void **state)
{
	_cleanup_strv_ struct strv env = { 0 };
	struct assignment a = { .leaf = { [LEAF_TOTAL_EXITS] = 0x4ffffffc,
					  [LEAF_TYPE_EXITS] = 0x4ffffffe } };

	(void)state;
	strv_add(&a.eax_alone, "0x4FFFFFFC");
	assignment_env(&a, &env);
	assert_true(has(&env, "NESTLAB_EXITS_IN_EAX_ALONE=1"));
	assert_true(assignment_wants_eax_alone(&a, LEAF_TOTAL_EXITS));
	assert_false(assignment_wants_eax_alone(&a, LEAF_TYPE_EXITS));
	assert_false(assignment_wants_eax_alone(&a, LEAF_TYPE_CYCLES)); /* it has none */
	strv_free(&a.eax_alone);
}

#define TESTS "[tests]\nvcpu-info/syscall = 1\n"

static const struct {
	const char *text, *words;
} bad[] = {
	{ "[numbers]\nsyscal = 548\n" TESTS, ".conf:2: unknown key 'syscal' in [numbers]" },
	{ "[numbers]\nsyscall = many\n" TESTS, ".conf:2: syscall = many" },
	{ "[cpuid]\ntotal_exits = 0x1ffffffff\n" TESTS, ".conf:2: total_exits" },
	{ "[cpuid]\ntotal_exits = 5\ntotal_cycles = 5\neax_alone = 5\n" TESTS, "eax_alone = 5 is no leaf" },
	{ "[cpuid]\ntotal_exits = 5\neax_alone = 6\n" TESTS, "eax_alone = 6 is no leaf" },
	{ "[numbers]\nsyscall = 1\nsyscall = 2\n" TESTS, ".conf:3: 'syscall' is given twice" },
	{ "[numbers]\nsyscall = 1\n", "[tests] names no test" },
	{ "[tests]\nvcpu-info/syscall = heavy\n", "is not a whole number" },
	{ "[trace]\npid = pid (\n" TESTS, "is no regular expression" },
	{ "[trace]\npid = <number>\nnumber_base = 8\n" TESTS,
	  "number_base = 8: want auto, dec or hex" },
	{ "[trace.registers]\nfoo = <value>\n" TESTS, "'foo' is no register" },
};

static void refuses_bad_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char path[] = "/tmp/nestlab-assignment-XXXXXX.conf";
		int fd = mkstemps(path, 5);
		struct assignment *a = NULL;

		assert_true(fd >= 0);
		assert_int_equal(write(fd, bad[i].text, strlen(bad[i].text)), strlen(bad[i].text));
		close(fd);
		assert_int_equal(assignment_load(path, &a), -OUT_USAGE);
		assert_null(a);
		assert_true(str_starts(fail_text(), path));
		assert_non_null(strstr(fail_text(), bad[i].words));
		unlink(path);
	}
	assert_int_equal(assignment_load("no/such.conf", &(struct assignment *){ NULL }),
			 -OUT_USAGE);
}

static void testcases_are_whole(void **state)
{
	const struct testcase *const *all;
	size_t n;

	(void)state;
	all = testcases_all(&n);
	assert_true(n >= 8);
	for (size_t i = 0; i < n; i++) {
		assert_true(!i || strcmp(all[i - 1]->name, all[i]->name) < 0);
		assert_true(all[i]->summary && all[i]->program && all[i]->judge);
		assert_true(all[i]->level == 1 || all[i]->level == 2);
		assert_true(all[i]->timeout_s > 0);
		/* What belongs to no assignment runs on request only. */
		assert_true(all[i]->assignment || all[i]->on_request);
	}
	assert_null(testcase_find("no/such"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loads_vcpu_info),
		cmocka_unit_test(loads_cpuid_exits),
		cmocka_unit_test(lists_whole_assignments),
		cmocka_unit_test(a_variant_has_its_originals_tests),
		cmocka_unit_test(tells_programs_the_numbers),
		cmocka_unit_test(tells_programs_of_eax_alone),
		cmocka_unit_test(refuses_bad_files),
		cmocka_unit_test(testcases_are_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
