// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpu-info/hotplug: the system call goes over the online CPUs. With one taken offline the trace
 * has a record less; with it back, as many as before.
 */
#ifdef NESTLAB_GUEST
#include "syscall.h"

static char path[64];

static void set_online(const char *digit)
{
	SAFE_WRITE_FILE(path, digit);
}

static void run(void)
{
	struct guest_cpus cpus;
	int last;

	guest_cpus(&cpus);
	if (cpus.n < 2)
		guest_skip("one CPU only: none can be taken offline (try L2_CPUS=2)");
	last = cpus.cpu[cpus.n - 1];
	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", last);
	if (access(path, W_OK))
		guest_skip("no %s: this kernel can't take a CPU offline", path);
	for (unsigned int i = 0; i < cpus.n; i++) {
		SAFE_PIN(cpus.cpu[i]);
		observe_u64("cpu.id", guest_apic_id());
	}
	observe_u64("offline.id", guest_apic_id());
	SAFE_PIN(cpus.cpu[0]);

	call_vcpu_info();
	set_online("0");
	call_vcpu_info();
	set_online("1");
	call_vcpu_info();
}

GUEST_TEST(run)

#else

#include "judge/records.h"

enum { CALLS = 3, CALLS_WITH_ALL = 2 };

static void check_counts(const struct evidence *e, struct test_result *t, uint64_t offline)
{
	_cleanup_u64v_ struct u64v cpus;
	_cleanup_free_ struct record_count *want = NULL;

	u64v_collect(&cpus, &e->obs, "cpu.id");
	want = xcalloc(cpus.n, sizeof(*want));
	for (size_t i = 0; i < cpus.n; i++)
		want[i] = (struct record_count){ cpus.v[i],
						 cpus.v[i] == offline ? CALLS_WITH_ALL : CALLS };
	check_record_counts(e, t, want, cpus.n);
}

static const char *const checks[] = {
	"result of each call",
	"a record for each CPU and call",
	NULL,
};

static void judge(const struct evidence *e, struct test_result *t)
{
	uint64_t offline;

	if (!check_program(e, t) || !want_u64(e, t, "offline.id", &offline))
		return;
	result_add_measure(t, "calls", "calls", (double)obs_count(&e->obs, "call.result"));
	check_call_results(e, t);
	if (check_trace(e, t))
		check_counts(e, t, offline);
}

static const struct testcase vcpu_info_hotplug = {
	.name = "vcpu-info/hotplug",
	.assignment = "vcpu-info",
	.summary = "a CPU taken offline gives one record less, until it is back",
	.program = "test_vcpu_hotplug",
	.level = 2,
	.timeout_s = 60,
	.wants_trace = true,
	.checks = checks,
	.judge = judge,
};
TESTCASE(vcpu_info_hotplug);
#endif
