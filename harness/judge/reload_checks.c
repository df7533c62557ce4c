// SPDX-License-Identifier: GPL-2.0-only
#include "judge/reload_checks.h"

#include <string.h>

#include "core/util.h"
#include "judge/checks.h"

static const struct reload_stage {
	const char *check, *prefix, *expected;
} stages[] = {
	{ "KVM can be unloaded", "unload.", "each of its modules goes when its last machine ended" },
	{ "KVM can be loaded again", "load.", "each of its modules comes a second time" },
};

/* False: a module did not go, or did not come, or none was told of. */
static bool check_stage(const struct evidence *e, const struct reload_stage *s,
			struct test_result *t)
{
	struct tally modules = { .unit = "module" };
	bool good;

	for (size_t i = 0; i < e->obs.n; i++) {
		const struct observation *o = &e->obs.v[i];

		if (o->type != OBS_U64 || !str_starts(o->key, s->prefix))
			continue;
		if (!o->u64)
			tally_good(&modules);
		else
			tally_bad(&modules, "%s: %s", o->key + strlen(s->prefix), strerror((int)o->u64));
	}
	good = modules.n && !modules.n_bad;
	if (modules.n)
		tally_check(t, s->check, s->expected, &modules, NULL);
	else
		check_broken(t, s->check, "what became of each module", "nothing was told");
	return good;
}

bool check_reload(const struct evidence *e, struct test_result *t)
{
	if (!check_stage(e, &stages[0], t)) {
		check_skip(t, stages[1].check, "KVM was not unloaded");
		return false;
	}
	return check_stage(e, &stages[1], t);
}
