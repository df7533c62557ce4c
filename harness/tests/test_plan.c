// SPDX-License-Identifier: GPL-2.0-only
/* Plans: who names the lane, what is written down and read again; and places. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "lab/place.h"
#include "plan/plan.h"

#include <cmocka.h>

static char *dir;

static int set_up(void **state)
{
	(void)state;
	dir = xstrdup("/tmp/nestlab-plan-XXXXXX");
	return !mkdtemp(dir);
}

static int tear_down(void **state)
{
	(void)state;
	rm_rf(dir);
	free(dir);
	return 0;
}

/* A patch with this message. */
static char *put_patch(const char *name, const char *message)
{
	_cleanup_free_ char *text = strf("From: A <a@b.c>\nSubject: [PATCH] x\n\n%s\n---\n"
					 "--- a/arch/x86/kvm/x86.c\n+++ b/arch/x86/kvm/x86.c\n"
					 "@@ -1 +1 @@\n-a\n+b\n",
					 message);
	char *path = strf("%s/%s", dir, name);

	assert_int_equal(file_write(path, text, strlen(text), 0644), 0);
	return path;
}

static int make(struct plan *p, const char *const *settings)
{
	struct knobs k;
	int ret = knobs_load(&k);

	assert_int_equal(ret, 0);
	for (; *settings; settings += 2)
		assert_int_equal(knobs_set(&k, settings[0], settings[1]), 0);
	ret = plan_make(&k, p);
	knobs_free(&k);
	return ret;
}
#define MAKE(p, ...) make(p, (const char *const[]){ __VA_ARGS__, NULL })

/* ---- who names the lane ---- */

static void lane_is(const char *lane, const char *by, const char *patch)
{
	struct plan p;

	assert_int_equal(MAKE(&p, "PATCH", patch), 0);
	assert_string_equal(p.lane.name, lane);
	assert_non_null(strstr(p.lane.reason, by));
	plan_free(&p);
}

static void test_a_strangers_wish(void **state)
{
	_cleanup_free_ char *patch = put_patch("1.patch", "Lane: bochs-vmx");
	struct plan p;

	(void)state;
	assert_int_equal(MAKE(&p, "PATCH", patch), 0);
	assert_string_not_equal(p.lane.name, "bochs-vmx");
	assert_true(p.host.patches.strange);
	assert_int_equal(p.host.patches.notes.n, 1);
	assert_non_null(strstr(p.host.patches.notes.v[0], "bochs-vmx"));
	plan_free(&p);
	assert_int_equal(MAKE(&p, "PATCH", patch, "LANE", "tcg-svm"), 0);
	assert_string_equal(p.lane.reason, "asked for by LANE=tcg-svm");
	plan_free(&p);
}

/* Those in the checkout are heard. */
static void test_our_wish(void **state)
{
	_cleanup_free_ char *from = put_patch("1.patch", "Lane: tcg-svm");
	_cleanup_free_ char *to = path_in_root("testcases/faults/wish-of-a-test.patch");

	(void)state;
	assert_int_equal(file_copy(from, to, 0644), 0);
	lane_is("tcg-svm", "wish-of-a-test.patch (Lane: tcg-svm)", to);
	unlink(to);
}

static void test_nobody_is_named(void **state)
{
	struct plan p;

	(void)state;
	assert_int_equal(MAKE(&p, "LANE", "no-such-lane"), -OUT_USAGE);
	plan_free(&p);
	assert_int_equal(MAKE(&p, "KERNEL", "no-such-kernel"), -OUT_USAGE);
	plan_free(&p);
	assert_int_equal(MAKE(&p, "PATCH", "no/such.patch"), -OUT_USAGE);
	assert_non_null(strstr(fail_text(), "PATCH=no/such.patch"));
	plan_free(&p);
}

/* ---- lanes ---- */

#define VMX "arch/x86/kvm/vmx/vmx.c"

static void test_lanes(void **state)
{
	struct lane l;

	(void)state;
	assert_int_equal(lane_load("tcg-svm", &l), 0);
	assert_string_equal(l.virt_type, "qemu");
	lane_free(&l);
	assert_int_equal(lane_load("../tcg-svm", &l), -OUT_USAGE);
	assert_int_equal(lane_load("none", &l), -OUT_USAGE);
	assert_non_null(strstr(fail_text(), "tcg-svm"));
	assert_int_equal(lane_choose("tcg-svm", "a test", NULL, true, &l), 0);
	assert_false(l.intel);
	lane_free(&l);
}

