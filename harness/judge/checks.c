// SPDX-License-Identifier: GPL-2.0-only
#include "judge/checks.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define BAD_TOLD 4 /* of a tally */

struct check_result *check_that(struct test_result *t, const char *name, bool ok,
				const char *expected, const char *observed, const char *evidence)
{
	return result_add_check(t, name, ok ? OUT_PASS : OUT_FAIL, expected, observed, evidence);
}

/* A number check: the expectation is a format of one or two numbers. */
static struct check_result *check_number(struct test_result *t, const char *name, bool ok,
					 char *expected, uint64_t observed, const char *evidence)
{
	_cleanup_free_ char *owned = expected;
	_cleanup_free_ char *text = strf("%" PRIu64, observed);

	return check_that(t, name, ok, owned, text, evidence);
}

struct check_result *check_equal_u64(struct test_result *t, const char *name, uint64_t expected,
				     uint64_t observed, const char *evidence)
{
	return check_number(t, name, expected == observed, strf("%" PRIu64, expected), observed,
			    evidence);
}

struct check_result *check_at_least(struct test_result *t, const char *name, uint64_t least,
				    uint64_t observed, const char *evidence)
{
	return check_number(t, name, observed >= least, strf("at least %" PRIu64, least), observed,
			    evidence);
}

struct check_result *check_at_most(struct test_result *t, const char *name, uint64_t most,
				   uint64_t observed, const char *evidence)
{
	return check_number(t, name, observed <= most, strf("at most %" PRIu64, most), observed,
			    evidence);
}

struct check_result *check_between(struct test_result *t, const char *name, uint64_t least,
				   uint64_t most, uint64_t observed, const char *evidence)
{
	return check_number(t, name, observed >= least && observed <= most,
			    strf("%" PRIu64 " to %" PRIu64, least, most), observed, evidence);
}

struct check_result *check_skip(struct test_result *t, const char *name, const char *reason)
{
	return result_add_check(t, name, OUT_SKIP, NULL, reason, NULL);
}

void check_skip_rest(struct test_result *t, const char *const *names, const char *reason)
{
	for (; *names; names++)
		if (!result_find_check(t, *names))
			check_skip(t, *names, reason);
}

struct check_result *check_broken(struct test_result *t, const char *name, const char *expected,
				  const char *observed)
{
	return result_add_check(t, name, OUT_BROKEN, expected, observed, NULL);
}

/* --- tallies --- */

void tally_good(struct tally *y)
{
	y->n++;
}

static void add_bad(struct tally *y, const char *text)
{
	y->n++;
	if (y->n_bad++ < BAD_TOLD)
		buf_printf(&y->bad, "%s%s", y->bad.len ? "; " : "", text);
}

void tally_bad(struct tally *y, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	add_bad(y, text);
}

void tally_bad_at(struct tally *y, unsigned int line, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL, *placed = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	if (line)
		placed = strf("line %u: %s", line, text);
	if (!y->line)
		y->line = line;
	add_bad(y, placed ? placed : text);
}

/*
 * The kernels here are built with CONFIG_INIT_STACK_ALL_PATTERN. By default a variable begins as 0,
 * which its author saw and took for an answer.
 */
static const char *unwritten(const char *bad)
{
	static const char hint[] = " (fefefefe: nothing was assigned to this variable; other kernels may have a 0 there)";

	return strstr(bad, "fefefefe") ? hint : "";
}

static char *tally_observed(const struct tally *y)
{
	const char *s = y->n == 1 ? "" : "s";

	if (!y->n)
		return strf("no %s at all", y->unit);
	if (!y->n_bad && y->n == 1)
		return strf("so in the only %s", y->unit);
	if (!y->n_bad)
		return strf("so in all %zu %ss", y->n, y->unit);
	return strf("wrong in %zu of %zu %s%s: %s%s%s", y->n_bad, y->n, y->unit, s, buf_str(&y->bad),
		    y->n_bad > BAD_TOLD ? "; ..." : "", unwritten(buf_str(&y->bad)));
}

void tally_drop(struct tally *y)
{
	buf_free(&y->bad);
	y->n = y->n_bad = 0;
	y->line = 0;
}

struct check_result *tally_check(struct test_result *t, const char *name, const char *expected,
				 struct tally *y, const char *evidence)
{
	_cleanup_free_ char *observed = tally_observed(y);
	bool ok = y->n && !y->n_bad;
	unsigned int line = y->line;
	struct check_result *c;

	tally_drop(y);
	c = check_that(t, name, ok, expected, observed, evidence);
	if (line)
		result_set_ref(c, TRACE_FILE, line, line);
	return c;
}

/* --- what every judge begins with --- */

static const char *obs_text(const struct evidence *e, const char *key)
{
	const struct observation *o = obs_get(&e->obs, key, 0);

	return o ? o->str : NULL;
}

static char *how_it_ended(const struct evidence *e)
{
	if (e->signal)
		return strf("signal %d (%s) ended it", e->signal, strsignal(e->signal));
	return strf("it ended with exit code %d before its end", e->exit_code);
}

