// SPDX-License-Identifier: GPL-2.0-only
#include "judge/result.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Grow *array by one zeroed element of this size and return it. */
static void *append(void *array, size_t *n, size_t size)
{
	char **p = array;
	char *last;

	*p = xrealloc(*p, *n + 1, size);
	last = *p + *n * size;
	(*n)++;
	return memset(last, 0, size);
}

struct run_result *result_new(const char *run_id)
{
	struct run_result *r = xcalloc(1, sizeof(*r));

	r->run_id = xstrdup(run_id);
	return r;
}

static void free_checks(struct test_result *t)
{
	for (size_t i = 0; i < t->n_checks; i++) {
		free(t->checks[i].name);
		free(t->checks[i].expected);
		free(t->checks[i].observed);
		free(t->checks[i].evidence);
		free(t->checks[i].ref.file);
	}
	free(t->checks);
}

static void free_measures(struct measure *m, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(m[i].name);
		free(m[i].unit);
	}
	free(m);
}

static void free_stages(struct run_result *r)
{
	for (size_t i = 0; i < r->n_stages; i++) {
		free(r->stages[i].name);
		free(r->stages[i].what);
	}
	free(r->stages);
}

static void free_test(struct test_result *t)
{
	free(t->name);
	free(t->assignment);
	free(t->retried);
	free(t->reason);
	free_checks(t);
	free(t->vcpus);
	free_measures(t->measures, t->n_measures);
	strv_free(&t->log);
}

static void free_tests(struct run_result *r)
{
	for (size_t i = 0; i < r->n_tests; i++)
		free_test(&r->tests[i]);
	free(r->tests);
}

static void free_kvs(struct kv *kv, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(kv[i].key);
		free(kv[i].value);
	}
	free(kv);
}

static void free_subject(struct subject *s)
{
	for (size_t i = 0; i < s->n_patches; i++) {
		free(s->patches[i].role);
		free(s->patches[i].file);
		free(s->patches[i].subject);
		free(s->patches[i].author);
		free(s->patches[i].sha256);
	}
	free(s->patches);
	free(s->what);
	free(s->monitor);
	free(s->hash);
}

void result_free(struct run_result *r)
{
	if (!r)
		return;
	free(r->run_id);
	free(r->reason);
	free_subject(&r->subject);
	free(r->lane);
	free(r->lane_reason);
	free(r->kernel);
	free(r->kernel_flavor);
	free(r->assignment);
	free(r->started);
	free_tests(r);
	free(r->boot_exits);
	strv_free(&r->console);
	free_kvs(r->manifest, r->n_manifest);
	free_stages(r);
	free_measures(r->measures, r->n_measures);
	free(r);
}

struct test_result *result_add_test(struct run_result *r, const char *name, const char *assignment)
{
	struct test_result *t = append(&r->tests, &r->n_tests, sizeof(*t));

	t->name = xstrdup(name);
	t->assignment = xstrdup(assignment ? assignment : "");
	t->verdict = OUT_SKIP;
	return t;
}

void result_drop_test(struct run_result *r)
{
	if (r->n_tests)
		free_test(&r->tests[--r->n_tests]);
}

struct test_result *result_find_test(const struct run_result *r, const char *name)
{
	for (size_t i = 0; i < r->n_tests; i++)
		if (!strcmp(r->tests[i].name, name))
			return &r->tests[i];
	return NULL;
}

struct check_result *result_find_check(const struct test_result *t, const char *name)
{
	for (size_t i = 0; i < t->n_checks; i++)
		if (!strcmp(t->checks[i].name, name))
			return &t->checks[i];
	return NULL;
}

static char *unique_check_name(const struct test_result *t, const char *name)
{
	char *unique = xstrdup(name);

	for (unsigned int i = 2; result_find_check(t, unique); i++) {
		free(unique);
		unique = strf("%s (%u)", name, i);
	}
	return unique;
}

static enum outcome check_verdict(enum outcome o)
{
	return o == OUT_PASS || o == OUT_FAIL || o == OUT_SKIP ? o : OUT_BROKEN;
}

struct check_result *result_add_check(struct test_result *t, const char *name, enum outcome verdict,
				      const char *expected, const char *observed,
				      const char *evidence)
{
	char *unique = unique_check_name(t, name);
	struct check_result *c = append(&t->checks, &t->n_checks, sizeof(*c));

	c->name = unique;
	c->verdict = check_verdict(verdict);
	if (!expected && c->verdict != OUT_SKIP)
		expected = "";
	str_set(&c->expected, expected);
	str_set(&c->observed, observed ? observed : "");
	str_set(&c->evidence, evidence);
	return c;
}

static bool file_name_ok(const char *name)
{
	size_t n = strlen(name);

	return n && n < 256 && *name != '.' &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			    "0123456789.-_") == n;
}

