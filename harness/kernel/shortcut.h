/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Most changes touch KVM alone, which is built as modules: then the kernel's image stays as it
 * is, and asking make to look through all of it takes longer than the change. Whether it stays is
 * read from what kbuild wrote down about each object, not guessed from folder names.
 */
#ifndef NESTLAB_KERNEL_SHORTCUT_H
#define NESTLAB_KERNEL_SHORTCUT_H

#include <stdbool.h>

#include "kernel/worktree.h"

/*
 * Is no object outside of modules made from one of these source files (written or removed since
 * the image was built)? pristine: to tell new files. Unsure means false.
 */
bool shortcut_allowed(const struct worktree *w, const char *pristine, const struct strv *written,
		      const struct strv *modules);

#endif
