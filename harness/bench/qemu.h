/* SPDX-License-Identifier: GPL-2.0-only */
/* A plain QEMU with a bare kernel: what the lab's own times can't get below. */
#ifndef NESTLAB_BENCH_QEMU_H
#define NESTLAB_BENCH_QEMU_H

#include <sys/types.h>

#include "core/util.h"

struct qemu {
	pid_t pid; /* 0: none */
	int qmp;
	struct buf in; /* what it said and nobody has read */
};

/* Start it; it ends with us. 0 or -OUT_BROKEN. End it in either case. */
int qemu_start(struct qemu *q, const struct strv *argv);
/* One QMP command; its answer is not looked at. */
int qemu_say(struct qemu *q, const char *command);
/* Read what it says until a line has this. -OUT_BROKEN: it ended, or the time did. */
int qemu_await(struct qemu *q, const char *text, unsigned int deadline_s);
void qemu_end(struct qemu *q);

#endif
