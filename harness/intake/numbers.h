/* SPDX-License-Identifier: GPL-2.0-only */
/* The assignment's numbers as a change itself defines them. */
#ifndef NESTLAB_INTAKE_NUMBERS_H
#define NESTLAB_INTAKE_NUMBERS_H

#include <stdint.h>

#include "core/util.h"

#define NUMBERS_LEAVES 0x4ffffff0u /* 16 leaves from here on are looked for */

struct numbers {
	uint32_t hypercall; /* of "#define KVM_HC_... N"; 0: it defines none, or several */
	uint32_t syscall;   /* of a line in syscall_64.tbl; the same */
	uint32_t leaves;    /* bit i: it names CPUID leaf NUMBERS_LEAVES + i */
	struct strv told;   /* a sentence for each that was found */
};

/* patch: a unified diff; only what it adds is looked at. The caller frees told. */
void numbers_find(const char *patch, struct numbers *n);
/*
 * "it answers CPUID leaf 0x4ffffffc, and not 0x4fffffff": where it names other leaves than the n of
 * the assignment (0: none), and not all of these. The caller owns it; NULL: it is not so.
 */
char *numbers_elsewhere(const struct numbers *found, const uint32_t *leaves, size_t n);
/*
 * The text of an assignment's .conf with these numbers in place of its own, as a variant of the
 * assignment `name`. The caller owns it.
 */
char *numbers_put(const struct numbers *n, const char *conf, const char *name);

#endif
