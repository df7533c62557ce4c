/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest half of the tests of kvm-api: runs of the monitor, each with another twist, all told as
 * observations (watch.h). How it is used is in the environment (harness/monitor/interface.h).
 */
#ifndef NESTLAB_TESTCASES_RUN_H
#define NESTLAB_TESTCASES_RUN_H

/* For GUEST_TEST(). Arguments: a mode, or "any"; then the twists, a run each. */
void run_monitor(void);

#endif
