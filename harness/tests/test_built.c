// SPDX-License-Identifier: GPL-2.0-only
/*
 * An emulator that is built here: of a package that an apt-get of this test's own hands out, with
 * one patch.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "machine/built.h"
#include "plan/lane.h"

#include <cmocka.h>

static const struct cache_kind programs = {
	.folder = "toy", .whole = "toy", .what = "toys", .keep_entries = 3,
};
CACHE_KIND(programs);

static const char *const options[] = { "--small" };

static const struct built toy = {
	.name = "toy",
	.title = "Toy",
	.suite = "some",
	.unpack = "mkdir src; cp configure text src",
	.options = options,
	.n_options = ARRAY_SIZE(options),
	.compile = "mkdir out; cat configured text >out/toy",
	.program = "out/toy",
	.told = "built",
	.kind = &programs,
};

/* Any question of a mirror is answered, any list can be read; the source is two files. */
static const char apt[] = "#!/bin/sh\n"
			  "case \"$*\" in\n"
			  "*indextargets*) echo http://debian.test/ ;;\n"
			  "*'--download-only source toy')\n"
			  "	[ -z \"$NO_SOURCE\" ] || exit 100\n"
			  "	printf '#!/bin/sh\\necho \"$@\" >configured\\n' >configure; chmod 755 configure\n"
			  "	echo Debian >text ;;\n"
			  "esac\n";

static const char patch[] = "Subject: ours\n\n--- a/text\n+++ b/text\n@@ -1 +1 @@\n-Debian\n+%s\n";

static char *dir;

static void put(const char *name, const char *text, mode_t mode)
{
	_cleanup_free_ char *path = strf("%s/%s", dir, name);

	assert_int_equal(file_write(path, text, strlen(text), mode), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void put_patch(const char *line)
{
	_cleanup_free_ char *text = strf(patch, line);

	put("config/toy/1.patch", text, 0644);
}

static int set_up(void **state)
{
	_cleanup_free_ char *config = NULL, *path = NULL;

	(void)state;
	dir = xstrdup("/tmp/nestlab-built-XXXXXX");
	assert_non_null(mkdtemp(dir));
	config = strf("%s/config/toy", dir);
	path = strf("%s:%s", dir, getenv("PATH"));
	assert_int_equal(mkdir_p(config), 0);
	put("apt-get", apt, 0755);
	setenv("PATH", path, 1);
	setenv("NESTLAB_ROOT", dir, 1);
	return setenv("NESTLAB_CACHE", dir, 1);
}

static int tear_down(void **state)
{
	(void)state;
	rm_rf(dir);
	free(dir);
	return 0;
}

static void program_is(const char *text)
{
	_cleanup_free_ char *program = built_program(&toy);
	_cleanup_buf_ struct buf b = { 0 };

	assert_non_null(program);
	assert_string_equal(path_last(program), "toy");
	assert_int_equal(access(program, X_OK), 0);
	assert_int_equal(file_read(program, &b), 0);
	assert_string_equal(buf_str(&b), text);
}

/* One for each patch: who changes one has none until it is built anew. */
static void test_of_its_patches(void **state)
{
	(void)state;
	put_patch("ours");
	assert_null(built_program(&toy));
	assert_int_equal(built_make(&toy), 0);
	program_is("--small\nours\n");
	put_patch("others");
	assert_null(built_program(&toy));
	assert_int_equal(built_make(&toy), 0);
	program_is("--small\nothers\n");
	put_patch("ours");
	program_is("--small\nours\n");
}

static void fails(const char *doing)
{
	assert_int_equal(built_make(&toy), -OUT_BROKEN);
	assert_non_null(strstr(fail_text(), "building Toy (the whole: "));
	assert_non_null(strstr(fail_text(), doing));
	assert_null(built_program(&toy));
}

static void test_what_went_wrong(void **state)
{
	(void)state;
	put("config/toy/1.patch", "--- a/text\n+++ b/text\n@@ -1 +1 @@\n-of another version\n+x\n", 0644);
	fails("patching Toy");
	put_patch("never fetched");
	setenv("NO_SOURCE", "1", 1);
	fails("fetching Toy's source");
	unsetenv("NO_SOURCE");
}

/* Who does without is told once, and tries no more for an hour; who asks for it does. */
static void test_who_does_without(void **state)
{
	(void)state;
	put_patch("of one who does without");
	setenv("NO_SOURCE", "1", 1);
	assert_int_equal(built_provide(&toy), -OUT_BROKEN);
	assert_int_equal(fail_outcome(), OUT_PASS);
	unsetenv("NO_SOURCE");
	assert_int_not_equal(built_provide(&toy), 0);
	assert_null(built_program(&toy));
	assert_int_equal(built_make(&toy), 0);
	put_patch("of one who does");
	assert_int_equal(built_provide(&toy), 0);
	program_is("--small\nof one who does\n");
}

/* ---- a lane that is better with it ---- */

static bool needs_toy(struct lane *l, char **why)
{
	char *ours = l->systems_emulator ? NULL : built_program(&toy);

	*why = xstrdup(ours ? "with our own" : "works");
	if (ours)
		lane_take_built(l, ours);
	return true;
}

static int provide_toy(void)
{
	return built_provide(&toy);
}

static const struct lane_need toy_need = { "toy", needs_toy, provide_toy };
LANE_NEED(toy_need);

static void lane_has(bool own, bool ours)
{
	struct lane l;

	assert_int_equal(lane_choose("auto", NULL, NULL, own, &l), 0);
	assert_int_equal(l.emulator != NULL, ours);
	assert_int_equal(l.spare_cpus, ours ? 0 : 1);
	assert_non_null(strstr(l.reason, ours ? "with our own" : "works"));
	lane_free(&l);
}

static void test_a_lane_is_given_it(void **state)
{
	_cleanup_free_ char *lanes = strf("%s/config/lanes", dir);

	(void)state;
	assert_int_equal(mkdir_p(lanes), 0);
	put("config/lanes/toy.conf", "[lane]\ntitle = Toy\nneeds = toy\nspare_cpus = 1\n[built]\nspare_cpus = 0\n", 0644);
	put_patch("of a lane");
	lane_has(true, false); /* nobody brings labs up */
	lanes_provide();
	lane_has(false, false);
	assert_null(built_program(&toy));
	lane_has(true, true);
	program_is("--small\nof a lane\n");
	lane_has(false, false);
	put_patch("of none");
	setenv("NO_SOURCE", "1", 1);
	lane_has(true, false);
	unsetenv("NO_SOURCE");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_of_its_patches),
		cmocka_unit_test(test_what_went_wrong),
		cmocka_unit_test(test_who_does_without),
		cmocka_unit_test(test_a_lane_is_given_it),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
