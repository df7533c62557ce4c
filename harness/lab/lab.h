/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lab: what is built for it, its two levels, and the states they can be restored from.
 *
 *	lab_open()	settings, lane, the lock; what a killed run left behind is ended
 *	lab_prepare()	kernels and images: built, or found in the cache
 *	lab_up()	L1 and L2 run and their agents answer: restored from a state, or booted and saved
 *	lab_close()	all of it ended, or left running
 *
 * Functions return 0 or a negative outcome.
 */
#ifndef NESTLAB_LAB_LAB_H
#define NESTLAB_LAB_LAB_H

#include <stdbool.h>

#include "image/image.h"
#include "judge/result.h"
#include "kernel/kernel.h"
#include "lab/lane.h"
#include "lab/level.h"
#include "lab/plugin.h"
#include "lab/settings.h"

/* How L2's boot went: sampled in L1 while it ran, kept with the state. */
struct boot_record {
	struct exit_sample *samples; /* since power-on, accurate to the sampling interval */
	size_t n;
	uint64_t exits; /* at READY */
	double seconds; /* power-on to READY */
	char *reasons;	/* L1_EXITS_HIST at READY; NULL: not known */
};

enum lab_use { LAB_EXCLUSIVE, LAB_SHARED };

#define LAB_GUARD_S 6 /* of the loop's silence, before slowdown, until L1 is ended (loop_guard()) */

struct lab;

/* What runs L1, named by the lane's `machine`. */
struct lab_backend {
	const char *name;
	int (*prepare)(struct lab *lab); /* when kernels and initramfs are there */
	int (*name_states)(struct lab *lab); /* set the states' keys */
	int (*up)(struct lab *lab, bool fresh);
	/* L1, with what runs in it, to a folder; and back, running, without its channel. For state.c. */
	int (*save)(struct lab *lab, const char *dir);
	int (*restore)(struct lab *lab, const char *dir);
	bool saving_ends; /* what was saved is gone, and goes on by being restored */
	bool keeps; /* its levels can live on without us: lab-up */
};
extern const struct lab_backend lab_libvirt, lab_bochs; /* libvirt_lab.c, bochs_lab.c */
/* For backends: L0's libvirt, and L1's image, which is provisioned there. */
int lab_prepare_image(struct lab *lab);
/* Of which model this machine's CPU is: what was saved or asked on another one does not hold. */
void lab_hash_machine(struct hash *h);
/* End both levels and forget what was known of them. */
void lab_reset_levels(struct lab *lab);

struct lab {
	struct settings set;
	struct lane lane;
	const struct lab_backend *backend;
	struct kernel_conf kernel;
	struct kernel_build host, guest;
	struct image golden, initramfs;
	char l1_key[HASH_HEX_LEN + 1];	/* of L1's state: ready, no KVM loaded */
	char lab_key[HASH_HEX_LEN + 1]; /* of both levels' state: ready to test */
	char *blind; /* why this lane can't show what the change does (lane_blind()), or NULL */
	char *uri;			/* L0's libvirt */
	char *owner;			/* of L1's QEMU, domain_spec's; NULL: the libvirt is ours */
	struct level l1, l2;
	struct plugin plugin; /* of L1's emulator */
	struct boot_record boot;
	char *run_dir; /* consoles and logs go here; exists */
	int lock_fd;
	enum lab_use use;
	char *emulator;	    /* the program that L1 runs in; set by lab_prepare() */
	char *capabilities; /* of L1's QEMU (capabilities_prepare()), or NULL */
	char *l2_initramfs; /* with the test programs in MEDIUM_DIR, for a lane where they are slow to put; NULL: the initramfs alone */
	const char *monitor; /* a program that L1's boot medium brings to the tests, where it has one; set it before lab_up(); or NULL */
	bool without_l2; /* no selected test needs it: set it before lab_prepare() */
	bool was_kept; /* `lab-up` had left a lab running */
};

/*
 * who: for the lock, told to others that come: "test". LAB_SHARED: for verbs that only look into a kept lab; several of them
 * may at a time, but not while a run changes it.
 */
int lab_open(struct lab *lab, const char *who, enum lab_use use);
int lab_prepare(struct lab *lab);

/* fresh: boot even where a state could be restored. A lane of one level brings up L1 alone. */
int lab_up(struct lab *lab, const char *run_dir, bool fresh);

/*
 * Did a level end, or stop answering, with nothing on any console that says why? Under emulation that may be the emulator's
 * doing; a kernel that dies says so. ret: what the failed call returned.
 */
bool lab_lost_silently(const struct lab *lab, int ret);
/* Up again after a level was lost, from the saved state when there is one. */
int lab_up_again(struct lab *lab);

/* Does an L2 run in it? */
bool lab_has_l2(const struct lab *lab);

/* Join a lab that `lab-up` left running, for interactive verbs: no build, no restore. */
int lab_join(struct lab *lab, bool with_l2);

/*
 * Ends both levels and the private libvirtd, or (keep) leaves them. Always succeeds; the struct is empty after it.
 */
void lab_close(struct lab *lab, bool keep);

/* The same lab with the unpatched host kernel, for baselines: shares nothing that is running. Close it with lab_close_variant(). */
int lab_prepare_variant(const struct lab *lab, struct lab *variant);
void lab_close_variant(struct lab *variant);

/* End the levels alone, so that another variant can run. */
void lab_levels_down(struct lab *lab);

/* End a kept lab and all that is left of others. Returns how many processes were ended. */
int lab_sweep(unsigned int *n);

/* libvirt URIs for people: the one that carries L1, the one that carries L2. The caller owns it; NULL after fail(). */
char *lab_uri(unsigned int level);

#endif
