// SPDX-License-Identifier: GPL-2.0-only
#include "judge/effects.h"

#include <string.h>

#include "core/util.h"
#include "judge/checks.h"

static void tally_effect(const struct evidence *e, const struct observation *now, struct tally *y)
{
	const struct observation *then = obs_get(&e->baseline, now->key, 0);

	if (!then)
		tally_bad(y, "the unpatched kernel does not tell of %s", now->key);
	else if (strcmp(now->str, then->str) != 0)
		tally_bad(y, "%s: %s, unpatched %s", now->key, now->str, then->str);
	else
		tally_good(y);
}

/* What the unpatched kernel has, and the program did not see any more. */
static void tally_gone(const struct evidence *e, const struct observation *then, struct tally *y)
{
	if (!obs_get(&e->obs, then->key, 0))
		tally_bad(y, "%s: not told, unpatched %s", then->key, then->str);
}

static void check_effect(const struct evidence *e, struct test_result *t,
			 const struct effect *effect)
{
	struct tally y = { .unit = "observation" };

	for (size_t k = 0; k < e->obs.n; k++)
		if (str_starts(e->obs.v[k].key, effect->key))
			tally_effect(e, &e->obs.v[k], &y);
	for (size_t k = 0; k < e->baseline.n; k++)
		if (str_starts(e->baseline.v[k].key, effect->key))
			tally_gone(e, &e->baseline.v[k], &y);
	if (!y.n) {
		check_skip(t, effect->check, "the unpatched kernel does not have it either");
		return;
	}
	tally_check(t, effect->check, effect->expected, &y, "the same program on the unpatched kernel");
}

void check_effects(const struct evidence *e, struct test_result *t, const struct effect *effects,
		   size_t n)
{
	for (size_t i = 0; i < n; i++)
		check_effect(e, t, &effects[i]);
}
