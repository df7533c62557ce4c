// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "grade/ends.h"
#include "grade/unask.h"
#include "judge/wrong.h"

#define FAILED_OF_TEST 6 /* checks that are named, of each */

static bool is_everywhere(const char *path)
{
	return str_starts(path, "/dev/") || str_starts(path, "/proc/") || str_starts(path, "/sys/");
}

/*
 * This machine's folders mean nothing to a student: of an absolute path its last part stays, but
 * for what is the same on each machine.
 */
static char *without_folders(const char *text)
{
	static const char begins[] = " ('\"=", ends[] = " :,;)'\"";
	_cleanup_buf_ struct buf b = { 0 };

	for (const char *p = text; *p;) {
		bool absolute = *p == '/' && (p == text || strchr(begins, p[-1]));
		size_t len = absolute ? strcspn(p, ends) : 0;
		const char *last = len ? memrchr(p, '/', len) : NULL;

		if (last && last > p && !is_everywhere(p))
			p = last + 1;
		else
			buf_add(&b, p++, 1);
	}
	return xstrdup(buf_str(&b));
}

static void need_person(struct submission *s, const char *why)
{
	s->person = true;
	s->points = 0;
	str_set(&s->verdict, "needs a person");
	free(s->why);
	s->why = xstrdup(why);
}

/* What the compiler says where a file is not there: perhaps it was not handed in. */
static bool lacks_something(const char *why)
{
	static const char *const marks[] = { "undeclared", "implicit declaration",
					     "undefined!", "undefined reference",
					     "has no member", "No such file", "No rule to make target", "incomplete type", "unknown type name" };

	for (size_t i = 0; why && i < ARRAY_SIZE(marks); i++)
		if (strstr(why, marks[i]))
			return true;
	return false;
}

/* core/limits.h: its memory, processes, files. */
static bool was_stopped(const char *why)
{
	static const char *const marks[] = { ", and was stopped", "out of memory", "memory exhausted", "File size limit exceeded" };

	for (size_t i = 0; why && i < ARRAY_SIZE(marks); i++)
		if (strstr(why, marks[i]))
			return true;
	return false;
}

static void judge_build_error(const struct rubric *r, struct submission *s, const char *why)
{
	_cleanup_free_ char *unsure = NULL;

	if (!s->exact && !ends_same_error(s))
		unsure = strf("it does not build on base %s, on which it was not made: %s", s->base ? s->base : "(none)",
			      why ? why : "");
	else if (was_stopped(why))
		unsure = strf("its build is out of all bounds: %s", why);
	else if (!s->base && (!why || !strstr(why, "error:"))) /* a monitor's makefile: it may want what we have not */
		unsure = strf("no program came of it, and no compiler says why: %s", why ? why : "");
	else if (lacks_something(why))
		unsure = strf("it does not build, and a file of it may be missing: %s", why);
	if (unsure)
		need_person(s, unsure);
	else
		s->points = rubric_build_error(r, s->days_late);
}

static bool is_of_fastpath(const struct check_result *c)
{
	return c->verdict == OUT_FAIL && strstr(c->observed, WRONG_FASTPATH);
}

/* Where the course does not ask for these exits, or its own kernel handles none of them so. */
static void leave_fastpath_out(const struct rubric *r, struct submission *s)
{
	bool none = r->fastpath == FASTPATH_COUNTS && s->drift && !s->fastpath;

	if (r->fastpath != FASTPATH_LEFT_OUT && !none)
		return;
	for (size_t i = 0; i < s->result->n_tests; i++) {
		struct test_result *t = &s->result->tests[i];

		for (size_t j = 0; j < t->n_checks; j++)
			if (is_of_fastpath(&t->checks[j]))
				unask_check(&t->checks[j], none ? "its own kernel has no such fastpath" :
								  "exits of KVM's fastpath are not asked for");
	}
	unask_end(s->result);
}

bool grade_lacks_fastpath_only(const struct run_result *run)
{
	size_t failed = 0, named = 0;

	for (size_t i = 0; run && i < run->n_tests; i++)
		for (size_t j = 0; j < run->tests[i].n_checks; j++) {
			const struct check_result *c = &run->tests[i].checks[j];

			failed += c->verdict == OUT_FAIL;
			named += is_of_fastpath(c);
		}
	return failed && failed == named;
}

/* What came of the other end, where it settled nothing. The caller owns it. */
static char *tell_end(const struct submission *s)
{
	enum outcome o = s->end_result ? result_verdict(s->end_result) : OUT_BROKEN;

	if (!s->end)
		return xstrdup("");
	return s->end_result ? strf("; on base %s it came to another end: %s", s->end, outcome_name(o)) :
			       strf("; on base %s it was not judged", s->end);
}

/*
 * What was right in its own kernel can be wrong in this one: who counted in vmx_handle_exit()
 * missed nothing before there was a fastpath.
 */
static void doubt_failure(const struct rubric *r, struct submission *s)
{
	_cleanup_buf_ struct buf failed = { 0 };
	_cleanup_free_ char *why = NULL, *end = tell_end(s);

	grade_failed(s, &failed);
	if (grade_lacks_fastpath_only(s->result))
		why = strf("on base %s it counts all exits but those that KVM's fastpath handles (%s), and passed all else: %s",
			   s->base ? s->base : "(none)", buf_str(&failed),
			   s->fastpath ? "its own kernel has that fastpath, too; does the course ask for these exits?" :
					 "is that a fault in the kernel of its age?");
	else
		why = strf("it is of another age of the kernel, and put on base %s it did not pass (%s): perhaps by what this base "
			   "has and its own has not, or not all of the change was taken%s",
			   s->base ? s->base : "(none)", failed.len ? buf_str(&failed) : s->why ? s->why : "it crashed", end);
	need_person(s, why);
	s->if_own = rubric_points(r, s->result, s->days_late);
}

