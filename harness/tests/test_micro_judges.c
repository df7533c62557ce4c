// SPDX-License-Identifier: GPL-2.0-only
/*
 * The judges of the micro guests' tests on recorded evidence: right, and with one fault at a time,
 * as a wrong change would leave it; the check that is there for it must find it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/proc.h"
#include "evidence/reasons.h"
#include "judge/checks.h"
#include "judge/ends_checks.h"
#include "judge/memory_checks.h"
#include "kernel/handlers.h"

#include <cmocka.h>

#include "tests/recorded.h"

#define IDS "test_micro_ids"
#define CALLS "test_micro_calls"
#define MANY "test_micro_many"
#define MEANWHILE "test_micro_meanwhile"
#define EXITS "test_micro_exits"
#define CYCLES "test_micro_cycles"
#define ANSWER "test_micro_answer"
#define LIVES "test_micro_lives"
#define LEFT "test_micro_left_behind"
#define REASONS "test_exit_reasons"
#define MAP "test_leaf_map"

/* -- faults -- */

/* The i-th call of that id from a mode of that kind. */
static struct observation *result_of(struct evidence *e, uint64_t id, uint64_t user)
{
	for (size_t i = 0; i < obs_count(&e->obs, "call.id"); i++)
		if (obs(e, "call.id", i)->u64 == id && obs(e, "call.user", i)->u64 == user)
			return obs(e, "call.result", i);
	fail_msg("no call about %#llx", (unsigned long long)id);
	return NULL;
}

static void call_fails(struct evidence *e)
{
	result_of(e, 3, 0)->u64 = (uint64_t)-22;
}

static void hole_accepted(struct evidence *e)
{
	result_of(e, 1, 0)->u64 = 0;
}

static void id_cut(struct evidence *e)
{
	result_of(e, (1ULL << 32) + 3, 0)->u64 = 0;
}

static void user_answered(struct evidence *e)
{
	result_of(e, 3, 1)->u64 = 0;
}

static void user_told_enosys(struct evidence *e)
{
	result_of(e, 3, 1)->u64 = (uint64_t)-1000;
}

static void caller_changed(struct evidence *e)
{
	obs(e, "call.changed", 4)->u64 = 1 << 3;
}

static void record_missing(struct evidence *e)
{
	e->trace.n--;
}

static void record_of_another(struct evidence *e)
{
	e->trace.v[0].vcpu_id = 0;
}

static void row_cut(struct evidence *e)
{
	obs(e, "call.result", 2)->key[0] = '_';
}

static void hangs(struct evidence *e)
{
	struct observation *o = obs(e, "guest.done", 0);

	free(o->key);
	o->key = xstrdup("guest.fault");
	free(o->str);
	o->str = xstrdup("vCPU 2 hangs");
}

static void unknown_answered(struct evidence *e)
{
	obs(e, "call.3e8", 0)->u64 = 0;
}

static void known_lost(struct evidence *e)
{
	obs(e, "call.1", 0)->u64 = (uint64_t)-1000;
}

static void number_taken(struct evidence *e)
{
	struct observation *o = (struct observation *)obs_get(&e->baseline, "call.d", 0);

	assert_non_null(o);
	o->u64 = 0;
}

static void one_call_less(struct evidence *e)
{
	obs(e, "calls.made", 0)->u64--;
}

static void one_call_wrong(struct evidence *e)
{
	obs(e, "calls.wrong", 0)->u64++;
}

static void dead_after(struct evidence *e)
{
	obs(e, "last.result", 0)->u64 = (uint64_t)-22;
}

static void ten_exits_lost(struct evidence *e)
{
	obs(e, "last.exits", 6)->u64 -= 10;
}

static void ten_exits_too_many(struct evidence *e)
{
	obs(e, "last.exits", 1)->u64 += 10;
}

static void kind_not_counted(struct evidence *e)
{
	obs(e, "last.exits", 5)->u64 = obs(e, "first.exits", 5)->u64 + 2;
}

/* A host's tick came in between. */
static void kind_not_timed(struct evidence *e)
{
	obs(e, "last.cycles", 3)->u64 = obs(e, "first.cycles", 3)->u64 + 9000;
}

