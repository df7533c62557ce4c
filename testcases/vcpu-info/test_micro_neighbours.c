// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpu-info/neighbours: what the older hypercalls do, beside what they return: a halted vCPU is
 * woken, interrupts are pending where they were sent to, a structure is written, a call comes out
 * to user space. All of it must be as on the unpatched kernel.
 */
#ifdef NESTLAB_GUEST
#include "exit_nested.h"
#include "micro.h"

#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#define KICK_CPU 5
#define CLOCK_PAIRING 9
#define SEND_IPI 10
#define SCHED_YIELD 11
#define MAP_GPA_RANGE 12
#define NO_NUMBER 99

#define ARGUMENT 0x1f0000 /* a page that no code or table is in */
#define POISON 0xa5
#define WAKE_MS (200 * (unsigned int)guest_number("NESTLAB_SLOWDOWN", 1))
#define SLEEP_MS 20

#define INTERRUPTS_OFF 0x2
#define USER_PORTS 0x3002

static const uint32_t ids[] = { 0, 1, 40, 70, 100 };
#define VCPUS (sizeof(ids) / sizeof(ids[0]))

static struct micro *m;
static uint8_t page[4096] __attribute__((aligned(4096)));

struct arguments {
	uint64_t nr, a[4];
};

/* --- calls by vCPU 0 --- */

static struct kvm_regs begin_call(enum micro_mode mode, const struct arguments *c)
{
	struct kvm_regs r = { .rip = micro_at(micro_call()),
			      .rflags = mode == MICRO_USER ? USER_PORTS : INTERRUPTS_OFF };

	for (unsigned int i = 0; i < MICRO_REGS; i++)
		*micro_reg(&r, i) = 0x7e57000011110000 + i;
	r.rax = c->nr;
	r.rbx = c->a[0];
	r.rcx = c->a[1];
	r.rdx = c->a[2];
	r.rsi = c->a[3];
	micro_set_mode(m, 0, mode);
	micro_set_regs(m, 0, &r);
	return r;
}

/* "rax 0xfffffc18", and each other register that is not what it was. */
static void observe_end(const char *key, const struct kvm_regs *before)
{
	struct kvm_regs after, was = *before;
	char text[400];
	int n;

	micro_get_regs(m, 0, &after);
	n = snprintf(text, sizeof(text), "rax 0x%llx", after.rax);
	for (unsigned int i = 1; i < MICRO_REGS; i++)
		if (*micro_reg(&after, i) != *micro_reg(&was, i) && n < (int)sizeof(text))
			n += snprintf(text + n, sizeof(text) - (size_t)n,
				      ", register %u 0x%" PRIx64, i, *micro_reg(&after, i));
	observe_str(key, text);
}

static void observe_call(const char *key, enum micro_mode mode, struct arguments c)
{
	struct kvm_regs before = begin_call(mode, &c);
	uint64_t counted = micro_stat(m, 0, "hypercalls");
	char count_key[80];

	micro_go(m, 0);
	micro_finish(m, 0);
	observe_end(key, &before);
	snprintf(count_key, sizeof(count_key), "counted.%s", key);
	observe_u64(count_key, micro_stat(m, 0, "hypercalls") - counted);
}

/* --- vCPUs that sleep --- */

static void sleep_in_guest(void *arg)
{
	(void)arg;
	__asm__ volatile("hlt" : : : "memory");
}

static void put_to_sleep(unsigned int vcpu)
{
	uint64_t before = micro_stat(m, vcpu, "halt_exits");

	micro_start(m, vcpu, sleep_in_guest, NULL);
	micro_wait_asleep(m, vcpu, before);
}

