// SPDX-License-Identifier: GPL-2.0-only
/*
 * What kernels with sanitizers printed, as recorded from mutants: found on the console, whole, and
 * with the place of the fault.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "evidence/kreport.h"
#include "kernel/changed.h"
#include "kernel/flavor.h"
#include "kernel/symbols.h"
#include "machine/console.h"

#include <cmocka.h>

#include "console_log.h"

#define DATA "harness/tests/data/kernel-reports/"

static const struct {
	const char *file, *family;
	const char *last; /* of the report's text: in its last line */
	const char *symbol[KREPORT_PLACES], *module;
} recorded[] = {
	{ "kasan-overrun.txt", "KASAN report", "==========", { "kvm_pv_vcpu_info", NULL }, "kvm" },
	{ "kasan-use-after-free.txt", "KASAN report", "==========", { "__kvm_emulate_hypercall", NULL }, "kvm" },
	{ "kcsan-counter.txt", "KCSAN report", "==========",
	  { "kvm_arch_vcpu_ioctl_run", "kvm_arch_vcpu_ioctl_run" }, "kvm" },
	{ "kcsan-snapshot.txt", "KCSAN report", "==========",
	  { "kvm_read_regs", "kvm_get_regs_snapshot" }, "kvm" },
	{ "ubsan-index.txt", "UBSAN report", "---[ end trace", { "kvm_pv_vcpu_info", NULL }, "kvm" },
	{ "atomic-sleep.txt", "sleeping in atomic context", "</TASK>", { "kvm_pv_vcpu_info", NULL }, "kvm" },
	{ "wait-context.txt", "lockdep report", "</TASK>", { "kvm_pv_vcpu_info", NULL }, "kvm" },
	{ "lockdep-order.txt", "lockdep report", "</TASK>", { "__kvm_emulate_hypercall", NULL }, "kvm" },
	{ "rcu.txt", "RCU misuse", "</TASK>", { "kvm_pv_vcpu_info", NULL }, "kvm" },
};

static void check_places(const struct console_report *r, size_t i)
{
	struct kframe f[KREPORT_PLACES];
	size_t n = kreport_places(&r->text, f);

	assert_int_equal(n, recorded[i].symbol[1] ? 2 : 1);
	for (size_t k = 0; k < n; k++) {
		assert_string_equal(f[k].symbol, recorded[i].symbol[k]);
		assert_string_equal(f[k].module, recorded[i].module);
		assert_true(f[k].offset > 0 && f[k].offset <= f[k].size);
	}
}

static void test_recorded(void **state)
{
	static const size_t pieces[] = { 1, 7, 4096 };
	struct console c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(recorded); i++)
		for (size_t p = 0; p < ARRAY_SIZE(pieces); p++) {
			const struct console_report *r;
			_cleanup_free_ char *path = strf(DATA "%s", recorded[i].file);

			feed_log(&c, path, pieces[p]);
			assert_null(c.crash);
			assert_int_equal(c.n_reports, 1);
			assert_false(c.in_report);
			r = &c.reports[0];
			assert_string_equal(r->family->name, recorded[i].family);
			assert_non_null(strstr(r->text.v[r->text.n - 1], recorded[i].last));
			check_places(r, i);
			console_free(&c);
		}
}

static bool loses_update(const char *file, const char *from, const char *to)
{
	_cleanup_free_ char *path = strf(DATA "%s", file);
	_cleanup_buf_ struct buf b = { 0 };
	_cleanup_strv_ struct strv lines = { 0 };

	assert_int_equal(file_read(path, &b), 0);
	strv_split(&lines, buf_str(&b), "\n");
	for (size_t i = 0; i < lines.n; i++) {
		char *at = from ? strstr(lines.v[i], from) : NULL;

		if (at) {
			char *changed = strf("%.*s%s%s", (int)(at - lines.v[i]), lines.v[i], to, at + strlen(from));

			free(lines.v[i]);
			lines.v[i] = changed;
		}
	}
	return kreport_loses_update(&lines);
}

