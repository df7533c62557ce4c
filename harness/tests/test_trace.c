// SPDX-License-Identifier: GPL-2.0-only
/* The trace reader on recorded traces, with the default contract, and on text that means harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "core/outcome.h"
#include "evidence/trace.h"
#include "plan/assignment.h"

#include <cmocka.h>

#define DATA "harness/tests/data/trace/"

static struct assignment *vcpu_info;

static int load_contract(void **state)
{
	(void)state;
	return assignment_load("config/assignments/vcpu-info.conf", &vcpu_info);
}

static int free_contract(void **state)
{
	(void)state;
	assignment_free(vcpu_info);
	return 0;
}

static void read_data(const char *name, struct buf *b)
{
	_cleanup_free_ char *path = strf(DATA "%s", name);

	assert_int_equal(file_read(path, b), 0);
}

#define EVENT "       CPU 0/KVM-67      [000] .....     3.773771: f: "

static void feed_marker(struct trace_stream *s, bool end)
{
	_cleanup_free_ char *marker = trace_marker(end, "unit", "1"), *line = strf(EVENT "%s\n", marker);

	trace_stream_feed(s, line, strlen(line));
}

/* The text as a test's piece of the trace; its lines are numbered from 2, behind the marker. */
static void parse_text(const struct trace_contract *c, const char *text, size_t len,
		       struct trace_records *r)
{
	struct trace_stream *s = trace_stream_new();

	trace_cut(s, c, "unit", "1");
	feed_marker(s, false);
	trace_stream_feed(s, text, len);
	if (len && text[len - 1] != '\n')
		trace_stream_feed(s, "\n", 1);
	feed_marker(s, true);
	assert_int_equal(trace_cut_state(s), CUT_COMPLETE);
	trace_take(s, r);
	trace_stream_free(s);
}

static struct trace_records parse(const char *text)
{
	struct trace_records r;

	parse_text(vcpu_info->trace, text, strlen(text), &r);
	return r;
}

static struct trace_records parse_file(const char *name)
{
	_cleanup_buf_ struct buf b = { 0 };

	read_data(name, &b);
	return parse(buf_str(&b));
}

#define ALL_REGISTERS ((1U << VREG_COUNT) - 1)
#define GENERAL ((1U << VREG_RIP) - 1)
#define BIT(r) (1U << (r))

/* What each recorded trace must give: the record at this place. */
static const struct {
	const char *file;
	size_t n, i; /* records in all, the one looked at */
	int64_t vcpu_id, pid;
	uint64_t num_exits;
	uint32_t registers;
	enum trace_reg reg;
	uint64_t value;
	unsigned int line;
} spellings[] = {
	{ "reference.txt", 8, 0, 0, 67, 4753, ALL_REGISTERS, VREG_RSP, 0xffffc90000133f10, 2 },
	{ "reference.txt", 8, 1, 1, 68, 844, ALL_REGISTERS, VREG_RDX, 0x3f8, 3 },
	{ "known-solution.txt", 2, 0, 0, 12398, 18840,
	  BIT(VREG_RBX) | BIT(VREG_RCX) | BIT(VREG_RDX) | BIT(VREG_RSI), VREG_RSI, 86380, 2 },
	{ "known-solution.txt", 2, 1, 1, 12399, 18841,
	  BIT(VREG_RBX) | BIT(VREG_RCX) | BIT(VREG_RDX) | BIT(VREG_RSI), VREG_RBX, 1, 7 },
	{ "known-decimal.txt", 8, 0, 0, 67, 5067, GENERAL, VREG_RBP, (uint64_t)-60473138233568, 2 },
	{ "known-decimal.txt", 8, 1, 1, 68, 628, GENERAL, VREG_R11, 15443, 7 },
	{ "one-line-hex.txt", 2, 0, 0, 66, 4801, ALL_REGISTERS, VREG_RFLAGS, 0x21, 1 },
	{ "one-line-hex.txt", 2, 1, 1, 67, 1480, ALL_REGISTERS, VREG_RAX, 0xffffc90000013f00, 2 },
	{ "indexed.txt", 2, 0, 0, 66, 500, GENERAL | BIT(VREG_RIP), VREG_RBX, 0x103, 3 },
	{ "indexed.txt", 2, 1, 1, 67, 501, GENERAL | BIT(VREG_RIP), VREG_RIP, 0x110, 22 },
	{ "threads.txt", 5, 0, 0, 67, 10, 0, VREG_RAX, 0, 1 },
	{ "threads.txt", 5, 1, 1, 68, 11, 0, VREG_RAX, 0, 2 },
	{ "threads.txt", 5, 2, 2, 70, 12, 0, VREG_RAX, 0, 6 },
	{ "threads.txt", 5, 3, 3, 71, 13, 0, VREG_RAX, 0, 10 },
	{ "threads.txt", 5, 4, 4, 72, 14, 0, VREG_RAX, 0, 12 },
};

