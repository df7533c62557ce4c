// SPDX-License-Identifier: GPL-2.0-only
/*
 * The judges of the guest's kernel alone, and of what stands beside the change, on recorded
 * evidence: right, and with one fault at a time, as a wrong change would leave it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "core/outcome.h"
#include "judge/checks.h"

#include <cmocka.h>

#include "tests/recorded.h"

#define RESULTS "test_guest_results"
#define THREADS "test_guest_threads"
#define HOTPLUG "test_guest_hotplug"
#define NO_KVM "test_guest_no_kvm"
#define NEIGHBOURS "test_micro_neighbours"
#define PATHS "test_micro_paths"
#define RUNS "test_micro_runs"

static void set_text(struct evidence *e, const char *key, const char *text)
{
	struct observation *o = obs(e, key, 0);

	free(o->str);
	o->str = xstrdup(text);
}

/* --- results --- */

static void always_well(struct evidence *e)
{
	set_all(e, "result.one", 0);
}

static void error_of_last_lost(struct evidence *e)
{
	obs(e, "result.one", 3)->u64 = 0;
}

static void error_positive(struct evidence *e)
{
	obs(e, "result.one", 0)->u64 = 22;
}

static void none_is_well(struct evidence *e)
{
	obs(e, "result.none", 0)->u64 = 0;
}

static void none_in_a_byte(struct evidence *e)
{
	obs(e, "result.none", 1)->u64 = 24;
}

static void all_fail_is_well(struct evidence *e)
{
	obs(e, "result.all", 1)->u64 = 0;
}

static void error_stays(struct evidence *e)
{
	obs(e, "result.good", 3)->u64 = (uint64_t)-22;
}

static void user_refused(struct evidence *e)
{
	obs(e, "result.user", 0)->u64 = (uint64_t)-1;
}

static void one_left_out(struct evidence *e)
{
	obs(e, "good.asked", 2)->u64 = 0;
}

static void one_asked_twice(struct evidence *e)
{
	obs(e, "good.asked", 5)->u64 = 2;
}

static void hole_asked(struct evidence *e)
{
	obs(e, "good.strange", 1)->u64 = 1;
}

static void eight_bytes_a_call(struct evidence *e)
{
	uint64_t kib = obs(e, "memory.calls", 0)->u64 * 8 / 1024;

	for (size_t i = 0; i < obs_count(&e->obs, "memory.kb"); i++)
		obs(e, "memory.kb", i)->u64 += i * kib;
}

static void leaks_behind_errors(struct evidence *e)
{
	uint64_t kib = obs(e, "failed.calls", 0)->u64 * 8 / 1024;

	for (size_t i = 0; i < obs_count(&e->obs, "failed.kb"); i++)
		obs(e, "failed.kb", i)->u64 += i * kib;
}

static void failures_counted(struct evidence *e)
{
	for (size_t i = 0; i < obs_count(&e->obs, "same.result"); i++)
		obs(e, "same.result", i)->u64 = -obs(e, "same.failing", i)->u64;
}

static void errors_summed(struct evidence *e)
{
	for (size_t i = 0; i < obs_count(&e->obs, "same.result"); i++)
		obs(e, "same.result", i)->u64 = obs(e, "same.error", i)->u64 * obs(e, "same.failing", i)->u64;
}

static void stays_on_a_cpu(struct evidence *e)
{
	struct observation *o = obs(e, "task.same", 1);

	str_set(&o->key, "task.changed");
	o->type = OBS_STR;
	str_set(&o->str, "Cpus_allowed:	8; before: Cpus_allowed:	f");
}

static void errors_ored(struct evidence *e)
{
	set_all(e, "differ.result", (uint64_t)(-22 | -7));
}

/* Right: a cache that fills once. */
static void cache_filled(struct evidence *e)
{
	for (size_t i = 2; i < obs_count(&e->obs, "memory.kb"); i++)
		obs(e, "memory.kb", i)->u64 += 256;
}

/* Right: KASAN keeps what was freed. */
static void kept_by_kasan(struct evidence *e)
{
	obs(e, "memory.kept", 0)->u64 = 1;
	for (size_t i = 0; i < obs_count(&e->obs, "failed.kb"); i++)
		obs(e, "failed.kb", i)->u64 += 64 * i;
}

static void ended_by_a_signal(struct evidence *e)
{
	obs(e, "signals.good", 5)->u64 -= 12;
	obs(e, "signals.errors", 5)->u64 = 12;
}

static void trap_flag_told(struct evidence *e)
{
	struct observation *o = obs(e, "told.stepped", 0);

	free(o->str);
	o->str = xstrdup("exit 4, rip 0x8003, rflags 0x102 fffffffffffffc18");
}

/* Right: any errno. */
static void another_errno(struct evidence *e)
{
	set_all(e, "result.one", (uint64_t)-5);
	set_all(e, "result.none", (uint64_t)-38);
	set_all(e, "result.all", (uint64_t)-5);
	set_all(e, "same.result", (uint64_t)-5);
	set_all(e, "differ.result", (uint64_t)-5);
}

/* --- threads --- */

