// SPDX-License-Identifier: GPL-2.0-only
/*
 * What somebody hands in as a change, and what is made of it. Nothing that was asked for may end as
 * "no change": a folder of *.diff once had the reference judged, and told "pass".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants these before it */
#include <cmocka.h>
#undef fail /* core/outcome.h's is meant */

#include <sys/stat.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "kernel/patches.h"

#define die(...) (print_error(__VA_ARGS__), print_error("\n"), _fail(__FILE__, __LINE__))

#define DIFF "--- a/x/y.c\n+++ b/x/y.c\n@@ -1,2 +1,3 @@\n-a\n+b\n+c\n d\n"
#define MAIL(n, subject) \
	"From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001\n" \
	"From: A Name <a@b.c>\nDate: Thu, 1 Jan 2026 00:00:00 +0000\nSubject: [PATCH " n "] " subject \
	"\n\nWhy.\nFrom here on all is well at 10:00.\n---\n x/y.c | 3 ++-\n\n" DIFF "-- \n2.39.5\n\n"

static char dir[] = "/tmp/nestlab-test-patches-XXXXXX";

/* A file in the folder, made anew; its path. */
static char *put(const char *name, const char *bytes, size_t len)
{
	char *path = strf("%s/%s", dir, name);
	_cleanup_free_ char *parent = xstrndup(path, (size_t)(strrchr(path, '/') - path));

	assert_int_equal(mkdir_p(parent), 0);
	assert_int_equal(file_write(path, bytes, len, 0644), 0);
	return path;
}

static void put_text(const char *name, const char *text)
{
	free(put(name, text, strlen(text)));
}

static int read_item(const char *name, struct patches *ps)
{
	_cleanup_strv_ struct strv items = { 0 };

	strv_addf(&items, "%s/%s", dir, name);
	return patches_read("PATCH", &items, ps);
}

static void read_well(const char *name, struct patches *ps)
{
	if (read_item(name, ps))
		die("%s: %s", name, fail_text());
}

static void assert_refused(const char *name, enum outcome outcome, const char *why)
{
	struct patches ps;

	if (read_item(name, &ps) != -(int)outcome)
		die("%s ended otherwise: %s", name, fail_text());
	if (!strstr(fail_text(), why))
		die("'%s' is not in: %s", why, fail_text());
	patches_free(&ps);
}

static void test_one_mail(void **state)
{
	_cleanup_free_ char *path = put("one.patch", MAIL("v2 3/7", "KVM: x86:\tAn\n idea"),
					strlen(MAIL("v2 3/7", "KVM: x86:\tAn\n idea")));
	char hex[HASH_HEX_LEN + 1];
	struct patches ps;

	(void)state;
	read_well("one.patch", &ps);
	assert_int_equal(ps.n, 1);
	assert_string_equal(ps.v[0].path, path);
	assert_string_equal(ps.v[0].subject, "KVM: x86: An idea");
	assert_string_equal(ps.v[0].author, "A Name <a@b.c>");
	assert_int_equal(ps.v[0].added, 2);
	assert_int_equal(ps.v[0].removed, 1);
	assert_int_equal(ps.v[0].n_files, 1);
	assert_int_equal(ps.v[0].files[0].added, 2);
	assert_int_equal(hash_file(path, hex), 0);
	assert_string_equal(ps.v[0].sha256, hex);
	assert_true(ps.strange);
	patches_free(&ps);
}

static void test_bare_diff(void **state)
{
	struct patches ps;

	(void)state;
	put_text("bare.txt", DIFF);
	read_well("bare.txt", &ps);
	assert_int_equal(ps.n, 1);
	assert_string_equal(ps.v[0].subject, "");
	assert_string_equal(ps.v[0].author, "");
	patches_free(&ps);
}

static void test_control_characters(void **state)
{
	struct patches ps;

	(void)state;
	put_text("esc.patch", "Subject: a\033[31mred\nFrom: x\001y\n\n" DIFF);
	read_well("esc.patch", &ps);
	assert_string_equal(ps.v[0].subject, "a [31mred");
	assert_string_equal(ps.v[0].author, "x y");
	patches_free(&ps);
}

