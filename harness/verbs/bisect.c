// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first commit of a user's repository that fails what one before it passes. Each step is a plan
 * of its own, KERNEL=FOLDER@COMMIT, for the pool; the repository is only read, and what is checked
 * out in it stays.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/ui.h"
#include "kernel/commits.h"
#include "run/pool.h"
#include "run/rundir.h"
#include "verbs/verb.h"

#define DEADLINE_S 7200 /* of one step, with its build */

static int verb_bisect(int argc, char **argv);

static const struct verb bisect = {
	.name = "bisect",
	.usage = "GOOD BAD [-- NAME=VALUE...]",
	.summary = "find the first commit between two of KERNEL=FOLDER, a git repository, that does not pass; nothing is checked out there",
	.order = 12,
	.settings = KNOBS_ASKED " " KNOBS_OF_RESULTS,
	.codes = "0 the first bad commit was found",
	.ends = VERB_ENDS_AS_RUNS,
	.judges = true,
	.labs = true,
	.run = verb_bisect,
};
VERB(bisect);

enum word { GOOD, BAD, NO_WORD };
static const char *const words[] = { [GOOD] = "good", [BAD] = "bad", [NO_WORD] = "can't be judged" };

struct bisection {
	struct knobs knobs;
	struct commits commits;
	struct rundir dir;
	char *why; /* of the newest step that could not be judged, or was bad */
	unsigned int steps;
};

/* ---- one step ---- */

static enum word word_of(const struct run_result *r)
{
	if (r && r->verdict == OUT_PASS)
		return GOOD;
	return r && (r->verdict == OUT_FAIL || r->verdict == OUT_CRASH) ? BAD : NO_WORD;
}

/* "vcpu-info/pairs: pid of the target", the first that did not pass. */
static char *what_failed(const struct run_result *r)
{
	for (size_t i = 0; i < r->n_tests; i++)
		for (size_t c = 0; c < r->tests[i].n_checks; c++)
			if (r->tests[i].checks[c].verdict == OUT_FAIL)
				return strf("%s: %s", r->tests[i].name, r->tests[i].checks[c].name);
	return xstrdup(r->reason ? r->reason : outcome_name(r->verdict));
}

/* A suite is compared with what is known to be good. */
static int make_plan(const struct bisection *b, const char *commit, struct plan *plan)
{
	_cleanup_free_ char *kernel = strf("%s@%s", b->commits.repo, commit);
	_cleanup_free_ char *against = strf("%s@%s", b->commits.repo, b->commits.good.v[0]);
	bool compared = b->knobs.suite && !b->knobs.against;
	const struct setting s[] = {
		{ "KERNEL", kernel },
		{ "AGAINST", compared ? against : b->knobs.against },
	};

	return plan_with(&b->knobs, s, ARRAY_SIZE(s), plan);
}

static void tell(struct bisection *b, const char *commit, enum word word, double seconds)
{
	_cleanup_free_ char *name = commits_name(&b->commits, commit);
	struct test_result *t = result_add_test(b->dir.result, name, "bisect");
	const char *why = word == GOOD ? "" : b->why;

	t->seconds = seconds;
	result_add_check(t, "judged", OUT_PASS, "good or bad", words[word], *why ? why : NULL);
	printf("%-15s  %5.1f s  %s%s%s\n", words[word], seconds, name, *why ? ": " : "", why);
	fflush(stdout);
}

static int judge(struct bisection *b, const char *commit, enum word *word)
{
	_cleanup_free_ char *name = strf("%u-%.12s", ++b->steps, commit);
	_cleanup_free_ char *dir = strf("%s/%s", b->dir.dir, name);
	char *unjudged = NULL;
	struct pool p = { .deadline_s = DEADLINE_S, .done = pool_keep_reason, .ctx = &unjudged };
	struct plan plan = { 0 };
	int ret = make_plan(b, commit, &plan);

	if (!ret)
		ret = pool_add(&p, name, &plan, dir, NULL);
	if (!ret)
		ret = pool_run(&p, 1);
	if (!ret) {
		const struct run_result *r = p.jobs[0].result;

		*word = word_of(r);
		free(b->why);
		b->why = r ? what_failed(r) : xstrdup(unjudged ? unjudged : "it was not judged");
		tell(b, commit, *word, p.jobs[0].seconds);
	}
	plan_free(&plan);
	pool_free(&p);
	free(unjudged);
	return ret;
}

/* ---- the search ---- */

