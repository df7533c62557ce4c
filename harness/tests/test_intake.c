// SPDX-License-Identifier: GPL-2.0-only
/*
 * The same change in the shapes that people hand in must become the same patch; what is no change
 * must be told as what it is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants these before it */
#include <cmocka.h>
#undef fail /* core/outcome.h's is meant */

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/outcome.h"
#include "grade/alike.h"
#include "intake/intake.h"
#include "intake/internal.h"
#include "intake/lines.h"
#include "intake/merge.h"
#include "intake/numbers.h"
#include "intake/own.h"
#include "intake/rules.h"
#include "intake/shapes.h"
#include "judge/wrong.h"

#define KVM "arch/x86/kvm/"
#define HEAD "#include <linux/kvm_host.h>\n\nint cpuid_first(void)\n{\n\treturn 1;\n}\n\n"
#define CASE "int kvm_emulate_cpuid(void)\n{\n"
#define TAIL "\treturn 0;\n}\n\nint cpuid_last(void)\n{\n\treturn 9;\n}\n"
#define OWN "\tif (eax == 0x4fffffff)\n\t\treturn total_exits;\n"
#define OWN_ADDED "+\tif (eax == 0x4fffffff)\n+\t\treturn total_exits;\n"
#define BASE_TEXT HEAD CASE TAIL
#define CHANGED HEAD CASE OWN TAIL
#define DIFF(old, new) "--- " old "\n+++ " new "\n@@ -7,6 +7,8 @@\n \n int kvm_emulate_cpuid(void)\n {\n" \
	"+\tif (eax == 0x4fffffff)\n+\t\treturn total_exits;\n \treturn 0;\n }\n \n"

#define BASE64_LINE "LS0tIGEvYXJjaC94ODYva3ZtL2NwdWlkLmMKKysrIGIvYXJjaC94ODYva3ZtL2NwdWlk\n"

static char top[] = "/tmp/nestlab-test-intake-XXXXXX";
static char *tree, *given, *scratch;
static struct base base = { .name = (char *)"6.12" };
static char *seed_list[] = { (char *)"0x4ffffff", (char *)"548", (char *)"vcpu_info", NULL };
static const struct strv seeds = { seed_list, 3 };
static struct bases bases = { .v = &base, .n = 1 };
static const struct intake_how how = { .bases = &bases, .seeds = &seeds };

static void put(const char *dir, const char *name, const char *text)
{
	_cleanup_free_ char *path = strf("%s/%s", dir, name), *folder = xstrdup(path);

	*strrchr(folder, '/') = '\0';
	assert_int_equal(mkdir_p(folder), 0);
	assert_int_equal(file_write(path, text, strlen(text), 0644), 0);
}

static int make_tree(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(top));
	tree = strf("%s/linux", top);
	given = strf("%s/given", top);
	scratch = strf("%s/scratch", top);
	put(tree, KVM "cpuid.c", BASE_TEXT);
	put(tree, KVM "vmx/vmx.c", "int vmx_init(void)\n{\n\treturn 0;\n}\n");
	put(tree, "arch/x86/kernel/cpuid.c", "static int cpuid_open(void)\n{\n\treturn 3;\n}\n");
	base.dir = tree;
	setenv("NESTLAB_CACHE", top, 1);
	return 0;
}

static int remove_tree(void **state)
{
	(void)state;
	rm_rf(top);
	free(tree);
	free(given);
	free(scratch);
	return 0;
}

static int begin(void **state)
{
	(void)state;
	return rm_rf(given) || rm_rf(scratch) || mkdir_p(given) || mkdir_p(scratch);
}

static void expect(enum intake_outcome o, struct intake *in)
{
	assert_int_equal(intake_take(given, &how, scratch, in), 0);
	if (in->outcome != o)
		print_error("%s: %s\n", intake_name(in->outcome), in->why ? in->why : "");
	assert_int_equal(in->outcome, o);
}

/* The patch is the change and nothing else. */
static void expect_change(bool exact)
{
	struct intake in;

	expect(INTAKE_TAKEN, &in);
	assert_ptr_equal(in.base, &base);
	assert_int_equal(in.exact, exact);
	assert_string_equal(buf_str(&in.patch), DIFF("a/" KVM "cpuid.c", "b/" KVM "cpuid.c"));
	intake_free(&in);
}

static void expect_no_change(enum intake_outcome o)
{
	struct intake in;

	expect(o, &in);
	assert_non_null(in.why);
	intake_free(&in);
}

static void test_names(void **state)
{
	static const char *const names[] = {
		"cpuid.c", "cpuid (1).c", "cpuid.c.txt", "ann_4711_cpuid.c", "work/deep/" KVM "cpuid.c",
		"Copy of cpuid.c", "linux-6.12/" KVM "cpuid.c", "CPUID.C", "Cpuid.c",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		begin(state);
		put(given, names[i], CHANGED);
		expect_change(true);
	}
}

static void test_line_ends_and_white_space(void **state)
{
	(void)state;
	put(given, "cpuid.c", "#include <linux/kvm_host.h>\r\n\r\nint cpuid_first(void)\r\n{\r\n    return 1;\r\n}\r\n\r\n"
	    "int kvm_emulate_cpuid(void)\r\n{\r\n\tif (eax == 0x4fffffff)\r\n\t\treturn total_exits;\r\n"
	    "    return 0;\r\n}\r\n\r\nint cpuid_last(void)\r\n{\r\n    return 9;\r\n}");
	expect_change(true);
}

static void test_copies_beside(void **state)
{
	(void)state;
	put(given, "cpuid.c", CHANGED);
	put(given, "original/cpuid.c", BASE_TEXT);
	put(given, "backup/cpuid.c", HEAD CASE "\tint unfinished;\n" TAIL);
	put(given, "readme.txt", "see cpuid.c\n");
	put(given, "#cpuid.c#", HEAD CASE OWN "\tint not_saved;\n" TAIL);
	put(given, "cpuid.c.save", HEAD CASE OWN "\tint saved_when_it_was_killed;\n" TAIL);
	expect_change(true);
}

static void test_two_versions(void **state)
{
	(void)state;
	put(given, "a/cpuid.c", CHANGED);
	put(given, "b/cpuid.c", HEAD CASE OWN "\tint more;\n" TAIL);
	expect_no_change(INTAKE_PERSON);
}

/* What is likely meant is taken, and fails nobody. */
static void test_likely_version(void **state)
{
	static char *leaf_list[] = { (char *)"0x4fffffff", NULL };
	static const struct strv leaves = { leaf_list, 1 };
	const struct intake_how with = { .bases = &bases, .seeds = &seeds, .leaves = &leaves };
	_cleanup_buf_ struct buf mine = { 0 }, other = { 0 };
	struct intake in;

	/* by its name: the other one has its text, and is called as a program that tries it */
	for (int i = 0; i < 120; i++)
		buf_printf(&mine, "int line_%d;\n", i);
	put(tree, KVM "x86.c", buf_str(&mine));
	buf_add(&other, buf_str(&mine), mine.len);
	buf_puts(&mine, "int mine = 0x4fffffff;\n");
	buf_puts(&other, "int other = 0x4fffffff;\n");
	put(given, "x86.c", buf_str(&mine));
	put(given, "test.c", buf_str(&other));
	expect(INTAKE_TAKEN, &in);
	assert_true(in.drift && !in.exact && strstr(buf_str(&in.patch), "+int mine"));
	intake_free(&in);
	/* by its folder: that one has all files */
	begin(state);
	put(given, "1/cpuid.c", CHANGED);
	put(given, "2/cpuid.c", HEAD CASE OWN "\tint more;\n" TAIL);
	put(given, "2/vmx.c", "int vmx_init(void)\n{\n\treturn total_exits;\n}\n");
	assert_int_equal(intake_take(given, &with, scratch, &in), 0);
	assert_int_equal(in.outcome, INTAKE_TAKEN);
	assert_true(in.drift && strstr(buf_str(&in.patch), "+\tint more;"));
	intake_free(&in);
}

static void test_diffs(void **state)
{
	static const char *const diffs[] = {
		DIFF("a/" KVM "cpuid.c", "b/" KVM "cpuid.c"), DIFF("../../linux-5.9/" KVM "cpuid.c", "../../new/" KVM "cpuid.c"),
		DIFF(KVM "cpuid.c", KVM "cpuid.c"),
	};

	for (size_t i = 0; i < ARRAY_SIZE(diffs); i++) {
		begin(state);
		put(given, "my change.txt", diffs[i]);
		expect_change(true);
	}
}

static void test_versions_of_a_diff(void **state)
{
	struct intake in;

	(void)state;
	put(given, "v1.patch", DIFF("a/" KVM "cpuid.c", "b/" KVM "cpuid.c"));
	put(given, "v2.patch", "--- a/" KVM "cpuid.c\n+++ b/" KVM "cpuid.c\n@@ -7,6 +7,7 @@\n \n int kvm_emulate_cpuid(void)\n {\n"
	    "-\treturn 0;\n+\tif (eax == 0x4fffffff)\n+\t\treturn exits;\n }\n \n int cpuid_last(void)\n");
	expect(INTAKE_PERSON, &in);
	assert_non_null(strstr(in.why, "several versions of the change: v1.patch and v2.patch each apply"));
	intake_free(&in);
}

static void test_diff_that_moved(void **state)
{
	(void)state;
	put(given, "x.diff", "--- a/" KVM "cpuid.c\n+++ b/" KVM "cpuid.c\n@@ -29,6 +29,8 @@\n \n int kvm_emulate_cpuid(void)\n {\n"
	    "+\tif (eax == 0x4fffffff)\n+\t\treturn total_exits;\n \treturn 0;\n }\n \n");
	expect_change(false);
}

static void test_no_change(void **state)
{
	(void)state;
	expect_no_change(INTAKE_EMPTY);
	put(given, "notes.txt", "I did it\n");
	expect_no_change(INTAKE_EMPTY);
	put(given, "cpuid.c", BASE_TEXT);
	expect_no_change(INTAKE_EMPTY);
}

static void test_other_age(void **state)
{
	(void)state;
	struct intake in;

	put(given, "x.diff", "--- a/" KVM "cpuid.c\n+++ b/" KVM "cpuid.c\n@@ -1,2 +1,3 @@\n int of_another_age;\n+int x;\n int too;\n");
	expect(INTAKE_PERSON, &in);
	assert_non_null(strstr(in.why, "another exercise's work? Besides, the diff applies to no base"));
	intake_free(&in);
	put(given, "x.diff", "--- a/" KVM "cpuid.c\n+++ b/" KVM "cpuid.c\n@@ -1,2 +1,3 @@\n int of_another_age;\n+/* 0x4fffffff */\n int too;\n");
	expect(INTAKE_PERSON, &in);
	assert_true(str_starts(in.why, "the diff applies to no base"));
	intake_free(&in);
}

/* A base's file, and the same as it was in an older kernel. */
static void write_two_ages(struct buf *there, struct buf *here)
{
	for (int i = 0; i < 300; i++) {
		buf_printf(there, "int line_%d;\n", i);
		buf_printf(here, "int line_%d;\n%s", i, i % 3 ? "" : "int older;\n");
	}
	for (int i = 0; i < 100; i++)
		buf_printf(there, "int newer_%d;\n", i);
}

/* Of another age, and nothing in it has to do with the assignment. */
static void test_other_work(void **state)
{
	_cleanup_buf_ struct buf there = { 0 }, here = { 0 };
	struct intake in;

	(void)state;
	write_two_ages(&there, &here);
	put(tree, KVM "x86.c", buf_str(&there));
	put(given, "x86.c", buf_str(&here));
	expect(INTAKE_PERSON, &in);
	assert_non_null(strstr(in.why, "is it another exercise's work? Base 6.12"));
	intake_free(&in);
	put(given, "x86.diff", "--- a/" KVM "x86.c\n+++ b/" KVM "x86.c\n@@ -1,2 +1,3 @@\n int of_another;\n+int age;\n int yet;\n");
	expect(INTAKE_PERSON, &in);
	assert_non_null(strstr(in.why, "is it another exercise's work?"));
	intake_free(&in);
	assert_int_equal(rm_rf(given) || mkdir_p(given), 0);
	put(given, "x86.c", buf_str(&here));
	put(given, "1/own.diff", "--- /dev/null\n+++ b/mine/mine.c\n@@ -0,0 +1 @@\n+int mine;\n");
	expect(INTAKE_PERSON, &in);
	assert_true(in.other_work);
	intake_free(&in);
	/* that diff is another exercise's, and the whole file has this one's, cut short */
	put(given, "x86.c", "/* 0x4fffffff */\nint line_0;\nint line_1;\nint line_2;\nint line_3;\nint line_4;\n");
	expect(INTAKE_INCOMPLETE, &in);
	assert_non_null(strstr(in.why, "1/own.diff has nothing of the assignment, and the whole files beside it can't be taken: its files lack"));
	intake_free(&in);
}

