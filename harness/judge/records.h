/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checks about the records of vCPU data in the trace, shared by the testcases of assignment
 * vcpu-info. A test's calls follow one another, and each writes one record about each online CPU:
 * so the k-th record about a vCPU belongs to the k-th call in which it was online.
 */
#ifndef NESTLAB_JUDGE_RECORDS_H
#define NESTLAB_JUDGE_RECORDS_H

#include "judge/checks.h"

size_t records_count(const struct trace_records *r, uint64_t vcpu_id);
/* The k-th (0-based) record about this vCPU, or NULL. */
const struct trace_record *record_of(const struct trace_records *r, uint64_t vcpu_id, size_t k);
bool record_has(const struct trace_record *r, enum trace_reg reg);

/*
 * The general registers as <linux/kvm.h>'s struct kvm_regs orders them: how micro guests number
 * them.
 */
#define KVM_REGS 16
extern const enum trace_reg kvm_regs_order[KVM_REGS];

/* How many records about a vCPU the test's calls should have left. */
struct record_count {
	uint64_t vcpu_id;
	size_t times;
};
/*
 * Check "a record for each CPU and call". Returns whether it passed: records can be told apart by
 * call.
 */
bool check_record_counts(const struct evidence *e, struct test_result *t,
			 const struct record_count *want, size_t n);

void check_pids(const struct evidence *e, struct test_result *t);	  /* against L1's QEMU */
void check_own_pids(const struct evidence *e, struct test_result *t);	  /* n vCPUs, n pids */
void check_exits_bounds(const struct evidence *e, struct test_result *t); /* against KVM */
void check_registers_there(const struct evidence *e, struct test_result *t);

/* The results of all calls ("call.result"): 0 each. */
void check_call_results(const struct evidence *e, struct test_result *t);
/*
 * Check "the caller's registers": of each call ("call.changed": a bit for each that it changed, in
 * the order above) none but rax.
 */
void check_caller_unharmed(const struct evidence *e, struct test_result *t);

#endif
