// SPDX-License-Identifier: GPL-2.0-only
/* MONITOR=: what is built, what is refused, and what a monitor.conf says; in a cache of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "monitor/interface.h"
#include "monitor/monitor.h"
#include "monitor/tools.h"
#include "mutants/mutants.h"

#include <cmocka.h>

static char top[] = "/tmp/nestlab-monitor-XXXXXX";
static char *folder; /* of the monitor; emptied before each test */
static struct assignment *assignment;

static void put(const char *name, const char *text)
{
	_cleanup_free_ char *path = strf("%s/%s", folder, name);

	assert_int_equal(file_write(path, text, strlen(text), 0644), 0);
}

static int set_up(void **state)
{
	(void)state;
	rm_rf(folder);
	return mkdir_p(folder);
}

static int prepare(const char *given)
{
	struct monitor m;
	int ret = monitor_prepare(given, assignment, &m);

	if (!ret)
		assert_true(path_exists(m.path));
	/* Of one that was refused the run's folder gets all that its build said. */
	assert_int_equal(ret == -OUT_BUILD_ERROR, m.log != NULL);
	monitor_free(&m);
	return ret;
}

static void assert_fails(int outcome, const char *given, const char *words)
{
	assert_int_equal(prepare(given), -outcome);
	if (!strstr(fail_text(), words))
		fail_msg("no '%s' in: %s", words, fail_text());
}

static void test_c_file(void **state)
{
	_cleanup_free_ char *file = strf("%s/mine.c", folder), *kept = NULL;
	_cleanup_buf_ struct buf out = { 0 };
	struct monitor m;

	(void)state;
	put("mine.c", "#include <stdio.h>\n#include <linux/kvm.h>\n"
		      "int main(void) { printf(\"%d\\n\", KVM_API_VERSION); }\n");
	assert_int_equal(monitor_prepare(file, assignment, &m), 0);
	char *const argv[] = { m.path, NULL };
	struct proc p = { .what = "the monitor", .argv = argv, .out = &out };

	assert_int_equal(proc_run(&p), 0);
	assert_string_equal(buf_str(&out), "12\n");
	kept = xstrdup(m.path);
	monitor_free(&m);
	/* The same again is the same program; another text is another. */
	assert_int_equal(monitor_prepare(file, assignment, &m), 0);
	assert_string_equal(m.path, kept);
	monitor_free(&m);
	put("mine.c", "int main(void) { return 3; }\n");
	assert_int_equal(monitor_prepare(file, assignment, &m), 0);
	assert_string_not_equal(m.path, kept);
	monitor_free(&m);
}

static void test_folder(void **state)
{
	(void)state;
	put("a.c", "int b(void);\nint main(void) { return b(); }\n");
	put("b.c", "int b(void) { return 0; }\n");
	assert_int_equal(prepare(folder), 0);
}

static void test_makefile(void **state)
{
	(void)state;
	put("hello.c", "int main(void) { return 0; }\n");
	put("Makefile", "run: hello\n\t./hello\nhello: hello.o\n\t$(CC) -o $@ $^\n");
	put("monitor.conf", "[monitor]\nprogram = hello\n[options]\nlong = --64\n");
	assert_int_equal(prepare(folder), 0);
}

/*
 * As handed in most often: a target of another name, and warnings that were errors for its author's
 * compiler, or are for ours alone.
 */
static void test_other_target(void **state)
{
	(void)state;
	put("vm.c", "int main(int argc, char **argv) { int unused; }\n");
	put("Makefile", "CFLAGS = -Wall -Wextra -Werror -O2\n"
			"vm-demo: vm.c\n\t$(CC) $(CFLAGS) -o $@ $^\nclean:\n\trm -f vm-demo\n");
	assert_int_equal(prepare(folder), 0);
	/* Below; and the name is a folder's. */
	set_up(NULL);
	put("vm.c", "int main(void) { return 0; }\n");
	put("Makefile", "all: monitor/vm\nmonitor/vm: vm.c\n\tmkdir -p monitor\n\tgcc -o $@ $^\n");
	assert_int_equal(prepare(folder), 0);
	put("monitor.conf", "[monitor]\nprogram = vm\n");
	assert_int_equal(prepare(folder), 0);
	put("monitor.conf", "[monitor]\nprogram = other\n");
	assert_fails(OUT_BUILD_ERROR, folder, "no program other was made (program = in monitor.conf); made were: monitor/vm");
}

