// SPDX-License-Identifier: GPL-2.0-only
/*
 * Patches as data: how they are read, which are refused, what is said of one that does not apply,
 * and that a work tree gets just the files that differ. The patches in data/series were made by
 * git from data/series/tree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants these before it */
#include <cmocka.h>
#undef fail /* core/outcome.h's is meant */

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "kernel/make.h"
#include "kernel/patches.h"
#include "kernel/series.h"
#include "kernel/shortcut.h"
#include "kernel/tree.h"
#include "kernel/worktree.h"

/* cmocka's fail_msg() is made of its fail(), which is gone */
#define die(...) (print_error(__VA_ARGS__), print_error("\n"), _fail(__FILE__, __LINE__))

#define X86_C "arch/x86/kvm/x86.c"
#define DATA "harness/tests/data/series"

static char *data(const char *name)
{
	_cleanup_free_ char *relative = strf(DATA "/%s", name);

	return path_in_root(relative);
}

static void assert_says(const char *part)
{
	if (!strstr(fail_text(), part))
		die("'%s' is not in: %s", part, fail_text());
}

/* ---- reading ---- */

static void read_patch(const char *name, struct patch *p)
{
	_cleanup_free_ char *path = data(name);
	_cleanup_buf_ struct buf b = { 0 };

	assert_int_equal(file_read(path, &b), 0);
	if (patch_parse(path, buf_str(&b), b.len, p))
		die("%s: %s", name, fail_text());
}

static void assert_file(const struct patch_file *f, const char *old_path, const char *new_path,
			size_t hunks)
{
	if (old_path)
		assert_string_equal(f->old_path, old_path);
	else
		assert_null(f->old_path);
	if (new_path)
		assert_string_equal(f->new_path, new_path);
	else
		assert_null(f->new_path);
	assert_int_equal(f->n_hunks, hunks);
}

