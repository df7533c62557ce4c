// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "core/outcome.h"
#include "core/util.h"
#include "verbs/attached.h"
#include "verbs/verb.h"

#define DEADLINE_S 120

static int verb_get(int argc, char **argv);

static const struct verb get = {
	.name = "get",
	.usage = "1|2:PATH [FILE]",
	.summary = "copy a file out of a level of the running lab; without FILE to the standard output",
	.order = 24,
	.settings = "PLACE",
	.run = verb_get,
};
VERB(get);

static int write_to(const char *path, const struct buf *b)
{
	int err;

	if (!path)
		return fwrite(buf_str(b), 1, b->len, stdout) == b->len && !fflush(stdout)
			       ? 0
			       : fail(OUT_BROKEN, "can't write to the standard output: %m");
	err = file_write(path, buf_str(b), b->len, 0666);
	return err ? fail(OUT_BROKEN, "can't write %s: %s", path, strerror(-err)) : 0;
}

static int verb_get(int argc, char **argv)
{
	_cleanup_buf_ struct buf b = { 0 };
	struct attached_path from;
	struct level *l;
	struct lab lab;
	int ret;

	if (argc < 2 || argc > 3 || !attached_path(argv[1], &from))
		return verb_usage(&get);
	ret = attached_open(&lab, from.level, &l);
	if (ret)
		return ret;
	ret = channel_get(l->channel, from.path, &b, level_ms(l, DEADLINE_S));
	lab_close(&lab, true);
	return ret ? ret : write_to(argc > 2 ? argv[2] : NULL, &b);
}
