// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "core/outcome.h"
#include "core/proc.h"
#include "core/ui.h"
#include "plan/knobs.h"
#include "plan/lane.h"
#include "verbs/verb.h"

/* As others spell what are verbs here. */
static const char *spelt(const char *word)
{
	if (!strcmp(word, "--help") || !strcmp(word, "-h"))
		return "help";
	return !strcmp(word, "--version") || !strcmp(word, "-V") ? "version" : word;
}

/* The first argument that is no setting. */
static const struct verb *verb_of(int argc, char **argv, int *at)
{
	for (*at = 1; *at < argc; (*at)++)
		if (!strchr(argv[*at], '='))
			return verb_find(spelt(argv[*at]));
	return NULL;
}

/* An answer to no verb at all. */
static int no_verb(void)
{
	help_all(stderr);
	return outcome_exit_code(OUT_USAGE);
}

static int run_verb(const struct verb *verb, int argc, char **argv)
{
	int ret = verb ? 0 : verb_unknown(argv[1]);

	if (!ret && !verb->judges)
		ret = knobs_check();
	if (ret)
		return ret;
	if (argc > 2 && !strcmp(spelt(argv[2]), "help")) {
		help_of(verb, stdout);
		return 0;
	}
	if (argc > 2 && !*verb->usage)
		return verb_takes_none(verb, argv[2]);
	if (verb->labs)
		lanes_provide();
	return verb->run(argc - 1, argv + 1);
}

/* A negative one has its sentence still to be told. */
static int code_of(const struct verb *verb, int ret)
{
	if (ret < 0) {
		ui_stage_abort();
		fprintf(stderr, "nestlab: %s\n", fail_text());
		ret = outcome_exit_code((enum outcome)-ret);
	}
	return verb && verb->code ? verb->code(ret) : ret;
}

int main(int argc, char **argv)
{
	int at, ret;
	const struct verb *verb = verb_of(argc, argv, &at);

	argc = knobs_take(argc, argv, verb && verb->passes_on ? at : argc);
	ui_init(knobs_verbose());
	proc_catch_signals();
	if (argc < 2)
		ret = knobs_check() ? -OUT_USAGE : no_verb();
	else
		ret = run_verb(verb, argc, argv);
	return code_of(verb, ret);
}