static void test_cut_short(void **state)
{
	(void)state;
	put(given, "x.diff", "--- a/" KVM "cpuid.c\n+++ b/" KVM "cpuid.c\n@@ -9,5 +9,7 @@\n int kvm_emulate_cpuid(void)\n");
	expect_no_change(INTAKE_INCOMPLETE);
	begin(state);
	put(given, "cpuid.c", CASE OWN);
	expect_no_change(INTAKE_INCOMPLETE);
}

static void test_half(void **state)
{
	(void)state;
	put(given, "cpuid.c", "extern int total_exits;\n" CHANGED);
	expect_no_change(INTAKE_HALF);
	put(given, "vmx.c", "int total_exits;\nint vmx_init(void)\n{\n\treturn 0;\n}\n");
	struct intake in;

	expect(INTAKE_TAKEN, &in);
	assert_non_null(strstr(buf_str(&in.patch), "+++ b/" KVM "vmx/vmx.c"));
	intake_free(&in);
}

/* Of another age, and nothing leads from the other file to what this one counts in. */
static void test_half_of_another_age(void **state)
{
	_cleanup_buf_ struct buf there = { 0 }, here = { 0 };
	struct intake in;

	(void)state;
	write_two_ages(&there, &here);
	buf_puts(&here, "extern u32 my_total;\n\nint count(void)\n{\n\tmy_total++;\n\treturn 0;\n}\n");
	put(tree, KVM "x86.c", buf_str(&there));
	put(given, "cpuid.c", "int total_exits;\n" CHANGED);
	put(given, "x86.c", buf_str(&here));
	expect(INTAKE_HALF, &in);
	assert_non_null(strstr(in.why, "x86.c uses my_total, and"));
	intake_free(&in);
}

/* The same change in other programs' words. */
static void test_other_diffs(void **state)
{
	static const char *const diffs[] = {
		/* diff -c */
		"*** a/" KVM "cpuid.c\tsome day\n--- b/" KVM "cpuid.c\tanother\n***************\n*** 7,12 ****\n"
		"--- 7,14 ----\n  \n  int kvm_emulate_cpuid(void)\n  {\n+ \tif (eax == 0x4fffffff)\n"
		"+ \t\treturn total_exits;\n  \treturn 0;\n  }\n  \n",
		/* from the new file to the old one */
		"--- b/" KVM "cpuid.c\n+++ a/" KVM "cpuid.c\n@@ -7,8 +7,6 @@\n \n int kvm_emulate_cpuid(void)\n {\n"
		"-\tif (eax == 0x4fffffff)\n-\t\treturn total_exits;\n \treturn 0;\n }\n \n",
		/* a mail, quoted-printable, with parts */
		"From: ann\nSubject: [PATCH] exits\nContent-Type: multipart/mixed;\n boundary=\"=_x\"\n\n--=_x\n"
		"Content-Type: text/html\n\n<b>see</b>\n--=_x\nContent-Type: text/plain\n"
		"Content-Transfer-Encoding: quoted-printable\n\n--- a/" KVM "cpuid.c\n+++ b/" KVM "cpuid.c\n@@ -7,6 +7,8 @@\n \n"
		" int kvm_emulate_cpuid(v=\noid)\n {\n+=09if (eax =3D=3D 0x4fffffff)\n+=09=09return total_exits;\n"
		"=20=09return 0;\n }\n=20\n\n--=_x--\n",
		"From: ann\nSubject: [PATCH] exits\nContent-Transfer-Encoding: base64\n\n"
		"LS0tIGEvYXJjaC94ODYva3ZtL2NwdWlkLmMKKysrIGIvYXJjaC94ODYva3ZtL2NwdWlkLmMKQEAgLTcsNiArNyw4IEBACiAK\n"
		"IGludCBrdm1fZW11bGF0ZV9jcHVpZCh2b2lkKQogeworCWlmIChlYXggPT0gMHg0ZmZmZmZmZikKKwkJcmV0dXJuIHRvdGFs\n"
		"X2V4aXRzOwogCXJldHVybiAwOwogfQogCg==\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(diffs); i++) {
		begin(state);
		put(given, "my change.txt", diffs[i]);
		expect_change(true);
	}
}

/* Tabs became blanks on the way: it is found, and not called exact. */
static void test_white_space_lost(void **state)
{
	struct intake in;

	(void)state;
	put(given, "x.diff", "--- a/" KVM "cpuid.c\n+++ b/" KVM "cpuid.c\n@@ -7,6 +7,8 @@\n \n int kvm_emulate_cpuid(void)\n {\n"
	    "+        if (eax == 0x4fffffff)\n+                return total_exits;\n         return 0;\n }\n \n");
	expect(INTAKE_TAKEN, &in);
	assert_false(in.exact);
	assert_non_null(strstr(buf_str(&in.patch), "\n \treturn 0;\n"));
	intake_free(&in);
}

/* `diff` without any option; where it does not say which file it is of, its own name does. */
static void test_plain_diff(void **state)
{
	static const struct {
		const char *name, *text;
	} diffs[] = {
		{ "my.diff", "diff -r linux/" KVM "cpuid.c mine/" KVM "cpuid.c\n9a10,11\n> \tif (eax == 0x4fffffff)\n> \t\treturn total_exits;\n"
			     "Only in mine: .config\n" },
		{ KVM "cpuid.c.diff.txt", "9a10,11\n> \tif (eax == 0x4fffffff)\n> \t\treturn total_exits;\n" },
		{ KVM "cpuid.c.diff", "10c10,12\n< \treturn 0;\n---\n> \tif (eax == 0x4fffffff)\n> \t\treturn total_exits;\n> \treturn 0;\n" },
	};
	struct intake in;

	for (size_t i = 0; i < ARRAY_SIZE(diffs); i++) {
		begin(state);
		put(given, diffs[i].name, diffs[i].text);
		expect(INTAKE_TAKEN, &in);
		assert_false(in.exact);
		assert_non_null(strstr(buf_str(&in.patch), " {\n" OWN_ADDED " \treturn 0;\n"));
		intake_free(&in);
	}
	begin(state);
	put(given, "cpuid.c.diff", "9a10,11\n> \tif (eax == 0x4fffffff)\n");
	expect(INTAKE_PERSON, &in);
	assert_non_null(strstr(in.why, "a diff in it that can't be read"));
	intake_free(&in);
}

/* A diff that is called as the file that it changes was taken for that file, cut short. */
static void test_diff_called_as_a_source(void **state)
{
	static const char *const names[] = { "cpuid.c.diff", "cpuid.c.patch", "vmx.c.diff.txt", "cpuid.c" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		begin(state);
		put(given, names[i], DIFF("a/" KVM "cpuid.c", "b/" KVM "cpuid.c"));
		expect_change(true);
	}
}

static void test_context_diff_that_is_damaged(void **state)
{
	(void)state;
	put(given, "x.txt", "*** a/cpuid.c\n--- b/cpuid.c\n***************\n*** 1,2 ****\n  a\n- b\n+++ c\n");
	expect_no_change(INTAKE_PERSON);
}

/* What other systems leave beside the work, and how their editors write it. */
static void test_other_systems(void **state)
{
	_cleanup_buf_ struct buf wide = { 0 };
	_cleanup_free_ char *path = strf("%s/cpuid.c", given);

	(void)state;
	buf_add(&wide, "\377\376", 2);
	for (const char *at = CHANGED; *at; at++)
		buf_add(&wide, (char[]){ *at, '\0' }, 2);
	assert_int_equal(file_write(path, buf_str(&wide), wide.len, 0644), 0);
	put(given, "__MACOSX/._cpuid.c", "\1\2");
	put(given, ".DS_Store", "\1\2");
	put(given, "cpuid.c.orig", BASE_TEXT);
	put(given, "cpuid.c~", HEAD CASE "\tint unfinished;\n" TAIL);
	put(given, "cpuid.c.rej", DIFF("cpuid.c", "cpuid.c"));
	put(given, "L\303\266sung 2/notes.txt", "\303\266\n");
	expect_change(true);
}

/* A file of her own, in a folder that the tree has; and one in a folder of nobody's. */
static void test_new_file(void **state)
{
	struct intake in;

	(void)state;
	put(given, "linux/" KVM "vcpu_info.c", "int kvm_vcpu_info(void)\n{\n\treturn 0;\n}\n");
	put(given, "linux/" KVM "cpuid.c", CHANGED);
	put(given, "notes/vcpu_info.c", "int main(void)\n{\n\treturn vcpu_info();\n}\n");
	expect(INTAKE_TAKEN, &in);
	assert_non_null(strstr(buf_str(&in.patch), "--- /dev/null\n+++ b/" KVM "vcpu_info.c\n@@ -0,0 +1,4 @@\n"));
	assert_null(strstr(buf_str(&in.patch), "notes"));
	intake_free(&in);
}

/* ---- what people's programs make of a diff ---- */

static void put_diff_lines(const char *begin_of_each)
{
	_cleanup_buf_ struct buf b = { 0 };
	_cleanup_strv_ struct strv lines = { 0 };

	buf_puts(&b, "Here it is:\n\n");
	strv_split(&lines, DIFF("a/" KVM "cpuid.c", "b/" KVM "cpuid.c"), "\n");
	for (size_t i = 0; i < lines.n; i++)
		buf_printf(&b, "%s%s\n", begin_of_each, lines.v[i]);
	put(given, "mail.txt", buf_str(&b));
}

static void test_margins(void **state)
{
	static const char *const begins[] = { "> ", "    ", "\t", "| " };

	for (size_t i = 0; i < ARRAY_SIZE(begins); i++) {
		begin(state);
		put_diff_lines(begins[i]);
		expect_change(true);
	}
}

static void test_lines_cut_in_two(void **state)
{
	(void)state;
	put(given, "x.eml", "--- a/" KVM "cpuid.c\n+++ b/" KVM "cpuid.c\n@@ -7,6 +7,8 @@\n \n int\nkvm_emulate_cpuid(void)\n {\n"
	    "+\tif (eax ==\n0x4fffffff)\n+\t\treturn total_exits;\n \treturn 0;\n }\n \n");
	expect_change(true);
}

/* Nothing around the place: it may stand elsewhere in another base, so only a pass counts. */
static void test_no_context(void **state)
{
	struct intake in;

	(void)state;
	put(given, "x.diff", "--- a/" KVM "cpuid.c\n+++ b/" KVM "cpuid.c\n@@ -9,0 +10,2 @@ int kvm_emulate_cpuid(void)\n"
	    "+\tif (eax == 0x4fffffff)\n+\t\treturn total_exits;\n");
	expect(INTAKE_TAKEN, &in);
	assert_true(in.drift);
	assert_false(in.exact);
	assert_non_null(strstr(buf_str(&in.patch), OWN_ADDED));
	intake_free(&in);
}

/* A .config in the source's folder ended the build: a zero for what git put into the diff. */
static void test_what_is_not_built(void **state)
{
	(void)state;
	put(given, "x.diff", DIFF("a/" KVM "cpuid.c", "b/" KVM "cpuid.c")
	    "diff --git a/.config b/.config\nnew file mode 100644\n--- /dev/null\n+++ b/.config\n@@ -0,0 +1 @@\n+CONFIG_KVM=m\n"
	    "diff --git a/README b/README\n--- a/README\n+++ b/README\n@@ -1 +1 @@\n-of another\n+of mine\n"
	    "diff --git a/a.out b/a.out\nnew file mode 100755\nindex 0000000..1111111\nBinary files /dev/null and b/a.out differ\n"
	    "diff --git a/my test/run b/my test/run\nnew file mode 100755\n--- /dev/null\n+++ b/my test/run\n@@ -0,0 +1 @@\n+#!/bin/sh\n");
	expect_change(true);
	begin(state);
	put(given, "x.diff", "diff --git a/README b/README\n--- a/README\n+++ b/README\n@@ -1 +1 @@\n-vmx.c\n+0x4fffffff\n");
	expect_no_change(INTAKE_PERSON);
}

