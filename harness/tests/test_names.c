// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names in diffs, and which files of a source tree they mean. One change in all the shapes in which
 * people make it must become one and the same text for git.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants these before it */
#include <cmocka.h>
#undef fail /* core/outcome.h's is meant */

#include <unistd.h>

#include "core/outcome.h"
#include "kernel/names.h"

#define die(...) (print_error(__VA_ARGS__), print_error("\n"), _fail(__FILE__, __LINE__))

static char tree[] = "/tmp/nestlab-test-names-XXXXXX";

static const char *const files[] = {
	"Makefile",
	"Kconfig",
	"arch/x86/Makefile",
	"arch/x86/kernel/cpuid.c",
	"arch/x86/lib/delay.c",
	"arch/x86/kvm/Makefile",
	"arch/x86/kvm/cpuid.c",
	"arch/x86/kvm/svm/svm.c",
	"arch/x86/kvm/svm/nested.c",
	"arch/x86/kvm/vmx/vmx.c",
	"arch/x86/kvm/vmx/nested.c",
	"include/linux/kernel.h",
	"tools/include/linux/list.h",
	"virt/kvm/kvm_main.c",
	"drivers/a/common.c",
	"drivers/b/common.c",
};

#define KVM "arch/x86/kvm/"
#define HUNK "@@ -1 +1 @@\n-a\n+b\n"
#define BOTH(old, new) "--- " old "\n+++ " new "\n" HUNK
#define MAKES "@@ -0,0 +1 @@\n+b\n"
#define GIT(old, new) "diff --git " old " " new "\nindex 37d8057..225dc66 100644\n" BOTH(old, new)
#define CPUID BOTH("a/" KVM "cpuid.c", "b/" KVM "cpuid.c")
#define GIT_CPUID GIT("a/" KVM "cpuid.c", "b/" KVM "cpuid.c")

static int resolve(const char *text, struct patch *out, struct strv *notes)
{
	struct strv made = { 0 };
	struct patch p;
	int ret = patch_parse("/some/x.diff", text, strlen(text), &p);

	*out = (struct patch){ 0 };
	strv_add(&made, KVM "info/info.c");
	if (!ret)
		ret = names_resolve(&p, tree, &made, out, notes);
	patch_free(&p);
	strv_free(&made);
	return ret;
}

