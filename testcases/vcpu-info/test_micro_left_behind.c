// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpu-info/left-behind: what a call leaves when it is over. Nothing of the target's: its
 * registers are what they were, whatever state it was asked about in. Nothing of the kernel's: not
 * an object of its memory for each call, no thread's id for each thread that was told of, and the
 * machine ends as one that was never asked about.
 */
#include <stdint.h>

#define CALLS 20000   /* about a vCPU of one thread */
#define THREADS 600   /* that run a vCPU in turn, each asked about */
#define FEW_KIB 16384 /* of pages that come and go with other things; a page a call is five times that */

#ifdef NESTLAB_GUEST
#include "micro.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

static const uint32_t ids[] = { 0, 1 };

static struct call {
	uint64_t number, times, wrong;
} call, no_calls;

static void ask(void *arg)
{
	struct call *c = arg;

	for (uint64_t i = 0; i < c->times; i++)
		c->wrong += micro_hypercall(c->number, ids[1]) != 0;
}

static void ask_times(struct micro *m, uint64_t times)
{
	call.times = times;
	micro_start(m, 0, ask, &call);
	micro_finish(m, 0);
}

/* Each cache of /proc/slabinfo: "NAME ACTIVE_OBJECTS ..." */
#define MAX_CACHES 400
struct caches {
	unsigned int n;
	struct {
		char name[64];
		uint64_t objects;
	} at[MAX_CACHES];
};

static FILE *open_or_broken(const char *path)
{
	FILE *f = fopen(path, "re");

	if (!f)
		guest_broken(__FILE__, __LINE__, "can't read %s", path);
	return f;
}