/* "1 woke": the others of those that slept did not. */
static void observe_sleepers(const char *key, int expected)
{
	char text[80] = "";
	size_t n = 0;

	if (expected >= 0)
		micro_leaves(m, (unsigned int)expected, WAKE_MS);
	guest_sleep_ms(SLEEP_MS);
	for (unsigned int i = 1; i < VCPUS; i++) {
		if (micro_leaves(m, i, 0))
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%u ", ids[i]);
		else
			micro_stop(m, i);
		/* One that was stopped in its hlt must not go on sleeping there. */
		ioctl(micro_vcpu_fd(m, i), KVM_SET_MP_STATE,
		      &(struct kvm_mp_state){ .mp_state = KVM_MP_STATE_RUNNABLE });
	}
	observe_str(key, *text ? text : "nobody");
}

/* expected: which vCPU wakes on a right host, so as to wait no longer than that takes; -1: none. */
static void kick(const char *name, enum micro_mode mode, struct arguments c, int expected)
{
	char key[64];

	for (unsigned int i = 1; i < VCPUS; i++)
		put_to_sleep(i);
	snprintf(key, sizeof(key), "kick.%s.result", name);
	observe_call(key, mode, c);
	snprintf(key, sizeof(key), "kick.%s.woke", name);
	observe_sleepers(key, expected);
}

static void run_kicks(void)
{
	kick("near", MICRO_LONG, (struct arguments){ KICK_CPU, { 0, 1 } }, 1);
	kick("far", MICRO_LONG, (struct arguments){ KICK_CPU, { 0, 100 } }, 4);
	kick("flags", MICRO_LONG, (struct arguments){ KICK_CPU, { 0x55, 40 } }, 2);
	kick("nobody", MICRO_LONG, (struct arguments){ KICK_CPU, { 1, 77 } }, -1);
	kick("user", MICRO_USER, (struct arguments){ KICK_CPU, { 0, 1 } }, -1);
	kick("narrow", MICRO_PROTECTED, (struct arguments){ KICK_CPU, { 0, 70 } }, 3);
	kick("cut", MICRO_PROTECTED,
	     (struct arguments){ (1ULL << 32) + KICK_CPU, { 0, (1ULL << 32) + 1 } }, 1);
	kick("number", MICRO_LONG, (struct arguments){ (1ULL << 32) + KICK_CPU, { 0, 1 } }, -1);
	kick("unknown", MICRO_LONG, (struct arguments){ NO_NUMBER, { 0, 1 } }, -1);
}

/* --- interrupts --- */

/* The vectors in a vCPU's IRR: 256 bits, 32 in each 16 bytes from 0x200. */
static size_t add_vectors(unsigned int vcpu, char *text, size_t size)
{
	struct kvm_lapic_state apic;
	size_t n = 0;

	if (ioctl(micro_vcpu_fd(m, vcpu), KVM_GET_LAPIC, &apic) < 0)
		guest_broken(__FILE__, __LINE__, "KVM_GET_LAPIC");
	for (unsigned int v = 0; v < 256; v++)
		if (apic.regs[0x200 + v / 32 * 16 + v % 32 / 8] & 1 << v % 8 && n < size)
			n += (size_t)snprintf(text + n, size - n, "%u:%x ", ids[vcpu], v);
	memset(apic.regs + 0x200, 0, 0x80);
	if (ioctl(micro_vcpu_fd(m, vcpu), KVM_SET_LAPIC, &apic) < 0)
		guest_broken(__FILE__, __LINE__, "KVM_SET_LAPIC");
	return n;
}

static void observe_pending(const char *key)
{
	char text[200] = "";
	size_t n = 0;

	for (unsigned int i = 0; i < VCPUS; i++)
		n += add_vectors(i, text + n, sizeof(text) - n);
	observe_str(key, n ? text : "none");
}

static void send(const char *name, enum micro_mode mode, uint64_t low, uint64_t high, uint64_t min,
		 uint64_t icr)
{
	char key[64];

	snprintf(key, sizeof(key), "ipi.%s.result", name);
	observe_call(key, mode, (struct arguments){ SEND_IPI, { low, high, min, icr } });
	snprintf(key, sizeof(key), "ipi.%s.pending", name);
	observe_pending(key);
}

