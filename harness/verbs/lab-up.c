// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>
#include <unistd.h>

#include "core/outcome.h"
#include "core/paths.h"
#include "core/ui.h"
#include "core/util.h"
#include "lab/keeper.h"
#include "lab/lab.h"
#include "verbs/verb.h"

static int verb_lab_up(int argc, char **argv);

static const struct verb lab_up_verb = {
	.name = "lab-up",
	.usage = "[--fresh]",
	.summary = "leave L1 and L2 running, snapshotted (--fresh: boot, restore nothing)",
	.order = 20,
	.settings = KNOBS_ASKED " PLACE SAVE_LAB -SUITE -TESTS -MONITOR",
	.ends = VERB_ENDS(OUT_BUILD_ERROR) | VERB_ENDS(OUT_CRASH) | VERB_ENDS(OUT_UNUSABLE) |
		VERB_ENDS(OUT_BUSY),
	.labs = true,
	.run = verb_lab_up,
};
VERB(lab_up_verb);

static int bring_up(const struct plan *plan, bool fresh)
{
	struct keeper k = { .parent = -1 };
	_cleanup_free_ char *dir = NULL;
	struct lab lab;
	int ret;

	if (lab_needs_keeper(plan))
		keeper_fork(&k);
	ret = lab_open(&lab, plan, "lab-up");
	dir = strf("%s/consoles", path_run());
	if (!ret && mkdir_p(dir))
		ret = fail(OUT_BROKEN, "can't make %s", dir);
	if (!ret)
		ret = lab_prepare(&lab);
	if (!ret)
		ret = lab_up(&lab, dir, fresh);
	if (!ret)
		ui_note("the lab is up: nestlab shell 2, nestlab console 1, nestlab trace -f; nestlab lab-down ends it");
	if (!ret && lab.backend->stay)
		lab_stay(&lab, &k);
	lab_close(&lab, !ret);
	return ret;
}

/* One lab is left running in a place that nobody names: a second one is rather a mistake. */
static int bring_up_one(const struct plan *plan, bool fresh)
{
	_cleanup_free_ char *subject = NULL;
	bool same = lab_is_up(plan, &subject), named = strcmp(plan->knobs.place, PLACE_AUTO) != 0;

	if (same && !fresh) {
		ui_note("the lab is up already, with %s", subject);
		return 0;
	}
	if (subject && !named)
		return fail(OUT_BUSY, "a lab with %s was left running; `nestlab lab-down` ends it, or PLACE=NAME brings up another beside it", subject);
	return bring_up(plan, fresh);
}

static int verb_lab_up(int argc, char **argv)
{
	bool fresh = argc == 2 && !strcmp(argv[1], "--fresh");
	struct plan plan = { 0 };
	struct knobs k;
	int ret;

	if (argc > 2 || (argc == 2 && !fresh))
		return verb_usage(&lab_up_verb);
	ret = knobs_load(&k);
	if (!ret)
		ret = knobs_without_suite(&k, "lab-up");
	if (!ret)
		ret = plan_make(&k, &plan);
	if (!ret)
		ret = bring_up_one(&plan, fresh);
	knobs_free(&k);
	plan_free(&plan);
	return ret;
}
