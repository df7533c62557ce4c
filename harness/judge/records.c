// SPDX-License-Identifier: GPL-2.0-only
#include "judge/records.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define GENERAL_REGISTERS ((1U << VREG_RIP) - 1) /* the 16 before rip in enum trace_reg */

static bool is_about(const struct trace_record *r, uint64_t vcpu_id)
{
	return r->has_vcpu_id && r->vcpu_id >= 0 && (uint64_t)r->vcpu_id == vcpu_id;
}

const enum trace_reg kvm_regs_order[KVM_REGS] = {
	VREG_RAX, VREG_RBX, VREG_RCX, VREG_RDX, VREG_RSI, VREG_RDI, VREG_RSP, VREG_RBP,
	VREG_R8,  VREG_R9,  VREG_R10, VREG_R11, VREG_R12, VREG_R13, VREG_R14, VREG_R15,
};

size_t records_count(const struct trace_records *r, uint64_t vcpu_id)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += is_about(&r->v[i], vcpu_id);
	return n;
}

const struct trace_record *record_of(const struct trace_records *r, uint64_t vcpu_id, size_t k)
{
	for (size_t i = 0; i < r->n; i++)
		if (is_about(&r->v[i], vcpu_id) && k-- == 0)
			return &r->v[i];
	return NULL;
}

bool record_has(const struct trace_record *r, enum trace_reg reg)
{
	return r->have_regs & 1U << reg;
}

/* --- how many --- */

static bool is_wanted(const struct trace_record *r, const struct record_count *want, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_about(r, want[i].vcpu_id))
			return true;
	return false;
}

bool check_record_counts(const struct evidence *e, struct test_result *t,
			 const struct record_count *want, size_t n)
{
	struct tally y = { .unit = "vCPU" };
	bool ok;

	for (size_t i = 0; i < n; i++) {
		size_t found = records_count(&e->trace, want[i].vcpu_id);

		if (found == want[i].times)
			tally_good(&y);
		else
			tally_bad(&y, "vCPU %" PRIu64 " has %zu records, not %zu", want[i].vcpu_id,
				  found, want[i].times);
	}
	for (size_t i = 0; i < e->trace.n; i++) {
		const struct trace_record *r = &e->trace.v[i];

		if (!r->has_vcpu_id)
			tally_bad_at(&y, r->line, "names no vCPU");
		else if (!is_wanted(r, want, n))
			tally_bad_at(&y, r->line, "is about vCPU %" PRId64 ", which is not online",
				     r->vcpu_id);
	}
	ok = y.n && !y.n_bad;
	tally_check_trace(t, e, "a record for each CPU and call",
			  "for each call, one record about each online CPU and no other", &y, NULL);
	return ok;
}

/* --- pids --- */

static const struct oracle_vcpu *vcpu_before(const struct evidence *e, const struct trace_record *r)
{
	return r->has_vcpu_id && r->vcpu_id >= 0 ? oracle_vcpu(&e->before, (uint64_t)r->vcpu_id)
						 : NULL;
}

static void tally_pid(struct tally *y, const struct evidence *e, const struct trace_record *r)
{
	const struct oracle_vcpu *v = vcpu_before(e, r);

	if (!v || !v->has_thread)
		return;
	if (!r->has_pid)
		tally_bad_at(y, r->line, "vCPU %" PRId64 " has no pid", r->vcpu_id);
	else if (r->pid < 0 || (uint64_t)r->pid != v->thread_id)
		tally_bad_at(y, r->line,
			     "vCPU %" PRId64 " has pid %" PRId64 ", its thread is %" PRIu64,
			     r->vcpu_id, r->pid, v->thread_id);
	else
		tally_good(y);
}

void check_pids(const struct evidence *e, struct test_result *t)
{
	static const char name[] = "pid of each vCPU",
			  expected[] = "the id of that vCPU's thread in L1";
	struct tally y = { .unit = "record" };

	if (!e->before.valid) {
		check_broken(t, name, expected, "L1's QEMU told no thread ids");
		return;
	}
	for (size_t i = 0; i < e->trace.n; i++)
		tally_pid(&y, e, &e->trace.v[i]);
	tally_check_trace(t, e, name, expected, &y, BY_QMP_THREADS);
}

/* A record about another vCPU with the same pid as this one has. */
static const struct trace_record *same_pid(const struct trace_records *all,
					   const struct trace_record *r)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct trace_record *o = &all->v[i];

		if (o->has_pid && o->has_vcpu_id && o->vcpu_id != r->vcpu_id && o->pid == r->pid)
			return o;
	}
	return NULL;
}

void check_own_pids(const struct evidence *e, struct test_result *t)
{
	static const char name[] = "pids differ";
	struct tally y = { .unit = "vCPU" };

	if (e->l2_cpus < 2) {
		check_skip(t, name, "L2 has one vCPU (try L2_CPUS=2)");
		return;
	}
	for (uint64_t id = 0; id < ORACLE_MAX_VCPUS; id++) {
		const struct trace_record *r = record_of(&e->trace, id, 0), *o;

		if (!r)
			continue;
		o = r->has_pid ? same_pid(&e->trace, r) : NULL;
		if (!r->has_pid)
			tally_bad(&y, "vCPU %" PRIu64 " has none", id);
		else if (o)
			tally_bad(&y, "vCPUs %" PRIu64 " and %" PRId64 " both have %" PRId64, id,
				  o->vcpu_id, r->pid);
		else
			tally_good(&y);
	}
	tally_check_trace(t, e, name, "each vCPU has a pid of its own", &y, NULL);
}

