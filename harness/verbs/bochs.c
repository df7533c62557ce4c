// SPDX-License-Identifier: GPL-2.0-only
#include "machine/bochs/bochs_program.h"
#include "verbs/verb.h"

static int verb_bochs(int argc, char **argv);

static const struct verb bochs_verb = {
	.name = "bochs",
	.usage = "",
	.summary = "build a faster Bochs for lane bochs-vmx, of Debian's source, as the first run there does",
	.order = 33,
	.run = verb_bochs,
};
VERB(bochs_verb);

static int verb_bochs(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return bochs_build();
}
