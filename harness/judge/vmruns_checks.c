// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>

#include "judge/checks.h"
#include "judge/vmruns.h"

/* Only the number of vCPUs that the lab gave L2 is sure: the guest may have taken some offline. */
static void check_stats(const struct evidence *e, bool alone, struct test_result *t)
{
	static const char name[] = "KVM's statistics";
	struct bounds b = vmruns_stats_growth(&e->vmruns, e->l2_cpus, alone);
	uint64_t growth = oracle_total_exits(&e->after) - oracle_total_exits(&e->before);
	_cleanup_free_ char *expected = NULL, *observed = NULL;

	if (!oracle_has_all_exits(&e->before) || !oracle_has_all_exits(&e->after))
		return;
	expected = alone ? strf("exits grew by %" PRIu64 " to %" PRIu64, b.least, b.most)
			 : strf("exits grew by at most %" PRIu64, b.most);
	observed = strf("by %" PRIu64, growth);
	check_that(t, name, growth >= b.least && growth <= b.most, expected, observed, BY_VMRUNS);
}

/* By how much a vCPU's num_exits grew from its first record to its last. 0: one record, or it fell. */
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
static void check_num_exits(const struct evidence *e, struct test_result *t)
{
	struct bounds b = vmruns_stats_growth(&e->vmruns, e->l2_cpus, true);
	uint64_t growth = 0;

	for (unsigned int id = 0; id < e->l2_cpus; id++)
		growth += growth_of(&e->trace, id);
	if (growth)
		check_at_most(t, "num_exits grow as #VMEXITs", b.most, growth, BY_VMRUNS);
}

/* KVM's tracepoint stands behind each VMRUN of all VMs. No other VM's exit is under way at either end. */
static void check_reasons(const struct evidence *e, struct test_result *t)
{
	struct bounds b = vmruns_stats_growth(&e->vmruns, e->l2_cpus, true);
	uint64_t growth = oracle_total_reasons(&e->after) - oracle_total_reasons(&e->before);

	if (e->before.has_reasons && e->after.has_reasons)
		check_between(t, "KVM's tracepoint", b.least, b.most, growth, BY_VMRUNS);
}

void check_vmruns(const struct evidence *e, bool alone, struct test_result *t)
{
	if (!e->vmruns.present)
		return;
	check_stats(e, alone, t);
	check_reasons(e, t);
	if (alone)
		check_num_exits(e, t);
}

void check_threads(const struct evidence *e, struct test_result *t)
{
	struct tally y = { .unit = "vCPU" };

	for (size_t i = 0; e->trace.n && i < e->before.n_vcpus; i++) {
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
	if (y.n)
		tally_check(t, "KVM's vCPU threads", "as QEMU tells them", &y, BY_DEBUGFS);
}

bool want_vmruns(const struct evidence *e, struct test_result *t)
{
	const char *why = e->vmruns.missing ? e->vmruns.missing : "the emulator was not asked";

	if (!e->vmruns.present)
		check_skip(t, "#VMEXITs counted by the emulator", why);
	return e->vmruns.present;
}
