// SPDX-License-Identifier: GPL-2.0-only
#include "mutants/mutants.h"

#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/proc.h"
#include "suite/record.h"

#define FOUND_BY "Found-by"
#define TRAILER FOUND_BY ": "
#define HIDDEN "Hidden"
#define GUEST "Kernel: guest"
#define THE_BUILD "the build"
#define FLAVOR "Flavor: "
#define EFFORT "Effort"
#define SEEDS "Seeds"
#define TESTS "Tests: "
#define SUITE "Suite: "
#define LANE "Lane: "
#define MAP "Map: "
#define OF_EVERY_RUN "lab/"
#define NOTHING_ELSE "nothing else fails"

/* "TEST: CHECK" */
static int add_trailer(struct mutant *m, char *text)
{
	char *colon = strstr(text, ": ");

	if (!strcmp(str_strip(text), THE_BUILD)) {
		m->build = true;
		return 0;
	}
	if (!colon)
		return fail(OUT_USAGE,
			    "%s: '" TRAILER "%s': want a test and its check, 'TEST: CHECK'",
			    m->patch, text);
	*colon = '\0';
	strv_add(&m->test_of, text);
	strv_add(&m->checks, str_strip(colon + 2));
	/* What every run is asked is no test to be named: then Tests: tells which ones. */
	if (!str_starts(text, OF_EVERY_RUN) && !strv_has(&m->tests, text))
		strv_add(&m->tests, text);
	return 0;
}

/* "NAME (LANE): TEXT" of this lane: the text; NULL: no such line. */
static char *in_lane(char *line, const char *name, const char *lane)
{
	size_t n = strlen(name), k = lane ? strlen(lane) : 0;

	if (!lane || !str_starts(line, name) || strncmp(line + n, " (", 2) || strncmp(line + n + 2, lane, k) ||
	    strncmp(line + n + 2 + k, "): ", 3))
		return NULL;
	return line + n + k + 5;
}

static void forget_checks(struct mutant *m)
{
	strv_free(&m->tests);
	strv_free(&m->test_of);
	strv_free(&m->checks);
}

/* What a lane's own lines name takes the place of the others. */
static int read_found_by(struct mutant *m, char *line, const char *lane, bool *own)
{
	char *of_lane = in_lane(line, FOUND_BY, lane);

	if (of_lane && !*own) {
		forget_checks(m);
		*own = true;
	}
	if (of_lane)
		return add_trailer(m, of_lane);
	return !*own && str_starts(line, TRAILER) ? add_trailer(m, line + strlen(TRAILER)) : 0;
}

/* A lane's own line comes behind the one for all. */
static void read_effort(struct mutant *m, char *line, const char *lane)
{
	const char *text = in_lane(line, EFFORT, lane);

	if (!text && str_starts(line, EFFORT ": "))
		text = line + strlen(EFFORT ": ");
	if (text)
		m->effort = (unsigned int)strtoul(text, NULL, 10);
	text = in_lane(line, SEEDS, lane);
	if (text)
		m->seeds = (unsigned int)strtoul(text, NULL, 10);
}

/* With what kernel, by what tests, in which lane. */
static void read_where(struct mutant *m, char *line)
{
	if (str_starts(line, FLAVOR))
		str_set(&m->flavor, str_strip(line + strlen(FLAVOR)));
	else if (str_starts(line, SUITE))
		str_set(&m->suite, str_strip(line + strlen(SUITE)));
	else if (str_starts(line, LANE))
		str_set(&m->lane, str_strip(line + strlen(LANE)));
	else if (str_starts(line, MAP))
		str_set(&m->map, str_strip(line + strlen(MAP)));
	else if (str_starts(line, TESTS))
		strv_split(&m->tests, line + strlen(TESTS), " ");
}

static int read_trailers(struct mutant *m, char *text, const char *lane)
{
	char *save = NULL;
	bool own = false;
	int ret = 0;

	for (char *l = strtok_r(text, "\n", &save); l && !ret; l = strtok_r(NULL, "\n", &save)) {
		if (!strcmp(l, "---"))
			break;
		m->guest |= !strcmp(l, GUEST);
		ret = read_found_by(m, l, lane, &own);
		read_effort(m, l, lane);
		if (in_lane(l, HIDDEN, lane))
			str_set(&m->hidden, in_lane(l, HIDDEN, lane));
		else
			read_where(m, l);
	}
	if (!ret && !m->checks.n && !m->build)
		return fail(OUT_USAGE, "%s: no line '" TRAILER "TEST: CHECK' in its message",
			    m->patch);
	return ret;
}

int mutants_in(const char *folder, struct strv *patches)
{
	_cleanup_free_ char *dir = path_in_root(folder);
	_cleanup_strv_ struct strv names = { 0 };

	if (dir_list(dir, ".patch", &names))
		return fail(OUT_USAGE, "can't list the patches in %s", dir);
	for (size_t i = 0; i < names.n; i++)
		strv_addf(patches, "%s/%s", folder, names.v[i]);
	return 0;
}

