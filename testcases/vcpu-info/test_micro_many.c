// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpu-info/many: 20,000 calls (EFFORT times), each vCPU of a micro guest about each, all at the same time. Two
 * that ask about each other must not wait for each other, nothing may run out, and a call at the
 * end must still answer.
 */
#define CALLS 20000

#ifdef NESTLAB_GUEST
#include "micro.h"

#define VCPUS 4

static const uint32_t ids[VCPUS] = { 0, 1, 2, 3 };

/* One vCPU's part, written by the guest. */
static struct part {
	uint64_t hypercall, me, calls;
	uint64_t made, wrong;
	int64_t first_wrong;
} parts[VCPUS];

static void call_all(void *arg)
{
	struct part *p = arg;

	for (p->made = 0; p->made < p->calls; p->made++) {
		int64_t result = micro_hypercall(p->hypercall, ids[(p->me + p->made) % VCPUS]);

		if (result && !p->wrong++)
			p->first_wrong = result;
	}
}

static void call_once(void *arg)
{
	struct part *p = arg;

	p->first_wrong = micro_hypercall(p->hypercall, ids[1]);
}

static void tell(uint64_t calls)
{
	uint64_t made = 0, wrong = 0;

	for (unsigned int i = 0; i < VCPUS; i++) {
		made += parts[i].made;
		wrong += parts[i].wrong;
		if (parts[i].wrong)
			observe_i64("wrong.result", parts[i].first_wrong);
	}
	observe_u64("calls", calls);
	observe_u64("calls.made", made);
	observe_u64("calls.wrong", wrong);
	if (!guest_in_lab)
		printf("%llu calls, %llu of them with an error\n", (unsigned long long)made,
		       (unsigned long long)wrong);
}

static void run(void)
{
	struct micro *m = micro_new(ids, VCPUS);
	uint64_t calls = CALLS * guest_number("NESTLAB_EFFORT", 1), start = guest_now_ns();

	guest_trace(false);
	for (unsigned int i = 0; i < VCPUS; i++) {
		parts[i].hypercall = guest_number("NESTLAB_HYPERCALL", 13);
		parts[i].me = i;
		parts[i].calls = calls / VCPUS;
		micro_start(m, i, call_all, &parts[i]);
	}
	for (unsigned int i = 0; i < VCPUS; i++)
		micro_finish(m, i);
	guest_trace(true);
	observe_u64("nanoseconds", guest_now_ns() - start);
	tell(calls);
	micro_start(m, 0, call_once, &parts[0]);
	micro_finish(m, 0);
	observe_i64("last.result", parts[0].first_wrong);
	micro_free(m);
}

GUEST_TEST(run)

#else

#include "judge/records.h"

static const char *const checks[] = {
	"calls that returned",
	"calls with an error",
	"a call after them",
	"its record",
	NULL,
};

static void judge(const struct evidence *e, struct test_result *t)
{
	const struct observation *last;
	uint64_t calls, made, wrong;

	if (!check_program(e, t) || !want_u64(e, t, "calls", &calls) || !want_u64(e, t, "calls.made", &made) ||
	    !want_u64(e, t, "calls.wrong", &wrong))
		return;
	result_add_measure(t, "calls", "calls", (double)made);
	if (e->seconds > 0)
		result_add_measure(t, "calls a second", "calls/s", (double)made / e->seconds);
	check_equal_u64(t, "calls that returned", calls, made, NULL);
	check_equal_u64(t, "calls with an error", 0, wrong, NULL);
	last = obs_get(&e->obs, "last.result", 0);
	check_that(t, "a call after them", last && !last->u64, "0", last ? last->str : "not told", NULL);
	if (check_trace(e, t))
		check_in_trace(check_that(t, "its record", e->trace.n == 1,
					  "one, of the call after them",
					  e->trace.n == 1 ? "one" : "another number", NULL),
			       e);
}

static const struct testcase vcpu_info_many = {
	.name = "vcpu-info/many",
	.assignment = "vcpu-info",
	.summary = "20,000 calls of all vCPUs about all at the same time",
	.program = "test_micro_many",
	.level = 1,
	.timeout_s = 60,
	.wants_trace = true,
	.checks = checks,
	.judge = judge,
};
TESTCASE(vcpu_info_many);
#endif