static void test_warnings(void **state)
{
	static const char *const strict[] = {
		"override CFLAGS += -Wall -Werror\nmonitor: a.c\n\t$(CC) $(CFLAGS) -o $@ $^\n",
		"monitor: a.c\n\tgcc -Werror=unused-variable -o $@ $^\n",
		"CC = gcc -Wall -Werror -pie\nmonitor: a.o\n\t$(CC) -o $@ $^\n",
		"CC = clang\nmonitor: a.c\n\t$(CC) -Wall -pedantic-errors -Werror $^ -o $@\n",
	};

	(void)state;
	put("a.c", "int main(void) { int unused; struct { int : 3; } s; return 0; }\n");
	for (size_t i = 0; i < ARRAY_SIZE(strict); i++) {
		put("Makefile", strict[i]);
		if (prepare(folder))
			fail_msg("%zu: %s", i, fail_text());
	}
}

static void test_which_program(void **state)
{
	static const char many[] = "all: one two\none two: a.c\n\t$(CC) -o $@ $^\n";

	(void)state;
	put("a.c", "int main(void) { return 0; }\n");
	put("Makefile", many);
	assert_fails(OUT_BUILD_ERROR, folder, "which of the programs that were made is the monitor (one, two)? Say it by program = NAME");
	put("monitor.conf", "[monitor]\nprogram = two\n");
	assert_int_equal(prepare(folder), 0);
	set_up(NULL);
	put("Makefile", "all:\n\techo nothing >made\n");
	assert_fails(OUT_BUILD_ERROR, folder, "it was built, but no program was made");
	/* A guest's program beside it is none that L1 could run. */
	put("a.c", "int main(void) { return 0; }\n");
	put("guest.S", ".globl _start\n_start: hlt\n");
	put("Makefile", "all: vm guest\nvm: a.c\n\t$(CC) -o $@ $^\nguest: guest.S\n\t$(CC) -m32 -nostdlib -o $@ $^\n");
	assert_int_equal(prepare(folder), 0);
	/* Nor is what opens no /dev/kvm, as a benchmark for comparison. */
	set_up(NULL);
	put("a.c", "#include <stdio.h>\nint main(void) { return !fopen(\"/dev/kvm\", \"r\"); }\n");
	put("b.c", "int main(void) { return 0; }\n");
	put("Makefile", "all: vm bench\nvm: a.c\n\t$(CC) -o $@ $^\nbench: b.c\n\t$(CC) -o $@ $^\n");
	assert_int_equal(prepare(folder), 0);
}

/*
 * What came along was built elsewhere: neither is it the monitor, nor does make find it newer than
 * its sources.
 */
static void test_built_before(void **state)
{
	_cleanup_free_ char *program = strf("%s/monitor", folder), *made = NULL;
	_cleanup_buf_ struct buf out = { 0 };
	struct monitor m;

	(void)state;
	assert_int_equal(file_copy("/bin/true", program, 0755), 0);
	put("a.c", "#include <stdio.h>\nint main(void) { puts(\"mine\"); }\n");
	put("Makefile", "monitor: a.c\n\t$(CC) -o $@ $^\n");
	assert_int_equal(monitor_prepare(folder, assignment, &m), 0);
	made = xstrdup(m.path);
	monitor_free(&m);
	char *const argv[] = { made, NULL };
	struct proc p = { .what = "the monitor", .argv = argv, .out = &out };

	assert_int_equal(proc_run(&p), 0);
	assert_string_equal(buf_str(&out), "mine\n");
	put("Makefile", "all: a.c\n\ttrue\n");
	assert_fails(OUT_BUILD_ERROR, folder, "no program was made");
}

