/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gdb on L1 from before a test's program until after it. Of the lab it is what watches from the
 * nearest: whatever it stops, the others wait for.
 */
#ifndef NESTLAB_RUN_DEBUGGER_H
#define NESTLAB_RUN_DEBUGGER_H

/*
 * Of runs from now on, in this process. test: its name, which lives on; args: gdb's further
 * arguments, NULL-terminated, which do so, too.
 */
void debugger_before(const char *test, char *const *args);

#endif
