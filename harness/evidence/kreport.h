/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a kernel with sanitizers prints about a fault: where it happened, as symbol and offset.
 * Pure. The text comes from the console of a kernel under test: any bytes.
 */
#ifndef NESTLAB_EVIDENCE_KREPORT_H
#define NESTLAB_EVIDENCE_KREPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/util.h"

/*
 * "kvm_emulate_hypercall+0x1a/0x30 [kvm]" (lib/vsprintf.c, %pS; kernel/kallsyms.c,
 * __sprint_symbol())
 */
struct kframe {
	char symbol[128];
	uint64_t offset, size;
	char module[56]; /* MODULE_NAME_LEN; "" for the kernel's image */
	bool guess;	 /* "? ": found on the stack, perhaps not called */
};

/* The first one in a line. False: there is none, or one that is too long to be true. */
bool kframe_parse(const char *line, struct kframe *f);

#define KREPORT_PLACES 2

/*
 * Where the fault is: the first frame in a module, as the modules are the code under test, else the
 * first of all; and for a data race the same of the second access. Frames of a report with a "Call
 * Trace:" are taken from behind it: those before it say where locks were taken. Returns how many,
 * at most KREPORT_PLACES.
 */
size_t kreport_places(const struct strv *text, struct kframe places[KREPORT_PLACES]);

/*
 * Of a data race: is what a CPU writes lost to the other's writing? So where both write, and where
 * one function, as x++ does, reads here what it writes there. Who merely reads loses nothing.
 */
bool kreport_loses_update(const struct strv *text);

/*
 * Where a kernel died, from its last words: what the CPU executed, if that is a module's; else as
 * kreport_places(). False: no place is told.
 */
bool kreport_crash(const struct strv *words, struct kframe *place);

/* The line without its time stamp: "BUG: KASAN: ...". */
const char *kreport_message(const char *line);

#endif