/* "collect2: error: ld returned 1 exit status" says nothing. */
static void test_why(void **state)
{
	static const struct {
		const char *makefile, *words;
	} faults[] = {
		{ "vm: a.c\n\t$(CC) -o $@ $^ -lno_such_library\n", "cannot find -lno_such_library" },
		{ "vm: a.c\n\t$(CC) -DCALL -o $@ $^\n", "undefined reference to `elsewhere'" },
		{ "vm: a.c b.c\n\t$(CC) -o $@ $^\n", "No rule to make target 'b.c', needed by 'vm'" },
		{ "vm: a.c\n  $(CC) -o $@ $^\n", "Makefile:2: *** missing separator" },
		{ "vm: a.c\n\tno-such-assembler -o $@ $^\n", "no-such-assembler: " },
		{ "vm: a.c\n\t./generate\n", "generate: Permission denied" },
		{ "vm: a.c\n\t@echo it wants a licence; exit 1\n", "it wants a licence" },
	};

	(void)state;
	put("a.c", "void elsewhere(void);\nint main(void) {\n#ifdef CALL\nelsewhere();\n#endif\n}\n");
	put("generate", "#!/bin/sh\n");
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		put("Makefile", faults[i].makefile);
		assert_fails(OUT_BUILD_ERROR, folder, faults[i].words);
		assert_null(strstr(fail_text(), "collect2"));
		assert_null(strstr(fail_text(), "] Error"));
	}
}

static void test_does_not_compile(void **state)
{
	(void)state;
	put("a.c", "int main(void) { return no_such_thing; }\n");
	assert_fails(OUT_BUILD_ERROR, folder, "a.c:1:25: error: ");
}

static void test_no_static_program(void **state)
{
	(void)state;
	put("Makefile", "monitor:\n\techo 'int main(void) {}' | /usr/bin/gcc -x c -o $@ -\n");
	assert_fails(OUT_BUILD_ERROR, folder, "no static x86-64 program");
	put("Makefile", "monitor:\n\techo '#!/bin/sh' >$@\n");
	assert_fails(OUT_BUILD_ERROR, folder, "no static x86-64 program");
}

/* The sandbox dies whole: what it started, too. */
static void test_out_of_bounds(void **state)
{
	(void)state;
	put("Makefile", "monitor:\n\t@for i in $$(seq 400); do setsid sleep 60 & done; wait\n");
	assert_fails(OUT_BUILD_ERROR, folder, "building the monitor: it started more than 200 processes, and was stopped");
	put("Makefile", "monitor:\n\thead -c 3000000000 /dev/zero >$@\n");
	assert_fails(OUT_BUILD_ERROR, folder, "File size limit exceeded");
	put("Makefile", "monitor:\n\t@yes `seq 300`\n");
	assert_fails(OUT_BUILD_ERROR, folder, "it printed more than 64 MB, and was stopped");
}

/* A link would have us read, as who we are, what the sandbox could not. */
static void test_link(void **state)
{
	_cleanup_free_ char *link = strf("%s/a.c", folder);

	(void)state;
	put("Makefile", "monitor:\n\tln -s /bin/busybox $@\n");
	assert_fails(OUT_BUILD_ERROR, folder, "no program was made");
	set_up(NULL);
	assert_int_equal(symlink("/etc/passwd", link), 0);
	assert_fails(OUT_USAGE, folder, "neither a Makefile nor a C file");
}

static void test_nothing_there(void **state)
{
	(void)state;
	assert_fails(OUT_USAGE, "/no/such/monitor.c", "MONITOR=/no/such/monitor.c");
	assert_fails(OUT_USAGE, folder, "neither a Makefile nor a C file");
}

