// SPDX-License-Identifier: GPL-2.0-only
/*
 * The judge of kvm-api/..., on what runs of the reference monitor reported: right, and wrong in one
 * place each time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/paths.h"
#include "evidence/observation.h"
#include "judge/monitor_runs.h"
#include "judge/testcase.h"

#include <cmocka.h>

#include "tests/fixed_list.h"

#define DATA "harness/tests/data/checks/test_kvm_api/"

struct scene {
	struct output out;
	struct run_result *run;
	struct test_result *t;
};

/* What one of the files says, with its nth (0-based) from replaced by to. */
static char *text_of(const char *file, unsigned int nth, const char *from, const char *to)
{
	_cleanup_free_ char *relative = strf(DATA "%s.txt", file);
	_cleanup_free_ char *path = path_in_root(relative);
	_cleanup_buf_ struct buf b = { 0 };
	const char *at;

	assert_int_equal(file_read(path, &b), 0);
	if (!from)
		return xstrdup(buf_str(&b));
	at = strstr(buf_str(&b), from);
	for (; at && nth; nth--)
		at = strstr(at + 1, from);
	assert_non_null(at);
	return strf("%.*s%s%s", (int)(at - b.data), b.data, to, at + strlen(from));
}

static void judge(struct scene *s, const char *file, const char *text)
{
	_cleanup_free_ char *name = strf("kvm-api/%s", file);
	const struct testcase *t = testcase_find(name);
	struct evidence e = { 0 };

	assert_non_null(t);
	*s = (struct scene){ .run = result_new("20260101-000000-0000") };
	s->t = result_add_test(s->run, name, "kvm-api");
	output_init(&s->out);
	output_feed(&s->out, 0, text, strlen(text));
	output_end(&s->out);
	e.obs = s->out.obs;
	judge_fixed(t, &e, s->t);
}

static void tear_down(struct scene *s)
{
	result_free(s->run);
	output_free(&s->out);
}

static const struct check_result *check_named(const struct scene *s, const char *name)
{
	for (size_t i = 0; i < s->t->n_checks; i++)
		if (!strcmp(s->t->checks[i].name, name))
			return &s->t->checks[i];
	fail_msg("there is no check '%s'", name);
	return NULL;
}

static void assert_all_pass(const char *file)
{
	_cleanup_free_ char *text = text_of(file, 0, NULL, NULL);
	struct scene s;

	judge(&s, file, text);
	assert_true(s.t->n_checks > 6);
	for (size_t i = 0; i < s.t->n_checks; i++)
		if (s.t->checks[i].verdict != OUT_PASS)
			fail_msg("%s: %s", s.t->checks[i].name, s.t->checks[i].observed);
	tear_down(&s);
}

static void test_reference(void **state)
{
	(void)state;
	assert_all_pass("paged");
	assert_all_pass("refusals");
	assert_all_pass("world");
}

#define HEX_HELLO_WITH "48656c6c6f2077697468"
#define HEX_INVALID "696e76616c6964"
#define HEX_OF_X "78"
#define HEX_LAST "636166c3a92080bfff7e"
#define ANSWER                                                                                     \
	"exit.port u64 239\n@nestlab exit.out u64 0\n@nestlab exit.size u64 4\n"                   \
	"@nestlab exit.made u64 0\n@nestlab exit.bytes str \""
#define MADE_ANSWER                                                                                \
	"exit.port u64 239\n@nestlab exit.out u64 0\n@nestlab exit.size u64 4\n"                   \
	"@nestlab exit.made u64 1\n@nestlab exit.bytes str \""
#define SUCCEEDED "end str \"exited\"\n@nestlab end.code i64 0"
#define PROMISES "promises str \"counts sizes interrupts short-writes\""
#define SEVERAL "exit.bytes str \"3c736576"
#define FAILED "end str \"exited\"\n@nestlab end.code i64 1"
#define CRASHED "end str \"signal\"\n@nestlab end.code i64 11"

