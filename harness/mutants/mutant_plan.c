// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "core/paths.h"
#include "mutants/mutants.h"

const char *mutant_flavor_knob(const struct mutant *m)
{
	return m->guest ? "GUEST_FLAVOR" : "KERNEL_FLAVOR";
}

int mutant_plan(const struct mutant *m, const struct knobs *k, const char *dir, struct plan *plan)
{
	_cleanup_free_ char *effort = strf("%u", m->effort), *seeds = strf("%u", m->seeds ? m->seeds : k->seeds), *patch = path_in_root(m->patch);
	_cleanup_free_ char *upstream = plan_upstream(k);
	_cleanup_free_ char *monitor = strf("%s/%s/monitor", dir, m->name);
	_cleanup_free_ char *kernel = m->map ? strf("%s-leaves-%s", k->kernel, m->map) : xstrdup(k->kernel);
	_cleanup_free_ char *numbers = m->map ? strf("cpuid-leaves-%s", m->map) : NULL;
	_cleanup_buf_ struct buf names = { 0 };
	bool of_monitor = mutant_is_of_monitor(m);
	int ret = of_monitor ? mutant_make_monitor(m, monitor) : 0;

	for (size_t i = 0; i < m->tests.n; i++)
		buf_printf(&names, "%s ", m->tests.v[i]);
	const struct setting s[] = {
		{ "PATCH", of_monitor || m->guest ? NULL : patch },
		{ "GUEST_PATCH", m->guest ? patch : NULL },
		{ "MONITOR", of_monitor ? monitor : NULL },
		{ "TESTS", buf_str(&names) },
		{ "EFFORT", effort },
		{ "SEEDS", seeds },
		{ "SUITE", m->suite },
		{ "KERNEL", m->suite ? upstream : kernel },
		{ "ASSIGNMENT", numbers ? numbers : k->assignment },
		{ "LANE", m->lane ? m->lane : k->lane },
		{ mutant_flavor_knob(m), m->flavor },
	};

	return ret ? ret : plan_with(k, s, ARRAY_SIZE(s), plan);
}

const char *mutant_why_hidden(const struct mutant *m, const struct plan *p)
{
	return m->hidden ? m->hidden : p->blind;
}
