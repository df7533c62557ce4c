// SPDX-License-Identifier: GPL-2.0-only
/*
 * cpuid-exits/paths: the less trodden ways to CPUID and to what stands beside it. Leaves out of
 * every range, of a guest with an Intel's and with an AMD's name; subleaves; each mode; the
 * instruction met by KVM's emulator; CPUID that faults; MSRs and the TSC. The registers' upper
 * halves are not 0 before. All of it must be as on the unpatched kernel. The leaf of the exits is
 * asked on these ways, too, and by a vCPU that was told of no leaf at all.
 */
#ifdef NESTLAB_GUEST
#include "micro.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PREFIX_PARAMETER "/sys/module/kvm/parameters/force_emulation_prefix"
#define MSR_PLATFORM_INFO 0xce
#define CPUID_CAN_FAULT (1ULL << 31)
#define MSR_FEATURES_ENABLES 0x140
#define MSR_EFER 0xc0000080
#define MSR_STAR 0xc0000081
/*
 * KVM's own, which no CPU has: the emulator has handed another machine's MTRRs and PAT to a guest
 * that had not written them.
 */
#define MSR_POLL_CONTROL 0x4b564d05

#define USER_PORTS 0x3202
#define LAST_BASIC 0xd

extern const char paths_emulated[], paths_rdmsr[], paths_wrmsr[], paths_rdtsc[];
/* KVM's forced emulation prefix: ud2, "kvm". */
__asm__(".text\n"
	".global paths_emulated, paths_rdmsr, paths_wrmsr, paths_rdtsc\n"
	"paths_emulated:\n"
	"	.byte 0x0f, 0x0b, 0x6b, 0x76, 0x6d\n"
	"	cpuid\n"
	"	out %al, $0x10\n"
	"paths_rdmsr:\n"
	"	rdmsr\n"
	"	out %al, $0x10\n"
	"paths_wrmsr:\n"
	"	wrmsr\n"
	"	out %al, $0x10\n"
	"paths_rdtsc:\n"
	"	rdtsc\n"
	"	out %al, $0x10\n");

static const uint32_t ids[] = { 0 };
static struct micro *m;

/* --- one run of the vCPU --- */

/*
 * QEMU 7.2 looks for the intercept of one of the lower MSRs by all 64 bits of rcx, so with a bit
 * above the 32 it reads anywhere in L1's memory, and L1's own CPU may answer.
 */
static bool is_of_msr(uint64_t code)
{
	return code == (uintptr_t)paths_rdmsr || code == (uintptr_t)paths_wrmsr;
}

static void begin(enum micro_mode mode, uint64_t code, uint64_t rax, uint64_t rcx,
		  struct kvm_regs *r)
{
	*r = (struct kvm_regs){ .rip = code,
				.rflags = mode == MICRO_USER ? USER_PORTS : MICRO_RFLAGS };
	for (unsigned int i = 0; i < MICRO_REGS; i++)
		*micro_reg(r, i) = 0x5e57000011110000 + i;
	r->rax = 0xa5a5a5a500000000 | (uint32_t)rax;
	r->rcx = (is_of_msr(code) ? 0 : 0x5a5a5a5a00000000) | (uint32_t)rcx;
	micro_set_mode(m, 0, mode);
	micro_set_regs(m, 0, r);
}

/* The four that the instruction may write, how far rip went, and each other one that changed. */
static void observe_end(const char *key, const struct kvm_regs *was)
{
	struct kvm_regs before = *was, r;
	uint32_t reason = micro_wait(m, 0);
	char text[400];
	int n;

	if (reason == KVM_EXIT_SHUTDOWN) { /* what the registers are then is the CPU's own matter */
		observe_str(key, "shutdown");
		return;
	}
	micro_get_regs(m, 0, &r);
	n = snprintf(text, sizeof(text), "exit %u, rip+%llu, %llx %llx %llx %llx", reason,
		     r.rip - was->rip, r.rax, r.rbx, r.rcx, r.rdx);
	for (unsigned int i = 4; i < MICRO_REGS; i++)
		if (*micro_reg(&r, i) != *micro_reg(&before, i) && n < (int)sizeof(text))
			n += snprintf(text + n, sizeof(text) - (size_t)n, ", register %u %" PRIx64,
				      i, *micro_reg(&r, i));
	observe_str(key, text);
}

