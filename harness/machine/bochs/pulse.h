/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Does a process do anything at all? One that emulates a machine always does, even when that
 * machine is idle; one that gets no CPU time was stopped, or waits for what never comes.
 */
#ifndef NESTLAB_MACHINE_BOCHS_PULSE_H
#define NESTLAB_MACHINE_BOCHS_PULSE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Zero it before the first look. */
struct pulse {
	char state;		   /* proc_pid_stat(5): R, S, D, T, t, ... */
	uint64_t ticks;		   /* of CPU time, of the process's first thread */
	uint64_t moved_ns, seen_ns; /* when that last grew, when it was last looked at */
};

/*
 * Look, at most once a second. For how many seconds it has done nothing, as far as was looked; 0
 * also for a process that is not there.
 */
unsigned int pulse_still_s(struct pulse *p, pid_t pid);

/*
 * The same of a look that has been taken. One that comes late proves nothing of the time before: we
 * stood still, too.
 */
unsigned int pulse_note(struct pulse *p, char state, uint64_t ticks, uint64_t now_ns);

/* From the text of /proc/PID/stat. False: it is none. */
bool pulse_parse(const char *stat, char *state, uint64_t *ticks);

#endif
