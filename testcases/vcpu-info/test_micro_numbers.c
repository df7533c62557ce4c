// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpu-info/numbers: a world in which numbers are not small, dense and alike. Micro guests with ids
 * far apart, which other machines have, too; a vCPU that has made more exits than 16 bits hold; one
 * whose thread changes, one that waits for its start, one that is made when others were asked
 * about; more vCPUs than a word has bits; a machine whose program lives in a pid namespace of its
 * own, in which all pids are small; and a vCPU whose thread has a number over 16 bits.
 */
#ifdef NESTLAB_GUEST
#include "exit_kinds.h"
#include "exit_rare.h"
#include "micro.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * The first one asks, the others are asked about; all but one are over 8 bits. The last becomes the
 * highest that this KVM allows: ids may be higher than there can be vCPUs.
 */
static uint32_t ids[] = { 1021, 0, 767, 512 };
#define N (sizeof(ids) / sizeof(ids[0]))
/* More than 2^16 together. In one go they took a kernel with KASAN in Bochs 50 s, as a hang does. */
#define GOES 16
#define IN_ONE 4100
#define APIC_ID 0x20 /* of an APIC's registers: Intel SDM vol. 3, 11.4.1 */
#define HIGH_PID 200001
#define HIGH_PID_OF_SMALL 32001
#define LATER_ID 300
#define MOST_PIDS "/proc/sys/kernel/pid_max"

static uint64_t hypercall;
static struct micro *others[2]; /* made before and after; NULL: none */

static void make(struct micro *m, unsigned int vcpu, uintptr_t times)
{
	micro_start(m, vcpu, make_cpuid, (void *)times);
	micro_finish(m, vcpu);
}

static uint64_t thread_of(struct micro *m, unsigned int vcpu)
{
	return m ? (uint64_t)micro_thread(m, vcpu) : 0;
}

static void about(struct micro *m, unsigned int target, const char *what)
{
	struct kvm_regs r = { .rip = micro_at(micro_call()), .rflags = MICRO_RFLAGS };
	uint64_t before = micro_exits(m, target);

	r.rax = hypercall;
	r.rbx = micro_id(m, target);
	micro_set_regs(m, 0, &r);
	micro_go(m, 0);
	micro_finish(m, 0);
	micro_get_regs(m, 0, &r);
	printf("%s, vCPU %u: result %lld\n", what, micro_id(m, target), (long long)r.rax);
	observe_str("call.what", what);
	observe_u64("call.target", micro_id(m, target));
	observe_u64("call.thread", (uint64_t)micro_thread(m, target));
	observe_u64("call.caller.thread", (uint64_t)micro_thread(m, 0));
	observe_u64("call.caller.exits", micro_exits(m, 0));
	observe_u64("call.process", (uint64_t)getpid());
	observe_u64("call.older.thread", thread_of(others[0], target));
	observe_u64("call.newer.thread", thread_of(others[1], target));
	observe_u64("call.before", before);
	observe_u64("call.after", micro_exits(m, target));
	observe_i64("call.result", (int64_t)r.rax);
}

static uint32_t highest_id(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int most = kvm < 0 ? 0 : ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPU_ID);

	if (kvm >= 0)
		close(kvm);
	return most > (int)ids[0] ? (uint32_t)most - 1 : ids[N - 1];
}

static void other_threads(struct micro *m)
{
	for (unsigned int i = 1; i < N; i++) {
		micro_change_thread(m, i);
		make(m, i, 1);
		about(m, i, "run by another thread");
	}
}

/*
 * One has sent interrupts, by an MSR that KVM's fastpath may handle. Then it waits until another
 * one starts it.
 */
