// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/util.h"
#include "verbs/attached.h"
#include "verbs/verb.h"

#define WHERE "/tmp/nestlab-exec"
#define PUT_DEADLINE_MS 60000

static int verb_exec(int argc, char **argv);

static const struct verb exec = {
	.name = "exec",
	.usage = "1|2 PROGRAM [ARGUMENT...]",
	.summary = "bring a program of this machine (statically linked, for L2) into a level of the running lab and run it there",
	.order = 23,
	.settings = "PLACE",
	.codes = "* the program's own: 128 and its number where a signal ended it",
	.passes_on = true,
	.run = verb_exec,
};
VERB(exec);

static int put_and_run(struct level *l, char **argv)
{
	_cleanup_free_ char *path = strf(WHERE "-%s", path_last(argv[0]));
	int ret = channel_put_file(l->channel, argv[0], path, 0755, PUT_DEADLINE_MS);

	argv[0] = path;
	return ret ? ret : attached_run(l, argv, isatty(STDIN_FILENO) && isatty(STDOUT_FILENO));
}

static int verb_exec(int argc, char **argv)
{
	struct level *l;
	struct lab lab;
	int ret;

	if (argc < 3 || !attached_is_level(argv[1]))
		return verb_usage(&exec);
	if (access(argv[2], R_OK))
		return fail(OUT_USAGE, "can't read the program %s: %m; one of the level's own is run by `nestlab shell %s %s`", argv[2],
			    argv[1], argv[2]);
	ret = attached_open(&lab, argv[1], &l);
	if (ret)
		return ret;
	ret = put_and_run(l, argv + 2);
	lab_close(&lab, true);
	return ret;
}
