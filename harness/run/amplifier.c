// SPDX-License-Identifier: GPL-2.0-only
/*
 * While a test looks for races, L1's emulator stops L1's CPUs now and then inside of KVM
 * (tcg-plugin/stops.h): what takes two CPUs at the same few instructions comes to pass then. What
 * counts exits exactly is left alone. How many stops there were is a measure of the test.
 */
#include "run/observer.h"

/*
 * Where L1's kernel has its modules (Documentation/arch/x86/x86_64/mm.rst), with and without
 * KASLR: KVM's are the only ones.
 */
#define MODULES_FROM 0xffffffffa0000000ULL
#define MODULES_TO 0xffffffffff000000ULL

struct amplifier {
	uint64_t generation; /* of the QEMU that they were asked of; 0: of none */
	uint64_t made, ns;   /* by then; afterwards: meanwhile */
};

static bool is_wanted(const struct run *r, const struct testcase *t)
{
	return t->races && r->plan->knobs.amplify && r->lab->plugin.option;
}

static int begin(const struct watch *w, void *state)
{
	const struct counters *c = plugin_counters(&w->run->lab->plugin);
	struct amplifier *a = state;

	*a = (struct amplifier){ 0 };
	if (!c)
		return 0;
	*a = (struct amplifier){ c->generation, c->stops.made, c->stops.ns };
	plugin_stop_cpus(&w->run->lab->plugin, MODULES_FROM, MODULES_TO);
	return 0;
}

static int end(const struct watch *w, void *state)
{
	const struct counters *c = plugin_counters(&w->run->lab->plugin);
	struct amplifier *a = state;

	plugin_stop_cpus(&w->run->lab->plugin, 0, 0);
	if (!c || c->generation != a->generation) {
		a->generation = 0;
		return 0;
	}
	a->made = c->stops.made - a->made;
	a->ns = c->stops.ns - a->ns;
	return 0;
}

static void tell(struct run *r, void *state, struct test_result *t)
{
	const struct amplifier *a = state;

	(void)r;
	if (!a->generation)
		return;
	result_add_measure(t, STOPS_MEASURE, "stops", (double)a->made);
	result_add_measure(t, "time of these stops", "s", (double)a->ns / 1e9);
}

static const struct observer amplifier = {
	.name = "the amplifier",
	.order = 80,
	.state = sizeof(struct amplifier),
	.detached = true,
	.wants = is_wanted,
	.before = begin,
	.after = end,
	.judge = tell,
};
OBSERVER(amplifier);
