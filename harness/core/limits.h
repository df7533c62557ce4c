/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a stranger's program may take of this machine. cgroups would be stricter, but want a
 * delegation that a container or a course's server mostly has not: this is looked at from outside,
 * five times a second, beside the limits that the kernel has for each process.
 */
#ifndef NESTLAB_CORE_LIMITS_H
#define NESTLAB_CORE_LIMITS_H

#include <stddef.h>
#include <sys/types.h>

struct limits {
	size_t memory;		/* bytes, of each process, and of all together */
	unsigned int processes; /* at once, threads left out of account */
	size_t disk;		/* bytes, of a file, and of all files in folder */
	const char *folder;	/* where it may write */
};

#define LIMITS_OUTPUT ((size_t)64 << 20) /* bytes that it may print: they go into a log */

/* In the child, before exec. */
void limits_set(const struct limits *l);

/*
 * What is exceeded by a process and all that come from it, as the end of a sentence ("it took ..."),
 * which the caller owns; NULL: nothing is. turn counts the calls: the folder is looked at now and
 * then only.
 */
char *limits_exceeded(const struct limits *l, pid_t root, unsigned int turn);

#endif
