// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "kernel/kernel.h"
#include "plan/plan.h"
#include "verbs/verb.h"

static void print_build(enum kernel_role role, const struct kernel_build *b)
{
	printf("%s-kernel: %s\n", kernel_role_name(role), b->bzimage);
	printf("%s-release: %s\n", kernel_role_name(role), b->release);
	for (size_t i = 0; i < b->modules.n; i++)
		printf("%s-module: %s\n", kernel_role_name(role), b->modules.v[i]);
}

static int build_role(const struct kernel_conf *k, enum kernel_role role)
{
	struct kernel_build b;
	int ret = kernel_build(k, role, &b);

	if (!ret)
		print_build(role, &b);
	kernel_build_free(&b);
	return ret;
}

/* Which roles the last argument names: all when it names none. */
static bool take_role(const char *word, bool wanted[KERNEL_ROLES])
{
	for (unsigned int r = 0; r < KERNEL_ROLES; r++) {
		if (strcmp(word, kernel_role_name(r)))
			continue;
		memset(wanted, 0, KERNEL_ROLES * sizeof(*wanted));
		wanted[r] = true;
		return true;
	}
	return false;
}

static int build_roles(struct knobs *k, const bool wanted[KERNEL_ROLES])
{
	struct plan plan;
	int ret = plan_make(k, &plan);

	for (unsigned int r = 0; !ret && r < KERNEL_ROLES; r++)
		if (wanted[r])
			ret = build_role(&plan.kernel, r);
	plan_free(&plan);
	return ret;
}

static int run(int argc, char **argv);

static const struct verb verb = {
	.name = "kernel",
	.usage = "[NAME] [host|guest]",
	.summary = "build the kernels, or one of them, and say where they are",
	.order = 30,
	.settings = "KERNEL PATCH GUEST_PATCH KERNEL_FLAVOR GUEST_FLAVOR UNPATCHED SUITE LANE",
	.ends = VERB_ENDS(OUT_BUILD_ERROR) | VERB_ENDS(OUT_UNUSABLE),
	.run = run,
};
VERB(verb);

static int run(int argc, char **argv)
{
	bool wanted[KERNEL_ROLES] = { true, true };
	struct knobs k;
	int ret;

	if (argc > 1 && take_role(argv[argc - 1], wanted))
		argc--;
	if (argc > 2)
		return verb_usage(&verb);
	ret = knobs_load(&k);
	if (!ret && argc == 2)
		ret = knobs_set(&k, "KERNEL", argv[1]);
	if (!ret)
		ret = build_roles(&k, wanted);
	knobs_free(&k);
	return ret;
}