/* The host was busy in the first one of its two bouts. */
static void kind_not_timed_and_a_busy_host(struct evidence *e)
{
	obs(e, "last.cycles", 3)->u64 = obs(e, "first.cycles", 3)->u64 + 1000000;
	obs(e, "bout.again", 3)->u64 = 9000;
}

/* Right: KVM is done with it before it measures anything. */
static void hlt_not_timed(struct evidence *e)
{
	obs(e, "last.cycles", 4)->u64 = obs(e, "first.cycles", 4)->u64 + 9000;
}

/* Right: a bout in which the host was busy. */
static void one_kind_dear(struct evidence *e)
{
	obs(e, "last.cycles", 0)->u64 += 1000000000;
}

/* Neither all of the host's nor this machine's own. */
static void half_of_another_machine(struct evidence *e)
{
	obs(e, "last.exits", 7)->u64 = obs(e, "first.exits", 7)->u64 + 500;
}

static void handler_not_timed(struct evidence *e)
{
	obs(e, "reading.cycles", 2)->u64 = obs(e, "reading.cycles", 1)->u64 + 1000000;
}

/* One vCPU ran, and what it is told to have spent is what two could have. */
static void more_than_one_had(struct evidence *e)
{
	obs(e, "reading.cycles", 1)->u64 = obs(e, "reading.cycles", 0)->u64 + 2 * (obs(e, "reading.after", 1)->u64 -
										  obs(e, "reading.before", 0)->u64);
}

static void counted_by_thousands(struct evidence *e)
{
	static const char *const keys[] = { "reading.cycles", "round.inside", "round.outside" };

	for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
		for (size_t i = 0; i < obs_count(&e->obs, keys[k]); i++)
			obs(e, keys[k], i)->u64 -= obs(e, keys[k], i)->u64 % 1000;
}

/* Right: a TSC that goes on by steps. */
static void tsc_by_hundreds(struct evidence *e)
{
	static const char *const keys[] = { "reading.before", "reading.after", "reading.cycles", "round.inside",
					    "round.outside" };

	for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
		for (size_t i = 0; i < obs_count(&e->obs, keys[k]); i++)
			obs(e, keys[k], i)->u64 -= obs(e, keys[k], i)->u64 % 100;
}

static void more_than_passed(struct evidence *e)
{
	obs(e, "reading.cycles", 1)->u64 += 1ULL << 40;
	obs(e, "reading.cycles", 2)->u64 += 1ULL << 40;
}

/* Each reading behind the sleep is a spin later. */
static void guest_time_counted(struct evidence *e)
{
	uint64_t spun = obs(e, "spun", 0)->u64;

	for (size_t i = 4; i < obs_count(&e->obs, "reading.cycles"); i++)
		obs(e, "reading.cycles", i)->u64 = obs(e, "reading.cycles", i - 1)->u64 + spun;
}

static void guest_time_after_fastpath(struct evidence *e)
{
	set_all(e, "sending.cycles", obs(e, "sending.spun", 0)->u64 * 9 / 10);
}

/* All but one spin were disturbed. */
static void busy_machine(struct evidence *e)
{
	uint64_t *last = &obs(e, "reading.cycles", obs_count(&e->obs, "reading.cycles") - 1)->u64;
	uint64_t quiet = *last - obs(e, "reading.cycles", obs_count(&e->obs, "reading.cycles") - 2)->u64;

	guest_time_counted(e);
	*last = obs(e, "reading.cycles", obs_count(&e->obs, "reading.cycles") - 2)->u64 + quiet;
}

/* The exit by which the guest set it lasted as long as that is in its future. */
static void guests_tsc_counted(struct evidence *e)
{
	for (size_t i = 3; i < obs_count(&e->obs, "reading.cycles"); i++)
		obs(e, "reading.cycles", i)->u64 += 1ULL << 48;
}

/* One of the rounds was disturbed by the host's ticks. */
static void user_space_left_out(struct evidence *e)
{
	for (size_t i = 0; i < obs_count(&e->obs, "round.outside"); i++)
		obs(e, "round.outside", i)->u64 = i ? 40000 : 900000;
}

#define LASTING "cycles of an exit that lasts"

