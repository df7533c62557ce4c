/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * L0's libvirt: the one that LIBVIRT_DEFAULT_URI names, or a private libvirtd of this checkout with
 * all its folders under path_run(). Private means: as root in a mount namespace of its own, made by
 * bubblewrap (root's libvirtd knows only the system's folders), as an ordinary user by the XDG
 * variables. Machines need no running libvirt and keep theirs untouched.
 */
#ifndef NESTLAB_MACHINE_LIBVIRT_DAEMON_H
#define NESTLAB_MACHINE_LIBVIRT_DAEMON_H

#include <stdbool.h>

#define KEEPER_NAME "nestlab-keeper" /* lab/keeper.h; its working directory is path_run() */

/*
 * The URI to connect to; starts the private daemon when it isn't running. hide_kvm: /dev/kvm is
 * kept from it (where QEMU can't use it, libvirt's capability probe runs again at every call: 68 s
 * for a domain). slowdown: the lane's, of the time to answer in. 0, -OUT_BROKEN or
 * -OUT_INTERRUPTED. The caller owns *uri.
 */
int daemon_start(bool hide_kvm, unsigned int slowdown, char **uri);

/* The URI that daemon_start() would give, without starting anything. */
char *daemon_uri(void);
bool daemon_is_private(void);

/* Is the private daemon there? (Always true for one that is not ours.) */
bool daemon_running(void);

/*
 * End everything that runs out of path_run(): QEMU processes, then the private daemon. Knows them
 * by their command lines, so it also finds what a killed harness left behind. Returns how many
 * processes were ended.
 */
unsigned int daemon_sweep(void);

#endif