/* One file whole and the other as a diff: without either nothing counts, or nothing answers. */
static void test_whole_file_and_diff(void **state)
{
	struct intake in;

	(void)state;
	put(given, "cpuid.diff", "--- a/" KVM "cpuid.c\n+++ b/" KVM "cpuid.c\n@@ -1,4 +1,5 @@\n #include <linux/kvm_host.h>\n"
	    "+int total_exits; /* 0x4fffffff */\n \n int cpuid_first(void)\n {\n");
	put(given, "vmx.c", "extern int total_exits;\n\nint vmx_init(void)\n{\n\ttotal_exits++;\n\treturn 0;\n}\n");
	expect(INTAKE_TAKEN, &in);
	assert_true(in.exact);
	assert_non_null(strstr(buf_str(&in.patch), "+\ttotal_exits++;\n"));
	assert_non_null(strstr(buf_str(&in.patch), "+int total_exits; /*"));
	intake_free(&in);
}

/* An older diff beside the files: which one is meant? */
static void test_diff_of_another_version(void **state)
{
	struct intake in;

	(void)state;
	put(given, "x.diff", DIFF("a/" KVM "cpuid.c", "b/" KVM "cpuid.c"));
	put(given, "cpuid.c", CHANGED);
	expect_change(true);
	put(given, "cpuid.c", HEAD CASE OWN "\tmore();\n" TAIL);
	expect(INTAKE_TAKEN, &in);
	assert_true(in.drift);
	assert_false(in.exact);
	intake_free(&in);
}

/* The number is in a file that was handed in whole: the diff has its name alone. */
static void test_number_in_the_file_beside(void **state)
{
	struct intake in;

	(void)state;
	put(given, KVM "vmx/vmx.c",
	    "#define LEAF_OF_MINE 0x4fffffff\nint vmx_init(void)\n{\n\treturn 0;\n}\n");
	put(given, "x.diff", "--- a/" KVM "cpuid.c\n+++ b/" KVM "cpuid.c\n@@ -7,6 +7,8 @@\n \n int kvm_emulate_cpuid(void)\n {\n"
	    "+\tif (eax == LEAF_OF_MINE)\n+\t\treturn total_exits;\n \treturn 0;\n }\n \n");
	expect(INTAKE_TAKEN, &in);
	assert_non_null(strstr(buf_str(&in.patch), "+#define LEAF_OF_MINE"));
	assert_non_null(strstr(buf_str(&in.patch), "+\tif (eax == LEAF_OF_MINE)"));
	intake_free(&in);
	/* Of another exercise, with none of its names. */
	put(given, "x.diff", "--- a/" KVM "cpuid.c\n+++ b/" KVM "cpuid.c\n@@ -7,6 +7,7 @@\n \n int kvm_emulate_cpuid(void)\n {\n"
	    "+\tprintk(other_words);\n \treturn 0;\n }\n \n");
	expect(INTAKE_TAKEN, &in);
	assert_null(strstr(buf_str(&in.patch), "other_words"));
	intake_free(&in);
}

/* Both made from the base: a second assignment has all of the first, host and guest one number. */
static void test_said_twice(void **state)
{
	(void)state;
	put(given, "first.diff", "--- a/" KVM "cpuid.c\n+++ b/" KVM "cpuid.c\n@@ -7,6 +7,7 @@\n \n int kvm_emulate_cpuid(void)\n {\n"
	    "+\tif (eax == 0x4fffffff)\n \treturn 0;\n }\n \n");
	put(given, "second.diff", DIFF("a/" KVM "cpuid.c", "b/" KVM "cpuid.c"));
	expect_change(true);
	put(given, "third.diff", DIFF("a/" KVM "cpuid.c", "b/" KVM "cpuid.c"));
	expect_change(true);
}

/* The newest first, as `git log -p` tells them. */
static void test_log_of_commits(void **state)
{
	struct intake in;

	(void)state;
	put(given, "log.txt", "commit 2222222222222222222222222222222222222222\nAuthor: ann\n\n    more\n\n"
	    "diff --git a/" KVM "cpuid.c b/" KVM "cpuid.c\n--- a/" KVM "cpuid.c\n+++ b/" KVM "cpuid.c\n@@ -9,5 +9,6 @@ {\n"
	    " {\n \tif (eax == 0x4fffffff)\n \t\treturn total_exits;\n+\tmore();\n \treturn 0;\n }\n\n"
	    "commit 1111111111111111111111111111111111111111\nAuthor: ann\n\n    first\n\n"
	    "diff --git a/" KVM "cpuid.c b/" KVM "cpuid.c\n" DIFF("a/" KVM "cpuid.c", "b/" KVM "cpuid.c"));
	expect(INTAKE_TAKEN, &in);
	assert_non_null(strstr(buf_str(&in.patch), "+\tif (eax == 0x4fffffff)\n+\t\treturn total_exits;\n+\tmore();\n"));
	intake_free(&in);
}

#define MAKEFILE "obj-y = fork.o exec.o\nobj-y += panic.o\nobj-y += cpu.o\nobj-y += exit.o\n"

/* Files of her own: below the tree's top, or flat with the makefile that names the object. */
static void test_own_files(void **state)
{
	struct intake in;

	(void)state;
	put(tree, "Kbuild", "obj-y += init/\nobj-y += kernel/\nobj-y += arch/\n");
	put(tree, "kernel/Makefile", MAKEFILE);
	put(given, "w/" KVM "cpuid.c", CHANGED);
	put(given, "w/Kbuild", "obj-y += init/\nobj-y += kernel/\nobj-y += mine/\nobj-y += arch/\n");
	put(given, "w/mine/Makefile", "obj-y := mine.o\n");
	put(given, "w/mine/mine.c", "int vcpu_info;\n");
	put(given, "w/Makefile", "all:\n\tgcc -o test test.c\n");
	expect(INTAKE_TAKEN, &in);
	assert_true(in.exact);
	assert_non_null(strstr(buf_str(&in.patch), "+++ b/mine/mine.c\n"));
	assert_non_null(strstr(buf_str(&in.patch), "+++ b/mine/Makefile\n"));
	assert_non_null(strstr(buf_str(&in.patch), "+obj-y += mine/\n"));
	assert_null(strstr(buf_str(&in.patch), "test.c"));
	intake_free(&in);
	begin(state);
	put(given, "cpuid.c", CHANGED);
	put(given, "Makefile", MAKEFILE "obj-y += mine.o\n");
	put(given, "mine.c", "int vcpu_info;\n");
	expect(INTAKE_TAKEN, &in);
	assert_non_null(strstr(buf_str(&in.patch), "+++ b/kernel/mine.c\n"));
	intake_free(&in);
	/* Nothing says where it belongs: then a failure proves nothing. */
	begin(state);
	put(given, "cpuid.c", CHANGED);
	put(given, "mine.c", "int vcpu_info;\n");
	expect(INTAKE_TAKEN, &in);
	assert_true(in.drift);
	assert_false(in.exact);
	intake_free(&in);
}

/* Who has taken other numbers says so in the change itself. */
static void test_numbers(void **state)
{
	static const uint32_t map[] = { 0x4fffffff, 0x4fffffff }, none[] = { 0 };
	_cleanup_free_ char *conf = NULL, *told = NULL;
	struct numbers n;

	(void)state;
	numbers_find("+#define KVM_HC_VCPU_INFO\t\t9\n+332\tcommon\tvcpu_info\tsys_vcpu_info\n-#define KVM_HC_OLD 7\n"
		     " 548\t64\tother\tsys_other\n+++ b/x\n", &n);
	assert_int_equal(n.hypercall, 9);
	assert_int_equal(n.syscall, 332);
	assert_int_equal(n.told.n, 2);
	conf = numbers_put(&n, "[assignment]\ntitle = x\n[numbers]\nhypercall = 13\nsyscall=548\n", "vcpu-info");
	assert_string_equal(conf, "[assignment]\nvariant_of = vcpu-info\ntitle = x\n[numbers]\nhypercall = 9\nsyscall = 332\n");
	strv_free(&n.told);
	numbers_find("+#define KVM_HC_A 9\n+#define KVM_HC_B 10\n", &n);
	assert_int_equal(n.hypercall, 0);
	assert_null(numbers_elsewhere(&n, map, 2));
	strv_free(&n.told);
	/* The leaves of another map. */
	numbers_find("+\tif (eax == 0x4FFFFFFCu || eax == 1342177277)\n-\tcase 0x4fffffff:\n+++ b/0x4fffffff\n", &n);
	told = numbers_elsewhere(&n, map, 2);
	assert_string_equal(told, "it answers CPUID leaf 0x4ffffffc 0x4ffffffd, and not 0x4fffffff");
	assert_null(numbers_elsewhere(&n, none, 1));
	numbers_find("+\tcase 0x4ffffffc:\n+\tcase 0x4FFFFFFF:\n", &n);
	assert_null(numbers_elsewhere(&n, map, 2));
}

/* ---- archives ---- */

static void add_entry(struct archive *a, const char *name, unsigned int type, const char *text)
{
	struct archive_entry *e = archive_entry_new();

	archive_entry_set_pathname(e, name);
	archive_entry_set_filetype(e, type);
	archive_entry_set_perm(e, 0644);
	archive_entry_set_size(e, type == AE_IFREG ? (la_int64_t)strlen(text) : 0);
	if (type == AE_IFLNK)
		archive_entry_set_symlink(e, text);
	assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
	if (type == AE_IFREG)
		assert_true(archive_write_data(a, text, strlen(text)) == (la_ssize_t)strlen(text));
	archive_entry_free(e);
}

static void test_hostile_archive(void **state)
{
	_cleanup_free_ char *path = strf("%s/work.tar.gz", given), *out = strf("%s/escaped.c", top);
	struct archive *a = archive_write_new();

	(void)state;
	archive_write_add_filter_gzip(a);
	archive_write_set_format_pax_restricted(a);
	assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
	add_entry(a, "../escaped.c", AE_IFREG, "int x;\n");
	add_entry(a, "/tmp/nestlab-absolute.c", AE_IFREG, "int x;\n");
	add_entry(a, "vmx.c", AE_IFLNK, "/etc/passwd");
	add_entry(a, "w/cpuid.c", AE_IFREG, CHANGED);
	archive_write_free(a);
	expect_change(true);
	assert_false(path_exists(out));
	assert_false(path_exists("/tmp/nestlab-absolute.c"));
}

static void test_link_out(void **state)
{
	_cleanup_free_ char *link = strf("%s/cpuid.c", given), *secret = strf("%s/secret.c", top);

	(void)state;
	assert_int_equal(file_write(secret, CHANGED, strlen(CHANGED), 0644), 0);
	assert_int_equal(symlink(secret, link), 0);
	expect_no_change(INTAKE_PERSON);
}

#define LEVELS 30 /* of folders with names of 200 letters: more than a path may have */

