// SPDX-License-Identifier: GPL-2.0-only
/*
 * The picked tests, one after the other. A test that loses the lab (a kernel died or hung, or the
 * lab itself failed) costs itself: the lab is brought up again for the next one, from its saved
 * state where it has one. (The first crash once ended the run, so a change that dies in one test
 * had no verdict on the others.)
 */
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/proc.h"
#include "core/ui.h"
#include "judge/checks.h"
#include "run/observer.h"
#include "run/suite.h"

/* A kernel that dies in everything costs minutes, not hours. */
#define LOSSES_MAX 5
/* What lost the lab may have hurt the first try, too. */
#define RESTORES 2
/* What chance does, it does to few. */
#define AGAIN_MOST 8

/* The lab from one start to its end: what its kernels' logs held meanwhile. */
struct life {
	const char *mark; /* of its host */
	struct {
		bool there, clean;
		char *observed, *where;
	} log[LAB_LEVELS];
};

/* How far the tests have come. */
struct course {
	struct life *lives; /* that have ended */
	size_t n_lives;
	size_t told; /* of this L1's findings: those that an earlier life in it has told */
	unsigned int losses;
	bool lost;  /* the lab is to be brought up before the next test */
	char *gone; /* why no test is run any more, for their reasons; NULL: they are */
};

/* ---- the logs of each life ---- */

/*
 * told: so many of its findings are an earlier life's. lost_in: the test that this life ended in;
 * NULL: it did not.
 */
static char *tell_log(const struct level *l, size_t told, const char *lost_in)
{
	const struct strv *found = &l->console.findings;
	_cleanup_free_ char *warnings =
		found->n > told ? strf("%zu, the first: %s", found->n - told, found->v[told]) :
				  xstrdup("none");

	if (!lost_in)
		return xstrdup(warnings);
	return strf("%s; the lab was lost in %s%s%s", warnings, lost_in,
		    l->console.crash ? ": " : "", l->console.crash ? l->console.crash->name : "");
}

static void end_life(struct run *r, struct course *c, const char *lost_in)
{
	struct life *life;

	c->lives = xrealloc(c->lives, c->n_lives + 1, sizeof(*c->lives));
	life = &c->lives[c->n_lives++];
	*life = (struct life){ .mark = hosts_mark(r) };
	for (size_t i = 0; i < LAB_LEVELS; i++) {
		const struct level *l = &r->lab->levels[i];
		size_t told = i == L1 ? c->told : 0;

		life->log[i].there = level_exists(l);
		life->log[i].clean = l->console.findings.n <= told;
		life->log[i].observed = tell_log(l, told, lost_in);
		life->log[i].where = hosts_log(r, l->number);
	}
	c->told = 0;
}

static void check_log(const struct life *life, size_t i, struct test_result *t)
{
	_cleanup_free_ char *name = strf("L%zu's kernel log%s", i + 1, life->mark);

	if (life->log[i].there)
		result_set_ref(check_that(t, name, life->log[i].clean, "no warning while the tests ran",
					  life->log[i].observed, NULL),
			       life->log[i].where, 0, 0);
}

/* Of a kernel that checks itself the tests have told. */
static bool tests_tell(const struct run *r, size_t level)
{
	const enum kernel_role role = level == L1 ? KERNEL_HOST : KERNEL_GUEST;

	return kernel_conf_flavor_of(&r->lab->plan->kernel, role)->name;
}

/* Its checks are always the same: what could not be asked is skipped. */
static void skip_other_logs(const struct run *r, struct test_result *t)
{
	static const char *const names[LAB_LEVELS] = { "L1's kernel log", "L2's kernel log" };

	for (size_t i = 0; i < LAB_LEVELS; i++)
		if (tests_tell(r, i))
			check_skip(t, names[i], "each test tells what this kernel reports");
		else if (!result_find_check(t, names[i]))
			check_skip(t, names[i], "no test of this run needs an L2");
}

/*
 * A change that works but makes a kernel warn is not right; one that makes none warn is not right
 * by that. A check for each life of the lab: its second one's name ends in " (2)".
 */
