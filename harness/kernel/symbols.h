/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a report's "symbol+0x1a/0x30 [module]" to file and line, by the modules with line numbers
 * that a flavour's build keeps. They are made from a stranger's code: binutils read them, in the
 * sandbox.
 */
#ifndef NESTLAB_KERNEL_SYMBOLS_H
#define NESTLAB_KERNEL_SYMBOLS_H

#include "evidence/kreport.h"

/*
 * "arch/x86/kvm/x86.c:10012" of each frame into places[i], or NULL: of the image, or not found.
 * dir: kernel_build.symbols; NULL finds nothing. The caller owns the strings. Never fails: a line
 * that can't be had is no reason to lose the report.
 */
void symbols_lines(const char *dir, const struct kframe *frames, size_t n, char **places);

/*
 * The same with the lines of all functions that were inlined there, innermost first, added to
 * lines.
 */
void symbols_inlined(const char *dir, const struct kframe *f, struct strv *lines);

/*
 * For tests: what `objdump -t` says of the frame's symbol, as section and the frame's address in
 * it. False: this line does not.
 */
bool symbols_take_entry(const char *line, const struct kframe *f, char section[64],
			uint64_t *address);
/*
 * For tests: one file and line of `addr2line -i`, as a path in the kernel's tree ("?" for none).
 * The caller owns it.
 */
char *symbols_path(const char *line);

#endif
