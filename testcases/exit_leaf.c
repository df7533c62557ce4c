// SPDX-License-Identifier: GPL-2.0-only
#include "exit_leaf.h"

#include "exit_hist.h"

struct reading {
	uint32_t exits_leaf, cycles_leaf;
	struct cpuid exits, cycles;
};

static void read_leaves(void *arg)
{
	struct reading *r = arg;

	r->exits = cpuid(r->exits_leaf, 0);
	r->cycles = cpuid(r->cycles_leaf, 0);
}

struct exit_totals exit_leaf_read(struct micro *m)
{
	static struct reading r; /* static, as all that a guest writes */

	r.exits_leaf = (uint32_t)guest_number("NESTLAB_LEAF_TOTAL_EXITS", 0x4fffffff);
	r.cycles_leaf = (uint32_t)guest_number("NESTLAB_LEAF_TOTAL_CYCLES", r.exits_leaf);
	observe_u64("all.before", hist_total());
	observe_u64("own.before", micro_all_exits(m));
	micro_start(m, 0, read_leaves, &r);
	micro_finish(m, 0);
	observe_u64("own.after", micro_all_exits(m));
	observe_u64("all.after", hist_total());
	return (struct exit_totals){ r.exits.eax, (uint64_t)r.cycles.ebx << 32 | r.cycles.ecx };
}
