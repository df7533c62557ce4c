// SPDX-License-Identifier: GPL-2.0-only
#include "history/entry.h"

#include <stdlib.h>
#include <string.h>

#include "core/hash.h"
#include "report/shape.h"
#include "report/told.h"

#define FORMAT 1

#define ANY_VERDICT (OUTCOME_BIT(OUT_COUNT) - 1)

/* ---- as JSON ---- */

static bool has_no_failed(const void *owner)
{
	return !((const struct history_test *)owner)->failed.n;
}

static bool has_one_try(const void *owner)
{
	return !((const struct history_test *)owner)->retried;
}

static bool has_no_reason(const void *owner)
{
	return !((const struct history_test *)owner)->reason;
}

static const struct field test_fields[] = {
	FIELD(struct history_test, FIELD_STRING, name),
	FIELD_VERDICT(struct history_test, verdict, ANY_VERDICT),
	{ .key = "reason",
	  .type = FIELD_STRING0,
	  .offset = offsetof(struct history_test, reason),
	  .absent = has_no_reason },
	FIELD(struct history_test, FIELD_SECONDS, seconds),
	{ .key = "retried",
	  .type = FIELD_STRING0,
	  .offset = offsetof(struct history_test, retried),
	  .absent = has_one_try },
	{ .key = "failed",
	  .type = FIELD_LINES,
	  .offset = offsetof(struct history_test, failed),
	  .absent = has_no_failed },
	FIELD_ITEMS(struct history_test, measures, &report_measure_shape),
};
static const struct shape test_shape = { SHAPE(struct history_test, test_fields) };

static json_t *save_format(const void *owner)
{
	(void)owner;
	return json_integer(FORMAT);
}

static int load_format(void *owner, const json_t *value, const struct where *w)
{
	(void)owner;
	return json_integer_value(value) == FORMAT
		       ? 0
		       : where_fail(w, "this program reads format %d only", FORMAT);
}

static const struct field entry_fields[] = {
	{ .key = "format", .type = FIELD_HOOK, .save = save_format, .load = load_format },
	FIELD(struct history_entry, FIELD_STRING, run),
	FIELD(struct history_entry, FIELD_STRING0, set),
	FIELD(struct history_entry, FIELD_STRING0, name),
	FIELD(struct history_entry, FIELD_STRING, folder),
	FIELD(struct history_entry, FIELD_STRING0, started),
	FIELD(struct history_entry, FIELD_STRING0, plan),
	FIELD(struct history_entry, FIELD_STRING0, judged),
	FIELD(struct history_entry, FIELD_STRING0, commit),
	FIELD(struct history_entry, FIELD_STRING0, lane),
	FIELD(struct history_entry, FIELD_STRING0, kernel),
	FIELD(struct history_entry, FIELD_STRING0, flavor),
	FIELD(struct history_entry, FIELD_STRING0, assignment),
	FIELD(struct history_entry, FIELD_STRING0, subject),
	FIELD_VERDICT(struct history_entry, verdict, ANY_VERDICT),
	FIELD(struct history_entry, FIELD_STRING0, reason),
	FIELD(struct history_entry, FIELD_BOOL, finished),
	FIELD(struct history_entry, FIELD_SECONDS, seconds),
	FIELD_ITEMS(struct history_entry, tests, &test_shape),
	FIELD_ITEMS(struct history_entry, stages, &report_stage_shape),
	FIELD_ITEMS(struct history_entry, measures, &report_measure_shape),
};
static const struct shape entry_shape = { SHAPE(struct history_entry, entry_fields) };

char *entry_line(const struct history_entry *e)
{
	json_t *j = shape_save(&entry_shape, e);
	char *text = json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(15));
	char *line = strf("%s\n", text);

	json_decref(j);
	free(text);
	return line;
}

bool entry_read(const char *line, size_t len, struct history_entry *e)
{
	const struct where at = { .key = "a line of the history" };
	json_t *j = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	bool ok = j && !shape_load(&entry_shape, e, j, &at);

	json_decref(j);
	if (!ok) {
		entry_free(e);
		fail_clear();
	}
	return ok;
}

/* ---- from a result ---- */

/* Known only where something was built, by a program that says which it is. */
static char *judged_of(const struct run_result *r)
{
	static const char *const parts[] = { MANIFEST_PROGRAM, "kernel host", "kernel guest",
					     "monitor sources", "image L1" };
	struct hash *h = hash_new("history-judged-1");
	char hex[HASH_HEX_LEN + 1];

	hash_add_str(h, "plan", r->subject.hash ? r->subject.hash : "");
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		const char *value = result_manifest(r, parts[i]);

		hash_add_str(h, parts[i], value ? value : "");
	}
	hash_hex(h, hex);
	return r->subject.hash && result_manifest(r, MANIFEST_PROGRAM) &&
			       result_manifest(r, "kernel host")
		       ? xstrdup(hex)
		       : NULL;
}