static void run_ipis(void)
{
	send("low", MICRO_LONG, 3, 0, 0, 0x41);
	send("one", MICRO_LONG, 1ULL << 40, 0, 0, 0x42);
	send("high", MICRO_LONG, 0, 1ULL << (70 - 64) | 1ULL << (100 - 64), 0, 0x43);
	send("min", MICRO_LONG, 1 | 1ULL << (70 - 40) | 1ULL << (100 - 40), 0, 40, 0x44);
	send("both", MICRO_LONG, 1ULL << (40 - 27), 1ULL << (100 - 27 - 64), 27, 0x45);
	send("all", MICRO_LONG, UINT64_MAX, UINT64_MAX, 0, 0xf0);
	send("nobody", MICRO_LONG, 0xc, 0, 0, 0x46);
	send("beyond", MICRO_LONG, 1, 0, 5000, 0x47);
	send("narrow", MICRO_PROTECTED, 1 | 1u << (70 - 40), 1u << (100 - 40 - 32), 40, 0x48);
	send("cut", MICRO_PROTECTED, (1ULL << 40) | 2, 0, 0, 0x49);
	send("user", MICRO_USER, 3, 0, 0, 0x4a);
}

/* --- the others --- */

static uint64_t yields_attempted(void)
{
	static const char name[] = "directed_yield_attempted"; /* since v5.13 */

	return micro_has_stat(m, 0, name) ? micro_stat(m, 0, name) : 0;
}

static void yield_to(const char *name, enum micro_mode mode, uint64_t id)
{
	uint64_t before = yields_attempted();
	char key[64];

	snprintf(key, sizeof(key), "yield.%s.result", name);
	observe_call(key, mode, (struct arguments){ SCHED_YIELD, { id } });
	snprintf(key, sizeof(key), "yield.%s.attempted", name);
	observe_u64(key, yields_attempted() - before);
}

static void run_yields(void)
{
	yield_to("near", MICRO_LONG, 1);
	yield_to("far", MICRO_LONG, 100);
	yield_to("user", MICRO_USER, 1);
	yield_to("narrow", MICRO_PROTECTED, 40);
}

/* struct kvm_clock_pairing: seconds, nanoseconds, TSC, flags; zeros up to 64 bytes. */
struct pairing {
	int64_t sec, nsec;
	uint64_t tsc;
	uint32_t flags, pad[9];
};
_Static_assert(sizeof(struct pairing) == 64, "as the kernel writes it");

static const char *describe(const struct pairing *p)
{
	static char text[200];
	unsigned int first = sizeof(page), last = 0, pad = 0;
	int64_t off = p->sec - (int64_t)time(NULL);

	for (unsigned int i = 0; i < sizeof(page); i++) {
		if (page[i] == POISON)
			continue;
		first = first == sizeof(page) ? i : first;
		last = i;
	}
	if (!last)
		return "nothing";
	for (unsigned int i = 0; i < 9; i++)
		pad |= p->pad[i];
	snprintf(text, sizeof(text),
		 "%s, the time %s, nanoseconds %s, TSC %s, flags %x, the rest %x",
		 last - first < sizeof(*p) ? "64 bytes at most" : "more",
		 off > -100000 && off < 100000 ? "of day" : "wrong",
		 p->nsec >= 0 && p->nsec < 1000000000 ? "in a second" : "too many",
		 p->tsc ? "told" : "0", p->flags, pad);
	return text;
}

static void pair_clocks(const char *name, enum micro_mode mode, uint64_t at, uint64_t type)
{
	struct pairing p;
	char key[64];

	memset(page, POISON, sizeof(page));
	snprintf(key, sizeof(key), "clock.%s.result", name);
	observe_call(key, mode, (struct arguments){ CLOCK_PAIRING, { at, type } });
	memcpy(&p, page, sizeof(p));
	snprintf(key, sizeof(key), "clock.%s.written", name);
	observe_str(key, describe(&p));
}

