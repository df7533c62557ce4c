/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A lane: where L1's virtualization hardware comes from. A lane is data, a file in config/lanes/.
 */
#ifndef NESTLAB_PLAN_LANE_H
#define NESTLAB_PLAN_LANE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/util.h"
#include "kernel/vendor.h"

#define LANE_AS_EVER UINT32_MAX

struct lane {
	char *name;	 /* the file's name */
	char *title;	 /* for people */
	char *needs;	 /* "qemu", "nested-kvm": what the machine must offer */
	char *machine;	 /* what runs L1: a lab_backend's name; NULL: libvirt */
	char *virt_type; /* L1's <domain type=...>: qemu, kvm */
	/* L1's <cpu mode=...>: maximum, host-passthrough; or the other machine's name of a CPU */
	char *cpu_mode;
	char *plugin;	 /* that L1's QEMU loads, of build/tcg-plugin/; NULL: none */
	struct strv
		/*
		 * the KVM modules that L1 loads, in order; "vendor" stands for kvm_amd or kvm_intel
		 */
		modules;
	/* of L1, the first ones: over those asked for, and left alone by all that runs in it */
	uint32_t spare_cpus;
	uint32_t
		/* factor on every deadline, against a machine with hardware virtualization */
		slowdown;
	uint32_t
		/*
		 * how often a run may start again on a level that was lost without a word: for
		 * emulators, which lose one
		 */
		retries;
	/* takes the place of the three above where the emulator was built here */
	struct lane_built {
		uint32_t spare_cpus, slowdown, retries; /* LANE_AS_EVER: nothing new */
	} built;
	/* L1's, where it was built here; set by lane_usable(). NULL: the system's */
	char *emulator;
	bool systems_emulator; /* it is not to be one that was built here */
	/* why no host that answers as a test says is brought up there (lab.h); NULL: it is */
	char *without_scripted;
	char *races; /* a flavour of the host's kernel that reports data races; NULL: none */
	uint32_t preference; /* auto takes the usable lane with the highest */
	/* L1's hardware is VMX; set by lane_usable(): some lanes take the machine's own */
	bool intel;
	char *reason; /* why this lane was chosen */
};

/*
 * What a lane may need of the machine, by the name in its file. check(): is it there, and why
 * (not); it may set what the lane learns of the machine, too. Whoever can provide it registers it;
 * there is no central list.
 */
struct lane_need {
	const char *name;
	bool (*check)(struct lane *l, char **why);
	/* Make what the lane is better with, unless it is there; 0: it is now. May be NULL. */
	int (*provide)(void);
};
#define LANE_NEED(var)                                                                             \
	static const struct lane_need *const var##_need                                            \
		__attribute__((used, section("nestlab_needs"))) = &(var)

/*
 * name: a lane, and by: who names it, for people; or by NULL: the best one with a CPU of the vendor
 * whose side of KVM the change works on, where there is such a lane; side NULL: any. -OUT_USAGE: no
 * such lane; -OUT_BROKEN: named, and this machine can't run it (with the reason); -OUT_SKIP: nobody
 * names one, and none works here. own: in an emulator that was built here, where there is one.
 */
int lane_choose(const char *name, const char *by, const struct vendor_side *side, bool own,
		struct lane *l);
/*
 * From now on a lane that is chosen is given first what it is better with, as its own emulator:
 * that may take minutes. Where it can't be made, the lane goes without.
 */
void lanes_provide(void);
/*
 * What to say of a change that works on the other vendor's side than this lane has, or NULL. The
 * caller owns it.
 */
char *lane_blind(const struct lane *l, const struct vendor_side *side);
/*
 * For a need's check(): the lane's emulator is this program, which was built here. It is taken
 * over.
 */
void lane_take_built(struct lane *l, char *program);
/* Is L1's CPU made by a program? */
bool lane_emulates(const struct lane *l);
void lane_free(struct lane *l);

/* For `nestlab doctor`: is this lane usable here, and why (not). The caller owns *why. */
bool lane_usable(struct lane *l, char **why);
int lane_load(const char *name, struct lane *l);
int lane_names(struct strv *names);

#endif