static void judge_logs(struct run *r, const struct course *c)
{
	struct test_result *t = NULL;

	for (size_t n = 0; n < c->n_lives; n++)
		for (size_t i = 0; i < ARRAY_SIZE(c->lives[n].log); i++) {
			if (tests_tell(r, i))
				continue;
			if (!t && c->lives[n].log[i].there)
				t = result_add_test(r->result, "lab/kernel-logs", "lab");
			if (t)
				check_log(&c->lives[n], i, t);
		}
	if (!t)
		return;
	t->preparatory = true;
	skip_other_logs(r, t);
	result_judge_test(t);
}

/* ---- a lab that is lost ---- */

/* What a new life of the lab has nothing of yet. */
static int begin_life(struct run *r)
{
	placed_forget(&r->placed);
	return observers_life(r);
}

static int bring_back(struct run *r)
{
	int ret = -OUT_BROKEN;

	for (unsigned int i = 0; ret && i < RESTORES && !proc_interrupted(); i++) {
		ret = lab_up_again(r->lab);
		if (!ret)
			ret = begin_life(r);
		if (!ret && r->host == HOST_UNUSED)
			hosts_unuse(r);
	}
	return ret;
}

static void give_up(struct course *c, const char *fmt, const char *why)
{
	free(c->gone);
	c->gone = strf(fmt, why);
}

/*
 * An emulator that lost a level is no verdict on the kernel: from the saved state again, and what
 * was seen is told.
 */
static int retry_test(struct run *r, struct course *c, const struct testcase *t)
{
	_cleanup_free_ char *first = xstrdup(fail_text());
	int ret;

	r->retries--;
	ui_note("%s; %s is run once more", first, t->name);
	end_life(r, c, t->name);
	if (bring_back(r)) {
		give_up(c, "not run: the lab did not come up again: %s", fail_text());
		return 0;
	}
	result_drop_test(r->result);
	ret = execute_test(r, t);
	str_set(&r->result->tests[r->result->n_tests - 1].retried, first);
	return ret;
}

static void run_test(struct run *r, struct course *c, const struct testcase *t)
{
	int ret = execute_test(r, t);

	if (ret && r->retries && lab_lost_silently(r->lab, ret))
		ret = retry_test(r, c, t);
	if (!ret || c->gone)
		return;
	end_life(r, c, t->name);
	c->lost = true;
	if (proc_interrupted())
		give_up(c, "not run: %s", fail_text());
	else if (++c->losses == LOSSES_MAX)
		c->gone = strf("not run: %u tests had lost the lab by then", c->losses);
}

/* What can't be run. */
static void tell_test(struct run *r, const struct testcase *t, enum outcome verdict,
		      const char *why)
{
	struct test_result *res =
		result_add_test(r->result, t->name, testcase_group(t));

	res->verdict = verdict;
	str_set(&res->reason, why);
}

static void skip_test(struct run *r, const struct testcase *t, const char *why)
{
	tell_test(r, t, OUT_SKIP, why);
}

static void next_test(struct run *r, struct course *c, const struct testcase *t)
{
	if (r->no_l2 && select_is_of_l2(t)) {
		tell_test(r, t, OUT_CRASH, r->no_l2);
		return;
	}
	if (t->without) {
		skip_test(r, t, t->without);
		return;
	}
	if (r->no_host && t->host >= HOST_SCRIPTED) {
		skip_test(r, t, r->no_host);
		return;
	}
	if (c->lost && !c->gone) {
		c->lost = bring_back(r);
		if (c->lost)
			give_up(c, "not run: the lab did not come up again: %s", fail_text());
	}
	if (c->gone)
		skip_test(r, t, c->gone);
	else
		run_test(r, c, t);
}

/* ---- a suite's test that says other than the unpatched kernel ---- */

static void run_alone(struct run *r, struct course *c, const struct testcase *t)
{
	if (!c->lost)
		end_life(r, c, NULL);
	c->lost = bring_back(r);
	if (c->lost) {
		ui_note("%s is not run again: the lab did not come up: %s", t->name, fail_text());
		return;
	}
	c->lost = suite_again(r, t);
	if (c->lost)
		end_life(r, c, t->name);
}