/* What is asked for must tell them apart, or each step would be about something else. */
static int check_end(struct bisection *b, const char *commit, enum word want)
{
	_cleanup_free_ char *name = commits_name(&b->commits, commit);
	enum word word;
	int ret = judge(b, commit, &word);

	if (ret || word == want)
		return ret;
	if (word == NO_WORD)
		return fail(OUT_BROKEN, "%s, which is to be %s, can't be judged: %s", name, words[want], b->why);
	return fail(OUT_USAGE, "%s was said to be %s and is %s%s%s: there is nothing to find between these two", name, words[want],
		    words[word], word == BAD ? ": " : "", word == BAD ? b->why : "");
}

static void take(struct commits *c, const char *commit, enum word word)
{
	if (word == BAD)
		str_set(&c->bad, commit);
	else
		strv_add(word == GOOD ? &c->good : &c->skipped, commit);
}

static int search(struct bisection *b)
{
	int ret = 0;

	while (!ret) {
		_cleanup_free_ char *next = NULL;
		enum word word;
		size_t left;

		ret = commits_next(&b->commits, &next, &left);
		if (ret || !next)
			return ret;
		ui_note("%zu commits may be the first bad one", left);
		ret = judge(b, next, &word);
		if (!ret)
			take(&b->commits, next, word);
	}
	return ret;
}

static int tell_found(struct bisection *b)
{
	_cleanup_strv_ struct strv left = { 0 };
	_cleanup_free_ char *name = commits_name(&b->commits, b->commits.bad);
	_cleanup_buf_ struct buf others = { 0 };
	int ret = commits_left(&b->commits, &left);

	if (ret)
		return ret;
	for (size_t i = 0; i < left.n; i++)
		if (strcmp(left.v[i], b->commits.bad))
			buf_printf(&others, " %.12s", left.v[i]);
	if (others.len)
		return fail(OUT_BROKEN, "the first bad commit is %s or one of those before it that can't be judged:%s", name,
			    buf_str(&others));
	printf("\nfirst bad commit: %s\n", name);
	result_set_subject_what(b->dir.result, name);
	return 0;
}

/* ---- the command line ---- */

/* Behind the "--", as `git bisect start` has its paths. */
static int take_settings(struct knobs *k, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		const char *sign = strchr(argv[i], '=');
		size_t n = sign ? (size_t)(sign - argv[i]) : 0;
		_cleanup_free_ char *name = n ? xstrndup(argv[i], n) : NULL;
		int ret = name ? knobs_set(k, name, sign + 1)
			       : fail(OUT_USAGE, "%s: want NAME=VALUE behind the --, as TESTS=vcpu-info", argv[i]);

		if (ret)
			return ret;
	}
	return 0;
}

/* The folder of KERNEL=, without a commit. The caller owns it; NULL: it names none. */
static char *repository(const struct knobs *k)
{
	const char *at = strrchr(k->kernel, '@');

	if (!strchr(k->kernel, '/') || str_ends(k->kernel, ".conf"))
		return NULL;
	return at ? xstrndup(k->kernel, (size_t)(at - k->kernel)) : xstrdup(k->kernel);
}

static int begin(struct bisection *b, int argc, char **argv)
{
	_cleanup_free_ char *repo = NULL;
	int ret;

	if (argc < 3 || (argc > 3 && strcmp(argv[3], "--")))
		return verb_usage(&bisect);
	ret = take_settings(&b->knobs, argc - 4, argv + 4);
	if (ret)
		return ret;
	repo = repository(&b->knobs);
	if (!repo)
		return fail(OUT_USAGE, "KERNEL=%s is no folder: want the git repository whose commits are judged, as KERNEL=~/linux",
			    b->knobs.kernel);
	return commits_begin(&b->commits, repo, argv[1], argv[2]);
}

static int verb_bisect(int argc, char **argv)
{
	struct bisection b = { 0 };
	uint64_t start = now_ns();
	int ret = knobs_load(&b.knobs), err = rundir_make(&b.knobs, &b.dir);

	ret = ret ? ret : err;
	result_set_subject_what(b.dir.result, "a bisection");
	if (!ret)
		ret = begin(&b, argc, argv);
	if (!ret)
		ret = check_end(&b, b.commits.bad, BAD);
	if (!ret)
		ret = check_end(&b, b.commits.good.v[0], GOOD);
	if (!ret)
		ret = search(&b);
	if (!ret)
		ret = tell_found(&b);
	b.dir.result->seconds = (double)(now_ns() - start) / 1e9;
	ret = rundir_end(&b.dir, ret);
	rundir_free(&b.dir);
	commits_free(&b.commits);
	knobs_free(&b.knobs);
	free(b.why);
	return ret;
}