static void go_deep(void)
{
	_cleanup_close_ int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[201];

	memset(name, 'd', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(chdir(given), 0);
	for (int i = 0; i < LEVELS; i++)
		assert_true(!mkdir(name, 0755) && !chdir(name));
	assert_int_equal(fchdir(here), 0);
}

/* What can't be read ended the class: it is passed over, and what lies beside it is taken. */
static void test_folders_too_deep(void **state)
{
	_cleanup_free_ char *clear = strf("rm -rf '%s'", given);
	struct intake in;

	(void)state;
	go_deep();
	put(given, "cpuid.c", CHANGED);
	expect_change(true);
	put(given, "cpuid.c", BASE_TEXT);
	expect(INTAKE_PERSON, &in);
	assert_non_null(strstr(in.why, "it can't be read"));
	intake_free(&in);
	assert_int_equal(system(clear), 0);
}

/* A module of her own, of the first assignment: no lab can judge it. */
static void test_a_new_module(void **state)
{
	struct intake in;

	(void)state;
	put(given, "x.diff", "--- /dev/null\n+++ b/mine/Makefile\n@@ -0,0 +1 @@\n+obj-m += mine.o\n--- /dev/null\n+++ b/mine/mine.c\n@@ -0,0 +1,2 @@\n"
	    "+#include <linux/module.h>\n+int init_module(void) { return 0; }\n");
	expect(INTAKE_PERSON, &in);
	assert_true(in.other_work && !in.patch.len);
	assert_non_null(strstr(in.why, "it changes nothing of KVM or the system calls: is it another exercise's work?"));
	intake_free(&in);
}

/* In a process of its own it says the same; what that one can't read, or dies of, is told. */
static void test_confined(void **state)
{
	_cleanup_free_ char *none = strf("%s/none", given);
	struct peers peers = { 0 };
	struct intake in;

	(void)state;
	put(given, "cpuid.c", CHANGED);
	put(given, "notes.txt", "nothing\n");
	assert_int_equal(intake_take_confined(given, &how, scratch, &in), 0);
	assert_int_equal(in.outcome, INTAKE_TAKEN);
	assert_true(in.base == &base && in.exact && !in.drift && !in.why && in.notes.n);
	assert_string_equal(buf_str(&in.patch), DIFF("a/" KVM "cpuid.c", "b/" KVM "cpuid.c"));
	intake_free(&in);
	assert_int_equal(intake_show_confined(given, &how, scratch, &peers), 0);
	assert_true(peers.n == 1 && !strcmp(peers.v[0].path, KVM "cpuid.c"));
	assert_string_equal(peers.v[0].text, CHANGED);
	peers_free(&peers);
	assert_int_equal(intake_take_confined(none, &how, scratch, &in), -OUT_USAGE);
	assert_non_null(strstr(fail_text(), "can't find the submission"));
	intake_free(&in);
}

#define BLANK_LINES 2000000
#define CPU_S 20 /* and a look at all that follows, at each line, takes hours */

static void test_large_texts_are_read_once(void **state)
{
	char *text = xcalloc(BLANK_LINES + 1, 1);
	clock_t begun = clock();

	(void)state;
	memset(text, '\n', BLANK_LINES);
	assert_false(shape_is_normal(text));
	assert_false(shape_is_encoded(text));
	assert_true(clock() - begun < CPU_S * CLOCKS_PER_SEC);
	free(text);
}

/* An archive of nothing is no proof that there is nothing. */
static void test_archive_of_nothing(void **state)
{
	_cleanup_free_ char *path = strf("%s/cpuid.tar.gz", given);
	struct archive *a = archive_write_new();

	(void)state;
	archive_write_add_filter_gzip(a);
	archive_write_set_format_ustar(a);
	assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
	archive_write_free(a);
	expect_no_change(INTAKE_PERSON);
}

static void test_damaged_archive(void **state)
{
	(void)state;
	put(given, "work.zip", "PK\003\004 and no more");
	expect_no_change(INTAKE_PERSON);
}

/* By its bytes, whatever it is called. */
static void pack(const char *name, bool plain_gzip, const char *inside, const char *text)
{
	_cleanup_free_ char *path = strf("%s/%s", given, name);
	struct archive *a = archive_write_new();

	if (plain_gzip) {
		archive_write_add_filter_gzip(a);
		archive_write_set_format_raw(a);
	} else {
		archive_write_set_format_zip(a);
	}
	assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
	add_entry(a, inside, AE_IFREG, text);
	archive_write_free(a);
}

static void test_archives_by_content(void **state)
{
	(void)state;
	pack("WORK.ZIP", false, "my/cpuid.c", CHANGED);
	expect_change(true);
	begin(state);
	pack("cpuid.c.gz", true, "x", CHANGED);
	expect_change(true);
	/* It had no name in the plain locale, and the whole was called empty. */
	begin(state);
	pack("work.zip", false, "J\303\266rg/arch\\x86\\kvm\\cpuid.c", CHANGED);
	expect_change(true);
}

/* Empty has no points: what was not looked into is not empty. */
static void test_unread_is_not_empty(void **state)
{
	static const char *const words[] = {
		"[InternetShortcut]\nURL=github.com/ann/linux\n", "git clone git@host.example.org:ann/linux\n", "www.example.org\n",
		"I changed vmx.c as told.\n", "#include <stdio.h>\n", "{\\rtf1 total_exits}\n",
		"My work is on GitHub, user ann.\n", "%PDF-1.4\nmy report\n", "begin 644 my.diff\nM+2TM(&\n`\nend\n", BASE64_LINE BASE64_LINE BASE64_LINE,
	};
	struct intake in;

	(void)state;
	pack("report.docx", false, "[Content_Types].xml", "<xml/>\n");
	expect_no_change(INTAKE_PERSON);
	begin(state);
	put(given, "LICENSE", "see https://www.gnu.org/licenses/\n");
	put(given, "a-report.txt", "It is at https://git.example.org/me/linux.\n");
	expect(INTAKE_PERSON, &in);
	assert_non_null(strstr(in.why, "nobody here can look: a-report.txt: it names an address"));
	intake_free(&in);
	begin(state);
	put(given, "my_own_driver.c", "int x;\n");
	expect_no_change(INTAKE_PERSON);
	begin(state);
	put(given, "readme.txt", "It is at https://git.example.org/me/linux.\n");
	expect_no_change(INTAKE_PERSON);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		begin(state);
		put(given, "readme.txt", words[i]);
		expect_no_change(INTAKE_PERSON);
	}
	begin(state);
	put(given, "answer.md", CASE OWN);
	expect_no_change(INTAKE_PERSON);
	begin(state);
	put(given, "stat.txt", " " KVM "cpuid.c | 2 ++\n 1 file changed, 2 insertions(+)\n");
	expect_no_change(INTAKE_PERSON);
	begin(state);
	put(given, "readme.txt", "My work is attached.\n");
	expect_no_change(INTAKE_EMPTY);
}

/* A report of an office's program beside the work, whatever became of it. */
static void test_damaged_document(void **state)
{
	(void)state;
	put(given, "report.docx", "PK\003\004 as much as was sent of it in time");
	put(given, "cpuid.c", CHANGED);
	expect_change(true);
}

static void git_in_given(const char *command)
{
	_cleanup_free_ char *whole = strf("cd '%s' && export GIT_CONFIG_GLOBAL=/dev/null && %s", given, command);

	assert_int_equal(system(whole), 0);
	assert_int_equal(rm_rf(scratch) || mkdir_p(scratch), 0);
}

/* What is checked out is upstream's; the work is in a branch, or nobody here can read it. */
static void test_work_in_a_branch(void **state)
{
	struct intake in;

	(void)state;
	put(given, KVM "cpuid.c", BASE_TEXT);
	git_in_given("git init -q -b main . && git add . && git -c user.name=a -c user.email=a@b commit -qm a && git branch copy");
	expect_no_change(INTAKE_EMPTY);
	git_in_given("git checkout -qb hw2 && echo 'int x;' >>" KVM "cpuid.c && git -c user.name=a -c user.email=a@b commit -qam b && git checkout -q main");
	expect(INTAKE_PERSON, &in);
	assert_non_null(strstr(in.why, "in refs/heads/hw2: check out"));
	intake_free(&in);
	git_in_given("git pack-refs --all");
	expect(INTAKE_PERSON, &in);
	assert_non_null(strstr(in.why, "in refs/heads/hw2: check out"));
	intake_free(&in);
	git_in_given("git branch -qD hw2 && git branch -qd copy && echo x >.git/HEAD");
	expect_no_change(INTAKE_PERSON);
}

/* Attributes that hide a file from diff: what he did to an older version is read all the same. */
static void test_attributes_that_hide(void **state)
{
	struct intake in;

	(void)state;
	put(given, KVM "cpuid.c", "/* of another age */\n" BASE_TEXT);
	git_in_given("git init -q -b main . && git add . && git -c user.name=a -c user.email=a@b commit -qm a");
	put(given, KVM "cpuid.c", "/* of another age */\n" CHANGED);
	put(given, ".gitattributes", "*.c -diff filter=his\n");
	git_in_given("git add . && git -c user.name=a -c user.email=a@b commit -qm b");
	expect(INTAKE_TAKEN, &in);
	assert_non_null(strstr(buf_str(&in.patch), OWN_ADDED));
	assert_null(strstr(buf_str(&in.patch), "of another age"));
	intake_free(&in);
}

/* Ten folders of ten folders, ten deep: git is stopped, and the class goes on. */
static void test_a_tree_that_never_ends(void **state)
{
	struct intake in;

	(void)state;
	put(given, "f", "x\n");
	git_in_given("git init -q -b main . && git add . && git -c user.name=a -c user.email=a@b commit -qm a && t=$(git rev-parse HEAD^{tree}) && "
		     "for i in 1 2 3 4 5 6 7 8 9 10; do t=$(for j in 0 1 2 3 4 5 6 7 8 9; do printf '040000 tree %s\\td%s\\n' $t $j; done | git mktree); "
		     "done && git update-ref HEAD $(git -c user.name=a -c user.email=a@b commit-tree -p HEAD -m b $t)");
	expect(INTAKE_PERSON, &in);
	assert_non_null(strstr(in.why, "git can't read it"));
	intake_free(&in);
}

static void test_colours(void **state)
{
	(void)state;
	put(given, "x.diff", "\033[1m--- a/" KVM "cpuid.c\033[m\n\033[1m+++ b/" KVM "cpuid.c\033[m\n\033[36m@@ -7,6 +7,8 @@\033[m\n"
	    " \033[m\n int kvm_emulate_cpuid(void)\033[m\n {\033[m\n\033[32m+\tif (eax == 0x4fffffff)\033[m\n"
	    "\033[32m+\t\treturn total_exits;\033[m\n \treturn 0;\033[m\n }\033[m\n \n");
	expect_change(true);
}

/* What a word processor or a browser saved has the work in it, and is no file of the kernel. */
static void test_document(void **state)
{
	(void)state;
	put(given, "cpuid.c", "{\\rtf1\\ansi\n" CHANGED "}\n");
	put(given, "vmx.c", "int total_exits;\nint vmx_init(void)\n{\n\treturn 0;\n}\n");
	expect_no_change(INTAKE_PERSON);
	begin(state);
	put(given, "cpuid.c", "\n<!DOCTYPE html>\n<html>\n" CHANGED "</html>\n");
	expect_no_change(INTAKE_PERSON);
}

#define TESTER "#include <stdio.h>\nint main(void) { return puts(\"0x4fffffff\"); }\n"

/* A program that tries the work is no version of the tree's file of that name. */
static void test_program_beside(void **state)
{
	(void)state;
	put(given, KVM "cpuid.c", CHANGED);
	put(given, "vmx.c", TESTER);
	expect_change(true);
}

/* Some lines of such a program are none of the kernel's either: what fails is the work's. */
static void test_piece_of_a_program(void **state)
{
	struct intake in;

	(void)state;
	put(given, KVM "cpuid.c", CHANGED);
	put(given, "test.c", "eax = 0x4fffffff;\n__cpuid(&eax);\nprintf(\"%u\\n\", eax);\n");
	expect(INTAKE_TAKEN, &in);
	assert_true(in.exact);
	intake_free(&in);
	begin(state);
	put(given, KVM "cpuid.c", CHANGED);
	put(given, "test.c", "u32 own = 0x4fffffff;\n");
	expect(INTAKE_TAKEN, &in);
	assert_false(in.exact);
	intake_free(&in);
}

/* A diff of one of the files, and all of them whole: the whole files are the change. */
static void test_diff_of_a_part(void **state)
{
	struct intake in;

	(void)state;
	put(given, "cpuid.c", CHANGED);
	put(given, "README.md", "```diff\n" DIFF("a/" KVM "cpuid.c", "b/" KVM "cpuid.c") "```\n");
	put(given, "vmx.c", "int total_exits;\nint vmx_init(void)\n{\n\treturn 0;\n}\n");
	expect(INTAKE_TAKEN, &in);
	assert_true(in.exact);
	assert_non_null(strstr(buf_str(&in.patch), "+\t\treturn total_exits;"));
	assert_non_null(strstr(buf_str(&in.patch), "+++ b/" KVM "vmx/vmx.c"));
	intake_free(&in);
	begin(state);
	put(given, "my.diff", DIFF("a/" KVM "cpuid.c", "b/" KVM "cpuid.c"));
	put(given, "vmx.c", "int vmx_init(void)\n{\n\tint of_another_age = 1;\n\n\treturn 0;\n}\n");
	expect_change(true);
}

/* ---- drift ---- */

