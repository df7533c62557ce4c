/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Building a changed kernel runs what its makefiles say, and the change may be a stranger's. So
 * make runs in a sandbox (bubblewrap): the system's programs read-only, the source read-only, its
 * own output, an empty /tmp, no network, no sight of other processes, and it dies with us.
 */
#ifndef NESTLAB_KERNEL_SANDBOX_H
#define NESTLAB_KERNEL_SANDBOX_H

#include <stdbool.h>

#include "core/util.h"

/*
 * Fixed: a compiler that only the caller's PATH has would change the bytes behind the cache's
 * back.
 */
#define SANDBOX_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#define SANDBOX_SRC "/build/src" /* what the source tree is called in there */

struct sandbox {
	const char *src;      /* the source tree, read-only */
	const char *obj;      /* src/obj, writable; NULL: nothing is */
	const char *ccache;   /* ccache's folder; NULL: no ccache */
	bool ccache_readonly; /* what this build makes is not to be trusted by later ones */
};

/* Can bubblewrap make one on this machine? Probed once a process. */
bool sandbox_works(void);

/*
 * The command line that runs args in src, inside or (enclosed false) outside of a sandbox: then
 * the caller sets the working folder. In either case with an environment of our own: the caller's
 * MAKEFLAGS, KCFLAGS or V would change what is built.
 */
void sandbox_command(const struct sandbox *s, bool enclosed, const char *const args[],
		     struct strv *argv);

/* Is this program found by the build's PATH, which is not the caller's? */
bool sandbox_has_program(const char *name);

#endif
