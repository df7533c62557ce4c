// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/ui.h"
#include "core/util.h"
#include "lab/lab.h"
#include "verbs/verb.h"

static int verb_lab_up(int argc, char **argv);

static const struct verb lab_up_verb = {
	.name = "lab-up",
	.usage = "[--fresh]",
	.summary = "leave L1 and L2 running, snapshotted (--fresh: boot, restore nothing)",
	.order = 20,
	.run = verb_lab_up,
};
VERB(lab_up_verb);

static int verb_lab_up(int argc, char **argv)
{
	bool fresh = argc == 2 && !strcmp(argv[1], "--fresh");
	_cleanup_free_ char *dir = strf("%s/consoles", path_run());
	struct lab lab;
	int ret;

	if (argc > 2 || (argc == 2 && !fresh))
		return verb_usage(&lab_up_verb);
	ret = lab_open(&lab, "lab-up", LAB_EXCLUSIVE);
	if (!ret && !lab.backend->keeps)
		ret = fail(OUT_USAGE, "LANE=%s can't be left running: its L1 ends with this program",
			   lab.lane.name);
	if (!ret && mkdir_p(dir))
		ret = fail(OUT_BROKEN, "can't make %s", dir);
	if (!ret)
		ret = lab_prepare(&lab);
	if (!ret)
		ret = lab_up(&lab, dir, fresh);
	if (!ret)
		ui_note("the lab is up: nestlab shell 2, nestlab console 1, nestlab trace -f; make lab-down ends it");
	lab_close(&lab, !ret);
	return ret;
}