int mutant_load(const char *patch, const char *lane, struct mutant *m)
{
	_cleanup_free_ char *path = path_in_root(patch);
	_cleanup_buf_ struct buf text = { 0 };
	const char *slash = strrchr(patch, '/');
	const char *base = slash ? slash + 1 : patch;

	*m = (struct mutant){ .patch = xstrdup(patch), .effort = 1 };
	m->name = xstrndup(base, strlen(base) - (str_ends(base, ".patch") ? strlen(".patch") : 0));
	if (file_read(path, &text))
		return fail(OUT_USAGE, "can't read the mutant %s", path);
	buf_puts(&text, "");
	return read_trailers(m, text.data, lane);
}

char *alternative_tests(const char *patch, bool *guest)
{
	_cleanup_free_ char *path = path_in_root(patch), *tests = NULL;
	_cleanup_buf_ struct buf text = { 0 };
	char *save = NULL;

	*guest = false;
	if (file_read(path, &text)) {
		fail(OUT_USAGE, "can't read the alternative %s", path);
		return NULL;
	}
	buf_puts(&text, "");
	for (char *l = strtok_r(text.data, "\n", &save); l && strcmp(l, "---"); l = strtok_r(NULL, "\n", &save)) {
		*guest |= !strcmp(l, GUEST);
		if (str_starts(l, TESTS))
			str_set(&tests, l + strlen(TESTS));
	}
	if (!tests)
		fail(OUT_USAGE, "%s: no line '" TESTS "TEST ...' in its message", patch);
	return tests ? xstrdup(tests) : NULL;
}

void mutant_free(struct mutant *m)
{
	free(m->name);
	free(m->patch);
	free(m->flavor);
	free(m->map);
	free(m->hidden);
	free(m->suite);
	free(m->lane);
	forget_checks(m);
}

bool mutant_is_of_monitor(const struct mutant *m)
{
	return str_starts(m->patch, MUTANTS_OF_MONITOR "/");
}

int mutant_make_monitor(const struct mutant *m, const char *folder)
{
	static const char reference[] = "testcases/kvm-api/monitor/monitor.c";
	_cleanup_free_ char *from = path_in_root(reference), *patch = path_in_root(m->patch);
	static const char conf[] = "testcases/kvm-api/monitor/monitor.conf";
	_cleanup_free_ char *to = strf("%s/monitor.c", folder), *conf_from = path_in_root(conf);
	_cleanup_free_ char *conf_to = strf("%s/monitor.conf", folder);
	_cleanup_free_ char *ceiling = strf("GIT_CEILING_DIRECTORIES=%.*s", (int)(strrchr(folder, '/') - folder), folder);
	/* -p4: without a/testcases/kvm-api/monitor/ */
	char *const argv[] = { (char *)"git", (char *)"apply", (char *)"-p4", patch, NULL };
	char *const env[] = { ceiling, NULL }; /* the folder may be inside of some repository */
	struct proc p = { .what = "applying a mutant to the monitor", .argv = argv, .env = env, .cwd = folder };
	int ret;

	rm_rf(folder);
	if (mkdir_p(folder) || file_copy(from, to, 0644) || file_copy(conf_from, conf_to, 0644))
		return fail(OUT_BROKEN, "can't copy %s to %s", from, to);
	ret = proc_run(&p);
	return ret > 0 ? fail(OUT_BUILD_ERROR, "%s does not apply to %s", m->patch, reference) : ret;
}

/* A suite's line may have failed before, in another way: that is no finding. */
static bool check_failed(const struct mutant *m, const struct check_result *c)
{
	static const char *const *words = suite_change_names;

	return c->verdict == OUT_FAIL &&
	       (!m->suite || (c->observed && str_starts(c->observed, words[SUITE_REGRESSED])));
}

static bool failed(const struct mutant *m, const struct run_result *r, const char *test,
		   const char *check)
{
	for (size_t i = 0; i < r->n_tests; i++) {
		const struct test_result *t = &r->tests[i];

		if (strcmp(t->name, test))
			continue;
		if (t->verdict == OUT_CRASH && !strcmp(check, outcome_name(OUT_CRASH)))
			return true;
		for (size_t k = 0; k < t->n_checks; k++)
			if (!strcmp(t->checks[k].name, check))
				return check_failed(m, &t->checks[k]);
	}
	return false;
}

/* One of "CHECK | CHECK" did. */
static bool one_failed(const struct mutant *m, const struct run_result *r, const char *test,
		       const char *checks)
{
	_cleanup_strv_ struct strv names = { 0 };

	strv_split(&names, checks, "|");
	for (size_t i = 0; i < names.n; i++)
		if (failed(m, r, test, str_strip(names.v[i])))
			return true;
	return false;
}

