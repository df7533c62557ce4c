/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One session with one client, and the operations that run in it (proto.h, SESSIONS and
 * OPERATIONS).
 */
#ifndef NESTLAB_AGENT_SESSION_H
#define NESTLAB_AGENT_SESSION_H

#include "agent-link.h"

#define SESSION_OPS_MAX 64

struct op;

/* A kind of operation. Hooks that are NULL ignore the frame. */
struct op_type {
	size_t size; /* of the structure that begins with a struct op; zeroed before start */
	/* 0, or an errno that is told to the client as an ERROR; the op is then freed by end. */
	int (*start)(struct op *o, const union proto_msg *m);
	/* Each turn: do what can be done, wait for what is to come. */
	void (*prepare)(struct op *o, struct loop *l);
	void (*input)(struct op *o, const struct proto_input *m);
	void (*resize)(struct op *o, const struct proto_resize *m);
	void (*kill)(struct op *o, const struct proto_kill *m);
	/* A child of the agent ended: one of yours? */
	void (*child)(struct op *o);
	/* End soon. o->silent is set; set o->gone when (or as soon as) nothing is left running. NULL: nothing is. */
	void (*cancel)(struct op *o);
	void (*end)(struct op *o); /* release what the structure holds; it is freed after this */
};

struct op {
	struct op *next;
	const struct op_type *type;
	struct session *s;
	uint32_t id;
	bool silent; /* cancelled, or of an earlier session: nothing is sent any more */
	bool gone;   /* to be freed */
};

extern const struct op_type exec_op, put_op, get_op, watch_op, connect_op;

struct session {
	struct link *link; /* several sessions may share it */
	const char *level;
	bool may_power;		/* the machine is ours: SHUTDOWN is obeyed */
	enum proto_power power; /* what SHUTDOWN asked for; 0: nothing */
	uint32_t number;	/* 0: none */
	uint32_t got_seq;	/* of the last frame from the client */
	uint32_t sent_seq;
	uint64_t ready_by_ns; /* READY is owed, and is sent then at the latest; 0: not owed */
	struct op *ops;
};

/* link, level and may_power are the caller's to set, the structure is zero otherwise. */
void session_prepare(struct session *s, struct loop *l);
void session_frame(struct session *s, const struct proto_frame *f); /* one for this seat */
/*
 * Tell that this agent was started: to a client that still believes in the session of one that
 * died, or of a level that was reset.
 */
void session_announce(struct session *s);
void session_child(struct session *s); /* a child ended */
void session_end(struct session *s);   /* and everything that runs in it */

/* To the client; m may be NULL for messages without a payload. */
void session_send(struct session *s, uint32_t id, enum proto_type type, const union proto_msg *m);
void session_error(struct session *s, uint32_t id, int err, const char *text);
void session_done(struct session *s, uint32_t id, uint64_t value);

/* The same, unless o is silent; the last two end it. */
void op_send(struct op *o, enum proto_type type, const union proto_msg *m);
void op_error(struct op *o, int err, const char *text);
void op_done(struct op *o, uint64_t value);
bool op_room(struct op *o); /* may OUTPUT be sent? When not, the loop turns again once it may */

/*
 * Tell the client how much INPUT was taken, if it is time: often enough that it never waits for us,
 * seldom enough that the answers cost nothing.
 */
void op_taken(struct op *o, uint64_t taken, uint64_t *told);

/* agent-file.c: operations that are over at once. */
void file_write_once(struct session *s, uint32_t id, const struct proto_write *m);

#endif
