/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A mark: a no-op by which a test program, in L1 or in L2, tells the emulator "now". Where L1's
 * CPU is emulated and the lab's plugin counts in it, the counters of that moment are kept, in the
 * order of the marks (harness/tcg-plugin/counters.h); on a real CPU nothing happens.
 *
 * Where CPUs are stopped in a test that looks for races (harness/tcg-plugin/stops.h), which gets
 * seldom in a long one, a mark is where that begins anew: before what shows races best.
 *
 * So a judge knows how many #VMEXITs there were between two points of a program, and not only
 * around it. It is no exit itself.
 */
#ifndef NESTLAB_TESTCASES_MARK_H
#define NESTLAB_TESTCASES_MARK_H

/*
 * nopl DISPLACEMENT(%rax,%rax,1): a displacement that no compiler pads with; its low byte is the
 * mark's number.
 */
#define MARK_DISPLACEMENT 0x4e4c3500
#define MARK_BYTES 8

/* n: its number, a constant from 0 to 255. A mark is passed after all that stands before it. */
#define emulator_mark(n)                                                                           \
	__asm__ volatile("nopl %c0(%%rax,%%rax,1)" : : "i"(MARK_DISPLACEMENT | (n)) : "memory")

#endif
