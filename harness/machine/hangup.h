/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libvirt has no word for giving a connection up: its calls wait for the answer, closing is one of
 * them, and a daemon that is stopped or stuck never gives it. With the connection's socket shut
 * they all return at once, with an error.
 */
#ifndef NESTLAB_MACHINE_HANGUP_H
#define NESTLAB_MACHINE_HANGUP_H

/*
 * The socket that a URI names ("...?socket=PATH"), or NULL: libvirt finds its own. The caller owns
 * it.
 */
char *hangup_socket(const char *uri);

/*
 * Shut every connection of this process to whoever listens at path; NULL: at any of libvirt's own
 * sockets. From any thread. Returns how many.
 */
unsigned int hangup(const char *path);

#endif
