/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KVM unloaded and loaded again, for guest halves that run in an L1 where nobody uses it
 * (HOST_UNUSED): what a change keeps for itself of a machine, a module or a file shows then.
 */
#ifndef NESTLAB_TESTCASES_RELOAD_H
#define NESTLAB_TESTCASES_RELOAD_H

#include <stdbool.h>

/*
 * Tells an observation a module, "unload.kvm_amd" and "load.kvm_amd": 0 or the errno; for the
 * judge's half, judge/reload_checks.h. False: one does not go or come. Machines of this program
 * must have ended. The lab's histogram counts anew. Skipped where nobody says which modules there
 * are.
 */
bool reload_kvm(void);

#endif
