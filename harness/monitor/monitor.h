/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Somebody's virtual machine monitor (assignment kvm-api): a C file, or a folder with C files or a
 * Makefile. It is a stranger's code: built in the sandbox that kernels are built in, as a static
 * program, and run in L1 only.
 *
 * How it is asked for a mode and which ports it serves its guest by is data: of the assignment, or
 * of a file monitor.conf in the folder:
 *
 *	[monitor]
 *	program = hello		# what is made, and what `make` is asked for where it has such a
 *				# target; default: monitor, or the only program that the
 *				# makefile's first target makes
 *	memory = 0x200000	# of the guest, bytes
 *	wrong = wrong fail	# words of its complaints, in any case of letters
 *	invalid = invalid	# words that tell of an invalid address
 *	promises = counts	# and sizes, interrupts, short-writes: what it serves beyond the
 *				# assignment's text (testcases/kvm-api/test_kvm_world.c)
 *	[options]
 *	real = -r		# and protected, paged, long; one that is not there is not offered
 *	[ports]
 *	serial = 0xe9		# and print32, exits, exits_text, exits_in, exits_out, string,
 *				# translate, hva, translate_at: testcases/kvm-api/lib/watch.h
 *	[ports.real]		# and ports.protected, ports.paged, ports.long: for one mode
 *	serial = 0x3f8		# in place of [ports]'s; none: not in this mode
 *	[texts]
 *	real = none		# what this mode's guest sends to the serial port; none: it may
 *				# send nothing
 */
#ifndef NESTLAB_MONITOR_MONITOR_H
#define NESTLAB_MONITOR_MONITOR_H

#include "core/hash.h"
#include "core/util.h"
#include "plan/assignment.h"

#define MONITOR_MAX_FILES 200 /* of one, with all that lies beside */

struct monitor {
	char *name;    /* as it was given; the reference's folder otherwise */
	struct cache_entry *entry; /* keeps path where it is, until monitor_free() */
	char *path;    /* the static program, in the cache */
	char *program; /* the name that it is asked for by */
	char *log;     /* all that its build said, where that was refused; NULL: it was not */
	struct monitor_interface interface;
	char key[HASH_HEX_LEN + 1]; /* of its sources and how they are built */
};

/*
 * Build it, or find it in the cache. given: MONITOR=, or "" for the reference. a: has the interface
 * of those that bring no monitor.conf. 0, -OUT_USAGE (no such file, a wrong monitor.conf),
 * -OUT_BUILD_ERROR (it does not compile; none or several programs are made, or no static one),
 * -OUT_BROKEN.
 */
int monitor_prepare(const char *given, const struct assignment *a, struct monitor *m);
void monitor_free(struct monitor *m);

/* By its name: what make reads where it is told nothing else. */
bool monitor_is_makefile(const char *path);

/* Where a level gets it, unless it was booted with it. */
#define MONITOR_IN_LEVEL "/tmp/nestlab-monitor"

/*
 * What the test programs find in their environment: NESTLAB_MONITOR (where), NESTLAB_OPTION_REAL,
 * NESTLAB_PORT_SERIAL, ...
 */
void monitor_env(const struct monitor *m, const char *where, struct strv *env);

#endif