static void test_conf(void **state)
{
	static const struct {
		const char *text, *words;
	} wrong[] = {
		{ "[options]\nreel = -r\n", "'reel=-r': want one of: real protected paged long" },
		{ "[ports]\nserial = 0x10000\n", "want a number from 1 to 0xffff" },
		{ "[ports]\nserial = com1\n", "want a number from 1 to 0xffff" },
		{ "[ports]\ncom1 = 0x3f8\n", "'com1=0x3f8': want one of: serial" },
		{ "[monitor]\nprogram = ../x\n", "want a file's name" },
		{ "[monitor]\npromises = all\n", "'all' is none of counts, sizes, interrupts, short-writes" },
		{ "[ports.real]\nserial = no\n", "[ports.real] 'serial=no': want a number from 1 to 0xffff, or none" },
		{ "[ports]\nserial = none\n", "want a number from 1 to 0xffff" },
		{ "[ports.virtual]\nserial = 1\n", "ports.virtual" },
		{ "[texts]\nreel = x\n", "'reel=x': want one of: real protected paged long" },
		{ "[monitor]\ncolour = red\n", "colour" },
	};

	(void)state;
	put("a.c", "int main(void) { return 0; }\n");
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		put("monitor.conf", wrong[i].text);
		assert_fails(OUT_USAGE, folder, wrong[i].words);
	}
}

static bool has(const struct strv *env, const char *item)
{
	for (size_t i = 0; i < env->n; i++)
		if (!strcmp(env->v[i], item))
			return true;
	return false;
}

/* What it names is all that it offers; sections that it does not have are the assignment's. */
static void test_interface(void **state)
{
	_cleanup_strv_ struct strv env = { 0 };
	struct monitor m;

	(void)state;
	put("a.c", "int main(void) { return 0; }\n");
	put("monitor.conf", "[monitor]\nmemory = 0x400000\n[ports]\nserial = 0x3f8\n");
	assert_int_equal(monitor_prepare(folder, assignment, &m), 0);
	monitor_env(&m, "/somewhere/monitor", &env);
	assert_true(has(&env, "NESTLAB_MONITOR=/somewhere/monitor"));
	assert_true(has(&env, "NESTLAB_MEMORY=4194304"));
	assert_true(has(&env, "NESTLAB_PORT_SERIAL=0x3f8"));
	assert_true(has(&env, "NESTLAB_OPTION_LONG=-l"));
	for (size_t i = 0; i < env.n; i++)
		assert_false(str_starts(env.v[i], "NESTLAB_PORT_PRINT32"));
	monitor_free(&m);
}

/* One mode's own ports and texts, beside those of all. */
static void test_modes(void **state)
{
	static const char *const wanted[] = {
		"NESTLAB_PORT_SERIAL=0x60", "NESTLAB_PORT_REAL_SERIAL=none", "NESTLAB_PORT_LONG_EXITS_IN=0x70",
		"NESTLAB_TEXT_REAL=none", "NESTLAB_TEXT_LONG=a text of two words", "NESTLAB_PROMISES=counts",
	};
	_cleanup_strv_ struct strv env = { 0 };
	struct monitor m;

	(void)state;
	put("a.c", "int main(void) { return 0; }\n");
	put("monitor.conf", "[monitor]\npromises = counts\n[ports]\nserial = 0x60\n[ports.real]\nserial = none\n"
			    "[ports.long]\nexits_in = 0x70\n[texts]\nreal = none\nlong = a text of two words\n");
	assert_int_equal(monitor_prepare(folder, assignment, &m), 0);
	monitor_env(&m, "/somewhere/monitor", &env);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		if (!has(&env, wanted[i]))
			fail_msg("no %s", wanted[i]);
	monitor_free(&m);
}

/* Without a monitor.conf a silent real mode is none of its faults: the assignment says so. */
static void test_default_texts(void **state)
{
	_cleanup_strv_ struct strv env = { 0 };
	struct monitor m;

	(void)state;
	put("a.c", "int main(void) { return 0; }\n");
	assert_int_equal(monitor_prepare(folder, assignment, &m), 0);
	monitor_env(&m, "/somewhere/monitor", &env);
	assert_true(has(&env, "NESTLAB_TEXT_REAL=none"));
	assert_true(has(&env, "NESTLAB_PROMISES="));
	monitor_free(&m);
}

