/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The knobs: config/defaults.conf, then the environment (which holds NAME=VALUE arguments too).
 */
#ifndef NESTLAB_LAB_SETTINGS_H
#define NESTLAB_LAB_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/util.h"

struct settings {
	char *lane;	    /* LANE: a name in config/lanes/, or "auto" */
	char *kernel;	    /* KERNEL: a name in config/kernels/, or a .conf file */
	char *assignment; /* ASSIGNMENT: judge by this one's numbers and tests; NULL: all assignments */
	char *flavor;	     /* KERNEL_FLAVOR: a name in config/flavors/, or "plain" */
	struct strv patches; /* PATCH: patch files put on the host kernel's own, in this order */
	struct strv guest_patches; /* GUEST_PATCH: the same for the guest's */
	char *monitor;	    /* MONITOR: a C file or a folder; NULL or "": the reference */
	char *provision_kernel; /* the trusted kernel that L1's image is provisioned with */
	char *base_image;   /* BASE_IMAGE: a cloud image for L1; "" for ours */
	uint32_t nested_paging; /* NESTED_PAGING: 0: KVM in L1 shadows its guests' page tables (npt=0, ept=0) */
	uint32_t save_lab;  /* SAVE_LAB: 0: what was booted is not saved */
	uint32_t effort;    /* EFFORT: how many times longer tests look for what happens by chance */
	struct strv tests;  /* TESTS: names or glob patterns; empty: all that don't need to be asked for */
	uint32_t l1_cpus;   /* L1_CPUS */
	uint32_t l2_cpus;   /* L2_CPUS: 1..8 */
	uint32_t l1_memory; /* L1_MEMORY, MiB */
	uint32_t l2_memory; /* L2_MEMORY, MiB */
	uint32_t keep_runs; /* KEEP_RUNS: folders in results/ before the oldest go */
};

int settings_load(struct settings *s);
void settings_free(struct settings *s);

#endif