/* 70 lines of the base are gone, 70 of another age are there, and between them his own. */
static void test_drift_left_out(void **state)
{
	_cleanup_buf_ struct buf after = { 0 }, was = { 0 }, diff = { 0 };
	struct own_file f = { 0 };
	struct wordset words = { 0 };
	struct own_sum sum;

	(void)state;
	buf_puts(&f.before.text, "a\nb\nc\n");
	buf_puts(&f.after.text, "a\nb\n\tif (leaf == 0x4FFFFFFC)\n\t\tanswer = my_exits;\nc\nint my_exits;\n");
	for (int i = 0; i < 70; i++) {
		buf_printf(&f.before.text, "gone_%d\n", i);
		buf_printf(&f.after.text, "\tupstream_line(%d);\n", i);
	}
	buf_puts(&diff, "@@ -2,0 +3,2 @@\n@@ -3,0 +6 @@\n@@ -4,70 +7,70 @@\n");
	wordset_add_text(&words, buf_str(&f.before.text));
	assert_true(own_read(&f, buf_str(&diff)));
	own_mark(&f, 1, &seeds, &words, &sum);
	assert_true(sum.drift);
	assert_int_equal(sum.unexplained, 70);
	own_put_ancestor(&f, &was);
	assert_true(str_starts(buf_str(&was), "a\nb\nc\n\tupstream_line(0);\n"));
	own_put_after(&f, &after);
	assert_true(str_starts(buf_str(&after), "a\nb\n\tif (leaf == 0x4FFFFFFC)\n"));
	wordset_free(&words);
	own_free(&f);
}

static void test_seeds(void **state)
{
	(void)state;
	assert_true(words_have_seed("case 0x4FFFFFFCu:", &seeds));
	assert_true(words_have_seed("case KVM_HC_X86_VCPU_INFO:", &seeds));
	assert_true(words_have_seed("asmlinkage long sys_vcpu_info(void);", &seeds));
	assert_false(words_have_seed("if (vcpu->xen.vcpu_info_set)", &seeds));
	assert_true(words_have_seed("548\tcommon\tvcpu_info\tsys_vcpu_info", &seeds));
	assert_true(words_have_seed("#define KVM_HC_VCPU_INFO 13", &seeds));
	assert_false(words_have_seed("x = 0x1548;", &seeds));
	assert_false(words_have_seed("case 0x4fff0000:", &seeds));
}

static void test_lines(void **state)
{
	struct lines_apart a;

	(void)state;
	lines_compare("a b\n\nc\n", "  ab\nc\nd\n", &a);
	assert_int_equal(a.lost, 0);
	assert_int_equal(a.gained, 1);
	assert_int_equal(a.of, 2);
}

/* Of a function that a merge closed too early. */
static void test_ends_in_the_middle(void **state)
{
	(void)state;
	assert_int_equal(own_inner_ends("int f(void)\n{\n\tif (x) {\n\t}\n}\n"), 0);
	assert_int_equal(own_inner_ends("int f(void)\n{\n\treturn 1;\n\t}\n\tif (x) {\n}\n"), 1);
	assert_int_equal(own_inner_ends("int a[] = { 1 };\nint f(void)\n{\n\tputs(\"}\"); /* } */\n}\n"), 0);
	assert_int_equal(own_heads_alone("int f(u32 x)\nint g(u32 x)\n{\n}\nint h(int x,\n      int y)\n{\n}\n"), 1);
}

/* Braces stand everywhere, and are no line's neighbours. */
static void test_compare_patiently(void **state)
{
	_cleanup_free_ char *before = strf("%s/before", scratch), *after = strf("%s/after", scratch);
	_cleanup_buf_ struct buf plain = { 0 }, patient = { 0 };

	(void)state;
	put(scratch, "before", "}\n}\nonce\n");
	put(scratch, "after", "once\n}\n}\n");
	assert_int_equal(intake_compare(before, after, &plain), 0);
	assert_int_equal(intake_compare_patiently(scratch, before, after, &patient), 0);
	assert_non_null(strstr(buf_str(&plain), "+once\n"));
	assert_null(strstr(buf_str(&patient), "+once\n"));
	assert_non_null(strstr(buf_str(&patient), "@@ -1,2 +0,0 @@"));
}

/* ---- three ways ---- */

/* expected: NULL: it needs a person. */
static void expect_merged(const struct merge *m, const char *expected)
{
	_cleanup_buf_ struct buf out = { 0 }, conflict = { 0 };

	assert_int_equal(merge_texts(scratch, m, &out, &conflict), 0);
	if (expected)
		assert_string_equal(buf_str(&out), expected);
	assert_int_equal(!conflict.len, !!expected);
}

static void expect_merge(const char *base_text, const char *ancestor, const char *his,
			 const char *expected)
{
	const struct merge m = { base_text, ancestor, his, .loosely = false };

	expect_merged(&m, expected);
}

/* A block of another age than the base's has nothing to count in, and what stands around it has. */
static void test_merge_loosely(void **state)
{
	struct merge m = { "a\nb\n", "a\n\tif (old())\n\t\tfirst_of_all();\nb\n",
			   "a\n\tcount();\n\tif (old()) {\n\t\tcount_old();\n\t\tfirst_of_all();\n\t}\n\tcount();\nb\n", .loosely = true };

	(void)state;
	expect_merged(&m, "a\n\tcount();\n\tcount();\nb\n");
	m.loosely = false;
	expect_merged(&m, NULL);
}

#define WANTED "\tif (vmx->wanted)\n\t\treturn emulate(vcpu);\n"
#define NESTED "\tif (is_guest(vcpu)) {\n\t\tcall();\n\t\treturn 1;\n\t}\n\n"
#define COUNTED "\tif (vmx->wanted) {\n\t\tcount();\n\t\treturn emulate(vcpu);\n\t}\n"

/* Upstream moved what he changed, and changed what stood beside it. */
static void test_merge_moved(void **state)
{
	const char *was = "{\n\tWARN(vmx->pending);\n\n" WANTED "\n" NESTED "}\n";
	const char *his = "{\n\tWARN(vmx->pending);\n\n" COUNTED "\n" NESTED "}\n";

	(void)state;
	expect_merge("{\n\tif (BUG(vmx->pending))\n\t\treturn -EIO;\n\n" NESTED "\t/* later */\n" WANTED "}\n", was, his,
		     "{\n\tif (BUG(vmx->pending))\n\t\treturn -EIO;\n\n" NESTED "\t/* later */\n" COUNTED "}\n");
	/* which of the two? */
	expect_merge("{\n\tif (BUG(vmx->pending))\n\t\treturn -EIO;\n\n" NESTED WANTED "}\n{\n" WANTED "}\n", was, his, NULL);
	/* it is not as it was */
	expect_merge("{\n\tif (BUG(vmx->pending))\n\t\treturn -EIO;\n\n" NESTED "\tif (vmx->wanted)\n\t\treturn 0;\n}\n", was, his,
		     NULL);
	/* he took a line of it away */
	expect_merge("{\n\tif (BUG(vmx->pending))\n\t\treturn -EIO;\n\n" NESTED WANTED "}\n", was,
		     "{\n\tWARN(vmx->pending);\n\n\tif (vmx->wanted)\n\t\tcount();\n\n" NESTED "}\n", NULL);
}

static void test_merge(void **state)
{
	(void)state;
	/* far from each other */
	expect_merge("a1\nb\nc\nd\ne\n", "a\nb\nc\nd\ne\n", "a\nb\nc\nd\nmine\ne\n", "a1\nb\nc\nd\nmine\ne\n");
	/* both put in: his come first */
	expect_merge("a\nnew\nb\n", "a\nb\n", "a\nmine\nb\n", "a\nmine\nnew\nb\n");
	/* both the same */
	expect_merge("a\nnew\nb\n", "a\nb\n", "a\nnew\nb\n", "a\nnew\nb\n");
	/* around a line that upstream changed */
	expect_merge("a\nr = call_new(handle)(vcpu, x);\nb\n", "a\nr = call_old(handle)(vcpu, x);\nb\n",
		     "a\nbegin();\nr = call_old(handle)(vcpu, x);\nend();\nb\n",
		     "a\nbegin();\nr = call_new(handle)(vcpu, x);\nend();\nb\n");
	/* a block of one line that he put more into, where upstream changed its condition */
	expect_merge("\tif (vt(vcpu)->wanted)\n\t\treturn emulate(vcpu);\n", "\tif (vmx(vcpu)->wanted)\n\t\treturn emulate(vcpu);\n",
		     "\tif (vmx(vcpu)->wanted) {\n\t\tcount();\n\t\treturn emulate(vcpu);\n\t}\n",
		     "\tif (vt(vcpu)->wanted) {\n\t\tcount();\n\t\treturn emulate(vcpu);\n\t}\n");
	/* he changed what upstream changed */
	expect_merge("a\nx = upstream;\nb\n", "a\nx = old;\nb\n", "a\nx = mine;\nb\n", NULL);
	/* he put it beside what upstream took away, with nothing like it */
	expect_merge("a\nb\n", "a\n\tfirst_of_all();\n\tlast_of_all();\nb\n",
		     "a\n\tfirst_of_all();\n\tmine();\n\tlast_of_all();\nb\n", NULL);
	/* the same, of what may stand anywhere */
	expect_merge("a\nb\n", "a\nint first_of_all;\nint last_of_all;\nb\n",
		     "a\nint first_of_all;\nu64 mine;\nint last_of_all;\nb\n", "a\nu64 mine;\nb\n");
	/* upstream put a blank line beside what he changed */
	expect_merge("a\n\tcall(x, false);\nb\n", "a\n\n\tcall(x, false);\nb\n", "a\n\n\t{call(x, true);}\nb\n",
		     "a\n\n\t{call(x, true);}\nb\n");
}

static void expect_repair(const char *path, const char *base_text, const char *before,
			  const char *line, const char *expected)
{
	_cleanup_free_ char *merged = strf("%s%s", base_text, line), *wanted = strf("%s%s", base_text, expected);
	_cleanup_buf_ struct buf out = { 0 };
	_cleanup_strv_ struct strv told = { 0 };

	rules_apply(path, base_text, before, merged, &out, &told);
	assert_string_equal(buf_str(&out), wanted);
	assert_int_equal(told.n, strcmp(line, expected) ? 1 : 0);
}

/* Only his lines are repaired, and only for a file that is of another age than the base. */
static void test_rules(void **state)
{
	static const char vmx_new[] = "\tunion vmx_exit_reason exit_reason = vmx->exit_reason;\n";
	static const char vmx_old[] = "\tu32 exit_reason = vmx->exit_reason;\n";

	(void)state;
	expect_repair(KVM "vmx/vmx.c", vmx_new, vmx_old, "\tcount[exit_reason]++;\n", "\tcount[exit_reason.basic]++;\n");
	expect_repair(KVM "vmx/vmx.c", vmx_new, vmx_old, "\tif (vmx->exit_reason == 10)\n", "\tif (vmx->exit_reason.basic == 10)\n");
	expect_repair(KVM "vmx/vmx.c", vmx_new, vmx_old, "\tvcpu->run->exit_reason = 3;\n", "\tvcpu->run->exit_reason = 3;\n");
	expect_repair(KVM "vmx/vmx.c", vmx_new, vmx_old, "\tu32 exit_reason = my(x);\n", "\tu32 exit_reason = my(x);\n");
	expect_repair(KVM "vmx/vmx.c", vmx_new, vmx_new, "\tcount[exit_reason]++;\n", "\tcount[exit_reason]++;\n");
	expect_repair(KVM "vmx/vmx.c", vmx_old, vmx_new, "\tcount[exit_reason.basic]++;\n", "\tcount[exit_reason]++;\n");
	expect_repair(KVM "cpuid.c", "bool kvm_cpuid(bool exact_only)\n", "bool kvm_cpuid(bool check_limit)\n",
		      "\tkvm_cpuid(vcpu, &eax, &edx, true);\n", "\tkvm_cpuid(vcpu, &eax, &edx, false);\n");
	expect_repair(KVM "cpuid.c", "bool kvm_cpuid(bool exact_only)\n", "bool kvm_cpuid(bool check_limit)\n",
		      "\tkvm_cpuid(vcpu, &eax, &edx, false);\n", "\tkvm_cpuid(vcpu, &eax, &edx, 1);\n");
	/* in a function of his that has its own, none is the union */
	expect_repair(KVM "vmx/vmx.c", vmx_new, vmx_old, "void add(u32 exit_reason)\n{\n\tn[exit_reason]++;\n}\nint f(void)\n{\n\tif (exit_reason == 1)\n}\n",
		      "void add(u32 exit_reason)\n{\n\tn[exit_reason]++;\n}\nint f(void)\n{\n\tif (exit_reason.basic == 1)\n}\n");
	expect_repair(KVM "x86.c", "\tkvm_x86_call(run)(vcpu);\n", "\tstatic_call(kvm_x86_run)(vcpu);\n",
		      "\tr = static_call(kvm_x86_handle_exit)(vcpu, f);\n", "\tr = kvm_x86_call(handle_exit)(vcpu, f);\n");
	expect_repair(KVM "svm/svm.c", "int svm_invoke_exit_handler(struct kvm_vcpu *vcpu, u64 exit_code)\n",
		      "int svm_invoke_exit_handler(struct vcpu_svm *svm, u64 exit_code)\n",
		      "\trc = svm_invoke_exit_handler(svm, exit_code);\n", "\trc = svm_invoke_exit_handler(vcpu, exit_code);\n");
	expect_repair(KVM "vmx/vmx.c", "int vmx_handle_exit(struct kvm_vcpu *vcpu, fastpath_t f)\n",
		      "static int vmx_handle_exit(struct kvm_vcpu *vcpu)\n", "static int vmx_handle_exit(struct kvm_vcpu *vcpu)\n",
		      "int vmx_handle_exit(struct kvm_vcpu *vcpu)\n");
}

