/* SPDX-License-Identifier: GPL-2.0-only */
/* The commands that gdb is started with. Pure. */
#ifndef NESTLAB_GDB_SCRIPT_H
#define NESTLAB_GDB_SCRIPT_H

#include "gdb/running.h"

struct script {
	const char *stub;     /* the socket that leads to the machine */
	const char *sources;  /* where they are, and what the debug information calls that folder */
	const char *built_in;
	const char *image;    /* the kernel's symbols; NULL: none */
	const char *symbols;  /* a folder with NAME.ko of each module */
	const struct running_module *modules;
	const char *const *files; /* their files' names, in that order */
	size_t n;
	bool backwards; /* the machine can go there */
};

void script_write(const struct script *s, struct buf *b);

#endif
