// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpu-info/results: what the system call gives back, on a host that answers as it is told: 0 for
 * each vCPU, no such hypercall, an error for one vCPU of many, errors that differ. And whether the
 * task that called is as it was.
 */
#ifdef NESTLAB_GUEST
#include "memory.h"
#include "script.h"

#include <grp.h>
#include <sched.h>
#include <string.h>
#include <sys/resource.h>

#define NO_HYPERCALL (-1000) /* -KVM_ENOSYS */
#define NOBODY 65534
#define CALLS_A_ROUND 1280
#define FAILED_A_ROUND 640
#define ROUNDS 8 /* at most */
#define TASK_BYTES 4096

static struct scripted_cpus s;

static void answer(uint32_t id, int32_t value)
{
	script(SCRIPT_ANSWER, id, value);
}

/* key: "good", "none", ...: what the judge expects of it. */
static void call(const char *key)
{
	char name[40];

	snprintf(name, sizeof(name), "result.%s", key);
	observe_i64(name, sys_vcpu_info());
}

/* All vCPUs answer 0: each must have been asked about once. */
static void observe_asked(void)
{
	for (unsigned int i = 0; i < s.cpus.n; i++)
		observe_u64("good.asked", script(SCRIPT_TELL, s.id[i], 0).about);
	observe_u64("good.strange", script(SCRIPT_TELL, 0, 0).strange);
}

/* What the registers of arguments hold is of no account: there are none. */
static void call_with(long a, long b, long c)
{
	long number = (long)guest_number("NESTLAB_SYSCALL", 548), r;

	script_begin();
	r = syscall(number, a, b, c, a, b, c);
	observe_i64("result.good", r < 0 ? -errno : r);
	observe_asked();
}

static void call_with_rubbish(void)
{
	call_with(-1L, 0x5a5a5a5a5a5aL, 1L << 40);
	for (long n = 0; n < 4; n++)
		call_with(n, 3 - n, n);
}

static void call_and_count(void)
{
	script_begin();
	call("good");
	observe_asked();
}

/* One fails, the others do not; then all is well again. */
static void fail_one(uint32_t id, int32_t error)
{
	script_begin();
	answer(id, error);
	observe_u64("one.id", id);
	observe_i64("one.error", error);
	call("one");
	call_and_count();
}

static void fail_all(const char *key, int32_t error)
{
	script_begin();
	answer(SCRIPT_ALL, error);
	call(key);
	call_and_count();
}

/* The first of them is not the last one, and both are errors. */
static void fail_two(void)
{
	long r;

	script_begin();
	answer(s.id[0], -EINVAL);
	answer(s.id[s.cpus.n - 1], -E2BIG);
	r = sys_vcpu_info();
	observe_i64("result.all", r);
	observe_i64("differ.result", r);
	observe_i64("differ.error", -EINVAL);
	observe_i64("differ.error", -E2BIG);
}

/* The same error from one vCPU, from two, and so on; not from all. */
static void fail_some(int32_t error)
{
	script_begin();
	for (unsigned int n = 1; n < s.cpus.n; n++) {
		answer(s.id[n - 1], error);
		observe_u64("same.failing", n);
		observe_i64("same.error", error);
		observe_i64("same.result", sys_vcpu_info());
	}
}

static void run_cases(void)
{
	call_and_count();
	call_with_rubbish();
	fail_all("none", NO_HYPERCALL);
	fail_all("all", -EPERM);
	fail_all("all", -EINVAL);
	for (unsigned int i = 0; i < s.cpus.n; i++)
		fail_one(s.id[i], i % 2 ? -EFAULT : -EINVAL);
	fail_one(s.id[0], NO_HYPERCALL);
	fail_one(s.id[s.cpus.n - 1], NO_HYPERCALL);
	fail_two();
	fail_some(-EINVAL);
}

/* -- the task that calls -- */

/* Of /proc/self/status, what changes by itself: memory, its state, how often it ran. */
static bool changes_by_itself(const char *line)
{
	static const char *const names[] = { "Vm",	  "Rss",	 "Huge",   "State",
					     "voluntary", "nonvoluntary", "SigPnd", "SigQ" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strncmp(line, names[i], strlen(names[i])))
			return true;
	return false;
}

static void add_line(char *text, const char *line)
{
	strncat(text, line, TASK_BYTES - strlen(text) - 1);
}

