// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>
#include <sys/stat.h>

#include "core/outcome.h"
#include "core/util.h"
#include "verbs/attached.h"
#include "verbs/verb.h"

#define DEADLINE_S 120

static int verb_put(int argc, char **argv);

static const struct verb put = {
	.name = "put",
	.usage = "FILE 1|2:PATH",
	.summary = "copy a file of this machine into a level of the running lab, with its mode",
	.order = 24,
	.settings = "PLACE",
	.run = verb_put,
};
VERB(put);

static int verb_put(int argc, char **argv)
{
	struct attached_path to;
	struct level *l;
	struct lab lab;
	struct stat st;
	int ret;

	if (argc != 3 || !attached_path(argv[2], &to))
		return verb_usage(&put);
	if (stat(argv[1], &st) || !S_ISREG(st.st_mode))
		return fail(OUT_USAGE, "%s is no file that could be copied into a level", argv[1]);
	ret = attached_open(&lab, to.level, &l);
	if (ret)
		return ret;
	ret = channel_put_file(l->channel, argv[1], to.path, st.st_mode & 0777,
			       level_ms(l, DEADLINE_S));
	lab_close(&lab, true);
	return ret;
}
