// SPDX-License-Identifier: GPL-2.0-only
/* What a name stands for: a run, or a night with all its parts. */
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "history/diff.h"
#include "kernel/git.h"
#include "report/report.h"

#define HEX "0123456789abcdef"
#define COMMIT_LEAST 4
#define COMMIT_SHOWN 12
#define ID_LEAST 8 /* "20261127" */
#define GIT_S 10

/* A part is found by its night. */
static bool is_top(const struct history_entry *e)
{
	return !e->name;
}

static bool is_asked(const struct history_entry *e)
{
	return is_top(e) && !entry_is_nothing(e);
}

/* ---- one that is found ---- */

static void add(struct side *s, const struct history_entry *e)
{
	s->v = xrealloc(s->v, s->n + 1, sizeof(*s->v));
	s->v[s->n++] = e;
}

static void add_parts(const struct history *h, const char *set, struct side *s)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->v[i].name && h->v[i].set && !strcmp(h->v[i].set, set))
			add(s, &h->v[i]);
}

static char *title_of(const struct history_entry *e)
{
	const char *comma = e->commit ? strchr(e->commit, ',') : NULL;
	char date[11];

	entry_date(e, date);
	return strf("%s%s%s (%s%s%.*s%s)", e->set && e->name ? e->set : e->run,
		    e->set && e->name ? "/" : "", e->set && e->name ? e->name : "", date,
		    e->commit ? ", commit " : "", COMMIT_SHOWN, e->commit ? e->commit : "",
		    comma ? comma : "");
}

static int take(const struct history *h, const struct history_entry *e, struct side *s)
{
	s->head = e;
	s->title = title_of(e);
	if (is_top(e))
		add_parts(h, e->run, s);
	if (!s->n)
		add(s, e);
	return 0;
}

/* A night that was killed has parts, and no line of its own. */
static int take_headless(const struct history *h, const char *name, struct side *s)
{
	add_parts(h, name, s);
	if (s->n)
		s->title = strf("%s (not finished)", name);
	return s->n ? 0 : -1;
}

/* ---- kinds of names ---- */

static const struct history_entry *find_latest(const struct history *h)
{
	for (size_t i = h->n; i > 0; i--)
		if (is_asked(&h->v[i - 1]))
			return &h->v[i - 1];
	return NULL;
}

static bool is_same_plan(const struct history_entry *e, const struct history_entry *as)
{
	return e->plan && as->plan && !strcmp(e->plan, as->plan);
}

static const struct history_entry *find_last_good(const struct history *h,
						  const struct side *before)
{
	const struct history_entry *head = before ? before->head : NULL;
	size_t end = h->n;

	for (size_t i = 0; i < h->n; i++)
		if (&h->v[i] == head)
			end = i;
	for (size_t i = end; i > 0; i--) {
		const struct history_entry *e = &h->v[i - 1];

		if (is_asked(e) && e->verdict == OUT_PASS && e->finished &&
		    (!head || is_same_plan(e, head)))
			return e;
	}
	return NULL;
}

static bool is_date(const char *name)
{
	static const char shape[] = "dddd-dd-dd";

	for (size_t i = 0; i < sizeof(shape) - 1; i++)
		if (!name[i] || !strchr(shape[i] == 'd' ? "0123456789" : "-", name[i]))
			return false;
	return !name[sizeof(shape) - 1];
}

/* Its last night; where it has none, its last run. */
static const struct history_entry *find_date(const struct history *h, const char *name)
{
	const struct history_entry *run = NULL;

	for (size_t i = h->n; i > 0; i--) {
		const struct history_entry *e = &h->v[i - 1];

		if (!is_asked(e) || !e->started || !str_starts(e->started, name))
			continue;
		if (entry_is_night(e))
			return e;
		if (!run)
			run = e;
	}
	return run;
}

/* Exactly, or by its beginning where that is of one alone. */
static int find_id(const struct history *h, const char *name, const struct history_entry **e)
{
	size_t n = 0;

	for (size_t i = h->n; i > 0; i--)
		if (!strcmp(h->v[i - 1].run, name)) {
			*e = &h->v[i - 1];
			return 0;
		}
	if (strlen(name) < ID_LEAST || strspn(name, "0123456789") < ID_LEAST)
		return 0;
	for (size_t i = 0; i < h->n; i++)
		if (is_top(&h->v[i]) && str_starts(h->v[i].run, name)) {
			n++;
			*e = &h->v[i];
		}
	return n > 1 ? fail(OUT_USAGE,
			    "%s is how %zu runs begin; name one of them in full: `nestlab history` "
			    "lists them",
			    name, n)
		     : 0;
}

