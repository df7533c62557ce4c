/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Known wrong readings: what a number that is not the right one is instead. A message that says
 * "that is the caller's own" tells what was mixed up; how to write it is not told. Pure.
 *
 * A name is given only to a wrong number, and only where the number is not one that could be met by
 * chance: small ones have no names but those that a check adds itself.
 */
#ifndef NESTLAB_JUDGE_WRONG_H
#define NESTLAB_JUDGE_WRONG_H

#include <stddef.h>
#include <stdint.h>

#define WRONG_READINGS 8
#define WRONG_LEAF "right numbers, wrong leaf"
#define WRONG_FASTPATH "all but what KVM's fastpath handled, perhaps"

struct wrong {
	uint64_t least, most; /* what would have been right, both included */
	struct {
		const char *what; /* "the caller's own"; not copied */
		uint64_t least, most;
	} other[WRONG_READINGS];
	size_t n;
	char text[96]; /* wrong_name()'s */
};

/* Another number that the check knows. One that is right, too, tells nothing and is left out. */
void wrong_add(struct wrong *w, const char *what, uint64_t value);
void wrong_add_range(struct wrong *w, const char *what, uint64_t least, uint64_t most);
/*
 * handled: exits of the reasons that KVM's fastpath can handle, of those that would have been
 * right. Who counts in the handler of all other exits (vmx_handle_exit()) does not see them.
 */
void wrong_add_fastpath(struct wrong *w, uint64_t handled);

/*
 * " (that is twice the right one)", or "" where it is right or nothing is known. Other numbers that
 * were added go first, then what can become of a right number: cut, doubled, halves swapped. Valid
 * as long as w.
 */
const char *wrong_name(struct wrong *w, uint64_t told);

#endif