/* Those of other shapes, with guests of 32 bits in objects: built by what they bring along. */
static void test_other_shapes(void **state)
{
	_cleanup_free_ char *dir = path_in_root(MONITOR_ALTERNATIVES);
	_cleanup_strv_ struct strv names = { 0 };

	(void)state;
	assert_int_equal(dir_list(dir, NULL, &names), 0);
	assert_true(names.n >= 3);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *given = strf(MONITOR_ALTERNATIVES "/%s", names.v[i]);

		if (prepare(given))
			fail_msg("%s: %s", given, fail_text());
	}
}

/* One below is as good as one above; of two nobody knows which. */
static void test_makefile_below(void **state)
{
	_cleanup_free_ char *below = strf("%s/src", folder), *other = strf("%s/old", folder);

	(void)state;
	assert_int_equal(mkdir_p(below), 0);
	put("notes.c", "this is no C\n");
	put("src/host.c", "int main(void) { return 0; }\n");
	put("src/Makefile", "host: host.c\n\t$(CC) -o $@ $^\n");
	assert_int_equal(prepare(folder), 0);
	assert_int_equal(mkdir_p(other), 0);
	put("old/Makefile", "host:\n\tfalse\n");
	assert_fails(OUT_USAGE, folder, "hand in the folder that is meant");
	put("Makefile", "all:\n\t$(MAKE) -C src\n");
	assert_int_equal(prepare(folder), 0);
}

/* Its last step runs it, and fails: it was made all the same. Any other step counts. */
static void test_runs_itself(void **state)
{
	(void)state;
	put("a.c", "int main(void) { return 1; }\n");
	put("Makefile", ".PHONY: run\nrun: vm\n\t./vm\nvm: a.c\n\t$(CC) -o $@ $^\n");
	assert_int_equal(prepare(folder), 0);
	put("Makefile", ".PHONY: run\nrun: vm tool\n\t./vm\nvm: a.c\n\t$(CC) -o $@ $^\n"
			"tool: a.c\n\t$(CC) -DX=( -o $@ $^\n");
	assert_fails(OUT_BUILD_ERROR, folder, "");
	put("Makefile", ".PHONY: run\nrun:\n\t$(CC) -o vm a.c\n\t$(CC) -c no-such.c\n");
	assert_fails(OUT_BUILD_ERROR, folder, "no-such.c");
}

/* Folders of outputs that git did not keep are made; one that is no output's stays a fault. */
static void test_no_folders(void **state)
{
	static const char *const makefiles[] = {
		"bin/vm: obj/a.o\n\t$(CC) -o $@ $^\nobj/a.o: a.c\n\t$(CC) -MMD -MF dep/a.d -c -o $@ $<\n",
		"vm: a.c\n\t$(CC) -S -o asm/a.s a.c\n\techo >gen/sh/x\n\tcp a.c copies/a.c\n\tmv asm/a.s old/a.s\n"
		"\t$(CC) -o $@ $^\n",
		"vm: a.c\n\t$(CC) -c a.c\n\tar rcs lib/a.a a.o\n\ttouch marks/done\n\t$(CC) -o $@ lib/a.a\n",
		"all:\n\t$(MAKE) -C src\n",
	};
	_cleanup_free_ char *src = strf("%s/src", folder);

	(void)state;
	assert_int_equal(mkdir_p(src), 0);
	put("a.c", "int main(void) { return 0; }\n");
	put("src/a.c", "int main(void) { return 0; }\n");
	put("src/Makefile", "bin/vm: a.c\n\t$(CC) -o $@ $^\n");
	for (size_t i = 0; i < ARRAY_SIZE(makefiles); i++) {
		put("Makefile", makefiles[i]);
		if (prepare(folder))
			fail_msg("%zu: %s", i, fail_text());
	}
	put("Makefile", "vm:\n\tar rcs vm.a obj/no-such.o\n");
	assert_fails(OUT_BUILD_ERROR, folder, "obj/no-such.o");
}

