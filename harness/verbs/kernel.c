// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "kernel/kernel.h"
#include "verbs/verb.h"

#define DEFAULT_KERNEL "6.12"

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

static int build_roles(const char *name, const bool wanted[KERNEL_ROLES])
{
	struct kernel_conf k;
	const char *flavor = getenv("KERNEL_FLAVOR");
	int ret = kernel_conf_load(name, &k);

	if (ret)
		return ret;
	ret = kernel_conf_flavor(&k, flavor ? flavor : "");
	for (unsigned int r = 0; !ret && r < KERNEL_ROLES; r++)
		if (wanted[r])
			ret = build_role(&k, r);
	kernel_conf_free(&k);
	return ret;
}

static int run(int argc, char **argv);

static const struct verb verb = {
	.name = "kernel",
	.usage = "[NAME] [host|guest]",
	.summary = "build the kernels, or one of them, and say where they are",
	.order = 30,
	.run = run,
};
VERB(verb);

static int run(int argc, char **argv)
{
	bool wanted[KERNEL_ROLES] = { true, true };
	const char *name = getenv("KERNEL");

	if (argc > 1 && take_role(argv[argc - 1], wanted))
		argc--;
	if (argc > 2)
		return verb_usage(&verb);
	if (argc == 2)
		name = argv[1];
	return build_roles(name && *name ? name : DEFAULT_KERNEL, wanted);
}
