/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames over a port: a decoder for what comes, a bounded queue for what goes. When the queue is
 * full the link stops reading too, so that answers always find a place: the client takes
 * everything, sooner or later (proto.h, FLOW).
 */
#ifndef NESTLAB_AGENT_LINK_H
#define NESTLAB_AGENT_LINK_H

#include "agent-port.h"
#include "proto.h"

#define LINK_BULK (128 * 1024) /* queued bytes above which programs and files are not read */
#define LINK_HIGH (256 * 1024) /* above which the line is not read */
/* Room for what a frame that was read just below LINK_HIGH may cause. */
#define LINK_CAP (LINK_HIGH + LINK_BULK + 2 * PROTO_LINE_MAX(PROTO_PAYLOAD_MAX))
#define LINK_IN (64 * 1024)

struct link {
	struct port port;
	void (*frame)(void *ctx, const struct proto_frame *f);
	void (*hung_up)(void *ctx);
	void *ctx;
	bool room_wanted; /* somebody waits for link_room() */
	struct proto_decoder decoder;
	size_t in_at, in_len;	/* not yet decoded: in[in_at..in_len) */
	size_t out_at, out_len; /* not yet written: out[out_at..out_len) */
	uint8_t in[LINK_IN];
	uint8_t out[LINK_CAP];
};

/* Set by the caller: port, frame, hung_up, ctx; the rest is zero. */
void link_prepare(struct link *k, struct loop *l);

bool link_send(struct link *k, const struct proto_frame *f); /* false: no room, not sent */
bool link_room(struct link *k);	 /* may bulk data be queued? If not, the loop turns when it may */
bool link_flush(struct link *k); /* write what the line takes; true when nothing is left */
/* Drop what is queued of a session; a frame of which a part is on the line already goes out whole. */
void link_drop_session(struct link *k, uint32_t session);

#endif
