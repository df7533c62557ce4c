// SPDX-License-Identifier: GPL-2.0-only
#include "soak/dice.h"

/* SplitMix64: neighbouring seeds have nothing in common. */
static uint64_t roll(struct dice *d)
{
	uint64_t z = d->state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

uint64_t dice_below(struct dice *d, uint64_t n)
{
	uint64_t value = roll(d);

	return n ? value % n : 0;
}
