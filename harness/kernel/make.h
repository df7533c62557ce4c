/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * make in a work tree: its short lines counted as progress, its errors picked out, all of it kept
 * in a log.
 */
#ifndef NESTLAB_KERNEL_MAKE_H
#define NESTLAB_KERNEL_MAKE_H

#include <stdbool.h>

#include "core/limits.h"
#include "core/util.h"
#include "kernel/patch.h"
#include "kernel/sandbox.h"
#include "kernel/worktree.h"

struct make {
	const char *what; /* for messages: "building the host kernel" */
	const struct worktree *tree; /* NULL: none that must know of a killed make */
	struct sandbox sandbox;
	char *obj; /* private: the sandbox's */
	bool enclosed;
	const struct limits *limits; /* a stranger's; NULL: none */
	struct limits of_stranger;   /* private: what make_init() sets limits to */
	const char *log;
	const struct strv *more;  /* further VARIABLE=VALUE of each make; NULL: none */
	unsigned int known_steps; /* of the last whole build; 0: unknown */
	unsigned int steps;	  /* counted, over all runs with this struct */
	struct strv errors;	  /* the first error lines, for a sentence */
	char *last;		  /* the last line that said something */
};

/* Set it up for a work tree. log: appended to. ccache_dir is used when ccache is installed. */
void make_init(struct make *m, const struct worktree *w, const char *what, const char *log,
	       const char *ccache_dir);

/*
 * `make -jN O=obj ARGS`. Returns make's exit status, or a negative outcome: interrupted, past
 * deadline_s, beyond its limits (-OUT_BUILD_ERROR).
 */
int make_run(struct make *m, unsigned int deadline_s, const char *const args[]);

/* Any other command in the same place and environment. The same returns. */
int make_command(struct make *m, unsigned int deadline_s, const char *const args[]);

/*
 * "FILE:LINE: error: ..." of the first errors, or the last line; never empty. The caller owns it.
 */
char *make_why(const struct make *m);

/* For tests: read one line of make's output. */
void make_take_line(struct make *m, const char *line);

void make_free(struct make *m);

#endif