/* A counter is read and written by one function; of a snapshot the reader is another one. */
static void test_lost_updates(void **state)
{
	(void)state;
	assert_true(loses_update("kcsan-counter.txt", NULL, NULL));
	assert_true(loses_update("kcsan-counter.txt", "write to", "read-write to"));
	assert_false(loses_update("kcsan-counter.txt", "kvm_arch_vcpu_ioctl_run+0x238f", "kvm_emulate_cpuid+0x238f"));
	assert_true(loses_update("kcsan-counter.txt", "read to", "write (marked) to"));
	assert_false(loses_update("kcsan-counter.txt", "write to", "read (marked) to"));
	assert_false(loses_update("kcsan-snapshot.txt", NULL, NULL));
	assert_true(loses_update("kcsan-snapshot.txt", "read to", "write to"));
	assert_false(loses_update("kasan-overrun.txt", NULL, NULL));
}

/*
 * A kernel that reports for ever, or never ends a report, fills no memory; a death in the middle is
 * still seen.
 */
static void test_bounds(void **state)
{
	static const char endless[] = "[  1.0] BUG: KASAN: use-after-free in f+0x1/0x2 [kvm]\n";
	struct console c;

	(void)state;
	console_init(&c);
	for (int i = 0; i < 100000; i++)
		console_feed(&c, endless, sizeof(endless) - 1);
	assert_true(c.n_reports <= 50);
	for (size_t i = 0; i < c.n_reports; i++)
		assert_true(c.reports[i].text.n <= 200);
	console_feed(&c, "Kernel panic - not syncing: x\n", 30);
	assert_non_null(c.crash);
	console_free(&c);
}

static void test_frames(void **state)
{
	static const char *const none[] = { "",
					    "+",
					    "+0x1/0x2",
					    "f+0x3/0x2",
					    "f+0x1",
					    "f+0x/0x2",
					    "f+0x11111111111111111/0x2",
					    "1f+0x1/0x2",
					    "f+1/2" };
	_cleanup_buf_ struct buf wide = { 0 };
	struct kframe f;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		assert_false(kframe_parse(none[i], &f));
	assert_true(kframe_parse("[   12.5]  ? do_it.isra.0+0x1a/0x30 [kvm_amd]", &f));
	assert_string_equal(f.symbol, "do_it.isra.0");
	assert_int_equal(f.offset, 0x1a);
	assert_int_equal(f.size, 0x30);
	assert_string_equal(f.module, "kvm_amd");
	assert_true(f.guess);
	assert_true(kframe_parse("a+b c+0x1/0x1 [no end", &f));
	assert_string_equal(f.symbol, "c");
	assert_string_equal(f.module, "");
	for (int i = 0; i < 300; i++)
		buf_puts(&wide, "x");
	buf_puts(&wide, "+0x1/0x2 [");
	assert_false(kframe_parse(buf_str(&wide), &f));
}

static void test_symbols(void **state)
{
	struct kframe f = { .symbol = "kvm_cpuid", .offset = 0x12, .size = 0x130 };
	char section[64];
	uint64_t address;

	(void)state;
	assert_true(symbols_take_entry("0000000000001000 g     F .text\t0000000000000123 kvm_cpuid",
				       &f, section, &address));
	assert_string_equal(section, ".text");
	assert_int_equal(address, 0x1011);
	assert_false(symbols_take_entry("0000000000001000 l     F .text\t0000000000000010 kvm_cpuid",
					&f, section, &address));
	assert_false(symbols_take_entry(
		"0000000000001000 l     F .text\t0000000000000123 kvm_cpuid.cold", &f, section,
		&address));
	assert_false(symbols_take_entry("SYMBOL TABLE:", &f, section, &address));
	assert_false(symbols_take_entry("\t", &f, section, &address));
}

