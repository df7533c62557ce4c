// SPDX-License-Identifier: GPL-2.0-only
/*
 * What nested paging saves: L2's boot with it and without (npt=0, ept=0), the exits of each reason
 * side by side. Two plans for the pool, whose runs tell how L2's boot went.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/util.h"
#include "report/text.h"
#include "run/pool.h"
#include "run/rundir.h"
#include "verbs/verb.h"

/* The shortest test that needs an L2. */
#define TEST "vcpu-info/syscall"
#define DEADLINE_S 3600 /* of one boot, with its build */

static int verb_paging(int argc, char **argv);

static const struct verb paging_verb = {
	.name = "paging",
	.usage = "",
	.summary = "boot L2 with and without nested paging: exits by reason, side by side; JOBS= at once",
	.order = 15,
	.settings = KNOBS_ASKED " " KNOBS_OF_RESULTS " JOBS -TESTS -SUITE -NESTED_PAGING",
	.ends = VERB_ENDS_AS_RUNS,
	.judges = true,
	.labs = true,
	.run = verb_paging,
};
VERB(paging_verb);

static const struct way {
	const char *nested_paging, *name;
} ways[] = {
	{ "1", "with" },
	{ "0", "without" },
};

static int add_way(struct pool *p, const struct knobs *knobs, const char *dir, const struct way *w)
{
	_cleanup_free_ char *own = strf("%s/%s", dir, w->name);
	const struct setting s[] = { { "NESTED_PAGING", w->nested_paging }, { "TESTS", TEST } };
	struct plan plan = { 0 };
	int ret = plan_with(knobs, s, ARRAY_SIZE(s), &plan);

	if (!ret)
		ret = pool_add(p, w->name, &plan, own, NULL);
	if (!ret)
		p->jobs[p->n - 1].save_lab = true;
	plan_free(&plan);
	return ret;
}

/* ---- the table ---- */

static void print_row(const char *what, uint64_t with, uint64_t without)
{
	_cleanup_free_ char *a = text_count(with), *b = text_count(without);

	printf("%-28s %14s %14s\n", what, a, b);
}

static double value_of(const struct run_result *r, const char *measure)
{
	for (size_t i = 0; i < r->n_measures; i++)
		if (!strcmp(r->measures[i].name, measure))
			return r->measures[i].value;
	return 0;
}

static int by_number(const void *a, const void *b)
{
	unsigned long x = strtoul(*(char *const *)a, NULL, 10);
	unsigned long y = strtoul(*(char *const *)b, NULL, 10);

	return x < y ? -1 : x > y;
}

/* The reasons that were seen, as the measures name them: "114 (cpuid)". */
static void collect(const struct run_result *r, struct strv *reasons)
{
	for (size_t i = 0; i < r->n_measures; i++) {
		const char *reason = r->measures[i].name + strlen(BOOT_MEASURE);

		if (str_starts(r->measures[i].name, BOOT_MEASURE) && !strv_has(reasons, reason))
			strv_add(reasons, reason);
	}
}

static void print_reasons(const struct run_result *with, const struct run_result *without)
{
	_cleanup_strv_ struct strv reasons = { 0 };

	collect(with, &reasons);
	collect(without, &reasons);
	qsort(reasons.v, reasons.n, sizeof(*reasons.v), by_number);
	for (size_t i = 0; i < reasons.n; i++) {
		_cleanup_free_ char *name = strf(BOOT_MEASURE "%s", reasons.v[i]);

		print_row(reasons.v[i], (uint64_t)value_of(with, name),
			  (uint64_t)value_of(without, name));
	}
}

static void print_table(const struct run_result *with, const struct run_result *without)
{
	printf("exits of one boot of L2      nested paging    without it\n");
	print_reasons(with, without);
	print_row("all", with->exits_per_boot, without->exits_per_boot);
	printf("%-28s %12.2f s %12.2f s\n", "power-on to ready", with->boot_seconds,
	       without->boot_seconds);
}

/* Where the test itself went wrong L2 has still booted. */
static int check_jobs(const struct pool *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct run_result *r = p->jobs[i].result;

		if (!r)
			return fail(OUT_BROKEN, "L2's boot %s nested paging was not seen: see %s/output.log",
				    p->jobs[i].name, p->jobs[i].dir);
		if (!r->exits_per_boot)
			return fail(OUT_BROKEN, "L2's boot %s nested paging: %s", p->jobs[i].name,
				    r->reason ? r->reason
					      : "L1's kernel counts no exits by reason (CONFIG_HIST_TRIGGERS)");
	}
	return 0;
}

/* Each way is a test of the whole, with what its run measured. */
static void add_results(struct run_result *r, const struct pool *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct run_result *of_way = p->jobs[i].result;
		struct test_result *t = result_add_test(r, p->jobs[i].name, "paging");

		t->seconds = p->jobs[i].seconds;
		result_add_check(t, "L2 booted", OUT_PASS, "exits of its boot", "they were counted", NULL);
		for (size_t k = 0; k < of_way->n_measures; k++)
			result_add_measure(t, of_way->measures[k].name, of_way->measures[k].unit,
					   of_way->measures[k].value);
	}
}

static int compare(const struct knobs *k, struct pool *p, struct rundir *d)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < ARRAY_SIZE(ways); i++)
		ret = add_way(p, k, d->dir, &ways[i]);
	result_set_subject_what(d->result, "L2's boot with and without nested paging");
	if (!ret)
		ret = pool_run(p, k->jobs);
	if (!ret)
		ret = check_jobs(p);
	if (ret)
		return ret;
	print_table(p->jobs[0].result, p->jobs[1].result);
	add_results(d->result, p);
	return 0;
}

static int verb_paging(int argc, char **argv)
{
	struct pool p = { .deadline_s = DEADLINE_S };
	uint64_t start = now_ns();
	struct rundir d;
	struct knobs k;
	int ret, err;

	(void)argc;
	(void)argv;
	ret = knobs_load(&k);
	err = rundir_make(&k, &d);
	ret = ret ? ret : err;
	if (!ret)
		ret = knobs_without_suite(&k, "paging");
	if (!ret)
		ret = compare(&k, &p, &d);
	d.result->seconds = (double)(now_ns() - start) / 1e9;
	ret = rundir_end(&d, ret);
	rundir_free(&d);
	knobs_free(&k);
	pool_free(&p);
	return ret;
}