/* What a lane's file says of an emulator that was built here counts with one alone. */
static void test_a_built_emulator(void **state)
{
	struct lane l;

	(void)state;
	assert_int_equal(lane_load("tcg-svm", &l), 0);
	assert_null(l.emulator);
	assert_int_equal(l.spare_cpus, 1);
	assert_int_equal(l.retries, 3);
	lane_take_built(&l, xstrdup("/cache/qemu/1/qemu-system-x86_64"));
	assert_string_equal(l.emulator, "/cache/qemu/1/qemu-system-x86_64");
	assert_int_equal(l.spare_cpus, 0);
	assert_int_equal(l.retries, 3);
	lane_free(&l);
	assert_int_equal(lane_load("kvm", &l), 0);
	lane_take_built(&l, xstrdup("/other"));
	assert_int_equal(l.slowdown, 1);
	lane_free(&l);
}

static void test_a_lane_for_the_change(void **state)
{
	struct vendor_side intel = { VENDOR_INTEL, (char *)VMX };
	_cleanup_free_ char *blind = NULL;
	struct lane l;

	(void)state;
	/* who names a lane gets it, and is told */
	assert_int_equal(lane_choose("tcg-svm", "a test", &intel, true, &l), 0);
	blind = lane_blind(&l, &intel);
	assert_non_null(strstr(blind, "instrumented for Intel only (it touches " VMX));
	lane_free(&l);
	assert_int_equal(lane_choose("auto", NULL, &intel, true, &l), 0);
	if (l.intel) {
		assert_non_null(strstr(l.reason, "the change is for Intel only (" VMX ")"));
		assert_null(lane_blind(&l, &intel));
	}
	lane_free(&l);
}

/* ---- what it is ---- */

static void test_subject_and_hash(void **state)
{
	_cleanup_free_ char *patch = put_patch("mine.patch", "Why."), *subject = NULL, *none = NULL;
	struct plan change, reference, tests;

	(void)state;
	assert_int_equal(MAKE(&change, "PATCH", patch), 0);
	assert_int_equal(MAKE(&reference, "EFFORT", "1"), 0);
	assert_int_equal(MAKE(&tests, "EFFORT", "3"), 0);
	subject = plan_subject(&change);
	none = plan_subject(&reference);
	assert_string_equal(subject, "mine.patch");
	assert_string_equal(none, "the reference");
	assert_true(plan_has_change(&change));
	assert_false(plan_has_change(&reference));
	assert_string_not_equal(change.hash, reference.hash);
	assert_string_not_equal(change.shape, reference.shape);
	/* What is asked of a lab is not what it is made of. */
	assert_string_not_equal(reference.hash, tests.hash);
	assert_string_equal(reference.shape, tests.shape);
	plan_free(&change);
	plan_free(&reference);
	plan_free(&tests);
}

static void put_text(const char *path, const char *text)
{
	assert_int_equal(file_write(path, text, strlen(text), 0644), 0);
}

/* The same name, and something else behind it: what was judged before is not this. */
static void test_hash_of_content(void **state)
{
	static const char conf[] = "[assignment]\ntitle = x\nsummary = y\n[cpuid]\ntotal_exits = %s\n"
				   "[tests]\ncpuid-exits/answer = %s\n[rubric]\nlate_per_day = %s\n";
	static const char *const numbers[][3] = { { "0x4fffffff", "100", "5" }, { "0x4ffffffe", "100", "5" }, { "0x4fffffff", "50", "9" } };
	_cleanup_free_ char *monitor = strf("%s/vmm.c", dir), *assignment = strf("%s/mine.conf", dir);
	struct plan p[ARRAY_SIZE(numbers)], old, new;

	(void)state;
	put_text(monitor, "int main(void) { return 0; }\n");
	assert_int_equal(MAKE(&old, "MONITOR", monitor), 0);
	put_text(monitor, "int main(void) { return 1; }\n");
	assert_int_equal(MAKE(&new, "MONITOR", monitor), 0);
	assert_string_not_equal(old.hash, new.hash);
	plan_free(&old);
	plan_free(&new);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		_cleanup_free_ char *text = strf(conf, numbers[i][0], numbers[i][1], numbers[i][2]);

		put_text(assignment, text);
		assert_int_equal(MAKE(&p[i], "ASSIGNMENT", assignment), 0);
	}
	assert_string_not_equal(p[0].hash, p[1].hash);
	assert_string_equal(p[0].hash, p[2].hash); /* other points, no other question */
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		plan_free(&p[i]);
}

