// SPDX-License-Identifier: GPL-2.0-only
#include "core/ui.h"
#include "lab/lab.h"
#include "verbs/verb.h"

static int verb_lab_down(int argc, char **argv);

static const struct verb lab_down = {
	.name = "lab-down",
	.usage = "",
	.summary = "end the lab, and whatever a killed run left behind",
	.order = 21,
	.settings = "PLACE",
	.run = verb_lab_down,
};
VERB(lab_down);

static int verb_lab_down(int argc, char **argv)
{
	unsigned int n = 0;
	struct knobs k;
	int ret;

	(void)argc;
	(void)argv;
	ret = knobs_load(&k);
	if (!ret)
		ret = lab_sweep(k.place, &n);
	knobs_free(&k);
	if (!ret)
		ui_note(n ? "the lab is down" : "no lab was running");
	return ret;
}
