// SPDX-License-Identifier: GPL-2.0-only
#include "lab/tsc.h"

#include <poll.h>
#include <x86intrin.h>

#include "core/util.h"

#define MEASURE_MS 40
#define TRIES 8

struct moment {
	uint64_t ns, tsc;
};

/* Both clocks at one moment: of some tries the one that was interrupted least. */
static struct moment now(void)
{
	struct moment best = { 0 };
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < TRIES; i++) {
		uint64_t before = now_ns(), tsc = __rdtsc(), after = now_ns();

		if (after - before >= least)
			continue;
		least = after - before;
		best = (struct moment){ before + least / 2, tsc };
	}
	return best;
}

unsigned int tsc_khz(void)
{
	static unsigned int khz;
	struct moment a, b;

	if (khz)
		return khz;
	a = now();
	poll(NULL, 0, MEASURE_MS);
	b = now();
	khz = (unsigned int)((b.tsc - a.tsc) * 1000000 / (b.ns - a.ns));
	return khz;
}