/* One thing changed, and the check that fails; another may fail with it. */
static const struct wrong {
	const char *file;
	unsigned int nth;
	const char *from, *to;
	const char *check, *observed;
} wrongs[] = {
	{ "paged", 0, "call str \"KVM_SET_TSS_ADDR\"", "call str \"KVM_SET_IDENTITY_MAP_ADDR\"",
	  "the order of the calls", "no KVM_SET_TSS_ADDR" },
	{ "paged", 0, "call str \"KVM_GET_SREGS\"\n@nestlab call.result i64 0\n"
		      "@nestlab call str \"KVM_SET_SREGS\"",
	  "call str \"KVM_SET_SREGS\"\n@nestlab call.result i64 0\n@nestlab call str \"KVM_GET_SREGS\"",
	  "the order of the calls", "KVM_GET_SREGS after KVM_SET_SREGS" },
	{ "paged", 0, "call str \"KVM_SET_CPUID2\"\n@nestlab call.result i64 0",
	  "call str \"KVM_SET_CPUID2\"\n@nestlab call.result i64 -7", "the calls' results",
	  "KVM_SET_CPUID2: Argument list too long" },
	{ "paged", 0, "slot.size u64 2097152", "slot.size u64 1048576", "the guest's memory",
	  "0x100000 bytes" },
	{ "paged", 0, "slot.guest u64 0", "slot.guest u64 4096", "the guest's memory",
	  "at guest address 0x1000" },
	{ "paged", 0, "tss u64 4294692864", "tss u64 4096", "KVM's three pages", "0x1000" },
	{ "paged", 0, "tss u64 4294692864", "tss u64 4294959104", "KVM's three pages",
	  "0xffffe000" },
	{ "paged", 0, "map.shared u64 1", "map.shared u64 0", "struct kvm_run", "private" },
	{ "paged", 0, "map.size u64 12288", "map.size u64 4096", "struct kvm_run", "4096 bytes" },
	{ "paged", 0, "start.at u64 0", "start.at u64 65520", "the guest's start", "0xfff0" },
	{ "paged", 0, "start.flags u64 2", "start.flags u64 0", "the guest's start", "rflags 0" },
	{ "paged", 0, "exit.mode str \"paged\"", "exit.mode str \"protected\"", "the mode",
	  "protected" },
	{ "paged", 0, "halt.page u64 4194304", "halt.page u64 4096",
	  "the size of the page that it runs in", "4096" },
	{ "paged", 0, "exit.bytes str \"48", "exit.bytes str \"49", "text on the serial port",
	  "'Iello, world!" },
	{ "paged", 0, "halt.stored u64 1", "halt.stored u64 0", "42 in memory and in eax",
	  "stored 0 times" },
	{ "paged", 0, "halt.eax u64 42", "halt.eax u64 41", "42 in memory and in eax",
	  "eax is 41" },
	{ "paged", 0, "exit.reason u64 5", "exit.reason u64 8", "the guest's end",
	  "exit reason 8" },
	{ "paged", 0, "end str \"exited\"\n@nestlab end.code i64 0",
	  "end str \"signal\"\n@nestlab end.code i64 11", "the monitor's verdict",
	  "signal 11" },
	{ "paged", 1, "end str \"exited\"", "end str \"deadline\"", "the monitor ends",
	  "still running at its deadline, killed (questions)" },
	{ "paged", 0, "exit.bytes str \"ffffffff\"", "exit.bytes str \"fffffffe\"", "32-bit values",
	  "4278190079 was not printed" },
	{ "paged", 0, "exit.bytes str \"11000000\"", "exit.bytes str \"13000000\"",
	  "the number of exits", "19 at exit 17" },
	{ "paged", 0, "exit.text str \"657869747320696e3a2032", "exit.text str \"657869747320696e3a2033",
	  "the exits by direction", "after 2 in and 17 out" },
	{ "paged", 1, HEX_HELLO_WITH, HEX_OF_X, "a string with one exit",
	  "'Hello with one exit!\\x0a' was not printed" },
	{ "paged", 0, ANSWER, ANSWER "ff", "guest to host addresses", "the monitor told" },
	/* An address of the guest's memory, for one that is none. */
	{ "paged", 1, MADE_ANSWER, MADE_ANSWER "0500603c", "guest to host addresses", "0x300000 is nowhere" },
	{ "paged", 0, HEX_INVALID, HEX_OF_X, "an invalid guest address",
	  "0x10000000: no word of 'invalid' was printed" },
	/* A crash is no check of anything. */
	{ "paged", 0, FAILED, CRASHED, "41 in memory", "and no word about it" },
	{ "paged", 1, FAILED, CRASHED, "41 in eax", "and no word about it" },
	{ "refusals", 0, "twist str \"version\"",
	  "twist str \"version\"\n@nestlab call str \"KVM_CREATE_VM\"", "another version of KVM's API",
	  "made all the same" },
	{ "refusals", 1, FAILED, CRASHED, "another exit reason than hlt", "and no word about it" },
	{ "refusals", 2, FAILED, CRASHED, "42 in a part of eax", "and no word about it" },
	{ "refusals", 1, "out str \"\"", "out str \"01\"", "a byte to another port", "it was printed" },
	{ "refusals", 2, "out str \"\"", "out str \"5801\"", "an in from the serial port",
	  "it was printed" },
	{ "paged", 0, "exit.port u64 233", "exit.port u64 232", "text on the serial port",
	  "was sent to port 0xe8; the serial port is 0xe9" },
	/* A monitor's world: what is told of each, and that it is told. */
	{ "world", 0, SUCCEEDED, FAILED, "nothing that disturbs it", "a hlt, exit code 1" },
	{ "world", 0, FAILED, CRASHED, "a shutdown at the start", "signal 11" },
	{ "world", 1, FAILED, CRASHED, "an entry to the guest that failed", "(at the start)" },
	{ "world", 2, FAILED, CRASHED, "an entry to the guest that failed", "(in place of the hlt)" },
	{ "world", 3, FAILED, CRASHED, "an internal error of KVM", "no word about it" },
	{ "world", 5, FAILED, CRASHED, "an access to no memory", "no word about it" },
	{ "world", 7, FAILED, CRASHED, "a debug exit that nobody asked for", "no word about it" },
	{ "world", 10, FAILED, CRASHED, "an exit reason that nobody knows", "no word about it" },
	{ "world", 1, SUCCEEDED, FAILED, "KVM_RUN interrupted", "it ended with an error (exit code 1)" },
	{ "world", 11, FAILED, CRASHED, "other sizes at the serial port", "signal 11" },
	{ "world", 12, FAILED, CRASHED, "no right to open /dev/kvm", "no word about it" },
	{ "world", 13, FAILED, CRASHED, "KVM_RUN that fails", "no word about it" },
	{ "world", 4, SUCCEEDED, FAILED, "data at another place", "exit code 1" },
	{ "world", 0, "twist str \"beside\"", "twist str \"beside\"\n@nestlab out str \"01\"",
	  "what lies beside the data", "what lies beside the data was printed" },
	{ "world", 0, "exit.bytes str \"5a020000\"", "exit.bytes str \"5a000000\"", "more than 255 exits",
	  "90 at exit 602" },
	{ "world", 8, SUCCEEDED, FAILED, "two monitors at once", "exit code 1" },
	{ "world", 0, HEX_LAST "6c6f6e67", "6c6f6e67", "a text of any bytes, without an end of line", "was sent, and not printed" },
	{ "world", 0, "beside.code i64 0", "beside.code i64 1", "two monitors at once",
	  "the second one: exited, code 1; alone: exited, code 0" },
};

