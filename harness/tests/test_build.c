// SPDX-License-Identifier: GPL-2.0-only
/*
 * kernel_build() as a whole, on a source tree of a few files whose makefile links a "kernel" from
 * them: the harness around it is the real one, with make, git, the sandbox and the store.
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
#include "kernel/kernel.h"
#include "kernel/worktree.h"

#define die(...) (print_error(__VA_ARGS__), print_error("\n"), _fail(__FILE__, __LINE__))

static char dir[] = "/tmp/nestlab-test-build-XXXXXX";

#define X86_C "arch/x86/kvm/x86.c"
#define CHANGE(text) "--- a/" X86_C "\n+++ b/" X86_C "\n@@ -1 +1 @@\n-int a;\n+" text "\n"

/* Objects as kbuild makes them: a step a line, made again when the source is newer. */
static const char makefile[] =
	"objects = $(O)/init.o $(O)/" X86_C ".o\n"
	"bzImage: $(O)/vmlinux\n"
	"\t@mkdir -p $(O)/arch/x86/boot $(O)/include/config\n"
	"\t@cp $(O)/vmlinux $(O)/arch/x86/boot/bzImage; cp $(O)/vmlinux $(O)/System.map\n"
	"\t@echo 1.2.3 >$(O)/include/config/kernel.release\n"
	"$(O)/vmlinux: $(objects)\n\t@echo '  LD      vmlinux'; cat $(objects) >$@\n"
	"$(O)/init.o: init.c\n\t@echo '  CC      init.o'; cp $< $@\n"
	"$(O)/" X86_C ".o: " X86_C "\n\t@mkdir -p $(@D); echo '  CC      x86.o'; cp $< $@\n"
	"allnoconfig:\n\t@cp $(O)/nestlab.config $(O)/.config\n";

static const struct {
	const char *path, *text;
} files[] = {
	{ "tree/Makefile", makefile },	 { "tree/Kconfig", "\n" },
	{ "tree/arch/x86/Makefile", "\n" }, { "tree/init.c", "int init;\n" },
	{ "tree/" X86_C, "int a;\n" },	 { "fragment.config", "CONFIG_A=y\n" },
	{ "same.diff", CHANGE("int a;") }, { "b.diff", CHANGE("int b;") },
	{ "c.diff", CHANGE("int c;") },
	{ "readings.diff", "--- a/init.c\n+++ b/init.c\n@@ -1 +1,2 @@\n int init;\n+int readings;\n" },
	{ "astray.diff", "--- a/init.c\n+++ b/init.c\n@@ -1 +1,2 @@\n int of_another;\n+int readings;\n" },
	{ "bare.diff", "--- x86.c.orig\n+++ x86.c\n@@ -1 +1 @@\n-int a;\n+int b;\n" },
};

static char *in_dir(const char *name)
{
	return strf("%s/%s", dir, name);
}

struct lab {
	struct kernel_conf k;
	enum kernel_role role;
	struct patches change;
	struct kernel_build b;
};

static int open_lab(void **state)
{
	struct lab *lab = xcalloc(1, sizeof(*lab));
	_cleanup_free_ char *fragment = in_dir("fragment.config");

	lab->k.name = xstrdup("small");
	lab->k.path = xstrdup("small.conf");
	lab->k.source.tree = in_dir("tree");
	lab->role = KERNEL_GUEST;
	for (unsigned int i = 0; i < KERNEL_ROLES; i++)
		strv_add(&lab->k.role[i].fragments, fragment);
	*state = lab;
	return 0;
}

static void forget(struct lab *lab)
{
	kernel_build_free(&lab->b);
	patches_free(&lab->change);
}

static int close_lab(void **state)
{
	struct lab *lab = *state;
	_cleanup_free_ char *cache = in_dir("cache");

	forget(lab);
	kernel_conf_free(&lab->k);
	free(lab);
	return rm_rf(cache);
}

/* NULL: the unpatched kernel. */
static int build(struct lab *lab, const char *change)
{
	_cleanup_strv_ struct strv items = { 0 };

	forget(lab);
	if (change)
		strv_addf(&items, "%s/%s", dir, change);
	assert_int_equal(patches_read("PATCH", &items, &lab->change), 0);
	lab->k.role[lab->role].change = &lab->change;
	return kernel_build(&lab->k, lab->role, &lab->b);
}

