/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the channel's files share: channel.c has the session and the waiting, channel-exec.c
 * programs, channel-file.c files and counters. Nobody else includes this.
 */
#ifndef NESTLAB_MACHINE_CHANNEL_INTERNAL_H
#define NESTLAB_MACHINE_CHANNEL_INTERNAL_H

#include "machine/channel.h"
#include "proto.h"

struct channel;

/* INPUT that waits for the agent's window: of a program, or a file that is put. */
struct channel_input {
	struct buf own;	  /* copied bytes, of a program's input */
	const char *data; /* own.data, or a caller's bytes, which live until the operation ends */
	size_t len;
	size_t at;	      /* sent so far, of data */
	uint64_t sent, taken; /* since the operation began */
	bool end, end_sent;
};

/* An operation that the agent was asked for and that has not ended. Owned by the channel. */
struct channel_op {
	struct channel_op *next;
	uint32_t id;
	char *what; /* for messages: "running /bin/true" */
	/*
	 * A frame of this operation came. STARTED, EXIT, DONE, CLOCK and ERROR too; WINDOW is
	 * dealt with before. May free the operation.
	 */
	void (*on_message)(struct channel *c, struct channel_op *op, unsigned int type,
			   const union proto_msg *m);
	struct channel_input input;

	/* Of those that a call waits for. */
	bool done;
	int error; /* errno that the agent told */
	char error_text[128];
	uint64_t value;

	/* Where the news go; what is not meant is NULL. */
	struct channel_status *status;
	void (*on_output)(void *ctx, enum channel_stream s, uint64_t level_ns, const void *data,
			  size_t len);
	void (*on_data)(void *ctx, uint64_t level_ns, const void *data, size_t len);
	void (*on_sample)(void *ctx, const char *path, uint64_t level_ns, const char *text);
	void *ctx;
};

/* A new operation with an id of its own; what is copied. */
struct channel_op *channel_op_new(struct channel *c, const char *what, const char *object);
struct channel_op *channel_op_find(struct channel *c, uint32_t id);
void channel_op_free(struct channel *c, struct channel_op *op);

/*
 * 0 or a negative outcome: no session, the transport's error, a message that does not fit a
 * frame.
 */
int channel_send(struct channel *c, uint32_t id, enum proto_type type, const union proto_msg *m);
/* Send what the window allows. */
int channel_pump(struct channel *c, struct channel_op *op);

/*
 * Turn the loop until *flag: 0; 1 when the deadline passed; a negative outcome when it never will
 * be.
 */
int channel_until(struct channel *c, const bool *flag, uint64_t deadline_ns);
uint64_t channel_deadline(unsigned int ms);

/*
 * Wait for op->done: 0, or a negative outcome with a sentence (past the deadline the agent is told
 * to give it up). The operation stays; on_message may be NULL for those whose answer is DONE or
 * ERROR.
 */
int channel_finish(struct channel *c, struct channel_op *op, unsigned int deadline_ms);

const char *channel_name(const struct channel *c);

#endif
