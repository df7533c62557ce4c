// SPDX-License-Identifier: GPL-2.0-only
/* Somebody's monitor, in whatever it lies: which folder is built, and what is a person's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "intake/program.h"
#include "monitor/interface.h"

#include <cmocka.h>

#define VMM "#include <linux/kvm.h>\nint main(void)\n{\n\treturn KVM_CREATE_VM + 'r';\n}\n"
#define PLAIN "int add(int a, int b)\n{\n\treturn a + b;\n}\n"
#define MAKE "vmm: vmm.c\n\t$(CC) -o $@ $<\n"
#define FILES 5

static char top[] = "/tmp/nestlab-test-program-XXXXXX";
static char *given, *scratch, *to;
static struct assignment *assignment;

struct one {
	const char *files[FILES][2]; /* names and texts */
	enum intake_outcome outcome;
	const char *why;  /* a part of the sentence; taken: a file that is laid out */
	const char *none; /* taken: one that is not */
};

static const struct one cases[] = {
	{ { { "vmm.c", VMM } }, INTAKE_TAKEN, "vmm.c", NULL },
	{ { { "a/b/vmm.c", VMM }, { "a/b/guest.bin", "x" } }, INTAKE_TAKEN, "guest.bin", NULL },
	/* the folder with a makefile above, and all that it needs */
	{ { { "w/Makefile", MAKE }, { "w/src/vmm.c", VMM }, { "w/guest/g.S", "hlt\n" } }, INTAKE_TAKEN, "guest/g.S", NULL },
	/* the nearest makefile, where there is none above */
	{ { { "hw1/Makefile", MAKE }, { "hw1/a.c", PLAIN }, { "hw2/Makefile", MAKE }, { "hw2/vmm.c", VMM } },
	  INTAKE_TAKEN, "vmm.c", "a.c" },
	/* several files of one program */
	{ { { "main.c", VMM }, { "more/add.c", PLAIN }, { "more/cpu.c", "int cpu = KVM_CREATE_VM;\n" } }, INTAKE_TAKEN, "more/add.c", NULL },
	{ { { "src/a.c", "int a = KVM_CREATE_VM;\n" }, { "vmm.c", VMM } }, INTAKE_TAKEN, "src/a.c", NULL },
	/* the same once more */
	{ { { "vmm.c", VMM }, { "vmm (1).c", VMM } }, INTAKE_TAKEN, "vmm (1).c", "vmm.c" },
	{ { { "1/Makefile", MAKE }, { "1/vmm.c", VMM }, { "2/Makefile", MAKE }, { "2/vmm.c", VMM } }, INTAKE_TAKEN, "vmm.c", NULL },
	/* main() in a comment and in a call */
	{ { { "vmm.c", VMM }, { "add.c", "// int main(void)\n" PLAIN "static int f(void)\n{\n\treturn main();\n}\n" } },
	  INTAKE_TAKEN, "add.c", NULL },
	{ { { "vmm.c", VMM }, { "old.c", "/* old */\n" VMM } }, INTAKE_PERSON, "old.c and vmm.c have a main() each", NULL },
	{ { { "vmm.c", "int vm = KVM_CREATE_VM;\n" } }, INTAKE_PERSON, "has a main()", NULL },
	{ { { "1/Makefile", MAKE }, { "1/vmm.c", VMM }, { "2/Makefile", MAKE }, { "2/vmm.c", "/* 2 */\n" VMM } },
	  INTAKE_PERSON, "several monitors in it: 1/vmm.c and 2/vmm.c", NULL },
	/* ports of its own: which is which? */
	{ { { "vmm.c", VMM "int p = io.port == 0xE9 || io.port == 0xE1;\n" } }, INTAKE_PERSON,
	  "names ports 0xe1, and not 0xea, 0xeb, 0xec, 0xed, 0xee, 0xef, as", NULL },
	{ { { "vmm.c", VMM "#define STR_PORT 0xe7\nint p = 0x1000;\n" } }, INTAKE_PERSON, "names ports 0xe7 (STR_PORT), and not 0xe9", NULL },
	{ { { "vmm.c", VMM "switch (io.port) {\n\tcase 0xE9:\n\tcase 0xee: // and 0xEF\n}\n" } }, INTAKE_PERSON, "names port 0xee, by which", NULL },
	{ { { "vmm.c", VMM "int p = io.port == 0xE9 || io.port == 0xEA;\n" } }, INTAKE_TAKEN, "vmm.c", NULL },
	{ { { "vmm.c", VMM "int p = io.port == 0xE1;\n" }, { "monitor.conf", "[monitor]\nmemory = 0x400000\n" } }, INTAKE_TAKEN, "vmm.c", NULL },
	/* by names, in a header of its own; other numbers that such names have are none */
	{ { { "vmm.c", VMM "#include \"ports.h\"\nswitch (run->io.port) {\n\tcase TEXT:\n}\n" }, { "ports.h", "#define MODES 4\n#define TEXT (0xB1)\n" } },
	  INTAKE_PERSON, "names ports 0xb1 (TEXT), and not 0xe9", NULL },
	{ { { "vmm.c", VMM "int p = io.port == BYTE;\n" }, { "ports.h", "enum {\n\tBYTE = 232,\n};\n" } }, INTAKE_PERSON, "names ports 0xe8 (BYTE), and", NULL },
	{ { { "vmm.c", VMM "/* the port\n 0xe1 */\nint p = io.port == 0xE9; // port 0xE2\nchar *t = \"port 0xE3\"; int support = 0xE4;\n" } },
	  INTAKE_TAKEN, "vmm.c", NULL },
	{ { { "vmm.c", VMM "switch (mode) {\n\tcase SLOW:\n}\n" }, { "ports.h", "#define SLOW 7\n#define PORT_SERIAL 0xe9\n" } }, INTAKE_TAKEN, "vmm.c", NULL },
	/* a port of the assignment's number, for something else */
	{ { { "vmm.c", VMM "#include \"ports.h\"\n" }, { "ports.h", "#define PORT_OPEN 0xED\n#define PORT_READ 0xEE\n#define PORT_WRITE 0xEF\n" } },
	  INTAKE_PERSON, "calls port 0xed PORT_OPEN", NULL },
	/* modes that it can't be asked for as the assignment does */
	{ { { "vmm.c", "int main(void)\n{\n\treturn KVM_CREATE_VM;\n}\n" } }, INTAKE_PERSON, "none of the options", NULL },
	{ { { "vmm.c", "int vm = KVM_CREATE_VM;\n" }, { "main.c", "int main(void)\n{\n\treturn 'l';\n}\n" } }, INTAKE_TAKEN, "main.c", NULL },
	/* of two exercises the one whose program has the assignment's modes */
	{ { { "Makefile", MAKE }, { "1/Makefile", MAKE }, { "1/simple.c", VMM "int o[] = { 'r', 's', 'p', 'l' };\n" }, { "2/Makefile", MAKE },
	    { "2/emu.c", VMM "int o[] = { 'v', 'r' };\n" } }, INTAKE_TAKEN, "simple.c", "2/emu.c" },
	{ { { "1/Makefile", MAKE }, { "1/vmm.c", VMM "char *o = \"-r\";\n" }, { "2/Makefile", MAKE }, { "2/vmm.c", VMM "char *p = \"-r\";\n" } },
	  INTAKE_PERSON, "several monitors in it: 1/vmm.c and 2/vmm.c", NULL },
	{ { { "vmm.c", "#include \"guest.h\"\n" VMM } }, INTAKE_HALF, "includes \"guest.h\"", NULL },
	{ { { "vmm.c", "#include \"guest.h\"\n" VMM }, { "guest.h", "\n" } }, INTAKE_TAKEN, "guest.h", NULL },
	/* a makefile may make it */
	{ { { "vmm.c", "#include \"guest.h\"\n" VMM }, { "Makefile", MAKE } }, INTAKE_TAKEN, "Makefile", NULL },
	{ { { "vmm.c", VMM "static int cut(void)\n{\n" } }, INTAKE_INCOMPLETE, "open braces", NULL },
	{ { { "hello.c", PLAIN } }, INTAKE_PERSON, "makes a virtual machine", NULL },
	{ { { "Makefile", MAKE } }, INTAKE_PERSON, "makes a virtual machine", NULL },
	{ { { "vmm.txt", VMM } }, INTAKE_PERSON, "vmm.txt is of a kind", NULL },
	{ { { "README", "see https://git.example.org/vmm\n" } }, INTAKE_PERSON, "README is of a kind", NULL },
	{ { { "mine.diff", "--- a/vmm.c\n+++ b/vmm.c\n@@ -1 +1 @@\n-a\n+b\n" } }, INTAKE_PERSON, "mine.diff is of a kind", NULL },
	{ { { "README", "It does not work yet.\n" } }, INTAKE_EMPTY, "no program's source", NULL },
	/* a part of the work, packed, beside all of it */
	{ { { "1/vmm.c", VMM }, { "1/Makefile", "vmm: vmm.o guest.o\n" }, { "work/vmm.c", VMM }, { "work/Makefile", "vmm: vmm.o guest.o\n" },
	    { "work/guest.S", "hlt\n" } }, INTAKE_TAKEN, "guest.S", NULL },
	/* its own ports, not its own scope */
	{ { { "vmm.c", VMM }, { "monitor.conf", "[monitor]\nmemory = 0x400000\n" } }, INTAKE_TAKEN, "monitor.conf", NULL },
	{ { { "vmm.c", VMM }, { "monitor.conf", "[options]\nlong = -l\n" } }, INTAKE_PERSON, "wants: option real", NULL },
	{ { { "vmm.c", VMM }, { "monitor.conf", "[options]\nfast = -f\n" } }, INTAKE_PERSON, "fast", NULL },
};

