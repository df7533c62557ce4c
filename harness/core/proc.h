/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Child processes with a deadline. The child leads a process group of its own, which dies whole
 * when the deadline passes, when the harness is told to stop (^C), and when the harness itself is
 * killed.
 */
#ifndef NESTLAB_CORE_PROC_H
#define NESTLAB_CORE_PROC_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/limits.h"
#include "core/util.h"

struct proc {
	const char *what;	 /* for messages: "building the host kernel" */
	char *const *argv;	 /* NULL-terminated; argv[0] is looked up in PATH */
	const char *cwd;	 /* NULL: ours */
	pid_t space; /* of a process whose user and mount namespaces it runs in; 0: in ours */
	char *const *env;	 /* "NAME=value" put over our environment; NULL: none */
	const char *input;	 /* standard input's bytes as a string; NULL: /dev/null */
	const char *log_path;	 /* standard output and error are appended here; NULL: nowhere */
	struct buf *out;	 /* standard output is collected here; NULL: not */
	/* Called for each whole line of standard output (no newline at its end); NULL: not. */
	void (*on_line)(const char *line, void *ctx);
	void *ctx;
	unsigned int deadline_s; /* 0: 60 s; times proc_slow_down()'s */
	bool budget; /* that is no deadline, but all the time there is: it stays as it is */
	const struct limits *limits; /* a stranger's; NULL: none */
	bool clears_up; /* it ends what an interrupt left, and is not stopped by that one itself */
	bool quiet_stderr;	 /* without a log: throw standard error away */
};

/*
 * Run to the end. Returns the exit status (0..255), 128 + signal when a signal ended it, or a
 * negative outcome from fail(): it could not be started or its deadline passed (-OUT_BROKEN), or we
 * were told to stop (-OUT_INTERRUPTED), or it took more than its limits (-OUT_BUILD_ERROR).
 */
int proc_run(const struct proc *p);

/*
 * Like proc_run(), but a non-zero exit status is -OUT_BROKEN too, told with the output's last line.
 */
int proc_check(const struct proc *p);

/* Each deadline from now on is as many times longer: a slow or loaded machine (SLOWDOWN=). */
void proc_slow_down(unsigned int times);

/* True once SIGINT, SIGTERM or SIGHUP came; long waits look at it and give up. */
bool proc_interrupted(void);
/* Install the handlers for these signals; called once by main(). */
void proc_catch_signals(void);

/* In a forked child before exec: die with the parent, default signals. */
void proc_child_setup(void);
/*
 * The same, when the first three are what they should be: close all others. What our caller left
 * open for its children (a lock, make's jobserver, the pipe that a CI reads to its end) would be
 * held for as long as a daemon lives.
 */
void proc_close_fds(void);
void proc_close_fds_above(int last); /* all behind this one */

#endif