static void read_caches(struct caches *c)
{
	FILE *f = open_or_broken("/proc/slabinfo");
	char line[512];

	c->n = 0;
	while (c->n < MAX_CACHES && fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %lu", c->at[c->n].name, &c->at[c->n].objects) == 2)
			c->n++;
	fclose(f);
	if (!c->n)
		guest_broken(__FILE__, __LINE__, "/proc/slabinfo tells no cache");
}

/* KASAN keeps what was freed for a while, so as to see its use: it is no leak, but looks as one. */
static bool keeps_what_is_freed(void)
{
	FILE *f = open_or_broken("/proc/kallsyms");
	char line[512];
	bool found = false;

	while (!found && fgets(line, sizeof(line), f))
		found = strstr(line, " kasan_quarantine_");
	fclose(f);
	return found;
}

static uint64_t free_kib(void)
{
	FILE *f = open_or_broken("/proc/meminfo");
	char line[128];
	uint64_t kib = 0;

	while (!kib && fgets(line, sizeof(line), f))
		sscanf(line, "MemFree: %lu", &kib);
	fclose(f);
	return kib;
}

/* The cache that grew most, and by how many objects; names stay where they are in the list. */
static uint64_t most_grown(const struct caches *before, const struct caches *after, const char **name)
{
	uint64_t most = 0;

	*name = "none";
	for (unsigned int i = 0; i < before->n && i < after->n; i++) {
		uint64_t was = before->at[i].objects, is = after->at[i].objects;

		if (strcmp(before->at[i].name, after->at[i].name) || is <= was + most)
			continue;
		most = is - was;
		*name = after->at[i].name;
	}
	return most;
}

static struct caches before, after;

/*
 * What is freed by RCU takes its time: looked at until it is little, or for a second.
 */
static void tell_memory(const char *what, uint64_t calls, uint64_t free_before)
{
	const char *name;
	uint64_t grown, free_after;
	unsigned int looks = 0;

	do {
		guest_sleep_ms(50);
		read_caches(&after);
		grown = most_grown(&before, &after, &name);
	} while (grown > calls / 4 && ++looks < 20);
	free_after = free_kib();
	observe_str("bout", what);
	observe_u64("bout.calls", calls);
	observe_u64("bout.objects", grown);
	observe_str("bout.cache", name);
	observe_u64("bout.kib", free_before > free_after ? free_before - free_after : 0);
	if (!guest_in_lab)
		printf("%s: %s grew by %lu objects\n", what, name, grown);
}

static void many_calls(struct micro *m)
{
	uint64_t pages;

	ask_times(m, CALLS / 20); /* what is kept once, and what the first calls touch */
	read_caches(&before);
	pages = free_kib();
	ask_times(m, CALLS);
	tell_memory("calls", CALLS, pages);
}

static void many_threads(struct micro *m)
{
	uint64_t pages;

	read_caches(&before);
	pages = free_kib();
	for (unsigned int i = 0; i < THREADS; i++) {
		micro_change_thread(m, 1);
		micro_start(m, 1, ask, &no_calls); /* a thread is the vCPU's once it ran it */
		micro_finish(m, 1);
		ask_times(m, 1);
	}
	tell_memory("threads", THREADS, pages);
}

static void about(struct micro *m, const char *state)
{
	struct micro_state was, is;

	micro_get_state(m, 1, &was);
	ask_times(m, 1);
	micro_get_state(m, 1, &is);
	observe_str("target", state);
	observe_u64("target.regs", !memcmp(&was.regs, &is.regs, sizeof(is.regs)));
	observe_u64("target.sregs", !memcmp(&was.sregs, &is.sregs, sizeof(is.sregs)));
	observe_u64("target.fpu", !memcmp(&was.fpu, &is.fpu, sizeof(is.fpu)));
}

static void set_own(struct micro *m, enum micro_mode mode)
{
	struct kvm_regs r = { .rip = micro_at(micro_halt), .rflags = MICRO_RFLAGS };

	for (unsigned int i = 0; i < MICRO_REGS; i++)
		*micro_reg(&r, i) = 0x7e57000000000000 + ((uint64_t)mode << 32) + i;
	micro_set_mode(m, 1, mode);
	micro_set_regs(m, 1, &r);
}

static void states(struct micro *m)
{
	set_own(m, MICRO_LONG);
	about(m, "never run");
	micro_go(m, 1);
	if (micro_wait(m, 1) != KVM_EXIT_HLT)
		guest_broken(__FILE__, __LINE__, "vCPU 1 did not come to its hlt");
	about(m, "halted");
	for (unsigned int mode = 0; mode < MICRO_MODES; mode++) {
		set_own(m, (enum micro_mode)mode);
		about(m, micro_mode_names[mode]);
	}
	set_own(m, MICRO_LONG);
}

/* Without the trace, as in vcpu-info/many. */
static void trace(bool on)
{
	SAFE_WRITE_FILE("/sys/kernel/tracing/tracing_on", on ? "1" : "0");
	SAFE_WRITE_FILE("/sys/kernel/tracing/options/trace_printk", on ? "1" : "0");
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

static uint64_t users_of(const char *path)
{
	FILE *f = open_or_broken(path);
	uint64_t n;

	if (fscanf(f, "%lu", &n) != 1)
		guest_broken(__FILE__, __LINE__, "%s tells no number", path);
	fclose(f);
	return n;
}

static uint64_t vendor_users(void)
{
	bool intel = cpuid(0, 0).ebx == 0x756e6547;

	return users_of(intel ? "/sys/module/kvm_intel/refcnt" : "/sys/module/kvm_amd/refcnt");
}

/* A machine ends when the last of its files is closed; a moment is given. */
static void tell_end(uint64_t machines_before, uint64_t users_before)
{
	for (unsigned int i = 0; i < 20 && machines() > machines_before; i++)
		guest_sleep_ms(50);
	observe_u64("machines.before", machines_before);
	observe_u64("machines.after", machines());
	observe_u64("users.before", users_before);
	observe_u64("users.after", vendor_users());
}

static void run(void)
{
	uint64_t machines_before = machines(), users_before = vendor_users();
	struct micro *m = micro_new(ids, 2);

	call.number = guest_number("NESTLAB_HYPERCALL", 13);
	trace(false);
	states(m);
	many_calls(m);
	many_threads(m);
	trace(true);
	observe_u64("calls.wrong", call.wrong);
	observe_u64("freed.kept", keeps_what_is_freed());
	micro_free(m);
	tell_end(machines_before, users_before);
}

GUEST_TEST(run)

#else

#include <inttypes.h>

#include "judge/checks.h"

enum bout_column { BOUT_CALLS, BOUT_OBJECTS, BOUT_KIB };
static const char *const bout_keys[] = { "bout.calls", "bout.objects", "bout.kib" };
enum target_column { REGS, SREGS, FPU };
static const char *const target_keys[] = { "target.regs", "target.sregs", "target.fpu" };

static const char *const checks[] = {
	"calls with an error", "the target's state",	 "the kernel's memory",
	"machines that ended", "users of KVM's module", NULL,
};

static const char *text_of(const struct evidence *e, const char *key, size_t row)
{
	const struct observation *o = obs_get(&e->obs, key, row);

	return o ? o->str : "?";
}

static void check_targets(const struct evidence *e, const struct table *y, struct test_result *t)
{
	struct tally bad = { .unit = "target" };

	for (size_t i = 0; i < y->rows; i++) {
		bool regs = table_at(y, i, REGS), sregs = table_at(y, i, SREGS), fpu = table_at(y, i, FPU);

		if (regs && sregs && fpu)
			tally_good(&bad);
		else
			tally_bad(&bad, "%s: changed are%s%s%s", text_of(e, "target", i),
				  regs ? "" : " its general registers", sregs ? "" : " its system registers",
				  fpu ? "" : " its FPU");
	}
	tally_check(t, "the target's state", "a vCPU that was asked about is as it was before", &bad,
		    "oracles: KVM_GET_REGS, KVM_GET_SREGS, KVM_GET_FPU of the target before and after");
}

/* Half a call's worth: other things grow and shrink by the way. */
static void check_memory(const struct evidence *e, const struct table *y, struct test_result *t)
{
	struct tally bad = { .unit = "bout" };
	uint64_t kept;

	if (!want_u64(e, t, "freed.kept", &kept))
		return;
	if (kept) {
		check_skip(t, "the kernel's memory", "L1's kernel has KASAN, which keeps what was freed for a while");
		return;
	}
	for (size_t i = 0; i < y->rows; i++) {
		uint64_t calls = table_at(y, i, BOUT_CALLS), objects = table_at(y, i, BOUT_OBJECTS),
			 kib = table_at(y, i, BOUT_KIB);

		if (objects < calls / 2 && kib < FEW_KIB)
			tally_good(&bad);
		else
			tally_bad(&bad, "%" PRIu64 " %s: %s grew by %" PRIu64 " objects, free memory fell by %"
				  PRIu64 " KiB", calls, text_of(e, "bout", i), text_of(e, "bout.cache", i),
				  objects, kib);
	}
	tally_check(t, "the kernel's memory", "no object is left for each call or thread", &bad,
		    "oracles: L1's /proc/slabinfo and /proc/meminfo, before and after");
}

static void check_end(const struct evidence *e, struct test_result *t)
{
	uint64_t before, after;

	if (want_u64(e, t, "machines.before", &before) && want_u64(e, t, "machines.after", &after))
		check_equal_u64(t, "machines that ended", before, after,
				"oracle: L1's debugfs, the folders in kvm/, without this machine");
	if (want_u64(e, t, "users.before", &before) && want_u64(e, t, "users.after", &after))
		check_equal_u64(t, "users of KVM's module", before, after,
				"oracle: L1's /sys/module/kvm_*/refcnt, without this machine");
}

static void judge(const struct evidence *e, struct test_result *t)
{
	_cleanup_table_ struct table bouts = { 0 }, targets = { 0 };
	uint64_t wrong;

	if (!check_program(e, t) || !want_u64(e, t, "calls.wrong", &wrong))
		return;
	if (!table_collect(&bouts, &e->obs, bout_keys, ARRAY_SIZE(bout_keys)) ||
	    !table_collect(&targets, &e->obs, target_keys, ARRAY_SIZE(target_keys))) {
		check_broken(t, "the bouts", "each told whole", "some of their lines are missing");
		return;
	}
	check_equal_u64(t, "calls with an error", 0, wrong, NULL);
	check_targets(e, &targets, t);
	check_memory(e, &bouts, t);
	check_end(e, t);
}

static const struct testcase left_behind = {
	.name = "vcpu-info/left-behind",
	.assignment = "vcpu-info",
	.summary = "what calls leave: the target's registers, the kernel's memory, references that hold a machine",
	.program = "test_micro_left_behind",
	.level = 1,
	.timeout_s = 60,
	.on_request = true, /* until it has been run on the reference */
	.quiet = true,
	.checks = checks,
	.judge = judge,
};
TESTCASE(left_behind);
#endif