static void long_exit_cut_to_32_bits(struct evidence *e)
{
	obs(e, "lasting.cycles", 0)->u64 &= UINT32_MAX;
}

static void no_cycles(struct evidence *e)
{
	obs(e, "reading.cycles", 1)->u64 = obs(e, "reading.cycles", 0)->u64;
}

static void edx_left(struct evidence *e)
{
	obs(e, "answer.rdx", 3)->u64 = 0xaaaaaaaa;
}

static void high_half_left(struct evidence *e)
{
	obs(e, "answer.rbx", 0)->u64 |= 0x5a5a5a5a00000000;
}

static void ecx_matters(struct evidence *e)
{
	obs(e, "answer.rax", 2)->u64 = 0;
}

static void flag_changed(struct evidence *e)
{
	obs(e, "answer.rflags", 2)->u64 = 0x40;
}

static void another_reasons_exits(struct evidence *e)
{
	obs(e, "last.exits", 1)->u64 += 100;
}

/* One that no bout makes is told for its neighbour. */
static void any_reason_for_another(struct evidence *e)
{
	size_t last = obs_count(&e->obs, "any.grown") - 1;

	obs(e, "any.grown", last)->u64 = 0;
}

static void any_reason_twice(struct evidence *e)
{
	obs(e, "any.grown", 0)->u64 *= 2;
}

/* Nobody made it exit, and it took time. */
static void any_reason_without_exits(struct evidence *e)
{
	static const char *const none[] = { "any.grown", "any.least", "any.most" };

	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		obs(e, none[i], 0)->u64 = 0;
	obs(e, "any.cycles", 0)->u64 = 7000;
	((struct assignment *)e->assignment)->leaf[LEAF_TYPE_CYCLES] = 0x4ffffffd;
}

static void number_kept(struct evidence *e)
{
	obs(e, "kept.after", 0)->u64 += 8;
}

static void task_kept(struct evidence *e)
{
	obs(e, "kept.after", 1)->u64++;
}

static void module_kept(struct evidence *e)
{
	obs(e, "references.after", 0)->u64 += 20000;
}

static void sleeper_wakes(struct evidence *e)
{
	struct observation *o = obs(e, "asleep", 0);

	free(o->str);
	o->str = xstrdup("it woke");
}

static void upper_half_asked(struct evidence *e)
{
	obs(e, "above.told", 0)->u64 = 0;
	obs(e, "above.edx", 0)->u64 = UINT32_MAX;
}

/* The ticks of a second come to it. */
static void bystander_stopped(struct evidence *e)
{
	obs(e, "beside.exits", 0)->u64 = 1017;
}

static void monitor_refused(struct evidence *e)
{
	obs(e, "step.error", 5)->u64 = 16;
}

static void calls_stop(struct evidence *e)
{
	obs(e, "step.calls", 3)->u64 = 0;
}

static void sum_too_small(struct evidence *e)
{
	obs(e, "total.sum", 0)->u64 = obs(e, "total.before", 0)->u64 - 1;
}

static void array_overread(struct evidence *e)
{
	struct observation *o = obs(e, "exits.70", 0);

	free(o->str);
	o->str = xstrdup("947a5ad 0 0 0");
	obs(e, "total.sum", 0)->u64 += 0x947a5ad;
}

static void no_cycles_at_all(struct evidence *e)
{
	for (size_t i = 0; i < obs_count(&e->obs, "round.outside"); i++)
		obs(e, "round.inside", i)->u64 = obs(e, "round.outside", i)->u64 = 0;
}

/* A map with cycles of a reason, and a kind that does not exit on this CPU. */
static void one_kind_never_exits(struct evidence *e)
{
	uint64_t seen = obs(e, "first.seen.before", 2)->u64;

	((struct assignment *)e->assignment)->leaf[LEAF_TYPE_CYCLES] = 0x4ffffffd;
	for (size_t i = 0; i < obs_count(&e->obs, "bout"); i++)
		obs(e, "last.cycles", i)->u64 = obs(e, "first.cycles", i)->u64 +
			(obs(e, "last.seen.after", i)->u64 > obs(e, "first.seen.before", i)->u64);
	obs(e, "first.seen.after", 2)->u64 = seen;
	obs(e, "last.seen.before", 2)->u64 = obs(e, "last.seen.after", 2)->u64 = seen;
	obs(e, "last.exits", 2)->u64 = obs(e, "first.exits", 2)->u64;
	obs(e, "last.cycles", 2)->u64 = obs(e, "first.cycles", 2)->u64;
}