static void build_well(struct lab *lab, const char *change)
{
	if (build(lab, change))
		die("%s: %s", change ? change : "unpatched", fail_text());
}

static void assert_image(const struct lab *lab, const char *text)
{
	_cleanup_buf_ struct buf b = { 0 };

	assert_int_equal(file_read(lab->b.bzimage, &b), 0);
	assert_string_equal(buf_str(&b), text);
}

/* Lines of the log: what make did for this kernel. */
static size_t steps(const struct lab *lab)
{
	_cleanup_free_ char *log = strf("%s/build.log", lab->b.dir);
	_cleanup_strv_ struct strv lines = { 0 };
	_cleanup_buf_ struct buf b = { 0 };
	size_t n = 0;

	assert_int_equal(file_read(log, &b), 0);
	strv_split(&lines, buf_str(&b), "\n");
	for (size_t i = 0; i < lines.n; i++)
		n += str_starts(lines.v[i], "  ");
	return n;
}

/* The only work tree that is not somebody's private one. */
static char *shared_tree(void)
{
	_cleanup_free_ char *work = path_in_cache("work");
	_cleanup_strv_ struct strv names = { 0 };

	assert_int_equal(dir_list(work, ".lock", &names), 0);
	assert_int_equal(names.n, 1);
	names.v[0][strlen(names.v[0]) - strlen(".lock")] = '\0';
	return strf("%s/%s", work, names.v[0]);
}

static void test_what_went_in(void **state)
{
	struct lab *lab = *state;
	_cleanup_free_ char *path = in_dir("bare.diff");
	char hex[HASH_HEX_LEN + 1], key[HASH_HEX_LEN + 1];

	build_well(lab, "b.diff");
	assert_image(lab, "int init;\nint b;\n");
	assert_false(lab->b.reused);
	assert_int_equal(lab->b.notes.n, 0);
	memcpy(key, lab->b.key, sizeof(key));
	/* another shape of the same change is the same kernel; what went in is told all the same */
	build_well(lab, "bare.diff");
	assert_true(lab->b.reused);
	assert_string_equal(lab->b.key, key);
	assert_int_equal(hash_file(path, hex), 0);
	assert_int_equal(lab->b.n_patches, 1);
	assert_string_equal(lab->b.patches[0].path, path);
	assert_string_equal(lab->b.patches[0].sha256, hex);
	assert_int_equal(lab->b.notes.n, 1);
	assert_string_equal(lab->b.notes.v[0], "bare.diff: x86.c taken as " X86_C);
	assert_non_null(lab->b.source);
}

/* It once was the reference that was judged then. */
static void test_change_without_effect(void **state)
{
	struct lab *lab = *state;

	assert_int_equal(build(lab, "same.diff"), -OUT_UNUSABLE);
	assert_non_null(strstr(fail_text(), "(same.diff) leaves each file as it was before"));
	assert_int_equal(lab->b.n_patches, 1);
}

/* The read text counts, not what the file holds later. */
static void test_file_changes_meanwhile(void **state)
{
	_cleanup_free_ char *path = in_dir("later.diff");
	_cleanup_strv_ struct strv items = { 0 };
	struct lab *lab = *state;

	assert_int_equal(file_write(path, CHANGE("int b;"), strlen(CHANGE("int b;")), 0644), 0);
	strv_add(&items, path);
	assert_int_equal(patches_read("PATCH", &items, &lab->change), 0);
	assert_int_equal(file_write(path, CHANGE("int c;"), strlen(CHANGE("int c;")), 0644), 0);
	lab->k.role[KERNEL_GUEST].change = &lab->change;
	assert_int_equal(kernel_build(&lab->k, KERNEL_GUEST, &lab->b), 0);
	assert_image(lab, "int init;\nint b;\n");
}

/*
 * Whatever becomes of the shared objects while the store has the unpatched kernel: a change from
 * outside is a few steps on a copy of them.
 */