static void put(const char *name, const char *text)
{
	_cleanup_free_ char *path = strf("%s/%s", given, name), *folder = xstrdup(path);

	*strrchr(folder, '/') = '\0';
	assert_int_equal(mkdir_p(folder), 0);
	assert_int_equal(file_write(path, text, strlen(text), 0644), 0);
}

static bool is_laid_out(const char *name)
{
	_cleanup_free_ char *path = strf("%s/%s", to, name);

	return path_exists(path);
}

static void expect(const struct one *c, const struct intake *in)
{
	if (in->outcome != c->outcome || (in->why && !strstr(in->why, c->why)))
		fail_msg("case %td: %s: %s", c - cases, intake_name(in->outcome), in->why ? in->why : "");
	if (c->outcome != INTAKE_TAKEN)
		return;
	if (!is_laid_out(c->why) || (c->none && is_laid_out(c->none)))
		fail_msg("case %td: %s is not there, or %s is", c - cases, c->why, c->none ? c->none : "");
	assert_true(in->exact && !in->base && in->patch.len);
}

static int begin(void)
{
	return rm_rf(given) || rm_rf(scratch) || rm_rf(to) || mkdir_p(given) || mkdir_p(scratch);
}

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct intake in;

		assert_int_equal(begin(), 0);
		for (size_t k = 0; k < FILES && cases[i].files[k][0]; k++)
			put(cases[i].files[k][0], cases[i].files[k][1]);
		assert_int_equal(intake_take_program(given, assignment, scratch, to, &in), 0);
		expect(&cases[i], &in);
		intake_free(&in);
	}
}

