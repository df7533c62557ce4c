// SPDX-License-Identifier: GPL-2.0-only
/*
 * cpuid-exits/other-leaves: every other CPUID leaf answers as the unpatched kernel's. The program
 * dumps the leaves and the places just outside their ranges; the judge compares with the same
 * dump from a run on the unpatched host kernel.
 */
#include <stdint.h>

#ifdef NESTLAB_GUEST
#include "guest.h"

#include <inttypes.h>

/*
 * Leaves that look at ecx, with the subleaves they can have; all others get 0 and one that means
 * nothing.
 */
static const struct {
	uint32_t leaf, subleaves;
} indexed[] = {
	{ 0x4, 8 },  { 0x7, 4 },	{ 0xb, 4 },	   { 0xd, 64 },
	{ 0xf, 2 },  { 0x10, 4 },	{ 0x12, 4 },	   { 0x14, 2 },
	{ 0x17, 4 }, { 0x18, 4 },	{ 0x1d, 2 },	   { 0x1e, 2 },
	{ 0x1f, 6 }, { 0x80000020, 4 }, { 0x8000001d, 6 }, { 0x80000026, 4 },
};

/*
 * Outside of every range, where a change to the emulation's search would show: around the
 * assignment's leaves, below and above the hypervisor's, and at the ends.
 */
static const uint32_t outside[] = {
	0x00001000, 0x3fffffff, 0x40000002, 0x40000100, 0x4ffffff0, 0x4ffffffb, 0x4ffffffc,
	0x4ffffffd, 0x4ffffffe, 0x4fffffff, 0x50000000, 0x7fffffff, 0x8000ffff, 0x80860000,
	0x8fffffff, 0xc0000000, 0xc0000001, 0xcfffffff, 0xffffffff,
};

static void dump(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid c = cpuid(leaf, subleaf);
	char key[48], text[48];

	snprintf(key, sizeof(key), "leaf.%08" PRIx32 ".%" PRIu32, leaf, subleaf);
	snprintf(text, sizeof(text), "%08" PRIx32 " %08" PRIx32 " %08" PRIx32 " %08" PRIx32, c.eax,
		 c.ebx, c.ecx, c.edx);
	observe_str(key, text);
	if (!guest_in_lab)
		printf("CPUID(0x%08" PRIX32 ".%" PRIu32 ") = %s\n", leaf, subleaf, text);
}

static uint32_t subleaves_of(uint32_t leaf)
{
	for (size_t i = 0; i < sizeof(indexed) / sizeof(indexed[0]); i++)
		if (indexed[i].leaf == leaf)
			return indexed[i].subleaves;
	return 2;
}

static void dump_leaf(uint32_t leaf)
{
	for (uint32_t subleaf = 0; subleaf < subleaves_of(leaf); subleaf++)
		dump(leaf, subleaf);
}

/* From the first leaf of a range, whose eax tells the last one, to two past the last. */
static void dump_range(uint32_t first, uint32_t most)
{
	uint32_t last = cpuid(first, 0).eax;

	if (last < first || last - first > most)
		last = first;
	for (uint32_t leaf = first; leaf <= last + 2; leaf++)
		dump_leaf(leaf);
}

static void run(void)
{
	struct guest_cpus cpus;

	guest_cpus(&cpus);
	observe_u64("cpus", cpus.n);
	/* Some leaves tell the APIC id of the CPU that asks. */
	SAFE_PIN(cpus.cpu[0]);
	/* Hundreds of lines: in large pieces. */
	setvbuf(stdout, NULL, _IOFBF, 65536);
	dump_range(0x00000000, 0x40);
	dump_range(0x40000000, 0x20);
	dump_range(0x80000000, 0x40);
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++)
		dump(outside[i], 0);
}

GUEST_TEST(run)

#else

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "plan/assignment.h"
#include "judge/checks.h"

struct leaf {
	uint32_t number, subleaf;
	uint32_t reg[4]; /* eax, ebx, ecx, edx */
};

static const char *const reg_names[] = { "eax", "ebx", "ecx", "edx" };

/* Bits that differ from run to run of one kernel. */
static const struct {
	uint32_t number, subleaf;
	uint32_t ignore[4];
	const char *why;
} dynamic[] = {
	/* QEMU's and KVM's timing leaf: L1 measures its own TSC's frequency at each boot. */
	{ 0x40000010, 0, { UINT32_MAX, UINT32_MAX, 0, 0 }, "the TSC's measured frequency" },
	/*
	 * The same, where KVM or QEMU give L2 the TSC and core clock leaves from what L1 measured.
	 */
	{ 0x15, 0, { 0, UINT32_MAX, UINT32_MAX, 0 }, "the TSC's measured frequency" },
	{ 0x16, 0, { UINT32_MAX, UINT32_MAX, UINT32_MAX, 0 }, "the core's measured frequency" },
};