/* --- exits --- */

static void tally_bounds(struct tally *y, const struct evidence *e, const struct trace_record *r)
{
	const struct oracle_vcpu *before = vcpu_before(e, r), *after;

	if (!before)
		return;
	after = oracle_vcpu(&e->after, before->vcpu_id);
	if (!r->has_num_exits)
		tally_bad_at(y, r->line, "vCPU %" PRId64 " has none", r->vcpu_id);
	else if (r->num_exits < before->exits || !after || r->num_exits > after->exits)
		tally_bad_at(y, r->line,
			     "vCPU %" PRId64 " has %" PRIu64 ", KVM counted %" PRIu64
			     " before and %" PRIu64 " after",
			     r->vcpu_id, r->num_exits, before->exits, after ? after->exits : 0);
	else
		tally_good(y);
}

void check_exits_bounds(const struct evidence *e, struct test_result *t)
{
	static const char name[] = "exits of each vCPU";
	static const char expected[] = "between KVM's own count before and after the program";
	struct tally y = { .unit = "record" };

	if (!oracle_has_all_exits(&e->before) || !oracle_has_all_exits(&e->after)) {
		check_broken(t, name, expected, "KVM's statistics could not be read");
		return;
	}
	for (size_t i = 0; i < e->trace.n; i++)
		tally_bounds(&y, e, &e->trace.v[i]);
	tally_check_trace(t, e, name, expected, &y, BY_KVM_STATS);
}

/* --- registers --- */

static void add_names(struct buf *b, uint32_t set)
{
	for (unsigned int r = 0; r < VREG_COUNT; r++)
		if (set & 1U << r)
			buf_printf(b, "%s%s", b->len ? " " : "", trace_reg_names[r]);
}

static void tally_present(struct tally *y, const struct trace_record *r, uint32_t wanted)
{
	_cleanup_buf_ struct buf missing = { 0 };

	add_names(&missing, wanted & ~r->have_regs);
	if (!missing.len)
		tally_good(y);
	else if (r->has_vcpu_id)
		tally_bad_at(y, r->line, "vCPU %" PRId64 " lacks %s", r->vcpu_id,
			     buf_str(&missing));
	else
		tally_bad_at(y, r->line, "lacks %s", buf_str(&missing));
}

/*
 * The assignment asks for the general purpose registers. rip and rflags are none: whoever traces
 * them does it in every record, whoever does not is not wrong.
 */
void check_registers_there(const struct evidence *e, struct test_result *t)
{
	static const uint32_t others = 1U << VREG_RIP | 1U << VREG_RFLAGS;
	struct tally general = { .unit = "record" }, extra = { .unit = "record" };
	uint32_t seen = 0;

	for (size_t i = 0; i < e->trace.n; i++)
		seen |= e->trace.v[i].have_regs & others;
	for (size_t i = 0; i < e->trace.n; i++) {
		tally_present(&general, &e->trace.v[i], GENERAL_REGISTERS);
		tally_present(&extra, &e->trace.v[i], seen);
	}
	tally_check_trace(t, e, "general registers", "all 16 in each record", &general, NULL);
	if (seen) {
		tally_check_trace(t, e, "rip and rflags", "traced in each record or in none",
				  &extra, NULL);
		return;
	}
	buf_free(&extra.bad);
	check_skip(t, "rip and rflags",
		   "not traced; the assignment asks for the general registers");
}

/* --- the rest --- */

void check_call_results(const struct evidence *e, struct test_result *t)
{
	struct tally y = { .unit = "call" };
	size_t k = 0;

	for (size_t i = 0; i < e->obs.n; i++) {
		const struct observation *o = &e->obs.v[i];

		if (strcmp(o->key, "call.result") != 0)
			continue;
		k++;
		if (o->u64)
			tally_bad(&y, "call %zu gave %s", k, o->str);
		else
			tally_good(&y);
	}
	tally_check(t, "result of each call", "0 each time", &y, NULL);
}

void check_caller_unharmed(const struct evidence *e, struct test_result *t)
{
	_cleanup_u64v_ struct u64v changed = { 0 };
	struct tally y = { .unit = "call" };

	u64v_collect(&changed, &e->obs, "call.changed");
	for (size_t k = 0; k < changed.n; k++) {
		_cleanup_buf_ struct buf which = { 0 };

		for (unsigned int i = 0; i < KVM_REGS; i++)
			if (changed.v[k] & 1u << i)
				buf_printf(&which, " %s", trace_reg_names[kvm_regs_order[i]]);
		if (changed.v[k])
			tally_bad(&y, "call %zu changed%s", k + 1, buf_str(&which));
		else
			tally_good(&y);
	}
	tally_check(t, "the caller's registers", "a call changes none but those that answer", &y,
		    "oracle: the test program, by KVM_GET_REGS");
}
