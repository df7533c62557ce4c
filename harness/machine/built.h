/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An emulator that the lab builds itself: the source of a package of Debian's, with the patches in
 * config/NAME/. It is kept in the cache under a hash of the patches and of how it is configured,
 * and used from then on.
 */
#ifndef NESTLAB_MACHINE_BUILT_H
#define NESTLAB_MACHINE_BUILT_H

#include <stddef.h>

#include "core/cache.h"

struct built {
	const char *name;  /* of the package, and of its folder in config/ */
	const char *title; /* for people: "Bochs" */
	const char *suite; /* of Debian */
	const char *part;  /* of the source, as apt-get names it: "--tar-only"; NULL: all of it */
	/* makes src/ of what was fetched; a script, like the next one */
	const char *unpack;
	const char *const *options; /* of its configure */
	size_t n_options;
	const char *compile; /* in src/, once it is configured */
	const char *program; /* what becomes of it, in src/; its last part is its name here */
	const char *told;    /* what it is now: "built without its debugger" */
	const struct cache_kind *kind;
};

/* The program, where it was built: it stays while this process runs. The caller owns it. */
char *built_program(const struct built *b);

/* Fetch, patch, compile, unless it is there. 0, or -OUT_BROKEN. */
int built_make(const struct built *b);

/*
 * The same for somebody who does without: a failure is told and forgotten, and for an hour nobody
 * tries again but by built_make(). 0: it is there now.
 */
int built_provide(const struct built *b);

#endif
