// SPDX-License-Identifier: GPL-2.0-only
/*
 * The judge of vcpu-info/pairs, on what a run of it reported: right, and wrong in one place each
 * time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/observation.h"
#include "judge/testcase.h"

#include <cmocka.h>

#include "tests/fixed_list.h"

/*
 * Five calls of vCPU 2 (thread 41): about 7 (thread 42), which spins; about 7, halted; about
 * itself; about 7, whose registers were set; about
 * itself, in real mode.
 */
static const char told[] =
	"@nestlab vcpu.id u64 2\n@nestlab vcpu.thread u64 41\n"
	"@nestlab vcpu.id u64 7\n@nestlab vcpu.thread u64 42\n"
	"@nestlab hypercall u64 13\n@nestlab spin.begin u64 32834\n@nestlab spin.end u64 32847\n"
	"@nestlab halt.end u64 32896\n@nestlab real.rip u64 4\n"
	"@nestlab call.state str \"spinning\"\n@nestlab call.caller u64 2\n@nestlab call.target u64 7\n"
	"@nestlab call.before u64 10\n@nestlab call.after u64 12\n"
	"@nestlab call.spun.before u64 1000\n@nestlab call.spun.after u64 3000\n"
	"@nestlab call.result i64 0\n@nestlab call.changed u64 0\n"
	"@nestlab call.state str \"halted\"\n@nestlab call.caller u64 2\n@nestlab call.target u64 7\n"
	"@nestlab call.before u64 15\n@nestlab call.after u64 15\n"
	"@nestlab call.spun.before u64 0\n@nestlab call.spun.after u64 0\n"
	"@nestlab call.result i64 0\n@nestlab call.changed u64 0\n"
	"@nestlab call.state str \"the caller itself\"\n@nestlab call.caller u64 2\n@nestlab call.target u64 2\n"
	"@nestlab call.before u64 3\n@nestlab call.after u64 5\n"
	"@nestlab call.spun.before u64 0\n@nestlab call.spun.after u64 0\n"
	"@nestlab call.result i64 0\n@nestlab call.changed u64 0\n"
	"@nestlab call.state str \"registers set\"\n@nestlab call.caller u64 2\n@nestlab call.target u64 7\n"
	"@nestlab call.before u64 15\n@nestlab call.after u64 15\n"
	"@nestlab call.spun.before u64 0\n@nestlab call.spun.after u64 0\n"
	"@nestlab call.result i64 0\n@nestlab call.changed u64 0\n"
	"@nestlab call.state str \"the caller itself, in real mode\"\n@nestlab call.caller u64 2\n"
	"@nestlab call.target u64 2\n"
	"@nestlab call.before u64 5\n@nestlab call.after u64 7\n"
	"@nestlab call.spun.before u64 0\n@nestlab call.spun.after u64 0\n"
	"@nestlab call.result i64 0\n@nestlab call.changed u64 0\n"
	"@nestlab guest.done u64 1\n";

/* In the order of struct kvm_regs, as the test's program fills them. */
static const enum trace_reg order[16] = {
	VREG_RAX, VREG_RBX, VREG_RCX, VREG_RDX, VREG_RSI, VREG_RDI, VREG_RSP, VREG_RBP,
	VREG_R8,  VREG_R9,  VREG_R10, VREG_R11, VREG_R12, VREG_R13, VREG_R14, VREG_R15,
};

struct scene {
	struct trace_record records[5];
	struct output out;
	struct evidence e;
	struct run_result *run;
	struct test_result *t;
};

static struct trace_record record(int64_t id, int64_t pid, uint64_t exits, uint64_t rip)
{
	struct trace_record r = { .has_vcpu_id = true, .has_pid = true, .has_num_exits = true,
				  .vcpu_id = id, .pid = pid, .num_exits = exits,
				  .have_regs = (1u << VREG_COUNT) - 1 };

	for (unsigned int i = 0; i < 16; i++)
		r.regs[order[i]] = 0x9d1c000000000012 + ((uint64_t)id << 32) + ((uint64_t)i << 8);
	r.regs[VREG_RIP] = rip;
	r.regs[VREG_RFLAGS] = 0x200282;
	return r;
}