/* Nobody's change: what stands for it says so, and nothing is put on it. */
static void test_unpatched(void **state)
{
	_cleanup_free_ char *patch = put_patch("8.patch", ""), *subject = NULL;
	struct plan p, reference;

	(void)state;
	assert_int_equal(MAKE(&p, "UNPATCHED", "1"), 0);
	assert_int_equal(MAKE(&reference, "UNPATCHED", "0"), 0);
	subject = plan_subject(&p);
	assert_string_equal(subject, "the unpatched kernel");
	assert_false(plan_has_change(&p));
	assert_int_equal(p.kernel.role[KERNEL_HOST].patches.n, 0);
	assert_int_not_equal(p.kernel.role[KERNEL_GUEST].patches.n, 0);
	assert_string_not_equal(p.hash, reference.hash);
	assert_string_not_equal(p.shape, reference.shape);
	plan_free(&p);
	plan_free(&reference);
	assert_int_equal(MAKE(&p, "UNPATCHED", "1", "PATCH", patch), -OUT_USAGE);
	assert_non_null(strstr(fail_text(), "leave one of the two out"));
	plan_free(&p);
}

/* What a suite does not look at would be passed by it. */
static void test_a_suite(void **state)
{
	static const char *const others[][2] = {
		{ "ASSIGNMENT", "cpuid-exits" }, { "MONITOR", "README.md" }, { "GUEST_FLAVOR", "guest-debug" },
	};
	_cleanup_free_ char *patch = put_patch("9.patch", "");
	struct plan p, own;

	(void)state;
	assert_int_equal(MAKE(&own, "LANE", "tcg-svm"), 0);
	assert_null(own.suite);
	assert_int_equal(MAKE(&p, "SUITE", "selftests", "LANE", "tcg-svm"), 0);
	assert_string_equal(p.suite->name, "selftests");
	assert_string_not_equal(p.hash, own.hash);
	assert_string_not_equal(p.shape, own.shape); /* its disk is in L1 */
	plan_free(&own);
	plan_free(&p);
	assert_int_equal(MAKE(&p, "SUITE", "selftets"), -OUT_USAGE);
	assert_non_null(strstr(fail_text(), "did you mean selftests?"));
	plan_free(&p);
	assert_int_equal(MAKE(&p, "SUITE", "selftests", "GUEST_PATCH", patch), -OUT_USAGE);
	plan_free(&p);
	assert_int_equal(MAKE(&p, "SUITE", "selftests", "LANE", "tcg-svm", "AGAINST", "6.1"), 0);
	plan_free(&p);
	assert_int_equal(MAKE(&p, "AGAINST", "6.1"), -OUT_USAGE);
	assert_non_null(strstr(fail_text(), "give SUITE=, too"));
	plan_free(&p);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		assert_int_equal(MAKE(&p, "SUITE", "selftests", others[i][0], others[i][1]), -OUT_USAGE);
		assert_non_null(strstr(fail_text(), "leave one of the two out"));
		plan_free(&p);
	}
}

static void test_cpus_and_slowdown(void **state)
{
	char *const argv[] = { (char *)"sleep", (char *)"1.5", NULL };
	const struct proc sleeps = { .what = "a child", .argv = argv, .deadline_s = 1 };
	struct plan p;

	(void)state;
	assert_int_equal(MAKE(&p, "LANE", "tcg-svm", "L2_CPUS", "4", "SLOWDOWN", "3"), 0);
	assert_int_equal(p.l1_cpus, 4);
	assert_int_equal(p.lane.slowdown % 3, 0);
	assert_true(p.lane.slowdown > 3);
	plan_free(&p);
	/* Programs that are started here have as much longer. */
	assert_int_equal(proc_run(&sleeps), 0);
	assert_int_equal(MAKE(&p, "LANE", "tcg-svm"), 0);
	plan_free(&p);
	assert_int_equal(proc_run(&sleeps), -OUT_BROKEN);
}

