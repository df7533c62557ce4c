/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A unix socket of this machine that leads to one in a level, over the agent's line, where that
 * line is the level's only one. A thread of its own owns the line: a client of the socket
 * (libvirt's) may block in the thread that waits for the level. The level's channel goes through
 * here too, and keeps the line's first seat (proto.h, SESSIONS).
 */
#ifndef NESTLAB_MACHINE_BOCHS_FORWARD_H
#define NESTLAB_MACHINE_BOCHS_FORWARD_H

struct forward;

/*
 * line: a connected stream socket, owned from now on (closed also after a failure). *channel_end:
 * takes its place for the level's channel; the caller's. local: a path to listen at (what is there
 * is removed); remote: the level's socket that its connections go to. door: another path, where
 * one at a time is let in to be the level's channel, when all who had it have closed it. NULL after
 * fail().
 */
struct forward *forward_start(int line, const char *local, const char *remote, const char *door,
			      int *channel_end);

/* Closes the line and all connections, removes the sockets; NULL is fine. */
void forward_stop(struct forward *f);

#endif
