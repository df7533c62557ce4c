/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an exit reason is: SVM's exit code or VMX's basic exit reason. Editions of the manuals
 * differ at the edges of what they define; these numbers are left open.
 */
#ifndef NESTLAB_EVIDENCE_REASONS_H
#define NESTLAB_EVIDENCE_REASONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REASONS_MAX 0x1000

/* Which reasons a kernel has a handler for. n: that its table holds; 0: not known. */
struct reason_table {
	size_t n;
	uint8_t handled[REASONS_MAX / 8]; /* bit per reason */
};

enum reason_state { REASON_HANDLED, REASON_UNHANDLED, REASON_UNDEFINED, REASON_OPEN };

enum reason_state reason_state(const struct reason_table *t, bool intel, uint32_t reason);

/* As the kernel's own trace has it (uapi headers); "": it has none. */
const char *reason_name(bool intel, uint64_t reason);
/* For messages, as the manuals' tables count: "10 (CPUID)". The caller owns it. */
char *reason_text(bool intel, uint64_t reason);

#endif
