// SPDX-License-Identifier: GPL-2.0-only
#include "verbs/verb.h"

#include "core/outcome.h"

int verb_usage(const struct verb *v)
{
	return fail(OUT_USAGE, "usage: nestlab %s %s", v->name, v->usage);
}