static void test_read_shapes(void **state)
{
	static const struct {
		const char *name, *old_path, *new_path;
		size_t hunks;
	} shapes[] = {
		{ "mail/0002-KVM-x86-Answer-the-new-hypercall.patch", X86_C, X86_C, 2 },
		{ "git-diff.patch", X86_C, X86_C, 1 },
		{ "plain.patch", X86_C, X86_C, 1 },
		{ "crlf.patch", X86_C, X86_C, 1 },
		{ "rename.patch", "arch/x86/kvm/old.c", "arch/x86/kvm/new.c", 1 },
		{ "delete.patch", "arch/x86/kvm/old.c", NULL, 1 },
		{ "mode.patch", "scripts/run.sh", "scripts/run.sh", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct patch p;

		read_patch(shapes[i].name, &p);
		assert_int_equal(p.n_files, 1);
		assert_file(&p.files[0], shapes[i].old_path, shapes[i].new_path, shapes[i].hunks);
		patch_free(&p);
	}
}

static void test_read_new_files(void **state)
{
	struct patch p;

	(void)state;
	read_patch("new-file.patch", &p);
	assert_int_equal(p.n_files, 2);
	assert_file(&p.files[0], NULL, "arch/x86/kvm/info/info.c", 1);
	assert_file(&p.files[1], NULL, "scripts/new.sh", 1);
	patch_free(&p);
}

static void test_read_hunk_places(void **state)
{
	struct patch p;

	(void)state;
	read_patch("other-base.patch", &p);
	assert_int_equal(p.files[0].line, 1);
	assert_int_equal(p.files[0].hunks[1].line, 14);
	assert_int_equal(p.files[0].hunks[1].old_start, 63);
	patch_free(&p);
}

static void test_read_crlf_as_lf(void **state)
{
	struct patch crlf, lf;

	(void)state;
	read_patch("crlf.patch", &crlf);
	read_patch("git-diff.patch", &lf);
	assert_string_equal(buf_str(&crlf.text), buf_str(&lf.text));
	patch_free(&crlf);
	patch_free(&lf);
}

static int parse_text(const char *text)
{
	struct patch p;
	int ret = patch_parse("some.patch", text, strlen(text), &p);
	int files = (int)p.n_files;

	patch_free(&p);
	return ret ? ret : files;
}

/* A CR within the change is the change's own. */
static void test_keep_cr_of_the_change(void **state)
{
	static const char text[] = "--- a/x/y\n+++ b/x/y\n@@ -1 +1 @@\n-a\n+b\r\n";
	struct patch p;

	(void)state;
	assert_int_equal(patch_parse("some.patch", text, strlen(text), &p), 0);
	assert_string_equal(buf_str(&p.text), text);
	patch_free(&p);
}

/* "-- a/x" taken out and "++ b/y" put in read like a header, and are none. */
static void test_headers_within_a_hunk(void **state)
{
	(void)state;
	assert_int_equal(parse_text("--- a/x/y\n+++ b/x/y\n@@ -1,2 +1,2 @@\n"
				    "--- a/../etc/passwd\n+++ b/../etc/passwd\n same\n"),
			 1);
}

static void test_text_without_diff(void **state)
{
	(void)state;
	assert_int_equal(parse_text(""), 0);
	assert_int_equal(parse_text("From: me\n--- \n-- \n2.39\n"), 0);
	assert_int_equal(parse_text("diff --git \n"), -OUT_BUILD_ERROR);
	assert_says("some.patch:1: a diff header from which no file name can be read");
}

#define NAMES(old, new) "--- " old "\n+++ " new "\n@@ -0,0 +1 @@\n+x\n"
#define GIT(line) "diff --git a/x/y b/x/y\n" line "\n"

static const struct {
	const char *text, *why;
} hostile[] = {
	{ NAMES("/dev/null", "b/x/.."), "some.patch:2: a file name that climbs out" },
	{ NAMES("/dev/null", "b/../../.git/config"), "some.patch:2: a file name in git's own" },
	{ NAMES("/dev/null", "../obj/vmlinux"), "where the built objects lie" },
	{ NAMES("/dev/null", "b//etc/passwd"), "some.patch:2: a file name with an empty part" },
	{ NAMES("/dev/null", "../"), "an empty part" },
	{ NAMES("/dev/null", "b/.git/hooks/pre-commit"), "git's own folder" },
	{ NAMES("/dev/null", "b/x/.GIT/config"), "git's own folder" },
	{ NAMES("/dev/null", "b/obj/vmlinux"), "where the built objects lie" },
	{ NAMES("/dev/null", "b/x/./y"), "an empty part" },
	{ NAMES("/dev/null", "b/x//y"), "an empty part" },
	{ NAMES("/dev/null", "\"b/x\\ty\""), "a quoted file name" },
	{ NAMES("/dev/null", "b/x\\y"), "backslash" },
	{ NAMES("/dev/null", "/dev/null"), "on both sides" },
	{ GIT("rename from x/y\nrename to y/.git/z"), "some.patch:3: a file name in git's own" },
	{ GIT("copy from x/y\ncopy to x/.."), "some.patch:3: a file name that climbs out" },
	{ GIT("new file mode 120000"), "some.patch:2: the patch makes or changes a symbolic link" },
	{ GIT("deleted file mode 120000"), "symbolic link" },
	{ GIT("new file mode 100644\nrename to y/z"), "some.patch:1: a rename or copy that names one" },
	{ GIT("old mode 100644\nnew mode 120000"),
	  "some.patch:3: the patch makes or changes a sym" },
	{ GIT("index 1234567..89abcde 120000"), "symbolic link" },
	{ GIT("new file mode 160000"), "submodule" },
};

static void test_refuse_hostile(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		if (parse_text(hostile[i].text) != -OUT_BUILD_ERROR)
			die("taken: %s", hostile[i].text);
		assert_says(hostile[i].why);
	}
}

static const struct {
	const char *text, *why;
} damaged[] = {
	{ "--- a/x/y\n+++ b/x/y\n@@ -1,3 +1,3 @@\n a\n-b\n",
	  "some.patch:5: the hunk that begins in line 3" },
	{ "--- a/x/y\n+++ b/x/y\n@@ -1 +1 @@\n-b\ngarbage\n",
	  "promises 0 more old and 1 more new" },
	{ "--- a/x/y\n+++ b/x/y\n@@ -1 +1 @@\n-b\n-b\n", "some.patch:5: the hunk" },
	{ "--- a/x/y\n+++ b/x/y\n@@ -1,x +1 @@\n", "some.patch:3: a damaged hunk header" },
	{ "--- a/x/y\n+++ b/x/y\n@@ -\n", "some.patch:3: a damaged hunk header" },
};

static void test_refuse_damaged(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(damaged); i++) {
		if (parse_text(damaged[i].text) != -OUT_BUILD_ERROR)
			die("taken: %s", damaged[i].text);
		assert_says(damaged[i].why);
	}
}

static void test_refuse_binary(void **state)
{
	struct patch p;

	(void)state;
	assert_int_equal(patch_parse("some.patch", "--- a\0b", 7, &p), -OUT_UNUSABLE);
	assert_says("NUL bytes");
	patch_free(&p);
}