static void time_of_no_exit(struct evidence *e)
{
	one_kind_never_exits(e);
	obs(e, "last.cycles", 2)->u64++;
}

static void cut_to_32_bits(struct evidence *e)
{
	one_kind_never_exits(e);
	obs(e, "held.cycles", 0)->u64 &= UINT32_MAX;
}

static void sleep_not_timed(struct evidence *e)
{
	one_kind_never_exits(e);
	obs(e, "held.cycles", 0)->u64 = 5744;
}

static void given_to_the_readings(struct evidence *e)
{
	one_kind_never_exits(e);
	obs(e, "held.others", 0)->u64 = obs(e, "held.slept", 0)->u64;
}

static void no_time_of_exits(struct evidence *e)
{
	one_kind_never_exits(e);
	obs(e, "last.cycles", 1)->u64 = obs(e, "first.cycles", 1)->u64;
}

static void answer_is(struct evidence *e, const char *key, const char *text)
{
	struct observation *o = obs(e, key, 0);

	free(o->str);
	o->str = xstrdup(text);
}

static void undefined_zeros(struct evidence *e)
{
	answer_is(e, "exits.1040", "0 0 0 0");
}

static void undefined_counted(struct evidence *e)
{
	answer_is(e, "exits.65650", "11 0 0 0");
}

static void unhandled_undefined(struct evidence *e)
{
	answer_is(e, "exits.1", "0 0 0 ffffffff");
}

static void handled_edx(struct evidence *e)
{
	answer_is(e, "exits.114", "11 0 0 aaaaaaaa");
}

/* Each leaf's readings become its neighbour's. */
static void other_map(struct evidence *e)
{
	for (size_t i = 0; i < obs_count(&e->obs, "leaf.eax"); i += 8) {
		for (size_t k = 0; k < 2; k++) {
			obs(e, "leaf.eax", i + k)->u64 = obs(e, "leaf.eax", i + 6 + k)->u64;
			obs(e, "leaf.cycles", i + k)->u64 = obs(e, "leaf.cycles", i + 6 + k)->u64;
			obs(e, "leaf.eax", i + 6 + k)->u64 = 0;
			obs(e, "leaf.cycles", i + 6 + k)->u64 = 0;
		}
	}
}

/* From that reading on, as much less. */
static void less_from(struct evidence *e, const char *key, size_t first, uint64_t less)
{
	for (size_t i = first; i < obs_count(&e->obs, key); i++)
		obs(e, key, i)->u64 -= less;
}

static void ended_took_along(struct evidence *e)
{
	less_from(e, "exits", 4, 400);
}

static void reset_at_shutdown(struct evidence *e)
{
	less_from(e, "exits", 5, obs(e, "exits", 5)->u64 - 2);
}

/* The crowd's bout is the last one: five exits of each. */
static void six_of_seventy_lost(struct evidence *e)
{
	obs(e, "last.exits", obs_count(&e->obs, "last.exits") - 1)->u64 -= 6 * 5;
}

static void reset_at_init(struct evidence *e)
{
	less_from(e, "exits", 6, obs(e, "exits", 6)->u64 - 2);
}

static void saved_took_along(struct evidence *e)
{
	less_from(e, "exits", 7, 400);
}

static void offline_took_along(struct evidence *e)
{
	less_from(e, "exits", 10, 400);
}

static void cycles_taken_along(struct evidence *e)
{
	less_from(e, "cycles", 4, obs(e, "cycles", 4)->u64 - obs(e, "cycles", 2)->u64);
}

/* Right: a machine's own exits, which begin anew with it. */
static void each_machine_apart(struct evidence *e)
{
	for (size_t i = 0; i < obs_count(&e->obs, "exits"); i++)
		obs(e, "exits", i)->u64 = obs(e, "own.before", i)->u64 + 1;
	obs(e, "cycles", obs_count(&e->obs, "exits") - 1)->u64 = 1;
}