static bool parse_leaf(const struct observation *o, struct leaf *l)
{
	return o->type == OBS_STR &&
	       sscanf(o->key, "leaf.%" SCNx32 ".%" SCNu32, &l->number, &l->subleaf) == 2 &&
	       sscanf(o->str, "%" SCNx32 " %" SCNx32 " %" SCNx32 " %" SCNx32, &l->reg[0],
		      &l->reg[1], &l->reg[2], &l->reg[3]) == 4;
}

static uint32_t mask(const struct leaf *l, size_t reg)
{
	for (size_t i = 0; i < ARRAY_SIZE(dynamic); i++)
		if (dynamic[i].number == l->number && dynamic[i].subleaf == l->subleaf)
			return ~dynamic[i].ignore[reg];
	return UINT32_MAX;
}

static void tally_leaf(struct tally *y, const struct leaf *now, const struct leaf *base)
{
	for (size_t i = 0; i < 4; i++) {
		if (!((now->reg[i] ^ base->reg[i]) & mask(now, i)))
			continue;
		tally_bad(y,
			  "leaf 0x%08" PRIX32 ".%" PRIu32 " %s is 0x%08" PRIx32
			  ", unpatched 0x%08" PRIx32,
			  now->number, now->subleaf, reg_names[i], now->reg[i], base->reg[i]);
		return;
	}
	tally_good(y);
}

static void compare_leaves(const struct evidence *e, struct tally *others, struct tally *ours)
{
	for (size_t i = 0; i < e->obs.n; i++) {
		const struct observation *base = obs_get(&e->baseline, e->obs.v[i].key, 0);
		struct leaf now, then;

		if (!parse_leaf(&e->obs.v[i], &now))
			continue;
		if (!base || !parse_leaf(base, &then))
			tally_bad(others,
				  "leaf 0x%08" PRIX32 ".%" PRIu32 " is not told by the unpatched"
				  " kernel",
				  now.number, now.subleaf);
		else if (assignment_frees_leaf(e->assignment, now.number))
			continue;
		else if (!assignment_has_leaf(e->assignment, now.number))
			tally_leaf(others, &now, &then);
		else if (memcmp(now.reg, then.reg, sizeof(now.reg)) != 0)
			tally_good(ours);
		else
			tally_bad(ours, "leaf 0x%08" PRIX32 " does", now.number);
	}
}

/* A range that became shorter: leaves that only the unpatched kernel tells. */
static void find_lost_leaves(const struct evidence *e, struct tally *others)
{
	struct leaf l;

	for (size_t i = 0; i < e->baseline.n; i++)
		if (parse_leaf(&e->baseline.v[i], &l) && !obs_get(&e->obs, e->baseline.v[i].key, 0))
			tally_bad(others, "leaf 0x%08" PRIX32 ".%" PRIu32 " is gone", l.number,
				  l.subleaf);
}

static bool baseline_fits(const struct evidence *e)
{
	uint64_t now = 0, then = 0;

	return has_u64(&e->obs, "cpus", &now) && has_u64(&e->baseline, "cpus", &then) &&
	       now == then;
}

static const char *const checks[] = {
	"every other leaf",
	"the assignment's leaf",
	NULL,
};

static void judge(const struct evidence *e, struct test_result *t)
{
	static const char name[] = "every other leaf",
			  by[] = "the same program on the unpatched kernel";
	struct tally others = { .unit = "leaf" }, ours = { .unit = "leaf" };

	if (!check_program_compared(e, t, checks))
		return;
	if (!baseline_fits(e)) {
		check_broken(t, name, "as many CPUs in the run on the unpatched kernel",
			     "another number");
		return;
	}
	compare_leaves(e, &others, &ours);
	find_lost_leaves(e, &others);
	result_add_measure(t, "leaves compared", "leaves", (double)others.n);
	tally_check(t, name, "answers as the unpatched kernel's", &others, by);
	tally_check(t, "the assignment's leaf", "does not answer as the unpatched kernel's", &ours,
		    by);
}

static const struct testcase cpuid_exits_other_leaves = {
	.name = "cpuid-exits/other-leaves",
	.assignment = "cpuid-exits",
	.summary = "every other CPUID leaf, in and out of the ranges, against the unpatched kernel",
	.program = "test_cpuid_leaves",
	.level = 2,
	.timeout_s = 30,
	.wants_baseline = true,
	.checks = checks,
	.judge = judge,
};
TESTCASE(cpuid_exits_other_leaves);
#endif