/* ---- applying ---- */

struct lab {
	struct source source;
	struct series series;
	struct worktree tree; /* here, so that a failed test lets go of its lock */
};

static int open_lab(void **state)
{
	struct lab *lab = xcalloc(1, sizeof(*lab));

	lab->source.dir = path_in_cache("src/small");
	strcpy(lab->source.key, "0123456789abcdef");
	lab->tree.lock = -1;
	*state = lab;
	return series_begin(&lab->series, lab->source.dir);
}

static int close_lab(void **state)
{
	struct lab *lab = *state;

	worktree_close(&lab->tree);
	series_free(&lab->series);
	source_free(&lab->source);
	free(lab);
	return 0;
}

static int apply_items(struct lab *lab, const struct strv *items)
{
	struct patches ps;
	int ret = patches_read("PATCH", items, &ps);

	if (!ret)
		ret = series_apply(&lab->series, ps.v, ps.n);
	patches_free(&ps);
	return ret;
}

static int apply(struct lab *lab, const char *name)
{
	_cleanup_strv_ struct strv items = { 0 };

	strv_addf(&items, DATA "/%s", name);
	return apply_items(lab, &items);
}

static void apply_well(struct lab *lab, const char *name)
{
	if (apply(lab, name))
		die("%s: %s", name, fail_text());
}

static void finish(struct lab *lab)
{
	if (series_finish(&lab->series))
		die("%s", fail_text());
}

static char *content(const char *dir, const char *path)
{
	_cleanup_free_ char *full = strf("%s/%s", dir, path);
	_cleanup_buf_ struct buf b = { 0 };

	return file_read(full, &b) ? xstrdup("") : xstrdup(buf_str(&b));
}

static void assert_has(const char *dir, const char *path, const char *text)
{
	_cleanup_free_ char *all = content(dir, path);

	if (!strstr(all, text))
		die("%s/%s has no '%s'", dir, path, text);
}

static void test_apply_folder(void **state)
{
	struct lab *lab = *state;

	apply_well(lab, "mail");
	finish(lab);
	assert_int_equal(lab->series.n_files, 2);
	assert_string_equal(lab->series.files[0].path, X86_C);
	assert_string_equal(lab->series.files[1].path, "include/uapi/linux/kvm_para.h");
	assert_has(lab->series.dir, X86_C, "case KVM_HC_VCPU_INFO:\n\t\treturn 0;");
	assert_has(lab->series.dir, "include/uapi/linux/kvm_para.h", "KVM_HC_VCPU_INFO 13");
}

static void test_apply_each_shape(void **state)
{
	static const char *const names[] = { "git-diff.patch", "plain.patch", "crlf.patch" };
	char first[HASH_HEX_LEN + 1] = "";

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct lab *lab;

		close_lab(state);
		assert_int_equal(open_lab(state), 0);
		lab = *state;
		apply_well(lab, names[i]);
		finish(lab);
		assert_int_equal(lab->series.n_files, 1);
		assert_has(lab->series.dir, X86_C, "int a = n + 11;\n");
		if (i)
			assert_string_equal(lab->series.files[0].hex, first);
		strcpy(first, lab->series.files[0].hex);
	}
}

static void test_apply_rename(void **state)
{
	struct lab *lab = *state;

	apply_well(lab, "rename.patch");
	finish(lab);
	assert_int_equal(lab->series.n_files, 2);
	assert_string_equal(lab->series.files[0].path, "arch/x86/kvm/new.c");
	assert_false(lab->series.files[0].deleted);
	assert_true(lab->series.files[1].deleted);
	assert_has(lab->series.dir, "arch/x86/kvm/new.c", "return new_answer;");
}

static void test_apply_modes(void **state)
{
	struct lab *lab = *state;

	apply_well(lab, "mode.patch");
	apply_well(lab, "new-file.patch");
	finish(lab);
	assert_int_equal(lab->series.n_files, 3);
	assert_string_equal(lab->series.files[1].path, "scripts/new.sh");
	assert_true(lab->series.files[1].executable);
	assert_string_equal(lab->series.files[2].path, "scripts/run.sh");
	assert_false(lab->series.files[2].executable);
}

/* What later patches see is what the earlier ones left: also that a file is gone. */
static void test_apply_on_top(void **state)
{
	struct lab *lab = *state;

	apply_well(lab, "delete.patch");
	assert_int_equal(apply(lab, "rename.patch"), -OUT_BUILD_ERROR);
	assert_says("rename.patch:1: does not apply to arch/x86/kvm/old.c: the source has no such "
		    "file");
}

