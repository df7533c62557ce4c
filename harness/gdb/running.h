/* SPDX-License-Identifier: GPL-2.0-only */
/* What runs in L1, as its kernel tells it: which build, and where each module's sections lie. */
#ifndef NESTLAB_GDB_RUNNING_H
#define NESTLAB_GDB_RUNNING_H

#include <stddef.h>
#include <stdint.h>

#include "core/util.h"
#include "kernel/modelf.h"
#include "machine/level.h"

struct running_section {
	char *name; /* ".text" */
	uint64_t address;
};

struct running_module {
	char *name; /* "kvm_amd" */
	char id[MODELF_ID_HEX]; /* its build id */
	struct running_section *v;
	size_t n;
};

/* "/x/kvm-amd.ko" is loaded as "kvm_amd". The caller owns it. */
char *running_name(const char *file);

/*
 * Ask L1, whose channel is open, for a module by its file's name. 0 or -OUT_BROKEN: it is not
 * loaded there, or does not say who built it. Free it in either case.
 */
int running_ask(struct level *l, const char *file, struct running_module *m);
/* The kernel's own build id; "" where it says none. */
int running_kernel(struct level *l, char id[MODELF_ID_HEX]);
/*
 * The same of what L1 has told, for who can't ask: "NAME/sections/.text:0xffffffffc0001000" a line. 0
 * or -OUT_BROKEN: the module is not there. Its id stays empty. Free it in either case.
 */
int running_told(const char *text, const char *file, struct running_module *m);
void running_free(struct running_module *m);

/*
 * Take ".text 0xffffffffc0001000" a line; false: one is something else, or there is no .text. For
 * who has asked, and for tests.
 */
bool running_take(struct running_module *m, const char *text);

#endif