/* Its CPUs and memory nodes, users, rights, signals; its policy and priority. */
static void read_task(char *text)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];

	if (!f)
		guest_broken(__FILE__, __LINE__, "can't read /proc/self/status");
	*text = '\0';
	while (fgets(line, sizeof(line), f))
		if (!changes_by_itself(line))
			add_line(text, line);
	fclose(f);
	snprintf(line, sizeof(line), "policy:	%d\nnice:	%d\n", sched_getscheduler(0),
		 getpriority(PRIO_PROCESS, 0));
	add_line(text, line);
}

/* Line by line; each that differs is told. */
static void compare_tasks(char *before, char *after)
{
	char *a_rest, *b_rest;
	const char *a = strtok_r(before, "\n", &a_rest), *b = strtok_r(after, "\n", &b_rest);
	char text[160];
	uint64_t same = 0;

	for (; a && b; a = strtok_r(NULL, "\n", &a_rest), b = strtok_r(NULL, "\n", &b_rest)) {
		if (!strcmp(a, b)) {
			same++;
			continue;
		}
		snprintf(text, sizeof(text), "%.70s; before: %.70s", b, a);
		observe_str("task.changed", text);
	}
	observe_u64("task.same", same);
}

static void call_and_compare(int32_t error)
{
	static char before[TASK_BYTES], after[TASK_BYTES];

	script_begin();
	answer(SCRIPT_ALL, error);
	read_task(before);
	sys_vcpu_info();
	read_task(after);
	compare_tasks(before, after);
}

/* A user with no rights: the same results. */
static void run_as_nobody(void)
{
	pid_t pid = SAFE_FORK();

	if (pid) {
		SAFE_WAIT(pid);
		return;
	}
	if (setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY))
		guest_broken(__FILE__, __LINE__, "can't become an ordinary user");
	script_begin();
	call("user");
	answer(SCRIPT_ALL, NO_HYPERCALL);
	call("none");
	fflush(NULL);
	_exit(0);
}

static uint64_t fill(unsigned int calls)
{
	for (unsigned int i = 0; i < calls; i++)
		sys_vcpu_info();
	return memory_kib("SUnreclaim");
}

/* Until a round in which nothing was lost: what else the kernel allocates is not in each of them. */
static void fill_rounds(unsigned int calls, const char *key)
{
	uint64_t before = 0;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		uint64_t kib = fill(calls);

		observe_u64(key, kib);
		if (kib <= before)
			return;
		before = kib;
	}
}

/* Caches are warm after the first round. Where calls fail, they go another way. */
static void fill_memory(void)
{
	bool kept = memory_is_kept();

	observe_u64("memory.kept", kept);
	if (kept)
		return;
	script_begin();
	fill_rounds(CALLS_A_ROUND, "memory.kb");
	observe_u64("memory.calls", CALLS_A_ROUND);
	answer(SCRIPT_ALL, -EINVAL);
	fill_rounds(FAILED_A_ROUND, "failed.kb");
	observe_u64("failed.calls", FAILED_A_ROUND);
}

static void run(void)
{
	scripted_cpus(&s);
	call_and_compare(0);
	call_and_compare(-EINVAL);
	run_cases();
	SAFE_PIN(s.cpus.cpu[s.cpus.n - 1]);
	run_cases();
	run_as_nobody();
	fill_memory();
}

GUEST_TEST(run)

#else

#include <inttypes.h>

#include "judge/checks.h"
#include "judge/wrong.h"

#define SMALLEST_OBJECT 8 /* bytes that kmalloc() gives */
#define BY "the host answers what the program tells it, and counts who was asked about"

static const struct observation *result(const struct evidence *e, const char *key, size_t i)
{
	_cleanup_free_ char *name = strf("result.%s", key);

	return obs_get(&e->obs, name, i);
}

static void tally_zero(const struct evidence *e, struct tally *y, const char *key)
{
	const struct observation *o;

	for (size_t i = 0; (o = result(e, key, i)); i++)
		if (o->u64)
			tally_bad(y, "a call gave %s, and each vCPU's was 0", o->str);
		else
			tally_good(y);
}

/* what: the host's answers then. */
static void tally_error(struct tally *y, const struct observation *o, const char *what)
{
	int64_t r = (int64_t)o->u64;

	if (r < 0)
		tally_good(y);
	else if (!r)
		tally_bad(y, "0 where %s: as if all had succeeded", what);
	else
		tally_bad(y, "%s where %s: an error is negative", o->str, what);
}

