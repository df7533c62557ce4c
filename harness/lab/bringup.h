/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bringing the levels up: from power-on, or from a state. Each step leaves the lab in one of three
 * places: L1 ready (agent and libvirtd answer, no KVM loaded), KVM loaded, L2 ready.
 */
#ifndef NESTLAB_LAB_BRINGUP_H
#define NESTLAB_LAB_BRINGUP_H

#include "lab/lab.h"
#include "machine/libvirt/domxml.h"

#define L1_DOMAIN "nestlab-l1"
#define L2_DOMAIN "nestlab-l2"

/* L1's description, with the strings it points to. */
struct bringup_l1 {
	struct domain_spec spec;
	char *overlay, *port_agent, *port_lab, *port_people, *cmdline, *console;
};
void bringup_l1_spec(const struct lab *lab, struct bringup_l1 *b);
void bringup_l1_free(struct bringup_l1 *b);

char *bringup_console_path(void);  /* L1's console as QEMU writes it */
/*
 * Of L1's command line where QEMU emulates its CPU; a part of the state's key. Why: at
 * bringup_l1_cmdline().
 */
#define L1_EMULATED_OPTIONS "nohz=off highres=off"
#define L1_LIBVIRT "/run/libvirt/libvirt-sock" /* in L1 */
/* The same where QEMU runs it, but for the boot that provisions its disk. */
#define L1_INIT_OPTIONS                                       \
	"init=/usr/local/sbin/nestlab-agent nestlab.bridges=" \
	"org.nestlab.libvirt.0=" L1_LIBVIRT ",org.nestlab.libvirt.1=" L1_LIBVIRT
/* behind what the options file says */
char *bringup_l1_cmdline(const struct lab *lab, const struct image *root);
/*
 * L1's own histogram of its exits, by reason: counted from the moment that KVM is loaded. What L1's
 * kernel can't do (an old base) is missing there.
 */
#define L1_EXITS_HIST "/sys/kernel/tracing/events/kvm/kvm_exit/hist"
char *bringup_emulator_log(void); /* of L1's QEMU, by the private libvirtd */
char *bringup_overlay_path(void);  /* L1's disk in path_run() */
/* a socket here that leads to L1's libvirt: the lab's, or the one for people */
char *bringup_libvirt_path(bool people);
char *bringup_libvirt_uri(bool people);

/* A new overlay on a base image. */
int bringup_make_overlay(const char *base, const char *format, const char *overlay);

/* level_open_channel(), where a level that runs but never gets ready is a kernel that hangs. */
int bringup_open_channel(struct level *l, unsigned int deadline_s);
/* in L1, whose init is the agent: nobody else starts it */
int bringup_libvirtd(struct lab *lab);
/* restored, or booted and saved: L1 ready, channel open */
int bringup_l1(struct lab *lab, bool fresh);
/* push (unless a boot medium brought them) and load the modules */
int bringup_kvm(struct lab *lab);
/*
 * Those that are loaded, as L1 has them, in their order: "PATH OPTIONS:PATH OPTIONS". The caller
 * owns it.
 */
char *bringup_kvm_modules(const struct lab *lab);
/* Is this module (a path to its .ko) one of those? */
bool bringup_loads(const struct lane *lane, const char *module);
#define SUITE_DIR "/run/nestlab/suite"
/* mount the suite's disk, where there is one; device: what L1 calls it */
int bringup_suite(struct lab *lab, const char *device);
/* connect to L1's libvirt, boot L2, sampling its exits */
int bringup_l2(struct lab *lab);
int bringup_disconnect_l2(struct lab *lab);	    /* L2 runs on; L1's channel stays */
/* L2 runs already inside a restored or kept L1 */
int bringup_join_l2(struct lab *lab);

/*
 * Save both levels, which are ready, under lab->lab_key, unless SAVE_LAB=0; they are ready again
 * afterwards.
 */
int bringup_save(struct lab *lab);
/* Both from that state, ready. 1: it can't be restored; it is dropped and both levels are down. */
int bringup_restore(struct lab *lab);

#endif
