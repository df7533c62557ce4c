// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a monitor asks of its machine while the vCPUs make calls without a pause: memory comes and
 * goes, devices and vCPUs are made, filters change. Each of these takes KVM's locks, and waits for
 * whoever reads under SRCU at that moment, as a hypercall does: a call that takes such a lock waits
 * for the monitor, which waits for the call, and both for ever.
 */
#ifdef NESTLAB_GUEST
#include <errno.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "micro.h"

#define CALLERS 2
#define ASKED CALLERS /* the vCPU that they ask about, which never runs */
#define AT 0x30000000ULL
#define BYTES 0x10000
#define PORT 0x510
#define TIMES 4

static const uint32_t ids[] = { 0, 1, 2 };

/* Written by the guest; `ended` by the program. */
static struct part {
	uint64_t hypercall;
	uint64_t made, wrong;
	int64_t first_wrong;
} parts[CALLERS];
static volatile bool ended;

static void call(void *arg)
{
	struct part *p = arg;

	while (!ended) {
		int64_t result = micro_hypercall(p->hypercall, ids[ASKED]);

		if (result && !p->wrong++)
			p->first_wrong = result;
		__atomic_fetch_add(&p->made, 1, __ATOMIC_RELAXED);
	}
}

/* ---- what the monitor does ---- */

static int put_slot(struct micro *m, uint64_t bytes, uint32_t flags)
{
	static void *memory;
	struct kvm_userspace_memory_region slot = { .slot = 20, .flags = flags, .guest_phys_addr = AT, .memory_size = bytes };

	if (!memory)
		memory = SAFE_MAP_SHARED(NULL, BYTES);
	slot.userspace_addr = (uintptr_t)memory;
	return ioctl(micro_vm_fd(m), KVM_SET_USER_MEMORY_REGION, &slot);
}

static int change_memory(struct micro *m)
{
	return put_slot(m, BYTES, 0) || put_slot(m, 0, 0);
}

static int log_memory(struct micro *m)
{
	static uint64_t pages[BYTES / 4096 / 8];
	struct kvm_dirty_log log = { .slot = 20, .dirty_bitmap = pages };
	int ret = put_slot(m, BYTES, KVM_MEM_LOG_DIRTY_PAGES);

	if (!ret)
		ret = ioctl(micro_vm_fd(m), KVM_GET_DIRTY_LOG, &log);
	return put_slot(m, 0, 0) || ret;
}

static int watch_a_port(struct micro *m)
{
	struct kvm_ioeventfd e = { .addr = PORT, .len = 1, .flags = KVM_IOEVENTFD_FLAG_PIO };
	int ret;

	e.fd = eventfd(0, EFD_CLOEXEC);
	ret = ioctl(micro_vm_fd(m), KVM_IOEVENTFD, &e);
	e.flags |= KVM_IOEVENTFD_FLAG_DEASSIGN;
	if (!ret)
		ret = ioctl(micro_vm_fd(m), KVM_IOEVENTFD, &e);
	close(e.fd);
	return ret;
}

static int filter_msrs(struct micro *m)
{
	struct kvm_msr_filter none = { .flags = KVM_MSR_FILTER_DEFAULT_ALLOW };

	return ioctl(micro_vm_fd(m), KVM_X86_SET_MSR_FILTER, &none);
}

static int set_the_clock(struct micro *m)
{
	struct kvm_clock_data clock;
	int ret = ioctl(micro_vm_fd(m), KVM_GET_CLOCK, &clock);

	clock.flags = 0;
	return ret || ioctl(micro_vm_fd(m), KVM_SET_CLOCK, &clock);
}

static int make_a_timer(struct micro *m)
{
	struct kvm_pit_config config = { 0 };
	int ret = ioctl(micro_vm_fd(m), KVM_CREATE_PIT2, &config);

	return ret && errno == EEXIST ? 0 : ret;
}

static int make_a_vcpu(struct micro *m)
{
	static uint32_t id = 8;

	micro_add_vcpu(m, id++);
	return 0;
}

static const struct step {
	const char *name;
	int (*act)(struct micro *m);
	int needs; /* KVM_CAP_..., or 0 */
} steps[] = {
	{ "memory that comes and goes", change_memory, 0 },
	{ "a log of what is written", log_memory, 0 },
	{ "an event of a port", watch_a_port, KVM_CAP_IOEVENTFD },
	{ "a filter of MSRs", filter_msrs, KVM_CAP_X86_MSR_FILTER },
	{ "the clock", set_the_clock, KVM_CAP_ADJUST_CLOCK },
	{ "a timer", make_a_timer, KVM_CAP_PIT2 },
	{ "a vCPU more", make_a_vcpu, 0 },
};

