/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * QEMU's stub for gdb, opened in a machine that runs. Whoever connects to it stops the machine, and
 * a machine whose debugger is gone stays as it was left: stopped, or with breakpoints that stop it
 * later. So closing it speaks to the stub itself.
 *
 * Functions return 0 or -OUT_BROKEN.
 */
#ifndef NESTLAB_MACHINE_LIBVIRT_STUB_H
#define NESTLAB_MACHINE_LIBVIRT_STUB_H

#include <stdbool.h>
#include <stddef.h>

struct level;

char *stub_path(void); /* its socket, in path_run(); the caller owns it */
/*
 * For as long as somebody debugs: a descriptor, close() it at the end. -OUT_BUSY: another nestlab
 * does.
 */
int stub_lock(void);
/* Has one that was killed left it open? Close it then. Nobody may hold the lock meanwhile. */
bool stub_is_left(void);

int stub_open(struct level *l);
/* No breakpoint is left, the stub is closed, the machine runs. */
int stub_close(struct level *l);

/* The first half of that, at this socket; false: it did not answer within so long. For tests. */
bool stub_let_go(const char *path, unsigned int ms);
/* "$g#67": a packet of gdb's remote protocol; the caller owns it. */
char *stub_packet(const char *command);

#endif