static void set_up(struct scene *s)
{
	*s = (struct scene){ 0 };
	s->records[0] = record(7, 42, 11, 32837);
	s->records[0].regs[VREG_R15] = 2000;
	s->records[1] = record(7, 42, 15, 32896);
	s->records[2] = record(2, 41, 4, 0);
	s->records[3] = record(7, 42, 15, 32896);
	for (unsigned int i = 0; i < 16; i++)
		s->records[3].regs[order[i]]--;
	s->records[4] = record(2, 41, 6, 4);
	for (unsigned int i = 0; i < 5; i++)
		s->records[i].line = i + 2;
	s->records[2].regs[VREG_RAX] = 13;
	s->records[2].regs[VREG_RBX] = 2;
	output_init(&s->out);
	output_feed(&s->out, 0, told, strlen(told));
	output_end(&s->out);
	s->e = (struct evidence){ .obs = s->out.obs,
				  .trace = { .v = s->records, .n = 5, .complete = true,
					     .first_line = 1, .last_line = 7 } };
	s->run = result_new("20260101-000000-0000");
	s->t = result_add_test(s->run, "vcpu-info/pairs", "vcpu-info");
}

/* The second call was about one that has not run: no thread of its own is known to KVM. */
static void never_ran(struct scene *s, int64_t pid)
{
	for (size_t i = 0, call = 0; i < s->e.obs.n; i++)
		if (!strcmp(s->e.obs.v[i].key, "call.state") && call++ == 1)
			str_set(&s->e.obs.v[i].str, "never run");
	s->records[1].pid = pid;
}

static void judge(struct scene *s)
{
	const struct testcase *t = testcase_find("vcpu-info/pairs");

	assert_non_null(t);
	judge_fixed(t, &s->e, s->t);
}

static void tear_down(struct scene *s)
{
	result_free(s->run);
	output_free(&s->out);
}

/* Exactly this check fails, and says so with this text. */
static void assert_only(const struct scene *s, const char *check, const char *text)
{
	bool seen = false;

	for (size_t i = 0; i < s->t->n_checks; i++) {
		const struct check_result *c = &s->t->checks[i];

		if (strcmp(c->name, check)) {
			if (c->verdict == OUT_FAIL)
				fail_msg("%s failed, too: %s", c->name, c->observed);
			continue;
		}
		seen = true;
		assert_int_equal(c->verdict, OUT_FAIL);
		assert_non_null(strstr(c->observed, text));
	}
	assert_true(seen);
}

static void test_right(void **state)
{
	struct scene s;

	(void)state;
	set_up(&s);
	judge(&s);
	assert_true(s.t->n_checks >= 9);
	for (size_t i = 0; i < s.t->n_checks; i++)
		if (s.t->checks[i].verdict != OUT_PASS && !is_unasked(&s.t->checks[i]))
			fail_msg("%s: %s", s.t->checks[i].name, s.t->checks[i].observed);
	tear_down(&s);
}

/* What is told of a vCPU that has never run is its judge's to leave open. */
static void test_never_ran(void **state)
{
	static const int64_t open[] = { 0, -1, 42, 977 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(open); i++) {
		struct scene s;

		set_up(&s);
		never_ran(&s, open[i]);
		judge(&s);
		for (size_t k = 0; k < s.t->n_checks; k++)
			if (!strcmp(s.t->checks[k].name, "pid of the target"))
				assert_int_equal(s.t->checks[k].verdict, OUT_PASS);
		tear_down(&s);
	}
}

/* Of one whose registers were set: these, or all as they were when it last ran. */
static void test_of_last_exit(void **state)
{
	struct scene s;

	(void)state;
	set_up(&s);
	for (unsigned int i = 0; i < 16; i++)
		s.records[3].regs[order[i]]++;
	judge(&s);
	for (size_t i = 0; i < s.t->n_checks; i++)
		assert_int_not_equal(s.t->checks[i].verdict, OUT_FAIL);
	s.records[3].regs[VREG_R8]--;
	result_free(s.run);
	s.run = result_new("20260101-000000-0000");
	s.t = result_add_test(s.run, "vcpu-info/pairs", "vcpu-info");
	judge(&s);
	assert_only(&s, "registers of the target", "(registers set): r8=");
	tear_down(&s);
}