static void observe_code(const char *key, enum micro_mode mode, uint64_t code, uint64_t rax,
			 uint64_t rcx)
{
	struct kvm_regs r;

	begin(mode, code, rax, rcx, &r);
	micro_go(m, 0);
	observe_end(key, &r);
}

/* --- a machine with a made-up table --- */

#define TABLE 128
struct table {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 entry[TABLE];
};

static void add_entry(struct table *t, uint32_t function, uint32_t index, uint32_t flags)
{
	uint32_t value = function << 8 | index << 4;

	t->entry[t->head.nent++] = (struct kvm_cpuid_entry2){ .function = function,
							      .index = index,
							      .flags = flags,
							      .eax = value | 1,
							      .ebx = value | 2,
							      .ecx = value | 3,
							      .edx = value | 4 };
}

static bool is_made_up(uint32_t function)
{
	return !function || function == 2 || function == 4 ||
	       (function >= 0xb && function <= 0xc) ||
	       (function > LAST_BASIC && function < 0x40000000);
}

/* Leaf 1 tells on which of L1's CPUs KVM was asked. */
static void take_entry(struct table *t, const struct kvm_cpuid_entry2 *entry)
{
	struct kvm_cpuid_entry2 *e = &t->entry[t->head.nent++];

	*e = *entry;
	if (e->function == 1)
		e->ebx &= 0x00ffffff;
}

/* What KVM supports, with another name and last leaf, and leaves whose values tell which they are. */
static void make_table(const char *vendor, struct table *t)
{
	static struct table all;

	all.head.nent = TABLE;
	*t = (struct table){ 0 };
	if (ioctl(micro_vcpu_fd(m, 0), KVM_GET_CPUID2, &all) < 0)
		guest_broken(__FILE__, __LINE__, "KVM_GET_CPUID2");
	for (uint32_t i = 0; i < all.head.nent && t->head.nent < TABLE - 8; i++)
		if (!is_made_up(all.entry[i].function))
			take_entry(t, &all.entry[i]);
	add_entry(t, 0, 0, 0);
	t->entry[t->head.nent - 1].eax = LAST_BASIC;
	memcpy(&t->entry[t->head.nent - 1].ebx, vendor, 4);
	memcpy(&t->entry[t->head.nent - 1].edx, vendor + 4, 4);
	memcpy(&t->entry[t->head.nent - 1].ecx, vendor + 8, 4);
	add_entry(t, 2, 0, 0);
	for (uint32_t index = 0; index < 3; index++)
		add_entry(t, 4, index, KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
	for (uint32_t index = 0; index < 2; index++)
		add_entry(t, 0xb, index, KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
}

static void make_machine(const char *vendor)
{
	static struct table t;

	m = micro_new(ids, 1);
	make_table(vendor, &t);
	if (ioctl(micro_vcpu_fd(m, 0), KVM_SET_CPUID2, &t) < 0)
		guest_broken(__FILE__, __LINE__, "KVM_SET_CPUID2 of %u leaves", t.head.nent);
}

static void set_msr(uint32_t index, uint64_t value)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry[1];
	} msrs = { { .nmsrs = 1 }, { { .index = index, .data = value } } };

	if (ioctl(micro_vcpu_fd(m, 0), KVM_SET_MSRS, &msrs) != 1)
		guest_broken(__FILE__, __LINE__, "KVM_SET_MSRS of 0x%x", index);
}

/* --- CPUID --- */

