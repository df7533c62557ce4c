// SPDX-License-Identifier: GPL-2.0-only
/*
 * cpuid-exits/runs: what the code around each exit does beside counting it. KVM_RUN ends as it
 * should in each way that there is: for memory that is gone, an instruction that nobody can fetch,
 * a signal, a device, an MSR that user space wants to have. The pages that a guest wrote are in the
 * log of them, whatever exit came behind. An exit leaves the guest's debug registers and CR2 alone,
 * one that KVM's fastpath handles too. And the time in the guest is the guest's in the accounts.
 * All of it must be as on the unpatched kernel.
 */
#ifdef NESTLAB_GUEST
#include "exit_rare.h"
#include "exit_try.h"
#include "micro.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>

#define PAGE 4096UL
#define NO_MEMORY 0x3ff00000UL
#define GONE 0x20000000UL
#define LOGGED 0x21000000UL
#define LOGGED_PAGES 640UL /* more than a CPU logs by itself before it exits: 512 */
#define LOGGED_SLOT 100
#define FILTERED_MSR 0x277
#define SOON_MS 20
#define LATE_MS (1000 * guest_number("NESTLAB_SLOWDOWN", 1))
#define SPINS 500 /* at most */
#define SPIN_TICKS 20

static struct micro *m;

extern const char runs_touch[], runs_spin[], runs_out[], runs_in[], runs_string[], runs_write[], runs_read[], runs_hlt[],
	runs_undefined[], runs_cr8[], runs_rdmsr[];

/* rbx: where; each ends by itself, or by its hlt. */
__asm__(".text\n"
	"runs_touch:	movq %rax, (%rbx); hlt\n"
	"runs_spin:	jmp runs_spin\n"
	"runs_out:	outb %al, $0x12; hlt\n"
	"runs_in:	inl $0x14, %eax; hlt\n"
	"runs_string:	movl $3, %ecx; movl $0x16, %edx; leaq runs_touch(%rip), %rsi; cld; rep outsw; hlt\n"
	"runs_write:	movl %eax, (%rbx); hlt\n"
	"runs_read:	movw (%rbx), %ax; hlt\n"
	"runs_hlt:	hlt\n"
	"runs_undefined:	ud2\n"
	"runs_cr8:	movl $5, %eax; movq %rax, %cr8; xorl %eax, %eax; movq %rax, %cr8; hlt\n"
	"runs_rdmsr:	movl $0x277, %ecx; rdmsr; hlt\n");

/* --- KVM_RUN, by this thread: a signal ends what would not end --- */

static void on_alarm(int sig)
{
	(void)sig;
}

/* Again and again: one that comes before the run does not end it. 0: none more. */
static void set_alarm(uint64_t ms)
{
	const struct timeval every = { .tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000) };
	const struct itimerval timer = { every, every };

	if (setitimer(ITIMER_REAL, &timer, NULL))
		guest_broken(__FILE__, __LINE__, "setitimer");
}

/* The vCPUs' own threads never take it. */
static void mask_alarm(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	pthread_sigmask(how, &set, NULL);
}

static void describe(char *text, size_t size, int error, const struct kvm_run *run)
{
	if (error)
		snprintf(text, size, "error %d", error);
	else if (run->exit_reason == KVM_EXIT_IO)
		snprintf(text, size, "exit 2, %s port 0x%x, %u times %u bytes", run->io.direction ? "out" : "in",
			 run->io.port, run->io.count, run->io.size);
	else if (run->exit_reason == KVM_EXIT_MMIO)
		snprintf(text, size, "exit 6, %s at 0x%llx, %u bytes", run->mmio.is_write ? "write" : "read",
			 run->mmio.phys_addr, run->mmio.len);
	else if (run->exit_reason == KVM_EXIT_INTERNAL_ERROR)
		snprintf(text, size, "exit 17, error %u", run->internal.suberror);
	else if (run->exit_reason == KVM_EXIT_X86_RDMSR)
		snprintf(text, size, "exit 29, MSR 0x%x for reason %u", run->msr.index, run->msr.reason);
	else
		snprintf(text, size, "exit %u", run->exit_reason);
}

/* Returns 0 or the error. */
static int run_for(uint64_t ms)
{
	int error = 0;

	set_alarm(ms);
	if (ioctl(micro_vcpu_fd(m, 0), KVM_RUN, 0) < 0)
		error = errno;
	set_alarm(0);
	return error;
}

