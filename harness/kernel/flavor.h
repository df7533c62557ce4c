/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A flavour of a kernel: the same source and patches with a sanitizer or the kernel's own debugging
 * on, so that the kernel reports a data race or an overrun that no test would see. A flavour is
 * data: config/flavors/NAME.conf and the fragments that it names.
 */
#ifndef NESTLAB_KERNEL_FLAVOR_H
#define NESTLAB_KERNEL_FLAVOR_H

#include <stdbool.h>
#include <stdint.h>

#include "core/util.h"

struct flavor {
	char *name;	       /* the file's, without .conf; NULL: the plain kernel */
	char *title;	       /* for people */
	char *kernel;	       /* whose: "host", "guest" */
	struct strv fragments; /* over the kernel's own; root-relative */
	struct strv make;      /* VARIABLE=VALUE for make's command line */
	/*
	 * put together as CFLAGS_MODULE: the code under test is modules, and it alone is
	 * instrumented
	 */
	struct strv module_cflags;
	uint32_t slowdown;	   /* factor on deadlines, beside the lane's; at least 1 */
	uint32_t memory;	   /* MiB that its level needs more */
	/* what touches no line of the change is the kernel's own, and no finding */
	bool changed_only;
	/* a data race in which no update is lost is no finding */
	bool lost_updates;
};

/*
 * Of the kernel whose role this is ("host", "guest"); "" and "plain" name the plain one. 0, or
 * -OUT_USAGE with the names there are, with the setting that would take it, or FILE:LINE. Free it
 * in either case.
 */
int flavor_load(const char *name, const char *kernel, struct flavor *f);
void flavor_free(struct flavor *f);

#endif
