/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lab: what is built for it, its two levels, and the states they can be restored from.
 *
 *	lab_open()	a plan gets its place; what a killed run left there is ended
 *	lab_prepare()	kernels and images: built, or found in the cache
 *	lab_up()	L1 and L2 run, their agents answer: restored, or booted and saved
 *	lab_close()	all of it ended, or left running
 *
 * Functions return 0 or a negative outcome.
 */
#ifndef NESTLAB_LAB_LAB_H
#define NESTLAB_LAB_LAB_H

#include <stdbool.h>

#include "evidence/oracle.h"
#include "image/image.h"
#include "kernel/kernel.h"
#include "lab/place.h"
#include "machine/level.h"
#include "machine/libvirt/plugin.h"
#include "plan/plan.h"

/* How L2's boot went: sampled in L1 while it ran, kept with the state. */
struct boot_record {
	struct exit_sample *samples; /* since power-on, accurate to the sampling interval */
	size_t n;
	uint64_t exits; /* at READY */
	double seconds; /* power-on to READY */
	char *reasons;	/* L1_EXITS_HIST at READY; NULL: not known */
};

#define LAB_GUARD_S 6 /* of the loop's silence, before slowdown, until L1 is ended (loop_guard()) */

/* Places in lab->levels. */
enum { L1, L2, LAB_LEVELS };

struct lab;

/* What runs L1, named by the lane's `machine`. Each registers itself. */
#define LAB_BACKEND(var)                                                                           \
	static const struct lab_backend *const var##_entry                                         \
		__attribute__((used, section("nestlab_backends"))) = &(var)
#define LAB_BACKEND_DEFAULT "libvirt" /* of a lane that names none */
struct lab_backend {
	const char *name;
	int (*prepare)(struct lab *lab); /* when kernels and initramfs are there */
	int (*name_states)(struct lab *lab); /* set the states' keys */
	int (*up)(struct lab *lab, bool fresh);
	/*
	 * L1, with what runs in it, to a folder; and back, running, without its channel. For
	 * state.c.
	 */
	int (*save)(struct lab *lab, const char *dir);
	int (*restore)(struct lab *lab, const char *dir);
	bool saving_ends; /* what was saved is gone, and goes on by being restored */
	/*
	 * L1 ends with the process that brought it up, which a lab that is left running needs as
	 * its keeper: from now on others have L1's channel. NULL: its levels live on without us.
	 */
	void (*stay)(struct lab *lab);
	int (*join)(struct lab *lab); /* L1 of a lab that was left running, without its channel */
	/*
	 * Where L1's CPUs take turns, and a seed says how long each is (closed.h); NULL: they
	 * really run at once.
	 */
	const struct lab_schedules *schedules;
};
/* For backends: L0's libvirt, and L1's image, which is provisioned there. */
int lab_prepare_image(struct lab *lab);
/* Of which model this machine's CPU is: what was saved or asked on another one does not hold. */
void lab_hash_machine(struct hash *h);
/* End both levels and forget what was known of them. */
void lab_reset_levels(struct lab *lab);

struct lab {
	const struct plan *plan; /* what it is for; NULL in a lab that was only joined */
	const struct lab_backend *backend;
	struct place place;
	struct kernel_build host, guest;
	struct image golden, initramfs;
	char l1_key[HASH_HEX_LEN + 1];	/* of L1's state: ready, no KVM loaded */
	char lab_key[HASH_HEX_LEN + 1]; /* of both levels' state: ready to test */
	char *uri;			/* L0's libvirt */
	char *owner;			/* of L1's QEMU, domain_spec's; NULL: the libvirt is ours */
	struct level levels[LAB_LEVELS]; /* each but the first is carried by the one before it */
	struct plugin plugin; /* of L1's emulator */
	struct boot_record boot;
	char *run_dir; /* consoles and logs go here; exists */
	char *emulator;	    /* the program that L1 runs in; set by lab_prepare() */
	char *record; /* where that writes its log (replay/record.h); NULL: nowhere */
	char *capabilities; /* of L1's QEMU (capabilities_prepare()), or NULL */
	/*
	 * with the test programs in MEDIUM_DIR, for a lane where they are slow to put; NULL: the
	 * initramfs alone
	 */
	char *l2_initramfs;
	/*
	 * a program that L1's boot medium brings to the tests, where it has one; set it before
	 * lab_up(); or NULL
	 */
	const char *monitor;
	/* which L1 has at SUITE_DIR; set it before lab_prepare() */
	struct lab_suite {
		const char *disk, *key; /* the caller's; disk NULL: there is none */
		bool wants_root; /* its programs need L1's Debian root, in each lane */
	} suite;
	bool without_l2; /* no selected test needs it: set it before lab_prepare() */
	struct plan *own_plan; /* of a scripted host's lab: plan points there; goes with it */
};