static void reads_spellings(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(spellings); k++) {
		struct trace_records r = parse_file(spellings[k].file);
		const struct trace_record *v = &r.v[spellings[k].i];

		assert_int_equal(r.n, spellings[k].n);
		assert_int_equal(r.refused, 0);
		assert_true(v->has_vcpu_id && v->has_pid && v->has_num_exits);
		assert_int_equal(v->vcpu_id, spellings[k].vcpu_id);
		assert_int_equal(v->pid, spellings[k].pid);
		assert_int_equal(v->num_exits, spellings[k].num_exits);
		assert_int_equal(v->have_regs, spellings[k].registers);
		assert_int_equal(v->regs[spellings[k].reg], spellings[k].value);
		assert_int_equal(v->line, spellings[k].line + 1);
		trace_records_free(&r);
	}
}

static void counts_lost_events(void **state)
{
	struct trace_records r = parse_file("threads.txt");

	(void)state;
	assert_int_equal(r.lost, 124);
	assert_int_equal(r.v[2].tid, 70);
	assert_true(r.v[0].seconds > 3.77 && r.v[0].seconds < 3.78);
	trace_records_free(&r);
}

/* One line each: who wrote it. */
static const struct {
	const char *text;
	enum trace_kind kind;
	const char *comm;
	int64_t tid;
	unsigned int cpu;
	const char *message;
} lines[] = {
	{ "       CPU 0/KVM-67      [000] .....     3.773771: f: hello", TRACE_EVENT, "CPU 0/KVM",
	  67, 0, "hello" },
	{ " qemu-system-x86-66      [003] d..1.     3.874650: f+0x1/0x2: a: b", TRACE_EVENT,
	  "qemu-system-x86", 66, 3, "a: b" },
	{ "          <idle>-0       [001] 12.5: f: x", TRACE_EVENT, "<idle>", 0, 1, "x" },
	{ "bash-7 (   7) [001] .... 12.000001: f: x", TRACE_EVENT, "bash", 7, 1, "x" },
	{ "bash-7 [001] ....1 123456789: f: x", TRACE_EVENT, "bash", 7, 1, "x" },
	{ "CPU:3 [LOST 7 EVENTS]", TRACE_LOST, "", 0, 3, NULL },
	{ "# tracer: nop", TRACE_COMMENT, "", 0, 0, NULL },
	{ "pid: 5", TRACE_CONTINUED, "", 0, 0, "pid: 5" },
	{ "bash-7 [001", TRACE_CONTINUED, "", 0, 0, "bash-7 [001" },
	{ "bash-7 [001] .... 12.000001", TRACE_CONTINUED, "", 0, 0, "bash-7 [001] .... 12.000001" },
	{ "-", TRACE_CONTINUED, "", 0, 0, "-" },
	{ "", TRACE_CONTINUED, "", 0, 0, "" },
	{ "                ", TRACE_CONTINUED, "", 0, 0, "                " },
};

static void reads_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		size_t len = strlen(lines[i].text);
		struct trace_line l;

		assert_int_equal(trace_parse_line(lines[i].text, len, &l), len);
		assert_int_equal(l.kind, lines[i].kind);
		assert_string_equal(l.comm, lines[i].comm);
		assert_int_equal(l.tid, lines[i].tid);
		assert_int_equal(l.cpu, lines[i].cpu);
		if (!lines[i].message)
			continue;
		assert_int_equal(l.message_len, strlen(lines[i].message));
		assert_memory_equal(l.message, lines[i].message, l.message_len);
	}
}