/* ---- written down ---- */

static int load(const char *file, struct plan *p)
{
	struct knobs k;
	int ret;

	assert_int_equal(knobs_load(&k), 0);
	ret = plan_load_knobs(file, &k);
	*p = (struct plan){ 0 };
	if (!ret)
		ret = plan_make(&k, p);
	knobs_free(&k);
	return ret;
}

static void test_saved_and_loaded(void **state)
{
	_cleanup_free_ char *patch = put_patch("a b's \"best\".patch", "Why."), *out = strf("%s/out", dir);
	_cleanup_free_ char *copy = strf("%s/change/host/0001-a b's \"best\".patch", out);
	struct plan p, again;

	(void)state;
	assert_int_equal(mkdir_p(out), 0);
	assert_int_equal(MAKE(&p, "PATCH", patch, "TESTS", "a b", "L2_CPUS", "3", "LANE", "tcg-svm"), 0);
	assert_int_equal(plan_save(&p, out), 0);
	unlink(patch);
	assert_int_equal(load(out, &again), 0);
	assert_int_equal(again.knobs.l2_cpus, 3);
	assert_int_equal(again.knobs.tests.n, 2);
	assert_int_equal(again.host.patches.n, 1);
	assert_string_equal(again.host.patches.v[0].path, copy);
	assert_string_equal(again.host.patches.v[0].sha256, p.host.patches.v[0].sha256);
	assert_string_equal(again.lane.name, "tcg-svm");
	plan_free(&again);

	/* Not what it was: nothing is run. */
	assert_int_equal(file_write(copy, "x", 1, 0644), 0);
	assert_int_equal(load(out, &again), -OUT_USAGE);
	assert_non_null(strstr(fail_text(), "not what it was"));
	plan_free(&again);
	plan_free(&p);
}

static void test_no_plan(void **state)
{
	static const char *const texts[] = {
		"", "{}", "[]", "{\"format\": 2, \"knobs\": {}, \"change\": {}}",
		"{\"format\": 1, \"knobs\": {}}",
		"{\"format\": 1, \"knobs\": {\"L2_CPUS\": \"99\"}, \"change\": {\"host\": [], \"guest\": []}}",
		"{\"format\": 1, \"knobs\": {}, \"change\": {\"host\": [{\"file\": \"../../etc/passwd\", "
		"\"sha256\": \"x\"}], \"guest\": []}}",
		"{\"format\": 1, \"knobs\": {}, \"change\": {\"host\": [{\"file\": \"change/../../x\", "
		"\"sha256\": \"x\"}], \"guest\": []}}",
	};
	_cleanup_free_ char *file = strf("%s/plan.json", dir);
	struct plan p;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		assert_int_equal(file_write(file, texts[i], strlen(texts[i]), 0644), 0);
		assert_int_equal(load(file, &p), -OUT_USAGE);
		plan_free(&p);
	}
}

/* ---- places ---- */

static bool busy_for_another(const char *name)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		struct place p;

		_exit(place_take(name, "other", &p) == -OUT_BUSY ? 7 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) && WEXITSTATUS(status) == 7;
}

static void test_one_at_a_time(void **state)
{
	struct place p;

	(void)state;
	assert_int_equal(place_take("one", "test", &p), 0);
	assert_true(str_ends(path_run(), "-one"));
	assert_true(busy_for_another("one"));
	assert_false(busy_for_another("two"));
	assert_false(busy_for_another(PLACE_AUTO));
	place_release(&p);
	assert_false(busy_for_another("one"));
	assert_int_equal(place_take("../x", "test", &p), -OUT_USAGE);
	place_release(&p);
	assert_int_equal(place_take("", "test", &p), -OUT_USAGE);
	place_release(&p);
}