static void about_one_with_an_apic(void)
{
	const struct kvm_mp_state waits = { .mp_state = KVM_MP_STATE_UNINITIALIZED };
	static const uint32_t three[] = { 0, 1, 2 };
	struct micro *m = micro_new_with_apics(three, 3);

	micro_start(m, 2, make_ipi, (void *)50);
	micro_finish(m, 2);
	about(m, 2, "after interrupts that it sent");
	if (ioctl(micro_vcpu_fd(m, 2), KVM_SET_MP_STATE, &waits))
		guest_broken(__FILE__, __LINE__, "KVM_SET_MP_STATE");
	about(m, 2, "waits for its start");
	micro_free(m);
}

/* The number by which others send it interrupts: what a guest may write there names no vCPU. */
static void rename_apic(struct micro *m, unsigned int vcpu, uint32_t id)
{
	struct kvm_lapic_state apic;
	int fd = micro_vcpu_fd(m, vcpu);
	int ret = ioctl(fd, KVM_GET_LAPIC, &apic);

	apic.regs[APIC_ID + 3] = (char)id;
	if (ret || ioctl(fd, KVM_SET_LAPIC, &apic))
		guest_broken(__FILE__, __LINE__, "KVM_SET_LAPIC");
}

static void about_renamed_ones(void)
{
	static const uint32_t three[] = { 0, 1, 2 };
	struct micro *m = micro_new_with_apics(three, 3);

	make(m, 1, 5);
	make(m, 2, 9);
	rename_apic(m, 2, 7);
	rename_apic(m, 1, 2);
	for (unsigned int i = 1; i < 3; i++)
		about(m, i, "of another APIC id");
	micro_free(m);
}

static void about_later_one(void)
{
	struct micro *m = micro_new(ids, 2);

	make(m, 1, 2);
	about(m, 1, "before another one is made");
	micro_add_vcpu(m, LATER_ID);
	make(m, 2, 4);
	about(m, 2, "made after a call");
	micro_free(m);
}

/* Each with another number of exits, all made before the first is asked about. */
static void in_a_crowd(void)
{
	struct micro *m = micro_new_crowd();

	for (unsigned int i = 1; i < MICRO_CROWD; i++)
		make(m, i, i);
	for (unsigned int i = 1; i < MICRO_CROWD; i++)
		about(m, i, "one of 70");
	micro_free(m);
}

/* The first of its pid namespace, which all threads that it makes are in. */
static void run_inside(void)
{
	struct micro *m = micro_new(ids, N);

	for (unsigned int i = 1; i < N; i++) {
		make(m, i, i);
		about(m, i, "in a pid namespace");
	}
	micro_free(m);
}

static void in_a_namespace(void)
{
	pid_t child = guest_clone(CLONE_NEWPID);

	if (child < 0)
		guest_broken(__FILE__, __LINE__, "can't make a pid namespace");
	if (!child) {
		run_inside();
		fflush(stdout);
		_exit(0);
	}
	SAFE_WAIT(child);
}

static void *ask_about_high(void *arg)
{
	struct micro *m = arg;

	micro_lend(m, 1);
	make(m, 1, 5);
	about(m, 1, "run by a thread of a high number");
	micro_change_thread(m, 1);
	return NULL;
}

/* Its first thread has the number that was asked for, and runs a vCPU. */
static void run_high(void)
{
	struct micro *m = micro_new(ids, N);
	pthread_t asks;

	if (pthread_create(&asks, NULL, ask_about_high, m))
		guest_broken(__FILE__, __LINE__, "can't start a thread");
	micro_run_here(m, 1);
	pthread_join(asks, NULL);
	micro_free(m);
}

static bool allow_numbers_to(const char *most)
{
	int fd = open(MOST_PIDS, O_WRONLY | O_CLOEXEC);
	bool allowed = fd >= 0 && write(fd, most, strlen(most)) == (ssize_t)strlen(most);

	close(fd);
	return allowed;
}

