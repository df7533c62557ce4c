/* SPDX-License-Identifier: GPL-2.0-only */
/* gdb itself: a child that has our terminal, and ^C with it, for as long as it runs. */
#ifndef NESTLAB_GDB_PROGRAM_H
#define NESTLAB_GDB_PROGRAM_H

#include <stdbool.h>
#include <sys/types.h>

struct gdb_program {
	pid_t pid;  /* 0: it does not run */
	int status; /* how it ended, as wait(2) tells it */
};

/* Is it installed? 0 or -OUT_BROKEN. */
int gdb_program_check(void);
/*
 * script: a file of its first commands; args: its further arguments, NULL-terminated, or NULL. 0 or
 * -OUT_BROKEN.
 */
int gdb_program_start(struct gdb_program *g, const char *script, char *const *args);
/* Has it ended? Then ^C is ours again. */
bool gdb_program_ended(struct gdb_program *g);
/* As ^C does. */
void gdb_program_interrupt(const struct gdb_program *g);
/* End it, if it runs. */
void gdb_program_stop(struct gdb_program *g);
/* Of one that has ended: its exit code, or 128 + a signal. */
int gdb_program_code(const struct gdb_program *g);

#endif
