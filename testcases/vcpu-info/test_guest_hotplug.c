// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpu-info/comes-and-goes: the CPUs in the middle are taken offline, one and two of them, and each
 * online one must be asked about, by its vCPU's id, which is then no count. Then they come and go
 * while tasks on the others call: no call may ask about one from when it is offline until it is to
 * be online again.
 */
#ifdef NESTLAB_GUEST
#include "crew.h"
#include "script.h"

#define ROUNDS 6
#define DELAY_US 300
#define OFFLINE_MS 5

struct results {
	unsigned int good, errors, positive;
	bool stop;
};

static struct scripted_cpus s;
static struct results *shared;

static void set_online(unsigned int i, const char *digit)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", s.cpus.cpu[i]);
	SAFE_WRITE_FILE(path, digit);
}

/* asked: bit i for s.cpus.cpu[i]. online: those that should be. */
static void call_with(unsigned int online)
{
	unsigned int once = 0, more = 0;

	script_begin();
	observe_i64("still.result", sys_vcpu_info());
	for (unsigned int i = 0; i < s.cpus.n; i++) {
		unsigned int n = script(SCRIPT_TELL, s.id[i], 0).about;

		once |= (unsigned int)(n == 1) << i;
		more |= (unsigned int)(n > 1) << i;
	}
	observe_u64("still.online", online);
	observe_u64("still.once", once);
	observe_u64("still.more", more);
	observe_u64("still.strange", script(SCRIPT_TELL, 0, 0).strange);
}

/* What it leaves, a lock for one, is in the way of the rest. */
static void fail_once(void)
{
	script_begin();
	script(SCRIPT_ANSWER, SCRIPT_ALL, -EINVAL);
	observe_i64("failed.result", sys_vcpu_info());
}

static void run_still(void)
{
	unsigned int all = (1u << s.cpus.n) - 1;

	fail_once();
	call_with(all);
	set_online(1, "0");
	call_with(all & ~2u);
	set_online(2, "0");
	call_with(all & ~6u);
	set_online(1, "1");
	call_with(all & ~4u);
	set_online(2, "1");
	call_with(all);
}

static void work(unsigned int n)
{
	(void)n;
	while (!__atomic_load_n(&shared->stop, __ATOMIC_SEQ_CST)) {
		long r = sys_vcpu_info();

		__atomic_fetch_add(&shared->good, !r, __ATOMIC_SEQ_CST);
		__atomic_fetch_add(&shared->errors, r < 0, __ATOMIC_SEQ_CST);
		__atomic_fetch_add(&shared->positive, r > 0, __ATOMIC_SEQ_CST);
	}
}

static void come_and_go(unsigned int i)
{
	set_online(i, "0");
	script(SCRIPT_OFFLINE, s.id[i], 1);
	guest_sleep_ms(OFFLINE_MS);
	script(SCRIPT_OFFLINE, s.id[i], 0);
	set_online(i, "1");
}

static void run_moving(void)
{
	struct guest_cpus callers = { 2, { s.cpus.cpu[0], s.cpus.cpu[s.cpus.n - 1] } };
	struct crew *crew = crew_new();

	script_begin();
	script(SCRIPT_DELAY, DELAY_US, 0);
	crew_start(crew, &callers, 0, work, 0);
	crew_go(crew);
	for (unsigned int round = 0; round < ROUNDS; round++)
		come_and_go(1 + round % 2);
	__atomic_store_n(&shared->stop, true, __ATOMIC_SEQ_CST);
	crew_wait(crew);
	observe_u64("moving.good", shared->good);
	observe_u64("moving.errors", shared->errors);
	observe_u64("moving.positive", shared->positive);
	observe_u64("moving.strange", script(SCRIPT_TELL, 0, 0).strange);
	observe_u64("moving.forbidden", script(SCRIPT_TELL, 0, 0).forbidden);
}

static void run(void)
{
	shared = SAFE_MAP_SHARED(NULL, sizeof(*shared));
	scripted_cpus(&s);
	if (s.cpus.n < 4)
		guest_skip("%u CPUs: too few for two in the middle", s.cpus.n);
	run_still();
	run_moving();
}

GUEST_TEST(run)

#else

#include <inttypes.h>

#include "judge/checks.h"

#define BY "the host counts who was asked about"

static uint64_t nth(const struct evidence *e, const char *key, size_t i)
{
	const struct observation *o = obs_get(&e->obs, key, i);

	return o ? o->u64 : 0;
}

static void tally_cpu(const struct evidence *e, struct tally *y, size_t call, size_t cpu)
{
	uint64_t bit = 1ULL << cpu, id = nth(e, "cpu.id", cpu);
	bool online = nth(e, "still.online", call) & bit;

	if (nth(e, "still.more", call) & bit)
		tally_bad(y, "vCPU %" PRIu64 " was asked about more than once", id);
	else if (!!(nth(e, "still.once", call) & bit) == online)
		tally_good(y);
	else
		tally_bad(y,
			  online ? "vCPU %" PRIu64 " is online and was not asked about"
				 : "vCPU %" PRIu64 " is offline and was asked about",
			  id);
}

static void check_still(const struct evidence *e, struct test_result *t)
{
	struct tally y = { .unit = "CPU and call" }, results = { .unit = "call" };
	const struct observation *o;

	for (size_t call = 0; (o = obs_get(&e->obs, "still.result", call)); call++) {
		if (o->u64)
			tally_bad(&results, "a call gave %s", o->str);
		else
			tally_good(&results);
		for (size_t cpu = 0; cpu < obs_count(&e->obs, "cpu.id"); cpu++)
			tally_cpu(e, &y, call, cpu);
		if (nth(e, "still.strange", call))
			tally_bad(&y, "%" PRIu64 " hypercalls had an id that no vCPU has",
				  nth(e, "still.strange", call));
	}
	tally_check(t, "result with CPUs offline", "0: each online vCPU's was 0", &results, BY);
	tally_check(t, "those asked about with CPUs offline",
		    "the online ones, once each, by their vCPUs' ids", &y, BY);
}

static void check_moving(const struct evidence *e, struct test_result *t)
{
	check_at_least(t, "calls while CPUs come and go", 1,
		       nth(e, "moving.good", 0) + nth(e, "moving.errors", 0), BY)
		->preparatory = true;
	check_equal_u64(t, "positive results meanwhile", 0, nth(e, "moving.positive", 0), BY);
	check_equal_u64(t, "ids of no vCPU meanwhile", 0, nth(e, "moving.strange", 0), BY);
	check_equal_u64(
		t, "hypercalls about a CPU that is offline", 0, nth(e, "moving.forbidden", 0),
		"the host counts them from when a CPU is offline until it is to be online again");
}

static const char *const checks[] = {
	"result with CPUs offline",
	"those asked about with CPUs offline",
	"calls while CPUs come and go",
	"positive results meanwhile",
	"ids of no vCPU meanwhile",
	"hypercalls about a CPU that is offline",
	NULL,
};

static void judge(const struct evidence *e, struct test_result *t)
{
	if (!check_program(e, t))
		return;
	check_still(e, t);
	check_moving(e, t);
}

static const struct testcase vcpu_info_comes_and_goes = {
	.name = "vcpu-info/comes-and-goes",
	.assignment = "vcpu-info",
	.summary = "CPUs in the middle are offline; and CPUs come and go while the system call is "
		   "made",
	.program = "test_guest_hotplug",
	.level = 2,
	.host = HOST_SCRIPTED,
	.timeout_s = 8,
	.checks = checks,
	.judge = judge,
};
TESTCASE(vcpu_info_comes_and_goes);
#endif
