/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bytes between an operation and a descriptor of the level: INPUT that waits until the descriptor
 * takes it, within the client's window, and OUTPUT as it is read.
 */
#ifndef NESTLAB_AGENT_FLOW_H
#define NESTLAB_AGENT_FLOW_H

#include <sys/types.h>

#include "agent-op.h"

struct inflow {
	struct op *op;
	int fd;				  /* -1: what comes is thrown away */
	void (*close)(struct inflow *f);  /* no more will come: tell the other end; sets fd to -1 */
	bool end;			  /* the client will send no more */
	uint8_t *queue;			  /* PROTO_WINDOW bytes, once they are needed */
	size_t from, to;		  /* what waits */
	uint64_t taken, told;
};

/* len 0: the end. False: more than the window allows, and the operation was ended for it. */
bool inflow_add(struct inflow *f, const uint8_t *bytes, size_t len);
void inflow_prepare(struct inflow *f, struct loop *l);
/* Nobody takes it any more: forget what waits. */
void inflow_over(struct inflow *f);
void inflow_free(struct inflow *f);

/*
 * Read fd once and send what came: the bytes; 0 at its end; -1 with errno, EAGAIN for nothing just
 * now. Ask op_room() first.
 */
ssize_t op_output(struct op *o, int fd, uint8_t stream);

#endif