static bool is_of_commit(const struct history_entry *e, const char *hex)
{
	return is_asked(e) && e->commit && str_starts(e->commit, hex);
}

/* With changes on top of it, it is another one. */
static int find_commit(const struct history *h, const char *hex, const struct history_entry **e)
{
	size_t n = strcspn(hex, ",\n"), changed = 0;

	for (size_t i = h->n; i > 0; i--) {
		const struct history_entry *x = &h->v[i - 1];

		if (!is_of_commit(x, hex))
			continue;
		if (*e && strncmp((*e)->commit, x->commit, strcspn(x->commit, ",")) != 0)
			return fail(
				OUT_USAGE,
				"%s is how several commits of the history begin: give more of it",
				hex);
		if (str_ends(x->commit, COMMIT_CHANGED))
			changed++;
		else if (!*e)
			*e = x;
	}
	if (!*e && changed)
		return fail(OUT_USAGE,
			    "commit %.*s was judged %zu times, each time with changes in the "
			    "checkout: name one of these runs by its id",
			    (int)n, hex, changed);
	return 0;
}

static char *ask_git(const char *name)
{
	const struct git g = { .what = "asking git for a commit",
			       .dir = path_root(),
			       .deadline_s = GIT_S };
	_cleanup_free_ char *commit = strf("%s^{commit}", name);
	const char *const args[] = { "rev-parse",	 "--verify", "--quiet",
				     "--end-of-options", commit,     NULL };
	_cleanup_buf_ struct buf out = { 0 };

	if (git_run(&g, args, &out) || strspn(buf_str(&out), HEX) < 40)
		return NULL;
	return xstrndup(buf_str(&out), strspn(buf_str(&out), HEX));
}

static int find_commit_by_name(const struct history *h, const char *name,
			       const struct history_entry **e)
{
	size_t n = strlen(name);
	_cleanup_free_ char *hex = NULL;
	int ret = n >= COMMIT_LEAST && strspn(name, HEX) == n ? find_commit(h, name, e) : 0;

	if (ret || *e)
		return ret;
	hex = ask_git(name);
	return hex ? find_commit(h, hex, e) : 0;
}

/* A run's folder: as the history has it, or as its results say. */
static int find_folder(const struct history *h, const char *name, struct history_entry *loaded,
		       const struct history_entry **e)
{
	_cleanup_free_ char *json = strf("%s/results.json", name);
	struct run_result *r = path_exists(json) ? report_load(json) : NULL;
	int ret = path_exists(json) && !r ? -(int)fail_outcome() : 0;

	if (!r)
		return ret;
	ret = find_id(h, r->run_id, e);
	if (!ret && !*e) {
		entry_make(r, name, NULL, NULL, loaded);
		*e = loaded;
	}
	result_free(r);
	return ret;
}

/* ---- all of them ---- */

static bool is_last_good(const char *name)
{
	return !strcmp(name, LAST_GOOD) || !strcmp(name, "last good");
}

static int find(const struct history *h, const char *name, const struct side *before,
		struct history_entry *loaded, const struct history_entry **e)
{
	int ret = 0;

	if (!strcmp(name, "latest"))
		*e = find_latest(h);
	else if (is_last_good(name))
		*e = find_last_good(h, before);
	else if (is_date(name))
		*e = find_date(h, name);
	else
		ret = find_id(h, name, e);
	if (!ret && !*e && !is_date(name))
		ret = find_folder(h, name, loaded, e);
	if (!ret && !*e && !is_date(name) && !is_last_good(name))
		ret = find_commit_by_name(h, name, e);
	return ret;
}

int side_find(const struct history *h, const char *name, const struct side *before,
	      struct history_entry *loaded, struct side *s)
{
	const struct history_entry *e = NULL;
	int ret = find(h, name, before, loaded, &e);

	if (ret)
		return ret;
	if (e)
		return take(h, e, s);
	if (!take_headless(h, name, s))
		return 0;
	if (is_last_good(name) && before && before->head)
		return fail(OUT_USAGE,
			    "the history has no run before %s that asked for the same and passed",
			    before->title);
	return fail(OUT_USAGE,
		    "the history has no run %s: want a run's id or its folder, a date as "
		    "2026-11-27, a commit, latest, or " LAST_GOOD "; `nestlab history` lists them",
		    name);
}