static void run_clocks(void)
{
	uint64_t at = (uintptr_t)page;

	pair_clocks("plain", MICRO_LONG, at, 0);
	pair_clocks("narrow", MICRO_PROTECTED, at, 0);
	pair_clocks("type", MICRO_LONG, at, 1);
	pair_clocks("nowhere", MICRO_LONG, 1ULL << 40, 0);
	pair_clocks("user", MICRO_USER, at, 0);
}

/* Since v5.14. Before that its number is anybody's. */
static bool knows_maps(void)
{
	return ioctl(micro_vm_fd(m), KVM_CHECK_EXTENSION, KVM_CAP_EXIT_HYPERCALL) > 0;
}

static void allow_map_exits(void)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_EXIT_HYPERCALL,
				      .args = { 1 << MAP_GPA_RANGE } };

	if (ioctl(micro_vm_fd(m), KVM_ENABLE_CAP, &cap) < 0)
		guest_broken(__FILE__, __LINE__, "KVM_CAP_EXIT_HYPERCALL");
}

/* What came out to user space, and what its answer became. */
static void map_range(const char *name, enum micro_mode mode, uint64_t at, uint64_t pages,
		      uint64_t attributes)
{
	struct arguments c = { MAP_GPA_RANGE, { at, pages, attributes } };
	struct kvm_regs before = begin_call(mode, &c);
	struct kvm_run *run = micro_vcpu_run(m, 0);
	char key[64], text[200] = "none";

	micro_go(m, 0);
	if (micro_wait(m, 0) == KVM_EXIT_HYPERCALL) {
		snprintf(text, sizeof(text), "number %llu, arguments 0x%llx 0x%llx 0x%llx",
			 run->hypercall.nr, run->hypercall.args[0], run->hypercall.args[1],
			 run->hypercall.args[2]);
		run->hypercall.ret = 0x1234;
		micro_go(m, 0);
		micro_finish(m, 0);
	}
	snprintf(key, sizeof(key), "map.%s.exit", name);
	observe_str(key, text);
	snprintf(key, sizeof(key), "map.%s.result", name);
	observe_end(key, &before);
}

static void run_maps(void)
{
	if (!knows_maps())
		return;
	map_range("off", MICRO_LONG, ARGUMENT, 1, 0);
	allow_map_exits();
	map_range("plain", MICRO_LONG, ARGUMENT, 3, 0x10);
	map_range("narrow", MICRO_PROTECTED, ARGUMENT, 1, 0);
	map_range("unaligned", MICRO_LONG, ARGUMENT + 1, 1, 0);
	map_range("nothing", MICRO_LONG, ARGUMENT, 0, 0);
	map_range("round", MICRO_LONG, ARGUMENT, UINT64_MAX, 0);
	map_range("user", MICRO_USER, ARGUMENT, 1, 0);
}

static void run_widths(void)
{
	observe_call("width.none", MICRO_LONG, (struct arguments){ NO_NUMBER, { 1, 2, 3, 4 } });
	observe_call("width.none-narrow", MICRO_PROTECTED,
		     (struct arguments){ NO_NUMBER, { 1, 2, 3, 4 } });
	observe_call("width.none-paged", MICRO_PAGED,
		     (struct arguments){ NO_NUMBER, { 1, 2, 3, 4 } });
	observe_call("width.none-user", MICRO_USER,
		     (struct arguments){ NO_NUMBER, { 1, 2, 3, 4 } });
	observe_call("width.poll", MICRO_LONG, (struct arguments){ 1, { 1, 2, 3, 4 } });
	observe_call("width.poll-narrow", MICRO_PROTECTED,
		     (struct arguments){ (7ULL << 32) + 1, { 1, 2, 3, 4 } });
}

/* --- guests that are told otherwise, by what their userspace sets before they run --- */

#define KVM_FEATURES 0x40000001
#define HYPERV_FEATURES 0x40000003
#define HYPERV_INTERFACE 0x31237648 /* "Hv#1" */
#define HYPERV_HYPERCALLS 0x20
#define HYPERV_GUEST_OS 0x40000000 /* an MSR */

struct cpuid_list {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 entry[256];
};

