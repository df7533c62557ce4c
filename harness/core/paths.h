/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where things lie. What returns a const string lives as long as the process; no slash at the end.
 */
#ifndef NESTLAB_CORE_PATHS_H
#define NESTLAB_CORE_PATHS_H

/*
 * What came with the program: config/, kernel-patches/, testcases/, the guests' programs. Found
 * from the program's own place, or NESTLAB_ROOT: the checkout, or where it is installed.
 */
const char *path_root(void);
/*
 * An installed root has a file that says so: its first line is the version, its second the commit.
 * Nothing is written into such a root. NULL: this is a checkout.
 */
const char *path_release(void);
/*
 * of all runs: NESTLAB_RESULTS, or the checkout's results/, or XDG_DATA_HOME/nestlab/results of who
 * runs it
 */
const char *path_results(void);
/*
 * The files of defaults, the later over the earlier: the checkout's config/defaults.conf; or, where
 * they are there, PATH_SITE_CONF and XDG_CONFIG_HOME/nestlab/nestlab.conf.
 */
struct strv;
#define PATH_SITE_CONF "/etc/nestlab/nestlab.conf"
void path_confs(struct strv *paths);
const char *path_conf_told(void); /* the one to write into, for messages */
const char *path_cache(void); /* NESTLAB_CACHE, or XDG_CACHE_HOME/nestlab, or ~/.cache/nestlab */
/*
 * State of this checkout's running lab: sockets, pids, the lock, private libvirt folders. Short, as
 * a unix socket's path holds 107 bytes: under XDG_RUNTIME_DIR or /tmp, mode 0700, named by uid and
 * a hash of path_root().
 */
const char *path_run(void);
/*
 * A checkout has one such folder for each place that a lab can live in. A process is in one place
 * at a time, the first until it says otherwise, once, before it uses path_run(). path_run_of(): the
 * caller owns it.
 */
#define PATH_FIRST_PLACE "1"
void path_use_place(const char *place);
char *path_run_of(const char *place);

/* root-relative, or absolute as given; the caller owns the string. */
char *path_in_root(const char *relative);
char *path_in_cache(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