static void test_key_is_of_contents(void **state)
{
	struct lab *lab = *state;
	struct hash *h;
	char mail[HASH_HEX_LEN + 1], diff[HASH_HEX_LEN + 1];

	apply_well(lab, "crlf.patch");
	finish(lab);
	h = hash_new("test");
	series_hash(&lab->series, h);
	hash_hex(h, mail);
	close_lab(state);
	assert_int_equal(open_lab(state), 0);
	lab = *state;
	apply_well(lab, "plain.patch");
	finish(lab);
	h = hash_new("test");
	series_hash(&lab->series, h);
	hash_hex(h, diff);
	assert_string_equal(mail, diff);
}

static void test_other_base(void **state)
{
	assert_int_equal(apply(*state, "other-base.patch"), -OUT_BUILD_ERROR);
	assert_says("data/series/other-base.patch:14: hunk 2 does not apply to " X86_C
		    ": around its line 63");
}

static void test_no_such_file(void **state)
{
	assert_int_equal(apply(*state, "no-such-file.patch"), -OUT_BUILD_ERROR);
	assert_says("no-such-file.patch:1: does not apply to arch/x86/kvm/vmx.c: the source has no "
		    "such");
}

static void test_file_exists_already(void **state)
{
	struct lab *lab = *state;

	apply_well(lab, "new-file.patch");
	assert_int_equal(apply(lab, "new-file.patch"), -OUT_BUILD_ERROR);
	assert_says("does not apply to arch/x86/kvm/info/info.c: the patch makes it, and the "
		    "source has");
}

static void test_cut_short(void **state)
{
	assert_int_equal(apply(*state, "cut-short.patch"), -OUT_BUILD_ERROR);
	assert_says("cut-short.patch:19: the hunk that begins in line 14 ends early");
}

static void test_no_such_item(void **state)
{
	assert_int_equal(apply(*state, "nothing.patch"), -OUT_USAGE);
	assert_says("data/series/nothing.patch: No such file");
}

/* A symbolic link is never made, whoever reads the patch otherwise than we do. */
static void test_link_behind_our_back(void **state)
{
	struct lab *lab = *state;
	_cleanup_strv_ struct strv items = { 0 };
	_cleanup_free_ char *path = path_in_cache("link.patch");
	static const char text[] = "diff --git a/x/y b/x/y\nnew file mode  120000\n--- /dev/null\n"
				   "+++ b/x/y\n@@ -0,0 +1 @@\n+/etc/passwd\n"
				   "\\ No newline at end of file\n";

	assert_int_equal(file_write(path, text, strlen(text), 0644), 0);
	strv_add(&items, path);
	assert_int_equal(apply_items(lab, &items), -OUT_BUILD_ERROR);
	assert_says("x/y");
}

static void test_series_leaves_nothing(void **state)
{
	struct lab *lab = *state;
	_cleanup_free_ char *dir = xstrdup(lab->series.dir);

	apply_well(lab, "mail");
	series_free(&lab->series);
	assert_false(path_exists(dir));
}

/* ---- the work tree ---- */

struct mark {
	ino_t inode;
	struct timespec time;
};

static struct mark mark_of(const char *dir, const char *path)
{
	_cleanup_free_ char *full = strf("%s/%s", dir, path);
	struct stat st;

	assert_int_equal(stat(full, &st), 0);
	return (struct mark){ st.st_ino, st.st_mtim };
}

static bool same_mark(struct mark a, struct mark b)
{
	return a.inode == b.inode && a.time.tv_sec == b.time.tv_sec &&
	       a.time.tv_nsec == b.time.tv_nsec;
}

static struct worktree *open_tree(struct lab *lab, enum worktree_use use)
{
	worktree_close(&lab->tree);
	if (worktree_open(&lab->source, "test", use, &lab->tree))
		die("%s", fail_text());
	return &lab->tree;
}

static unsigned int install(struct worktree *w, struct lab *lab)
{
	_cleanup_strv_ struct strv written = { 0 };

	if (worktree_install(w, lab->source.dir, &lab->series, &written))
		die("%s", fail_text());
	return (unsigned int)written.n;
}

/* Another series on the same tree. */
static void change_series(struct lab *lab, const char *name)
{
	series_free(&lab->series);
	assert_int_equal(series_begin(&lab->series, lab->source.dir), 0);
	if (name)
		apply_well(lab, name);
	finish(lab);
}

