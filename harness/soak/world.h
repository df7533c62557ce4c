/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a soak's runs live: a cache of their own that begins with what they need of the real one,
 * results and a run folder of their own. What is damaged there is damaged nowhere else, and all of
 * it goes with the soak: a keeper ends the processes in it and removes it when the soak ends,
 * however that ends.
 *
 * As root three of the folders are small disks, in a name space of this process, so that one can be
 * full: no other process sees them, and they end with the last of ours.
 */
#ifndef NESTLAB_SOAK_WORLD_H
#define NESTLAB_SOAK_WORLD_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/util.h"
#include "soak/dice.h"

struct world {
	char *dir, *cache, *results, *run;
	char *states; /* of the cache */
	bool small_disks;
	struct strv env; /* "NAME=VALUE" of its runs */
	pid_t keeper;	 /* 0: none */
	int kept;	 /* it waits for the end of this */
};

/*
 * names: "FOLDER/NAME" of the cache's entries that come along. 0 or -OUT_BROKEN; free it in either
 * case.
 */
int world_make(struct world *w, const struct strv *names);
void world_free(struct world *w);

/* ---- its processes: all whose command line or environment names its folders, but this one ---- */

struct pids {
	pid_t *v;
	size_t n;
};
/* comm: as /proc/PID/comm has it, cut to 15 bytes; NULL: all. The caller frees v. */
void world_processes(const struct world *w, const char *comm, struct pids *pids);

/* ---- what is in it ---- */

/*
 * Paths of all that a run could have left: processes, mounts, files in the run folder, what is only
 * temporary in the results. Two such lists are compared.
 */
void world_look(const struct world *w, struct strv *seen);

#endif