static void check_good(const struct evidence *e, struct test_result *t)
{
	struct tally y = { .unit = "call" }, user = { .unit = "call" };

	tally_zero(e, &y, "good");
	tally_zero(e, &user, "user");
	tally_check(t, "result when each vCPU's is 0", "0", &y, BY);
	tally_check(t, "an ordinary user's call", "0, as another user's", &user, BY);
}

static void check_none(const struct evidence *e, struct test_result *t)
{
	struct tally none = { .unit = "call" }, all = { .unit = "call" };
	const struct observation *o;

	for (size_t i = 0; (o = result(e, "none", i)); i++)
		tally_error(&none, o, "the host has no such hypercall (-1000)");
	for (size_t i = 0; (o = result(e, "all", i)); i++)
		tally_error(&all, o, "more than one vCPU's failed");
	tally_check(t, "result on a host without the hypercall", "an error", &none, BY);
	tally_check(t, "result when more than one vCPU's fails", "an error", &all, BY);
}

static void check_one(const struct evidence *e, struct test_result *t)
{
	struct tally y = { .unit = "call" };
	const struct observation *o;

	for (size_t i = 0; (o = result(e, "one", i)); i++) {
		const struct observation *id = obs_get(&e->obs, "one.id", i);
		const struct observation *error = obs_get(&e->obs, "one.error", i);
		_cleanup_free_ char *what = strf("vCPU %s's was %s, the others' 0",
						 id ? id->str : "?", error ? error->str : "?");

		tally_error(&y, o, what);
	}
	tally_check(t, "result when one vCPU's fails", "an error, whichever vCPU's it was", &y, BY);
}

static void check_asked(const struct evidence *e, struct test_result *t)
{
	struct tally y = { .unit = "CPU and call" };
	size_t cpus = obs_count(&e->obs, "cpu.id");
	const struct observation *o;

	for (size_t i = 0; cpus && (o = obs_get(&e->obs, "good.asked", i)); i++)
		if (o->u64 != 1)
			tally_bad(&y, "vCPU %s was asked about %s times",
				  obs_get(&e->obs, "cpu.id", i % cpus)->str, o->str);
		else
			tally_good(&y);
	for (size_t i = 0; (o = obs_get(&e->obs, "good.strange", i)); i++)
		if (o->u64)
			tally_bad(&y, "%s of a call's hypercalls had an id that no vCPU has",
				  o->str);
	tally_check(t, "each CPU is asked about", "once in each call, by its vCPU's id", &y, BY);
}

/* -- which error is told -- */

enum same_column { FAILING, ERROR, RESULT };
static const char *const same_keys[] = { "same.failing", "same.error", "same.result" };

/* A sum of errors, a number of those that failed: who is told that is told no error. */
static void tell_same(const struct table *y, size_t row, struct tally *calls)
{
	int64_t error = (int64_t)table_at(y, row, ERROR), failing = (int64_t)table_at(y, row, FAILING);
	int64_t first = (int64_t)table_at(y, 0, RESULT), told = (int64_t)table_at(y, row, RESULT);
	uint64_t size = (uint64_t)-told;
	struct wrong w = { .least = (uint64_t)-first, .most = (uint64_t)-first };

	wrong_add(&w, "the number of those that failed", (uint64_t)failing);
	wrong_add(&w, "the sum of their errors", (uint64_t)(-error * failing));
	if (told == first)
		tally_good(calls);
	else
		tally_bad(calls, "%" PRId64 "%s where %" PRId64 " vCPUs' were %" PRId64 ", and %" PRId64 " where one's was", told,
			  wrong_name(&w, size), failing, error, first);
}

static bool is_an_error(const struct evidence *e, uint64_t told)
{
	const struct observation *error;

	for (size_t i = 0; (error = obs_get(&e->obs, "differ.error", i)); i++)
		if (error->u64 == told)
			return true;
	return false;
}

/* Whoever passes the host's errors on passes one of them on. */
static void tell_different(const struct evidence *e, const struct table *y, struct tally *calls)
{
	bool passes_on = table_at(y, 0, RESULT) == table_at(y, 0, ERROR);
	const struct observation *told;

	for (size_t i = 0; (told = obs_get(&e->obs, "differ.result", i)); i++)
		if (!passes_on || is_an_error(e, told->u64))
			tally_good(calls);
		else
			tally_bad(calls, "%s where one vCPU's was %s, another's %s", told->str,
				  obs_get(&e->obs, "differ.error", 0)->str, obs_get(&e->obs, "differ.error", 1)->str);
}

#define SAME_CHECK "the error that is told"