/* A compiler wants plain text, a script its right to run; bytes stay as they are. */
static void test_texts(void **state)
{
	_cleanup_free_ char *script = strf("%s/make.sh", to), *makefile = strf("%s/Makefile", to);
	_cleanup_buf_ struct buf text = { 0 };
	struct intake in;

	(void)state;
	assert_int_equal(begin(), 0);
	put("vmm.c", VMM);
	put("Makefile", "vmm: vmm.c\r\n\t./make.sh\r\n");
	put("make.sh", "#!/bin/sh\n");
	assert_int_equal(intake_take_program(given, assignment, scratch, to, &in), 0);
	assert_int_equal(in.outcome, INTAKE_TAKEN);
	assert_int_equal(access(script, X_OK), 0);
	assert_int_equal(file_read(makefile, &text), 0);
	assert_string_equal(buf_str(&text), "vmm: vmm.c\n\t./make.sh\n");
	intake_free(&in);
}

static void test_too_many_files(void **state)
{
	struct intake in;

	(void)state;
	assert_int_equal(begin(), 0);
	put("vmm.c", VMM);
	for (unsigned int i = 0; i < 200; i++) {
		_cleanup_free_ char *name = strf("file-%u", i);

		put(name, "x");
	}
	assert_int_equal(intake_take_program(given, assignment, scratch, to, &in), 0);
	assert_int_equal(in.outcome, INTAKE_PERSON);
	intake_free(&in);
}

/* ---- what a monitor.conf takes away ---- */

static void expect_lack(const char *conf, const char *lack)
{
	_cleanup_free_ char *path = strf("%s/monitor.conf", top), *program = NULL, *found = NULL;
	struct monitor_interface own = { 0 };

	assert_int_equal(file_write(path, conf, strlen(conf), 0644), 0);
	assert_int_equal(interface_load(path, &own, &program), 0);
	found = interface_lacks(&own, &assignment->interface);
	if (lack)
		assert_string_equal(found, lack);
	else
		assert_null(found);
	interface_free(&own);
}

#define OPTIONS "[options]\nreal = a\nprotected = b\npaged = c\nlong = d\n"
#define PORTS "[ports]\nserial = 1\nprint32 = 2\nexits = 3\nstring = 4\n"

static void test_lacks(void **state)
{
	(void)state;
	expect_lack("[monitor]\nmemory = 0x400000\n", NULL);
	expect_lack(OPTIONS, NULL);
	expect_lack("[options]\nreal = a\nprotected = b\npaged = c\n", "option long");
	expect_lack(PORTS "exits_text = 5\ntranslate = 6\nhva = 7\n", NULL);
	expect_lack(PORTS "exits_in = 5\nexits_out = 6\ntranslate_at = 7\n", NULL);
	expect_lack(PORTS "exits_in = 5\ntranslate_at = 7\n", "port exits_text");
	expect_lack(PORTS "exits_text = 5\n", "port translate");
	expect_lack("[ports.long]\nserial = 0x3f8\n", NULL);
	expect_lack("[ports.long]\nserial = none\n", "in mode long port serial");
	expect_lack("[texts]\nreal = none\n", NULL);
	expect_lack("[texts]\nlong = 42\n", NULL);
}

static int set_up(void **state)
{
	(void)state;
	setenv("NESTLAB_ROOT", ".", 0);
	if (!mkdtemp(top))
		return 1;
	setenv("NESTLAB_CACHE", top, 1);
	given = strf("%s/given", top);
	scratch = strf("%s/scratch", top);
	to = strf("%s/to", top);
	return assignment_load("kvm-api", &assignment);
}

static int tear_down(void **state)
{
	(void)state;
	assignment_free(assignment);
	free(given);
	free(scratch);
	free(to);
	return rm_rf(top);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_too_many_files),
		cmocka_unit_test(test_lacks),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
