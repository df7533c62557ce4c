// SPDX-License-Identifier: GPL-2.0-only
/*
 * gdb on L1: what L1 says of its modules, the commands that gdb starts with, which modules are
 * taken for the same, and how a machine is let go whose debugger is gone.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/proc.h"
#include "gdb/script.h"
#include "kernel/debuginfo.h"
#include "machine/libvirt/stub.h"

#include <cmocka.h>

/* ---- what L1 says ---- */

static void test_name(void **state)
{
	_cleanup_free_ char *name = running_name("/x/y/kvm-amd.ko");

	(void)state;
	assert_string_equal(name, "kvm_amd");
}

static void test_sections(void **state)
{
	struct running_module m = { 0 };

	(void)state;
	assert_true(running_take(&m, ".data 0xffffffffc0105000\n.text 0xffffffffc0100000\n"));
	assert_int_equal(m.n, 2);
	assert_string_equal(m.v[1].name, ".text");
	assert_true(m.v[1].address == 0xffffffffc0100000);
	running_free(&m);
}

/* A reader without the right to see addresses gets zeros. */
static void test_no_sections(void **state)
{
	static const char *const texts[] = {
		"", ".data 0xffffffffc0105000\n", ".text 0x0000000000000000\n", ".text\n",
		".text 0xffffffffc0100000\nsh: cannot open\n", ".text where\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct running_module m = { 0 };

		assert_false(running_take(&m, texts[i]));
		running_free(&m);
	}
}

/* What a run of lane bochs-vmx told of all its modules. */
static void test_told(void **state)
{
	static const char text[] = "irqbypass/sections/.text:0xffffffffa0000000\n"
				   "kvm/sections/.text:0xffffffffa0010000\nkvm/sections/.data:0xffffffffa0090000\n"
				   "kvm_intel/sections/.text:0xffffffffa00c0000\n";
	struct running_module m;

	(void)state;
	assert_int_equal(running_told(text, "/x/kvm.ko", &m), 0);
	assert_string_equal(m.name, "kvm");
	assert_int_equal(m.n, 2);
	assert_true(m.v[0].address == 0xffffffffa0010000);
	assert_string_equal(m.v[1].name, ".data");
	running_free(&m);
	assert_int_equal(running_told(text, "/x/kvm-amd.ko", &m), -OUT_BROKEN);
	assert_non_null(strstr(fail_text(), "its module kvm_amd"));
	fail_clear();
	running_free(&m);
}

/* ---- the commands ---- */

static const char *const files[] = { "kvm.ko", "kvm-amd.ko" };

static void write_commands(const char *image, bool backwards, struct buf *b)
{
	struct running_module m[2] = { 0 };
	const struct script s = { .stub = "/run/gdb", .sources = "/c/src", .built_in = "/build/src",
				  .image = image, .symbols = "/c", .modules = m, .files = files, .n = 2,
				  .backwards = backwards };

	assert_true(running_take(&m[0], ".init.text 0x7\n.data 0x20\n.text 0x10\n.data..read_mostly 0x30\n__ex 0x8\n") == false);
	running_free(&m[0]);
	assert_true(running_take(&m[0], ".init.text 0x7\n.data 0x20\n.text 0x10\n.data..read_mostly 0x30\n"));
	assert_true(running_take(&m[1], ".text 0x40\n.bss 0x50\n"));
	script_write(&s, b);
	running_free(&m[0]);
	running_free(&m[1]);
}

static void test_commands(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };
	const char *text, *arch, *remote;

	(void)state;
	write_commands("/c/vmlinux", false, &b);
	text = buf_str(&b);
	assert_non_null(strstr(text, "add-symbol-file /c/kvm.ko 0x10 -s .data 0x20 -s .data..read_mostly 0x30 "));
	assert_non_null(strstr(text, "add-symbol-file /c/kvm-amd.ko 0x40 -s .bss 0x50 "));
	assert_non_null(strstr(text, "set substitute-path /build/src /c/src\n"));
	assert_non_null(strstr(text, "\nfile /c/vmlinux\n"));
	arch = strstr(text, "set architecture i386:x86-64 ");
	remote = strstr(text, "target remote /run/gdb\n");
	assert_non_null(arch);
	assert_true(remote > arch);
	assert_null(strstr(text, "reverse-"));
}

/* Or the wrong CPU steps back after `info threads`. */
static void test_commands_backwards(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };

	(void)state;
	write_commands(NULL, true, &b);
	assert_non_null(strstr(buf_str(&b), "\ndefine hook-reverse-stepi\nset scheduler-locking on\n"));
	assert_non_null(strstr(buf_str(&b), "\ndefine hook-reverse-finish\npipe maintenance flush register-cache "));
}

static void test_commands_without_image(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };

	(void)state;
	write_commands(NULL, false, &b);
	assert_null(strstr(buf_str(&b), "\nfile"));
}

/* ---- the same code? ---- */

static char folder[] = "/tmp/nestlab-gdb-XXXXXX";

static char *compile(const char *name, const char *source, const char *flags)
{
	char *path = strf("%s/%s", folder, name);
	_cleanup_free_ char *command = strf("printf '%%s' '%s' | gcc -fno-asynchronous-unwind-tables %s -x c -c -o %s -", source, flags, path);
	char *const argv[] = { (char *)"sh", (char *)"-c", command, NULL };
	struct proc p = { .what = "compiling", .argv = argv };

	assert_int_equal(proc_run(&p), 0);
	return path;
}