static void another_s_error(struct evidence *e)
{
	obs(e, "one.errors", 4)->u64 = 1;
	obs(e, "one.good", 4)->u64--;
}

static void error_lost(struct evidence *e)
{
	obs(e, "one.good", 1)->u64 = 1;
	obs(e, "one.errors", 1)->u64--;
}

static void error_at_once(struct evidence *e)
{
	obs(e, "well.errors", 0)->u64 = 1;
}

static void call_lost(struct evidence *e)
{
	obs(e, "asked", 3)->u64--;
}

/* Right: each CPU asks about itself, and the one that fails is among them in each call. */
static void each_asks_itself(struct evidence *e)
{
	for (size_t i = 0; i < obs_count(&e->obs, "one.good"); i++) {
		obs(e, "one.errors", i)->u64 += obs(e, "one.good", i)->u64;
		obs(e, "one.good", i)->u64 = 0;
	}
}

/* --- comes and goes --- */

static void counts_instead(struct evidence *e)
{
	obs(e, "still.once", 1)->u64 = 7;
}

static void offline_asked(struct evidence *e)
{
	obs(e, "still.once", 2)->u64 = 15;
}

static void possible_asked(struct evidence *e)
{
	obs(e, "still.strange", 0)->u64 = 2;
}

static void fails_with_less(struct evidence *e)
{
	obs(e, "still.result", 1)->u64 = (uint64_t)-22;
}

static void asked_while_offline(struct evidence *e)
{
	obs(e, "moving.forbidden", 0)->u64 = 3;
}

static void positive_meanwhile(struct evidence *e)
{
	obs(e, "moving.positive", 0)->u64 = 1;
}

/* --- no KVM --- */

static void nothing_told(struct evidence *e)
{
	obs(e, "call.result", 1)->u64 = 0;
}

/* --- what stands beside --- */

static void nested_call_answered(struct evidence *e)
{
	set_text(e, "nested.13", "exit 0x78");
}

static void nobody_wakes(struct evidence *e)
{
	set_text(e, "kick.near.woke", "nobody");
}

static void user_wakes(struct evidence *e)
{
	set_text(e, "kick.user.woke", "1 ");
}

static void low_half_only(struct evidence *e)
{
	set_text(e, "ipi.high.pending", "none");
}

static void no_attempt(struct evidence *e)
{
	set_text(e, "yield.near.attempted", "0");
}

static void page_spilled(struct evidence *e)
{
	set_text(e, "clock.plain.written", "more");
}

static void no_exit(struct evidence *e)
{
	set_text(e, "map.plain.exit", "none");
}

/* Its key is none that the judge looks for. */
static void rename_all(struct observations *o, const char *prefix)
{
	for (size_t i = 0; i < o->n; i++)
		if (str_starts(o->v[i].key, prefix))
			o->v[i].key[0] = '_';
}

static void maps_gone(struct evidence *e)
{
	rename_all(&e->obs, "map.");
}

/* An older base: its number may be the change's. */
static void no_maps_at_all(struct evidence *e)
{
	rename_all(&e->obs, "map.");
	rename_all(&e->baseline, "map.");
}

static void result_not_cut(struct evidence *e)
{
	set_text(e, "width.none-narrow", "rax 0xfffffffffffffc18");
}

static void not_counted(struct evidence *e)
{
	set_text(e, "counted.width.none", "0");
}

static void unanswered_without_leaves(struct evidence *e)
{
	set_text(e, "own.no-leaves.4", "exit 2, rip+4, 0 0 0 0");
}

static void changes_another_register(struct evidence *e)
{
	set_text(e, "own.amd.1", "exit 2, rip+4, 2887 0 3ef0810e 0, register 5 0");
}

static void upper_half_left(struct evidence *e)
{
	set_text(e, "direct.intel.0.4.1", "exit 2, rip+4, 411 412 413 5e57000000000414");
}

static void subleaf_lost(struct evidence *e)
{
	set_text(e, "direct.amd.0.4.1", "exit 2, rip+4, 401 402 403 404");
}

static void emulator_lost_subleaf(struct evidence *e)
{
	set_text(e, "emulated.intel.4.1", "exit 2, rip+9, 401 402 403 404");
}

static void never_faults(struct evidence *e)
{
	set_text(e, "fault.user", "exit 2, rip+4, 411 412 413 414");
}

static void unknown_msr_read(struct evidence *e)
{
	set_text(e, "msr.unknown-read", "exit 2, rip+4, 0 0 0 0");
}

/* --- runs --- */

static void goes_on_without_memory(struct evidence *e)
{
	set_text(e, "end.memory-gone", "error 4");
}

static void page_unlogged(struct evidence *e)
{
	set_text(e, "written.one-behind-hlt", "0 pages");
}

static void dr6_brought_back(struct evidence *e)
{
	set_text(e, "over.interrupt", "dr6 changed");
}

static void guests_time_lost(struct evidence *e)
{
	set_text(e, "time.spin", "the host's");
}

#define FAULT(program, fault, check)                                                               \
	{                                                                                          \
		program, #fault, fault, check, OUT_FAIL                                            \
	}