static void test_install_only_what_differs(void **state)
{
	struct lab *lab = *state;
	struct worktree *w;
	struct mark pristine = mark_of(lab->source.dir, X86_C), header;

	change_series(lab, "mail");
	w = open_tree(lab, WORKTREE_TO_BUILD);
	assert_true(w->fresh);
	assert_true(same_mark(mark_of(w->src, X86_C), pristine));
	assert_int_equal(install(w, lab), 2);
	assert_false(same_mark(mark_of(w->src, X86_C), pristine));
	assert_true(same_mark(mark_of(lab->source.dir, X86_C), pristine));
	header = mark_of(w->src, "include/uapi/linux/kvm_para.h");
	assert_int_equal(install(w, lab), 0);

	change_series(lab, "mail/0001-KVM-Reserve-a-hypercall-number.patch");
	assert_int_equal(install(w, lab), 1); /* x86.c goes back; the header stays as it is */
	assert_true(same_mark(mark_of(w->src, "include/uapi/linux/kvm_para.h"), header));
	/* With the time of now: the pristine time would be older than the patched file's object. */
	assert_false(same_mark(mark_of(w->src, X86_C), pristine));
	assert_has(w->src, X86_C, "int a = n + 2;");
	worktree_close(w);
}

/* ---- a build that was killed ---- */

static void put_object(const struct worktree *w, const char *name)
{
	_cleanup_free_ char *path = strf("%s/%s", w->obj, name);
	_cleanup_free_ char *parent = xstrndup(path, (size_t)(strrchr(path, '/') - path));

	assert_int_equal(mkdir_p(parent), 0);
	assert_int_equal(file_write(path, "x", 1, 0666), 0);
}

/* Each in a tick of its own: times of files are no finer. */
static void put_objects(const struct worktree *w, const char *names)
{
	_cleanup_strv_ struct strv all = { 0 };

	strv_split(&all, names, " ");
	usleep(20000);
	for (size_t i = 0; i < all.n; i++)
		put_object(w, all.v[i]);
	usleep(20000);
}

static void assert_objects(const struct worktree *w, const char *names, bool there)
{
	_cleanup_strv_ struct strv all = { 0 };

	strv_split(&all, names, " ");
	for (size_t i = 0; i < all.n; i++)
		if (tree_has_file(w->obj, all.v[i], NULL) != there)
			die("%s is%s there", all.v[i], there ? " not" : "");
}

#define OLD "vmlinux kvm/kept.o kvm/.kept.o.cmd include/config/A include/generated/autoconf.h .config"

/* It wrote these files, the old ones too, and had no end. */
static struct worktree *kill_build(struct lab *lab, const char *before, const char *written)
{
	struct worktree *w = open_tree(lab, WORKTREE_TO_BUILD);

	put_objects(w, OLD);
	put_objects(w, before);
	assert_int_equal(worktree_begin(w), 0);
	put_objects(w, written);
	return open_tree(lab, WORKTREE_TO_BUILD);
}

/*
 * What it left is cut off, and newer than its source. All else is good, and was thrown away once:
 * then each later change from outside was a build of 2,090 objects.
 */
static void test_killed_build(void **state)
{
	struct worktree *w = kill_build(*state, "kvm/x86.o kvm/.x86.o.cmd kvm/half.o nestlab.whole",
					"kvm/x86.o kvm/.half.o.cmd kvm/new.o kvm/.new.o.d "
					"include/config/.kernel.release.tmp modules.order");

	assert_objects(w, OLD, true);
	assert_objects(w,
		       "kvm/x86.o kvm/.x86.o.cmd kvm/half.o kvm/.half.o.cmd kvm/new.o "
		       "kvm/.new.o.d include/config/.kernel.release.tmp modules.order "
		       "nestlab.whole",
		       false);
	assert_false(worktree_is_whole(w));
	assert_false(path_exists(w->mark));
	worktree_close(w);
}

static void test_ended_build(void **state)
{
	struct worktree *w = open_tree(*state, WORKTREE_TO_BUILD);

	assert_int_equal(worktree_begin(w), 0);
	put_objects(w, "vmlinux nestlab.whole");
	worktree_end(w);
	w = open_tree(*state, WORKTREE_TO_BUILD);
	assert_objects(w, "vmlinux nestlab.whole", true);
	worktree_close(w);
}

/* `mv` keeps the time at which the file was written. */
static void test_killed_build_moves(void **state)
{
	struct worktree *w = open_tree(*state, WORKTREE_TO_BUILD);
	_cleanup_free_ char *from = strf("%s/old.tmp", w->obj), *to = strf("%s/old.o", w->obj);

	put_objects(w, "old.tmp");
	assert_int_equal(worktree_begin(w), 0);
	assert_int_equal(rename(from, to), 0);
	w = open_tree(*state, WORKTREE_TO_BUILD);
	assert_objects(w, "old.o", false);
	worktree_close(w);
}