static struct kvm_cpuid_entry2 *entry_of(struct cpuid_list *l, uint32_t leaf)
{
	for (uint32_t i = 0; i < l->head.nent; i++)
		if (l->entry[i].function == leaf)
			return &l->entry[i];
	l->entry[l->head.nent] = (struct kvm_cpuid_entry2){ .function = leaf };
	return &l->entry[l->head.nent++];
}

static void get_cpuid(struct cpuid_list *l)
{
	*l = (struct cpuid_list){ .head.nent = 200 };
	if (ioctl(micro_vcpu_fd(m, 0), KVM_GET_CPUID2, l))
		guest_broken(__FILE__, __LINE__, "KVM_GET_CPUID2");
}

static void set_cpuid(const struct cpuid_list *l)
{
	if (ioctl(micro_vcpu_fd(m, 0), KVM_SET_CPUID2, l))
		guest_broken(__FILE__, __LINE__, "KVM_SET_CPUID2");
}

/* Of KVM's features the guest is told none, and what it was not told of it does not have (v5.10). */
static bool hide_features(void)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_ENFORCE_PV_FEATURE_CPUID, .args = { 1 } };
	static struct cpuid_list l;

	if (ioctl(micro_vcpu_fd(m, 0), KVM_ENABLE_CAP, &cap))
		return false;
	get_cpuid(&l);
	entry_of(&l, KVM_FEATURES)->eax = 0;
	set_cpuid(&l);
	return true;
}

static void run_hidden(void)
{
	m = micro_new_with_apics(ids, VCPUS);
	if (hide_features()) {
		kick("hidden", MICRO_LONG, (struct arguments){ KICK_CPU, { 0, 1 } }, -1);
		send("hidden", MICRO_LONG, 3, 0, 0, 0x4b);
		yield_to("hidden", MICRO_LONG, 1);
	}
	micro_free(m);
}

/* Its hypercalls are others, by the same instruction: the number is in rcx, and rax is nobody's. */
static bool become_hyperv(void)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} os = { { .nmsrs = 1 }, { .index = HYPERV_GUEST_OS, .data = 0x7e57 } };
	static struct cpuid_list l;

	get_cpuid(&l);
	entry_of(&l, KVM_FEATURES)->eax = HYPERV_INTERFACE;
	entry_of(&l, HYPERV_FEATURES)->eax |= HYPERV_HYPERCALLS;
	set_cpuid(&l);
	return ioctl(micro_vcpu_fd(m, 0), KVM_SET_MSRS, &os) == 1;
}

static void run_hyperv(void)
{
	m = micro_new_with_apics(ids, 2);
	if (become_hyperv())
		for (unsigned int nr = 0; nr < 20; nr++) {
			char key[40];

			snprintf(key, sizeof(key), "width.hyperv-%u", nr);
			observe_call(key, MICRO_LONG, (struct arguments){ nr, { 0, 0x7fff, 0, 0 } });
		}
	micro_free(m);
}

/* --- a guest that is a hypervisor: its guest's calls are to it --- */

static void run_nested(void)
{
	const uint64_t numbers[] = { 1, KICK_CPU, MAP_GPA_RANGE, guest_number("NESTLAB_HYPERCALL", 13), NO_NUMBER };
	static struct nested_call call;

	m = micro_new(ids, 1);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		char key[40], text[40];

		call.number = numbers[i];
		micro_start(m, 0, make_nested_call, &call);
		micro_finish(m, 0);
		snprintf(key, sizeof(key), "nested.%" PRIu64, numbers[i]);
		snprintf(text, sizeof(text), "exit 0x%x", call.reason);
		observe_str(key, text);
	}
	micro_free(m);
}

/* --- what KVM tells of a vCPU --- */

