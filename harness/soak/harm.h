/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One kind of harm to a run: what a machine, its people and its other programs do to a lab now and
 * then. Each registers itself; no other list names them.
 */
#ifndef NESTLAB_SOAK_HARM_H
#define NESTLAB_SOAK_HARM_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/util.h"
#include "soak/world.h"

/* A run that is harmed. */
struct victim {
	const struct world *world;
	pid_t pid;	 /* nestlab's */
	struct dice *dice;
	struct buf note; /* what was done: "4096 bytes at 81920 of l1.save" */
};

struct harm {
	const char *name; /* "kill-qemu" */
	const char *what; /* one line for people */
	const char *machine; /* of lanes whose L1 runs in it alone ("bochs", "libvirt"); NULL: all */
	/* Why it can't be done here, a sentence; NULL: it can. May be NULL. */
	const char *(*why_not)(const struct world *w);
	/* "NAME=VALUE" over the run's environment, and the next one's. May be NULL. */
	void (*prepare)(const struct world *w, struct strv *env);
	/* Do it. False: there is nothing yet that it could be done to. */
	bool (*harm)(struct victim *v);
	/* When the run has ended, what no next one has to live with: a full disk. May be NULL. */
	void (*undo)(struct victim *v);
};

struct harm_list {
	const struct harm *v;
	size_t n;
};
#define HARMS(array)                                                                               \
	static const struct harm_list array##_list = { array, ARRAY_SIZE(array) };                 \
	static const struct harm_list *const array##_entry                                         \
		__attribute__((used, section("nestlab_harms"))) = &array##_list

/* The i-th of all; NULL: there are no more. */
const struct harm *harm_nth(size_t i);

#endif