/* His own stays, and what #ifdef chooses between, too. */
static void test_a_function_twice(void **state)
{
	static const char theirs[] = "static int handle_exit(v)\n{\n\treturn handle(v);\n}\n\n";
	static const char his[] = "static int handle_exit(v)\n{\n\tbegin();\n\treturn handle(v);\n}\n\n";
	static const char choice[] = "#ifdef A\nint f(\n\tint x)\n{\n\treturn 1;\n}\n#else\nint f(\n\tint x)\n{\n\treturn 2;\n}\n#endif\n"
				     "SYSCALL_DEFINE0(theirs)\n{\n}\n";
	static const char call[] = "SYSCALL_DEFINE0(his)\n{\n}\n";
	_cleanup_free_ char *base_text = strf("%s%s", theirs, choice), *merged = strf("%s%s%s%s", his, theirs, choice, call);
	_cleanup_free_ char *twice = strf("%s%s", his, theirs);
	_cleanup_buf_ struct buf out = { 0 };
	_cleanup_strv_ struct strv told = { 0 };

	(void)state;
	rules_apply(KVM "vmx/vmx.c", base_text, his, merged, &out, &told);
	assert_true(str_starts(buf_str(&out), his));
	assert_null(strstr(buf_str(&out), theirs));
	assert_non_null(strstr(buf_str(&out), choice));
	assert_int_equal(told.n, 1);
	assert_string_equal(told.v[0], "he has a handle_exit() of his own");
	/* as it was handed in no compiler takes it */
	buf_free(&out);
	rules_apply(KVM "vmx/vmx.c", base_text, twice, merged, &out, &told);
	assert_string_equal(buf_str(&out), merged);
}

static void test_a_call_taken_apart(void **state)
{
	static const char wrap[] = "int wrap(v)\n{\n\tint ret = handle(v, f);\n\treturn ret;\n}\n";
	static const char call[] = "int wrap(v)\n{\n%s\tbegin();\n\tret = handle(v, f);\n}\n";
	static const char apart[] = "int wrap(v)\n{\n\tint ret;\n\n\tbegin();\n\tret = handle(v, f);\n%s\treturn ret;\n}\n";
	_cleanup_free_ char *merged = strf(apart, "\tint ret = handle(v, f);\n"), *wanted = strf(apart, "");
	_cleanup_buf_ struct buf out = { 0 };
	_cleanup_strv_ struct strv told = { 0 };

	(void)state;
	rules_apply(KVM "vmx/vmx.c", wrap, wrap, merged, &out, &told);
	assert_string_equal(buf_str(&out), wanted);
	assert_int_equal(told.n, 1);
	buf_free(&out);
	/* where only the call is his */
	free(merged);
	free(wanted);
	merged = strf(call, "\tint ret = handle(v, f);\n");
	wanted = strf(call, "\tint ret;\n");
	rules_apply(KVM "vmx/vmx.c", wrap, wrap, merged, &out, &told);
	assert_string_equal(buf_str(&out), wanted);
}

static void expect_returned(const char *before, const char *after, bool dropped)
{
	static const char wrap[] = "int wrap(v)\n{\n\treturn handle(v, f);\n}\n";
	_cleanup_free_ char *merged = strf("int wrap(v)\n{\n\tint ret;\n\n%s\treturn handle(v, f);\n%s}\n", before, after);
	_cleanup_free_ char *wanted = strf("int wrap(v)\n{\n\tint ret;\n\n%s%s%s}\n", before,
					   dropped ? "" : "\treturn handle(v, f);\n", after);
	_cleanup_buf_ struct buf out = { 0 };
	_cleanup_strv_ struct strv told = { 0 };

	rules_apply(KVM "vmx/vmx.c", wrap, wrap, merged, &out, &told);
	assert_string_equal(buf_str(&out), wanted);
	assert_int_equal(told.n, dropped);
}

static void test_a_call_returned_later(void **state)
{
	(void)state;
	expect_returned("\tret = handle(v, f);\n\tend();\n", "\tcount();\n\treturn ret;\n", true);
	expect_returned("\tret = handle(v, f);\n\tend();\n", "", false);
	expect_returned("\tret = handle(v, f);\n\tend();\n\tif (ret)\n", "\tcount();\n\treturn ret;\n", false);
	expect_returned("\tret = handle(v, g);\n\tend();\n", "\treturn ret;\n", false);
}

#define OLD_LINES 40

/* A file of another age: upstream's lines have other names, and `own` stands in it. */
static char *of_age(const char *own)
{
	struct buf b = { 0 };

	buf_puts(&b, HEAD);
	for (int i = 0; i < OLD_LINES; i++)
		buf_printf(&b, "\tupstream_of_that_age(%d, vcpu);\n\tof_all_ages(%d);\n", i, i);
	buf_printf(&b, CASE "%s" TAIL, own);
	return b.data;
}

/* What all of a class have is upstream's; what one of them has alone is his. */
static void test_near_neighbours(void **state)
{
	static const char *const others[] = { "\tif (eax == 0x4fffffff)\n\t\treturn a;\n", "\tif (eax == 0x4fffffff)\n\t\treturn b;\n",
					      "\tif (eax == 0x4fffffff)\n\t\treturn c;\n" };
	struct peers peers = { 0 };
	const struct intake_how of_class = {
		.bases = &bases, .seeds = &seeds, .peers = &peers, .who = 9
	};
	_cleanup_free_ char *his = of_age("\tif (eax == 0x4fffffff)\n\t\treturn total_exits;\n");
	_cleanup_buf_ struct buf text = { 0 };
	struct intake in;

	(void)state;
	buf_puts(&text, HEAD);
	for (int i = 0; i < OLD_LINES; i++)
		buf_printf(&text, "\tupstream_now(%d);\n\tof_all_ages(%d);\n", i, i);
	buf_puts(&text, CASE TAIL);
	put(tree, KVM "cpuid.c", buf_str(&text));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		_cleanup_free_ char *other = of_age(others[i]);

		peers_add(&peers, i, KVM "cpuid.c", other);
	}
	put(given, KVM "cpuid.c", his);
	assert_int_equal(intake_take(given, &of_class, scratch, &in), 0);
	put(tree, KVM "cpuid.c", BASE_TEXT);
	assert_int_equal(in.outcome, INTAKE_TAKEN);
	assert_true(in.merged);
	assert_non_null(strstr(buf_str(&in.patch), "+\t\treturn total_exits;\n"));
	assert_null(strstr(buf_str(&in.patch), "of_that_age"));
	intake_free(&in);
	peers_free(&peers);
}

/* ---- points ---- */

static struct submission judged(enum outcome o, const char *reason, bool exact)
{
	struct submission s = { .name = xstrdup("ann"), .exact = exact, .result = result_new("x") };

	s.result->verdict = o;
	s.result->finished = true;
	s.result->reason = reason ? xstrdup(reason) : NULL;
	return s;
}

static void expect_judged(enum outcome o, const char *reason, bool exact, const char *verdict)
{
	const struct assignment a = { .name = (char *)"x" };
	const struct rubric r = { .assignment = &a };
	struct submission s = judged(o, reason, exact);

	grade_judge(&r, &s);
	assert_string_equal(s.verdict, verdict);
	assert_int_equal(s.person, !strcmp(verdict, "needs a person"));
	submission_free(&s);
}

/* The student sees what went wrong, not where this machine keeps things. */
static void test_folders_left_out(void **state)
{
	const struct assignment a = { .name = (char *)"x" };
	const struct rubric r = { .assignment = &a };
	struct submission s = judged(OUT_BUILD_ERROR,
				     "arch/x86/kvm/cpuid.c:9: error: expected ';' (all of it: /home/ann/cache/log.txt), "
				     "not /dev/kvm",
				     true);

	(void)state;
	grade_judge(&r, &s);
	assert_string_equal(s.why, "arch/x86/kvm/cpuid.c:9: error: expected ';' (all of it: log.txt), not /dev/kvm");
	submission_free(&s);
}

/* What was extracted from another age's files may lack something: only its pass is believed. */
static void test_drift_fails_nobody(void **state)
{
	const struct assignment a = { .name = (char *)"x" };
	const struct rubric r = { .assignment = &a };
	struct submission s = judged(OUT_FAIL, NULL, false);

	(void)state;
	s.drift = true;
	grade_judge(&r, &s);
	assert_true(s.person);
	submission_free(&s);
}

/* Most count in vmx_handle_exit(): a person is told that this, and nothing else, is missing. */
static void test_fastpath_is_told(void **state)
{
	const struct assignment a = { .name = (char *)"x" };
	const struct rubric r = { .assignment = &a };

	(void)state;
	for (int other = 0; other < 2; other++) {
		struct submission s = judged(OUT_FAIL, NULL, false);
		struct test_result *t = result_add_test(s.result, "t", NULL);

		result_add_check(t, "all exits", OUT_FAIL, "9", "8 (that is " WRONG_FASTPATH ")", NULL);
		if (other)
			result_add_check(t, "cycles", OUT_FAIL, "9", "8", NULL);
		s.drift = true;
		grade_judge(&r, &s);
		assert_true(s.person);
		assert_int_equal(!strstr(s.why, "but those that KVM's fastpath handles (t: all exits)"), other);
		s.fastpath = true;
		grade_judge(&r, &s);
		assert_int_equal(!strstr(s.why, "its own kernel has that fastpath, too"), other);
		submission_free(&s);
	}
}

/* A base whose reference nobody saw pass in that lane: a pass counts, a failure is no zero. */
static void test_an_unseen_base_fails_nobody(void **state)
{
	const struct assignment a = { .name = (char *)"x" };
	const struct rubric r = { .assignment = &a };
	struct submission s = judged(OUT_FAIL, NULL, true), passed = judged(OUT_PASS, NULL, true);

	(void)state;
	str_set(&s.unseen, "bochs-vmx");
	str_set(&passed.unseen, "bochs-vmx");
	grade_judge(&r, &s);
	assert_true(s.person);
	assert_non_null(strstr(s.why, "in lane bochs-vmx"));
	grade_judge(&r, &passed);
	assert_false(passed.person);
	submission_free(&s);
	submission_free(&passed);
}

/* What another term's map costs is the course's to say. */
static void test_other_leaves_fail_nobody(void **state)
{
	const struct assignment a = { .name = (char *)"x" };
	const struct rubric r = { .assignment = &a };
	struct submission s = judged(OUT_FAIL, NULL, true), passed = judged(OUT_PASS, NULL, true);

	(void)state;
	str_set(&s.elsewhere, "it answers CPUID leaf 0x4ffffffc, and not 0x4fffffff");
	str_set(&passed.elsewhere, s.elsewhere);
	s.drift = true; /* which leaf it is, is the nearer reason */
	grade_judge(&r, &s);
	assert_true(s.person);
	assert_non_null(strstr(s.why, "perhaps right numbers in a wrong leaf"));
	grade_judge(&r, &passed);
	assert_false(passed.person);
	submission_free(&s);
	submission_free(&passed);
}

/* The same four leaves in another order: no zero, either. */
static void test_another_map_fails_nobody(void **state)
{
	const struct assignment a = { .name = (char *)"x" };
	const struct rubric r = { .assignment = &a };
	struct submission s = judged(OUT_FAIL, NULL, true), broken = judged(OUT_FAIL, NULL, true);
	struct test_result *t = result_add_test(s.result, "t", NULL);

	(void)state;
	result_add_check(t, "map", OUT_FAIL, "C: all", "F: all (" WRONG_LEAF ")", NULL);
	grade_judge(&r, &s);
	assert_true(s.person);
	assert_non_null(strstr(s.why, "another map of the same leaves: F: all"));
	t = result_add_test(broken.result, "t", NULL);
	result_add_check(t, "map", OUT_FAIL, "C: all", "none of them in any of the four leaves", NULL);
	grade_judge(&r, &broken);
	assert_false(broken.person);
	submission_free(&s);
	submission_free(&broken);
}

