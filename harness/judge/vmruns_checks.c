// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>

#include "evidence/vmruns.h"
#include "judge/checks.h"

static const char *why_uncounted(const struct evidence *e)
{
	return e->vmruns.missing ? e->vmruns.missing : "the emulator was not asked";
}

static struct check_result *by_vmruns(const struct test_result *t, struct check_result *c)
{
	_cleanup_free_ char *file = testcase_file("vmruns", t->name);

	result_set_ref(c, file, 0, 0);
	return c;
}

/* Only the number of vCPUs that the lab gave L2 is sure: the guest may have taken some offline. */
static struct bounds exits_made(const struct evidence *e)
{
	return vmruns_stats_growth(&e->vmruns, e->l2_cpus, true);
}

static struct check_result *check_stats(const struct evidence *e, const char *name,
					struct test_result *t)
{
	uint64_t growth = oracle_total_exits(&e->after) - oracle_total_exits(&e->before);
	struct bounds b = exits_made(e);
	_cleanup_free_ char *expected = NULL, *observed = NULL;

	if (!e->vmruns.present)
		return check_skip(t, name, why_uncounted(e));
	if (!oracle_has_all_exits(&e->before) || !oracle_has_all_exits(&e->after))
		return check_skip(t, name, "L1's QEMU did not tell them of each vCPU");
	expected = strf("exits grew by %" PRIu64 " to %" PRIu64, b.least, b.most);
	observed = strf("by %" PRIu64, growth);
	return by_vmruns(t, check_that(t, name, growth >= b.least && growth <= b.most, expected,
				       observed, BY_VMRUNS));
}

/*
 * By how much a vCPU's num_exits grew from its first record to its last. 0: one record, or it fell.
 */
static uint64_t growth_of(const struct trace_records *r, int64_t vcpu_id)
{
	const struct trace_record *first = NULL, *last = NULL;

	for (size_t i = 0; i < r->n; i++) {
		if (!r->v[i].has_vcpu_id || !r->v[i].has_num_exits || r->v[i].vcpu_id != vcpu_id)
			continue;
		if (!first)
			first = &r->v[i];
		last = &r->v[i];
	}
	return last && last->num_exits > first->num_exits ? last->num_exits - first->num_exits : 0;
}

/* A second VM's vCPUs have the same ids, so this is for L2 alone. */
static struct check_result *check_num_exits(const struct evidence *e, const char *name,
					    struct test_result *t)
{
	struct bounds b = exits_made(e);
	uint64_t growth = 0;

	for (unsigned int id = 0; id < e->l2_cpus; id++)
		growth += growth_of(&e->trace, id);
	if (!e->vmruns.present)
		return check_skip(t, name, why_uncounted(e));
	if (!growth)
		return check_skip(t, name, "no vCPU's grew from one record in the trace to another");
	return by_vmruns(t, check_at_most(t, name, b.most, growth, BY_VMRUNS));
}

/*
 * KVM's tracepoint stands behind each VMRUN of all VMs. No other VM's exit is under way at either
 * end.
 */
static struct check_result *check_reasons(const struct evidence *e, const char *name,
					  struct test_result *t)
{
	uint64_t growth = oracle_total_reasons(&e->after) - oracle_total_reasons(&e->before);
	struct bounds b = exits_made(e);

	if (!e->vmruns.present)
		return check_skip(t, name, why_uncounted(e));
	if (!e->before.has_reasons || !e->after.has_reasons)
		return check_skip(t, name, "L1's kernel told no whole histogram of it");
	return by_vmruns(t, check_between(t, name, b.least, b.most, growth, BY_VMRUNS));
}

/* So that a pid is judged by both. */
static struct check_result *check_threads(const struct evidence *e, const char *name,
					  struct test_result *t)
{
	struct tally y = { .unit = "vCPU" };

	for (size_t i = 0; i < e->before.n_vcpus; i++) {
		const struct oracle_vcpu *v = &e->before.vcpus[i];

		if (!v->has_thread || !v->has_debugfs_pid)
			continue;
		if (v->thread_id == v->debugfs_pid)
			tally_good(&y);
		else
			tally_bad(&y,
				  "vCPU %" PRIu64 ": QEMU's thread is %" PRIu64
				  ", KVM's pid is %" PRIu64,
				  v->vcpu_id, v->thread_id, v->debugfs_pid);
	}
	if (!y.n)
		return check_skip(t, name, "L1's debugfs told the pid of no vCPU of L2");
	return tally_check(t, name, "as QEMU tells them", &y, BY_DEBUGFS);
}

static bool is_in_l2(const struct testcase *tc)
{
	return tc->level == 2;
}

static bool is_traced_in_l2(const struct testcase *tc)
{
	return tc->level == 2 && tc->wants_trace;
}

/* What KVM counts begins anew where a program loads it again. */
static bool judges_kvm(const struct testcase *tc)
{
	return !tc->wants_monitor && tc->host != HOST_UNUSED;
}

static const struct {
	const char *name;
	bool (*is_of)(const struct testcase *tc);
	struct check_result *(*check)(const struct evidence *e, const char *name,
				      struct test_result *t);
} checks[] = {
	{ "KVM's vCPU threads", is_traced_in_l2, check_threads },
	{ "KVM's statistics", is_in_l2, check_stats },
	{ "KVM's tracepoint", judges_kvm, check_reasons },
	{ "num_exits grow as #VMEXITs", is_traced_in_l2, check_num_exits },
};

void check_oracles(const struct testcase *tc, const struct evidence *e, struct test_result *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		if (checks[i].is_of(tc))
			checks[i].check(e, checks[i].name, t)->preparatory = true;
}

void oracle_check_names(const struct testcase *tc, struct strv *names)
{
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		if (checks[i].is_of(tc))
			strv_add(names, checks[i].name);
}

bool want_vmruns(const struct evidence *e, struct test_result *t, const char *const *names)
{
	if (!e->vmruns.present)
		check_skip_rest(t, names, why_uncounted(e));
	return e->vmruns.present;
}