static const struct {
	uint32_t leaf, subleaf;
} asked[] = {
	{ 0, 0 },	   { 0, 5 },	      { 1, 0 },
	{ 2, 0 },	   { 2, 7 },	      { 3, 0 },
	{ 4, 0 },	   { 4, 1 },	      { 4, 2 },
	{ 4, 3 },	   { 7, 0 },	      { 7, 9 },
	{ 0xb, 0 },	   { 0xb, 1 },	      { 0xb, 2 },
	{ 0xd, 0 },	   { 0xd, 1 },	      { 0xd, 2 },
	{ 0xd, 70 },	   { 0xe, 0 },	      { 0x20, 0 },
	{ 0x20, 1 },	   { 0x10000000, 0 }, { 0x3fffffff, 1 },
	{ 0x40000000, 0 }, { 0x40000001, 0 }, { 0x400000ff, 0 },
	{ 0x40000100, 0 }, { 0x4fffff00, 2 }, { 0x4ffffff0, 0 },
	{ 0x50000000, 0 }, { 0x7fffffff, 0 }, { 0x80000000, 0 },
	{ 0x80000001, 0 }, { 0x800000ff, 1 }, { 0x8fffffff, 0 },
	{ 0xc0000000, 0 }, { 0xc0000001, 0 }, { 0xffffffff, 0xffffffff },
};

static uint32_t own_leaf(void)
{
	return (uint32_t)guest_number("NESTLAB_LEAF_TOTAL_EXITS", 0x4fffffff);
}

static void ask_own(const char *machine, enum micro_mode mode)
{
	char key[64];

	snprintf(key, sizeof(key), "own.%s.%u", machine, mode);
	observe_code(key, mode, micro_at(micro_cpuid), own_leaf(), 0);
}

static void ask_all(const char *path, enum micro_mode mode, uint64_t code)
{
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		char key[64];

		snprintf(key, sizeof(key), "%s.%x.%x", path, asked[i].leaf, asked[i].subleaf);
		observe_code(key, mode, code, asked[i].leaf, asked[i].subleaf);
	}
}

static bool write_prefix(const char *digit)
{
	int fd = open(PREFIX_PARAMETER, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, digit, 1) == 1;

	if (fd >= 0)
		close(fd);
	return ok;
}

static void ask_emulated(const char *path)
{
	if (!write_prefix("1"))
		return;
	ask_all(path, MICRO_LONG, (uintptr_t)paths_emulated);
	write_prefix("0");
}

/* A fault ends the vCPU: there is nobody to take it. */
static void run_faults(void)
{
	set_msr(MSR_PLATFORM_INFO, CPUID_CAN_FAULT);
	set_msr(MSR_FEATURES_ENABLES, 1);
	observe_code("fault.kernel", MICRO_LONG, micro_at(micro_cpuid), 4, 1);
	observe_code("fault.real", MICRO_REAL, micro_at(micro_cpuid), 4, 1);
	observe_code("fault.user", MICRO_USER, micro_at(micro_cpuid), 4, 1);
}

/* The leaf that the change adds is no other: who may not ask for any may not ask for it. */
static void run_fault_of_totals(void)
{
	set_msr(MSR_PLATFORM_INFO, CPUID_CAN_FAULT);
	set_msr(MSR_FEATURES_ENABLES, 1);
	observe_code("fault.user-totals", MICRO_USER, micro_at(micro_cpuid),
		     own_leaf(), 0);
}

static void run_faults_emulated(void)
{
	if (!write_prefix("1"))
		return;
	set_msr(MSR_PLATFORM_INFO, CPUID_CAN_FAULT);
	set_msr(MSR_FEATURES_ENABLES, 1);
	observe_code("fault.emulated-kernel", MICRO_LONG, (uintptr_t)paths_emulated, 4, 1);
	observe_code("fault.emulated-user", MICRO_USER, (uintptr_t)paths_emulated, 4, 1);
	write_prefix("0");
}

/* --- what stands beside it --- */