static void target_changed(struct evidence *e)
{
	obs(e, "target.sregs", 2)->u64 = 0;
}

/* Behind the others is the caller. */
static void callers_msr_changed(struct evidence *e)
{
	obs(e, "target.msrs", 3)->u64 = 0;
}

static void interrupts_left_off(struct evidence *e)
{
	str_set(&obs(e, "end.asked", 9)->str, "exit 4 at rip+3, rflags 0xad7, interrupts off, preemption's depth 1");
}

static void object_a_call(struct evidence *e)
{
	obs(e, "memory.slab", 0)->u64 += obs(e, "memory.times", 0)->u64 * 32 / 1024;
}

static void object_a_failed_call(struct evidence *e)
{
	obs(e, "memory.slab", 1)->u64 += obs(e, "memory.times", 1)->u64 * 32 / 1024;
}

static void stops_an_instruction_late(struct evidence *e)
{
	str_set(&obs(e, "end.asked", 2)->str, "exit 2 at rip+5");
}

static void page_a_call(struct evidence *e)
{
	obs(e, "memory.kib", 0)->u64 += 4 * obs(e, "memory.times", 0)->u64;
}

static void eight_bytes_of_each_cpu(struct evidence *e)
{
	obs(e, "memory.percpu", 1)->u64 += 2 * obs(e, "memory.times", 1)->u64 * 8 / 1024;
}

static void their_memory_stays(struct evidence *e)
{
	obs(e, "ended.after", 0)->u64 += 8 * 1024;
}

static void signals_left_blocked(struct evidence *e)
{
	str_set(&obs(e, "end.asked", 0)->str, "exit 2 at rip+5, rflags 0xad7, SigBlk 0000000000002a00");
}

static void machine_stays(struct evidence *e)
{
	obs(e, "machines.after", 0)->u64++;
}

#define FAULT(program, fault, check, verdict)                                                      \
	{                                                                                          \
		program, #fault, fault, check, verdict                                             \
	}

