// SPDX-License-Identifier: GPL-2.0-only
/* What a run measured itself: the costs of exits, by kind. And what its end costs. */
#include <string.h>

#include "bench/bench.h"
#include "core/outcome.h"
#include "core/proc.h"
#include "report/report.h"

#define TEST "bench/exits"
#define DEADLINE_S 1800
#define UNIT "us/exit"
#define VERDICT "verdict: "

/* A measure of the test, over all runs. */
struct cost {
	char *name;
	struct samples s;
};

struct costs {
	struct cost *v;
	size_t n;
};

static void take_cost(struct costs *c, const struct measure *m)
{
	size_t i = 0;

	while (i < c->n && strcmp(c->v[i].name, m->name) != 0)
		i++;
	if (i == c->n) {
		c->v = xrealloc(c->v, ++c->n, sizeof(*c->v));
		c->v[i] = (struct cost){ .name = xstrdup(m->name) };
	}
	samples_add(&c->v[i].s, m->value);
}

static int take_costs(const struct bench_run *r, struct costs *c)
{
	_cleanup_free_ char *dir = bench_results(r), *path = strf("%s/results.json", dir);
	struct run_result *result = report_load(path);
	const struct test_result *t = result ? result_find_test(result, TEST) : NULL;
	int ret = t ? 0 : fail(OUT_BROKEN, "%s tells nothing of " TEST, path);

	for (size_t i = 0; t && i < t->n_measures; i++)
		if (!strcmp(t->measures[i].unit, UNIT))
			take_cost(c, &t->measures[i]);
	result_free(result);
	return ret;
}

static int add_costs(struct bench_run *r, const struct bench *b, struct costs *c)
{
	int ret = c->n ? 0 : fail(OUT_BROKEN, TEST " measured nothing");

	for (size_t i = 0; i < c->n; i++) {
		if (!ret)
			ret = bench_add_part(r, b, c->v[i].name, UNIT, &c->v[i].s);
		samples_free(&c->v[i].s);
		free_p(&c->v[i].name);
	}
	free_p(&c->v);
	return ret;
}

static int run_exits(struct bench_run *r, const struct bench *b)
{
	struct costs c = { 0 };
	int ret = 0, err;

	for (unsigned int n = bench_values(r, b); !ret && n; n--) {
		ret = bench_call(r, b->command, DEADLINE_S);
		if (!ret)
			ret = take_costs(r, &c);
	}
	err = add_costs(r, b, &c);
	return ret ? ret : err;
}

/* ---- from the verdict to the end of the program ---- */

static void note_verdict(const char *line, void *ctx)
{
	if (str_starts(line, VERDICT))
		*(uint64_t *)ctx = now_ns();
}

static int time_end(struct bench_run *r, const struct bench *b, struct samples *s)
{
	_cleanup_free_ char *command = bench_command(r, b->command), *exec = strf("exec %s", command);
	char *const argv[] = { (char *)"sh", (char *)"-c", exec, NULL };
	uint64_t told = 0;
	struct proc p = { .what = b->name, .argv = argv, .on_line = note_verdict, .ctx = &told,
			  .deadline_s = DEADLINE_S, .quiet_stderr = true };
	int ret = proc_check(&p);

	if (ret)
		return ret;
	if (!told)
		return fail(OUT_BROKEN, "%s told no verdict", command);
	samples_add(s, (double)(now_ns() - told) / 1e9);
	return 0;
}

static int run_teardown(struct bench_run *r, const struct bench *b)
{
	struct samples s = { 0 };
	int ret = 0;

	for (unsigned int n = bench_values(r, b); !ret && n; n--)
		ret = time_end(r, b, &s);
	if (!ret)
		ret = bench_add_seconds(r, b, &s);
	samples_free(&s);
	return ret;
}

static const struct bench exits[] = {
	{ .name = "exits", .what = "nested exits by kind, lane tcg-svm: CPUID, hypercall, PIO, HLT, MMIO", .run = run_exits, .command = "test TESTS=" TEST " LANE=tcg-svm" },
	{ .name = "exits-bochs", .what = "the same in lane bochs-vmx, by L1's clock, which counts instructions there", .run = run_exits, .command = "test TESTS=" TEST " LANE=bochs-vmx" },
	{ .name = "teardown", .what = "from the verdict to the end of the program", .run = run_teardown, .command = "test TESTS=vcpu-info/syscall LANE=tcg-svm" },
};
BENCHES(exits);