static void test_many_mails_in_one_file(void **state)
{
	struct patches ps;

	(void)state;
	put_text("all.mbox", MAIL("1/2", "First") MAIL("2/2", "Second"));
	read_well("all.mbox", &ps);
	assert_int_equal(ps.n, 2);
	assert_string_equal(ps.v[0].subject, "First");
	assert_string_equal(ps.v[1].subject, "Second");
	assert_int_equal(ps.v[0].n_files, 1);
	assert_non_null(strstr(ps.v[1].path, "all.mbox (mail 2)"));
	assert_string_not_equal(ps.v[0].sha256, ps.v[1].sha256);
	patches_free(&ps);
}

static void test_folder(void **state)
{
	struct patches ps;

	(void)state;
	put_text("folder/0000-cover-letter.patch", "Subject: [PATCH 0/2] All\n\nWords.\n");
	put_text("folder/b.diff", DIFF);
	put_text("folder/a.patch", MAIL("1/1", "A"));
	put_text("folder/README", "words");
	put_text("folder/.hidden.patch", "not a patch");
	read_well("folder", &ps);
	assert_int_equal(ps.n, 2);
	assert_string_equal(patch_base_name(&ps.v[0]), "a.patch");
	assert_string_equal(patch_base_name(&ps.v[1]), "b.diff");
	assert_int_equal(ps.notes.n, 2);
	assert_non_null(strstr(ps.notes.v[0], "cover-letter.patch: passed over: a cover letter"));
	assert_non_null(strstr(ps.notes.v[1], "b.diff; passed over README"));
	patches_free(&ps);
}

/* What a folder's link points to was not handed in: without it the change is another one. */
static void test_links_in_a_folder(void **state)
{
	_cleanup_free_ char *link = strf("%s/links/a.patch", dir), *to = strf("%s/out.patch", dir);
	_cleanup_free_ char *item = strf("%s/links", dir);
	_cleanup_strv_ struct strv items = { 0 };
	struct patches ps;

	(void)state;
	put_text("out.patch", DIFF);
	put_text("links/b.patch", DIFF);
	assert_int_equal(symlink(to, link), 0);
	strv_add(&items, item);
	assert_int_equal(patches_read("PATCH", &items, &ps), -OUT_UNUSABLE);
	assert_non_null(strstr(fail_text(), "links/a.patch: it is a link"));
	fail_clear();
	patches_free(&ps);
}

/* A series of this checkout may share patches with another one. */
static void test_links_in_our_folders(void **state)
{
	_cleanup_strv_ struct strv items = { 0 };
	struct patches ps;

	(void)state;
	strv_add(&items, "testcases/faults/intel-only");
	assert_int_equal(patches_read("PATCH", &items, &ps), 0);
	assert_int_equal(ps.n, 6);
	assert_false(ps.strange);
	patches_free(&ps);
}

static const struct {
	const char *name, *text; /* NULL: it is there already, or is not */
	enum outcome outcome;
	const char *why;
} refused[] = {
	{ "nothing.patch", NULL, OUT_USAGE, "nothing.patch: No such file" },
	{ "empty.patch", "", OUT_UNUSABLE, "the file is empty" },
	{ "words.patch", "Please find my work in the repository.\n", OUT_UNUSABLE,
	  "it is text, and there is no diff in it; make one with `git diff`" },
	{ "binary.patch", "R\001\002\377", OUT_UNUSABLE, "it is binary" },
	{ "zip.patch", "PK\003\004...", OUT_UNUSABLE, "it is a zip archive; unpack it" },
	{ "page.patch", "<!doctype html>\n<html>", OUT_UNUSABLE, "it is a web page" },
	{ "context.patch", "*** x.c\t2024\n--- y.c\t2024\n***************\n*** 1,2 ****\n", OUT_UNUSABLE,
	  "it is a context diff" },
	{ "cpuid.c", "int x;\n", OUT_UNUSABLE, "whole source files can't be taken in yet" },
	{ "headers.patch", "diff --git a/x/y b/x/y\nindex 1..2 100644\n", OUT_UNUSABLE,
	  "its diffs have headers and no changes" },
	{ "0000-cover.patch", "Words.\n", OUT_UNUSABLE, "it is a cover letter" },
	{ "half.patch", "--- a/x\n+++ b/x\n@@ -1,9 +1,9 @@\n a\n", OUT_BUILD_ERROR,
	  "half.patch:4: the hunk that begins in line 3 ends early" },
	{ "whole/cpuid.c", "int x;\n", OUT_UNUSABLE, "whole source files" },
	{ "whole", NULL, OUT_UNUSABLE,
	  "no *.patch, *.diff or *.mbox, but cpuid.c; whole source files can't be taken in yet: what "
	  "is missing is a patch" },
	{ "texts/a.txt", "Words.\n", OUT_UNUSABLE, "no diff in it" },
	{ "texts", NULL, OUT_UNUSABLE, "*.mbox, but a.txt; make one with" },
	{ "mixed/a.patch", DIFF, OUT_PASS, "" },
	{ "mixed/b.patch", "", OUT_UNUSABLE, "mixed/b.patch: the file is empty" },
	{ "mixed", NULL, OUT_UNUSABLE, "/mixed/b.patch: the file is empty" },
	{ "cover/0000-cover.patch", "Words.\n", OUT_UNUSABLE, "cover letter" },
	{ "cover", NULL, OUT_UNUSABLE, "the folder has a cover letter alone" },
};