/* trace_printk() adds no newline: events, and a loss, can stand in one line. */
static void splits_joined_events(void **state)
{
	static const char text[] =
		"       CPU 0/KVM-67      [000] .....     3.773771: f: vcpu id: 0"
		"       CPU 0/KVM-67      [000] .....     3.773772: f: exits: 5"
		"CPU:1 [LOST 9 EVENTS]\n";
	struct trace_records r = parse(text);

	(void)state;
	assert_int_equal(r.n, 1);
	assert_int_equal(r.v[0].num_exits, 5);
	assert_int_equal(r.lost, 9);
	trace_records_free(&r);
}


/* What is one record, and where the next begins. */
static const struct {
	const char *text;
	size_t n;
} borders[] = {
	{ EVENT "vcpu id: 0\n" EVENT "vcpu 0 pid: 5\n" EVENT "exits: 7\n", 1 },
	{ EVENT "vcpu id: 0\n" EVENT "vcpu id: 0 pid: 5\n" EVENT "vcpu id: 0 pid: 5\n", 2 },
	{ EVENT "vcpu id: 0 pid: 5 exits: 7\n" EVENT "vcpu id: 0 pid: 5 exits: 7\n", 2 },
	{ EVENT "pid: 5\n" EVENT "vcpu id: 0\n" EVENT "pid: 6\n" EVENT "vcpu id: 1\n", 2 },
	{ EVENT "vcpu id: 0 pid: 5 vcpu id: 1 pid: 6\n", 2 },
	{ EVENT "vcpu id: 0\n" EVENT "vcpu id: 0\n" EVENT "vcpu id: 0\n", 2 },
	{ EVENT "exits: 7\n" EVENT "exits: 8\n" EVENT "exits: 9\n", 3 },
	{ EVENT "nothing of interest\n", 0 },
	{ EVENT "vcpu pid level: 0\n", 0 },
	{ EVENT "nestlab: begin vcpu-info/syscall n1\n", 0 },
	{ "       CPU 0/KVM-67      [000] .....     3.773771: kvm_exit: vcpu 0 reason cpuid rip "
	  "0x1\n",
	  0 },
};

static void finds_borders(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(borders); i++) {
		struct trace_records r = parse(borders[i].text);

		assert_int_equal(r.n, borders[i].n);
		assert_int_equal(r.refused, 0);
		trace_records_free(&r);
	}
}

static void refuses_what_is_no_number(void **state)
{
	static const char *const texts[] = {
		EVENT "pid: 99999999999999999999\n",
		EVENT "rax=0x12345678123456781\n",
		EVENT "exits: 1111111111111111111111111111111111111111\n",
		EVENT "rsp: 18446744073709551616 rax: 1\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct trace_records r = parse(texts[i]);

		assert_int_equal(r.refused, 1);
		assert_true(str_starts(r.refusal, "line 2: "));
		trace_records_free(&r);
	}
}

static void takes_negative_numbers(void **state)
{
	struct trace_records r = parse(EVENT "vcpu id: -1 rax=-2 pid=-9223372036854775808\n");

	(void)state;
	assert_int_equal(r.n, 1);
	assert_int_equal(r.v[0].vcpu_id, -1);
	assert_true(r.v[0].regs[VREG_RAX] == (uint64_t)-2);
	assert_true(r.v[0].pid == INT64_MIN);
	assert_int_equal(r.refused, 0);
	trace_records_free(&r);
}

/* --- hostile text: it must end soon, and be told --- */

static double seconds_for(const struct buf *b, struct trace_records *r)
{
	uint64_t start = now_ns();

	parse_text(vcpu_info->trace, b->data, b->len, r);
	return (double)(now_ns() - start) / 1e9;
}

static void repeat(struct buf *b, const char *text, size_t n)
{
	while (n--)
		buf_puts(b, text);
}

static void survives_long_lines(void **state)
{
	static const char *const units[] = { "v",
					     "vcpu ",
					     " ",
					     "-1 [",
					     "CPU:",
					     "exits",
					     "rax: ",
					     "0",
					     "rax=1 ",
					     "pid: 1 ",
					     "a-1 [000] 1.0: f: " };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		_cleanup_buf_ struct buf b = { 0 };
		struct trace_records r = { 0 };

		buf_puts(&b, EVENT);
		repeat(&b, units[i], 300000 / strlen(units[i]));
		assert_true(seconds_for(&b, &r) < 5);
		assert_true(r.refused > 0);
		trace_records_free(&r);
	}
}