#define WRONG(change, check, text)                                                                 \
	do {                                                                                       \
		struct scene s;                                                                    \
                                                                                                   \
		set_up(&s);                                                                        \
		change;                                                                            \
		judge(&s);                                                                         \
		assert_only(&s, check, text);                                                      \
		tear_down(&s);                                                                     \
	} while (0)

static void test_wrong(void **state)
{
	(void)state;
	WRONG(s.records[1].pid = 41, "pid of the target", "pid 41, its thread is 42 (that is the caller's own)");
	WRONG(s.records[1].pid = 7, "pid of the target", "(that is the vCPU's id)");
	WRONG(never_ran(&s, 41), "pid of the target", "pid 41, its thread is 42 (that is the caller's own)");
	WRONG(s.records[1].pid = 55, "pid of the target", "its thread is 42");
	WRONG(s.records[1].regs[VREG_RDI] = s.records[2].regs[VREG_RDI], "registers of the target",
	      "(that is the caller's)");
	WRONG(s.records[1].regs[VREG_RAX] = 13, "registers of the target", "rax=0xd for 0x9d1c000700000012 (that is the caller's)");
	WRONG(s.records[1].regs[VREG_RDI] = s.records[1].regs[VREG_RSI], "registers of the target",
	      "(that is its rsi)");
	WRONG(s.records[1].regs[VREG_R12] &= UINT32_MAX, "registers of the target", "(that is its low 16 bits only)");
	WRONG(s.records[1].num_exits = 16, "exits of the target",
	      "line 3: vCPU 2 asked about vCPU 7 (halted): 16, KVM counted");
	WRONG(s.records[0].num_exits = 9, "exits of the target",
	      "line 2: vCPU 2 asked about vCPU 7 (spinning): 9, KVM");
	WRONG(s.records[1].regs[VREG_RDI]++, "registers of the target", "rdi=");
	WRONG(s.records[1].have_regs &= ~(1u << VREG_R9), "registers of the target", "r9 missing");
	WRONG(s.records[1].regs[VREG_RIP] = 1, "registers of the target", "rip=0x1");
	WRONG(s.records[4].regs[VREG_RIP] = 0x8004, "registers of the target", "in real mode): rip=0x8004");
	WRONG(s.records[1].regs[VREG_RFLAGS] &= UINT16_MAX, "registers of the target", "rflags=0x282");
	WRONG(s.records[3].regs[VREG_R8]++, "registers of the target", "line 5: vCPU 2 asked about vCPU 7 (registers set): r8=");
	WRONG(s.records[2].regs[VREG_RAX] = 0, "registers of the target", "rax=");
	WRONG(s.records[0].regs[VREG_R15] = 999, "registers of that moment", "r15=0x3e7");
	WRONG(s.records[0].regs[VREG_R15] = 3002, "registers of that moment", "r15=");
	WRONG(s.records[1].vcpu_id = 2, "a record for each call", "record 2 tells of vCPU 2");
	WRONG(s.e.trace.n = 3, "a record for each call", "no record");
}

/* On Intel another vCPU's rsp, rip and flags are not the caller's to read. */
static void test_intel_is_not_asked_for_more(void **state)
{
	struct scene s;

	(void)state;
	set_up(&s);
	s.e.vendor_intel = true;
	s.records[0].regs[VREG_RSP] = s.records[0].regs[VREG_RIP] = 0;
	s.records[0].regs[VREG_RFLAGS] = 0;
	judge(&s);
	for (size_t i = 0; i < s.t->n_checks; i++)
		assert_true(s.t->checks[i].verdict == OUT_PASS || is_unasked(&s.t->checks[i]));
	tear_down(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_right),
		cmocka_unit_test(test_never_ran),
		cmocka_unit_test(test_of_last_exit),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_intel_is_not_asked_for_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