static void check_same(const struct evidence *e, struct test_result *t)
{
	_cleanup_table_ struct table y = { 0 };
	struct tally calls = { .unit = "call" };

	if (!table_collect(&y, &e->obs, same_keys, ARRAY_SIZE(same_keys)) || !y.rows ||
	    obs_count(&e->obs, "differ.error") < 2) {
		check_broken(t, SAME_CHECK, "every call told whole", "some of its lines are missing");
		return;
	}
	for (size_t i = 0; i < y.rows; i++)
		tell_same(&y, i, &calls);
	tell_different(e, &y, &calls);
	tally_check(t, SAME_CHECK, "the same for one vCPU's as for some vCPUs'; of two that differ, one of them", &calls, BY);
}

/* -- the task that calls -- */

#define TASK_CHECK "the caller's task"

static void check_task(const struct evidence *e, struct test_result *t)
{
	struct tally y = { .unit = "line" };
	const struct observation *o;

	for (size_t i = 0; (o = obs_get(&e->obs, "task.same", i)); i++)
		for (uint64_t n = 0; n < o->u64; n++)
			tally_good(&y);
	for (size_t i = 0; (o = obs_get(&e->obs, "task.changed", i)); i++)
		tally_bad(&y, "%s", o->str);
	tally_check(t, TASK_CHECK,
		    "as before the call: its CPUs, signals, rights, policy and priority", &y,
		    "oracle: /proc/self/status, sched_getscheduler(), getpriority(), before and after");
}

/* -- memory -- */

#define MEMORY "the guest's kernel memory"
#define MEMORY_BEHIND_ERRORS MEMORY ", behind errors"

/* A leak grows in each round; what else the kernel allocates, in one or another. */
static uint64_t least_growth(const struct evidence *e, const char *key)
{
	uint64_t least = UINT64_MAX;
	const struct observation *a, *b;

	for (size_t i = 1; (b = obs_get(&e->obs, key, i)); i++) {
		a = obs_get(&e->obs, key, i - 1);
		if (b->u64 <= a->u64)
			return 0;
		least = b->u64 - a->u64 < least ? b->u64 - a->u64 : least;
	}
	return least;
}

/* Half of what the smallest object takes, one a call. */
static void check_memory(const struct evidence *e, struct test_result *t, const char *name, const char *key, uint64_t calls)
{
	check_at_most(t, name, calls * SMALLEST_OBJECT / 2 / 1024, least_growth(e, key),
		      "KiB that /proc/meminfo's SUnreclaim grew by in each of several rounds of calls");
}

static void check_memories(const struct evidence *e, struct test_result *t)
{
	static const char kasan[] = "the guest's kernel has KASAN, which keeps what was freed for a while";
	uint64_t calls, failed, kept;

	if (!want_u64(e, t, "memory.kept", &kept))
		return;
	if (kept) {
		check_skip(t, MEMORY, kasan);
		check_skip(t, MEMORY_BEHIND_ERRORS, kasan);
		return;
	}
	if (!want_u64(e, t, "memory.calls", &calls) || !want_u64(e, t, "failed.calls", &failed))
		return;
	check_memory(e, t, MEMORY, "memory.kb", calls);
	check_memory(e, t, MEMORY_BEHIND_ERRORS, "failed.kb", failed);
}

static const char *const checks[] = {
	"online CPUs",
	"result when each vCPU's is 0",
	"an ordinary user's call",
	"result on a host without the hypercall",
	"result when more than one vCPU's fails",
	"result when one vCPU's fails",
	"each CPU is asked about",
	SAME_CHECK,
	TASK_CHECK,
	MEMORY,
	MEMORY_BEHIND_ERRORS,
	NULL,
};

static void judge(const struct evidence *e, struct test_result *t)
{
	if (!check_program(e, t))
		return;
	check_equal_u64(t, "online CPUs", e->l2_cpus, obs_count(&e->obs, "cpu.id"),
			"as the program sees them")
		->preparatory = true;
	check_good(e, t);
	check_none(e, t);
	check_one(e, t);
	check_asked(e, t);
	check_same(e, t);
	check_task(e, t);
	check_memories(e, t);
}

static const struct testcase vcpu_info_results = {
	.name = "vcpu-info/results",
	.assignment = "vcpu-info",
	.summary = "what the system call gives back, whatever the host answers for one vCPU or all",
	.program = "test_guest_results",
	.level = 2,
	.host = HOST_SCRIPTED,
	.timeout_s = 8,
	.checks = checks,
	.judge = judge,
};
TESTCASE(vcpu_info_results);
#endif