/* What user space was asked for is done with; nothing is left of the last run. */
static void begin(uint64_t rip, uint64_t rbx)
{
	const struct kvm_regs r = { .rip = rip, .rbx = rbx, .rax = 0x7e57, .rflags = MICRO_RFLAGS };
	const struct kvm_vcpu_events none = { .flags = 0 };
	struct kvm_run *run = micro_vcpu_run(m, 0);

	run->immediate_exit = 1;
	ioctl(micro_vcpu_fd(m, 0), KVM_RUN, 0);
	run->immediate_exit = 0;
	micro_set_mode(m, 0, MICRO_LONG);
	if (ioctl(micro_vcpu_fd(m, 0), KVM_SET_VCPU_EVENTS, &none))
		guest_broken(__FILE__, __LINE__, "KVM_SET_VCPU_EVENTS");
	micro_set_regs(m, 0, &r);
}

static void tell_end(const char *what, uint64_t ms)
{
	struct kvm_run *run = micro_vcpu_run(m, 0);
	char key[48], text[120];
	int error = run_for(ms);

	describe(text, sizeof(text), error, run);
	snprintf(key, sizeof(key), "end.%s", what);
	observe_str(key, text);
}

static void run_code(const char *what, const char *code, uint64_t rbx)
{
	begin((uintptr_t)code, rbx);
	tell_end(what, LATE_MS);
}

/* --- the ways to end --- */

static void *map(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		guest_broken(__FILE__, __LINE__, "can't map memory");
	return p;
}

static void run_without_memory(void)
{
	void *p = map(PAGE);

	micro_add_memory(m, GONE, p, PAGE);
	munmap(p, PAGE);
	run_code("memory-gone", runs_touch, GONE);
	run_code("memory-gone-again", runs_touch, GONE);
	begin(NO_MEMORY, 0);
	tell_end("fetched-from-nowhere", LATE_MS);
}

static void run_at_once(void)
{
	begin((uintptr_t)runs_hlt, 0);
	micro_vcpu_run(m, 0)->immediate_exit = 1;
	tell_end("at-once", LATE_MS);
	micro_vcpu_run(m, 0)->immediate_exit = 0;
}

static void run_with_signal(void)
{
	begin((uintptr_t)runs_spin, 0);
	tell_end("signal", SOON_MS);
}

/* Since v5.10. */
static void run_with_filter(void)
{
	uint64_t none = 0; /* of one MSR, which KVM reads as a long */
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X86_USER_SPACE_MSR, .args = { KVM_MSR_EXIT_REASON_FILTER } };
	struct kvm_msr_filter filter = { .flags = KVM_MSR_FILTER_DEFAULT_ALLOW };

	filter.ranges[0].flags = KVM_MSR_FILTER_READ;
	filter.ranges[0].nmsrs = 1;
	filter.ranges[0].base = FILTERED_MSR;
	filter.ranges[0].bitmap = (uint8_t *)&none;
	if (ioctl(micro_vm_fd(m), KVM_ENABLE_CAP, &cap) || ioctl(micro_vm_fd(m), KVM_X86_SET_MSR_FILTER, &filter))
		return;
	run_code("filtered-msr", runs_rdmsr, 0);
}

static void run_ends(void)
{
	run_without_memory();
	run_at_once();
	run_with_signal();
	run_code("out", runs_out, 0);
	run_code("in", runs_in, 0);
	run_code("string", runs_string, 0);
	run_code("write", runs_write, NO_MEMORY);
	run_code("read", runs_read, NO_MEMORY);
	run_code("hlt", runs_hlt, 0);
	run_code("undefined", runs_undefined, 0);
	run_code("cr8", runs_cr8, 0);
	run_with_filter();
}

/* --- the log of pages that were written --- */

static void write_pages(void *step)
{
	for (uint64_t i = 0; i < LOGGED_PAGES; i += (uintptr_t)step)
		*(volatile uint64_t *)(LOGGED + i * PAGE) = i;
}

static unsigned int logged(void)
{
	static uint64_t bits[LOGGED_PAGES / 64];
	struct kvm_dirty_log log = { .slot = LOGGED_SLOT, .dirty_bitmap = bits };
	unsigned int n = 0;

	if (ioctl(micro_vm_fd(m), KVM_GET_DIRTY_LOG, &log))
		guest_broken(__FILE__, __LINE__, "KVM_GET_DIRTY_LOG");
	for (unsigned int i = 0; i < LOGGED_PAGES / 64; i++)
		n += (unsigned int)__builtin_popcountl(bits[i]);
	return n;
}

