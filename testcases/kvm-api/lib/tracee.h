/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A program run under ptrace, for guest halves: each system call of it is shown before and after,
 * can be left out, and its result changed; its memory can be read and written.
 *
 * The program is somebody else's. It runs as nobody, with no environment, with bounds on files,
 * memory and processes, and its output goes to a file in memory: it can't print in our name.
 * Threads and children are watched too, up to TRACEE_MAX_TASKS of them.
 */
#ifndef NESTLAB_TESTCASES_TRACEE_H
#define NESTLAB_TESTCASES_TRACEE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TRACEE_MAX_TASKS 16
#define TRACEE_OUTPUT_MAX 16384 /* of each stream; what is more is cut */

struct tracee;

struct tracee_call {
	uint64_t number; /* SYS_... */
	uint64_t args[6];
	int64_t result; /* -errno on failure */
};

struct tracee_watcher {
	/*
	 * Before the call. False: leave it out; its result is then what call->result says. Number
	 * and arguments may be changed; the program does not see that.
	 */
	bool (*enter)(struct tracee *t, void *ctx, struct tracee_call *call);
	/* After it; call->result may be changed. */
	void (*leave)(struct tracee *t, void *ctx, struct tracee_call *call);
	void *ctx;
};

enum tracee_end {
	TRACEE_EXITED,	 /* code: its exit code */
	TRACEE_SIGNALED, /* code: the signal */
	TRACEE_DEADLINE, /* it was still running, and was ended */
	TRACEE_STOPPED,	 /* the watcher had it ended */
};

struct tracee_result {
	enum tracee_end end;
	int code;
	char out[TRACEE_OUTPUT_MAX], err[TRACEE_OUTPUT_MAX];
	size_t out_len, err_len;
};

/* Run it to its end. argv: NULL-terminated, argv[0] the program's path. */
void tracee_run(char *const argv[], unsigned int deadline_ms, const struct tracee_watcher *w,
		struct tracee_result *r);

/* For the watcher, while it is called. */
bool tracee_read(struct tracee *t, uint64_t at, void *to, size_t len);
bool tracee_write(struct tracee *t, uint64_t at, const void *from, size_t len);
/* What its file descriptor is, as /proc tells it: "/dev/kvm", "anon_inode:kvm-vm"; "" for none. */
void tracee_fd(struct tracee *t, int fd, char *name, size_t size);
/* In leave() only: one more system call in its place. Returns the result. */
int64_t tracee_inject(struct tracee *t, uint64_t number, uint64_t a, uint64_t b, uint64_t c);
/* Some memory of it that it does not use: under its stack. */
uint64_t tracee_scratch(struct tracee *t, size_t len);
/*
 * While the program stands still (or t is NULL, and there is none): another one, not traced, from
 * its start to its end. The program's deadline grows by the time that it took.
 */
void tracee_beside(struct tracee *t, char *const argv[], unsigned int deadline_ms,
		   struct tracee_result *r);
void tracee_stop(struct tracee *t); /* end it, as soon as the watcher returns */

#endif
