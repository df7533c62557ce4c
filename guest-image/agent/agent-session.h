/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One session with one client (proto.h, SESSIONS). Which operations run in it, it does not know:
 * they register themselves (agent-op.h).
 */
#ifndef NESTLAB_AGENT_SESSION_H
#define NESTLAB_AGENT_SESSION_H

#include "agent-link.h"

#define SESSION_OPS_MAX 64

struct op;

struct session {
	struct link *link; /* several sessions may share it */
	const char *level;
	uint32_t number;	/* 0: none */
	uint32_t got_seq;	/* of the last frame from the client */
	uint32_t sent_seq;
	uint64_t ready_by_ns; /* READY is owed, and is sent then at the latest; 0: not owed */
	struct op *ops;
};

/* link and level are the caller's to set, the structure is zero otherwise. */
void session_prepare(struct session *s, struct loop *l);
void session_frame(struct session *s, const struct proto_frame *f); /* one for this seat */
/*
 * Tell that this agent was started: to a client that still believes in the session of one that
 * died, or of a level that was reset.
 */
void session_announce(struct session *s);
void session_child(struct session *s); /* a child ended */
void session_end(struct session *s);   /* and everything that runs in it */

#endif