/*
 * include/config/B was touched as the option changed. Without it the old objects that read B would
 * look as new as they should be.
 */
static void test_killed_configuration(void **state)
{
	struct worktree *w = kill_build(*state, "kvm/x86.o", "include/config/B");
	_cleanup_free_ char *away = strf("%s/dropped", w->dir);

	assert_objects(w, OLD " kvm/x86.o include/config/B", false);
	assert_true(path_exists(w->obj));
	assert_false(path_exists(away));
	worktree_close(w);
}

/* The clock was set back: no time says what is old. */
static void test_killed_build_in_the_future(void **state)
{
	struct timespec times[2] = { { .tv_sec = 4000000000 }, { .tv_sec = 4000000000 } };
	struct worktree *w = open_tree(*state, WORKTREE_TO_BUILD);

	put_objects(w, OLD);
	assert_int_equal(worktree_begin(w), 0);
	assert_int_equal(utimensat(AT_FDCWD, w->mark, times, 0), 0);
	w = open_tree(*state, WORKTREE_TO_BUILD);
	assert_objects(w, OLD, false);
	worktree_close(w);
}

static void test_install_new_and_gone_files(void **state)
{
	struct lab *lab = *state;
	struct worktree *w;

	change_series(lab, "new-file.patch");
	w = open_tree(lab, WORKTREE_TO_BUILD);
	install(w, lab);
	assert_has(w->src, "arch/x86/kvm/info/info.c", "int vcpu_info;");
	change_series(lab, "rename.patch");
	install(w, lab);
	assert_false(tree_has_file(w->src, "arch/x86/kvm/info/info.c", NULL));
	assert_false(tree_has_file(w->src, "arch/x86/kvm/old.c", NULL));
	change_series(lab, NULL);
	install(w, lab);
	assert_has(w->src, "arch/x86/kvm/old.c", "return old_answer;");
	assert_false(tree_has_file(w->src, "arch/x86/kvm/new.c", NULL));
	{
		_cleanup_free_ char *dir = strf("%s/arch/x86/kvm/info", w->src);

		assert_false(path_exists(dir)); /* the folder went with its last file */
	}
	worktree_close(w);
}

/* The record was written, and some of the files: whatever they hold, they end up right. */
static void test_install_after_a_killed_run(void **state)
{
	struct lab *lab = *state;
	struct worktree *w;
	_cleanup_free_ char *file = NULL, *record = NULL;

	change_series(lab, NULL);
	w = open_tree(lab, WORKTREE_TO_BUILD);
	install(w, lab);
	file = strf("%s/" X86_C, w->src);
	record = strf("%s/installed", w->dir);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(file_write(file, "half", 4, 0644), 0);
	assert_int_equal(file_write(record, X86_C "\nscripts/run.sh\n", 34, 0644), 0);
	assert_int_equal(install(w, lab), 1);
	assert_has(w->src, X86_C, "kvm_emulate_hypercall");
	assert_has(lab->source.dir, X86_C, "kvm_emulate_hypercall");
	worktree_close(w);
}

/* What is written in a private tree reaches no other one, and goes with it. */
static void check_private(struct lab *lab, enum worktree_use use)
{
	struct worktree *w;
	_cleanup_free_ char *dir = NULL, *shared = path_in_cache("work/test/src/obj/built.o");
	_cleanup_free_ char *copied = NULL;

	w = open_tree(lab, WORKTREE_TO_BUILD);
	worktree_close(w);
	assert_int_equal(file_write(shared, "trusted", 7, 0644), 0);
	w = open_tree(lab, use);
	assert_true(w->private);
	install(w, lab);
	copied = strf("%s/built.o", w->obj);
	assert_has(w->obj, "built.o", "trusted");
	{ /* in place, as a compiler may do it */
		FILE *f = fopen(copied, "r+");

		assert_non_null(f);
		fputs("hostile", f);
		fclose(f);
	}
	dir = xstrdup(w->dir);
	worktree_close(w);
	assert_false(path_exists(dir));
	{
		_cleanup_free_ char *work = path_in_cache("work/test/src");

		assert_has(work, "obj/built.o", "trusted");
		assert_has(work, X86_C, "int a = n + 2;");
	}
}

static void test_private(void **state)
{
	struct lab *lab = *state;

	change_series(lab, "mail");
	check_private(lab, WORKTREE_COPIED);
	check_private(lab, WORKTREE_APART);
}