/* in: a diff; out: what git gets; note: what is told of it, or NULL. */
static const struct {
	const char *in, *out, *note;
} shapes[] = {
	{ CPUID, CPUID, NULL },
	{ GIT_CPUID, GIT_CPUID, NULL },
	/* made at the top, without a/ and b/ */
	{ GIT(KVM "cpuid.c", KVM "cpuid.c"), GIT_CPUID, "x.diff: strip level 0: " KVM "cpuid.c" },
	{ BOTH(KVM "cpuid.c.orig", KVM "cpuid.c"), CPUID, "x.diff: strip level 0: " KVM "cpuid.c" },
	{ BOTH("./" KVM "cpuid.c", "./" KVM "cpuid.c"), CPUID,
	  "x.diff: ./" KVM "cpuid.c taken as " KVM "cpuid.c" },
	/* between two trees */
	{ BOTH("linux.orig/" KVM "cpuid.c", "linux/" KVM "cpuid.c"), CPUID, NULL },
	{ BOTH("../../../linux-6.12.orig/" KVM "cpuid.c", "linux-6.12.mine/" KVM "cpuid.c"), CPUID,
	  "x.diff: ../../../linux-6.12.orig/" KVM "cpuid.c taken as " KVM "cpuid.c" },
	{ BOTH("/usr/src/linux/" KVM "cpuid.c\t2024-11-21 03:00:00 +0000",
	       "/home/me/linux/" KVM "cpuid.c\t2024-11-21 03:00:00 +0000"),
	  BOTH("a/" KVM "cpuid.c\t2024-11-21 03:00:00 +0000",
	       "b/" KVM "cpuid.c\t2024-11-21 03:00:00 +0000"),
	  "x.diff: /home/me/linux/" KVM "cpuid.c taken as " KVM "cpuid.c" },
	{ GIT("a/../orig/" KVM "cpuid.c", "b/../mine/" KVM "cpuid.c"), GIT_CPUID,
	  "x.diff: b/../mine/" KVM "cpuid.c taken as " KVM "cpuid.c" },
	/* made in a folder */
	{ GIT("a/cpuid.c", "b/cpuid.c"), GIT_CPUID, "x.diff: cpuid.c taken as " KVM "cpuid.c" },
	{ BOTH("cpuid.c.orig", "cpuid.c"), CPUID, "x.diff: cpuid.c taken as " KVM "cpuid.c" },
	{ BOTH("cpuid.c", "cpuid.c.mine"), CPUID, "x.diff: cpuid.c taken as " KVM "cpuid.c" },
	{ BOTH("kvm.orig/cpuid.c", "kvm/cpuid.c"), CPUID,
	  "x.diff: kvm/cpuid.c taken as " KVM "cpuid.c" },
	{ BOTH("a/svm/svm.c", "b/svm/svm.c"), BOTH("a/" KVM "svm/svm.c", "b/" KVM "svm/svm.c"),
	  "x.diff: svm/svm.c taken as " KVM "svm/svm.c" },
	{ BOTH("a/kvm_main.c", "b/kvm_main.c"),
	  BOTH("a/virt/kvm/kvm_main.c", "b/virt/kvm/kvm_main.c"),
	  "x.diff: kvm_main.c taken as virt/kvm/kvm_main.c" },
	/* one place for all: not the Makefile at the top, and svm's nested.c */
	{ BOTH("a/Makefile", "b/Makefile") BOTH("a/cpuid.c", "b/cpuid.c"),
	  BOTH("a/" KVM "Makefile", "b/" KVM "Makefile") CPUID,
	  "x.diff: Makefile taken as " KVM "Makefile, and 1 other names likewise" },
	{ BOTH("a/nested.c", "b/nested.c") BOTH("a/svm.c", "b/svm.c"),
	  BOTH("a/" KVM "svm/nested.c", "b/" KVM "svm/nested.c")
		  BOTH("a/" KVM "svm/svm.c", "b/" KVM "svm/svm.c"),
	  "x.diff: nested.c taken as " KVM "svm/nested.c, and 1 other names likewise" },
	{ BOTH("a/kvm/cpuid.c", "b/kvm/cpuid.c") BOTH("a/lib/delay.c", "b/lib/delay.c"),
	  CPUID BOTH("a/arch/x86/lib/delay.c", "b/arch/x86/lib/delay.c"),
	  "x.diff: kvm/cpuid.c taken as " KVM "cpuid.c, and 1 other names likewise" },
	{ BOTH("a/Makefile", "b/Makefile"), BOTH("a/Makefile", "b/Makefile"), NULL },
	/* a name of the tree means itself, also where it has no such file: no guessing then */
	{ BOTH("a/" KVM "vmx.c", "b/" KVM "vmx.c"), BOTH("a/" KVM "vmx.c", "b/" KVM "vmx.c"), NULL },
	{ BOTH("a/tools/include/linux/kernel.h", "b/tools/include/linux/kernel.h"),
	  BOTH("a/tools/include/linux/kernel.h", "b/tools/include/linux/kernel.h"), NULL },
	{ BOTH("tools/include/linux/list.h", "tools/include/linux/list.h"),
	  BOTH("a/tools/include/linux/list.h", "b/tools/include/linux/list.h"),
	  "x.diff: strip level 0: tools/include/linux/list.h" },
	/* files that come and go */
	{ "--- /dev/null\n+++ b/" KVM "new.c\n" MAKES, "--- /dev/null\n+++ b/" KVM "new.c\n" MAKES,
	  NULL },
	{ BOTH("a/cpuid.c", "b/cpuid.c") "--- /dev/null\n+++ b/info.h\n" MAKES,
	  CPUID "--- /dev/null\n+++ b/" KVM "info.h\n" MAKES,
	  "x.diff: cpuid.c taken as " KVM "cpuid.c, and 1 other names likewise" },
	{ "--- linux.orig/" KVM "new.c\t1970-01-01 01:00:00 +0100\n+++ linux/" KVM
	  "new.c\t2024-11-21 03:00:00 +0000\n" MAKES,
	  "--- /dev/null\t1970-01-01 01:00:00 +0100\n+++ b/" KVM
	  "new.c\t2024-11-21 03:00:00 +0000\n" MAKES,
	  NULL },
	{ "--- /dev/null\n+++ ../../mine/" KVM "new/new.c\n" MAKES,
	  "--- /dev/null\n+++ b/" KVM "new/new.c\n" MAKES,
	  "x.diff: ../../mine/" KVM "new/new.c taken as " KVM "new/new.c" },
	{ "--- a/cpuid.c\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n",
	  "--- a/" KVM "cpuid.c\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n",
	  "x.diff: cpuid.c taken as " KVM "cpuid.c" },
	{ "diff --git a/cpuid.c b/leaf.c\nsimilarity index 90%\nrename from cpuid.c\nrename to "
	  "leaf.c\n" BOTH("a/cpuid.c", "b/leaf.c"),
	  "diff --git a/" KVM "cpuid.c b/" KVM "leaf.c\nsimilarity index 90%\nrename from " KVM
	  "cpuid.c\nrename to " KVM "leaf.c\n" BOTH("a/" KVM "cpuid.c", "b/" KVM "leaf.c"),
	  "x.diff: cpuid.c taken as " KVM "leaf.c" },
	{ "diff --git " KVM "cpuid.c " KVM "cpuid.c\nold mode 100644\nnew mode 100755\n",
	  "diff --git a/" KVM "cpuid.c b/" KVM "cpuid.c\nold mode 100644\nnew mode 100755\n",
	  "x.diff: strip level 0: " KVM "cpuid.c" },
	/* of an earlier patch */
	{ BOTH("a/info/info.c", "b/info/info.c"),
	  BOTH("a/" KVM "info/info.c", "b/" KVM "info/info.c"),
	  "x.diff: info/info.c taken as " KVM "info/info.c" },
	/* what a hunk has in it is no name */
	{ "--- a/cpuid.c\n+++ b/cpuid.c\n@@ -1 +1 @@\n--- a/cpuid.c\n+++ b/cpuid.c\n",
	  "--- a/" KVM "cpuid.c\n+++ b/" KVM "cpuid.c\n@@ -1 +1 @@\n--- a/cpuid.c\n+++ b/cpuid.c\n",
	  "x.diff: cpuid.c taken as " KVM "cpuid.c" },
};

