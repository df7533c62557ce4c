/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The operations that run in a session (proto.h, OPERATIONS): each kind is one file that registers
 * itself, and this is all that it knows of sessions.
 */
#ifndef NESTLAB_AGENT_OP_H
#define NESTLAB_AGENT_OP_H

#include "agent-loop.h"
#include "proto.h"

struct session;
struct op;

/* A kind of operation. Hooks that are NULL ignore the frame. */
struct op_type {
	enum proto_type request; /* the frame that starts one */
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
	/*
	 * End soon. o->silent is set; set o->gone when (or as soon as) nothing is left running.
	 * NULL: nothing is.
	 */
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

#define OP_TYPE(var)                                                                               \
	static const struct op_type *const var##_entry                                             \
		__attribute__((used, section("agent_ops"))) = &(var)

/* To the client, unless o is silent; m may be NULL. The last two end it. */
void op_send(struct op *o, enum proto_type type, const union proto_msg *m);
void op_error(struct op *o, int err, const char *text);
void op_done(struct op *o, uint64_t value);
bool op_room(struct op *o); /* may OUTPUT be sent? When not, the loop turns again once it may */

/*
 * Tell the client how much INPUT was taken, if it is time: often enough that it never waits for us,
 * seldom enough that the answers cost nothing.
 */
void op_taken(struct op *o, uint64_t taken, uint64_t *told);

#endif