/* In the sandbox, where there is one: what it sees, writes, replaces and removes. */
static void run_in(const struct worktree *w)
{
	static const char *const args[] = {
		"sh", "-c", "grep -q trusted obj/built.o && echo hostile >obj/built.o && rm obj/other.o && mkdir obj/new", NULL,
	};
	_cleanup_free_ char *log = path_in_cache("in.log"), *none = path_in_cache("no-ccache");
	struct make m;

	assert_int_equal(mkdir_p(none), 0);
	make_init(&m, w, "a build", log, none);
	assert_int_equal(make_command(&m, 60, args), 0);
	make_free(&m);
}

/* Two strangers at the same time, and neither meets what the other one leaves. */
static void test_two_apart(void **state)
{
	struct lab *lab = *state;
	_cleanup_free_ char *objects = path_in_cache("work/test/src/obj");
	_cleanup_free_ char *built = strf("%s/built.o", objects), *gone = strf("%s/other.o", objects);
	struct worktree other;

	open_tree(lab, WORKTREE_TO_BUILD);
	assert_int_equal(file_write(built, "trusted", 7, 0644), 0);
	assert_int_equal(file_write(gone, "", 0, 0644), 0);
	open_tree(lab, WORKTREE_APART);
	assert_int_equal(worktree_open(&lab->source, "test", WORKTREE_APART, &other), 0);
	run_in(&other);
	assert_has(other.obj, "built.o", "hostile");
	assert_false(tree_has_file(other.obj, "other.o", NULL));
	run_in(&lab->tree);
	worktree_close(&lab->tree);
	worktree_close(&other);
	assert_has(objects, "built.o", "trusted");
	assert_true(tree_has_file(objects, "other.o", NULL));
	assert_false(tree_has_file(objects, "new", NULL));
}

/* The same source with another series: what was built is taken over, and not called whole. */
static void test_kin(void **state)
{
	struct lab *lab = *state;
	_cleanup_free_ char *objects = path_in_cache("work/test-one-11111111/src/obj");
	_cleanup_free_ char *built = strf("%s/built.o", objects), *whole = strf("%s/" WORKTREE_WHOLE, objects);
	struct worktree first, w;

	assert_int_equal(worktree_open(&lab->source, "test-one-11111111", WORKTREE_TO_BUILD, &first), 0);
	assert_true(first.fresh);
	change_series(lab, "mail");
	install(&first, lab);
	assert_int_equal(file_write(built, "trusted", 7, 0644), 0);
	worktree_close(&first);
	/* One that is half built is none to go on from. */
	assert_int_equal(worktree_open(&lab->source, "test-one-22222222", WORKTREE_TO_BUILD, &w), 0);
	assert_false(tree_has_file(w.obj, "built.o", NULL));
	worktree_close(&w);
	assert_int_equal(file_write(whole, "", 0, 0644), 0);
	assert_int_equal(worktree_open(&lab->source, "test-two-11111111", WORKTREE_TO_BUILD, &w), 0);
	assert_false(tree_has_file(w.obj, "built.o", NULL));
	worktree_close(&w);
	assert_int_equal(worktree_open(&lab->source, "test-one-33333333", WORKTREE_APART, &w), 0);
	assert_has(w.obj, "built.o", "trusted");
	assert_false(tree_has_file(w.obj, WORKTREE_WHOLE, NULL));
	assert_has(w.src, X86_C, "case KVM_HC_VCPU_INFO:");
	change_series(lab, NULL);
	assert_true(install(&w, lab) > 0);
	assert_has(w.src, X86_C, "int a = n + 2;");
	worktree_close(&w);
	assert_true(path_exists(whole));
}

static void test_needless_files(void **state)
{
	struct lab *lab = *state;
	struct worktree *w;

	w = open_tree(lab, WORKTREE_TO_BUILD);
	assert_true(tree_has_file(w->src, "arch/arm/Kconfig", NULL));
	assert_true(tree_has_file(w->src, "arch/arm/kernel/setup.c", NULL));
	assert_false(tree_has_file(w->src, "Documentation/kvm.rst", NULL));
	assert_true(tree_has_file(w->src, "arch/x86/Makefile", NULL));
	worktree_close(w);
}

/* ---- the shortcut ---- */

static void put_cmd(const struct worktree *w, const char *name, const char *text)
{
	_cleanup_free_ char *path = strf("%s/%s", w->obj, name);

	assert_int_equal(file_write(path, text, strlen(text), 0644), 0);
}