static void test_shapes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		_cleanup_strv_ struct strv notes = { 0 };
		struct patch out;

		if (resolve(shapes[i].in, &out, &notes))
			die("%s%s", shapes[i].in, fail_text());
		if (strcmp(buf_str(&out.text), shapes[i].out))
			die("%sbecame\n%s", shapes[i].in, buf_str(&out.text));
		if (strcmp(notes.n ? notes.v[0] : "", shapes[i].note ? shapes[i].note : ""))
			die("%stold as: %s", shapes[i].in, notes.n ? notes.v[0] : "nothing");
		patch_free(&out);
	}
}

static const struct {
	const char *text;
	enum outcome outcome;
	const char *why;
} refused[] = {
	{ BOTH("a/nested.c", "b/nested.c"), OUT_UNUSABLE,
	  "may be each of " KVM "svm/nested.c, " KVM "vmx/nested.c; make the diff at the top" },
	{ BOTH("a/common.c", "b/common.c"), OUT_UNUSABLE, "drivers/a/common.c, drivers/b/common.c" },
	{ "--- /dev/null\n+++ b/../../etc/passwd\n" MAKES, OUT_BUILD_ERROR,
	  "/some/x.diff:1: a file name that leads out of the source tree" },
	{ "--- /dev/null\n+++ /etc/passwd\n" MAKES, OUT_BUILD_ERROR, "leads out" },
	{ BOTH("/etc/passwd", "/etc/passwd"), OUT_BUILD_ERROR, "no end of it is in there: /etc/" },
	{ "diff --git a/x b/y\nrename from " KVM "cpuid.c\nrename to ../../tmp/obj/x\n",
	  OUT_BUILD_ERROR, "leads out" },
};

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		_cleanup_strv_ struct strv notes = { 0 };
		struct patch out;

		if (resolve(refused[i].text, &out, &notes) != -(int)refused[i].outcome)
			die("%sended otherwise: %s", refused[i].text, fail_text());
		if (!strstr(fail_text(), refused[i].why))
			die("'%s' is not in: %s", refused[i].why, fail_text());
		patch_free(&out);
	}
}

/* A link in the tree leads nowhere: its end is no file of the tree. */
static void test_links(void **state)
{
	_cleanup_strv_ struct strv notes = { 0 };
	_cleanup_free_ char *link = strf("%s/" KVM "link.c", tree);
	struct patch out;

	(void)state;
	assert_int_equal(symlink("/etc/passwd", link), 0);
	assert_int_equal(resolve(BOTH("../link.c", "../link.c"), &out, &notes), -OUT_BUILD_ERROR);
	patch_free(&out);
}

/* What git would get, as our own reader reads it: nothing outside of the tree, whatever came in. */
static void assert_inside(const struct patch *out)
{
	for (size_t i = 0; i < out->n_files; i++) {
		const char *paths[] = { out->files[i].old_path, out->files[i].new_path };

		for (size_t j = 0; j < ARRAY_SIZE(paths); j++)
			if (paths[j] && patch_bad_path(paths[j]))
				die("%s came through", paths[j]);
	}
}

static size_t try_damaged(const char *whole)
{
	static const char bytes[] = "/.ab-+@ \t\n\"\\0:,";
	_cleanup_free_ char *text = xstrdup(whole);
	_cleanup_strv_ struct strv notes = { 0 };
	size_t len = strlen(text);
	struct patch out;
	int ret;

	for (int n = 1 + rand() % 4; n; n--)
		text[(size_t)rand() % len] = bytes[(size_t)rand() % (sizeof(bytes) - 1)];
	ret = resolve(text, &out, &notes);
	if (!ret)
		assert_inside(&out);
	patch_free(&out);
	return !ret;
}

static void test_damaged(void **state)
{
	size_t taken = 0, tries = 0;

	(void)state;
	srand(1);
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
		for (int n = 0; n < 200; n++, tries++)
			taken += try_damaged(shapes[i].in);
	assert_in_range(taken, tries / 20, tries - tries / 20);
}

static int make_tree(void **state)
{
	(void)state;
	if (!mkdtemp(tree))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *path = strf("%s/%s", tree, files[i]), *dir = xstrdup(path);

		*strrchr(dir, '/') = '\0';
		if (mkdir_p(dir) || file_write(path, "a\n", 2, 0644))
			return -1;
	}
	return 0;
}

static int remove_tree(void **state)
{
	(void)state;
	return rm_rf(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
