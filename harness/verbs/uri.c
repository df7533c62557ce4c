// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "core/outcome.h"
#include "core/util.h"
#include "lab/lab.h"
#include "verbs/verb.h"

static int verb_uri(int argc, char **argv);

static const struct verb uri = {
	.name = "uri",
	.usage = "1|2",
	.summary = "the libvirt URI that carries a level: virsh -c \"$(build/nestlab uri 2)\" list",
	.order = 22,
	.settings = "PLACE",
	.run = verb_uri,
};
VERB(uri);

static int verb_uri(int argc, char **argv)
{
	_cleanup_free_ char *text = NULL;
	struct knobs k;
	int ret;

	if (argc != 2 || (strcmp(argv[1], "1") && strcmp(argv[1], "2")))
		return verb_usage(&uri);
	ret = knobs_load(&k);
	if (ret)
		return ret;
	text = lab_uri(k.place, argv[1][0] == '1' ? 1 : 2);
	knobs_free(&k);
	if (!text)
		return -(int)fail_outcome();
	puts(text);
	return 0;
}
