/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The plugin that counts in L1's emulator (harness/tcg-plugin), as the lab uses it: whether this
 * lane has it and this QEMU takes it, the file of its counters, and looks at them. The layout, and
 * what is counted: tcg-plugin/counters.h.
 */
#ifndef NESTLAB_MACHINE_LIBVIRT_PLUGIN_H
#define NESTLAB_MACHINE_LIBVIRT_PLUGIN_H

#include <stdbool.h>

#include "plan/lane.h"
#include "tcg-plugin/counters.h"

struct plugin {
	char *option;		    /* for QEMU's -plugin; NULL: L1 runs without */
	char *path;		    /* the file of counters */
	char *missing;		    /* why L1 runs without, one sentence; NULL: it has it */
	struct counters *map; /* of the QEMU that was started last; NULL: none yet */
	uint32_t asked; /* how often for stops */
};

/*
 * Find out whether L1 can have it: the lane names one, QEMU is ours to start, and takes it (tried
 * once for each QEMU and plugin, and remembered in the cache). Never fails: a lab without it says
 * so in `missing`.
 */
void plugin_open(struct plugin *p, const struct lane *lane);
void plugin_close(struct plugin *p);

/* A new, empty file of counters, for the QEMU that is started next. 0 or -OUT_BROKEN. */
int plugin_renew(struct plugin *p);

/* The counters; NULL when L1 runs without. They live until the next plugin_renew() or close. */
const struct counters *plugin_counters(const struct plugin *p);

/*
 * From now on CPUs of L1 are stopped now and then in code at these addresses of it (stops.h), up to
 * the next call; 0, 0: in none, and what counts exits runs as it does without. L1 runs without the
 * plugin: nothing.
 */
void plugin_stop_cpus(struct plugin *p, uint64_t from, uint64_t to);

/*
 * For `nestlab doctor`: does this QEMU load the lane's plugin? Always tried anew. The caller owns
 * *why.
 */
bool plugin_usable(const struct lane *lane, char **why);

#endif
