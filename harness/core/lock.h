/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A lock on a file, so that two nestlabs never write to the same folder of the cache. The kernel
 * lets go of it when the holder ends, however it ends.
 */
#ifndef NESTLAB_CORE_LOCK_H
#define NESTLAB_CORE_LOCK_H

#include <stdbool.h>

/*
 * Take it, waiting at most deadline_s for another process and telling the user so. what: for
 * messages, "the host kernel's work tree". Returns a descriptor (close() it to let go), or
 * -OUT_BROKEN, or -OUT_INTERRUPTED. Who holds it may remove the file: others wait for a new one
 * then.
 */
int lock_take(const char *path, const char *what, unsigned int deadline_s);

/* The same, to read what it covers: with others that do so, and while nobody has it alone. */
int lock_share(const char *path, const char *what, unsigned int deadline_s);

/*
 * For one that is not to be waited for, with the path open: is it ours alone now, and still what
 * the path names?
 */
bool lock_at_once(int fd, const char *path);

/* Is the open file still what the path names? */
bool lock_is_of(int fd, const char *path);

#endif
