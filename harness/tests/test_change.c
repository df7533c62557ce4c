// SPDX-License-Identifier: GPL-2.0-only
/* What a change tells of itself: its lane, whose side of KVM it is of, which change it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants these before it */
#include <cmocka.h>
#undef fail /* core/outcome.h's is meant */

#include "core/outcome.h"
#include "core/paths.h"
#include "plan/change.h"

static char root[] = "/tmp/nestlab-test-change-XXXXXX";

/* Of the checkout, which this test has of its own. */
#define OWN "testcases/"
#define STRANGE "somewhere/"

static void put(const char *name, const char *message, const char *file)
{
	_cleanup_free_ char *path = strf("%s/%s", root, name), *parent = xstrdup(path);
	_cleanup_free_ char *text = strf("Subject: x\n\n%s\n---\n--- a/%s\n+++ b/%s\n@@ -1 +1 @@\n"
					 "-a\n+Lane: bochs-vmx\n",
					 message, file, file);

	*strrchr(parent, '/') = '\0';
	assert_int_equal(mkdir_p(parent), 0);
	assert_int_equal(file_write(path, text, strlen(text), 0644), 0);
}

static void read_two(const char *first, const char *second, struct change *c)
{
	_cleanup_strv_ struct strv items = { 0 };

	strv_add(&items, first);
	if (second)
		strv_add(&items, second);
	assert_int_equal(change_read("PATCH", &items, c), 0);
}

static void test_lane(void **state)
{
	struct change c;

	(void)state;
	put(OWN "1.patch", "Why.\n\nLane: tcg-svm\nSigned-off-by: A <a@b.c>", "x.c");
	put(OWN "2.patch", "Lane: this sentence is none.", "x.c");
	read_two(OWN "2.patch", OWN "1.patch", &c);
	assert_string_equal(c.lane, "tcg-svm");
	assert_string_equal(c.lane_by, "1.patch (Lane: tcg-svm)");
	assert_null(c.lane_conflict);
	assert_int_equal(c.patches.notes.n, 0);
	change_free(&c);
	put(OWN "2.patch", "Lane: kvm", "x.c");
	read_two(OWN "1.patch", OWN "2.patch", &c);
	assert_string_equal(c.lane_conflict,
			    "2.patch wants lane kvm, and 1.patch (Lane: tcg-svm) lane tcg-svm; "
			    "LANE= decides");
	change_free(&c);
}

/* It would choose an emulator where nothing outside of L1 counts. */
static void test_a_strangers_lane(void **state)
{
	struct change c;

	(void)state;
	put(STRANGE "1.patch", "Lane: bochs-vmx", "x.c");
	read_two(STRANGE "1.patch", NULL, &c);
	assert_true(c.patches.strange);
	assert_null(c.lane);
	assert_int_equal(c.patches.notes.n, 1);
	assert_true(str_starts(c.patches.notes.v[0], "1.patch: its \"Lane: bochs-vmx\" is ignored"));
	change_free(&c);
	put(OWN "1.patch", "Lane: tcg-svm", "x.c");
	read_two(STRANGE "1.patch", OWN "1.patch", &c);
	assert_string_equal(c.lane, "tcg-svm");
	assert_null(c.lane_conflict);
	change_free(&c);
}

#define KVM "arch/x86/kvm/"

static void test_side(void **state)
{
	static const struct {
		const char *one, *other;
		enum vendor vendor;
		const char *file;
	} cases[] = {
		{ KVM "x86.c", KVM "vmx/vmx.c", VENDOR_INTEL, KVM "vmx/vmx.c" },
		{ KVM "svm/svm.c", KVM "x86.c", VENDOR_AMD, KVM "svm/svm.c" },
		{ KVM "svm/svm.c", KVM "vmx/vmx.c", VENDOR_ANY, NULL },
		{ KVM "x86.c", "drivers/kvm/vmx/vmx.c", VENDOR_ANY, NULL },
		/* made between two trees, and in KVM's own folder */
		{ "../../linux.mine/" KVM "svm/svm.c", KVM "x86.c", VENDOR_AMD, KVM "svm/svm.c" },
		{ "vmx/nested.c", "x86.c", VENDOR_INTEL, "vmx/nested.c" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct change c;

		put(OWN "1.patch", "", cases[i].one);
		put(OWN "2.patch", "", cases[i].other);
		read_two(OWN "1.patch", OWN "2.patch", &c);
		assert_int_equal(c.side.vendor, cases[i].vendor);
		if (cases[i].file)
			assert_string_equal(c.side.file, cases[i].file);
		else
			assert_null(c.side.file);
		change_free(&c);
	}
}

static void hash_of(const char *first, const char *second, char *hex)
{
	struct change c;

	read_two(first, second, &c);
	memcpy(hex, c.hash, sizeof(c.hash));
	change_free(&c);
}

/* Names, bytes and order make it; the folder does not. */
static void test_hash(void **state)
{
	char a[HASH_HEX_LEN + 1], b[HASH_HEX_LEN + 1];

	(void)state;
	put(OWN "1.patch", "", "x.c");
	put(OWN "2.patch", "", "y.c");
	put(STRANGE "1.patch", "", "x.c");
	hash_of(OWN "1.patch", OWN "2.patch", a);
	hash_of(STRANGE "1.patch", OWN "2.patch", b);
	assert_string_equal(a, b);
	hash_of(OWN "2.patch", OWN "1.patch", b);
	assert_string_not_equal(a, b);
	put(OWN "2.patch", "A word.", "y.c");
	hash_of(OWN "1.patch", OWN "2.patch", b);
	assert_string_not_equal(a, b);
	put(OWN "3.patch", "A word.", "y.c");
	hash_of(OWN "1.patch", OWN "3.patch", a);
	assert_string_not_equal(a, b);
}

static void test_none_and_unusable(void **state)
{
	_cleanup_strv_ struct strv items = { 0 };
	_cleanup_free_ char *path = strf("%s/" OWN "words.patch", root);
	struct change c;

	(void)state;
	assert_int_equal(change_read("PATCH", &items, &c), 0);
	assert_int_equal(c.patches.n, 0);
	assert_int_equal(c.side.vendor, VENDOR_ANY);
	change_free(&c);
	assert_int_equal(file_write(path, "Words.\n", 7, 0644), 0);
	strv_add(&items, OWN "words.patch");
	assert_int_equal(change_read("GUEST_PATCH", &items, &c), -OUT_UNUSABLE);
	assert_true(str_starts(fail_text(), "GUEST_PATCH=" OWN "words.patch: it is text"));
	change_free(&c);
}

static int make_root(void **state)
{
	(void)state;
	return mkdtemp(root) ? setenv("NESTLAB_ROOT", root, 1) : -1;
}

static int remove_root(void **state)
{
	(void)state;
	return rm_rf(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lane),
		cmocka_unit_test(test_a_strangers_lane),
		cmocka_unit_test(test_side),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_none_and_unusable),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