static const struct fault faults[] = {
	FAULT(IDS, call_fails, "about a vCPU of this machine", OUT_FAIL),
	FAULT(IDS, hole_accepted, "about no vCPU of this machine", OUT_FAIL),
	FAULT(IDS, id_cut, "about an id past 32 bits", OUT_FAIL),
	FAULT(IDS, user_answered, "from user mode", OUT_FAIL),
	FAULT(IDS, user_told_enosys, "from user mode", OUT_FAIL),
	FAULT(IDS, caller_changed, "the caller's registers", OUT_FAIL),
	FAULT(IDS, record_missing, "no record but theirs", OUT_FAIL),
	FAULT(IDS, record_of_another, "no record but theirs", OUT_FAIL),
	FAULT(IDS, row_cut, "the calls", OUT_BROKEN),
	FAULT(IDS, hangs, "the test program's end", OUT_FAIL),
	FAULT(CALLS, unknown_answered, "numbers of no hypercall", OUT_FAIL),
	FAULT(CALLS, known_lost, "other hypercalls", OUT_FAIL),
	FAULT(CALLS, number_taken, "the assignment's number", OUT_FAIL),
	FAULT(MANY, one_call_less, "calls that returned", OUT_FAIL),
	FAULT(MANY, one_call_wrong, "calls with an error", OUT_FAIL),
	FAULT(MANY, dead_after, "a call after them", OUT_FAIL),
	FAULT(EXITS, ten_exits_lost, "exits of each kind", OUT_FAIL),
	FAULT(EXITS, ten_exits_too_many, "exits of each kind", OUT_FAIL),
	FAULT(EXITS, kind_not_counted, "exits of each kind", OUT_FAIL),
	FAULT(EXITS, six_of_seventy_lost, "exits of each kind", OUT_FAIL),
	FAULT(EXITS, kind_not_timed, "cycles of each kind", OUT_FAIL),
	FAULT(EXITS, kind_not_timed_and_a_busy_host, "cycles of each kind", OUT_FAIL),
	FAULT(EXITS, half_of_another_machine, "exits of each kind", OUT_FAIL),
	FAULT(CYCLES, handler_not_timed, "cycles of slow exits", OUT_FAIL),
	FAULT(CYCLES, more_than_passed, "cycles of fast exits", OUT_FAIL),
	FAULT(CYCLES, more_than_one_had, "cycles of fast exits", OUT_FAIL),
	FAULT(CYCLES, counted_by_thousands, "the step of the cycles", OUT_FAIL),
	FAULT(CYCLES, guests_tsc_counted, "cycles while the guest sets its TSC", OUT_FAIL),
	FAULT(CYCLES, no_cycles_at_all, "cycles of exits to user space", OUT_FAIL),
	FAULT(CYCLES, user_space_left_out, "cycles of exits to user space", OUT_FAIL),
	FAULT(CYCLES, no_cycles, "cycles of fast exits", OUT_FAIL),
	FAULT(CYCLES, long_exit_cut_to_32_bits, LASTING, OUT_FAIL),
	FAULT(CYCLES, guest_time_counted, "cycles while the guest spins", OUT_FAIL),
	FAULT(CYCLES, guest_time_after_fastpath, "cycles while the guest spins and sends interrupts", OUT_FAIL),
	FAULT(ANSWER, edx_left, "edx of each answer", OUT_FAIL),
	FAULT(ANSWER, high_half_left, "high halves of each answer", OUT_FAIL),
	FAULT(ANSWER, ecx_matters, "whatever ecx holds", OUT_FAIL),
	FAULT(ANSWER, flag_changed, "rflags", OUT_FAIL),
	FAULT(ANSWER, caller_changed, "the caller's registers", OUT_FAIL),
	FAULT(ANSWER, stops_an_instruction_late, ENDS_CHECK, OUT_FAIL),
	FAULT(ANSWER, object_a_call, MEMORY_CHECK, OUT_FAIL),
	FAULT(LIVES, ended_took_along, "exits over lives", OUT_FAIL),
	FAULT(LIVES, reset_at_shutdown, "exits over lives", OUT_FAIL),
	FAULT(LIVES, reset_at_init, "exits over lives", OUT_FAIL),
	FAULT(LIVES, saved_took_along, "exits over lives", OUT_FAIL),
	FAULT(LIVES, offline_took_along, "exits over lives", OUT_FAIL),
	FAULT(LIVES, cycles_taken_along, "cycles over lives", OUT_FAIL),
	FAULT(MEANWHILE, monitor_refused, "what the monitor asked for", OUT_FAIL),
	FAULT(MEANWHILE, calls_stop, "calls go on", OUT_FAIL),
	FAULT(MEANWHILE, one_call_wrong, "calls with an error", OUT_FAIL),
	FAULT(LEFT, target_changed, "the target's state", OUT_FAIL),
	FAULT(LEFT, callers_msr_changed, "the target's state", OUT_FAIL),
	FAULT(LEFT, interrupts_left_off, ENDS_CHECK, OUT_FAIL),
	FAULT(LEFT, object_a_call, MEMORY_CHECK, OUT_FAIL),
	FAULT(LEFT, object_a_failed_call, "the kernel's memory", OUT_FAIL),
	FAULT(LEFT, stops_an_instruction_late, ENDS_CHECK, OUT_FAIL),
	FAULT(LEFT, page_a_call, "the kernel's memory", OUT_FAIL),
	FAULT(LEFT, eight_bytes_of_each_cpu, "the kernel's memory", OUT_FAIL),
	FAULT(LEFT, their_memory_stays, "memory of programs that ended", OUT_FAIL),
	FAULT(LEFT, signals_left_blocked, ENDS_CHECK, OUT_FAIL),
	FAULT(LEFT, number_kept, "threads that ended", OUT_FAIL),
	FAULT(LEFT, task_kept, "threads that ended", OUT_FAIL),
	FAULT(LEFT, module_kept, "modules' references", OUT_FAIL),
	FAULT(LEFT, sleeper_wakes, "a target that sleeps", OUT_FAIL),
	FAULT(LEFT, bystander_stopped, "a vCPU that no call names", OUT_FAIL),
	FAULT(LEFT, machine_stays, "machines that ended", OUT_FAIL),
	FAULT(REASONS, another_reasons_exits, "exits of a reason", OUT_FAIL),
	FAULT(REASONS, time_of_no_exit, "cycles of a reason", OUT_FAIL),
	FAULT(REASONS, no_time_of_exits, "cycles of a reason", OUT_FAIL),
	FAULT(REASONS, cut_to_32_bits, "cycles of exits that sleep", OUT_FAIL),
	FAULT(REASONS, given_to_the_readings, "cycles of exits that sleep", OUT_FAIL),
	FAULT(REASONS, any_reason_for_another, "exits of any reason", OUT_FAIL),
	FAULT(REASONS, any_reason_twice, "exits of any reason", OUT_FAIL),
	FAULT(REASONS, any_reason_without_exits, "cycles of any reason", OUT_FAIL),
	FAULT(REASONS, sum_too_small, "the reasons' sum", OUT_FAIL),
	FAULT(REASONS, array_overread, "the reasons' sum", OUT_FAIL),
	FAULT(REASONS, upper_half_asked, "what is above ecx", OUT_FAIL),
	FAULT(REASONS, undefined_zeros, "reasons that the manual does not define", OUT_FAIL),
	FAULT(REASONS, undefined_counted, "reasons that the manual does not define", OUT_FAIL),
	FAULT(REASONS, unhandled_undefined, "reasons that KVM does not handle", OUT_FAIL),
	FAULT(REASONS, handled_edx, "edx of a reason that KVM handles", OUT_FAIL),
	FAULT(MAP, other_map, "the leaf map", OUT_FAIL),
};

