// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpu-info/left-behind: what a call leaves when it is over. Nothing of the target's: its
 * registers are what they were, whatever state it was asked about in. Nothing of the kernel's: not
 * an object of its memory for each call, no thread or number of one that was told of, no reference
 * to a module, and the machine ends as one that was never asked about. Also where a call fails:
 * that path is another one, and seldom gone.
 */
#include <stdint.h>

#define UNKNOWN_ID 7
#define NO_NUMBER 0x7fffffff /* of a hypercall */
#define PROGRAMS 8    /* that end, each in namespaces of its own */
#define TOUCHED_KIB 1024 /* of its memory, by each of them */
#define DISTURBED 200 /* calls beside a vCPU that spins */

#ifdef NESTLAB_GUEST
#include "ends.h"
#include "memory.h"
#include "micro.h"
#include "state.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static const uint32_t ids[] = { 0, 1 };
static uint64_t hypercall;

static struct call {
	uint64_t number, id, times, wrong;
} call;

static void ask(void *arg)
{
	struct call *c = arg;

	for (uint64_t i = 0; i < c->times; i++)
		c->wrong += micro_hypercall(c->number, c->id) != 0 && c->id == ids[1] && c->number != NO_NUMBER;
}

static void ask_number(struct micro *m, uint64_t number, uint64_t id, uint64_t times)
{
	call.number = number;
	call.id = id;
	call.times = times;
	micro_start(m, 0, ask, &call);
	micro_finish(m, 0);
}

static void ask_about(struct micro *m, uint64_t id, uint64_t times)
{
	ask_number(m, hypercall, id, times);
}

static void ask_times(struct micro *m, uint64_t times)
{
	ask_about(m, ids[1], times);
}

/* What is answered to that is vcpu-info/ids' affair. */
static void fail_times(struct micro *m, uint64_t times)
{
	ask_about(m, UNKNOWN_ID, times);
}

/*
 * What is kept of a thread holds the namespaces that it was in, when all their threads are gone: its
 * number that of pids, its task, by its credentials, that of users.
 */
static const struct kind {
	const char *what, *limit;
	int flag;
} kinds[] = {
	{ "pid", "/proc/sys/user/max_pid_namespaces", CLONE_NEWPID },
	{ "user", "/proc/sys/user/max_user_namespaces", CLONE_NEWUSER },
};

/* So many as the least limit with which another one can be made. */
static unsigned int count(const struct kind *k)
{
	unsigned int n = 0;
	char most[16];
	pid_t child;

	SAFE_READ_FILE(k->limit, most);
	do {
		char text[16];

		snprintf(text, sizeof(text), "%u", ++n);
		SAFE_WRITE_FILE(k->limit, text);
		child = guest_clone(k->flag);
		if (!child)
			_exit(0);
	} while (child < 0 && errno == ENOSPC);
	SAFE_WRITE_FILE(k->limit, most);
	if (child < 0)
		guest_broken(__FILE__, __LINE__, "can't make a %s namespace", k->what);
	SAFE_WAIT(child);
	return n - 1;
}

/* What RCU frees takes its time. */
static void tell_kept(const struct kind *k, unsigned int before)
{
	unsigned int after, looks = 0;

	do {
		guest_sleep_ms(50);
		after = count(k);
	} while (after > before && ++looks < 40);
	observe_str("kept", k->what);
	observe_u64("kept.before", before);
	observe_u64("kept.after", after);
}

static void rest(void *arg)
{
	(void)arg;
}

static void ask_inside(void)
{
	struct micro *m = micro_new(ids, 2);

	micro_start(m, 1, rest, NULL);
	micro_finish(m, 1);
	ask_times(m, 1);
	micro_free(m);
}

