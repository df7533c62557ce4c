// SPDX-License-Identifier: GPL-2.0-only
/* Configuration files: what is taken, and that each fault is told with file and line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/conf.h"
#include "core/outcome.h"
#include "core/util.h"
#include "lab/lane.h"
#include "lab/settings.h"
#include "lab/wish.h"

#include <cmocka.h>

struct sample {
	char *name;
	uint32_t count;
	uint64_t big;
	bool flag;
	struct strv list, lines, pairs;
};

static const struct conf_key keys[] = {
	{ "a", "name", CONF_STR, offsetof(struct sample, name), 0, 0 },
	{ "a", "count", CONF_U32, offsetof(struct sample, count), 1, 8 },
	{ "a", "big", CONF_U64, offsetof(struct sample, big), 0, 0 },
	{ "a", "flag", CONF_BOOL, offsetof(struct sample, flag), 0, 0 },
	{ "a", "list", CONF_LIST, offsetof(struct sample, list), 0, 0 },
	{ "a", "lines", CONF_LINES, offsetof(struct sample, lines), 0, 0 },
	{ "p", "*", CONF_LINES, offsetof(struct sample, pairs), 0, 0 },
};

static int load(const char *text, struct sample *s)
{
	char path[] = "/tmp/nestlab-conf-XXXXXX";
	int fd = mkstemp(path), ret;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	ret = conf_load(path, keys, ARRAY_SIZE(keys), s);
	unlink(path);
	return ret;
}

static void test_all_types(void **state)
{
	struct sample s = { 0 };

	(void)state;
	assert_int_equal(load("# a comment\n[a]\nname = two words\ncount = 8\nbig = 0x100000000\n"
			      "flag = yes\nlist = x y\nlist = z\nlines = one  line\n[p]\nk = v w\n",
			      &s), 0);
	assert_string_equal(s.name, "two words");
	assert_int_equal(s.count, 8);
	assert_true(s.big == 0x100000000ULL);
	assert_true(s.flag);
	assert_int_equal(s.list.n, 3);
	assert_string_equal(s.list.v[2], "z");
	assert_int_equal(s.lines.n, 1);
	assert_string_equal(s.pairs.v[0], "k=v w");
	conf_free(keys, ARRAY_SIZE(keys), &s);
	assert_null(s.name);
}

static const struct {
	const char *text;
	const char *line;
	const char *says;
} faults[] = {
	{ "[a]\nnmae = x\n", ":2:", "unknown key 'nmae' in [a]" },
	{ "[b]\nname = x\n", ":2:", "unknown key 'name' in [b]" },
	{ "[a]\nname = x\nname = y\n", ":3:", "given twice" },
	{ "[a]\ncount = 9\n", ":2:", "from 1 to 8" },
	{ "[a]\ncount = two\n", ":2:", "count = two" },
	{ "[a]\ncount = -1\n", ":2:", "count = -1" },
	{ "[a]\nbig = 18446744073709551616\n", ":2:", "whole number" },
	{ "[a]\nflag = maybe\n", ":2:", "yes or no" },
	{ "[a]\nname = x\nno equals sign\n", ":3:", "name = value" },
	{ "[a]\nname = x\nbad = 1\ncount = 99\n", ":3:", "unknown key 'bad'" },
};

static void test_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		struct sample s = { 0 };

		assert_int_equal(load(faults[i].text, &s), -OUT_USAGE);
		assert_non_null(strstr(fail_text(), faults[i].line));
		assert_non_null(strstr(fail_text(), faults[i].says));
		conf_free(keys, ARRAY_SIZE(keys), &s);
	}
}

static void test_missing_file(void **state)
{
	struct sample s = { 0 };

	(void)state;
	assert_int_equal(conf_load("/nonexistent/x.conf", keys, ARRAY_SIZE(keys), &s), -OUT_USAGE);
	assert_non_null(strstr(fail_text(), "/nonexistent/x.conf"));
}

static void clear_environment(void)
{
	static const char *const names[] = { "LANE", "KERNEL", "TESTS", "L1_CPUS", "L2_CPUS",
					     "BASE_IMAGE", "NESTED_PAGING", "L1_MEMORY", "L2_MEMORY", "KEEP_RUNS" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unsetenv(names[i]);
}

static void test_settings(void **state)
{
	struct settings s = { 0 };

	(void)state;
	clear_environment();
	assert_int_equal(settings_load(&s), 0);
	assert_int_equal(s.l2_cpus, 2);
	assert_string_equal(s.lane, "auto");
	assert_int_equal(s.tests.n, 0);
	settings_free(&s);
	setenv("L2_CPUS", "4", 1);
	setenv("TESTS", "a/b, c", 1);
	setenv("LANE", "", 1); /* empty: as if not set, as make exports it */
	assert_int_equal(settings_load(&s), 0);
	assert_int_equal(s.l2_cpus, 4);
	assert_int_equal(s.tests.n, 2);
	assert_string_equal(s.tests.v[1], "c");
	assert_string_equal(s.lane, "auto");
	settings_free(&s);
	setenv("L2_CPUS", "9", 1);
	assert_int_equal(settings_load(&s), -OUT_USAGE);
	assert_non_null(strstr(fail_text(), "L2_CPUS=9"));
	settings_free(&s);
	clear_environment();
}

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
	assert_int_equal(lane_choose("tcg-svm", "a test", NULL, &l), 0);
	assert_false(l.intel);
	lane_free(&l);
}

