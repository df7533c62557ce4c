// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/proc.h"
#include "core/ui.h"
#include "core/util.h"
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
	fprintf(f, "\nSettings (NAME=VALUE, or the environment): LANE KERNEL PATCH L1_CPUS L2_CPUS\n"
		   "TESTS NESTED_PAGING BASE_IMAGE RUNS V=1; their defaults are in config/defaults.conf.\n");
	return unasked ? 2 : 0;
}

static const struct verb *find_verb(const char *name)
{
	for (const struct verb *const *v = __start_nestlab_verbs; v < __stop_nestlab_verbs; v++)
		if (!strcmp((*v)->name, name))
			return *v;
	return NULL;
}

/* NAME=VALUE arguments are settings: put them where the settings are read from. Returns what is left. */
static int take_settings(int argc, char **argv)
{
	int n = 0;

	for (int i = 0; i < argc; i++) {
		size_t name = strspn(argv[i], "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");

		if (name && argv[i][name] == '=') {
			_cleanup_free_ char *key = xstrndup(argv[i], name);

			setenv(key, argv[i] + name + 1, 1);
		} else {
			argv[n++] = argv[i];
		}
	}
	argv[n] = NULL;
	return n;
}

int main(int argc, char **argv)
{
	const char *v = NULL;
	const struct verb *verb;
	int ret;

	argc = take_settings(argc, argv);
	v = getenv("V");
	ui_init(v && !strcmp(v, "1"));
	proc_catch_signals();
	if (argc < 2 || !strcmp(argv[1], "help") || !strcmp(argv[1], "--help"))
		return help(argc < 2);
	verb = find_verb(argv[1]);
	if (!verb) {
		fprintf(stderr, "nestlab: there is no verb '%s'; `nestlab help` lists them\n", argv[1]);
		return 2;
	}
	ret = verb->run(argc - 1, argv + 1);
	if (ret >= 0)
		return ret;
	ui_stage_abort();
	fprintf(stderr, "nestlab: %s\n", fail_text());
	return outcome_exit_code((enum outcome)-ret);
}