#define SOURCE(n) "static int kept = " n "; int add(int a) { return a + kept++; }"

static void check_differs(const char *source, const char *flags, const char *expected)
{
	_cleanup_free_ char *a = compile("a.o", SOURCE("1"), "-O1"), *b = compile("b.o", source, flags);
	_cleanup_free_ char *differs = modelf_differs(a, b);

	assert_non_null(differs);
	assert_string_equal(differs, expected);
}

static void test_same_code(void **state)
{
	(void)state;
	check_differs(SOURCE("1"), "-O1", "");
	check_differs(SOURCE("1"), "-O1 -g", "");
	check_differs("static int kept = 1; int add(int a) { return a - kept++; }", "-O1", ".text");
	check_differs(SOURCE("2"), "-O1", ".data");
	check_differs(SOURCE("1") " const char more[] = \"x\";", "-O1", ".rodata");
	check_differs(SOURCE("0"), "-O1", ".data"); /* it went to .bss */
}

static void test_no_code(void **state)
{
	_cleanup_free_ char *a = compile("a.o", SOURCE("1"), "-O1"), *text = strf("%s/text", folder);

	(void)state;
	assert_int_equal(file_write(text, "no ELF file", 11, 0600), 0);
	assert_null(modelf_differs(a, text));
	assert_null(modelf_differs(text, a));
	assert_null(modelf_differs(a, "/no/such"));
}

static void test_build_id(void **state)
{
	static const char notes[] = "\4\0\0\0\4\0\0\0\1\0\0\0XYZ\0abcd"
				    "\4\0\0\0\3\0\0\0\3\0\0\0GNU\0\x01\xab\xff";
	char id[MODELF_ID_HEX];

	(void)state;
	assert_true(modelf_id_of_notes(notes, sizeof(notes), id));
	assert_string_equal(id, "01abff");
	assert_false(modelf_id_of_notes(notes, 24, id));
	assert_false(modelf_id_of_notes("", 0, id));
	assert_false(modelf_id_of_notes("\377\377\377\377\377\377\377\377", 8, id));
}

static void check_path(const char *named, const char *expected)
{
	_cleanup_free_ char *path = debuginfo_path(named);

	if (expected)
		assert_string_equal(path, expected);
	else
		assert_null(path);
}

static void test_source_paths(void **state)
{
	(void)state;
	check_path("../arch/x86/kvm/cpuid.c", "arch/x86/kvm/cpuid.c");
	check_path("../arch/x86/kernel/../kvm/./x86.h", "arch/x86/kvm/x86.h");
	check_path("../arch/x86/kvm/../../../virt/kvm/kvm_main.c", "virt/kvm/kvm_main.c");
	check_path("../../etc/passwd", NULL);
	check_path("../a/../../etc/passwd", NULL);
	check_path("include/generated/autoconf.h", NULL);
	check_path("/etc/passwd", NULL);
	check_path("../", NULL);
}

/* ---- a machine is let go ---- */

static void test_packet(void **state)
{
	_cleanup_free_ char *g = stub_packet("g"), *why = stub_packet("?");

	(void)state;
	assert_string_equal(g, "$g#67");
	assert_string_equal(why, "$?#3f");
}

/* Answers each packet that it awaits with what belongs to it, and ends: 0, or 1 for another one. */
static void be_stub(int listener, bool answers)
{
	static const char *const talk[][2] = {
		{ "$?#3f", "+$T05thread:01;#07" }, { "+$D;1#b0", "+$OK#9a" },
	};
	int fd = accept(listener, NULL, NULL);
	char got[64];

	for (size_t i = 0; i < ARRAY_SIZE(talk); i++) {
		ssize_t n = 0, want = (ssize_t)strlen(talk[i][0]);

		while (n < want)
			n += read(fd, got + n, (size_t)(want - n));
		if (memcmp(got, talk[i][0], (size_t)want))
			_exit(1);
		if (!answers)
			pause();
		/* In two pieces, as a socket may give it. */
		if (write(fd, talk[i][1], 3) != 3)
			_exit(1);
		usleep(20000);
		if (write(fd, talk[i][1] + 3, strlen(talk[i][1]) - 3) < 0)
			_exit(1);
	}
	_exit(0);
}

static bool let_go_of(bool answers, int *status)
{
	_cleanup_free_ char *path = strf("%s/stub-%d", folder, answers);
	_cleanup_close_ int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	bool gone;
	pid_t pid;

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(listener, 1), 0);
	pid = fork();
	if (!pid)
		be_stub(listener, answers);
	gone = stub_let_go(path, answers ? 5000 : 200);
	if (!answers)
		kill(pid, SIGKILL);
	waitpid(pid, status, 0);
	return gone;
}

static void test_let_go(void **state)
{
	int status;

	(void)state;
	assert_true(let_go_of(true, &status));
	assert_int_equal(status, 0);
	assert_false(let_go_of(false, &status));
	assert_false(stub_let_go("/no/such/stub", 200));
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return rm_rf(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_sections),
		cmocka_unit_test(test_no_sections),
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_commands_without_image),
		cmocka_unit_test(test_commands_backwards),
		cmocka_unit_test(test_same_code),
		cmocka_unit_test(test_no_code),
		cmocka_unit_test(test_build_id),
		cmocka_unit_test(test_source_paths),
		cmocka_unit_test(test_packet),
		cmocka_unit_test(test_let_go),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