static void read_msr(const char *name, uint32_t index)
{
	char key[64];

	snprintf(key, sizeof(key), "msr.%s", name);
	observe_code(key, MICRO_LONG, (uintptr_t)paths_rdmsr, 0, index);
}

static void write_msr(const char *name, uint32_t index, uint64_t value)
{
	struct kvm_regs r;
	char key[64];

	begin(MICRO_LONG, (uintptr_t)paths_wrmsr, value, index, &r);
	r.rdx = 0xdddddddd00000000 | value >> 32;
	micro_set_regs(m, 0, &r);
	micro_go(m, 0);
	snprintf(key, sizeof(key), "msr.%s", name);
	observe_end(key, &r);
}

static void run_msrs(void)
{
	read_msr("poll", MSR_POLL_CONTROL);
	write_msr("poll-written", MSR_POLL_CONTROL, 0);
	read_msr("poll-after", MSR_POLL_CONTROL);
	write_msr("star-written", MSR_STAR, 0x0023001000000000);
	read_msr("star-after", MSR_STAR);
	read_msr("efer", MSR_EFER);
	read_msr("can-fault", MSR_PLATFORM_INFO);
	read_msr("faults", MSR_FEATURES_ENABLES);
}

/* Each ends its vCPU, so it is the machine's last. */
static void run_bad_msrs(void)
{
	static const struct {
		const char *name;
		uint32_t index;
		uint64_t value;
	} bad[] = { { "poll-bad", MSR_POLL_CONTROL, 0xffff }, { "unknown", 0x7777, 1 } };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		make_machine("GenuineIntel");
		write_msr(bad[i].name, bad[i].index, bad[i].value);
		micro_free(m);
	}
	make_machine("GenuineIntel");
	read_msr("unknown-read", 0x7777);
	micro_free(m);
}

/* It counts on: only that nothing is above its halves. */
static void run_tsc(void)
{
	struct kvm_regs r;

	begin(MICRO_LONG, (uintptr_t)paths_rdtsc, 0, 0, &r);
	micro_go(m, 0);
	micro_finish(m, 0);
	micro_get_regs(m, 0, &r);
	observe_u64("tsc.above", r.rax >> 32 | r.rdx >> 32);
	observe_u64("tsc.told", (r.rax | r.rdx) != 0);
}

static void run_machine(const char *vendor, const char *name)
{
	char path[32];

	make_machine(vendor);
	for (enum micro_mode mode = MICRO_LONG; mode < MICRO_MODES; mode++) {
		snprintf(path, sizeof(path), "direct.%s.%u", name, mode);
		ask_all(path, mode, micro_at(micro_cpuid));
		ask_own(name, mode);
	}
	snprintf(path, sizeof(path), "emulated.%s", name);
	ask_emulated(path);
	run_tsc();
	run_msrs();
	run_faults();
	micro_free(m);
	make_machine(vendor);
	run_faults_emulated();
	micro_free(m);
	make_machine(vendor);
	run_fault_of_totals();
	micro_free(m);
}

/* Long mode is refused to a vCPU without a leaf that tells of it. */
static void run_without_leaves(void)
{
	struct kvm_cpuid2 none = { 0 };

	m = micro_new(ids, 1);
	micro_set_mode(m, 0, MICRO_REAL);
	if (ioctl(micro_vcpu_fd(m, 0), KVM_SET_CPUID2, &none) < 0)
		guest_broken(__FILE__, __LINE__, "KVM_SET_CPUID2 of no leaves");
	ask_own("no-leaves", MICRO_REAL);
	micro_free(m);
}

static void run(void)
{
	run_machine("GenuineIntel", "intel");
	run_machine("AuthenticAMD", "amd");
	run_bad_msrs();
	run_without_leaves();
}

GUEST_TEST(run)

#else

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "judge/checks.h"

