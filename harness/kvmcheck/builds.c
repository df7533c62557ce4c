// SPDX-License-Identifier: GPL-2.0-only
/* A series is bisected by whoever hunts another fault: each of its patches must build. */
#include <stdlib.h>

#include "core/outcome.h"
#include "core/proc.h"
#include "core/ui.h"
#include "kvmcheck/kvmcheck.h"

#define FLAVOR "werror"

/* The first n patches on the base. */
static int build_first(struct kvm_check *c, size_t n)
{
	const struct setting s[] = { { "KERNEL_FLAVOR", FLAVOR } };
	struct kernel_build b = { 0 };
	struct plan plan = { 0 };
	int ret = plan_with(&c->knobs, s, ARRAY_SIZE(s), &plan);

	if (!ret) {
		struct patches first = plan.host.patches;

		first.n = n;
		kernel_conf_role(&plan.kernel, KERNEL_HOST)->change = &first;
		ret = kernel_build(&plan.kernel, KERNEL_HOST, &b);
	}
	kernel_build_free(&b);
	plan_free(&plan);
	return ret;
}

/* What keeps it from being built at all says nothing of the patch. */
static enum outcome as_check(int ret)
{
	if (!ret)
		return OUT_PASS;
	return ret == -OUT_BUILD_ERROR || ret == -OUT_UNUSABLE ? OUT_FAIL : OUT_BROKEN;
}

static void tell_build(struct test_result *t, size_t number, const struct patch *p, int ret)
{
	_cleanup_free_ char *name = strf("%zu: %s", number, patch_base_name(p));

	result_add_check(t, name, as_check(ret), "it builds on those before it",
			 ret ? fail_text() : "it builds", NULL);
	if (ret != -OUT_BUILD_ERROR)
		return;
	t->verdict = OUT_BUILD_ERROR;
	if (!t->reason)
		t->reason = strf("patch %zu: %s", number, fail_text());
}

int kvm_check_builds(struct kvm_check *c)
{
	const struct patches *ps = &c->plan.host.patches;
	struct test_result *t = result_add_test(c->run.result, PART_BUILDS, KVM_CHECK);
	uint64_t start = now_ns();

	for (size_t i = 0; i < ps->n; i++) {
		int ret;

		ui_note("patch %zu of %zu: %s", i + 1, ps->n, patch_base_name(&ps->v[i]));
		ret = build_first(c, i + 1);
		if (proc_interrupted())
			return fail(OUT_INTERRUPTED, "interrupted");
		tell_build(t, i + 1, &ps->v[i], ret);
	}
	t->seconds = (double)(now_ns() - start) / 1e9;
	result_judge_test(t);
	kvm_check_row(c->run.result, PART_BUILDS);
	return 0;
}