/* What was not promised is a hint; what is unsound is none. */
static const struct hint {
	unsigned int nth;
	const char *from, *to;
	const char *check;
	int promised, not_promised;
} hints[] = {
	{ 1, SUCCEEDED, FAILED, "KVM_RUN interrupted", OUT_FAIL, OUT_SKIP },
	{ 2, SUCCEEDED, FAILED, "KVM_RUN to be called again", OUT_FAIL, OUT_SKIP },
	{ 0, SEVERAL, "exit.bytes str \"3d736576", "many values in one exit", OUT_FAIL, OUT_SKIP },
	{ 3, SUCCEEDED, FAILED, "many values in one exit", OUT_PASS, OUT_PASS },
	{ 7, SUCCEEDED, CRASHED, "output that takes less than it is given", OUT_FAIL, OUT_FAIL },
	{ 0, "twist str \"interrupted\"", "twist str \"interrupted\"\n@nestlab out str \"01\"",
	  "KVM_RUN interrupted", OUT_FAIL, OUT_FAIL },
};

static void assert_hint(const struct hint *h, bool promised)
{
	_cleanup_free_ char *text = text_of("world", h->nth, h->from, h->to);
	char *promise = strstr(text, PROMISES);
	struct scene s;

	assert_non_null(promise);
	if (!promised)
		memset(promise + strlen("promises str \""), ' ', strlen("counts sizes interrupts short-writes"));
	judge(&s, "world", text);
	if ((int)check_named(&s, h->check)->verdict != (promised ? h->promised : h->not_promised))
		fail_msg("%s, %spromised: %s", h->check, promised ? "" : "not ",
			 check_named(&s, h->check)->observed);
	tear_down(&s);
}

