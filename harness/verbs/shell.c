// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/util.h"
#include "verbs/attached.h"
#include "verbs/verb.h"

static int verb_shell(int argc, char **argv);

static const struct verb shell = {
	.name = "shell",
	.usage = "1|2 [COMMAND...]",
	.summary = "a shell, or one command, in a level of the running lab (^] leaves)",
	.order = 23,
	.settings = "PLACE",
	.codes = "* the shell's own, or the command's: 128 and its number where a signal ended it",
	.passes_on = true,
	.run = verb_shell,
};
VERB(shell);

/* The words of a command as one line for the level's shell. */
static char *join(int argc, char **argv)
{
	char *line = xstrdup(argv[0]);

	for (int i = 1; i < argc; i++) {
		char *joined = strf("%s %s", line, argv[i]);

		free(line);
		line = joined;
	}
	return line;
}

static int run_shell(struct level *l)
{
	char *const argv[] = { (char *)(l->number == 1 ? "/bin/bash" : "/bin/sh"), NULL };

	return attached_run(l, argv, true);
}

/* A terminal wants its lines ended by one, a pipe as they are. */
static int run_command(struct level *l, int argc, char **argv)
{
	_cleanup_free_ char *line = join(argc, argv);
	char *const command[] = { (char *)"/bin/sh", (char *)"-c", line, NULL };

	return attached_run(l, command, isatty(STDIN_FILENO) && isatty(STDOUT_FILENO));
}

static int verb_shell(int argc, char **argv)
{
	struct level *l;
	struct lab lab;
	int ret;

	if (argc > 2 && !strcmp(argv[2], "--")) {
		argv[2] = argv[1];
		argc--;
		argv++;
	}
	if (argc < 2 || !attached_is_level(argv[1]))
		return verb_usage(&shell);
	ret = attached_open(&lab, argv[1], &l);
	if (ret)
		return ret;
	ret = argc > 2 ? run_command(l, argc - 2, argv + 2) : run_shell(l);
	lab_close(&lab, true);
	return ret;
}