static void touch_memory(void)
{
	void *p = mmap(NULL, TOUCHED_KIB * 1024, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		guest_broken(__FILE__, __LINE__, "can't map memory");
	memset(p, 1, TOUCHED_KIB * 1024);
}

static void tell_memory(uint64_t before)
{
	uint64_t after, looks = 0;

	while ((after = memory_kib("AnonPages")) > before + TOUCHED_KIB && ++looks < 20)
		guest_sleep_ms(50);
	observe_u64("ended.before", before);
	observe_u64("ended.after", after);
}

static void programs_that_end(void)
{
	uint64_t memory = memory_kib("AnonPages");
	unsigned int before[] = { count(&kinds[0]), count(&kinds[1]) };

	for (unsigned int i = 0; i < PROGRAMS; i++) {
		pid_t child = guest_clone(CLONE_NEWPID | CLONE_NEWUSER);

		if (child < 0)
			guest_broken(__FILE__, __LINE__, "can't make a program in namespaces of its own");
		if (!child) {
			touch_memory();
			ask_inside();
			_exit(0);
		}
		SAFE_WAIT(child);
	}
	tell_kept(&kinds[0], before[0]);
	tell_kept(&kinds[1], before[1]);
	tell_memory(memory);
}

/* KVM's own count of who uses it: machines and open files. */
static uint64_t references(void)
{
	static const char *const modules[] = { "kvm", "kvm_amd", "kvm_intel" };
	uint64_t sum = 0;

	for (unsigned int i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
		char path[64];
		uint64_t n = 0;
		FILE *f;

		snprintf(path, sizeof(path), "/sys/module/%s/refcnt", modules[i]);
		f = fopen(path, "re");
		if (!f)
			continue;
		if (fscanf(f, "%lu", &n) == 1)
			sum += n;
		fclose(f);
	}
	return sum;
}

static void about(struct micro *m, const char *state)
{
	struct vcpu_state was, is;

	state_take(m, 1, &was);
	ask_times(m, 1);
	state_take(m, 1, &is);
	state_compare(state, &was, &is);
}

/* Which has no meaning in long mode, and must be as it was all the same. */
static void set_own_stack_segment(struct micro *m)
{
	struct kvm_sregs s;

	micro_get_sregs(m, 1, &s);
	s.ss.limit = 0x7e57fff;
	s.ss.db = 0;
	micro_set_sregs(m, 1, &s);
}

static void set_own(struct micro *m, enum micro_mode mode)
{
	struct kvm_regs r = { .rip = micro_at(micro_halt), .rflags = MICRO_RFLAGS };

	for (unsigned int i = 0; i < MICRO_REGS; i++)
		*micro_reg(&r, i) = 0x7e57000000000000 + ((uint64_t)mode << 32) + i;
	micro_set_mode(m, 1, mode);
	micro_set_regs(m, 1, &r);
	state_make_own(m, 1);
	if (mode == MICRO_LONG)
		set_own_stack_segment(m);
}

static void run_to_halt(struct micro *m)
{
	state_without_events(m, 1);
	micro_go(m, 1);
	if (micro_wait(m, 1) != KVM_EXIT_HLT)
		guest_broken(__FILE__, __LINE__, "vCPU 1 did not come to its hlt");
}

/*
 * Who reads a vCPU's registers has KVM fetch them: those of one that ran, and that nobody has read
 * since, are where only its own CPU finds them (on Intel). It runs the same way twice.
 */
static void about_unread(struct micro *m)
{
	struct vcpu_state was, is;

	set_own(m, MICRO_LONG);
	run_to_halt(m);
	state_take(m, 1, &was);
	set_own(m, MICRO_LONG);
	run_to_halt(m);
	ask_times(m, 1);
	state_take(m, 1, &is);
	state_compare("halted, and not read since", &was, &is);
}

/* The general ones are looked at elsewhere, and are not the same for two numbers. */
static void about_the_caller(struct micro *m)
{
	struct vcpu_state was, is;

	state_make_own(m, 0);
	state_without_events(m, 0);
	ask_number(m, NO_NUMBER, ids[1], 1);
	state_take(m, 0, &was);
	ask_times(m, 1);
	state_take(m, 0, &is);
	is.regs = was.regs;
	state_compare("the caller", &was, &is);
}

static void states(struct micro *m)
{
	set_own(m, MICRO_LONG);
	about(m, "never run");
	run_to_halt(m);
	about(m, "halted");
	about_unread(m);
	about_the_caller(m);
	for (unsigned int mode = 0; mode < MICRO_MODES; mode++) {
		set_own(m, (enum micro_mode)mode);
		about(m, micro_mode_names[mode]);
	}
	set_own(m, MICRO_LONG);
	state_without_events(m, 1);
}

/* One whose hlt sleeps in KVM sleeps on, and nothing is left that wakes it later. */
static void asleep(void)
{
	struct micro *m = micro_new_with_apics(ids, 2);
	struct kvm_regs r = { .rip = micro_at(micro_halt), .rflags = MICRO_RFLAGS };
	struct kvm_mp_state state = { 0 };
	bool woke;

	micro_set_mode(m, 1, MICRO_LONG);
	micro_set_regs(m, 1, &r);
	micro_go(m, 1);
	micro_wait_asleep(m, 1, 0);
	ask_times(m, 100);
	woke = micro_leaves(m, 1, 20);
	if (!woke)
		micro_stop(m, 1);
	if (ioctl(micro_vcpu_fd(m, 1), KVM_GET_MP_STATE, &state) < 0)
		guest_broken(__FILE__, __LINE__, "KVM_GET_MP_STATE");
	observe_str("asleep", woke ? "it woke" : state.mp_state == KVM_MP_STATE_HALTED ? "it sleeps" : "it is about to wake");
	micro_free(m);
}

/* Each call finds it in the guest. */
static void fail_beside(struct micro *m)
{
	for (unsigned int i = 0; i < DISTURBED; i++) {
		micro_wait_going_on(m, 1);
		fail_times(m, 1);
	}
}

/*
 * A call that names no vCPU has nothing to do with one that runs: the host's ticks alone stop it,
 * which are counted in as long a time behind it.
 */
static void beside(struct micro *m)
{
	struct kvm_regs r = { .rip = micro_at(micro_spin), .rflags = MICRO_RFLAGS };
	struct guest_cpus cpus;
	uint64_t before, tsc;

	guest_cpus(&cpus);
	micro_pin(m, 1, cpus.cpu[cpus.n - 1]);
	micro_set_regs(m, 1, &r);
	micro_go(m, 1);
	micro_wait_spinning(m, 1);
	before = micro_exits(m, 1);
	tsc = rdtsc_ordered();
	fail_beside(m);
	tsc = rdtsc_ordered() - tsc;
	observe_u64("beside.exits", micro_exits(m, 1) - before);
	before = micro_exits(m, 1);
	for (uint64_t begun = rdtsc_ordered(); rdtsc_ordered() - begun < tsc;)
		usleep(1000);
	observe_u64("beside.quiet", micro_exits(m, 1) - before);
	micro_stop(m, 1);
}

static uint64_t machines(void)
{
	DIR *d = opendir("/sys/kernel/debug/kvm");
	const struct dirent *entry;
	uint64_t n = 0;

	if (!d)
		guest_broken(__FILE__, __LINE__, "can't read /sys/kernel/debug/kvm");
	while ((entry = readdir(d)))
		n += entry->d_type == DT_DIR && entry->d_name[0] != '.';
	closedir(d);
	return n;
}

/* A machine ends when the last of its files is closed; a moment is given. */
static void tell_end(uint64_t machines_before)
{
	for (unsigned int i = 0; i < 20 && machines() > machines_before; i++)
		guest_sleep_ms(50);
	observe_u64("machines.before", machines_before);
	observe_u64("machines.after", machines());
}

/* First: a depth that each call makes deeper is soon past telling. */
static void ends(struct micro *m)
{
	ends_of_hypercall(m, NO_NUMBER, hypercall, ids[1], "about another vCPU");
	ends_of_hypercall(m, NO_NUMBER, hypercall, ids[0], "about itself");
	ends_of_hypercall(m, NO_NUMBER, hypercall, UNKNOWN_ID, "about an unknown id");
}

static void run(void)
{
	uint64_t machines_before = machines();
	struct micro *m = micro_new(ids, 2);

	hypercall = guest_number("NESTLAB_HYPERCALL", 13);
	guest_trace(false);
	ends(m);
	states(m);
	beside(m);
	asleep();
	observe_u64("references.before", references());
	memory_of(m, "calls", ask_times);
	memory_of(m, "calls about an unknown id", fail_times);
	programs_that_end();
	observe_u64("references.after", references());
	guest_trace(true);
	observe_u64("calls.wrong", call.wrong);
	micro_free(m);
	tell_end(machines_before);
}

GUEST_TEST(run)

#else

#include <inttypes.h>
#include <string.h>

#include "judge/checks.h"
#include "judge/ends_checks.h"
#include "judge/memory_checks.h"

static const char *const target_keys[] = { "target.regs",  "target.sregs",  "target.fpu",
					   "target.debug", "target.events", "target.msrs" };
static const char *const parts[] = { "general registers", "system registers", "FPU",
				     "debug registers",	  "events",	      "MSRs" };

#define ENDED_CHECK "memory of programs that ended"
#define BESIDE_CHECK "a vCPU that no call names"

static const char *const checks[] = {
	"calls with an error", "the target's state", "a target that sleeps", BESIDE_CHECK,
	MEMORY_CHECK, "modules' references", "threads that ended",  ENDED_CHECK, "machines that ended",
	ENDS_CHECK, NULL,
};

static const char *text_of(const struct evidence *e, const char *key, size_t row)
{
	const struct observation *o = obs_get(&e->obs, key, row);

	return o ? o->str : "?";
}

static void tally_target(const struct evidence *e, const struct table *y, size_t row, struct tally *bad)
{
	_cleanup_buf_ struct buf changed = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (!table_at(y, row, i))
			buf_printf(&changed, "%s%s", changed.len ? ", " : "", parts[i]);
	if (changed.len)
		tally_bad(bad, "%s: changed are its %s", text_of(e, "target", row), buf_str(&changed));
	else
		tally_good(bad);
}

static void check_targets(const struct evidence *e, const struct table *y, struct test_result *t)
{
	struct tally bad = { .unit = "target" };

	for (size_t i = 0; i < y->rows; i++)
		tally_target(e, y, i, &bad);
	tally_check(t, "the target's state", "a vCPU that was asked about is as it was before, and so is one that asked", &bad,
		    "oracles: KVM_GET_REGS, SREGS, XSAVE, DEBUGREGS, VCPU_EVENTS, MSRS, before and after");
}

static void check_sleeper(const struct evidence *e, struct test_result *t)
{
	static const char sleeps[] = "it sleeps";
	const char *told = text_of(e, "asleep", 0);

	check_that(t, "a target that sleeps", !strcmp(told, sleeps), sleeps, told,
		   "oracles: the test program, which runs the target; KVM_GET_MP_STATE, after 100 calls about it");
}

/* One that is made to leave by each call leaves as often as that. */
static void check_beside(const struct evidence *e, struct test_result *t)
{
	uint64_t exits, quiet;

	if (want_u64(e, t, "beside.exits", &exits) && want_u64(e, t, "beside.quiet", &quiet))
		check_at_most(t, BESIDE_CHECK, quiet + quiet / 4 + DISTURBED / 2, exits,
			      "exits of one that spins, beside 200 calls about an id of none; oracle: KVM_GET_STATS_FD");
}

static void check_references(const struct evidence *e, struct test_result *t)
{
	uint64_t before, after;

	if (want_u64(e, t, "references.before", &before) && want_u64(e, t, "references.after", &after))
		check_equal_u64(t, "modules' references", before, after,
				"oracle: L1's /sys/module/kvm*/refcnt, before all calls and after them");
}

static void check_threads(const struct evidence *e, struct test_result *t)
{
	static const char *const kept_keys[] = { "kept.before", "kept.after" };
	_cleanup_table_ struct table y = { 0 };
	struct tally kept = { .unit = "kind" };

	if (!table_collect(&y, &e->obs, kept_keys, ARRAY_SIZE(kept_keys)) || y.rows != 2) {
		check_broken(t, "threads that ended", "told for two kinds", "some of the lines are missing");
		return;
	}
	for (size_t i = 0; i < y.rows; i++) {
		uint64_t before = table_at(&y, i, 0), after = table_at(&y, i, 1);

		if (after <= before)
			tally_good(&kept);
		else
			tally_bad(&kept, "%s namespaces: %" PRIu64 " before, %" PRIu64 " after %d programs ended (%s)",
				  text_of(e, "kept", i), before, after, PROGRAMS,
				  i ? "a task or its credentials are held, or a pid namespace" : "a thread's number (struct pid) is held");
	}
	tally_check(t, "threads that ended", "nothing holds one that was asked about", &kept,
		    "oracle: the namespaces that L1's kernel still has, by /proc/sys/user/max_*_namespaces");
}

/* Half of what they touched: other programs come and go. */
static void check_ended(const struct evidence *e, struct test_result *t)
{
	uint64_t before, after;

	if (want_u64(e, t, "ended.before", &before) && want_u64(e, t, "ended.after", &after))
		check_at_most(t, ENDED_CHECK, before + PROGRAMS * TOUCHED_KIB / 2, after,
			      "KiB; oracle: L1's /proc/meminfo, AnonPages, before programs that asked and when they had ended");
}

static void check_end(const struct evidence *e, struct test_result *t)
{
	uint64_t before, after;

	if (want_u64(e, t, "machines.before", &before) && want_u64(e, t, "machines.after", &after))
		check_equal_u64(t, "machines that ended", before, after,
				"oracle: L1's debugfs, the folders in kvm/, without this machine");
}

static void judge(const struct evidence *e, struct test_result *t)
{
	_cleanup_table_ struct table targets = { 0 };
	uint64_t wrong;

	if (!check_program(e, t) || !want_u64(e, t, "calls.wrong", &wrong))
		return;
	if (!table_collect(&targets, &e->obs, target_keys, ARRAY_SIZE(target_keys))) {
		check_broken(t, "the targets", "each told whole", "some of their lines are missing");
		return;
	}
	check_equal_u64(t, "calls with an error", 0, wrong, NULL);
	check_targets(e, &targets, t);
	check_sleeper(e, t);
	check_beside(e, t);
	check_memory(e, t);
	check_references(e, t);
	check_threads(e, t);
	check_ended(e, t);
	check_end(e, t);
	check_instruction_end(e, t);
}

static const struct testcase left_behind = {
	.name = "vcpu-info/left-behind",
	.assignment = "vcpu-info",
	.summary = "what calls leave: the target's registers, the kernel's memory, references that hold a machine",
	.program = "test_micro_left_behind",
	.level = 1,
	.timeout_s = 60,
	.quiet = true,
	.checks = checks,
	.judge = judge,
};
TESTCASE(left_behind);
#endif