/* ---- all of it ---- */

static uint64_t made(unsigned int i)
{
	return __atomic_load_n(&parts[i].made, __ATOMIC_RELAXED);
}

/* Until each has made two calls more: one of them began behind this. */
static bool go_on(void)
{
	uint64_t until = guest_now_ns() + 5000000000ULL * guest_number("NESTLAB_SLOWDOWN", 1);
	uint64_t before[CALLERS];

	for (unsigned int i = 0; i < CALLERS; i++)
		before[i] = made(i);
	for (unsigned int i = 0; i < CALLERS; i++)
		while (made(i) < before[i] + 2) {
			if (guest_now_ns() > until)
				return false;
			guest_sleep_ms(1);
		}
	return true;
}

static void take(struct micro *m, const struct step *s)
{
	int ret = 0, error = 0;

	if (s->needs && ioctl(micro_vm_fd(m), KVM_CHECK_EXTENSION, s->needs) <= 0)
		return;
	/* Told before it is done: perhaps nothing is told behind it. */
	observe_str("step", s->name);
	fflush(stdout);
	for (unsigned int i = 0; !ret && i < TIMES; i++) {
		ret = s->act(m);
		error = ret ? errno : 0;
	}
	observe_i64("step.error", error);
	observe_u64("step.calls", go_on());
	fflush(stdout);
}

static void run(void)
{
	struct micro *m = micro_new_with_chips(ids, sizeof(ids) / sizeof(ids[0]));
	uint64_t calls = 0, wrong = 0;

	guest_trace(false);
	for (unsigned int i = 0; i < CALLERS; i++) {
		parts[i].hypercall = guest_number("NESTLAB_HYPERCALL", 13);
		micro_start(m, i, call, &parts[i]);
	}
	observe_u64("begun", go_on());
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		take(m, &steps[i]);
	ended = true;
	for (unsigned int i = 0; i < CALLERS; i++) {
		micro_finish(m, i);
		calls += parts[i].made;
		wrong += parts[i].wrong;
		if (parts[i].wrong)
			observe_i64("wrong.result", parts[i].first_wrong);
	}
	guest_trace(true);
	observe_u64("calls", calls);
	observe_u64("calls.wrong", wrong);
	micro_free(m);
}

GUEST_TEST(run)

#else

#include "judge/checks.h"

static const char *const checks[] = {
	"calls go on",
	"what the monitor asked for",
	"calls with an error",
	NULL,
};

static void judge(const struct evidence *e, struct test_result *t)
{
	const size_t steps = obs_count(&e->obs, "step");
	const char *failed = NULL, *still = NULL;
	uint64_t calls, wrong;

	if (!check_program(e, t) || !want_u64(e, t, "calls", &calls) ||
	    !want_u64(e, t, "calls.wrong", &wrong))
		return;
	for (size_t i = 0; i < steps; i++) {
		const struct observation *name = obs_get(&e->obs, "step", i);
		const struct observation *error = obs_get(&e->obs, "step.error", i);
		const struct observation *went = obs_get(&e->obs, "step.calls", i);

		if (!failed && (!error || error->u64))
			failed = name->str;
		if (!still && (!went || !went->u64))
			still = name->str;
	}
	result_add_measure(t, "calls", "calls", (double)calls);
	check_that(t, "calls go on", steps && !still, "of each vCPU, behind each thing that the monitor asks for",
		   still ? still : steps ? "they do" : "nothing was asked for", NULL);
	check_that(t, "what the monitor asked for", steps && !failed, "KVM does it", failed ? failed : "it did",
		   "oracle: the test program, which owns the machine");
	check_equal_u64(t, "calls with an error", 0, wrong, NULL);
}

static const struct testcase meanwhile = {
	.name = "vcpu-info/meanwhile",
	.assignment = "vcpu-info",
	.summary = "memory, devices and vCPUs are made and go while vCPUs call: neither waits for the other",
	.program = "test_micro_meanwhile",
	.level = 1,
	.timeout_s = 20,
	.checks = checks,
	.judge = judge,
};
TESTCASE(meanwhile);
#endif
