/* SPDX-License-Identifier: GPL-2.0-only */
/* Children of a test program, one on each CPU, that begin their work at the same time. */
#ifndef NESTLAB_TESTCASES_CREW_H
#define NESTLAB_TESTCASES_CREW_H

#include <stdbool.h>
#include <sys/types.h>

#include "guest.h"

struct crew {
	/* Shared with the children. */
	unsigned int ready;
	bool go;
	/* The program's own. */
	unsigned int n;
	pid_t pids[64];
};

/* In memory that children share; it lives as long as the program. */
struct crew *crew_new(void);
/*
 * One child on each CPU from the first-th on. Returns once all run, each on its CPU and without an
 * exit of its own making: they compute until crew_go(), then do work(n). How many they are is
 * crew->n.
 */
void crew_start(struct crew *crew, const struct guest_cpus *cpus, unsigned int first,
		void (*work)(unsigned int n), unsigned int n);
void crew_go(struct crew *crew);
void crew_wait(struct crew *crew); /* until all have done their work */
void crew_kill(struct crew *crew); /* whatever they do; then wait */

#endif
