// SPDX-License-Identifier: GPL-2.0-only
/*
 * cpuid-leaves/map: what each of the leaves 0x4FFFFFFC to 0x4FFFFFFF holds, by how it grows: a
 * micro guest makes exits of one reason between two readings of all four, with that reason and with
 * another one in ecx. Right numbers in a wrong leaf are told as such.
 */
#include <stdint.h>

#define FIRST_LEAF 0x4ffffffcu
#define LEAVES 4

#ifdef NESTLAB_GUEST
#include "micro.h"

#define EXITS 1000 /* of the busy reason, and as many of another one */

/* No vCPU here makes exits of this one: the CPU's SMI. */
#define SVM_QUIET 0x62
#define VMX_QUIET 6

static struct {
	struct cpuid busy, quiet;
} readings[LEAVES];
static uint32_t busy, quiet; /* exit reasons */

static void read_leaves(void *arg)
{
	(void)arg;
	for (uint32_t i = 0; i < LEAVES; i++) {
		readings[i].quiet = cpuid(FIRST_LEAF + i, quiet);
		readings[i].busy = cpuid(FIRST_LEAF + i, busy);
	}
}

static void make_exits(void *arg)
{
	for (uintptr_t n = (uintptr_t)arg; n; n--) {
		cpuid(0, 0);
		micro_hypercall(UINT32_MAX, 0);
	}
}

static void tell(uint32_t leaf, const char *reason, struct cpuid c)
{
	observe_u64("leaf", leaf);
	observe_str("leaf.ecx", reason);
	observe_u64("leaf.eax", c.eax);
	observe_u64("leaf.cycles", (uint64_t)c.ebx << 32 | c.ecx);
	observe_u64("leaf.edx", c.edx);
	if (!guest_in_lab)
		printf("CPUID(0x%08X), ecx %s: eax=%u ebx:ecx=%llu\n", leaf, reason, c.eax,
		       (unsigned long long)c.ebx << 32 | c.ecx);
}

static void take(struct micro *m)
{
	observe_u64("tsc", rdtsc_ordered());
	observe_u64("all.before", micro_host_exits());
	micro_start(m, 0, read_leaves, NULL);
	micro_finish(m, 0);
	observe_u64("all.after", micro_host_exits());
	for (uint32_t i = 0; i < LEAVES; i++) {
		tell(FIRST_LEAF + i, "busy", readings[i].busy);
		tell(FIRST_LEAF + i, "quiet", readings[i].quiet);
	}
}

static void run(void)
{
	static const uint32_t ids[] = { 0 };
	struct micro *m = micro_new(ids, 1);

	busy = micro_intel ? 10 : 0x72; /* CPUID */
	quiet = micro_intel ? VMX_QUIET : SVM_QUIET;
	take(m);
	micro_start(m, 0, make_exits, (void *)EXITS);
	micro_finish(m, 0);
	take(m);
	observe_u64("tsc", rdtsc_ordered());
	observe_u64("made", EXITS);
	micro_free(m);
}

GUEST_TEST(run)

#else

#include <inttypes.h>
#include <string.h>

#include "plan/assignment.h"
#include "judge/checks.h"
#include "judge/wrong.h"

/* From the first reading of all leaves to the second. */
struct growth {
	uint32_t exits;	 /* of eax */
	uint64_t cycles; /* of ebx:ecx */
};

struct readings {
	struct table y;
	struct u64v tsc, before, after;
	const struct evidence *e;
	uint64_t made;
};

enum column { LEAF, EAX, CYCLES, EDX };
static const char *const keys[] = { "leaf", "leaf.eax", "leaf.cycles", "leaf.edx" };

#define ROWS (2 * LEAVES) /* of one reading: each leaf, busy and quiet */

static struct growth growth_of(const struct readings *r, unsigned int leaf, bool is_quiet)
{
	size_t row = 2 * leaf + is_quiet;

	return (struct growth){
		.exits = (uint32_t)(table_at(&r->y, row + ROWS, EAX) - table_at(&r->y, row, EAX)),
		.cycles = table_at(&r->y, row + ROWS, CYCLES) - table_at(&r->y, row, CYCLES),
	};
}

/* What was made of two reasons, and KVM's count of all. */
static bool is_total_exits(const struct readings *r, uint32_t n)
{
	uint64_t most = r->after.v[1] - r->before.v[0] + r->e->l2_busy;

	return n >= 2 * r->made && n <= most;
}

/* What was made of the one, and the readings of the leaves, which are exits of this reason, too. */
static bool is_type_exits(const struct readings *r, uint32_t n)
{
	return n >= r->made && n <= r->made + 2 * LEAVES + r->e->l2_busy;
}

static bool is_cycles(const struct readings *r, uint64_t n)
{
	return n && n <= (r->tsc.v[2] - r->tsc.v[0]) * (1 + r->e->l2_busy);
}