static void survives_many_lines(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };
	struct trace_records r = { 0 };

	(void)state;
	for (int i = 0; i < 70000; i++)
		buf_printf(&b, "  KVM-%d [000] 1.0: f: vcpu id: %d\n", i % 1000, i);
	assert_true(seconds_for(&b, &r) < 30);
	assert_int_equal(r.n, TRACE_RECORDS_MAX);
	assert_int_equal(r.refused, 70000 - TRACE_RECORDS_MAX);
	trace_records_free(&r);
}

static void survives_noise(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };
	struct trace_records r = { 0 };
	uint32_t seed = 1;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		static const char alphabet[] = "vcpuid:= 019ax-[]\n\t\\exits.rbp\0\xff";

		seed = seed * 1664525 + 1013904223;
		buf_add(&b, &alphabet[(seed >> 16) % sizeof(alphabet)], 1);
	}
	parse_text(vcpu_info->trace, b.data, b.len, &r);
	trace_records_free(&r);
}

/* A torn trace: cut at each byte, the reader must not stumble. */
static void survives_any_cut(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };

	(void)state;
	read_data("threads.txt", &b);
	for (size_t cut = 0; cut < b.len; cut++) {
		/* A copy of just that size, so that the sanitizer sees a byte read behind it. */
		char *copy = xcalloc(cut, 1);
		struct trace_records r = { 0 };

		memcpy(copy, b.data, cut);
		parse_text(vcpu_info->trace, copy, cut, &r);
		assert_true(r.n <= 5);
		trace_records_free(&r);
		free_p(&copy);
	}
}

/* --- the stream --- */

static struct trace_records cut_reference(const char *name, const char *nonce, size_t piece,
					  enum trace_cut_state *end)
{
	_cleanup_buf_ struct buf b = { 0 };
	struct trace_stream *s = trace_stream_new();
	struct trace_records r;

	read_data("reference.txt", &b);
	trace_stream_feed(s, "noise before\n", 13);
	trace_cut(s, vcpu_info->trace, name, nonce);
	for (size_t i = 0; i < b.len; i += piece)
		trace_stream_feed(s, b.data + i, b.len - i < piece ? b.len - i : piece);
	*end = trace_cut_state(s);
	trace_take(s, &r);
	trace_stream_free(s);
	return r;
}

static void cuts_by_markers(void **state)
{
	static const size_t pieces[] = { 1, 7, 100000 };
	enum trace_cut_state end;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		struct trace_records r = cut_reference("test_vcpu_info", "n1", pieces[i], &end);

		assert_int_equal(end, CUT_COMPLETE);
		assert_true(r.complete);
		assert_int_equal(r.n, 8);
		assert_int_equal(r.first_line, 2);
		assert_int_equal(r.last_line, 11);
		assert_int_equal(r.v[0].line, 3);
		trace_records_free(&r);
	}
}

static void another_nonce_is_no_marker(void **state)
{
	enum trace_cut_state end;
	struct trace_records r = cut_reference("test_vcpu_info", "n2", 4096, &end);

	(void)state;
	assert_int_equal(end, CUT_AWAITED);
	assert_false(r.complete);
	assert_int_equal(r.n, 0);
	trace_records_free(&r);
}

static void tells_an_open_cut(void **state)
{
	_cleanup_free_ char *begin = trace_marker(false, "t", "n"), *line = NULL;
	struct trace_stream *s = trace_stream_new();
	struct trace_records r;

	(void)state;
	line = strf("  cat-1 [000] 1.0: tracing_mark_write: %s\n" EVENT "vcpu id: 4\n", begin);
	trace_cut(s, vcpu_info->trace, "t", "n");
	trace_stream_feed(s, line, strlen(line));
	assert_int_equal(trace_cut_state(s), CUT_OPEN);
	trace_take(s, &r);
	assert_false(r.complete);
	assert_int_equal(r.n, 1);
	trace_records_free(&r);
	trace_stream_free(s);
}

/* The end marker stands in the line of a message that had no newline. */
static void cuts_joined_lines(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };
	struct trace_stream *s = trace_stream_new();
	struct trace_records r;

	(void)state;
	read_data("known-decimal.txt", &b);
	trace_cut(s, vcpu_info->trace, "test_vcpu_info", "n1");
	trace_stream_feed(s, b.data, b.len);
	assert_int_equal(trace_cut_state(s), CUT_COMPLETE);
	trace_take(s, &r);
	assert_int_equal(r.n, 8);
	trace_records_free(&r);
	trace_stream_free(s);
}

