// SPDX-License-Identifier: GPL-2.0-only
/* A host that answers as a test says: what the guest's kernel does then is its own doing. */
#include <stdlib.h>

#include "core/outcome.h"
#include "lab/lab.h"

#define TIMES_SLOWER 2 /* twice the usual vCPUs, which an emulator may run one after the other */

/* As many vCPUs in every run: the tests' ids and checks are always the same. */
static int make_plan(const struct plan *of, bool hide_kvm, struct plan *to)
{
	struct kernel_conf *k = &to->kernel;
	int ret;

	*to = (struct plan){ .l1_memory = of->knobs.l1_memory, .l2_memory = of->l2_memory };
	knobs_copy(&to->knobs, &of->knobs);
	to->knobs.l2_cpus = SCRIPTED_CPUS;
	to->l1_cpus = of->l1_cpus < SCRIPTED_CPUS ? SCRIPTED_CPUS : of->l1_cpus;
	to->l2_has_holes = true;
	to->l2_hides_kvm = hide_kvm;
	ret = kernel_conf_load(to->knobs.kernel, k);
	if (!ret)
		ret = kernel_conf_flavor(k, "plain", to->knobs.guest_flavor);
	if (!ret)
		ret = lane_choose(of->lane.name, "the lab beside it", NULL, of->knobs.own_emulator, &to->lane);
	if (ret)
		return ret;
	to->lane.slowdown = of->lane.slowdown * TIMES_SLOWER;
	kernel_conf_role(k, KERNEL_GUEST)->change =
		kernel_conf_of(&of->kernel, KERNEL_GUEST)->role[KERNEL_GUEST].change;
	strv_free(&k->role[KERNEL_HOST].patches);
	for (size_t i = 0; i < k->scripted.n; i++)
		strv_add(&k->role[KERNEL_HOST].patches, k->scripted.v[i]);
	return 0;
}

static int prepare_host(struct lab *lab)
{
	int ret = lab_prepare(lab);

	if (!ret || ret == -OUT_INTERRUPTED)
		return ret;
	return fail(OUT_BROKEN, "the host that answers as a test says: %s", fail_text());
}

int lab_prepare_scripted(const struct lab *lab, bool hide_kvm, struct lab *scripted)
{
	struct plan *plan = xcalloc(1, sizeof(*plan));
	struct kernel_build guest;
	int ret;

	*scripted = (struct lab){
		.place.lock = -1, .plan = plan, .own_plan = plan, .backend = lab->backend
	};
	for (unsigned int i = 0; i < LAB_LEVELS; i++)
		level_init(&scripted->levels[i], i + 1, i ? &scripted->levels[i - 1] : NULL,
			   lab->plan->lane.slowdown * TIMES_SLOWER);
	if (lab->plan->lane.without_scripted)
		return fail(OUT_SKIP, "lane %s: %s", lab->plan->lane.name,
			    lab->plan->lane.without_scripted);
	ret = make_plan(lab->plan, hide_kvm, plan);
	if (ret)
		return ret;
	if (!plan->kernel.scripted.n)
		return fail(OUT_SKIP,
			    "kernel %s names no `scripted` patches for a host that answers as a "
			    "test says",
			    plan->kernel.name);
	ret = kernel_build(&plan->kernel, KERNEL_GUEST, &guest);
	kernel_build_free(&guest);
	return ret ? ret : prepare_host(scripted);
}
