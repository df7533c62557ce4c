// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpu-info/ids: a micro guest with a hole in its vCPU ids asks about ids that name a vCPU and
 * about ids that name none, from each mode of the CPU, and from user mode, which may not make
 * hypercalls.
 */
#include <stdint.h>

/* Of the machine's vCPUs; the first one asks. */
static const uint32_t vcpu_ids[] = { 0, 3 };
#define N_VCPUS (sizeof(vcpu_ids) / sizeof(vcpu_ids[0]))

#ifdef NESTLAB_GUEST
#include "micro.h"

/* In the modes of 32 bits only the low half is an argument. */
static const uint64_t asked[] = {
	3,
	0,
	1, /* in the hole */
	2,
	4, /* one past the last */
	0xffffffff, /* -1, as an int has it */
	0x80000000,
	0x7fffffff,
	255,
	256, /* 2^8 + 0 and 2^8 + 3: an id kept in a byte */
	259,
	4095, /* about the most that KVM can have */
	4096,
	65539, /* 2^16 + 3 */
	1ULL << 32,
	(1ULL << 32) + 3,
	(1ULL << 32) + 1,
	1ULL << 63,
	(1ULL << 63) + 3,
	UINT64_MAX,
	UINT64_MAX - 3,
	0xffffffff00000003, /* -(2^32) + 3 */
	3, /* once more: nothing was harmed */
};

/* In the modes of 32 bits: no part of an argument, whatever KVM_SET_REGS left there. */
#define UPPER 0x1122334400000000ULL

static uint64_t hypercall;

/* upper: of the number and of the argument. */
static void ask(struct micro *m, enum micro_mode mode, uint64_t id, uint64_t upper)
{
	struct kvm_regs before = { .rip = micro_at(micro_call()),
				   .rflags = mode == MICRO_USER ? MICRO_RFLAGS_IO : MICRO_RFLAGS };
	struct kvm_regs after;
	uint64_t changed = 0;

	for (unsigned int i = 0; i < MICRO_REGS; i++)
		*micro_reg(&before, i) = 0x1000 + i;
	before.rax = upper | hypercall;
	before.rbx = upper | id;
	micro_set_mode(m, 0, mode);
	micro_set_regs(m, 0, &before);
	micro_go(m, 0);
	micro_finish(m, 0);
	micro_get_regs(m, 0, &after);
	for (unsigned int i = 1; i < MICRO_REGS; i++)
		if (*micro_reg(&before, i) != *micro_reg(&after, i))
			changed |= 1u << i;
	observe_str("call.mode", micro_mode_names[mode]);
	observe_u64("call.bits", mode == MICRO_LONG || mode == MICRO_USER ? 64 : 32);
	observe_u64("call.user", mode == MICRO_USER);
	observe_u64("call.id", id);
	observe_i64("call.result", (int64_t)after.rax);
	observe_u64("call.changed", upper ? 0 : changed);
	if (!guest_in_lab)
		printf("about %#llx (%s mode): result %lld\n", (unsigned long long)id,
		       micro_mode_names[mode], (long long)after.rax);
}

static void run(void)
{
	struct micro *m = micro_new(vcpu_ids, N_VCPUS);

	hypercall = guest_number("NESTLAB_HYPERCALL", 13);
	for (unsigned int mode = 0; mode < MICRO_MODES; mode++)
		for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++)
			if (asked[i] <= UINT32_MAX || mode == MICRO_LONG || mode == MICRO_USER)
				ask(m, mode, asked[i], 0);
	for (unsigned int mode = 0; mode < MICRO_MODES; mode++)
		for (uint64_t id = 3; mode != MICRO_LONG && mode != MICRO_USER && id < 5; id++)
			ask(m, mode, id, UPPER);
	micro_free(m);
}

GUEST_TEST(run)

#else

#include <inttypes.h>

#include "judge/records.h"

#define MINUS_EPERM UINT64_MAX /* -KVM_EPERM, Documentation/virt/kvm/x86/hypercalls.rst */

enum call_column { BITS, USER, ID, RESULT };
static const char *const keys[] = { "call.bits", "call.user", "call.id", "call.result" };

struct asked {
	const char *mode;
	uint64_t id, result;
	bool user, names_vcpu, past_32_bits;
};

static bool is_vcpu(uint64_t id)
{
	for (size_t i = 0; i < N_VCPUS; i++)
		if (vcpu_ids[i] == id)
			return true;
	return false;
}

static struct asked call_of(const struct evidence *e, const struct table *y, size_t k)
{
	struct asked a = { .mode = obs_get(&e->obs, "call.mode", k)->str,
			   .id = table_at(y, k, ID),
			   .result = table_at(y, k, RESULT),
			   .user = table_at(y, k, USER) };

	if (table_at(y, k, BITS) == 32) /* the high half of rax is left open there */
		a.result = (uint64_t)(int32_t)a.result;
	a.names_vcpu = is_vcpu(a.id);
	a.past_32_bits = a.id > UINT32_MAX && is_vcpu((uint32_t)a.id);
	return a;
}

static bool from_user(const struct asked *a)
{
	return a->user;
}

static bool about_vcpu(const struct asked *a)
{
	return !a->user && a->names_vcpu;
}

static bool about_cut(const struct asked *a)
{
	return !a->user && a->past_32_bits;
}

static bool about_none(const struct asked *a)
{
	return !a->user && !a->names_vcpu && !a->past_32_bits;
}

