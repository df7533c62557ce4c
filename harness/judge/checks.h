/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The small pieces that judges are made of. Each adds exactly one check to the test's result:
 * what was expected, what was observed, and the evidence (which oracle, which lines). Pure: they
 * read what they are given and start nothing. They return the check, valid until the next one is
 * added, for a caller that has more to say of it.
 */
#ifndef NESTLAB_JUDGE_CHECKS_H
#define NESTLAB_JUDGE_CHECKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/util.h"
#include "judge/testcase.h"

/*
 * Evidence for what L1's QEMU and KVM said. evidence may be NULL in all calls below: where only a
 * file shows it, or nothing but the check itself.
 */
#define BY_QMP_THREADS "oracle: thread ids from L1's QEMU (QMP query-cpus-fast)"
#define BY_KVM_STATS                                                                               \
	"oracle: KVM's own statistics of each vCPU, read before and after (QMP query-stats)"

#define BY_DEBUGFS "oracles: L1's debugfs (kvm/*/vcpu*/pid) and its QEMU (QMP query-cpus-fast)"
#define BY_VMRUNS "oracle: #VMEXITs counted by the emulator, from outside L1"

struct check_result *check_that(struct test_result *t, const char *name, bool ok,
				const char *expected, const char *observed, const char *evidence);
struct check_result *check_equal_u64(struct test_result *t, const char *name, uint64_t expected,
				     uint64_t observed, const char *evidence);
struct check_result *check_at_least(struct test_result *t, const char *name, uint64_t least,
				    uint64_t observed, const char *evidence);
struct check_result *check_at_most(struct test_result *t, const char *name, uint64_t most,
				   uint64_t observed, const char *evidence);
struct check_result *check_between(struct test_result *t, const char *name, uint64_t least,
				   uint64_t most, uint64_t observed, const char *evidence);
struct check_result *check_skip(struct test_result *t, const char *name, const char *reason);
/* Those of a NULL-terminated list that the test does not have yet: skipped, all for one reason. */
void check_skip_rest(struct test_result *t, const char *const *names, const char *reason);
/* The lab could not give what the check needs. */
struct check_result *check_broken(struct test_result *t, const char *name, const char *expected,
				  const char *observed);

/*
 * One check about many things: each is counted good, or bad with a sentence. tally_check() passes
 * when there was at least one and none was bad, tells the first bad ones otherwise, and frees the
 * tally. Where a bad thing was told with its line of the trace, the check refers to the first.
 */
struct tally {
	const char *unit; /* "record", "reading": for the observed text */
	size_t n, n_bad;
	unsigned int line; /* of trace.txt; 0: none told */
	struct buf bad;
};
void tally_good(struct tally *y);
void tally_bad(struct tally *y, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "line 17: ..." of trace.txt; line 0: as tally_bad(). */
void tally_bad_at(struct tally *y, unsigned int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void tally_drop(struct tally *y); /* free it, and add no check */
struct check_result *tally_check(struct test_result *t, const char *name, const char *expected,
				 struct tally *y, const char *evidence);

/*
 * Checks "the test program's end" and "the test program's output": it ended by itself, said that it
 * is done, and printed no malformed line. Returns false when the rest can't be judged (it also
 * tells of a program that asked to be skipped or whose set-up failed). Both, and the trace, are
 * preparatory.
 */
bool check_program(const struct evidence *e, struct test_result *t);
/* The same for a test that wants a baseline: without one its checks are skipped. False: no more. */
bool check_program_compared(const struct evidence *e, struct test_result *t,
			    const char *const *checks);

/*
 * Checks "the trace": both markers seen, no event lost, all values readable. Returns false when
 * it can't be judged by.
 */
bool check_trace(const struct evidence *e, struct test_result *t);
/* tally_check(), and the check can be seen in the test's trace. */
struct check_result *tally_check_trace(struct test_result *t, const struct evidence *e,
				       const char *name, const char *expected, struct tally *y,
				       const char *evidence);

#define TRACE_FILE "trace.txt"
/* The check can be seen in the trace: all of the test's lines, unless it refers to one already. */
void check_in_trace(struct check_result *c, const struct evidence *e);

/*
 * What a test believes, against what L1's QEMU and the emulator tell: vCPUs' threads, KVM's own
 * statistics, its tracepoint kvm_exit, the num_exits in the trace. A changed KVM keeps them.
 *
 * Which of these are asked is a matter of the test alone, and where the lab has not got what one
 * needs it is skipped, with the reason. About L2 they are asked by the tests that run in it: it
 * is booted for no other. A test in L1 can have made exits only, and a monitor's test judges no
 * KVM. All of them are preparatory.
 */
void check_oracles(const struct testcase *tc, const struct evidence *e, struct test_result *t);
/* Their names for this test; the caller owns the list. */
void oracle_check_names(const struct testcase *tc, struct strv *names);

/*
 * For checks that can't do without: true, or all of them (NULL-terminated) skipped with the reason
 * why the emulator did not count.
 */
bool want_vmruns(const struct evidence *e, struct test_result *t, const char *const *checks);

/*
 * The only or last observation with this key. A check about a missing one is added (broken: the
 * program forgot it) and false returned.
 */
bool want_u64(const struct evidence *e, struct test_result *t, const char *key, uint64_t *value);
bool has_u64(const struct observations *o, const char *key, uint64_t *value);

/* All values of a key, in order. */
struct u64v {
	uint64_t *v;
	size_t n;
};
void u64v_collect(struct u64v *list, const struct observations *o, const char *key);
void u64v_free(struct u64v *list);
#define _cleanup_u64v_ __attribute__((cleanup(u64v_free)))

/*
 * What a program told row by row, an observation for each cell ("call.id", "call.result", ...).
 * table_collect() is false when there is no row, or cells are missing. The caller frees it in both
 * cases.
 */
#define TABLE_COLUMNS 24
struct table {
	struct u64v column[TABLE_COLUMNS];
	size_t n_columns, rows;
};
bool table_collect(struct table *y, const struct observations *o, const char *const *keys,
		   size_t n);
uint64_t table_at(const struct table *y, size_t row, size_t column);
void table_free(struct table *y);
#define _cleanup_table_ __attribute__((cleanup(table_free)))

#endif