static void as_recorded(struct evidence *e)
{
	(void)e;
}

static void find_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		find_fault(&faults[i]);
}

static void pass_what_is_right(void **state)
{
	static const char *const programs[] = { IDS,	CALLS, MANY,  MEANWHILE, EXITS, CYCLES,
						ANSWER, MAP,   LIVES, LEFT };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		pass_right(programs[i], "as recorded", NULL);
	pass_right(EXITS, "hlt_not_timed", hlt_not_timed);
	pass_right(EXITS, "one_kind_dear", one_kind_dear);
	pass_right(CYCLES, "busy_machine", busy_machine);
	pass_right(CYCLES, "tsc_by_hundreds", tsc_by_hundreds);
	pass_right(LIVES, "each_machine_apart", each_machine_apart);
	pass_right(REASONS, "one_kind_never_exits", one_kind_never_exits);
	pass_right(REASONS, "as recorded, of a map without cycles of a reason", as_recorded);
}

/* Whose clock stops before the handler runs is told that. */
static void names_the_handlers_time(void **state)
{
	(void)state;
	assert_told(CYCLES, handler_not_timed, "cycles of slow exits",
		    "(that is a time without what the exit's handler takes, perhaps)");
	assert_told(CYCLES, long_exit_cut_to_32_bits, LASTING, "(that is its low 32 bits only");
	assert_told(REASONS, sleep_not_timed, "cycles of exits that sleep",
		    "grew by 5744 (that is a time without what the exit's handler takes, perhaps), while its exits slept");
}

/* Of hundreds of reasons the one whose answer is no count. */
static void names_the_reason_that_is_no_count(void **state)
{
	(void)state;
	assert_told(REASONS, array_overread, "the reasons' sum", "of which reason 70");
}

static void what_can_t_be_asked_is_skipped(void **state)
{
	struct run_result *run;
	struct recorded r;

	(void)state;
	load(&r, REASONS);
	r.e.reasons.n = 0;
	run = judge(&r);
	assert_int_equal(verdict_of(run, "edx of a reason that KVM handles"), OUT_SKIP);
	assert_int_equal(verdict_of(run, "cycles of a reason"), OUT_SKIP);
	assert_int_equal(verdict_of(run, "exits of a reason"), OUT_PASS);
	assert_int_equal(run->tests[0].verdict, OUT_PASS);
	result_free(run);
	unload(&r);
	load(&r, CALLS);
	observations_free(&r.e.baseline);
	run = judge(&r);
	assert_int_equal(verdict_of(run, "the assignment's number"), OUT_SKIP);
	assert_int_equal(run->tests[0].verdict, OUT_SKIP);
	result_free(run);
	unload(&r);
}

