// SPDX-License-Identifier: GPL-2.0-only
#include "judge/wrong.h"

#include <stdbool.h>
#include <stdio.h>

#include "core/util.h"

/* Twice 3 is met too often to be told. */
#define SMALL 16

static uint64_t low_8(uint64_t right)
{
	return (uint8_t)right;
}

static uint64_t low_16(uint64_t right)
{
	return (uint16_t)right;
}

static uint64_t low_32(uint64_t right)
{
	return (uint32_t)right;
}

static uint64_t high_32(uint64_t right)
{
	return right >> 32;
}

static uint64_t signed_32(uint64_t right)
{
	return (uint64_t)(int32_t)right;
}

static uint64_t swapped(uint64_t right)
{
	return right << 32 | right >> 32;
}

static uint64_t twice(uint64_t right)
{
	return 2 * right;
}

static uint64_t half(uint64_t right)
{
	return right / 2;
}

/* What becomes of a right number. The first that fits is told: those that say most stand first. */
static const struct {
	const char *what;
	uint64_t (*of)(uint64_t right);
} twists[] = {
	{ "its low 8 bits only", low_8 },
	{ "its low 16 bits only", low_16 },
	{ "its low 32 bits only", low_32 },
	{ "its low 32 bits, sign-extended", signed_32 },
	{ "its high 32 bits only", high_32 },
	{ "its halves swapped", swapped },
	{ "twice the right one", twice },
	{ "half of the right one", half },
};

static bool is_in(uint64_t n, uint64_t least, uint64_t most)
{
	return n >= least && n <= most;
}

void wrong_add_range(struct wrong *w, const char *what, uint64_t least, uint64_t most)
{
	if (w->n == WRONG_READINGS || (least <= w->most && most >= w->least))
		return;
	w->other[w->n].what = what;
	w->other[w->n].least = least;
	w->other[w->n++].most = most;
}

void wrong_add(struct wrong *w, const char *what, uint64_t value)
{
	wrong_add_range(w, what, value, value);
}

void wrong_add_fastpath(struct wrong *w, uint64_t handled)
{
	if (handled && handled < w->least)
		wrong_add_range(w, WRONG_FASTPATH, w->least - handled, w->least - 1);
}

static const char *find_other(const struct wrong *w, uint64_t told)
{
	for (size_t i = 0; i < w->n; i++)
		if (is_in(told, w->other[i].least, w->other[i].most))
			return w->other[i].what;
	return NULL;
}

/*
 * What is left of a small number when its low half is cut off is no reading of it: 0 has no name. A
 * twist of a range is the range of its ends' twists, unless a cut tore it in two: then it is not
 * told.
 */
static const char *find_twist(const struct wrong *w, uint64_t told)
{
	for (size_t i = 0; i < ARRAY_SIZE(twists); i++) {
		uint64_t least = twists[i].of(w->least), most = twists[i].of(w->most);

		if (told && w->least > SMALL && is_in(told, least, most))
			return twists[i].what;
	}
	return NULL;
}

const char *wrong_name(struct wrong *w, uint64_t told)
{
	const char *what = NULL;

	if (!is_in(told, w->least, w->most))
		what = find_other(w, told);
	if (!what && !is_in(told, w->least, w->most))
		what = find_twist(w, told);
	w->text[0] = '\0';
	if (what)
		snprintf(w->text, sizeof(w->text), " (that is %s)", what);
	return w->text;
}
