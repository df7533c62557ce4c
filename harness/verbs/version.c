// SPDX-License-Identifier: GPL-2.0-only
#include "core/outcome.h"
#include "core/paths.h"
#include "core/util.h"
#include "run/identity.h"
#include "verbs/verb.h"

static int verb_version(int argc, char **argv);

static const struct verb version_verb = {
	.name = "version",
	.usage = "",
	.summary = "which one this is: the checkout's commit as git describes it, or the release that is installed",
	.order = 51,
	.run = verb_version,
};
VERB(version_verb);

static int verb_version(int argc, char **argv)
{
	_cleanup_free_ char *version = identity_version();

	(void)argc;
	(void)argv;
	if (!version)
		return fail(OUT_BROKEN, "%s is neither a checkout that git knows nor an installed release: its version can't be told",
			    path_root());
	printf("nestlab %s\n", version);
	return 0;
}