/* A small kernel (CONFIG_BASE_SMALL) has no numbers over 16 bits. */
static pid_t allow_high_number(void)
{
	if (allow_numbers_to("4194304"))
		return HIGH_PID;
	if (allow_numbers_to("32768"))
		return HIGH_PID_OF_SMALL;
	guest_broken(__FILE__, __LINE__, "can't write to " MOST_PIDS);
}

static void by_a_high_number(void)
{
	pid_t high;
	struct clone_args args = { .exit_signal = SIGCHLD, .set_tid = (uintptr_t)&high, .set_tid_size = 1 };
	char most[16];
	pid_t child;

	fflush(stdout);
	SAFE_READ_FILE(MOST_PIDS, most);
	high = allow_high_number();
	child = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (child < 0)
		guest_broken(__FILE__, __LINE__, "can't make a process of number %d", high);
	if (!child) {
		run_high();
		fflush(stdout);
		_exit(0);
	}
	SAFE_WAIT(child);
	SAFE_WRITE_FILE(MOST_PIDS, most);
}

static void run(void)
{
	struct micro *m;

	ids[N - 1] = highest_id();
	others[0] = micro_new(ids, N);
	m = micro_new(ids, N);
	others[1] = micro_new(ids, N);
	hypercall = guest_number("NESTLAB_HYPERCALL", 13);
	for (unsigned int i = 1; i < N; i++) {
		make(others[0], i, 20);
		make(others[1], i, 30);
		make(m, i, i * 300); /* over 8 bits */
		about(m, i, "after some exits");
	}
	for (unsigned int i = 0; i < GOES; i++)
		make(m, 1, IN_ONE);
	about(m, 1, "after more than 65,536 exits");
	about(m, 2, "the one beside it");
	other_threads(m);
	micro_free(m);
	for (unsigned int i = 0; i < 2; i++) {
		micro_free(others[i]);
		others[i] = NULL;
	}
	about_one_with_an_apic();
	about_renamed_ones();
	about_later_one();
	in_a_crowd();
	in_a_namespace();
	by_a_high_number();
}

GUEST_TEST(run)

#else

#include <inttypes.h>

#include "judge/records.h"
#include "judge/wrong.h"

#define BY_PROGRAM                                                                                 \
	"oracle: the test program, which owns the vCPUs (their threads, KVM_GET_STATS_FD)"
#define CALLS 87 /* that the program makes: 18, and 69 in the crowd */

enum column { TARGET, THREAD, CALLER_THREAD, CALLER_EXITS, PROCESS, OLDER, NEWER, BEFORE, AFTER };
static const char *const keys[] = { "call.target",	 "call.thread",	 "call.caller.thread",
				    "call.caller.exits", "call.process", "call.older.thread",
				    "call.newer.thread", "call.before",	 "call.after" };

struct calls {
	const struct evidence *e;
	struct table y;
};

static uint64_t at(const struct calls *c, size_t k, enum column what)
{
	return table_at(&c->y, k, what);
}

static void bad(struct tally *y, const struct calls *c, size_t k, const char *what)
{
	const struct trace_records *r = &c->e->trace;

	tally_bad_at(y, k < r->n ? r->v[k].line : 0, "%s, vCPU %" PRIu64 ": %s",
		     obs_get(&c->e->obs, "call.what", k)->str, at(c, k, TARGET), what);
}

/* The calls follow one another: the k-th record is the k-th call's. */
static bool check_records(const struct calls *c, struct test_result *t)
{
	const struct trace_records *r = &c->e->trace;
	struct tally y = { .unit = "call" };
	bool ok;

	for (size_t k = 0; k < c->y.rows; k++)
		if (k < r->n && r->v[k].has_vcpu_id && r->v[k].vcpu_id == (int64_t)at(c, k, TARGET))
			tally_good(&y);
		else
			bad(&y, c, k, k < r->n ? "its record tells of another" : "no record");
	if (r->n > c->y.rows)
		tally_bad(&y, "%zu records of %zu calls", r->n, c->y.rows);
	ok = !y.n_bad;
	tally_check_trace(t, c->e, "a record for each call", "one, about the vCPU that the argument names",
			  &y, NULL);
	return ok;
}

