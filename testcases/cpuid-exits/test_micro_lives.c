// SPDX-License-Identifier: GPL-2.0-only
/*
 * cpuid-exits/lives: machines and vCPUs come and go between readings of the leaf. What they made
 * is counted once and for good: a vCPU that never ran adds nothing, one that shuts down or is sent
 * INIT is reset, and its exits stay; a machine that ends takes none along, nor does one that goes on
 * as another, nor a CPU of the host that is taken offline.
 */
#ifdef NESTLAB_GUEST
#include "exit_hist.h"
#include "exit_kinds.h"
#include "exit_leaf.h"
#include "micro.h"

#include <inttypes.h>
#include <sys/ioctl.h>

#define MADE 400
#define STATE_BYTES 4096 /* of the largest part of a vCPU's state: KVM_GET_XSAVE's */

/* Interrupts sent as messages: SDM volume 3, 11.11. */
#define MSI_TO_SECOND 0xfee01000
#define MSI_INIT 0x4500
#define MSI_STARTUP_AT_0X8000 0x608

static const uint32_t ids[] = { 0, 1 };

/* There is no IDT: a fault is a triple one. KVM resets the vCPU, and tells of a shutdown. */
static void shut_down(void *arg)
{
	(void)arg;
	__asm__ volatile("ud2");
}

static void take(struct micro *m, const char *since)
{
	struct exit_totals t;

	observe_str("since", since);
	t = exit_leaf_read(m);
	observe_u64("exits", t.exits);
	observe_u64("cycles", t.cycles);
	if (!guest_in_lab)
		printf("%s: exits=%" PRIu32 "\n", since, t.exits);
}

static void one_that_never_ran(struct micro *m)
{
	struct micro *other = micro_new(ids, 2);

	take(m, "a machine was made that never ran");
	micro_free(other);
	take(m, "a machine that never ran has ended");
}

static void one_that_ran(struct micro *m)
{
	struct micro *other = micro_new(ids, 2);

	micro_start(other, 0, make_cpuid, (void *)(uintptr_t)MADE);
	micro_finish(other, 0);
	take(m, "a machine ran");
	micro_free(other);
	take(m, "a machine that ran has ended");
}

static void one_that_shuts_down(struct micro *m)
{
	struct micro *other = micro_new(ids, 1);

	micro_start(other, 0, make_cpuid, (void *)(uintptr_t)MADE);
	micro_finish(other, 0);
	micro_start(other, 0, shut_down, NULL);
	if (micro_wait(other, 0) != KVM_EXIT_SHUTDOWN)
		guest_broken(__FILE__, __LINE__, "ud2 without an IDT is no shutdown");
	take(m, "a vCPU has shut down");
	micro_free(other);
}

static void send(struct micro *m, uint32_t message)
{
	struct kvm_msi msi = { .address_lo = MSI_TO_SECOND, .data = message };

	if (ioctl(micro_vm_fd(m), KVM_SIGNAL_MSI, &msi) <= 0)
		guest_broken(__FILE__, __LINE__, "KVM_SIGNAL_MSI");
}

/* Started again, in real mode, it does what the first of the machine's code is: a hypercall, and out. */
static void one_that_is_sent_init(struct micro *m)
{
	struct micro *other = micro_new_with_apics(ids, 2);

	micro_start(other, 1, make_cpuid, (void *)(uintptr_t)MADE);
	micro_finish(other, 1);
	send(other, MSI_INIT);
	send(other, MSI_STARTUP_AT_0X8000);
	micro_go(other, 1);
	if (micro_wait(other, 1) != KVM_EXIT_IO)
		guest_broken(__FILE__, __LINE__, "a vCPU that was sent INIT did not start anew");
	take(m, "a vCPU was sent INIT and has started anew");
	micro_free(other);
}

/* As those who save a machine do it, by all that KVM tells of a vCPU. */
static void copy_vcpu(struct micro *from, struct micro *to)
{
	static const struct {
		unsigned long get, set;
	} parts[] = {
		{ KVM_GET_SREGS, KVM_SET_SREGS },
		{ KVM_GET_REGS, KVM_SET_REGS },
		{ KVM_GET_XSAVE, KVM_SET_XSAVE },
		{ KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS },
		{ KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS },
		{ KVM_GET_MP_STATE, KVM_SET_MP_STATE },
	};
	uint8_t state[STATE_BYTES];

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (ioctl(micro_vcpu_fd(from, 0), parts[i].get, state) ||
		    ioctl(micro_vcpu_fd(to, 0), parts[i].set, state))
			guest_broken(__FILE__, __LINE__, "part %zu of a vCPU's state", i);
}

static void one_that_moves(struct micro *m)
{
	struct micro *saved = micro_new(ids, 1), *restored;

	micro_start(saved, 0, make_cpuid, (void *)(uintptr_t)MADE);
	micro_finish(saved, 0);
	restored = micro_new(ids, 1);
	copy_vcpu(saved, restored);
	micro_free(saved);
	take(m, "a machine was saved, and has ended");
	micro_start(restored, 0, make_cpuid, (void *)(uintptr_t)MADE);
	micro_finish(restored, 0);
	take(m, "it was restored, and ran");
	micro_free(restored);
}

static void set_online(int cpu, const char *digit)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
	SAFE_WRITE_FILE(path, digit);
}

