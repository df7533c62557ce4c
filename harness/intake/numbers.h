/* SPDX-License-Identifier: GPL-2.0-only */
/* The assignment's numbers as a change itself defines them. */
#ifndef NESTLAB_INTAKE_NUMBERS_H
#define NESTLAB_INTAKE_NUMBERS_H

#include <stdint.h>

#include "core/util.h"

struct numbers {
	uint32_t hypercall; /* of "#define KVM_HC_... N"; 0: it defines none, or several */
	uint32_t syscall;   /* of a line in syscall_64.tbl; the same */
	struct strv told;   /* a sentence for each that was found */
};

/* patch: a unified diff; only what it adds is looked at. The caller frees told. */
void numbers_find(const char *patch, struct numbers *n);
/*
 * The text of an assignment's .conf with these numbers in place of its own, as a variant of the
 * assignment `name`. The caller owns it.
 */
char *numbers_put(const struct numbers *n, const char *conf, const char *name);

#endif