static void test_refused(void **state)
{
	(void)state;
	fail_clear();
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		if (refused[i].text)
			put_text(refused[i].name, refused[i].text);
		assert_refused(refused[i].name, refused[i].outcome, refused[i].why);
	}
}

static void test_other_refusals(void **state)
{
	_cleanup_free_ char *empty = strf("%s/none", dir), *pipe = strf("%s/pipe.patch", dir);
	_cleanup_free_ char *large = NULL;

	(void)state;
	assert_int_equal(mkdir(empty, 0777), 0);
	assert_refused("none", OUT_UNUSABLE, "the folder is empty");
	assert_int_equal(mkfifo(pipe, 0666), 0);
	assert_refused("pipe.patch", OUT_UNUSABLE, "it is no plain file");
	free(put("nul.patch", "--- a\0b", 7));
	assert_refused("nul.patch", OUT_UNUSABLE, "it is binary");
	free(put("utf16.patch", "\377\376-\0-\0", 6));
	assert_refused("utf16.patch", OUT_UNUSABLE, "it is text in UTF-16");
	large = put("large.patch", DIFF, strlen(DIFF));
	assert_int_equal(truncate(large, (64 << 20) + 1), 0);
	assert_refused("large.patch", OUT_UNUSABLE, "larger than 64 MB");
	assert_int_equal(unlink(large), 0);
}

/* Reviewed like the project's code, or somebody's: by where the file really is. */
static void test_own_and_strange(void **state)
{
	_cleanup_strv_ struct strv items = { 0 }, both = { 0 };
	_cleanup_free_ char *own = path_in_root("testcases/mutants/edx-left.patch");
	_cleanup_free_ char *copy = strf("%s/one.patch", dir), *link = strf("%s/to-own.patch", dir);
	struct patches ps;

	(void)state;
	strv_add(&items, "testcases/mutants/edx-left.patch");
	strv_add(&items, "kernel-patches/6.12/host");
	assert_int_equal(symlink(own, link), 0);
	strv_add(&items, link);
	assert_int_equal(patches_read("PATCH", &items, &ps), 0);
	assert_int_equal(ps.n, 9);
	assert_false(ps.strange);
	patches_free(&ps);
	put_text("one.patch", DIFF);
	strv_add(&both, own);
	strv_add(&both, copy);
	assert_int_equal(patches_read("PATCH", &both, &ps), 0);
	assert_true(ps.strange);
	assert_false(ps.v[0].strange);
	assert_true(ps.v[1].strange);
	patches_keep_own(&ps);
	assert_int_equal(ps.n, 1);
	assert_false(ps.strange);
	patches_free(&ps);
}

static void test_none(void **state)
{
	struct strv none = { 0 };
	struct patches ps;

	(void)state;
	assert_int_equal(patches_read("PATCH", &none, &ps), 0);
	assert_int_equal(ps.n, 0);
	assert_false(ps.strange);
	patches_free(&ps);
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	return rm_rf(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_mail),
		cmocka_unit_test(test_bare_diff),
		cmocka_unit_test(test_control_characters),
		cmocka_unit_test(test_many_mails_in_one_file),
		cmocka_unit_test(test_folder),
		cmocka_unit_test(test_links_in_a_folder),
		cmocka_unit_test(test_links_in_our_folders),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_other_refusals),
		cmocka_unit_test(test_own_and_strange),
		cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