static bool allowed(const struct lab *lab, const struct worktree *w, const char *changed)
{
	_cleanup_strv_ struct strv written = { 0 }, modules = { 0 };

	strv_split(&written, changed, " ");
	strv_add(&modules, "arch/x86/kvm/kvm.ko");
	return shortcut_allowed(w, lab->source.dir, &written, &modules);
}

static void test_shortcut(void **state)
{
	static const struct {
		const char *changed;
		bool allowed;
	} cases[] = {
		{ "", true },
		{ X86_C, true },
		{ "arch/x86/kvm/old.c", false },	   /* in the image, by another way */
		{ "include/uapi/linux/kvm_para.h", false }, /* in the image */
		{ X86_C " include/uapi/linux/kvm_para.h", false },
		{ "arch/x86/kvm/new.c", true },	     /* new, in the module's folder */
		{ "arch/x86/include/asm/new.h", false }, /* new, and may shadow another */
		{ "arch/x86/kvm/Makefile", false },
		{ "arch/x86/kvm/Kconfig", false },
	};
	struct lab *lab = *state;
	struct worktree *w;

	w = open_tree(lab, WORKTREE_TO_BUILD);
	put_cmd(w, ".x86.o.cmd", "cmd := gcc -DMODULE -c\ndeps := ../arch/x86/kvm/x86.c \\\n"
				  "../include/uapi/linux/kvm_para.h\n");
	put_cmd(w, ".fork.o.cmd", "cmd := gcc -c\ndeps := ../include/uapi/linux/kvm_para.h \\\n"
				   "../arch/x86/kernel/../kvm/old.c\n");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (allowed(lab, w, cases[i].changed) != cases[i].allowed)
			die("'%s' should%s be allowed", cases[i].changed,
			    cases[i].allowed ? "" : " not");
	assert_false(worktree_is_whole(w));
	worktree_set_whole(w);
	assert_true(worktree_is_whole(w));
	(void)worktree_clear_whole(w);
	assert_false(worktree_is_whole(w));
	worktree_close(w);
}

static char cache[] = "/tmp/nestlab-test-series-XXXXXX";

static int make_cache(void **state)
{
	_cleanup_free_ char *tree = data("tree"), *src = NULL, *to = NULL;

	(void)state;
	if (!mkdtemp(cache) || setenv("NESTLAB_CACHE", cache, 1))
		return -1;
	/* Where pristine trees are: another user's checkout gives no hard links. */
	src = path_in_cache("src");
	to = path_in_cache("src/small");
	return mkdir_p(src) || tree_clone(tree, to, TREE_COPY, NULL);
}

static int remove_cache(void **state)
{
	(void)state;
	return rm_rf(cache);
}

#define WITH_LAB(t) cmocka_unit_test_setup_teardown(t, open_lab, close_lab)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_shapes),
		cmocka_unit_test(test_read_new_files),
		cmocka_unit_test(test_read_hunk_places),
		cmocka_unit_test(test_read_crlf_as_lf),
		cmocka_unit_test(test_keep_cr_of_the_change),
		cmocka_unit_test(test_headers_within_a_hunk),
		cmocka_unit_test(test_text_without_diff),
		cmocka_unit_test(test_refuse_hostile),
		cmocka_unit_test(test_refuse_damaged),
		cmocka_unit_test(test_refuse_binary),
		WITH_LAB(test_apply_folder),
		WITH_LAB(test_apply_each_shape),
		WITH_LAB(test_apply_rename),
		WITH_LAB(test_apply_modes),
		WITH_LAB(test_apply_on_top),
		WITH_LAB(test_key_is_of_contents),
		WITH_LAB(test_other_base),
		WITH_LAB(test_no_such_file),
		WITH_LAB(test_file_exists_already),
		WITH_LAB(test_cut_short),
		WITH_LAB(test_no_such_item),
		WITH_LAB(test_link_behind_our_back),
		WITH_LAB(test_series_leaves_nothing),
		WITH_LAB(test_install_only_what_differs),
		WITH_LAB(test_killed_build),
		WITH_LAB(test_ended_build),
		WITH_LAB(test_killed_build_moves),
		WITH_LAB(test_killed_configuration),
		WITH_LAB(test_killed_build_in_the_future),
		WITH_LAB(test_install_new_and_gone_files),
		WITH_LAB(test_install_after_a_killed_run),
		WITH_LAB(test_private),
		WITH_LAB(test_two_apart),
		WITH_LAB(test_kin),
		WITH_LAB(test_needless_files),
		WITH_LAB(test_shortcut),
	};

	return cmocka_run_group_tests(tests, make_cache, remove_cache);
}