static void put_patch(const char *path, const char *touched)
{
	_cleanup_free_ char *text = strf("--- a/%s\n+++ b/%s\n@@ -1 +1 @@\n-a\n+b\n", touched, touched);

	assert_int_equal(file_write(path, text, strlen(text), 0644), 0);
}

/* What patches of these two files are: of one vendor's side, or not. */
static void side_of(const char *one, const char *other, struct vendor_side *side)
{
	char dir[] = "/tmp/nestlab-conf-XXXXXX";
	_cleanup_strv_ struct strv items = { 0 };
	_cleanup_free_ char *first = NULL, *second = NULL;

	assert_non_null(mkdtemp(dir));
	first = strf("%s/1.patch", dir);
	second = strf("%s/2.patch", dir);
	put_patch(first, one);
	put_patch(second, other);
	strv_add(&items, dir);
	vendor_of_patches(&items, side);
	rm_rf(dir);
}

#define VMX "arch/x86/kvm/vmx/vmx.c"
#define SVM "arch/x86/kvm/svm/svm.c"
#define COMMON "arch/x86/kvm/x86.c"

static void test_whose_side(void **state)
{
	struct vendor_side side;
	struct strv none = { 0 };

	(void)state;
	side_of(COMMON, VMX, &side);
	assert_int_equal(side.vendor, VENDOR_INTEL);
	assert_string_equal(side.file, VMX);
	free(side.file);
	side_of(SVM, COMMON, &side);
	assert_int_equal(side.vendor, VENDOR_AMD);
	free(side.file);
	side_of(SVM, VMX, &side);
	assert_int_equal(side.vendor, VENDOR_ANY);
	side_of(COMMON, "drivers/kvm/vmx/vmx.c", &side);
	assert_int_equal(side.vendor, VENDOR_ANY);
	strv_add(&none, "/no/such.patch");
	vendor_of_patches(&none, &side);
	assert_int_equal(side.vendor, VENDOR_ANY);
	assert_null(side.file);
	assert_string_equal(fail_text(), "");
	strv_free(&none);
}

