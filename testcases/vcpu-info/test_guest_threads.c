// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpu-info/threads: the system call from many tasks at once, two on each CPU. First all answers
 * are 0. Then the host has an error for whatever one of the vCPUs asks: the tasks on that one get
 * it, each time, and no other task does. And a task to which signals come makes calls as any other.
 */
#ifdef NESTLAB_GUEST
#include "crew.h"
#include "script.h"

#include <signal.h>
#include <sys/time.h>

#define CALLS 480
#define CALLS_WITH_SIGNALS 240
#define SIGNAL_US 1000 /* longer than a call: one that begins anew comes to its end, too */
#define A_CPU 2

struct results {
	unsigned int good, errors, positive;
};

static struct scripted_cpus s;
static struct results *tasks; /* shared; one a task, in the CPUs' order, then again */
static unsigned int *of_cpu;  /* how many of them have begun on each CPU */
static unsigned int *signals; /* that came to all of them */

static unsigned int index_of(uint32_t id)
{
	unsigned int i = 0;

	while (i + 1 < s.cpus.n && s.id[i] != id)
		i++;
	return i;
}

static void work(unsigned int calls)
{
	unsigned int cpu = index_of(guest_apic_id());
	unsigned int nth = __atomic_fetch_add(&of_cpu[cpu], 1, __ATOMIC_SEQ_CST);
	struct results *t = &tasks[nth * s.cpus.n + cpu];

	for (unsigned int i = 0; i < calls; i++) {
		long r = sys_vcpu_info();

		t->good += !r;
		t->errors += r < 0;
		t->positive += r > 0;
	}
}

static void on_signal(int signal)
{
	(void)signal;
	__atomic_fetch_add(signals, 1, __ATOMIC_RELAXED);
}

static void work_with_signals(unsigned int calls)
{
	const struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	const struct itimerval often = { { 0, SIGNAL_US }, { 0, SIGNAL_US } }, never = { 0 };

	if (sigaction(SIGALRM, &action, NULL) || setitimer(ITIMER_REAL, &often, NULL))
		guest_broken(__FILE__, __LINE__, "can't send signals to a task");
	work(calls);
	setitimer(ITIMER_REAL, &never, NULL);
}

/* key: "well", "signals", or "one" when the second CPU is told errors. */
static void run_tasks(const char *key, struct crew *crew, void (*how)(unsigned int n),
		      unsigned int calls)
{
	struct guest_cpus on = { 0 };
	char name[40];

	for (unsigned int i = 0; i < A_CPU * s.cpus.n; i++) {
		on.cpu[on.n++] = s.cpus.cpu[i % s.cpus.n];
		tasks[i] = (struct results){ 0 };
		of_cpu[i] = 0;
	}
	crew_start(crew, &on, 0, how, calls);
	crew_go(crew);
	crew_wait(crew);
	for (unsigned int i = 0; i < on.n; i++) {
		snprintf(name, sizeof(name), "%s.good", key);
		observe_u64(name, tasks[i].good);
		snprintf(name, sizeof(name), "%s.errors", key);
		observe_u64(name, tasks[i].errors);
		snprintf(name, sizeof(name), "%s.positive", key);
		observe_u64(name, tasks[i].positive);
	}
}

static void run(void)
{
	struct crew *crew = crew_new();

	tasks = SAFE_MAP_SHARED(NULL, sizeof(*tasks) * 64);
	of_cpu = SAFE_MAP_SHARED(NULL, sizeof(*of_cpu) * 64);
	signals = SAFE_MAP_SHARED(NULL, sizeof(*signals));
	scripted_cpus(&s);
	if (s.cpus.n < 2)
		guest_skip("one CPU only");
	script_begin();
	run_tasks("well", crew, work, CALLS);
	for (unsigned int i = 0; i < s.cpus.n; i++)
		observe_u64("asked", script(SCRIPT_TELL, s.id[i], 0).about);
	observe_u64("strange", script(SCRIPT_TELL, 0, 0).strange);
	observe_u64("calls", CALLS * A_CPU * s.cpus.n);
	script_begin();
	run_tasks("signals", crew, work_with_signals, CALLS_WITH_SIGNALS);
	observe_u64("signals.came", *signals);
	script_begin();
	script(SCRIPT_CALLER, s.id[1], -EINVAL);
	run_tasks("one", crew, work, CALLS);
}

GUEST_TEST(run)

#else

#include <inttypes.h>

#include "judge/checks.h"

#define BY "the host answers what the program tells it, and counts who was asked about"
#define FAILING 1 /* the CPU, as the program counts them, that is told errors */
#define SIGNALS "results of calls while signals come"