bool result_ref_ok(const struct evidence_ref *ref)
{
	return file_name_ok(ref->file) && ref->first <= ref->last && (ref->first || !ref->last);
}

bool result_set_ref(struct check_result *c, const char *file, unsigned int first, unsigned int last)
{
	const struct evidence_ref ref = { (char *)file, first, last };

	if (!result_ref_ok(&ref))
		return false;
	str_set(&c->ref.file, file);
	c->ref.first = first;
	c->ref.last = last;
	return true;
}

struct vcpu_row *result_add_vcpu(struct test_result *t, uint64_t vcpu_id)
{
	struct vcpu_row *row = append(&t->vcpus, &t->n_vcpus, sizeof(*row));

	row->vcpu_id = vcpu_id;
	return row;
}

static bool reg_name_ok(const char *name)
{
	size_t n = strlen(name);

	if (!n || n >= sizeof(((struct vcpu_row *)0)->regs[0].name) ||
	    !islower((unsigned char)*name))
		return false;
	return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789") == n;
}

bool result_add_reg(struct vcpu_row *row, const char *name, uint64_t value)
{
	if (row->n_regs == ARRAY_SIZE(row->regs) || !reg_name_ok(name))
		return false;
	memcpy(row->regs[row->n_regs].name, name, strlen(name) + 1);
	row->regs[row->n_regs++].value = value;
	return true;
}

void result_add_exit_sample(struct run_result *r, double seconds, uint64_t exits)
{
	double last = r->n_boot_exits ? r->boot_exits[r->n_boot_exits - 1].seconds : 0;
	struct exit_sample *s;

	if (!isfinite(seconds) || seconds < last)
		return;
	s = append(&r->boot_exits, &r->n_boot_exits, sizeof(*s));
	*s = (struct exit_sample){ .seconds = seconds, .exits = exits };
}

void result_set_subject_what(struct run_result *r, const char *what)
{
	str_set(&r->subject.what, what);
}

void result_set_subject_monitor(struct run_result *r, const char *path)
{
	str_set(&r->subject.monitor, path);
}

void result_set_subject_hash(struct run_result *r, const char *hash)
{
	str_set(&r->subject.hash, hash);
}

void result_add_patch(struct run_result *r, const struct subject_patch *p)
{
	struct subject *s = &r->subject;
	struct subject_patch *copy = append(&s->patches, &s->n_patches, sizeof(*copy));

	if (!s->what)
		str_set(&s->what, "a change");
	copy->role = xstrdup(p->role ? p->role : "");
	copy->file = xstrdup(p->file ? p->file : "");
	str_set(&copy->subject, p->subject);
	str_set(&copy->author, p->author);
	str_set(&copy->sha256, p->sha256);
	copy->files = p->files;
	copy->added = p->added;
	copy->removed = p->removed;
}

static void add_kv(struct kv **kvs, size_t *n, const char *key, const char *value)
{
	struct kv *kv = append(kvs, n, sizeof(*kv));

	kv->key = xstrdup(key);
	kv->value = xstrdup(value ? value : "");
}

void result_set_manifest(struct run_result *r, const char *key, const char *value)
{
	for (size_t i = 0; i < r->n_manifest; i++)
		if (!strcmp(r->manifest[i].key, key)) {
			str_set(&r->manifest[i].value, value ? value : "");
			return;
		}
	add_kv(&r->manifest, &r->n_manifest, key, value);
}

const char *result_manifest(const struct run_result *r, const char *key)
{
	for (size_t i = 0; i < r->n_manifest; i++)
		if (!strcmp(r->manifest[i].key, key))
			return r->manifest[i].value;
	return NULL;
}

void result_add_stage(struct run_result *r, const char *name, const char *what, double seconds)
{
	struct stage *s = append(&r->stages, &r->n_stages, sizeof(*s));

	s->name = xstrdup(name);
	s->what = xstrdup(what ? what : "");
	s->seconds = isfinite(seconds) && seconds > 0 ? seconds : 0;
}

static bool add_measure(struct measure **measures, size_t *n, const char *name, const char *unit,
			double value)
{
	struct measure *m = NULL;

	if (!*name || !isfinite(value))
		return false;
	for (size_t i = 0; i < *n && !m; i++)
		if (!strcmp((*measures)[i].name, name))
			m = &(*measures)[i];
	if (!m)
		m = append(measures, n, sizeof(*m));
	str_set(&m->name, name);
	str_set(&m->unit, unit ? unit : "");
	m->value = value;
	return true;
}

bool result_add_measure(struct test_result *t, const char *name, const char *unit, double value)
{
	return add_measure(&t->measures, &t->n_measures, name, unit, value);
}

bool result_add_run_measure(struct run_result *r, const char *name, const char *unit, double value)
{
	return add_measure(&r->measures, &r->n_measures, name, unit, value);
}