/* What the assignment gives no meaning is no fault, and what it does stays one. */
static void eax_alone_is_answered(void **state)
{
	struct run_result *run;
	struct recorded r;
	struct assignment *a;

	(void)state;
	load(&r, ANSWER);
	a = (struct assignment *)r.e.assignment;
	a->leaf[LEAF_TOTAL_CYCLES] = 0x4ffffffd;
	strv_add(&a->eax_alone, "0x4fffffff");
	edx_left(&r.e);
	obs(&r.e, "answer.rbx", 3)->u64 = 0x12345678;
	run = judge(&r);
	assert_int_equal(verdict_of(run, "edx of each answer"), OUT_SKIP);
	assert_int_equal(verdict_of(run, "whatever ecx holds"), OUT_PASS);
	assert_int_equal(run->tests[0].verdict, OUT_PASS);
	result_free(run);
	high_half_left(&r.e);
	run = judge(&r);
	assert_int_equal(verdict_of(run, "high halves of each answer"), OUT_FAIL);
	result_free(run);
	unload(&r);
}

static void wrong_leaf_is_said(void **state)
{
	struct run_result *run;
	struct recorded r;

	(void)state;
	load(&r, MAP);
	other_map(&r.e);
	run = judge(&r);
	assert_non_null(strstr(run->tests[0].checks[2].observed, "0x4FFFFFFC: all exits (eax)"));
	assert_non_null(strstr(run->tests[0].checks[2].observed, "right numbers, wrong leaf"));
	result_free(run);
	unload(&r);
}

/* -- the table of handlers in a module -- */

static void handlers_of_a_module(void **state)
{
	static const char text[] = "int a(void);\n"
				   "int (*const before[3])(void) = { a, a, a };\n"
				   "int (*const svm_exit_handlers[8])(void) = { [1] = a, [5] = a };\n"
				   "int (*const after[1])(void) = { a };\n";
	static const char source[] = "build/tests/handlers.c", object[] = "build/tests/handlers.ko";
	char *const argv[] = { (char *)"gcc", (char *)"-c", (char *)"-o", (char *)object,
			       (char *)source, NULL };
	struct proc p = { .what = "gcc", .argv = argv, .deadline_s = 60 };
	struct reason_table t;

	(void)state;
	assert_int_equal(file_write(source, text, strlen(text), 0644), 0);
	assert_int_equal(proc_run(&p), 0);
	assert_true(handlers_read(object, &t));
	assert_int_equal(t.n, 8);
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(reason_state(&t, false, i) == REASON_HANDLED, i == 1 || i == 5);
	assert_false(handlers_read(source, &t)); /* no ELF */
	assert_int_equal(t.n, 0);
	assert_false(handlers_read("no/such.ko", &t));
}

static void reasons_by_the_manuals(void **state)
{
	static const struct reason_table none = { 0 };
	static const uint32_t vmx_undefined[] = { 35, 38, 42, 0x100, 0x10000, UINT32_MAX };
	static const uint32_t vmx_open[] = { 65, 69, 99, 255 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vmx_undefined); i++)
		assert_int_equal(reason_state(&none, true, vmx_undefined[i]), REASON_UNDEFINED);
	for (size_t i = 0; i < ARRAY_SIZE(vmx_open); i++)
		assert_int_equal(reason_state(&none, true, vmx_open[i]), REASON_OPEN);
	assert_int_equal(reason_state(&none, true, 48), REASON_UNHANDLED);
	assert_int_equal(reason_state(&none, false, 0x400), REASON_UNHANDLED);
	assert_int_equal(reason_state(&none, false, 0x100), REASON_UNDEFINED);
	assert_int_equal(reason_state(&none, false, UINT32_MAX), REASON_OPEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pass_what_is_right),
		cmocka_unit_test(find_faults),
		cmocka_unit_test(names_the_handlers_time),
		cmocka_unit_test(names_the_reason_that_is_no_count),
		cmocka_unit_test(what_can_t_be_asked_is_skipped),
		cmocka_unit_test(eax_alone_is_answered),
		cmocka_unit_test(wrong_leaf_is_said),
		cmocka_unit_test(handlers_of_a_module),
		cmocka_unit_test(reasons_by_the_manuals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