/* plan: outlives the lab. who: for the place's lock, told to others that come: "test". */
int lab_open(struct lab *lab, const struct plan *plan, const char *who);
int lab_prepare(struct lab *lab);

/* fresh: boot even where a state could be restored. A lane of one level brings up L1 alone. */
int lab_up(struct lab *lab, const char *run_dir, bool fresh);

/*
 * Did a level end, or stop answering, with nothing on any console that says why? Under emulation
 * that may be the emulator's doing; a kernel that dies says so. ret: what the failed call returned.
 */
bool lab_lost_silently(const struct lab *lab, int ret);
/*
 * Up again after a level was lost, from the saved state when there is one. The levels' console logs
 * go on.
 */
int lab_up_again(struct lab *lab);

/*
 * Are the kernels and states that it was made of still what was built and saved? They were when
 * they were taken; what was damaged before L1 had read it may have made L1 crash. 0 or -OUT_BROKEN.
 */
int lab_check_parts(const struct lab *lab);

/* Does an L2 run in it? */
bool lab_has_l2(const struct lab *lab);

/* Is a lab of this plan left running by a process that stays? Ask before lab_open(). */
bool lab_needs_keeper(const struct plan *plan);
/*
 * Be that process, until L1 ends or we are told to. The place is kept and given back; what remains
 * is lab_close().
 */
struct keeper;
void lab_stay(struct lab *lab, struct keeper *k);

/*
 * Join a lab that `lab-up` left running, to look into it: no build, no restore. place: PLACE=.
 * Several may at a time, but not while it is made or ended. Close it with lab_close(lab, true).
 */
int lab_join(struct lab *lab, const char *place, bool with_l2);

/*
 * What the lab that was joined is: the plan that it was brought up by, with its patches as they
 * were then. plan_free() it in either case.
 */
int lab_kept_plan(struct plan *plan);

/*
 * Ends both levels and the private libvirtd, or (keep) leaves them. Always succeeds; the struct is
 * empty after it.
 */
void lab_close(struct lab *lab, bool keep);

/*
 * What the lab of another plan, on the same machine and images, is called (its lab_key): its
 * kernels are built. Nothing is started.
 */
int lab_key_of(const struct lab *lab, const struct plan *other, char key[HASH_HEX_LEN + 1]);

/*
 * A lab for tests of the guest's kernel alone, with the change to it, on a host that is not under
 * test: upstream's, with the base's `scripted` patches. It is prepared here, and brought up in the
 * place of the other one, when that is down. -OUT_SKIP: the base has no such host; what else goes
 * wrong with the host is -OUT_BROKEN, with the guest as kernel_build() says. Close it with
 * lab_close_scripted() in either case.
 */
#define SCRIPTED_CPUS 4
int lab_prepare_scripted(const struct lab *lab, bool hide_kvm, struct lab *scripted);
void lab_close_scripted(struct lab *scripted);

/* End L2 alone: L1 goes on, and nobody uses its KVM. None is there: nothing. */
void lab_end_l2(struct lab *lab);

/* End the levels alone. */
void lab_levels_down(struct lab *lab);

/*
 * Is the lab that was left running in this plan's place (auto: in any) made of the same? *subject:
 * what it has under judgement; the caller owns it.
 */
bool lab_is_up(const struct plan *plan, char **subject);

/*
 * End what was left running, or left behind, in a place (auto: in all of them). Returns how many
 * processes were ended.
 */
int lab_sweep(const char *place, unsigned int *n);

/*
 * libvirt URIs for people: the one that carries L1, the one that carries L2. The caller owns it;
 * NULL after fail().
 */
char *lab_uri(const char *place, unsigned int level);

#endif
