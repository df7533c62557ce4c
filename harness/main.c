// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/near.h"
#include "core/outcome.h"
#include "core/proc.h"
#include "core/ui.h"
#include "core/util.h"
#include "plan/knobs.h"
#include "verbs/verb.h"

extern const struct verb *const __start_nestlab_verbs[];
extern const struct verb *const __stop_nestlab_verbs[];

static int by_order(const void *a, const void *b)
{
	const struct verb *va = *(const struct verb *const *)a;
	const struct verb *vb = *(const struct verb *const *)b;

	return va->order - vb->order;
}

/* Asked for: to stdout, status 0. As an answer to no verb at all: to stderr, status 2. */
static int help(bool unasked)
{
	size_t n = (size_t)(__stop_nestlab_verbs - __start_nestlab_verbs);
	_cleanup_free_ const struct verb **sorted = xcalloc(n, sizeof(*sorted));
	FILE *f = unasked ? stderr : stdout;

	memcpy(sorted, __start_nestlab_verbs, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), by_order);
	fprintf(f, "usage: nestlab VERB [ARGUMENT...] [NAME=VALUE...]\n\n");
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *head = strf("%s %s", sorted[i]->name, sorted[i]->usage);

		fprintf(f, "  %-34s %s\n", head, sorted[i]->summary);
	}
	fputc('\n', f);
	knobs_help(f);
	return unasked ? 2 : 0;
}

static const struct verb *find_verb(const char *name)
{
	for (const struct verb *const *v = __start_nestlab_verbs; v < __stop_nestlab_verbs; v++)
		if (!strcmp((*v)->name, name))
			return *v;
	return NULL;
}

/* The first argument that is no setting. */
static const struct verb *verb_of(int argc, char **argv, int *at)
{
	for (*at = 1; *at < argc; (*at)++)
		if (!strchr(argv[*at], '='))
			return find_verb(argv[*at]);
	return NULL;
}

static int no_such_verb(const char *name)
{
	_cleanup_strv_ struct strv names = { 0 };

	for (const struct verb *const *v = __start_nestlab_verbs; v < __stop_nestlab_verbs; v++)
		strv_add(&names, (*v)->name);
	return near_fail("there is no verb", name, &names);
}

static int run_verb(const struct verb *verb, int argc, char **argv)
{
	int ret = verb ? 0 : no_such_verb(argv[1]);

	if (!ret && !verb->judges)
		ret = knobs_check();
	return ret ? ret : verb->run(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	int at, ret;
	const struct verb *verb = verb_of(argc, argv, &at);

	argc = knobs_take(argc, argv, verb && verb->passes_on ? at : argc);
	ui_init(knobs_verbose());
	proc_catch_signals();
	if (argc < 2 || !strcmp(argv[1], "help") || !strcmp(argv[1], "--help"))
		ret = knobs_check() ? -OUT_USAGE : help(argc < 2);
	else
		ret = run_verb(verb, argc, argv);
	if (ret >= 0)
		return ret;
	ui_stage_abort();
	fprintf(stderr, "nestlab: %s\n", fail_text());
	return outcome_exit_code((enum outcome)-ret);
}