/* A large change that takes nothing away is no drift. */
static void test_large_change(void **state)
{
	_cleanup_buf_ struct buf text = { 0 };
	struct intake in;

	(void)state;
	buf_puts(&text, HEAD);
	for (int i = 0; i < 300; i++)
		buf_printf(&text, "int line_%d;\n", i);
	buf_puts(&text, CASE TAIL);
	expect_judged(OUT_FAIL, "the change is instrumented for Intel only", true, "needs a person");
	put(given, "cpuid.c", buf_str(&text));
	expect(INTAKE_TAKEN, &in);
	assert_true(in.exact);
	assert_false(in.drift);
	assert_non_null(strstr(buf_str(&in.patch), "+int line_299;"));
	intake_free(&in);
}

/* A zero must be the student's own. */
static void test_no_wrong_zero(void **state)
{
	(void)state;
	expect_judged(OUT_BUILD_ERROR, "x.c:3: error: expected ';'", true, "build-error");
	expect_judged(OUT_BUILD_ERROR, "building the host kernel: it wrote more than 9 MB, and was stopped", true, "needs a person");
	expect_judged(OUT_BUILD_ERROR, "cc1: out of memory allocating 9 bytes", true, "needs a person");
	expect_judged(OUT_BUILD_ERROR, "x.c:3: error: expected ';'", false, "needs a person");
	expect_judged(OUT_BUILD_ERROR, "x.c:3: error: 'total' undeclared", true, "needs a person");
	expect_judged(OUT_BROKEN, "no disk", true, "needs a person");
	expect_judged(OUT_SKIP, NULL, true, "needs a person");
}

static void test_skipped_is_no_loss(void **state)
{
	struct assignment_test tests[] = { { (char *)"t/a", 50 }, { (char *)"t/b", 50 } };
	const struct assignment a = { .name = (char *)"x", .path = (char *)"x.conf", .tests = tests, .n_tests = 2,
				      .rubric = { .crash_at_most = 100, .late_at_most = 100 } };
	struct rubric r;
	struct submission s = { .exact = true, .result = result_new("x") };
	struct test_result *t = result_add_test(s.result, "t/a", "x");

	(void)state;
	result_add_check(t, "one", OUT_PASS, "1", "1", NULL);
	result_add_check(t, "two", OUT_FAIL, "1", "2", NULL);
	t = result_add_test(s.result, "t/b", "x");
	result_add_check(t, "three", OUT_SKIP, NULL, "not here", NULL);
	result_finish(s.result);
	assert_int_equal(rubric_make(&a, &r), 0);
	grade_judge(&r, &s);
	assert_true(s.points > 49.9 && s.points < 50.1);
	submission_free(&s);
	rubric_free(&r);
}

/* ---- the rubric ---- */

#define LINES(...) { (char *[]){ __VA_ARGS__ }, sizeof((char *[]){ __VA_ARGS__ }) / sizeof(char *) }

static struct assignment_test three_tests[] = { { (char *)"t/a", 50 }, { (char *)"t/b", 25 }, { (char *)"t/c", 25 } };

static struct assignment rubric_of(struct rubric_text text)
{
	text.crash_at_most = text.crash_at_most ? text.crash_at_most : 100;
	text.late_at_most = text.late_at_most ? text.late_at_most : 100;
	return (struct assignment){ .name = (char *)"x", .path = (char *)"x.conf", .tests = three_tests, .n_tests = 3,
				    .rubric = text };
}

/* t/a: one of two checks; t/b: all; t/c: crashed, nothing, or could not be asked. */
static double points_of(struct rubric_text text, enum outcome c, double days)
{
	const struct assignment a = rubric_of(text);
	struct run_result *result = result_new("x");
	struct test_result *t = result_add_test(result, "t/a", "x");
	struct rubric r;
	double points;

	result_add_check(t, "one", OUT_PASS, "1", "1", NULL);
	result_add_check(t, "two", OUT_FAIL, "1", "2", NULL);
	t = result_add_test(result, "t/b", "x");
	result_add_check(t, "three", OUT_PASS, "1", "1", NULL);
	t = result_add_test(result, "t/c", "x");
	result_add_check(t, "four", c == OUT_CRASH ? OUT_PASS : c, "1", "1", NULL);
	result_finish(result);
	if (c == OUT_CRASH)
		t->verdict = OUT_CRASH;
	assert_int_equal(rubric_make(&a, &r), 0);
	points = rubric_points(&r, result, days);
	rubric_free(&r);
	result_free(result);
	return points;
}

static void expect_points(struct rubric_text text, enum outcome c, double days, double expected)
{
	double points = points_of(text, c, days);

	if (points < expected - 0.01 || points > expected + 0.01)
		print_error("%f points, not %f\n", points, expected);
	assert_true(points > expected - 0.01 && points < expected + 0.01);
}

static void test_rubric(void **state)
{
	(void)state;
	expect_points((struct rubric_text){ 0 }, OUT_FAIL, 0, 50);
	expect_points((struct rubric_text){ 0 }, OUT_SKIP, 0, 100.0 * 50 / 75);
	expect_points((struct rubric_text){ .checks = LINES((char *)"t/a=3 one") }, OUT_PASS, 0, 87.5);
	expect_points((struct rubric_text){ .partial = (char *)"none" }, OUT_PASS, 0, 50);
	expect_points((struct rubric_text){ .caps = LINES((char *)"t/a=40") }, OUT_PASS, 0, 40);
	expect_points((struct rubric_text){ .caps = LINES((char *)"t/c=10") }, OUT_SKIP, 0, 100.0 * 50 / 75);
	expect_points((struct rubric_text){ .needs = LINES((char *)"t/b=t/c") }, OUT_FAIL, 0, 25);
	expect_points((struct rubric_text){ .needs = LINES((char *)"t/b=t/c") }, OUT_SKIP, 0, 100.0 * 50 / 75);
	expect_points((struct rubric_text){ .bonus = LINES((char *)"t/b=5", (char *)"t/a=7") }, OUT_PASS, 0, 80);
	expect_points((struct rubric_text){ .crash_at_most = 20 }, OUT_CRASH, 0, 20);
	expect_points((struct rubric_text){ .late_per_day = 10, .late_at_most = 25 }, OUT_PASS, 2,
		      55);
	expect_points((struct rubric_text){ .late_per_day = 10, .late_at_most = 25 }, OUT_PASS, 9,
		      50);
}

static void refuse_rubric(struct rubric_text text, const char *words)
{
	const struct assignment a = rubric_of(text);
	struct rubric r;

	assert_int_equal(rubric_make(&a, &r), -OUT_USAGE);
	assert_non_null(strstr(fail_text(), words));
	rubric_free(&r);
}

static void test_rubric_refused(void **state)
{
	(void)state;
	refuse_rubric((struct rubric_text){ .caps = LINES((char *)"t/d=40") }, "'t/d=40': that test is not in [tests]");
	refuse_rubric((struct rubric_text){ .caps = LINES((char *)"t/a=lots") }, "a whole number");
	refuse_rubric((struct rubric_text){ .checks = LINES((char *)"t/a=3") }, "the name of a check");
	refuse_rubric((struct rubric_text){ .needs = LINES((char *)"t/a=t/b", (char *)"t/b=t/a") }, "needs the other");
	refuse_rubric((struct rubric_text){ .needs = LINES((char *)"t/a=t/a") }, "itself");
	refuse_rubric((struct rubric_text){ .visibility = LINES((char *)"t/a=maybe") }, "hidden");
	refuse_rubric((struct rubric_text){ .partial = (char *)"half" }, "checks or none");
	refuse_rubric((struct rubric_text){ .fastpath = (char *)"no" }, "counts or left out");
}

static bool warns_of(const struct rubric *r, const char *words)
{
	for (size_t i = 0; i < r->warnings.n; i++)
		if (strstr(r->warnings.v[i], words))
			return true;
	return false;
}

/* Both ways: a test without a line, and a line without a test or a check. */
static void test_rubric_warnings(void **state)
{
	struct assignment_test tests[] = { { (char *)"cpuid-exits/answer", 1 }, { (char *)"cpuid-exits/gone", 1 } };
	const struct assignment a = { .name = (char *)"cpuid-exits", .path = (char *)"x.conf", .tests = tests, .n_tests = 2,
				      .rubric = { .checks = LINES((char *)"cpuid-exits/answer=2 no such check",
								  (char *)"cpuid-exits/answer=2 edx of each answer") } };
	struct rubric r;

	(void)state;
	assert_int_equal(rubric_make(&a, &r), 0);
	assert_true(warns_of(&r, "'cpuid-exits/gone': there is no such test"));
	assert_true(warns_of(&r, "[tests] does not have cpuid-exits/counters"));
	assert_true(warns_of(&r, "no such check': that test has no check of this name"));
	assert_false(warns_of(&r, "=2 edx of each answer"));
	assert_false(warns_of(&r, "does not have cpuid-exits/answer"));
	rubric_free(&r);
}

static void expect_words(const char *dir, const char *name, const char *words)
{
	_cleanup_free_ char *path = strf("%s/%s", dir, name);
	_cleanup_buf_ struct buf text = { 0 };

	assert_int_equal(file_read(path, &text), 0);
	if (!strstr(buf_str(&text), words))
		print_error("no '%s' in %s\n", words, buf_str(&text));
	assert_non_null(strstr(buf_str(&text), words));
}

/* The student sees of what the points are made; the class's page tells the class's. */
static void test_points_told(void **state)
{
	struct assignment_test tests[] = { { (char *)"t/a", 30 }, { (char *)"t/b", 70 } };
	const struct assignment a = { .name = (char *)"x", .path = (char *)"x.conf", .tests = tests, .n_tests = 2,
				      .rubric = { .crash_at_most = 100, .late_at_most = 100 } };
	struct rubric r;
	struct submission all[3] = { judged(OUT_PASS, NULL, true), judged(OUT_BROKEN, "no disk", true),
				     { .name = xstrdup("eve"), .verdict = xstrdup("empty") } };
	struct test_result *t = result_add_test(all[0].result, "t/a", "x");
	const struct class c = { .name = (char *)"class", .dir = given, .v = all, .n = 3 };

	(void)state;
	assert_int_equal(rubric_make(&a, &r), 0);
	result_add_check(t, "one", OUT_PASS, "1", "1", NULL);
	result_set_ref(result_add_check(t, "two", OUT_FAIL, "1", "2", NULL), "output.txt", 0, 0);
	result_finish(all[0].result);
	for (size_t i = 0; i < 3; i++)
		grade_judge(&r, &all[i]);
	all[0].path = xstrdup("ann.zip");
	all[0].dir = xstrdup(given);
	assert_int_equal(grade_write(&r, &all[0]), 0);
	assert_int_equal(grade_write_class(&c), 0);
	expect_words(given, "feedback.md", "- t/a: 15.0 of 30\n");
	expect_words(given, "feedback.md", "- t/b: could not be asked here");
	expect_words(given, "feedback.md", "- see: output.txt\n");
	expect_words(given, "class.html", "<td>two</td><td>0<td>1<td>0</tr>");
	expect_words(given, "class.html", "3 submissions: 1 need a person, 2 have points: 0.0 to 50.0, median 25.0, mean 25.0");
	for (size_t i = 0; i < 3; i++)
		submission_free(&all[i]);
	rubric_free(&r);
}

/* A person who looks at a failure has the points to confirm, not to count. */
static void test_points_if_it_is_its_own_fault(void **state)
{
	struct assignment_test tests[] = { { (char *)"t/a", 100 } };
	const struct assignment a = { .name = (char *)"x", .path = (char *)"x.conf", .tests = tests, .n_tests = 1,
				      .rubric = { .crash_at_most = 100, .late_at_most = 100 } };
	struct submission all[2] = { judged(OUT_FAIL, NULL, false), judged(OUT_FAIL, NULL, false) };
	const struct class c = { .name = (char *)"class", .dir = given, .v = all, .n = 2 };
	struct rubric r;

	(void)state;
	assert_int_equal(rubric_make(&a, &r), 0);
	all[0].drift = true;
	str_set(&all[1].elsewhere, "it answers CPUID leaf 0x4ffffffc");
	for (size_t i = 0; i < 2; i++) {
		struct test_result *t = result_add_test(all[i].result, "t/a", "x");

		result_add_check(t, "one", OUT_PASS, "1", "1", NULL);
		result_add_check(t, "two", OUT_FAIL, "1", "2", NULL);
		result_finish(all[i].result);
		grade_judge(&r, &all[i]);
		assert_true(all[i].person);
	}
	assert_true(all[0].if_own > 49.9 && all[0].if_own < 50.1);
	assert_true(all[1].if_own < 0); /* what another leaf costs is the course's to say */
	assert_int_equal(grade_write_class(&c), 0);
	expect_words(given, "class.csv", "\"ann\",\"needs a person\",\"\",\"50.0\",");
	expect_words(given, "class.csv", "\"ann\",\"needs a person\",\"\",\"\",");
	for (size_t i = 0; i < 2; i++)
		submission_free(&all[i]);
	rubric_free(&r);
}