/* The tests may be wrong about this base in this lane: no zero by what nobody has looked at. */
static void doubt_base(const struct rubric *r, struct submission *s)
{
	_cleanup_buf_ struct buf failed = { 0 };
	_cleanup_free_ char *why = NULL;

	grade_failed(s, &failed);
	why = strf("it did not pass (%s), but nobody has seen the reference of base %s pass in lane %s, either",
		   failed.len ? buf_str(&failed) : s->why ? s->why : "it crashed", s->base ? s->base : "(none)", s->unseen);
	need_person(s, why);
	s->if_own = rubric_points(r, s->result, s->days_late);
}

/* What the leaves hold, where all is in them, and not in its place; NULL: it is not so. */
static const char *misplaced(const struct run_result *run)
{
	for (size_t i = 0; i < run->n_tests; i++)
		for (size_t j = 0; j < run->tests[i].n_checks; j++) {
			const struct check_result *c = &run->tests[i].checks[j];

			if (c->verdict == OUT_FAIL && strstr(c->observed, "(" WRONG_LEAF ")"))
				return c->observed;
		}
	return NULL;
}

/*
 * Another term's leaf map, perhaps, of other leaves or of the same ones: how many points that costs
 * is the course's to say.
 */
static bool doubt_leaves(struct submission *s)
{
	const char *found = misplaced(s->result);
	_cleanup_buf_ struct buf failed = { 0 };
	_cleanup_free_ char *why = NULL;

	if (!s->elsewhere && !found)
		return false;
	grade_failed(s, &failed);
	if (s->elsewhere)
		why = strf("%s: perhaps right numbers in a wrong leaf (%s)", s->elsewhere, buf_str(&failed));
	else
		why = strf("it looks like another map of the same leaves: %s. By the assignment's it fails %s", found, buf_str(&failed));
	need_person(s, why);
	return true;
}

/* It failed on two bases between which its own kernel was, and by the same checks. */
static void judge_settled(const struct rubric *r, struct submission *s)
{
	_cleanup_free_ char *was = s->why;

	s->why = strf("%s%sjudged on base %s and on base %s, between which its own kernel was: what fails on one alone does not count",
		      was ? was : "", was ? "; " : "", s->base, s->end);
	s->points = rubric_points(r, s->result, s->days_late);
}

static void judge_of_age(const struct rubric *r, struct submission *s)
{
	bool fastpath_only = grade_lacks_fastpath_only(s->result);

	/* Left are those whose own kernel has the fastpath, too. */
	if (fastpath_only && r->fastpath == FASTPATH_COUNTS)
		s->points = rubric_points(r, s->result, s->days_late);
	else if (!fastpath_only && ends_settle(s))
		judge_settled(r, s);
	else
		doubt_failure(r, s);
}

void grade_judge(const struct rubric *r, struct submission *s)
{
	_cleanup_free_ char *why = NULL;
	enum outcome o;

	if (!s->result) {
		why = s->why;
		s->why = why ? without_folders(why) : NULL;
		return;
	}
	leave_fastpath_out(r, s);
	o = result_verdict(s->result);
	why = s->result->reason ? without_folders(s->result->reason) : NULL;
	str_set(&s->verdict, outcome_name(o));
	str_set(&s->why, o == OUT_PASS || o == OUT_FAIL ? NULL : why);
	s->points = 0;
	s->if_own = -1;
	s->person = false;
	if (o == OUT_FAIL && doubt_leaves(s))
		return;
	if (s->drift && (o == OUT_FAIL || o == OUT_CRASH))
		judge_of_age(r, s);
	else if (s->unseen && (o == OUT_FAIL || o == OUT_CRASH))
		doubt_base(r, s);
	else if (o == OUT_BUILD_ERROR)
		judge_build_error(r, s, why);
	else if (o == OUT_FAIL && why) /* "instrumented for Intel only": not seen, not wrong */
		need_person(s, why);
	else if (o == OUT_PASS || o == OUT_FAIL || o == OUT_CRASH)
		s->points = rubric_points(r, s->result, s->days_late);
	else
		need_person(s, why ? why : "the lab came to no verdict");
}

static void add_failed_of(const struct test_result *t, struct buf *out)
{
	unsigned int failed = 0;

	for (size_t i = 0; i < t->n_checks; i++) {
		if (t->checks[i].verdict != OUT_FAIL || ++failed > FAILED_OF_TEST)
			continue;
		if (failed == 1)
			buf_printf(out, "%s%s: %s", out->len ? "; " : "", t->name, t->checks[i].name);
		else
			buf_printf(out, ", %s", t->checks[i].name);
	}
	if (failed > FAILED_OF_TEST)
		buf_printf(out, ", and %u more", failed - FAILED_OF_TEST);
}

void grade_failed(const struct submission *s, struct buf *out)
{
	for (size_t i = 0; s->result && i < s->result->n_tests; i++)
		add_failed_of(&s->result->tests[i], out);
}

void submission_free(struct submission *s)
{
	free(s->name);
	free(s->path);
	free(s->dir);
	free(s->key);
	free(s->base);
	free(s->confidence);
	free(s->unseen);
	free(s->elsewhere);
	free(s->verdict);
	free(s->why);
	free(s->change);
	strv_free(&s->notes);
	result_free(s->result);
	free(s->end);
	free(s->end_unseen);
	result_free(s->end_result);
	*s = (struct submission){ 0 };
}