/* Whether this leaf can be what the role says. */
static bool plays(const struct readings *r, unsigned int leaf, enum leaf_role role)
{
	struct growth of_busy = growth_of(r, leaf, false), of_quiet = growth_of(r, leaf, true);

	switch (role) {
	case LEAF_TOTAL_EXITS:
		return is_total_exits(r, of_busy.exits) && is_total_exits(r, of_quiet.exits);
	case LEAF_TOTAL_CYCLES:
		return is_cycles(r, of_busy.cycles) && is_cycles(r, of_quiet.cycles);
	case LEAF_TYPE_EXITS:
		return is_type_exits(r, of_busy.exits) && !of_quiet.exits;
	case LEAF_TYPE_CYCLES:
		return is_cycles(r, of_busy.cycles) && !of_quiet.cycles;
	case LEAF_ROLES:
		break;
	}
	return false;
}

static const char *const role_words[LEAF_ROLES] = {
	[LEAF_TOTAL_EXITS] = "all exits (eax)",
	[LEAF_TOTAL_CYCLES] = "all cycles (ebx:ecx)",
	[LEAF_TYPE_EXITS] = "exits of a reason (eax)",
	[LEAF_TYPE_CYCLES] = "cycles of a reason (ebx:ecx)",
};

static void add_role(struct buf *b, uint32_t leaf, enum leaf_role role)
{
	buf_printf(b, "%s0x%08" PRIX32 ": %s", b->len ? "; " : "", leaf, role_words[role]);
}

static void find_roles(const struct readings *r, struct buf *found)
{
	for (unsigned int leaf = 0; leaf < LEAVES; leaf++)
		for (unsigned int role = 0; role < LEAF_ROLES; role++)
			if (plays(r, leaf, role))
				add_role(found, FIRST_LEAF + leaf, role);
}

/* In one of the four leaves, which need not be the one that the assignment names. */
static bool is_somewhere(const struct readings *r, enum leaf_role role)
{
	for (unsigned int leaf = 0; leaf < LEAVES; leaf++)
		if (plays(r, leaf, role))
			return true;
	return false;
}

static void check_map(const struct readings *r, struct test_result *t)
{
	const struct assignment *a = r->e->assignment;
	_cleanup_buf_ struct buf want = { 0 }, found = { 0 };
	bool right = true, misplaced = true;

	for (unsigned int role = 0; role < LEAF_ROLES; role++) {
		unsigned int leaf = a->leaf[role] - FIRST_LEAF;

		if (!a->leaf[role])
			continue;
		add_role(&want, a->leaf[role], role);
		right &= leaf < LEAVES && plays(r, leaf, role);
		misplaced &= is_somewhere(r, role);
	}
	find_roles(r, &found);
	if (!found.len)
		buf_puts(&found, "none of them in any of the four leaves");
	else if (!right)
		buf_printf(&found, "%s", misplaced ? " (" WRONG_LEAF ")" : "");
	check_that(t, "the leaf map", right, buf_str(&want), buf_str(&found),
		   "oracle: KVM's own count (debugfs kvm/exits) and the TSC, before and after");
}

static bool collect(struct readings *r)
{
	const struct observations *o = &r->e->obs;

	u64v_collect(&r->tsc, o, "tsc");
	u64v_collect(&r->before, o, "all.before");
	u64v_collect(&r->after, o, "all.after");
	return table_collect(&r->y, o, keys, ARRAY_SIZE(keys)) && r->y.rows == 2 * ROWS &&
	       r->tsc.n == 3 && r->before.n == 2 && r->after.n == 2 &&
	       has_u64(o, "made", &r->made);
}

static const char *const checks[] = {
	"the leaf map",
	NULL,
};

static void judge(const struct evidence *e, struct test_result *t)
{
	struct readings r = { .e = e };

	if (!check_program(e, t))
		return;
	if (collect(&r)) {
		result_add_measure(t, "exits made of each reason", "exits", (double)r.made);
		check_map(&r, t);
	} else {
		check_broken(t, "the readings", "two of each leaf, told whole",
			     "some of its lines are missing");
	}
	table_free(&r.y);
	u64v_free(&r.tsc);
	u64v_free(&r.before);
	u64v_free(&r.after);
}

static const struct testcase cpuid_leaves_map = {
	.name = "cpuid-leaves/map",
	.assignment = "cpuid-leaves",
	.summary = "what each of the leaves 0x4FFFFFFC to 0x4FFFFFFF holds, by how it grows",
	.program = "test_leaf_map",
	.level = 1,
	.timeout_s = 30,
	.quiet = true,
	.checks = checks,
	.judge = judge,
};
TESTCASE(cpuid_leaves_map);
#endif
