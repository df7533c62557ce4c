/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernels and modules as ELF files: who built them, and whether two hold the same code. */
#ifndef NESTLAB_KERNEL_MODELF_H
#define NESTLAB_KERNEL_MODELF_H

#include <stdbool.h>
#include <stddef.h>

#define MODELF_ID_MAX 64 /* bytes; a build id has 20 */
#define MODELF_ID_HEX (2 * MODELF_ID_MAX + 1)

/* The build id in notes as the kernel shows them (/sys/module/.../notes/...). False: none. */
bool modelf_id_of_notes(const void *notes, size_t len, char hex[MODELF_ID_HEX]);
/* The same of a file. False also where it is no ELF file. */
bool modelf_id(const char *path, char hex[MODELF_ID_HEX]);

/*
 * The first of the sections that are loaded (their names, sizes and bytes; the notes, which hold
 * the build id, left out) in which two modules differ, "" where they don't. The caller owns it;
 * NULL: one of them can't be read.
 */
char *modelf_differs(const char *a, const char *b);

#endif