static void test_objects_come_back(void **state)
{
	_cleanup_free_ char *tree = NULL, *obj = NULL, *mark = NULL;
	struct lab *lab = *state;

	build_well(lab, NULL);
	assert_int_equal(steps(lab), 3);
	build_well(lab, "b.diff");
	assert_int_equal(steps(lab), 2);
	tree = shared_tree();
	obj = strf("%s/src/obj", tree);
	mark = strf("%s/building", tree);
	assert_int_equal(rm_rf(obj), 0);
	assert_int_equal(file_write(mark, "", 0, 0666), 0);
	build_well(lab, "c.diff");
	assert_false(lab->b.reused);
	assert_int_equal(steps(lab), 2);
	assert_image(lab, "int init;\nint c;\n");
	build_well(lab, NULL);
	assert_true(lab->b.reused);
	assert_image(lab, "int init;\nint a;\n");
}

/* What a killed build's repair took is made once, and not by each change from outside. */
static void test_repaired_objects_come_back(void **state)
{
	_cleanup_free_ char *tree = NULL, *mark = NULL, *object = NULL;
	struct lab *lab = *state;

	build_well(lab, NULL);
	tree = shared_tree();
	mark = strf("%s/building", tree);
	object = strf("%s/src/obj/init.o", tree);
	usleep(20000);
	assert_int_equal(file_write(mark, "", 0, 0666), 0);
	assert_int_equal(file_write(object, "int", 3, 0666), 0);
	build_well(lab, "b.diff");
	assert_int_equal(steps(lab), 2);
	assert_image(lab, "int init;\nint b;\n");
}

static int make_dir(void **state)
{
	_cleanup_free_ char *cache = NULL;

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *path = in_dir(files[i].path), *parent = xstrdup(path);

		*strrchr(parent, '/') = '\0';
		if (mkdir_p(parent) ||
		    file_write(path, files[i].text, strlen(files[i].text), 0644))
			return -1;
	}
	cache = in_dir("cache");
	return setenv("NESTLAB_CACHE", cache, 1);
}

static int remove_dir(void **state)
{
	(void)state;
	return rm_rf(dir);
}

static void add_readings(struct lab *lab, const char *name)
{
	_cleanup_free_ char *path = in_dir(name);

	lab->role = KERNEL_HOST;
	strv_free(&lab->k.readings);
	strv_add(&lab->k.readings, path);
}

static void test_readings_come_first(void **state)
{
	struct lab *lab = *state;

	add_readings(lab, "readings.diff");
	build_well(lab, NULL);
	assert_image(lab, "int init;\nint readings;\nint a;\n");
	assert_int_equal(lab->b.n_patches, 1);
	build_well(lab, "b.diff");
	assert_image(lab, "int init;\nint readings;\nint b;\n");
	lab->role = KERNEL_GUEST;
	build_well(lab, NULL);
	assert_image(lab, "int init;\nint a;\n");
}

static void test_source_tells_by_itself(void **state)
{
	_cleanup_free_ char *header = in_dir("tree/include/uapi/linux/kvm.h");
	_cleanup_free_ char *include = in_dir("tree/include"), *folder = in_dir("tree/include/uapi/linux");
	static const char text[] = "#define KVM_GET_STATS_FD 1\n";
	struct lab *lab = *state;

	add_readings(lab, "readings.diff");
	assert_int_equal(mkdir_p(folder) || file_write(header, text, strlen(text), 0644), 0);
	build_well(lab, NULL);
	assert_int_equal(rm_rf(include), 0);
	assert_image(lab, "int init;\nint a;\n");
	assert_int_equal(lab->b.n_patches, 0);
}

/* A change is not to blame. */
static void test_readings_go_astray(void **state)
{
	struct lab *lab = *state;

	add_readings(lab, "astray.diff");
	assert_int_equal(build(lab, "b.diff"), -OUT_BROKEN);
	assert_non_null(strstr(fail_text(), "its readings"));
}

#define WITH_LAB(t) cmocka_unit_test_setup_teardown(t, open_lab, close_lab)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LAB(test_what_went_in),
		WITH_LAB(test_change_without_effect),
		WITH_LAB(test_file_changes_meanwhile),
		WITH_LAB(test_objects_come_back),
		WITH_LAB(test_readings_come_first),
		WITH_LAB(test_source_tells_by_itself),
		WITH_LAB(test_readings_go_astray),
		WITH_LAB(test_repaired_objects_come_back),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