/* The first of these that is there decides; a test and a run differ only in what can be there. */
static const enum outcome by_weight[] = {
	OUT_CRASH, OUT_BUILD_ERROR, OUT_FAIL, OUT_BROKEN, OUT_PASS,
};

static enum outcome heaviest(const bool seen[OUT_COUNT])
{
	for (size_t i = 0; i < ARRAY_SIZE(by_weight); i++)
		if (seen[by_weight[i]])
			return by_weight[i];
	return OUT_SKIP;
}

/* A test is never wrongly asked for or busy: the run is, and then has no test. */
static enum outcome as_verdict(enum outcome o)
{
	return o <= OUT_SKIP && o != OUT_USAGE ? o : OUT_BROKEN;
}

static enum outcome checks_verdict(const struct test_result *t)
{
	bool seen[OUT_COUNT] = { false };

	for (size_t i = 0; i < t->n_checks; i++) {
		enum outcome o = check_verdict(t->checks[i].verdict);

		seen[o] |= o != OUT_PASS || !t->checks[i].preparatory;
	}
	return heaviest(seen);
}

enum outcome result_tests_verdict(const struct run_result *r)
{
	bool seen[OUT_COUNT] = { false };

	for (size_t i = 0; i < r->n_tests; i++) {
		enum outcome o = as_verdict(r->tests[i].verdict);

		seen[o] |= o != OUT_PASS || !r->tests[i].preparatory;
	}
	return heaviest(seen);
}

static void set_test_reason(struct test_result *t)
{
	if (t->reason)
		return;
	for (size_t i = 0; i < t->n_checks; i++)
		if (t->checks[i].verdict == t->verdict) {
			t->reason = strf("%s: %s", t->checks[i].name, t->checks[i].observed);
			return;
		}
	if (t->verdict != OUT_SKIP)
		t->reason = xstrdup("no reason was given");
	else
		t->reason = xstrdup(t->n_checks ? "no check of the change was made" : "no check was made");
}

void result_judge_test(struct test_result *t)
{
	if (t->verdict == OUT_PASS || t->verdict == OUT_SKIP)
		t->verdict = checks_verdict(t);
	t->verdict = as_verdict(t->verdict);
	if (t->verdict == OUT_PASS || t->verdict == OUT_FAIL)
		str_set(&t->reason, NULL);
	else
		set_test_reason(t);
}

struct result_summary result_count(const struct run_result *r)
{
	unsigned int n[OUT_COUNT] = { 0 };

	for (size_t i = 0; i < r->n_tests; i++)
		for (size_t k = 0; k < r->tests[i].n_checks; k++)
			n[check_verdict(r->tests[i].checks[k].verdict)]++;
	return (struct result_summary){ n[OUT_PASS], n[OUT_FAIL], n[OUT_SKIP], n[OUT_BROKEN] };
}

static void set_run_reason(struct run_result *r)
{
	if (r->reason || r->verdict == OUT_PASS || r->verdict == OUT_FAIL)
		return;
	for (size_t i = 0; i < r->n_tests; i++)
		if (r->tests[i].verdict == r->verdict) {
			r->reason = strf("%s: %s", r->tests[i].name, r->tests[i].reason);
			return;
		}
	r->reason = xstrdup(r->n_tests ? "no reason was given" : "no test was run");
}

/* A stage may come twice: a lab that was brought up again. */
static double seconds_of_stage(const struct run_result *r, const char *name)
{
	double sum = 0;

	for (size_t i = 0; i < r->n_stages; i++)
		if (!strcmp(r->stages[i].name, name))
			sum += r->stages[i].seconds;
	return sum;
}

static void add_run_measures(struct run_result *r)
{
	if (r->seconds > 0)
		result_add_run_measure(r, "the whole run", "s", r->seconds);
	if (r->exits_per_boot) {
		result_add_run_measure(r, "exits per boot", "exits", (double)r->exits_per_boot);
		result_add_run_measure(r, "power-on to ready", "s", r->boot_seconds);
	}
	for (size_t i = 0; i < r->n_stages; i++) {
		_cleanup_free_ char *name = strf(STAGE_MEASURE "%s", r->stages[i].name);

		result_add_run_measure(r, name, "s", seconds_of_stage(r, r->stages[i].name));
	}
}

void result_finish(struct run_result *r)
{
	for (size_t i = 0; i < r->n_tests; i++)
		result_judge_test(&r->tests[i]);
	r->summary = result_count(r);
	if (r->verdict == OUT_PASS)
		r->verdict = result_tests_verdict(r);
	r->finished = true;
	set_run_reason(r);
	add_run_measures(r);
}

enum outcome result_verdict(const struct run_result *r)
{
	enum outcome o = r->verdict < OUT_COUNT ? r->verdict : OUT_BROKEN;

	if (r->finished || o == OUT_CRASH || o == OUT_BUILD_ERROR || o == OUT_INTERRUPTED)
		return o;
	return OUT_BROKEN;
}
