/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A libvirt stream (a domain's console or virtio-serial port) as callbacks on the event loop. Works
 * the same over any libvirt connection, so a port of L2 is opened just as one of L1. A socket can
 * take the stream's place, where no libvirt drives the level.
 */
#ifndef NESTLAB_MACHINE_VSTREAM_H
#define NESTLAB_MACHINE_VSTREAM_H

#include <libvirt/libvirt.h>
#include <stddef.h>

struct vstream;

struct vstream_handler {
	void (*on_data)(void *ctx, const void *data, size_t len);
	void (*on_close)(void *ctx); /* once, when the other end is gone; may be NULL */
	void *ctx;
};

/* NULL after fail(). A port or console that somebody else holds is taken over. */
struct vstream *vstream_open_channel(virDomainPtr dom, const char *port,
				     const struct vstream_handler *h);
struct vstream *vstream_open_console(virDomainPtr dom, const struct vstream_handler *h);
/* A connected stream socket, owned from now on (closed also after a failure). */
struct vstream *vstream_open_socket(int fd, const struct vstream_handler *h);

/* Takes all bytes; what does not fit now is sent from the loop. 0 or -errno. */
int vstream_send(struct vstream *v, const void *data, size_t len);
void vstream_close(struct vstream *v); /* no callback after this; NULL is fine */

#endif