static bool is_eperm(const struct asked *a)
{
	return a->result == MINUS_EPERM;
}

static bool is_zero(const struct asked *a)
{
	return !a->result;
}

static bool is_error(const struct asked *a)
{
	return a->result != 0;
}

/* What a call must answer depends on who asks about what: a check for each kind. */
static const struct kind {
	const char *name, *expected;
	bool (*is)(const struct asked *a);
	bool (*right)(const struct asked *a);
} kinds[] = {
	{ "about a vCPU of this machine", "0, in each mode of the CPU", about_vcpu, is_zero },
	{ "about no vCPU of this machine", "an error, in each mode of the CPU", about_none,
	  is_error },
	{ "about an id past 32 bits", "an error: the argument has 64 bits", about_cut, is_error },
	{ "from user mode", "-1 (KVM_EPERM)", from_user, is_eperm },
};

static void check_kind(const struct evidence *e, const struct table *y, const struct kind *kind,
		       struct test_result *t)
{
	struct tally calls = { .unit = "call" };

	for (size_t k = 0; k < y->rows; k++) {
		struct asked a = call_of(e, y, k);

		if (!kind->is(&a))
			continue;
		if (kind->right(&a))
			tally_good(&calls);
		else
			tally_bad(&calls, "id %#" PRIx64 " (%s mode) gave %" PRId64, a.id, a.mode,
				  (int64_t)a.result);
	}
	tally_check(t, kind->name, kind->expected, &calls, NULL);
}

/*
 * What a caller in the guest's kernel takes for an error: -4095 to -1, in the bits that its mode
 * has. Which errno is left open; a call that should have failed and gave 0 is no error at all.
 */
static bool is_errno(const struct table *y, size_t row)
{
	uint64_t result = table_at(y, row, RESULT);
	int64_t value = table_at(y, row, BITS) == 64 ? (int64_t)result : (int32_t)result;

	return value >= -4095 && value <= -1;
}

static const char *what_is_wrong(uint64_t result)
{
	if ((int64_t)result < 0)
		return "negative, but no errno";
	if (result <= UINT32_MAX && (int32_t)result < 0)
		return "an errno of 32 bits, zero-extended: in 64 bits it is positive";
	return result <= 4095 ? "an errno without its sign" : "positive";
}

static void check_errnos(const struct evidence *e, const struct table *y, struct test_result *t)
{
	struct tally calls = { .unit = "error" };

	for (size_t k = 0; k < y->rows; k++) {
		struct asked a = call_of(e, y, k);

		if (!a.result)
			continue;
		if (is_errno(y, k))
			tally_good(&calls);
		else
			tally_bad(&calls, "id %#" PRIx64 " (%s mode) gave %" PRId64 ": %s", a.id, a.mode,
				  (int64_t)a.result, what_is_wrong(a.result));
	}
	tally_check(t, "the errors are errnos", "each from -4095 to -1", &calls, NULL);
}

/* The records, in their order, are those of the calls that may leave one. */
static void check_records(const struct evidence *e, const struct table *y, struct test_result *t)
{
	const struct trace_records *r = &e->trace;
	struct tally calls = { .unit = "record" };
	size_t next = 0;

	for (size_t k = 0; k < y->rows; k++) {
		struct asked a = call_of(e, y, k);

		if (a.user || !a.names_vcpu)
			continue;
		if (next < r->n && r->v[next].has_vcpu_id &&
		    r->v[next].vcpu_id == (int64_t)a.id)
			tally_good(&calls);
		else if (next < r->n)
			tally_bad_at(&calls, r->v[next].line,
				     "tells of vCPU %" PRId64 " for a call about %" PRIu64,
				     r->v[next].vcpu_id, a.id);
		else
			tally_bad(&calls, "none of a call about %" PRIu64, a.id);
		next++;
	}
	if (r->n > next)
		tally_bad(&calls, "%zu more than the calls that name a vCPU", r->n - next);
	tally_check_trace(t, e, "no record but theirs",
			  "one for each call that names a vCPU, from the kernel", &calls, NULL);
}

static const char *const checks[] = {
	"about a vCPU of this machine",
	"about no vCPU of this machine",
	"about an id past 32 bits",
	"from user mode",
	"the errors are errnos",
	"the caller's registers",
	"no record but theirs",
	NULL,
};

static void judge(const struct evidence *e, struct test_result *t)
{
	_cleanup_table_ struct table y = { 0 };

	if (!check_program(e, t))
		return;
	if (!table_collect(&y, &e->obs, keys, ARRAY_SIZE(keys)) ||
	    obs_count(&e->obs, "call.mode") != y.rows) {
		check_broken(t, "the calls", "every call told whole", "some of its lines are missing");
		return;
	}
	result_add_measure(t, "calls", "calls", (double)y.rows);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		check_kind(e, &y, &kinds[i], t);
	check_errnos(e, &y, t);
	check_caller_unharmed(e, t);
	if (check_trace(e, t))
		check_records(e, &y, t);
}

static const struct testcase vcpu_info_ids = {
	.name = "vcpu-info/ids",
	.assignment = "vcpu-info",
	.summary = "ids that name a vCPU and ids that name none, in each mode of the CPU",
	.program = "test_micro_ids",
	.level = 1,
	.timeout_s = 60,
	.wants_trace = true,
	.checks = checks,
	.judge = judge,
};
TESTCASE(vcpu_info_ids);
#endif