static const struct {
	const char *key, *check, *expected;
} paths[] = {
	{ "direct.", "other leaves in each mode",
	  "the unpatched kernel's answers, in and out of the ranges, with upper halves 0" },
	{ "emulated.", "other leaves met by the emulator", "the unpatched kernel's answers" },
	{ "fault.", "CPUID that faults", "where and as the unpatched kernel's does" },
	{ "msr.", "MSRs", "read and written as on the unpatched kernel" },
	{ "tsc.", "the TSC", "told as on the unpatched kernel" },
};

static void tally_path(const struct evidence *e, size_t i, size_t k, struct tally *y)
{
	const struct observation *now = &e->obs.v[k];
	const struct observation *then;
	size_t nth = 0;

	/* Some keys come once for each machine. */
	for (size_t before = 0; before < k; before++)
		nth += !strcmp(e->obs.v[before].key, now->key);
	then = obs_get(&e->baseline, now->key, nth);
	if (!then)
		tally_bad(y, "the unpatched kernel does not tell of %s",
			  now->key + strlen(paths[i].key));
	else if (strcmp(now->str, then->str) != 0)
		tally_bad(y, "%s: %s, unpatched %s", now->key + strlen(paths[i].key), now->str,
			  then->str);
	else
		tally_good(y);
}

static void check_path(const struct evidence *e, struct test_result *t, size_t i)
{
	static const char by[] = "the same program on the unpatched kernel";
	struct tally y = { .unit = "answer" };

	for (size_t k = 0; k < e->obs.n; k++)
		if (str_starts(e->obs.v[k].key, paths[i].key))
			tally_path(e, i, k, &y);
	if (y.n || strcmp(paths[i].key, "emulated.") != 0)
		tally_check(t, paths[i].check, paths[i].expected, &y, by);
	else
		check_skip(t, paths[i].check,
			   "this kernel's KVM has no force_emulation_prefix to write");
}

#define OWN "own."
#define OWN_CHECK "the leaf of the exits in each mode"

/* An answer that grows from one to the next; nothing but what the instruction writes changes. */
static void look_own(const struct observation *o, uint64_t *before, struct tally *y)
{
	const char *where = o->key + strlen(OWN);
	unsigned int reason, length;
	uint64_t rax, rest[3];
	int n = 0;

	if (sscanf(o->str, "exit %u, rip+%u, %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 "%n", &reason, &length, &rax,
		   &rest[0], &rest[1], &rest[2], &n) != 6 || o->str[n])
		tally_bad(y, "%s: %s", where, o->str);
	else if (rax <= *before || rax > UINT32_MAX)
		tally_bad(y, "%s: eax is %" PRIu64 " after %" PRIu64, where, rax, *before);
	else
		tally_good(y);
	*before = n ? rax : *before;
}

static void check_own(const struct evidence *e, struct test_result *t)
{
	struct tally y = { .unit = "answer" };
	uint64_t before = 0;

	for (size_t k = 0; k < e->obs.n; k++)
		if (str_starts(e->obs.v[k].key, OWN))
			look_own(&e->obs.v[k], &before, &y);
	tally_check(t, OWN_CHECK, "a number of exits that grows, whatever leaves the vCPU was told of", &y,
		    "oracle: the test program, by KVM_GET_REGS");
}

static const char *const checks[] = {
	OWN_CHECK,
	"other leaves in each mode",
	"other leaves met by the emulator",
	"CPUID that faults",
	"MSRs",
	"the TSC",
	NULL,
};

static void judge(const struct evidence *e, struct test_result *t)
{
	if (!check_program_compared(e, t, checks))
		return;
	check_own(e, t);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		check_path(e, t, i);
}

static const struct testcase cpuid_exits_paths = {
	.name = "cpuid-exits/paths",
	.assignment = "cpuid-exits",
	.summary = "CPUID in each mode, out of range, by the emulator, faulting; MSRs; against the "
		   "unpatched kernel",
	.program = "test_micro_paths",
	.level = 1,
	.timeout_s = 30,
	.wants_baseline = true,
	.checks = checks,
	.judge = judge,
};
TESTCASE(cpuid_exits_paths);
#endif