static void test_paths(void **state)
{
	static const char *const lines[][2] = {
		{ "/src/obj/../arch/x86/kvm/x86.c:12 (discriminator 3)", "arch/x86/kvm/x86.c:12" },
		{ "arch/x86/kvm/../../../virt/kvm/kvm_main.c:7", "virt/kvm/kvm_main.c:7" },
		{ "??:?", "??:?" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		_cleanup_free_ char *path = symbols_path(lines[i][0]);

		assert_string_equal(path, lines[i][1]);
	}
}

static void test_changed(void **state)
{
	static const char text[] = "a/b.c 3 5\na/b.c 9 9\nb.c 7 7\n";
	unsigned long first, last;

	(void)state;
	assert_true(changed_hunk("@@ -1,2 +3,4 @@ int main(void)", &first, &last));
	assert_int_equal(first, 3);
	assert_int_equal(last, 6);
	assert_true(changed_hunk("@@ -0,0 +1 @@", &first, &last));
	assert_int_equal(last, 1);
	assert_false(changed_hunk("@@ -1,2 +3,0 @@", &first, &last)); /* only taken away */
	assert_false(changed_hunk("+@@ -1 +1 @@", &first, &last));
	assert_true(changed_has(text, "a/b.c:3") && changed_has(text, "a/b.c:5"));
	assert_true(changed_has(text, "a/b.c:9") && changed_has(text, "b.c:7"));
	assert_false(changed_has(text, "a/b.c:6") || changed_has(text, "b.c:3"));
	assert_false(changed_has(text, "a/b.c") || changed_has(text, "") || changed_has("", "a:1"));
}

static void test_flavors(void **state)
{
	struct flavor f;

	(void)state;
	assert_int_equal(flavor_load("debug", "host", &f), 0);
	assert_string_equal(f.name, "debug");
	assert_true(f.fragments.n && f.slowdown >= 1);
	flavor_free(&f);
	assert_int_equal(flavor_load("plain", "guest", &f), 0);
	assert_null(f.name);
	assert_int_equal(f.slowdown, 1);
	flavor_free(&f);
	assert_int_equal(flavor_load("vanilla", "host", &f), -OUT_USAGE);
	assert_non_null(strstr(fail_text(), "there is no flavour of a kernel 'vanilla'"));
	assert_non_null(strstr(fail_text(), "plain debug guest-debug kcsan"));
	flavor_free(&f);
	assert_int_equal(flavor_load("../kernels/6.12", "host", &f), -OUT_USAGE);
	flavor_free(&f);
	assert_int_equal(flavor_load("debug", "guest", &f), -OUT_USAGE);
	assert_non_null(strstr(fail_text(), "of the host's kernel, not of the guest's"));
	flavor_free(&f);
	assert_int_equal(flavor_load("guest-debug", "host", &f), -OUT_USAGE);
	assert_non_null(strstr(fail_text(), "name it by GUEST_FLAVOR="));
	flavor_free(&f);
}

/* The function that read from NULL, its caller where that is unknown, and nothing. */
static void test_crash(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };
	_cleanup_strv_ struct strv words = { 0 };
	struct kframe f;
	size_t n;

	(void)state;
	assert_int_equal(file_read(DATA "null-pointer.txt", &b), 0);
	strv_split(&words, buf_str(&b), "\n");
	assert_true(kreport_crash(&words, &f));
	assert_string_equal(f.symbol, "kvm_pv_vcpu_info");
	assert_int_equal(f.offset, 0x3b);
	for (size_t i = 0; i < words.n; i++)
		if (strstr(words.v[i], "RIP: 0010:"))
			strcpy(strstr(words.v[i], "RIP: 0010:"), "RIP: 0010:0x0");
	assert_true(kreport_crash(&words, &f));
	assert_string_equal(f.symbol, "__kvm_emulate_hypercall");
	n = words.n;
	words.n = 4; /* the message alone */
	assert_false(kreport_crash(&words, &f));
	words.n = n;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recorded), cmocka_unit_test(test_lost_updates),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_frames),	 cmocka_unit_test(test_symbols),
		cmocka_unit_test(test_paths),	 cmocka_unit_test(test_flavors),
		cmocka_unit_test(test_changed),	 cmocka_unit_test(test_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