/* --- contracts that are wrong --- */

static void expect_refusal(const struct trace_spelling *s, const char *words)
{
	struct trace_contract *c = NULL;

	assert_int_equal(trace_contract_new("some.conf", s, &c), -OUT_USAGE);
	assert_true(str_starts(fail_text(), "some.conf: "));
	assert_non_null(strstr(fail_text(), words));
}

static void refuses_bad_contracts(void **state)
{
	struct trace_spelling s = { 0 };

	(void)state;
	strv_add(&s.pid, "pid (");
	expect_refusal(&s, "is no regular expression");
	strv_free(&s.pid);
	strv_add(&s.pid, "pid: [0-9]+");
	expect_refusal(&s, "has no <number> or <value>");
	strv_free(&s.pid);
	strv_add(&s.registers, "rax=<value>");
	expect_refusal(&s, "has no <reg> or <index>");
	strv_free(&s.registers);
	strv_add(&s.named, "rxx=a=<value>");
	expect_refusal(&s, "'rxx' is no register");
	strv_free(&s.named);
	s.register_base = xstrdup("octal");
	expect_refusal(&s, "register_base = octal: want auto, dec or hex");
	str_set(&s.register_base, NULL);
}

/* A pattern of the user's that runs away on a message gives up and is told. */
static void limits_patterns(void **state)
{
	struct trace_spelling s = { 0 };
	struct trace_contract *c = NULL;
	struct trace_records r = { 0 };
	_cleanup_buf_ struct buf b = { 0 };

	(void)state;
	strv_add(&s.pid, "(a+)+b<number>");
	assert_int_equal(trace_contract_new("some.conf", &s, &c), 0);
	buf_puts(&b, EVENT);
	repeat(&b, "a", 1000);
	buf_puts(&b, "\n");
	/* Something that the matcher's look for necessary bytes does not refuse at once. */
	buf_puts(&b, EVENT);
	repeat(&b, "a", 1000);
	buf_puts(&b, " b1x\n");
	parse_text(c, b.data, b.len, &r);
	assert_true(r.refused > 0);
	assert_non_null(strstr(r.refusal, "a pattern gave up"));
	trace_records_free(&r);
	trace_contract_free(c);
	strv_free(&s.pid);
}

static void names_registers_by_key(void **state)
{
	struct trace_spelling s = { .register_base = NULL };
	struct trace_contract *c = NULL;
	struct trace_records r = { 0 };
	static const char text[] = EVENT "A 10 B 20\n";

	(void)state;
	s.register_base = xstrdup("hex");
	strv_add(&s.named, "rax=A <value>");
	strv_add(&s.named, "rbx=B <value>");
	assert_int_equal(trace_contract_new("some.conf", &s, &c), 0);
	parse_text(c, text, strlen(text), &r);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.v[0].have_regs, BIT(VREG_RAX) | BIT(VREG_RBX));
	assert_int_equal(r.v[0].regs[VREG_RBX], 0x20);
	assert_int_equal(r.v[0].line, 2);
	trace_records_free(&r);
	trace_contract_free(c);
	strv_free(&s.named);
	str_set(&s.register_base, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_lines),
		cmocka_unit_test(reads_spellings),
		cmocka_unit_test(counts_lost_events),
		cmocka_unit_test(splits_joined_events),
		cmocka_unit_test(finds_borders),
		cmocka_unit_test(refuses_what_is_no_number),
		cmocka_unit_test(takes_negative_numbers),
		cmocka_unit_test(survives_long_lines),
		cmocka_unit_test(survives_many_lines),
		cmocka_unit_test(survives_noise),
		cmocka_unit_test(survives_any_cut),
		cmocka_unit_test(cuts_by_markers),
		cmocka_unit_test(another_nonce_is_no_marker),
		cmocka_unit_test(tells_an_open_cut),
		cmocka_unit_test(cuts_joined_lines),
		cmocka_unit_test(refuses_bad_contracts),
		cmocka_unit_test(limits_patterns),
		cmocka_unit_test(names_registers_by_key),
	};

	return cmocka_run_group_tests(tests, load_contract, free_contract);
}