static void add_name(struct buf *b, const char *test, const char *check)
{
	buf_printf(b, "%s%s: %s", b->len ? "; " : "", test, check);
}

void mutant_failures(const struct run_result *r, struct buf *by)
{
	for (size_t i = 0; i < r->n_tests; i++) {
		const struct test_result *t = &r->tests[i];

		for (size_t k = 0; k < t->n_checks; k++)
			if (t->checks[k].verdict == OUT_FAIL)
				add_name(by, t->name, t->checks[k].name);
		if (!t->n_checks)
			add_name(by, t->name, outcome_name(t->verdict));
	}
}

static bool is_named(const struct mutant *m, const char *test, const char *check)
{
	for (size_t i = 0; i < m->checks.n; i++)
		if (!strcmp(m->test_of.v[i], test) && !strcmp(m->checks.v[i], check))
			return true;
	return false;
}

/* A suite's line that failed, or a test that was lost, without being named: the first; NULL. */
static char *unnamed_failure(const struct mutant *m, const struct run_result *r)
{
	for (size_t i = 0; m->suite && i < r->n_tests; i++) {
		const struct test_result *t = &r->tests[i];
		const char *word = outcome_name(t->verdict);

		for (size_t k = 0; k < t->n_checks; k++)
			if (t->checks[k].verdict == OUT_FAIL &&
			    !is_named(m, t->name, t->checks[k].name))
				return strf("%s: %s", t->name, t->checks[k].name);
		if (t->verdict != OUT_PASS && t->verdict != OUT_FAIL && t->verdict != OUT_SKIP &&
		    !is_named(m, t->name, word))
			return strf("%s: %s", t->name, word);
	}
	return NULL;
}

bool mutant_found(const struct mutant *m, const struct run_result *r, struct buf *by,
		  struct buf *missed)
{
	_cleanup_free_ char *other = unnamed_failure(m, r);

	mutant_failures(r, by);
	if (r->verdict == OUT_BUILD_ERROR)
		buf_puts(by, THE_BUILD);
	if (m->build && r->verdict != OUT_BUILD_ERROR)
		buf_puts(missed, THE_BUILD);
	for (size_t i = 0; i < m->checks.n; i++)
		if (!one_failed(m, r, m->test_of.v[i], m->checks.v[i]))
			add_name(missed, m->test_of.v[i], m->checks.v[i]);
	if (other)
		add_name(missed, NOTHING_ELSE, other);
	return !missed->len;
}

/* What became of a check that should have failed: "passed", or why nobody knows. */
static const char *seen_of(const struct run_result *r, const char *test, const char *check)
{
	_cleanup_free_ char *first = xstrndup(check, strcspn(check, "|"));
	const struct test_result *t = result_find_test(r, test);
	const struct check_result *c = t ? result_find_check(t, str_strip(first)) : NULL;

	if (c)
		return outcome_name(c->verdict);
	return t ? outcome_name(t->verdict) : "the test was not run";
}

/* In all tests of its run; none was made, or could be: nothing. */
static void tell_stops(const struct run_result *r, struct test_result *t)
{
	double sum = 0;

	for (size_t i = 0; i < r->n_tests; i++)
		for (size_t k = 0; k < r->tests[i].n_measures; k++)
			if (!strcmp(r->tests[i].measures[k].name, STOPS_MEASURE))
				sum += r->tests[i].measures[k].value;
	if (sum > 0)
		result_add_measure(t, STOPS_MEASURE, "stops", sum);
}

void mutant_to_result(const struct mutant *m, const struct run_result *r, struct test_result *t)
{
	_cleanup_free_ char *other = unnamed_failure(m, r);
	const char *want = m->suite ? suite_change_names[SUITE_REGRESSED] : outcome_name(OUT_FAIL);
	bool built = r->verdict != OUT_BUILD_ERROR;

	if (m->suite)
		result_add_check(t, NOTHING_ELSE, other ? OUT_FAIL : OUT_PASS, "no other line",
				 other ? other : "none", NULL);
	if (m->build)
		result_add_check(t, THE_BUILD, built ? OUT_FAIL : OUT_PASS,
				 outcome_name(OUT_BUILD_ERROR), outcome_name(r->verdict), NULL);
	for (size_t i = 0; i < m->checks.n; i++) {
		const char *test = m->test_of.v[i], *check = m->checks.v[i];
		_cleanup_free_ char *name = strf("%s: %s", test, check);

		result_add_check(t, name, one_failed(m, r, test, check) ? OUT_PASS : OUT_FAIL,
				 want,
				 built ? seen_of(r, test, check) : outcome_name(r->verdict), NULL);
	}
	tell_stops(r, t);
}