static char *subject_of(const struct run_result *r)
{
	const struct subject *s = &r->subject;
	_cleanup_buf_ struct buf b = { 0 };

	for (size_t i = 0; i < s->n_patches; i++)
		buf_printf(&b, "%s%s", b.len ? ", " : "", s->patches[i].file);
	if (s->monitor)
		buf_printf(&b, "%s%s", b.len ? ", " : "", path_last(s->monitor));
	if (!b.len && !s->what)
		return NULL;
	return xstrdup(b.len ? buf_str(&b) : s->what);
}

static void add_measure(struct measure **to, size_t *n, const struct measure *m)
{
	*to = xrealloc(*to, *n + 1, sizeof(**to));
	(*to)[(*n)++] =
		(struct measure){ xstrdup(m->name), xstrdup(m->unit ? m->unit : ""), m->value };
}

static void take_test(const struct test_result *t, struct history_test *into)
{
	*into = (struct history_test){ .name = xstrdup(t->name),
				       .verdict = t->verdict,
				       .seconds = t->seconds };
	str_set(&into->reason, t->reason);
	str_set(&into->retried, t->retried);
	for (size_t i = 0; i < t->n_checks; i++)
		if (t->checks[i].verdict == OUT_FAIL)
			strv_add(&into->failed, t->checks[i].name);
	for (size_t i = 0; i < t->n_measures; i++)
		add_measure(&into->measures, &into->n_measures, &t->measures[i]);
}

static void take_parts(const struct run_result *r, struct history_entry *e)
{
	e->tests = xcalloc(r->n_tests + 1, sizeof(*e->tests));
	for (; e->n_tests < r->n_tests; e->n_tests++)
		take_test(&r->tests[e->n_tests], &e->tests[e->n_tests]);
	e->stages = xcalloc(r->n_stages + 1, sizeof(*e->stages));
	for (; e->n_stages < r->n_stages; e->n_stages++) {
		const struct stage *s = &r->stages[e->n_stages];

		e->stages[e->n_stages] =
			(struct stage){ xstrdup(s->name), xstrdup(s->what), s->seconds };
	}
	for (size_t i = 0; i < r->n_measures; i++)
		if (!told_by_stage(&r->measures[i]))
			add_measure(&e->measures, &e->n_measures, &r->measures[i]);
}

void entry_make(const struct run_result *r, const char *folder, const char *set, const char *name,
		struct history_entry *e)
{
	*e = (struct history_entry){ .run = xstrdup(r->run_id), .folder = xstrdup(folder) };
	str_set(&e->set, set);
	str_set(&e->name, name);
	str_set(&e->started, r->started);
	str_set(&e->plan, r->subject.hash);
	e->judged = judged_of(r);
	str_set(&e->commit, result_manifest(r, MANIFEST_COMMIT));
	str_set(&e->lane, r->lane);
	str_set(&e->kernel, r->kernel);
	str_set(&e->flavor, r->kernel_flavor);
	str_set(&e->assignment, r->assignment);
	e->subject = subject_of(r);
	e->verdict = result_verdict(r);
	str_set(&e->reason, r->reason);
	e->finished = r->finished;
	e->seconds = r->seconds;
	take_parts(r, e);
}

/* ---- the rest ---- */

static void free_measures(struct measure *m, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(m[i].name);
		free(m[i].unit);
	}
	free(m);
}

static void free_test(struct history_test *t)
{
	free(t->name);
	free(t->reason);
	free(t->retried);
	strv_free(&t->failed);
	free_measures(t->measures, t->n_measures);
}

static void free_parts(struct history_entry *e)
{
	for (size_t i = 0; i < e->n_tests; i++)
		free_test(&e->tests[i]);
	for (size_t i = 0; i < e->n_stages; i++) {
		free(e->stages[i].name);
		free(e->stages[i].what);
	}
	free(e->tests);
	free(e->stages);
	free_measures(e->measures, e->n_measures);
}

void entry_free(struct history_entry *e)
{
	char **const strings[] = {
		&e->run,    &e->set,	    &e->name,	 &e->folder, &e->started,
		&e->plan,   &e->judged,	    &e->commit,	 &e->lane,   &e->kernel,
		&e->flavor, &e->assignment, &e->subject, &e->reason,
	};

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		free(*strings[i]);
	free_parts(e);
	*e = (struct history_entry){ 0 };
}

bool entry_is_nothing(const struct history_entry *e)
{
	return e->verdict == OUT_USAGE || e->verdict == OUT_UNUSABLE || e->verdict == OUT_BUSY;
}

bool entry_is_night(const struct history_entry *e)
{
	return !e->name && str_ends(e->run, NIGHT_SUFFIX);
}

const struct history_test *entry_find_test(const struct history_entry *e, const char *name)
{
	for (size_t i = 0; i < e->n_tests; i++)
		if (!strcmp(e->tests[i].name, name))
			return &e->tests[i];
	return NULL;
}

void entry_date(const struct history_entry *e, char date[11])
{
	snprintf(date, 11, "%.10s", e->started ? e->started : "");
}