static void test_a_lane_for_the_change(void **state)
{
	struct vendor_side intel = { VENDOR_INTEL, (char *)VMX };
	_cleanup_free_ char *blind = NULL;
	struct lane l;

	(void)state;
	assert_int_equal(lane_choose("tcg-svm", "a test", &intel, &l), 0); /* who names a lane gets it, and is told */
	blind = lane_blind(&l, &intel);
	assert_non_null(strstr(blind, "instrumented for Intel only (it touches " VMX));
	lane_free(&l);
	assert_int_equal(lane_choose("auto", NULL, &intel, &l), 0);
	if (l.intel) {
		assert_non_null(strstr(l.reason, "the change is for Intel only (" VMX ")"));
		assert_null(lane_blind(&l, &intel));
	}
	lane_free(&l);
}

/* One patch with this message, on any file. */
static char *message_patch(const char *dir, const char *name, const char *message)
{
	_cleanup_free_ char *text = strf("From: A <a@b.c>\nSubject: x\n\n%s\n---\n--- a/x.c\n+++ b/x.c\n@@ -1 +1 @@\n-a\n+Lane: kvm\n", message);
	char *path = strf("%s/%s", dir, name);

	assert_int_equal(file_write(path, text, strlen(text), 0644), 0);
	return path;
}

static void wish_is(const struct settings *s, const struct kernel_conf *k, const char *lane, const char *by)
{
	struct wish w;

	assert_int_equal(wish_find(s, k, &w), 0);
	assert_string_equal(w.lane, lane);
	if (by)
		assert_string_equal(w.by, by);
	else
		assert_null(w.by);
	wish_free(&w);
}

static void test_who_names_the_lane(void **state)
{
	char dir[] = "/tmp/nestlab-conf-XXXXXX";
	_cleanup_free_ char *one = NULL, *other = NULL, *none = NULL, *course = NULL;
	struct settings s = { .lane = (char *)"auto" };
	struct kernel_conf k = { .name = (char *)"mine" };
	struct wish w;

	(void)state;
	assert_non_null(mkdtemp(dir));
	none = message_patch(dir, "0.patch", "Lane: this sentence is none.\n Lane: kvm\nLane: ../x");
	one = message_patch(dir, "1.patch", "Why.\n\nLane: bochs-vmx\nSigned-off-by: A <a@b.c>");
	other = message_patch(dir, "2.patch", "Lane: tcg-svm");
	course = strf("%s/course.conf", dir);
	assert_int_equal(file_write(course, "[assignment]\nlane = kvm\n[tests]\na/b = 1\n", 40, 0644), 0);

	wish_is(&s, &k, "auto", NULL);
	s.assignment = course;
	wish_is(&s, &k, "kvm", "assignment course");
	k.lane = (char *)"tcg-svm";
	wish_is(&s, &k, "tcg-svm", "kernel mine");
	strv_add(&k.role[KERNEL_HOST].patches, one);
	wish_is(&s, &k, "bochs-vmx", "1.patch (Lane: bochs-vmx)");
	strv_add(&s.patches, none); /* the change, in place of the kernel's own series */
	wish_is(&s, &k, "tcg-svm", "kernel mine");
	strv_add(&s.patches, other);
	wish_is(&s, &k, "tcg-svm", "2.patch (Lane: tcg-svm)");
	strv_add(&s.patches, one);
	assert_int_equal(wish_find(&s, &k, &w), -OUT_USAGE);
	assert_non_null(strstr(fail_text(), "1.patch wants lane bochs-vmx, and 2.patch (Lane: tcg-svm) lane tcg-svm"));
	wish_free(&w);
	s.lane = (char *)"kvm";
	wish_is(&s, &k, "kvm", "LANE=kvm");
	strv_free(&s.patches);
	strv_free(&k.role[KERNEL_HOST].patches);
	rm_rf(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_types), cmocka_unit_test(test_faults),
		cmocka_unit_test(test_missing_file), cmocka_unit_test(test_settings),
		cmocka_unit_test(test_lanes), cmocka_unit_test(test_whose_side),
		cmocka_unit_test(test_a_lane_for_the_change), cmocka_unit_test(test_who_names_the_lane),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
