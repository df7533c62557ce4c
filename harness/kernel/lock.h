/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A lock on a file, so that two nestlabs never write to the same folder of the cache. The kernel
 * lets go of it when the holder ends, however it ends.
 */
#ifndef NESTLAB_KERNEL_LOCK_H
#define NESTLAB_KERNEL_LOCK_H

/*
 * Take it, waiting at most deadline_s for another process and telling the user so. what: for
 * messages, "the host kernel's work tree". Returns a descriptor (close() it to let go), or
 * -OUT_BROKEN.
 */
int lock_take(const char *path, const char *what, unsigned int deadline_s);

#endif