static uint64_t of_task(const struct evidence *e, const char *phase, const char *what, size_t i)
{
	_cleanup_free_ char *name = strf("%s.%s", phase, what);
	const struct observation *o = obs_get(&e->obs, name, i);

	return o ? o->u64 : 0;
}

static uint64_t cpu_of(const struct evidence *e, size_t task)
{
	return obs_get(&e->obs, "cpu.id", task % obs_count(&e->obs, "cpu.id"))->u64;
}

static void check_well(const struct evidence *e, struct test_result *t, const char *phase,
		       const char *name)
{
	_cleanup_free_ char *good = strf("%s.good", phase);
	struct tally y = { .unit = "task" };

	for (size_t i = 0; i < obs_count(&e->obs, good); i++) {
		uint64_t errors = of_task(e, phase, "errors", i);
		uint64_t positive = of_task(e, phase, "positive", i);

		if (errors || positive)
			tally_bad(&y,
				  "of a task's calls on vCPU %" PRIu64 " %" PRIu64
				  " were negative and %" PRIu64 " positive",
				  cpu_of(e, i), errors, positive);
		else
			tally_good(&y);
	}
	tally_check(t, name, "0 each: no vCPU's was an error", &y, BY);
}

static void check_signals(const struct evidence *e, struct test_result *t)
{
	uint64_t came;

	if (!want_u64(e, t, "signals.came", &came))
		return;
	if (came)
		check_well(e, t, "signals", SIGNALS);
	else
		check_skip(t, SIGNALS, "no signal came to any task while it made calls");
}

/*
 * A kernel that lets each CPU ask about itself has an error in each task's each call, and is right
 * as well: what no right one does is to give one task now this and now that.
 */
static void check_one(const struct evidence *e, struct test_result *t)
{
	struct tally y = { .unit = "task" };
	size_t cpus = obs_count(&e->obs, "cpu.id");

	for (size_t i = 0; cpus && i < obs_count(&e->obs, "one.good"); i++) {
		uint64_t good = of_task(e, "one", "good", i),
			 errors = of_task(e, "one", "errors", i);
		bool failing = i % cpus == FAILING;

		if (of_task(e, "one", "positive", i))
			tally_bad(&y, "a task on vCPU %" PRIu64 " got positive results",
				  cpu_of(e, i));
		else if (failing && good)
			tally_bad(&y,
				  "a task on vCPU %" PRIu64
				  ", whose hypercalls all fail, got 0 %" PRIu64 " times",
				  cpu_of(e, i), good);
		else if (good && errors)
			tally_bad(&y,
				  "a task on vCPU %" PRIu64
				  ", whose hypercalls all succeed, got another's error %" PRIu64
				  " times",
				  cpu_of(e, i), errors);
		else
			tally_good(&y);
	}
	tally_check(t, "each task's own result",
		    "an error for tasks whose vCPU is told errors, and for no other", &y, BY);
}

static void check_asked(const struct evidence *e, struct test_result *t)
{
	struct tally y = { .unit = "vCPU" };
	uint64_t calls = 0, strange = 0;
	const struct observation *o;

	if (!want_u64(e, t, "calls", &calls) || !want_u64(e, t, "strange", &strange))
		return;
	for (size_t i = 0; (o = obs_get(&e->obs, "asked", i)); i++)
		if (o->u64 != calls)
			tally_bad(&y, "vCPU %" PRIu64 " was asked about %s times", cpu_of(e, i),
				  o->str);
		else
			tally_good(&y);
	if (strange)
		tally_bad(&y, "%" PRIu64 " hypercalls had an id that no vCPU has", strange);
	_cleanup_free_ char *expected = strf("%" PRIu64 " times, once in each call", calls);

	tally_check(t, "each CPU is asked about by all calls", expected, &y, BY);
}

static const char *const checks[] = {
	"results of calls at once",
	"each CPU is asked about by all calls",
	SIGNALS,
	"each task's own result",
	NULL,
};

static void judge(const struct evidence *e, struct test_result *t)
{
	if (!check_program(e, t))
		return;
	check_well(e, t, "well", "results of calls at once");
	check_asked(e, t);
	check_signals(e, t);
	check_one(e, t);
}

static const struct testcase vcpu_info_threads = {
	.name = "vcpu-info/threads",
	.assignment = "vcpu-info",
	.summary = "the system call from eight tasks at once: each has its own result",
	.program = "test_guest_threads",
	.level = 2,
	.host = HOST_SCRIPTED,
	.timeout_s = 8,
	.checks = checks,
	.judge = judge,
};
TESTCASE(vcpu_info_threads);
#endif