/* The exits were made on the host's last CPU. Where there is only one for guests, it has to stay. */
static void a_cpu_that_goes(struct micro *m)
{
	struct micro *other = micro_new(ids, 1);
	struct guest_cpus cpus;

	guest_cpus(&cpus);
	if (cpus.n > 1) {
		micro_pin(other, 0, cpus.cpu[cpus.n - 1]);
		micro_start(other, 0, make_cpuid, (void *)(uintptr_t)MADE);
		micro_finish(other, 0);
		take(m, "exits were made on the host's last CPU");
		set_online(cpus.cpu[cpus.n - 1], "0");
		take(m, "that CPU is offline");
		set_online(cpus.cpu[cpus.n - 1], "1");
		take(m, "it is online again");
	}
	micro_free(other);
}

static void run(void)
{
	struct micro *m = micro_new(ids, 1);

	hist_start();
	micro_start(m, 0, make_cpuid, (void *)(uintptr_t)MADE);
	micro_finish(m, 0);
	take(m, "the first reading");
	one_that_never_ran(m);
	one_that_ran(m);
	one_that_shuts_down(m);
	one_that_is_sent_init(m);
	one_that_moves(m);
	a_cpu_that_goes(m);
	micro_free(m);
	m = micro_new(ids, 1);
	take(m, "the machine that asks has ended and was made again");
	micro_free(m);
	hist_stop();
}

GUEST_TEST(run)

#else

#include <inttypes.h>

#include "judge/checks.h"

#define BY_TRACEPOINT                                                                              \
	"oracles: L1's tracepoint kvm:kvm_exit, which counts machines that have ended, too; KVM_GET_STATS_FD"

enum column { ALL_BEFORE, ALL_AFTER, OWN_BEFORE, OWN_AFTER, EXITS, CYCLES };
static const char *const keys[] = { "all.before", "all.after", "own.before",
				    "own.after",  "exits",     "cycles" };

struct lives {
	const struct evidence *e;
	struct table y;
	/* What all readings so far allow. One that counts each machine apart is right, too. */
	bool host_wide, one_machine;
};

static const char *since(const struct lives *l, size_t row)
{
	return obs_get(&l->e->obs, "since", row)->str;
}

/* An exit of L2's is in one of the counts an instant before it is in the other. */
static void judge_exits(struct lives *l, size_t row, struct tally *y)
{
	const struct table *t = &l->y;
	uint64_t least = table_at(t, row, ALL_BEFORE) - table_at(t, row - 1, ALL_AFTER);
	uint64_t most = table_at(t, row, ALL_AFTER) - table_at(t, row - 1, ALL_BEFORE) + l->e->l2_busy;
	uint64_t own = table_at(t, row, EXITS);
	uint32_t grew = (uint32_t)(own - table_at(t, row - 1, EXITS));
	bool host_wide = l->host_wide && grew + l->e->l2_busy >= least && grew <= most;
	bool one_machine = l->one_machine && own >= table_at(t, row, OWN_BEFORE) &&
			   own <= table_at(t, row, OWN_AFTER);

	if (host_wide || one_machine) {
		l->host_wide = host_wide;
		l->one_machine = one_machine;
		tally_good(y);
		return;
	}
	tally_bad(y, "%s: the leaf went from %" PRIu64 " to %" PRIu64 ", %" PRIu64 " to %" PRIu64
		     " exits were made meanwhile", since(l, row), table_at(t, row - 1, EXITS), own, least, most);
}

/* Where each machine is counted apart, the one that was made again begins anew. */
static void judge_cycles(const struct lives *l, size_t row, struct tally *y)
{
	uint64_t before = table_at(&l->y, row - 1, CYCLES), after = table_at(&l->y, row, CYCLES);
	bool anew = l->one_machine && !l->host_wide &&
		    table_at(&l->y, row, OWN_BEFORE) < table_at(&l->y, row - 1, OWN_AFTER);

	if (after > before || (anew && after))
		tally_good(y);
	else
		tally_bad(y, "%s: they went from %" PRIu64 " to %" PRIu64, since(l, row), before, after);
}

static const char *const checks[] = {
	"exits over lives",
	"cycles over lives",
	NULL,
};

static void judge(const struct evidence *e, struct test_result *t)
{
	struct lives l = { .e = e, .host_wide = true, .one_machine = true };
	struct tally exits = { .unit = "reading" }, cycles = { .unit = "reading" };

	if (!check_program(e, t))
		return;
	if (!table_collect(&l.y, &e->obs, keys, ARRAY_SIZE(keys)) || l.y.rows < 2 ||
	    obs_count(&e->obs, "since") != l.y.rows) {
		check_broken(t, "the readings", "each told whole", "some of their lines are missing");
	} else {
		for (size_t i = 1; i < l.y.rows; i++) {
			judge_exits(&l, i, &exits);
			judge_cycles(&l, i, &cycles);
		}
		tally_check(t, "exits over lives", "the leaf grows as the exits made, whoever has ended",
			    &exits, BY_TRACEPOINT);
		tally_check(t, "cycles over lives", "they grow from reading to reading", &cycles, NULL);
	}
	table_free(&l.y);
}

static const struct testcase lives = {
	.name = "cpuid-exits/lives",
	.assignment = "cpuid-exits",
	.summary = "machines end or move, vCPUs never run, shut down, are sent INIT, a CPU goes offline: nothing is lost",
	.program = "test_micro_lives",
	.level = 1,
	.timeout_s = 30,
	.quiet = true,
	.checks = checks,
	.judge = judge,
};
TESTCASE(lives);
#endif
