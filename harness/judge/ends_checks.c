// SPDX-License-Identifier: GPL-2.0-only
#include "judge/ends_checks.h"

#include <string.h>

#include "core/util.h"
#include "judge/checks.h"

static void tally_way(const struct evidence *e, size_t i, struct tally *ways)
{
	const char *known = obs_get(&e->obs, "end.known", i)->str;
	const char *asked = obs_get(&e->obs, "end.asked", i)->str;

	if (!strcmp(known, asked))
		tally_good(ways);
	else
		tally_bad(ways, "%s: %s, for a known question %s", obs_get(&e->obs, "end.way", i)->str, asked, known);
}

void check_instruction_end(const struct evidence *e, struct test_result *t)
{
	size_t n = obs_count(&e->obs, "end.way");
	struct tally ways = { .unit = "way" };

	if (!n || obs_count(&e->obs, "end.known") != n || obs_count(&e->obs, "end.asked") != n) {
		check_broken(t, ENDS_CHECK, "every way told whole", "some of the lines are missing");
		return;
	}
	for (size_t i = 0; i < n; i++)
		tally_way(e, i, &ways);
	tally_check(t, ENDS_CHECK, "as for a question that this host has always answered", &ways,
		    "oracle: this host itself (KVM_EXIT_IO and KVM_EXIT_DEBUG, KVM_GET_REGS), asked what is not new");
}