/* What this machine lacks is no fault of a monitor. */
static void test_lacking(void **state)
{
	static const struct {
		const char *log, *package;
	} logs[] = {
		{ "/usr/include/stdio.h:27:10: fatal error: bits/libc-header-start.h: No such file or directory\n",
		  "libc6-dev-i386" },
		{ "/usr/include/features-time64.h:20:10: fatal error: bits/wordsize.h: No such file or directory\n",
		  "libc6-dev-i386" },
		{ "/usr/bin/ld: skipping incompatible /usr/lib/gcc/x86_64-linux-gnu/12/libgcc.a when searching for "
		  "-lgcc\n", "gcc-multilib" },
		{ "/bin/sh: 1: nasm: not found\n", "nasm" },
		{ "make: nasm: No such file or directory\n", "nasm" },
		{ "guest.c:1:10: fatal error: mine.h: No such file or directory\n", NULL },
		{ "make: ./nasm.sh: No such file or directory\n", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(logs); i++) {
		const char *package = tools_lacking(logs[i].log);

		if (!package != !logs[i].package || (package && strcmp(package, logs[i].package)))
			fail_msg("%s: %s", logs[i].log, package ? package : "nothing");
	}
	put("a.c", "int main(void) { return 0; }\n");
	put("Makefile", "vm:\n\t@echo '/bin/sh: 1: nasm: not found'; exit 127\n");
	assert_fails(OUT_BROKEN, folder, "Debian's package nasm");
}

/* A changed reference must not leave its faulty copies behind. */
static void test_mutants_apply(void **state)
{
	_cleanup_free_ char *dir = path_in_root(MUTANTS_OF_MONITOR);
	_cleanup_strv_ struct strv names = { 0 };
	char stage[] = "/tmp/nestlab-mutants-XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(stage));
	assert_int_equal(dir_list(dir, ".patch", &names), 0);
	assert_true(names.n >= 20);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *patch = strf(MUTANTS_OF_MONITOR "/%s", names.v[i]);
		_cleanup_free_ char *made = strf("%s/mutant", stage);
		struct mutant m;

		assert_int_equal(mutant_load(patch, NULL, &m), 0);
		assert_true(mutant_is_of_monitor(&m));
		if (mutant_make_monitor(&m, made))
			fail_msg("%s", fail_text());
		mutant_free(&m);
	}
	rm_rf(stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_c_file, set_up),
		cmocka_unit_test_setup(test_folder, set_up),
		cmocka_unit_test_setup(test_makefile, set_up),
		cmocka_unit_test_setup(test_other_target, set_up),
		cmocka_unit_test_setup(test_warnings, set_up),
		cmocka_unit_test_setup(test_which_program, set_up),
		cmocka_unit_test_setup(test_modes, set_up),
		cmocka_unit_test_setup(test_default_texts, set_up),
		cmocka_unit_test_setup(test_other_shapes, set_up),
		cmocka_unit_test_setup(test_makefile_below, set_up),
		cmocka_unit_test_setup(test_runs_itself, set_up),
		cmocka_unit_test_setup(test_no_folders, set_up),
		cmocka_unit_test_setup(test_lacking, set_up),
		cmocka_unit_test_setup(test_built_before, set_up),
		cmocka_unit_test_setup(test_why, set_up),
		cmocka_unit_test_setup(test_does_not_compile, set_up),
		cmocka_unit_test_setup(test_no_static_program, set_up),
		cmocka_unit_test_setup(test_out_of_bounds, set_up),
		cmocka_unit_test_setup(test_link, set_up),
		cmocka_unit_test_setup(test_nothing_there, set_up),
		cmocka_unit_test_setup(test_conf, set_up),
		cmocka_unit_test_setup(test_interface, set_up),
		cmocka_unit_test(test_mutants_apply),
	};
	int ret;

	if (!mkdtemp(top) || setenv("NESTLAB_CACHE", top, 1) ||
	    assignment_load("kvm-api", &assignment))
		return 1;
	folder = strf("%s/monitor", top);
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	assignment_free(assignment);
	free(folder);
	rm_rf(top);
	return ret;
}
