// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests that look for what vCPUs do to each other, under schedules of L1's CPUs that no chance has
 * a part in: each seed is one (lab/closed.h). What fails under one of them fails, and the seed is
 * told: it fails again with it. Some run side by side, and are told in their order: the first seed
 * that fails is the same each time.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/proc.h"
#include "core/ui.h"
#include "run/schedule.h"

#define SIDE_BY_SIDE 4 /* at most, and no more than there are CPUs */

/* All seeds of a test, until one does not hold. */
struct probe {
	struct test_result *told;
	const struct testcase *test;
	enum outcome verdict;
	uint32_t seed; /* the last one that is known */
	struct buf sums; /* "1 1234abcd, 2 ..." */
};

struct exploration {
	struct run *run;
	struct lab_closed *closed;
	struct probe *probes;
	size_t n_probes;
	uint32_t first, last; /* seeds */
	uint64_t next, known; /* of all seeds of all tests: a seed of each, then the next one */
	struct {
		struct schedule *schedule;
		struct probe *probe;
	} under_way[SIDE_BY_SIDE]; /* the oldest first */
	size_t n, most;
};

static const struct testcase *find_test(const struct run *r, const char *name)
{
	for (size_t i = 0; i < r->n_tests; i++)
		if (!strcmp(r->tests[i]->name, name))
			return r->tests[i];
	return NULL;
}

static bool is_explored(const struct run *r, const struct test_result *t)
{
	const struct testcase *tc = find_test(r, t->name);

	return tc && tc->races && (t->verdict == OUT_PASS || r->plan->knobs.seed);
}

static void find_probes(struct exploration *x)
{
	struct run_result *res = x->run->result;

	x->probes = xcalloc(res->n_tests + 1, sizeof(*x->probes));
	for (size_t i = 0; i < res->n_tests; i++) {
		struct test_result *t = &res->tests[i];

		if (is_explored(x->run, t))
			x->probes[x->n_probes++] =
				(struct probe){ .told = t, .test = find_test(x->run, t->name) };
	}
}

static uint64_t count_all(const struct exploration *x)
{
	return (uint64_t)(x->last - x->first + 1) * x->n_probes;
}

static void start_more(struct exploration *x)
{
	for (; x->n < x->most && x->next < count_all(x); x->next++) {
		struct probe *p = &x->probes[x->next % x->n_probes];
		uint32_t seed = x->first + (uint32_t)(x->next / x->n_probes);

		if (p->verdict != OUT_PASS)
			continue;
		x->under_way[x->n].probe = p;
		x->under_way[x->n++].schedule = schedule_start(x->run, x->closed, p->test, seed);
	}
}

static void take(struct exploration *x, struct probe *p, const struct schedule *d)
{
	p->verdict = d->verdict;
	p->seed = d->try.seed;
	buf_printf(&p->sums, "%s%u %08" PRIx32, p->sums.len ? ", " : "", p->seed, d->try.sum);
	schedule_tell(d, p->told);
	ui_stage_progress(++x->known, count_all(x), "schedules");
}

/* Of a test that failed before, nobody asks any more. */
static void end_oldest(struct exploration *x)
{
	struct schedule *d = x->under_way[0].schedule;
	struct probe *p = x->under_way[0].probe;
	bool asked = d->over && p->verdict == OUT_PASS;

	if (asked)
		take(x, p, d);
	schedule_free(d, asked && (d->verdict != OUT_PASS || x->run->plan->knobs.keep));
	memmove(x->under_way, x->under_way + 1, --x->n * sizeof(*x->under_way));
}

static bool is_oldest_over(const struct exploration *x)
{
	return x->under_way[0].schedule->over || x->under_way[0].probe->verdict != OUT_PASS;
}

static void explore(struct exploration *x)
{
	for (start_more(x); x->n && !proc_interrupted(); start_more(x)) {
		for (size_t i = 0; i < x->n; i++)
			schedule_step(x->under_way[i].schedule);
		while (x->n && is_oldest_over(x))
			end_oldest(x);
	}
	while (x->n)
		end_oldest(x);
}

static void tell(const struct exploration *x)
{
	_cleanup_buf_ struct buf lost = { 0 };

	for (size_t i = 0; i < x->n_probes; i++) {
		const struct probe *p = &x->probes[i];
		_cleanup_free_ char *key = strf("schedules of %s", p->told->name);

		result_set_manifest(x->run->result, key, buf_str(&p->sums));
		if (p->verdict != OUT_PASS)
			buf_printf(&lost, "%s%s with SEED=%u: %s", lost.len ? ", " : "", p->told->name,
				   p->seed, outcome_name(p->verdict));
	}
	if (lost.len)
		ui_stage_end("%s", buf_str(&lost));
	else
		ui_stage_end("%" PRIu64 " hold", x->known);
}

/* Who asked for them has no verdict without them. */
static void tell_none(const struct exploration *x, int ret)
{
	const struct knobs *k = &x->run->plan->knobs;
	bool asked = k->seed || k->seeds > 1;

	if (ret == -OUT_SKIP || ret == -OUT_INTERRUPTED)
		return;
	ui_note("no schedules: %s", fail_text());
	result_set_manifest(x->run->result, "schedules", fail_text());
	for (size_t i = 0; asked && i < x->n_probes; i++) {
		x->probes[i].told->verdict = (enum outcome)-ret;
		str_set(&x->probes[i].told->reason, fail_text());
	}
}

static void explore_and_tell(struct exploration *x)
{
	const struct lab_schedules *s = x->run->lab->backend->schedules;
	int ret;

	lab_levels_down(x->run->lab);
	ret = s->begin(x->run->lab, &x->closed);
	if (ret) {
		tell_none(x, ret);
	} else {
		ui_stage_begin("schedules");
		explore(x);
		tell(x);
	}
	s->end(x->closed);
}

static size_t how_many(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	return cpus < 1 ? 1 : cpus > SIDE_BY_SIDE ? SIDE_BY_SIDE : (size_t)cpus;
}

void schedules_explore(struct run *r)
{
	const struct knobs *k = &r->plan->knobs;
	struct exploration x = { .run = r, .first = k->seed, .last = k->seed, .most = how_many() };

	if (!k->seed) {
		x.first = 1;
		x.last = k->seeds;
	}
	if (!r->lab->backend->schedules || x.last < x.first)
		return;
	find_probes(&x);
	if (x.n_probes)
		explore_and_tell(&x);
	for (size_t i = 0; i < x.n_probes; i++)
		buf_free(&x.probes[i].sums);
	free(x.probes);
}

int schedules_check(const struct run *r)
{
	uint32_t seed = r->plan->knobs.seed;

	for (size_t i = 0; i < r->n_tests; i++)
		if (r->tests[i]->races)
			return 0;
	if (!seed)
		return 0;
	return fail(OUT_USAGE, "SEED=%u: none of these tests looks for races, as cpuid-exits/kinds does",
		    seed);
}
