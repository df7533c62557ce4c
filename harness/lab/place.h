/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A place is where one lab lives: the folder of its sockets and disks (path_run()), its lock, its
 * private libvirtd. Places of other names hold other labs, side by side: a process drives the lab
 * of one.
 *
 * `lab-up` leaves a lab running in its place, which is *kept* then. Nobody else takes a kept place:
 * a run goes to the next one, and what was left running stays as it was left.
 */
#ifndef NESTLAB_LAB_PLACE_H
#define NESTLAB_LAB_PLACE_H

#include <stdbool.h>

#include "core/util.h"

#define PLACE_AUTO "auto" /* the first that is not kept */

struct place {
	char *name;
	int lock; /* -1: not taken */
	bool shared;
};

/*
 * Take the place for ourselves and enter it. who: for those who come meanwhile: "test". 0;
 * -OUT_USAGE: no name for a place; -OUT_BUSY: another nestlab has it, or a lab was left running in
 * the place that was named; -OUT_BROKEN. Give it back in either case.
 */
int place_take(const char *name, const char *who, struct place *p);
/*
 * Enter a kept place to look into its lab; others may do so at the same time. auto: the only one
 * there is. 0; -OUT_USAGE: no lab is running; -OUT_BUSY: it is just being made or ended.
 */
int place_join(const char *name, struct place *p);
/* To end what is in it, kept or not. */
int place_clear(const char *name, struct place *p);
void place_release(struct place *p);

/* Of the place that we are in: keep it, with what is to be known of its lab; and read that. */
int place_keep(const char *note);
void place_unkeep(void);
bool place_is_kept(void);
char *place_note(void); /* the caller owns it; NULL: not kept */

/*
 * Be, for as long as look() takes, in each other place that nobody has and nobody keeps: what runs
 * there was left by a killed one.
 */
void place_each_dead(const struct place *ours, void (*look)(void *ctx), void *ctx);

/* Those of this checkout in which something is or was, by name. 0 or -OUT_BROKEN. */
int place_list(struct strv *names);

#endif
