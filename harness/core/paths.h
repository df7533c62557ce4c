/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where things lie. All functions return strings that live as long as the process, without a slash at the end.
 */
#ifndef NESTLAB_CORE_PATHS_H
#define NESTLAB_CORE_PATHS_H

const char *path_root(void);  /* the checkout: found from the program's own place, or NESTLAB_ROOT */
const char *path_cache(void); /* NESTLAB_CACHE, or XDG_CACHE_HOME/nestlab, or ~/.cache/nestlab */
/*
 * State of this checkout's running lab: sockets, pids, the lock, private libvirt folders. Short, as a unix socket's path holds
 * 107 bytes: under XDG_RUNTIME_DIR or /tmp, mode 0700, named by uid and a hash of path_root().
 */
const char *path_run(void);

/* root-relative, or absolute as given; the caller owns the string. */
char *path_in_root(const char *relative);
char *path_in_cache(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
