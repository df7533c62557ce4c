// SPDX-License-Identifier: GPL-2.0-only
#include "kvmcheck/kvmcheck.h"
#include "verbs/verb.h"

static int verb_kvm_check(int argc, char **argv);

static const struct verb kvm_check = {
	.name = "kvm-check",
	.usage = "[PART...]",
	.summary = "what KVM's maintainers ask of a series: checkpatch, a build of each patch, and the plans of "
		   "config/kvm-check.conf, to one table; PART: checkpatch, builds, a plan's name or a pattern",
	.order = 13,
	.settings = KNOBS_ASKED " " KNOBS_OF_RESULTS
				" JOBS -SUITE -ASSIGNMENT -MONITOR -GUEST_PATCH -GUEST_FLAVOR -KERNEL_FLAVOR -UNPATCHED "
				"-NESTED_PAGING",
	.ends = VERB_ENDS_AS_RUNS,
	.judges = true,
	.labs = true,
	.run = verb_kvm_check,
};
VERB(kvm_check);

static int verb_kvm_check(int argc, char **argv)
{
	/* Borrowed: the vector ends it, as strv wants. */
	const struct strv parts = { argv + 1, (size_t)argc - 1 };

	return kvm_check_run(&parts);
}