static void run_doubtful_alone(struct run *r, struct course *c)
{
	size_t n = 0;

	for (size_t i = 0; r->suite && !c->gone && i < r->n_tests; i++)
		n += suite_asks_again(r, r->tests[i]);
	if (n > AGAIN_MOST)
		ui_note("%zu tests differ from the unpatched kernel: so many are not run again alone", n);
	for (size_t i = 0; n && n <= AGAIN_MOST && i < r->n_tests && !proc_interrupted(); i++)
		if (suite_asks_again(r, r->tests[i]))
			run_alone(r, c, r->tests[i]);
}

/* ---- one host after the other ---- */

/* The next one's lab takes the place of this one's. */
static void change_host(struct run *r, struct course *c, enum test_host h)
{
	int ret;

	if (!c->lost && !c->gone)
		end_life(r, c, NULL);
	hosts_switch(r, h);
	if (proc_interrupted())
		return;
	/* What became of the other host is nothing to this one. */
	free(c->gone);
	c->gone = NULL;
	c->losses = 0;
	ret = hosts_up(r);
	if (!ret)
		ret = begin_life(r);
	if (ret)
		ret = bring_back(r);
	c->lost = ret;
}

/* Its first test tells, as if it had been lost in it. */
static void tell_not_up(struct run *r, struct course *c, const struct testcase *t)
{
	tell_test(r, t, fail_outcome(), fail_text());
	end_life(r, c, t->name);
	give_up(c, "not run: the lab did not come up: %s", fail_text());
}

/* L1 lives on: what it has said so far, and all that L2 did, is the life's that ends here. */
static void unuse_host(struct run *r, struct course *c)
{
	if (c->lost || c->gone) {
		r->host = HOST_UNUSED;
		return;
	}
	end_life(r, c, NULL);
	c->told = r->lab->levels[L1].console.findings.n;
	hosts_unuse(r);
}

static void first_test(struct run *r, struct course *c, const struct testcase *t)
{
	bool changes = t->host >= HOST_SCRIPTED && !r->no_host;

	if (t->host == HOST_UNUSED)
		unuse_host(r, c);
	if (changes)
		change_host(r, c, t->host);
	if (changes && c->lost && !c->gone)
		tell_not_up(r, c, t);
	else
		next_test(r, c, t);
}

static void tests_of_host(struct run *r, struct course *c, enum test_host h)
{
	bool begun = false;

	for (size_t i = 0; i < r->n_tests; i++) {
		if (r->tests[i]->host != h)
			continue;
		if (begun)
			next_test(r, c, r->tests[i]);
		else
			first_test(r, c, r->tests[i]);
		begun = true;
	}
}

static void free_course(struct course *c)
{
	for (size_t i = 0; i < c->n_lives; i++)
		for (size_t j = 0; j < LAB_LEVELS; j++) {
			free(c->lives[i].log[j].observed);
			free(c->lives[i].log[j].where);
		}
	free(c->lives);
	free(c->gone);
}

static int end_of_tests(struct run *r)
{
	int ret = proc_interrupted() ? fail(OUT_INTERRUPTED, "interrupted") : 0;

	if (ret)
		str_set(&r->why, fail_text());
	return ret;
}

/* By what else there is than the luck of one run. */
static void look_for_races(struct run *r)
{
	schedules_explore(r);
	if (!proc_interrupted())
		races_look(r);
}

int execute_tests(struct run *r)
{
	struct course c = { 0 };
	int ret = begin_life(r);

	r->retries = r->lab->plan->lane.retries;
	if (ret)
		give_up(&c, "not run: %s", fail_text());
	for (unsigned int h = HOST_UNDER_TEST; h < TEST_HOSTS; h++)
		tests_of_host(r, &c, h);
	run_doubtful_alone(r, &c);
	if (!ret)
		ret = end_of_tests(r);
	/* Kept now: cleaning up after a dead level fails, too, and would tell that in its place. */
	if (ret)
		str_set(&r->why, fail_text());
	observers_end(r);
	if (!ret && !c.lost && !c.gone)
		end_life(r, &c, NULL);
	if (r->hosts[HOST_UNDER_TEST] && r->lab != r->hosts[HOST_UNDER_TEST])
		hosts_switch(r, HOST_UNDER_TEST);
	if (!ret)
		judge_logs(r, &c);
	if (!ret && !c.lost && !c.gone)
		look_for_races(r);
	free_course(&c);
	return ret ? ret : end_of_tests(r);
}