static void tell_log(const char *what, unsigned int n)
{
	char key[48], text[40];

	snprintf(key, sizeof(key), "written.%s", what);
	snprintf(text, sizeof(text), "%u pages", n);
	observe_str(key, text);
}

/* Not by micro_start(): its guest function ends by an out. */
static void write_one(const char *what, const char *code)
{
	begin((uintptr_t)code, LOGGED + 7 * PAGE);
	run_for(LATE_MS);
	tell_log(what, logged());
}

static void run_logged(void)
{
	struct kvm_userspace_memory_region slot = { .slot = LOGGED_SLOT,
						    .flags = KVM_MEM_LOG_DIRTY_PAGES,
						    .guest_phys_addr = LOGGED,
						    .memory_size = LOGGED_PAGES * PAGE,
						    .userspace_addr = (uintptr_t)map(LOGGED_PAGES * PAGE) };

	if (ioctl(micro_vm_fd(m), KVM_SET_USER_MEMORY_REGION, &slot))
		guest_broken(__FILE__, __LINE__, "KVM_SET_USER_MEMORY_REGION");
	micro_start(m, 1, write_pages, (void *)1);
	micro_finish(m, 1);
	tell_log("all", logged());
	micro_start(m, 1, write_pages, (void *)64);
	micro_finish(m, 1);
	tell_log("some", logged());
	write_one("one-behind-hlt", runs_touch);
	tell_log("none", logged());
}

/* --- registers over an exit --- */

#define TRIES 16
#define NOBODY 77 /* an APIC's id */
#define DR6 0xffff0ff0UL
#define DR6_BITS 0xf /* that are free: which breakpoint was met */
#define DR7 0x400UL  /* none is on */
#define ADDRESS 0x7e570000UL

enum { CR2, DR_0, DR_3, DR_7, DR_6, REGISTERS };
static const char *const names[REGISTERS] = { "cr2", "dr0", "dr3", "dr7", "dr6" };
static uint64_t left[TRIES][REGISTERS];

/* Others each time: what an exit brings back is a value of the time before. */
static uint64_t value_of(unsigned int reg, uint64_t try)
{
	return reg == DR_7 ? DR7 : reg == DR_6 ? DR6 | (try & DR6_BITS) : ADDRESS + (try << 8);
}

/* DR6 last: behind the others' exits a guest has it for itself. */
static void set_registers(uint64_t try)
{
	__asm__ volatile("movq %0, %%cr2; movq %0, %%dr0; movq %0, %%dr3; movq %1, %%dr7; movq %2, %%dr6"
			 :
			 : "r"(value_of(CR2, try)), "r"(value_of(DR_7, try)), "r"(value_of(DR_6, try)));
}

static void take_registers(uint64_t *l)
{
	__asm__ volatile("movq %%dr6, %0; movq %%dr7, %1; movq %%dr0, %2; movq %%dr3, %3; movq %%cr2, %4"
			 : "=r"(l[DR_6]), "=r"(l[DR_7]), "=r"(l[DR_0]), "=r"(l[DR_3]), "=r"(l[CR2]));
}

static void exit_by_cpuid(void)
{
	cpuid(0, 0);
}

static void exit_by_hypercall(void)
{
	micro_hypercall(UINT32_MAX, 0);
}

static void exit_by_ipi(void)
{
	send_ipi(NOBODY);
}

static void exit_by_invd(void)
{
	__asm__ volatile("invd" : : : "memory");
}

static const struct {
	const char *what;
	void (*make)(void);
} exits[] = {
	{ "cpuid", exit_by_cpuid },
	{ "hypercall", exit_by_hypercall },
	{ "interrupt", exit_by_ipi },
	{ "out", micro_out },
	{ "invd", exit_by_invd },
};

static void exit_with_registers(void *make)
{
	void (*fn)(void) = (void (*)(void))make;

	begin_ipis();
	for (unsigned int i = 0; i < TRIES; i++) {
		set_registers(i);
		fn();
		take_registers(left[i]);
	}
}