static void check_observation_lines(const struct evidence *e, struct test_result *t)
{
	_cleanup_free_ char *file = testcase_file("output", t->name);
	const struct observations *o = &e->obs;
	_cleanup_free_ char *observed = NULL;
	unsigned int line = o->n_bad ? o->bad[0].line : 0;
	struct check_result *c;

	if (o->n_bad)
		observed = strf("%zu malformed; the first, in line %u of its output: %s: %s",
				o->n_bad, line, o->bad[0].why, o->bad[0].text);
	else
		observed = strf("%zu observations, all well formed", o->n);
	c = check_that(t, "the test program's output", !o->n_bad, "no malformed @nestlab line", observed,
		       NULL);
	c->preparatory = true;
	result_set_ref(c, file, line, line);
}

static struct check_result *check_end(const struct evidence *e, struct test_result *t)
{
	static const char name[] = "the test program's end", expected[] = "it runs to its end";
	const char *skip = obs_text(e, "guest.skip"), *broken = obs_text(e, "guest.broken");
	const char *fault = obs_text(e, "guest.fault");
	_cleanup_free_ char *how = how_it_ended(e);

	if (skip)
		return check_skip(t, name, skip);
	if (broken)
		return check_broken(t, name, "its set-up works", broken);
	if (fault)
		return check_that(t, name, false, expected, fault, NULL);
	if (obs_text(e, "guest.done"))
		return check_that(t, name, true, expected, "it did", NULL);
	return check_that(t, name, false, expected, how, NULL);
}

bool check_program(const struct evidence *e, struct test_result *t)
{
	struct check_result *c = check_end(e, t);
	bool ok = c->verdict == OUT_PASS;

	c->preparatory = true;
	check_observation_lines(e, t);
	return ok;
}

bool check_program_compared(const struct evidence *e, struct test_result *t,
			    const char *const *checks)
{
	if (!check_program(e, t))
		return false;
	if (!e->baseline.n)
		check_skip_rest(t, checks, "there is no run on the unpatched kernel to compare with");
	return e->baseline.n;
}

void check_in_trace(struct check_result *c, const struct evidence *e)
{
	unsigned int first = e->trace.first_line, last = e->trace.last_line;

	/* Where a marker is missing, the other one shows the place. */
	if (!c->ref.file)
		result_set_ref(c, TRACE_FILE, first ? first : last, last > first ? last : first);
}

struct check_result *tally_check_trace(struct test_result *t, const struct evidence *e,
				       const char *name, const char *expected, struct tally *y,
				       const char *evidence)
{
	struct check_result *c = tally_check(t, name, expected, y, evidence);

	check_in_trace(c, e);
	return c;
}

static struct check_result *check_whole_trace(const struct evidence *e, struct test_result *t)
{
	static const char name[] = "the trace", expected[] = "whole between the test's markers";
	const struct trace_records *r = &e->trace;
	_cleanup_free_ char *observed = NULL;
	struct check_result *c;

	if (!r->complete)
		return check_broken(t, name, expected, "the test's markers did not come through");
	if (r->lost) {
		observed = strf("the ring buffer lost %" PRIu64 " events", r->lost);
		return check_broken(t, name, expected, observed);
	}
	if (r->refused) {
		observed = strf("%u can't; the first: %s", r->refused, r->refusal);
		c = check_that(t, name, false, "every value can be read", observed, NULL);
		result_set_ref(c, TRACE_FILE, r->refused_line, r->refused_line);
		return c;
	}
	observed = strf("%zu records", r->n);
	return check_that(t, name, true, expected, observed, NULL);
}

bool check_trace(const struct evidence *e, struct test_result *t)
{
	struct check_result *c = check_whole_trace(e, t);

	c->preparatory = true;
	check_in_trace(c, e);
	return e->trace.complete && !e->trace.lost;
}

/* --- observations --- */

bool has_u64(const struct observations *o, const char *key, uint64_t *value)
{
	for (size_t i = o->n; i-- > 0;)
		if (o->v[i].type == OBS_U64 && !strcmp(o->v[i].key, key)) {
			*value = o->v[i].u64;
			return true;
		}
	return false;
}

bool want_u64(const struct evidence *e, struct test_result *t, const char *key, uint64_t *value)
{
	_cleanup_free_ char *name = NULL;

	if (has_u64(&e->obs, key, value))
		return true;
	name = strf("observation %s", key);
	check_broken(t, name, "the program tells it", "it did not");
	return false;
}

void u64v_collect(struct u64v *list, const struct observations *o, const char *key)
{
	*list = (struct u64v){ .v = xcalloc(obs_count(o, key), sizeof(*list->v)) };
	for (size_t i = 0; i < o->n; i++)
		if (!strcmp(o->v[i].key, key))
			list->v[list->n++] = o->v[i].u64;
}

void u64v_free(struct u64v *list)
{
	free(list->v);
	*list = (struct u64v){ 0 };
}

/* --- tables --- */

bool table_collect(struct table *y, const struct observations *o, const char *const *keys, size_t n)
{
	bool whole = true;

	*y = (struct table){ .n_columns = n };
	for (size_t i = 0; i < n; i++) {
		u64v_collect(&y->column[i], o, keys[i]);
		whole &= y->column[i].n == y->column[0].n;
	}
	y->rows = y->column[0].n;
	return whole && y->rows;
}

uint64_t table_at(const struct table *y, size_t row, size_t column)
{
	return y->column[column].v[row];
}

void table_free(struct table *y)
{
	for (size_t i = 0; i < y->n_columns; i++)
		u64v_free(&y->column[i]);
	*y = (struct table){ 0 };
}
