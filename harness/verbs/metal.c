// SPDX-License-Identifier: GPL-2.0-only
#include "metal/metal.h"

#include <stdlib.h>
#include <string.h>

#include "core/ui.h"
#include "verbs/verb.h"

static int verb_metal(int argc, char **argv);

static const struct verb metal = {
	.name = "metal",
	.usage = "up [SETTINGS]... | run COMMAND... | down",
	.summary = "an emulated machine with nested virtualization, in which this checkout runs in lane kvm "
		   "(up: with the kernels of the reference and of each \"PATCH=...\"; run: a shell's command line in it)",
	.order = 43,
	.ends = VERB_ENDS(OUT_BUILD_ERROR) | VERB_ENDS(OUT_UNUSABLE) | VERB_ENDS(OUT_BUSY) |
		VERB_ENDS(OUT_CRASH),
	.codes = "* of run, the command's own: 128 and its number where a signal ended it",
	.passes_on = true,
	.run = verb_metal,
};
VERB(metal);

static int power_up(int argc, char **argv, uint32_t slowdown)
{
	_cleanup_strv_ struct strv settings = { 0 };
	int ret;

	for (int i = 0; i < argc; i++)
		strv_add(&settings, argv[i]);
	ret = metal_up(&settings, slowdown);
	if (!ret)
		ui_note("the metal machine is up: `nestlab metal run COMMAND`, and `nestlab metal down` ends it");
	return ret;
}

static int power_down(void)
{
	unsigned int n = 0;
	int ret = metal_down(&n);

	if (!ret)
		ui_note("%s", n ? "the metal machine is down" : "no metal machine was running");
	return ret;
}

static int run(int argc, char **argv, uint32_t slowdown)
{
	_cleanup_buf_ struct buf command = { 0 };
	struct metal m;
	int ret;

	for (int i = 0; i < argc; i++)
		buf_printf(&command, "%s%s", i ? " " : "", argv[i]);
	ret = metal_join(&m, slowdown);
	if (!ret)
		ret = metal_run(&m, buf_str(&command));
	metal_leave(&m);
	return ret;
}

static int verb_metal(int argc, char **argv)
{
	struct knobs k;
	uint32_t slowdown;
	int ret = knobs_load(&k);

	slowdown = k.slowdown;
	knobs_free(&k);
	if (ret)
		return ret;
	if (argc > 1 && !strcmp(argv[1], "up"))
		return power_up(argc - 2, argv + 2, slowdown);
	if (argc > 2 && !strcmp(argv[1], "run"))
		return run(argc - 2, argv + 2, slowdown);
	if (argc == 2 && !strcmp(argv[1], "down"))
		return power_down();
	return verb_usage(&metal);
}
