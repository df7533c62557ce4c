// SPDX-License-Identifier: GPL-2.0-only
#include "mutants/mutants.h"

#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/paths.h"

#define TRAILER "Found-by: "
#define FLAVOR "Flavor: "

static bool has(const struct strv *list, const char *s)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->v[i], s))
			return true;
	return false;
}

/* "TEST: CHECK" */
static int add_trailer(struct mutant *m, char *text)
{
	char *colon = strstr(text, ": ");

	if (!colon)
		return fail(OUT_USAGE,
			    "%s: '" TRAILER "%s': want a test and its check, 'TEST: CHECK'",
			    m->patch, text);
	*colon = '\0';
	strv_add(&m->test_of, text);
	strv_add(&m->checks, str_strip(colon + 2));
	if (!has(&m->tests, text))
		strv_add(&m->tests, text);
	return 0;
}

static int read_trailers(struct mutant *m, char *text)
{
	char *save = NULL;
	int ret = 0;

	for (char *l = strtok_r(text, "\n", &save); l && !ret; l = strtok_r(NULL, "\n", &save)) {
		if (!strcmp(l, "---"))
			break;
		if (str_starts(l, TRAILER))
			ret = add_trailer(m, l + strlen(TRAILER));
		else if (str_starts(l, FLAVOR))
			str_set(&m->flavor, str_strip(l + strlen(FLAVOR)));
	}
	if (!ret && !m->checks.n)
		return fail(OUT_USAGE, "%s: no line '" TRAILER "TEST: CHECK' in its message",
			    m->patch);
	return ret;
}

int mutant_load(const char *patch, struct mutant *m)
{
	_cleanup_free_ char *path = path_in_root(patch);
	_cleanup_buf_ struct buf text = { 0 };
	const char *slash = strrchr(patch, '/');
	const char *base = slash ? slash + 1 : patch;

	*m = (struct mutant){ .patch = xstrdup(patch) };
	m->name = xstrndup(base, strlen(base) - (str_ends(base, ".patch") ? strlen(".patch") : 0));
	if (file_read(path, &text))
		return fail(OUT_USAGE, "can't read the mutant %s", path);
	buf_puts(&text, "");
	return read_trailers(m, text.data);
}

void mutant_free(struct mutant *m)
{
	free(m->name);
	free(m->patch);
	free(m->flavor);
	strv_free(&m->tests);
	strv_free(&m->test_of);
	strv_free(&m->checks);
}

static bool failed(const struct run_result *r, const char *test, const char *check)
{
	for (size_t i = 0; i < r->n_tests; i++) {
		const struct test_result *t = &r->tests[i];

		if (strcmp(t->name, test))
			continue;
		for (size_t k = 0; k < t->n_checks; k++)
			if (!strcmp(t->checks[k].name, check))
				return t->checks[k].verdict == OUT_FAIL;
	}
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

bool mutant_found(const struct mutant *m, const struct run_result *r, struct buf *by,
		  struct buf *missed)
{
	mutant_failures(r, by);
	for (size_t i = 0; i < m->checks.n; i++)
		if (!failed(r, m->test_of.v[i], m->checks.v[i]))
			add_name(missed, m->test_of.v[i], m->checks.v[i]);
	return !missed->len;
}