static void observe_regs(const char *key, uint32_t reason, const struct kvm_regs *r)
{
	char text[640];
	struct kvm_regs copy = *r;
	int n = snprintf(text, sizeof(text), "exit %u, rip 0x%" PRIx64 ", rflags 0x%" PRIx64, reason, (uint64_t)r->rip,
			 (uint64_t)r->rflags);

	for (unsigned int i = 0; i < MICRO_REGS; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, " %" PRIx64, *micro_reg(&copy, i));
	observe_str(key, text);
}

/* A debugger's flags are not the guest's: nobody may write them back to it. */
static void run_told(void)
{
	struct kvm_run *shared = micro_vcpu_run(m, 0);
	struct kvm_regs r;
	uint32_t reason;

	begin_call(MICRO_LONG, &(struct arguments){ NO_NUMBER, { 1, 2, 3, 4 } });
	micro_step(m, 0, true);
	micro_get_regs(m, 0, &r);
	observe_regs("told.before-a-step", 0, &r);
	shared->kvm_valid_regs = KVM_SYNC_X86_REGS;
	micro_go(m, 0);
	reason = micro_wait(m, 0);
	shared->kvm_valid_regs = 0;
	observe_regs("told.synced", reason, &shared->s.regs.regs);
	micro_get_regs(m, 0, &r);
	observe_regs("told.stepped", reason, &r);
	micro_step(m, 0, false);
	micro_get_regs(m, 0, &r);
	observe_regs("told.after", reason, &r);
}

static void run(void)
{
	m = micro_new_with_apics(ids, VCPUS);
	run_kicks();
	run_ipis();
	run_yields();
	run_clocks();
	run_maps();
	run_widths();
	run_told();
	micro_free(m);
	run_hidden();
	run_hyperv();
	run_nested();
}

GUEST_TEST(run)

#else

#include "judge/checks.h"
#include "judge/effects.h"

static const struct effect effects[] = {
	{ "kick.", "KVM_HC_KICK_CPU",
	  "wakes the vCPU that it names, and no other, as on the unpatched kernel" },
	{ "ipi.", "KVM_HC_SEND_IPI",
	  "the vector is pending at each vCPU that it names, and no other, as on the unpatched "
	  "kernel" },
	{ "yield.", "KVM_HC_SCHED_YIELD", "tries to yield as often as on the unpatched kernel" },
	{ "clock.", "KVM_HC_CLOCK_PAIRING",
	  "writes its structure, and nothing else, as on the unpatched kernel" },
	{ "map.", "KVM_HC_MAP_GPA_RANGE",
	  "comes out to user space with its arguments as on the unpatched kernel" },
	{ "width.", "registers after a hypercall",
	  "rax alone is changed, and in 32-bit modes cut, as on the unpatched kernel" },
	{ "counted.", "KVM's count of hypercalls",
	  "grows with each call as on the unpatched kernel, in each mode" },
	{ "nested.", "hypercalls of a guest's guest",
	  "come back to the guest that is its host, as on the unpatched kernel" },
	{ "told.", "registers as KVM tells them",
	  "while a debugger steps, too, as on the unpatched kernel" },
};

static const char *const checks[] = {
	"KVM_HC_KICK_CPU",
	"KVM_HC_SEND_IPI",
	"KVM_HC_SCHED_YIELD",
	"KVM_HC_CLOCK_PAIRING",
	"KVM_HC_MAP_GPA_RANGE",
	"registers after a hypercall",
	"KVM's count of hypercalls",
	"hypercalls of a guest's guest",
	"registers as KVM tells them",
	NULL,
};

static void judge(const struct evidence *e, struct test_result *t)
{
	if (!check_program_compared(e, t, checks))
		return;
	check_effects(e, t, effects, ARRAY_SIZE(effects));
}

static const struct testcase vcpu_info_neighbours = {
	.name = "vcpu-info/neighbours",
	.assignment = "vcpu-info",
	.summary = "what the older hypercalls do, in each mode, against the unpatched kernel",
	.program = "test_micro_neighbours",
	.level = 1,
	.timeout_s = 30,
	.wants_baseline = true,
	.checks = checks,
	.judge = judge,
};
TESTCASE(vcpu_info_neighbours);
#endif
