/* SPDX-License-Identifier: GPL-2.0-only */
/* Which file of a source tree a whole file is, whatever it is called. */
#ifndef NESTLAB_INTAKE_LOCATE_H
#define NESTLAB_INTAKE_LOCATE_H

#include <stdbool.h>

/*
 * name: as it was handed in. First by its path's end, where that has a folder of the tree; then by
 * its last part, with whatever is stuck to it ("cpuid (1).c", "vmx.c.txt"), in the folders that
 * the assignments change: of several the one whose lines it has most of. NULL: it is none. The
 * caller owns it.
 */
char *locate_file(const char *name, const char *text, const char *tree);

/* By its path's end alone; NULL: that names no file in a folder of the tree. */
char *locate_path(const char *name, const char *tree);
/* Where a file would be that the tree does not have, by a folder that it has; NULL: nowhere. */
char *locate_new(const char *name, const char *tree);
/* Is it where the assignments' work is done: in KVM, or where system calls are? */
bool locate_is_usual(const char *name);

/* Is it a source file by its name, with whatever is stuck to it? */
bool locate_is_source(const char *name);
/*
 * By what stands in it alone: of the files that the assignments change the one that it has most
 * lines of. The caller owns it; NULL: it has not enough of any.
 */
char *locate_alike(const char *text, const char *tree);
/* By another name: a "cpuid.txt", a "vmx" that has a source file's text? */
bool locate_is_text_of_source(const char *name, const char *text);
/* What no kernel is built from: documents, what git or an editor keeps, what a build makes. */
bool locate_is_unbuilt(const char *name);
/* Is it what patch could not put in? */
bool locate_is_reject(const char *name);
/* Does its name say that it is an older copy? */
bool locate_is_copy(const char *name);

#endif
