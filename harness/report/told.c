// SPDX-License-Identifier: GPL-2.0-only
#include "report/told.h"

#include <string.h>

#include "report/text.h"

bool told_by_tests(const struct run_result *r)
{
	return r->finished && result_verdict(r) == result_tests_verdict(r);
}

char *told_run_reason(const struct run_result *r)
{
	const char *why = r->reason;

	/* It knows its end: nobody killed it unseen. */
	if (result_verdict(r) == OUT_INTERRUPTED)
		return xstrdup(why && *why ? why : "the run was interrupted before its end");
	if (r->finished)
		return why && *why ? xstrdup(why) : NULL;
	return strf("the run was not finished: it was killed, or is still going on%s%s",
		    why ? "; " : "", why ? why : "");
}

char *told_retried(const struct test_result *t)
{
	return t->retried ? strf("this is its second try; the first one: %s", t->retried) : NULL;
}

const char *told_test_reason(const struct test_result *t)
{
	if (t->reason && *t->reason)
		return t->reason;
	return t->verdict == OUT_SKIP ? "not judged" : "no reason was given";
}

char *told_reference(const struct evidence_ref *ref)
{
	if (!ref->first)
		return xstrdup(ref->file);
	if (ref->first == ref->last)
		return strf("%s line %u", ref->file, ref->first);
	return strf("%s lines %u to %u", ref->file, ref->first, ref->last);
}

char *told_evidence(const struct check_result *c)
{
	_cleanup_free_ char *where = c->ref.file ? told_reference(&c->ref) : NULL;

	if (where && c->evidence)
		return strf("%s; %s", c->evidence, where);
	return where || c->evidence ? xstrdup(where ? where : c->evidence) : NULL;
}

bool told_by_stage(const struct measure *m)
{
	return str_starts(m->name, STAGE_MEASURE);
}

char *told_of_stage(const struct stage *s)
{
	_cleanup_free_ char *seconds = text_seconds(s->seconds);

	return strf("%s%s%s", s->what, *s->what ? ", " : "", seconds);
}

#define TOLD_PATCHES 8
#define TOLD_DIGITS 8 /* of a hash */

static void add_patch(struct strv *lines, const struct subject_patch *p)
{
	_cleanup_buf_ struct buf b = { 0 };

	buf_printf(&b, "%s%s", p->file, !strcmp(p->role, "guest") ? " (guest)" : "");
	if (p->subject)
		buf_printf(&b, ": \"%s\"", p->subject);
	if (p->author)
		buf_printf(&b, " by %s", p->author);
	if (p->files) /* or it was no change at all */
		buf_printf(&b, ", %u file%s, +%u -%u", p->files, p->files == 1 ? "" : "s", p->added,
			   p->removed);
	if (p->sha256)
		buf_printf(&b, ", sha256 %.*s", TOLD_DIGITS, p->sha256);
	strv_add(lines, buf_str(&b));
}

static void add_monitor(struct strv *lines, const struct subject *s)
{
	_cleanup_buf_ struct buf b = { 0 };

	buf_printf(&b, "monitor %s", s->monitor);
	if (s->hash)
		buf_printf(&b, ", sha256 %.*s", TOLD_DIGITS, s->hash);
	strv_add(lines, buf_str(&b));
}

/* What was handed in may be known, and was looked at no further. */
static bool came_to_judging(enum outcome o)
{
	return o != OUT_USAGE && o != OUT_UNUSABLE && o != OUT_BUSY;
}

bool told_subject(const struct run_result *r, struct strv *lines)
{
	const struct subject *s = &r->subject;

	if (!s->what || !came_to_judging(result_verdict(r))) {
		strv_add(lines, TOLD_NOTHING);
		return false;
	}
	if (!s->n_patches && !s->monitor && r->kernel)
		strv_addf(lines, "%s (kernel %s)", s->what, r->kernel);
	else if (!s->n_patches && !s->monitor)
		strv_add(lines, s->what);
	for (size_t i = 0; i < s->n_patches && i < TOLD_PATCHES; i++)
		add_patch(lines, &s->patches[i]);
	if (s->n_patches > TOLD_PATCHES)
		strv_addf(lines, "... and %zu more patches", s->n_patches - TOLD_PATCHES);
	if (s->monitor)
		add_monitor(lines, s);
	return true;
}

char *told_summary(const struct run_result *r)
{
	struct result_summary n = result_count(r);
	_cleanup_buf_ struct buf b = { 0 };

	if (!n.passed && !n.failed && !n.skipped && !n.broken)
		return NULL;
	buf_printf(&b, "%u passed, %u failed, %u skipped", n.passed, n.failed, n.skipped);
	if (n.broken)
		buf_printf(&b, ", %u broken", n.broken);
	return xstrdup(buf_str(&b));
}
