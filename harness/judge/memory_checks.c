// SPDX-License-Identifier: GPL-2.0-only
#include "judge/memory_checks.h"

#include <inttypes.h>

#include "core/util.h"
#include "judge/checks.h"

#define OBJECT 32	      /* bytes of the smallest that is worth the name */
#define SLAB_NOISE (64 << 10) /* bytes of slabs that are begun or given back */
#define PERCPU_KIB 32	      /* of all CPUs; pages of it are kept ready */
#define FEW_KIB 16384 /* of pages that come and go; a page a time is more */

enum column { TIMES, SLAB, KIB, PERCPU, KEPT };
static const char *const keys[] = { "memory.times", "memory.slab", "memory.kib", "memory.percpu", "memory.kept" };

/* Half an object's worth: other things grow and shrink by the way. */
static void tally_bout(const struct evidence *e, const struct table *y, size_t row,
		       struct tally *bouts)
{
	uint64_t times = table_at(y, row, TIMES), slab = table_at(y, row, SLAB);
	uint64_t kib = table_at(y, row, KIB), percpu = table_at(y, row, PERCPU);

	if (slab * 1024 < times * OBJECT / 2 + SLAB_NOISE && kib < FEW_KIB &&
	    percpu < PERCPU_KIB)
		tally_good(bouts);
	else
		tally_bad(bouts, "%" PRIu64 " %s: the kernel's objects grew by %" PRIu64 " KiB, free memory fell by %"
			  PRIu64 " KiB, the memory of each CPU grew by %" PRIu64 " KiB", times,
			  obs_get(&e->obs, "memory.of", row)->str, slab, kib, percpu);
}

void check_memory(const struct evidence *e, struct test_result *t)
{
	_cleanup_table_ struct table y = { 0 };
	struct tally bouts = { .unit = "bout" };

	if (!table_collect(&y, &e->obs, keys, ARRAY_SIZE(keys)) || !y.rows ||
	    obs_count(&e->obs, "memory.of") != y.rows) {
		check_broken(t, MEMORY_CHECK, "each bout told whole", "some of their lines are missing");
		return;
	}
	if (table_at(&y, 0, KEPT)) {
		check_skip(t, MEMORY_CHECK, "L1's kernel has KASAN, which keeps what was freed for a while");
		return;
	}
	for (size_t i = 0; i < y.rows; i++)
		tally_bout(e, &y, i, &bouts);
	tally_check(t, MEMORY_CHECK, "no object is left for each call", &bouts,
		    "oracle: L1's /proc/meminfo, before and after");
}