static void test_hints(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hints); i++) {
		assert_hint(&hints[i], true);
		assert_hint(&hints[i], false);
	}
}

/* A guest of real mode that says nothing, as the usual handout's. */
static void test_silent(void **state)
{
	static const char *const texts[] = { "", "@nestlab text str \"none\"\n",
					     "@nestlab text str \"Hello\"\n" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_free_ char *whole = text_of("paged", 0, NULL, NULL);
		_cleanup_buf_ struct buf b = { 0 };
		struct scene s;

		/* All of its exits were of another kind. */
		for (char *p = whole; (p = strstr(p, "exit.reason u64 2")); p++)
			p[strlen("exit.reason u64 ")] = '5';
		buf_printf(&b, "%s%s", texts[i], whole);
		judge(&s, "paged", buf_str(&b));
		assert_int_equal(check_named(&s, "text on the serial port")->verdict, i == 1 ? OUT_SKIP : OUT_FAIL);
		assert_int_equal(check_named(&s, "32-bit values")->verdict, i == 1 ? OUT_SKIP : OUT_FAIL);
		tear_down(&s);
	}
}

static void test_agreed_text(void **state)
{
	_cleanup_free_ char *whole = text_of("paged", 0, NULL, NULL);
	_cleanup_free_ char *right = strf("@nestlab text str \"Hello, world\"\n%s", whole);
	_cleanup_free_ char *other = strf("@nestlab text str \"Good morning\"\n%s", whole);
	struct scene s;

	(void)state;
	judge(&s, "paged", right);
	assert_int_equal(check_named(&s, "text on the serial port")->verdict, OUT_PASS);
	tear_down(&s);
	judge(&s, "paged", other);
	assert_non_null(strstr(check_named(&s, "text on the serial port")->observed, "'Good morning' was not sent"));
	tear_down(&s);
}

static void test_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrongs); i++) {
		const struct wrong *w = &wrongs[i];
		_cleanup_free_ char *text = text_of(w->file, w->nth, w->from, w->to);
		struct scene s;

		judge(&s, w->file, text);
		if (check_named(&s, w->check)->verdict != OUT_FAIL)
			fail_msg("with '%s' %s does not fail", w->to, w->check);
		if (!strstr(check_named(&s, w->check)->observed, w->observed))
			fail_msg("%s: %s", w->check, check_named(&s, w->check)->observed);
		tear_down(&s);
	}
}