/* What is hidden stands in no student's feedback, and Gradescope is told so. */
static void test_hidden_is_hidden(void **state)
{
	const struct assignment a = rubric_of((struct rubric_text){ .visibility = LINES((char *)"t/a=hidden",
											(char *)"t/b=after_due_date") });
	struct submission s = judged(OUT_PASS, NULL, true);
	struct test_result *t = result_add_test(s.result, "t/a", "x");
	_cleanup_free_ char *path = strf("%s/feedback.md", given);
	_cleanup_buf_ struct buf text = { 0 };
	struct rubric r;

	(void)state;
	result_add_check(t, "secret", OUT_FAIL, "1", "2", NULL);
	result_finish(s.result);
	assert_int_equal(rubric_make(&a, &r), 0);
	grade_judge(&r, &s);
	s.path = xstrdup("ann.zip");
	s.dir = xstrdup(given);
	assert_int_equal(grade_write(&r, &s), 0);
	assert_int_equal(file_read(path, &text), 0);
	assert_null(strstr(buf_str(&text), "secret"));
	assert_null(strstr(buf_str(&text), "t/a"));
	expect_words(given, "feedback.md", "- a test that is not shown: 50\n");
	expect_words(given, "feedback.md", "- a test that is not shown before the due date: 25\n");
	expect_words(given, "feedback-all.md", "secret");
	expect_words(given, "gradescope/results.json", "\"visibility\": \"hidden\"");
	submission_free(&s);
	rubric_free(&r);
}

/* A copy with other names is told; another solution of the same work is not. */
static void test_alike(void **state)
{
	static const char *const changes[] = {
		"+\tif (eax == 0x4fffffff) {\n+\t\teax = atomic_read(&total);\n+\t\tebx = spent >> 32;\n+\t\tecx = spent;\n"
		"+\t\tif (wrapped(spent))\n+\t\t\tcount_again(ebx, ecx);\n+\t}\n",
		"+\tif (eax == 0x4fffffff) {\n+\t\t/* mine */\n+\t\teax = atomic_read(&exits);\n+\t\tebx = time >> 32;\n"
		"+\t\tecx = time;\n+\t\tif (overflown(time))\n+\t\t\tsum_up(ebx, ecx);\n+\t}\n",
		"+\tswitch (leaf) {\n+\tcase 0x4fffffff:\n+\t\treturn answer(vcpu, this_cpu_read(sum));\n+\tdefault:\n"
		"+\t\tbreak;\n+\t}\n+\tfor (i = 0; i < 4; i++)\n+\t\tregs[i] = per_cpu(all, i);\n",
	};
	struct submission v[3] = { 0 };
	const struct class c = { .name = (char *)"class", .v = v, .n = 3 };
	struct alike_pair pairs[2];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		v[i].change = (char *)changes[i];
	assert_int_equal(alike_pairs(&c, pairs, 2), 1);
	assert_ptr_equal(pairs[0].a, &v[0]);
	assert_ptr_equal(pairs[0].b, &v[1]);
	assert_int_equal(pairs[0].percent, 100);
}

/* ---- a clone's versions ---- */

#define CLONE_HOW(b) ((struct intake_how){ .bases = &(b), .seeds = &seeds })

/* Two versions: the base's files, and later ones in which a function has another name. */
static char *make_clone(void)
{
	char *dir = strf("%s/clone", top);
	_cleanup_free_ char *command = strf(
		"rm -rf '%s' && cp -r '%s' '%s' && cd '%s' && mkdir -p arch/x86 && touch Makefile Kconfig arch/x86/Makefile && "
		"git init -q . && g() { git -c user.name=x -c user.email=x@x \"$@\"; } && "
		"g add -A && g commit -qm one && g tag v6.12-rc1 && g tag not-a-version && "
		"sed -i s/cpuid_last/cpuid_ultimate/ " KVM "cpuid.c && g commit -qam two && g tag v6.12 && "
		"echo >more && g add more && g commit -qm three && g tag v6.12.3",
		dir, tree, dir, dir);

	assert_int_equal(system(command), 0);
	return dir;
}

static void open_clone(const char *dir, struct bases *b)
{
	*b = (struct bases){ .folder = strf("%s/bases", top) };
	b->v = xcalloc(1, sizeof(*b->v));
	b->v[b->n++] = (struct base){ .name = xstrdup("6.12"), .dir = tree };
	assert_int_equal(clone_open(dir, &b->clone), 0);
}

static void expect_version(const struct intake *in, const char *name, bool exact)
{
	_cleanup_free_ char *conf = NULL;
	_cleanup_buf_ struct buf text = { 0 };

	assert_int_equal(in->outcome, INTAKE_TAKEN);
	assert_string_equal(in->base->name, name);
	assert_int_equal(in->exact, exact);
	if (!in->base->folder)
		return;
	conf = base_kernel(in->base, "bare");
	assert_int_equal(file_read(conf, &text), 0);
	assert_non_null(strstr(buf_str(&text), "\nref = refs/tags/v6.12\n"));
	assert_null(strstr(buf_str(&text), "\npackage"));
	assert_non_null(strstr(buf_str(&text), "\n[guest]\nfragments"));
}

/* The file of a version that is not prepared is judged on it, and one that is prepared there. */
static void test_version_of_clone(void **state)
{
	_cleanup_free_ char *dir = make_clone();
	struct bases b;
	struct intake in;

	(void)state;
	open_clone(dir, &b);
	put(given, "cpuid.c", CHANGED);
	assert_int_equal(intake_take(given, &CLONE_HOW(b), scratch, &in), 0);
	expect_version(&in, "6.12", true);
	intake_free(&in);
	put(given, "cpuid.c", HEAD CASE OWN "\treturn 0;\n}\n\nint cpuid_ultimate(void)\n{\n\treturn 9;\n}\n");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(intake_take(given, &CLONE_HOW(b), scratch, &in), 0);
		expect_version(&in, "v6.12", true);
		intake_free(&in);
	}
	assert_int_equal(b.n, 2);
	bases_free(&b);
}

/* git's names of the files in a diff say on which version it was made. */
static void test_diff_of_clone(void **state)
{
	_cleanup_free_ char *dir = make_clone();
	_cleanup_free_ char *command = strf("cd '%s' && sed -i 's/return 1/return 0x4fffffff/' " KVM "cpuid.c && git diff >'%s/my.diff'",
					    dir, given);
	struct bases b;
	struct intake in;

	(void)state;
	open_clone(dir, &b);
	assert_int_equal(system(command), 0);
	assert_int_equal(intake_take(given, &CLONE_HOW(b), scratch, &in), 0);
	expect_version(&in, "v6.12", true);
	intake_free(&in);
	bases_free(&b);
}

static void test_no_clone(void **state)
{
	struct clone *c;

	(void)state;
	assert_int_equal(clone_open(given, &c), -OUT_USAGE);
	assert_non_null(strstr(fail_text(), "no git repository"));
	assert_null(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_names, begin),
		cmocka_unit_test_setup(test_line_ends_and_white_space, begin),
		cmocka_unit_test_setup(test_copies_beside, begin),
		cmocka_unit_test_setup(test_two_versions, begin),
		cmocka_unit_test_setup(test_likely_version, begin),
		cmocka_unit_test_setup(test_diffs, begin),
		cmocka_unit_test_setup(test_versions_of_a_diff, begin),
		cmocka_unit_test_setup(test_diff_that_moved, begin),
		cmocka_unit_test_setup(test_no_change, begin),
		cmocka_unit_test_setup(test_other_age, begin),
		cmocka_unit_test_setup(test_other_work, begin),
		cmocka_unit_test_setup(test_cut_short, begin),
		cmocka_unit_test_setup(test_half, begin),
		cmocka_unit_test_setup(test_half_of_another_age, begin),
		cmocka_unit_test_setup(test_other_diffs, begin),
		cmocka_unit_test_setup(test_white_space_lost, begin),
		cmocka_unit_test_setup(test_plain_diff, begin),
		cmocka_unit_test_setup(test_diff_called_as_a_source, begin),
		cmocka_unit_test_setup(test_context_diff_that_is_damaged, begin),
		cmocka_unit_test_setup(test_other_systems, begin),
		cmocka_unit_test_setup(test_new_file, begin),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test_setup(test_hostile_archive, begin),
		cmocka_unit_test_setup(test_link_out, begin),
		cmocka_unit_test_setup(test_folders_too_deep, begin),
		cmocka_unit_test_setup(test_a_new_module, begin),
		cmocka_unit_test_setup(test_confined, begin),
		cmocka_unit_test_setup(test_archive_of_nothing, begin),
		cmocka_unit_test(test_large_texts_are_read_once),
		cmocka_unit_test_setup(test_attributes_that_hide, begin),
		cmocka_unit_test_setup(test_a_tree_that_never_ends, begin),
		cmocka_unit_test_setup(test_damaged_archive, begin),
		cmocka_unit_test(test_drift_left_out),
		cmocka_unit_test_setup(test_ends_in_the_middle, begin),
		cmocka_unit_test_setup(test_compare_patiently, begin),
		cmocka_unit_test_setup(test_merge, begin),
		cmocka_unit_test_setup(test_merge_loosely, begin),
		cmocka_unit_test_setup(test_merge_moved, begin),
		cmocka_unit_test(test_a_call_returned_later),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_a_function_twice),
		cmocka_unit_test(test_a_call_taken_apart),
		cmocka_unit_test_setup(test_near_neighbours, begin),
		cmocka_unit_test(test_seeds),
		cmocka_unit_test(test_lines),
		cmocka_unit_test_setup(test_large_change, begin),
		cmocka_unit_test(test_folders_left_out),
		cmocka_unit_test_setup(test_archives_by_content, begin),
		cmocka_unit_test_setup(test_damaged_document, begin),
		cmocka_unit_test_setup(test_work_in_a_branch, begin),
		cmocka_unit_test_setup(test_colours, begin),
		cmocka_unit_test_setup(test_own_files, begin),
		cmocka_unit_test_setup(test_diff_of_another_version, begin),
		cmocka_unit_test_setup(test_number_in_the_file_beside, begin),
		cmocka_unit_test_setup(test_margins, begin),
		cmocka_unit_test_setup(test_lines_cut_in_two, begin),
		cmocka_unit_test_setup(test_no_context, begin),
		cmocka_unit_test_setup(test_what_is_not_built, begin),
		cmocka_unit_test_setup(test_whole_file_and_diff, begin),
		cmocka_unit_test_setup(test_said_twice, begin),
		cmocka_unit_test_setup(test_log_of_commits, begin),
		cmocka_unit_test_setup(test_document, begin),
		cmocka_unit_test_setup(test_program_beside, begin),
		cmocka_unit_test_setup(test_piece_of_a_program, begin),
		cmocka_unit_test_setup(test_diff_of_a_part, begin),
		cmocka_unit_test_setup(test_unread_is_not_empty, begin),
		cmocka_unit_test(test_drift_fails_nobody),
		cmocka_unit_test(test_fastpath_is_told),
		cmocka_unit_test(test_an_unseen_base_fails_nobody),
		cmocka_unit_test(test_other_leaves_fail_nobody),
		cmocka_unit_test(test_another_map_fails_nobody),
		cmocka_unit_test(test_no_wrong_zero),
		cmocka_unit_test(test_skipped_is_no_loss),
		cmocka_unit_test(test_rubric),
		cmocka_unit_test(test_rubric_refused),
		cmocka_unit_test(test_rubric_warnings),
		cmocka_unit_test_setup(test_points_told, begin),
		cmocka_unit_test_setup(test_version_of_clone, begin),
		cmocka_unit_test_setup(test_diff_of_clone, begin),
		cmocka_unit_test_setup(test_no_clone, begin),
		cmocka_unit_test_setup(test_points_if_it_is_its_own_fault, begin),
		cmocka_unit_test_setup(test_hidden_is_hidden, begin),
		cmocka_unit_test(test_alike),
	};

	return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