static bool is_changed(unsigned int reg)
{
	for (unsigned int i = 0; i < TRIES; i++)
		if (left[i][reg] != value_of(reg, i))
			return true;
	return false;
}

/* In any of the tries, without the values: a tick of the host's in between hides one of them. */
static void tell_left(const char *what)
{
	char key[48], text[80] = "as they were";
	size_t n = 0;

	for (unsigned int reg = 0; reg < REGISTERS; reg++)
		if (is_changed(reg))
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n ? " and " : "", names[reg]);
	if (n)
		snprintf(text + n, sizeof(text) - n, " changed");
	snprintf(key, sizeof(key), "over.%s", what);
	observe_str(key, text);
}

static void run_over(void)
{
	static const uint32_t ids[] = { 0, 1 };
	struct micro *with_apics = micro_new_with_apics(ids, 2);

	for (size_t i = 0; i < sizeof(exits) / sizeof(exits[0]); i++) {
		micro_start(with_apics, 0, exit_with_registers, (void *)(uintptr_t)exits[i].make);
		micro_finish(with_apics, 0);
		tell_left(exits[i].what);
	}
	micro_free(with_apics);
}

/* --- whose time it is --- */

/* proc(5), /proc/pid/stat: in ticks of 10 ms, of this thread. */
enum { UTIME = 14, STIME = 15, GUEST_TIME = 43 };

static uint64_t stat_field(unsigned int which)
{
	char line[1024], *at;
	uint64_t ticks = 0;

	SAFE_READ_FILE("/proc/thread-self/stat", line);
	at = strrchr(line, ')');
	for (unsigned int field = 2; at && field < which; field++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, "%" SCNu64, &ticks) != 1)
		guest_broken(__FILE__, __LINE__, "/proc/thread-self/stat has no field %u", which);
	return ticks;
}

static uint64_t all_time(void)
{
	return stat_field(UTIME) + stat_field(STIME);
}

/* For so much time of this thread's own: a busy machine gives it less than passes. */
static void run_in_guest(void)
{
	uint64_t in_guest = stat_field(GUEST_TIME), all = all_time();

	begin((uintptr_t)runs_spin, 0);
	for (unsigned int i = 0; i < SPINS && all_time() - all < SPIN_TICKS; i++)
		run_for(SOON_MS);
	in_guest = stat_field(GUEST_TIME) - in_guest;
	all = all_time() - all;
	if (all < SPIN_TICKS)
		guest_broken(__FILE__, __LINE__, "a thread that spins gets no time");
	observe_str("time.spin", in_guest * 10 >= all ? "the guest's" : "the host's");
}

static void run(void)
{
	static const uint32_t ids[] = { 0, 1 };
	const struct sigaction alarm = { .sa_handler = on_alarm };

	sigaction(SIGALRM, &alarm, NULL);
	mask_alarm(SIG_BLOCK);
	m = micro_new(ids, 2);
	mask_alarm(SIG_UNBLOCK);
	run_ends();
	run_logged();
	run_in_guest();
	micro_free(m);
	mask_alarm(SIG_BLOCK);
	run_over();
}

GUEST_TEST(run)

#else

#include "judge/checks.h"
#include "judge/effects.h"

static const struct effect effects[] = {
	{ "end.", "how KVM_RUN ends", "in each way as on the unpatched kernel" },
	{ "written.", "the log of written pages", "has as many as on the unpatched kernel" },
	{ "over.", "registers over an exit", "are left alone, as on the unpatched kernel" },
	{ "time.", "the time in a guest", "is the guest's in the host's accounts, as on the unpatched kernel" },
};

static const char *const checks[] = {
	"how KVM_RUN ends", "the log of written pages", "registers over an exit", "the time in a guest", NULL,
};

static void judge(const struct evidence *e, struct test_result *t)
{
	if (check_program_compared(e, t, checks))
		check_effects(e, t, effects, ARRAY_SIZE(effects));
}

static const struct testcase cpuid_exits_runs = {
	.name = "cpuid-exits/runs",
	.assignment = "cpuid-exits",
	.summary = "how runs of a guest end, what they log and leave, and whose time they are, against the unpatched kernel",
	.program = "test_micro_runs",
	.level = 1,
	.timeout_s = 30,
	.wants_baseline = true,
	.checks = checks,
	.judge = judge,
};
TESTCASE(cpuid_exits_runs);
#endif
