// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench/exits: what an exit of each kind costs, by L1's clock, from a loop of one vCPU in a micro
 * guest. CPUID, the hypercall and the local APIC's register are answered in KVM; the port and hlt
 * go to the program and back. It judges that the exits were made; the costs are measures.
 */
#ifdef NESTLAB_GUEST
#include "exit_kinds.h"
#include "micro.h"

#include <time.h>

#define TIMES 2000
#define APIC_ENABLED 0x900
#define APIC_AT 0x30000000UL /* in the first GiB, which the guest has mapped */
#define APIC_ID 0x20

static void make_mmio(void *arg)
{
	__asm__ volatile("wrmsr" : : "a"(APIC_AT | APIC_ENABLED), "d"(0), "c"(MSR_APIC_BASE));
	for (uintptr_t n = (uintptr_t)arg; n; n--)
		(void)*(volatile uint32_t *)(APIC_AT + APIC_ID);
}

static uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void run_loop(struct micro *m, void (*make)(void *), uintptr_t times)
{
	micro_start(m, 0, make, (void *)times);
	micro_finish(m, 0);
}

/* Few first: the code, its pages and the thread are warm then. */
static void measure(struct micro *m, void (*make)(void *))
{
	uint64_t exits, ns;

	run_loop(m, make, TIMES / 20);
	exits = micro_exits(m, 0);
	ns = clock_ns();
	run_loop(m, make, TIMES);
	observe_u64("kind.ns", clock_ns() - ns);
	observe_u64("kind.exits", micro_exits(m, 0) - exits);
	observe_u64("kind.times", TIMES);
}

static void run(void)
{
	const uint32_t id = 0;
	struct micro *m = micro_new(&id, 1);

	measure(m, make_cpuid);
	measure(m, make_hypercall);
	measure(m, make_out);
	measure(m, make_hlt);
	micro_free(m);
	m = micro_new_with_apics(&id, 1);
	measure(m, make_mmio);
	micro_free(m);
}

GUEST_TEST(run)

#else

#include "judge/checks.h"

enum column { NS, EXITS, TIMES };
static const char *const keys[] = { "kind.ns", "kind.exits", "kind.times" };

/* In the order of the program. */
static const char *const checks[] = { "CPUID", "hypercall", "PIO", "HLT", "MMIO", NULL };
#define KINDS (ARRAY_SIZE(checks) - 1)

static void judge(const struct evidence *e, struct test_result *t)
{
	_cleanup_table_ struct table y = { 0 };

	if (!check_program(e, t))
		return;
	if (!table_collect(&y, &e->obs, keys, ARRAY_SIZE(keys)) || y.rows != KINDS) {
		check_broken(t, "the readings", "one of each kind", "some of its lines are missing");
		return;
	}
	for (size_t i = 0; i < KINDS; i++) {
		uint64_t times = table_at(&y, i, TIMES);

		check_at_least(t, checks[i], times, table_at(&y, i, EXITS), "oracle: KVM's own statistics of the vCPU");
		result_add_measure(t, checks[i], "us/exit", (double)table_at(&y, i, NS) / 1e3 / (double)(times ? times : 1));
	}
}

static const struct testcase bench_exits = {
	.name = "bench/exits",
	.summary = "what exits cost by kind: CPUID, hypercall, PIO, HLT, MMIO",
	.program = "test_exit_costs",
	.level = 1,
	.timeout_s = 60,
	.on_request = true,
	.quiet = true,
	.checks = checks,
	.judge = judge,
};
TESTCASE(bench_exits);
#endif