static void test_a_kept_place(void **state)
{
	_cleanup_strv_ struct strv names = { 0 };
	_cleanup_free_ char *note = NULL;
	struct place p, other;

	(void)state;
	assert_int_equal(place_join(PLACE_AUTO, &p), -OUT_USAGE);
	place_release(&p);
	assert_int_equal(place_take(PLACE_AUTO, "test", &p), 0);
	assert_string_equal(p.name, PATH_FIRST_PLACE);
	assert_int_equal(place_keep("mine"), 0);
	place_release(&p);

	/* It is nobody's; a run goes to the next one. */
	assert_int_equal(place_take(PATH_FIRST_PLACE, "test", &p), -OUT_BUSY);
	place_release(&p);
	assert_int_equal(place_take(PLACE_AUTO, "test", &p), 0);
	assert_string_equal(p.name, "2");
	assert_false(place_is_kept());

	/* Two may look into it at a time, and nobody ends it meanwhile. */
	assert_int_equal(place_join(PLACE_AUTO, &other), 0);
	note = place_note();
	assert_string_equal(note, "mine");
	place_release(&other);
	place_release(&p);
	assert_int_equal(place_list(&names), 0);
	assert_true(names.n >= 2);
	assert_int_equal(place_clear(PATH_FIRST_PLACE, &p), 0);
	place_unkeep();
	place_release(&p);
	assert_int_equal(place_take(PLACE_AUTO, "test", &p), 0);
	assert_string_equal(p.name, PATH_FIRST_PLACE);
	place_release(&p);
}

static void count(void *ctx)
{
	struct strv *seen = ctx;

	strv_add(seen, path_run());
}

static void test_dead_places(void **state)
{
	_cleanup_strv_ struct strv seen = { 0 };
	struct place ours, kept, left;

	(void)state;
	assert_int_equal(place_take("kept", "test", &kept), 0);
	assert_int_equal(place_keep("mine"), 0);
	place_release(&kept);
	assert_int_equal(place_take("left", "test", &left), 0);
	place_release(&left);
	assert_int_equal(place_take("ours", "test", &ours), 0);
	place_each_dead(&ours, count, &seen);
	assert_true(str_ends(path_run(), "-ours"));
	for (size_t i = 0; i < seen.n; i++) {
		assert_false(str_ends(seen.v[i], "-kept"));
		assert_false(str_ends(seen.v[i], "-ours"));
	}
	assert_true(seen.n >= 1);
	place_release(&ours);
}

static void look_slowly(void *ctx)
{
	int *told = ctx;

	assert_int_equal(write(*told, "", 1), 1);
	usleep(300000);
}

/* Two start at once: one looks for what was left in the other's place just as that takes it. */
static void test_somebody_looks(void **state)
{
	struct place ours, other;
	int told[2];
	char c;
	pid_t pid;

	(void)state;
	assert_int_equal(place_take("other", "test", &other), 0);
	place_release(&other);
	assert_int_equal(pipe(told), 0);
	pid = fork();
	if (!pid) {
		if (place_take("ours", "test", &ours))
			_exit(1);
		place_each_dead(&ours, look_slowly, &told[1]);
		_exit(0);
	}
	close(told[1]);
	while (read(told[0], &c, 1) == 1) { /* in one place after the other */
		assert_int_equal(place_take("other", "test", &other), 0);
		place_release(&other);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(told[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_strangers_wish), cmocka_unit_test(test_our_wish),
		cmocka_unit_test(test_nobody_is_named), cmocka_unit_test(test_lanes),
		cmocka_unit_test(test_a_built_emulator),
		cmocka_unit_test(test_a_lane_for_the_change),
		cmocka_unit_test(test_subject_and_hash),
		cmocka_unit_test(test_hash_of_content),
		cmocka_unit_test(test_unpatched),
		cmocka_unit_test(test_a_suite),
		cmocka_unit_test(test_cpus_and_slowdown), cmocka_unit_test(test_saved_and_loaded),
		cmocka_unit_test(test_no_plan),		 cmocka_unit_test(test_one_at_a_time),
		cmocka_unit_test(test_a_kept_place),	 cmocka_unit_test(test_dead_places),
		cmocka_unit_test(test_somebody_looks),
	};
	char run[] = "/tmp/nestlab-places-XXXXXX";
	_cleanup_free_ char *first = NULL;
	int ret;

	if (!mkdtemp(run))
		return 1;
	first = strf("%s/run", run);
	setenv("NESTLAB_RUN", first, 1);
	ret = cmocka_run_group_tests(tests, set_up, tear_down);
	rm_rf(run);
	return ret;
}