/* A monitor may say it in words, or abort. */
static void test_ways_to_notice(void **state)
{
	static const char *const ways[] = { "end str \"exited\"\n@nestlab end.code i64 0",
					    "end str \"signal\"\n@nestlab end.code i64 6" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		_cleanup_free_ char *text = text_of("paged", 0, FAILED, ways[i]);
		struct scene s;

		judge(&s, "paged", text);
		assert_int_equal(check_named(&s, "41 in memory")->verdict, OUT_PASS);
		tear_down(&s);
	}
}

/* What a monitor does not offer is not asked for. */
static void test_not_offered(void **state)
{
	_cleanup_free_ char *text = text_of("paged", 0, "port.translate u64 238", "port.translate u64 0");
	struct scene s;

	(void)state;
	judge(&s, "paged", text);
	assert_int_equal(check_named(&s, "guest to host addresses")->verdict, OUT_SKIP);
	assert_int_equal(check_named(&s, "an invalid guest address")->verdict, OUT_SKIP);
	assert_int_equal(check_named(&s, "a string with one exit")->verdict, OUT_PASS);
	tear_down(&s);
}

/* Whatever is cut off, the judge survives it, and it is no pass. */
static void test_cut_short(void **state)
{
	_cleanup_free_ char *whole = text_of("paged", 0, NULL, NULL);
	size_t len = strlen(whole);

	(void)state;
	for (size_t n = 0; n < len - 30; n += 997) {
		_cleanup_free_ char *text = strf("%.*s\n@nestlab guest.done u64 1\n", (int)n, whole);
		struct scene s;

		judge(&s, "paged", text);
		result_judge_test(s.t);
		assert_int_not_equal(s.t->verdict, OUT_PASS);
		tear_down(&s);
	}
}

static void expect_numbers(const char *out, const uint32_t *n, size_t count, bool all)
{
	struct seen s = { 0 };
	struct reader r = { .s = &s };
	bool found = true;

	buf_puts(&s.out, out);
	for (size_t i = 0; i < count; i++)
		found = found && read_number(&r, n[i]);
	assert_int_equal(found, all);
	buf_free(&s.out);
}

/*
 * A number is not read out of the middle of another: 11 once was "5112a000"'s, which was missed
 * then, for one address in some hundred.
 */
static void test_whole_numbers(void **state)
{
	static const uint32_t n[] = { 1, 11, 0x5112a000, 0x20000000, 0 };
	static const uint32_t zero[] = { 0, 7 }, high[] = { 0x9112a000 };

	(void)state;
	expect_numbers("0x00000001\n0x0000000b\n0x5112a000\n0x20000000 is nowhere\n0x00000000\n", n, ARRAY_SIZE(n), true);
	expect_numbers("1\n11\n1360175104\n536870912\n0\n", n, ARRAY_SIZE(n), true);
	expect_numbers("1\nB\n5112A000\n0x20000000\n0x0", n, ARRAY_SIZE(n), true);
	expect_numbers("n1n11b1360175104is536870912to0x", n, ARRAY_SIZE(n), true);
	expect_numbers("1\n11\n1360175104\n0\n", n, ARRAY_SIZE(n), false);
	expect_numbers("0x0 0x7", zero, ARRAY_SIZE(zero), true);
	expect_numbers("at -1861050368", high, 1, false); /* a signed one is another number */
	expect_numbers("at 2433916928", high, 1, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_numbers),
		cmocka_unit_test(test_reference),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_hints),
		cmocka_unit_test(test_silent),
		cmocka_unit_test(test_agreed_text),
		cmocka_unit_test(test_ways_to_notice),
		cmocka_unit_test(test_not_offered),
		cmocka_unit_test(test_cut_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