static const struct fault faults[] = {
	FAULT(RESULTS, always_well, "result when one vCPU's fails"),
	FAULT(RESULTS, error_of_last_lost, "result when one vCPU's fails"),
	FAULT(RESULTS, error_positive, "result when one vCPU's fails"),
	FAULT(RESULTS, none_is_well, "result on a host without the hypercall"),
	FAULT(RESULTS, none_in_a_byte, "result on a host without the hypercall"),
	FAULT(RESULTS, all_fail_is_well, "result when more than one vCPU's fails"),
	FAULT(RESULTS, error_stays, "result when each vCPU's is 0"),
	FAULT(RESULTS, user_refused, "an ordinary user's call"),
	FAULT(RESULTS, one_left_out, "each CPU is asked about"),
	FAULT(RESULTS, one_asked_twice, "each CPU is asked about"),
	FAULT(RESULTS, hole_asked, "each CPU is asked about"),
	FAULT(RESULTS, eight_bytes_a_call, "the guest's kernel memory"),
	FAULT(RESULTS, leaks_behind_errors, "the guest's kernel memory, behind errors"),
	FAULT(RESULTS, failures_counted, "the error that is told"),
	FAULT(RESULTS, errors_summed, "the error that is told"),
	FAULT(RESULTS, errors_ored, "the error that is told"),
	FAULT(RESULTS, stays_on_a_cpu, "the caller's task"),
	FAULT(THREADS, another_s_error, "each task's own result"),
	FAULT(THREADS, error_lost, "each task's own result"),
	FAULT(THREADS, error_at_once, "results of calls at once"),
	FAULT(THREADS, call_lost, "each CPU is asked about by all calls"),
	FAULT(THREADS, ended_by_a_signal, "results of calls while signals come"),
	FAULT(HOTPLUG, counts_instead, "those asked about with CPUs offline"),
	FAULT(HOTPLUG, offline_asked, "those asked about with CPUs offline"),
	FAULT(HOTPLUG, possible_asked, "those asked about with CPUs offline"),
	FAULT(HOTPLUG, fails_with_less, "result with CPUs offline"),
	FAULT(HOTPLUG, asked_while_offline, "hypercalls about a CPU that is offline"),
	FAULT(HOTPLUG, positive_meanwhile, "positive results meanwhile"),
	FAULT(NO_KVM, nothing_told, "result with no KVM"),
	FAULT(NEIGHBOURS, nobody_wakes, "KVM_HC_KICK_CPU"),
	FAULT(NEIGHBOURS, user_wakes, "KVM_HC_KICK_CPU"),
	FAULT(NEIGHBOURS, low_half_only, "KVM_HC_SEND_IPI"),
	FAULT(NEIGHBOURS, no_attempt, "KVM_HC_SCHED_YIELD"),
	FAULT(NEIGHBOURS, page_spilled, "KVM_HC_CLOCK_PAIRING"),
	FAULT(NEIGHBOURS, no_exit, "KVM_HC_MAP_GPA_RANGE"),
	FAULT(NEIGHBOURS, maps_gone, "KVM_HC_MAP_GPA_RANGE"),
	FAULT(NEIGHBOURS, result_not_cut, "registers after a hypercall"),
	FAULT(NEIGHBOURS, not_counted, "KVM's count of hypercalls"),
	FAULT(NEIGHBOURS, nested_call_answered, "hypercalls of a guest's guest"),
	FAULT(NEIGHBOURS, trap_flag_told, "registers as KVM tells them"),
	FAULT(PATHS, unanswered_without_leaves, "the leaf of the exits in each mode"),
	FAULT(PATHS, changes_another_register, "the leaf of the exits in each mode"),
	FAULT(PATHS, upper_half_left, "other leaves in each mode"),
	FAULT(PATHS, subleaf_lost, "other leaves in each mode"),
	FAULT(PATHS, emulator_lost_subleaf, "other leaves met by the emulator"),
	FAULT(PATHS, never_faults, "CPUID that faults"),
	FAULT(PATHS, unknown_msr_read, "MSRs"),
	FAULT(RUNS, goes_on_without_memory, "how KVM_RUN ends"),
	FAULT(RUNS, page_unlogged, "the log of written pages"),
	FAULT(RUNS, dr6_brought_back, "registers over an exit"),
	FAULT(RUNS, guests_time_lost, "the time in a guest"),
};

static void find_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		find_fault(&faults[i]);
}

static void pass_what_is_right(void **state)
{
	static const char *const programs[] = {
		RESULTS, THREADS, HOTPLUG, NO_KVM, NEIGHBOURS, PATHS, RUNS
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		pass_right(programs[i], "as recorded", NULL);
	pass_right(RESULTS, "cache_filled", cache_filled);
	pass_right(RESULTS, "another_errno", another_errno);
	pass_right(RESULTS, "kept_by_kasan", kept_by_kasan);
	pass_right(THREADS, "each_asks_itself", each_asks_itself);
	pass_right(NEIGHBOURS, "no_maps_at_all", no_maps_at_all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pass_what_is_right),
		cmocka_unit_test(find_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