static void check_pid(const struct calls *c, struct test_result *t)
{
	struct tally y = { .unit = "record" };

	for (size_t k = 0; k < c->y.rows; k++) {
		const struct trace_record *r = &c->e->trace.v[k];
		uint64_t want = at(c, k, THREAD), told = r->has_pid ? (uint64_t)r->pid : 0;
		struct wrong w = { .least = want, .most = want };
		_cleanup_free_ char *text = NULL;

		if (r->has_pid && told == want) {
			tally_good(&y);
			continue;
		}
		wrong_add(&w, "the caller's own", at(c, k, CALLER_THREAD));
		wrong_add(&w, "the process's (tgid)", at(c, k, PROCESS));
		if (at(c, k, OLDER)) {
			wrong_add(&w, "another machine's, of its vCPU of this id", at(c, k, OLDER));
			wrong_add(&w, "another machine's, of its vCPU of this id", at(c, k, NEWER));
		}
		if (k)
			wrong_add(&w, "that of the call before", at(c, k - 1, THREAD));
		text = strf("pid %" PRId64 " for %" PRIu64 "%s", r->has_pid ? r->pid : -1, want,
			    wrong_name(&w, told));
		bad(&y, c, k, text);
	}
	tally_check_trace(t, c->e, "pid of the target", "the thread that runs it now, as the host numbers it",
			  &y, BY_PROGRAM);
}

static void check_exits(const struct calls *c, struct test_result *t)
{
	struct tally y = { .unit = "record" };

	for (size_t k = 0; k < c->y.rows; k++) {
		const struct trace_record *r = &c->e->trace.v[k];
		struct wrong w = { .least = at(c, k, BEFORE), .most = at(c, k, AFTER) };
		_cleanup_free_ char *text = NULL;

		if (r->has_num_exits && r->num_exits >= w.least && r->num_exits <= w.most) {
			tally_good(&y);
			continue;
		}
		wrong_add(&w, "the caller's own", at(c, k, CALLER_EXITS));
		text = strf("%" PRIu64 ", KVM counted %" PRIu64 " before and %" PRIu64 " after%s",
			    r->num_exits, w.least, w.most, wrong_name(&w, r->num_exits));
		bad(&y, c, k, text);
	}
	tally_check_trace(t, c->e, "exits of the target", "KVM's count before the call to that after it",
			  &y, BY_PROGRAM);
}

static const char *const checks[] = {
	"result of each call",
	"a record for each call",
	"pid of the target",
	"exits of the target",
	NULL,
};

static void judge(const struct evidence *e, struct test_result *t)
{
	struct calls c = { .e = e };

	if (!check_program(e, t))
		return;
	if (!table_collect(&c.y, &e->obs, keys, ARRAY_SIZE(keys)) || c.y.rows != CALLS ||
	    obs_count(&e->obs, "call.what") != c.y.rows) {
		check_broken(t, "the calls", "every call told whole", "some of its lines are missing");
	} else {
		result_add_measure(t, "calls", "calls", (double)c.y.rows);
		check_call_results(e, t);
		if (check_trace(e, t) && check_records(&c, t)) {
			check_pid(&c, t);
			check_exits(&c, t);
		}
	}
	table_free(&c.y);
}

static const struct testcase vcpu_info_numbers = {
	.name = "vcpu-info/numbers",
	.assignment = "vcpu-info",
	.summary = "ids far apart, of other machines too, 70 vCPUs, more than 65,536 exits, threads that change, with high numbers, in a pid namespace",
	.program = "test_micro_numbers",
	.level = 1,
	.timeout_s = 60,
	.wants_trace = true,
	.checks = checks,
	.judge = judge,
};
TESTCASE(vcpu_info_numbers);
#endif
